/* turns.c - see turns.h. */
#include <unistd.h>

#include "net/mailbox.h"
#include "turns.h"

static void
stop(struct message *message, void *receiver)
{
	loop_stop(receiver);
	(void)message;
}

/*
 * A message to itself is ready at once, and one poll reports all that is ready;
 * the second turn is for what the first one brought about.
 */
void
settle(struct loop *loop)
{
	struct mailbox *mailbox = mailbox_new(loop, loop);
	struct message message = { .deliver = stop };

	for (int turn = 0; turn < 2; turn++) {
		mailbox_post(mailbox, &message);
		loop_run(loop);
	}
	mailbox_free(mailbox);
}

void
give_up_after_a_minute(void)
{
	alarm(60);
}
