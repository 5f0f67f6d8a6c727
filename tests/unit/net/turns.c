/* turns.c - see turns.h. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/mailbox.h"
#include "turns.h"

static bool on_io_uring;

struct loop *
loop_of_this_run(void)
{
	struct error err = { 0 };
	struct loop *loop = on_io_uring ? loop_new_ring(&err) : loop_new();

	if (loop == NULL) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	return loop;
}

bool
this_run_is_on_io_uring(void)
{
	return on_io_uring;
}

bool
turn_to_io_uring(void)
{
	struct error err = { 0 };
	struct loop *loop = loop_new_ring(&err);

	if (loop == NULL) {
		printf("not run on io_uring: %s\n", err.text);
		return false;
	}
	loop_free(loop);
	on_io_uring = true;
	return true;
}

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
give_up_when_it_hangs(void)
{
	alarm(600);
}
