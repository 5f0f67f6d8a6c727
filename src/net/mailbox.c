/*
 * mailbox.c - see mailbox.h.
 *
 * A lock-free stack that senders push to and the receiver takes whole. Only the
 * sender that finds it empty wakes the receiver.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/mailbox.h"
#include "watch.h"

struct mailbox {
	_Atomic(struct message *) newest;
	int fd;
	struct watch *watch;
	void *receiver; /* borrowed */
};

/* Oldest first. */
static struct message *
reversed(struct message *message)
{
	struct message *done = NULL;

	while (message != NULL) {
		struct message *next = message->next;

		message->next = done;
		done = message;
		message = next;
	}
	return done;
}

static void
on_post(void *arg)
{
	struct mailbox *mailbox = arg;
	struct message *message;
	uint64_t count;

	/* Empty the eventfd first: a post after the exchange below rings again. */
	if (read(mailbox->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_error("mailbox: read failed (errno %d)", errno);
	message = reversed(atomic_exchange(&mailbox->newest, NULL));
	while (message != NULL) {
		struct message *next = message->next;

		message->deliver(message, mailbox->receiver);
		message = next;
	}
}

struct mailbox *
mailbox_new(struct loop *loop, void *receiver)
{
	struct mailbox *mailbox = mem_zalloc(1, sizeof(*mailbox));

	mailbox->receiver = receiver;
	mailbox->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (mailbox->fd < 0)
		log_fatal("cannot make an eventfd (errno %d)", errno);
	mailbox->watch = watch_new(loop, mailbox->fd, on_post, mailbox);
	return mailbox;
}

void
mailbox_free(struct mailbox *mailbox)
{
	watch_free(mailbox->watch);
	close(mailbox->fd);
	mem_free(mailbox);
}

void
mailbox_post(struct mailbox *mailbox, struct message *message)
{
	const uint64_t one = 1;
	struct message *newest =
	    atomic_load_explicit(&mailbox->newest, memory_order_relaxed);

	do
		message->next = newest;
	while (!atomic_compare_exchange_weak(&mailbox->newest, &newest, message));
	if (newest == NULL && write(mailbox->fd, &one, sizeof(one)) < 0)
		log_error("mailbox: write failed (errno %d)", errno);
}
