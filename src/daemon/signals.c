/*
 * signals.c - see signals.h.
 *
 * A thread of its own waits for signals, notes them as bits and rings the mailbox; it
 * lives as long as the process. A signal that comes twice before it was handled is once.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "signals.h"

static const int handled[] = { SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2 };
enum { HANDLED = sizeof(handled) / sizeof(handled[0]) };

static struct mailbox *target;
static void (*handler)(int signal, void *receiver);
static atomic_uint pending; /* bits, in the order of `handled` */
static struct message ring; /* in the mailbox exactly while `pending` is not 0 */

static sigset_t
all_handled(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < HANDLED; i++)
		sigaddset(&set, handled[i]);
	return set;
}

void
signals_block(void)
{
	sigset_t set = all_handled();

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a full log file is an error of write(2), not an end */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void
on_ring(struct message *message, void *receiver)
{
	unsigned bits = atomic_exchange(&pending, 0);

	(void)message;
	for (size_t i = 0; i < HANDLED; i++)
		if (bits & 1u << i)
			handler(handled[i], receiver);
}

static void *
wait_for_signals(void *arg)
{
	sigset_t set = all_handled();
	int number;

	(void)arg;
	for (;;) {
		if (sigwait(&set, &number) != 0)
			continue;
		for (size_t i = 0; i < HANDLED; i++)
			if (handled[i] == number && atomic_fetch_or(&pending, 1u << i) == 0)
				mailbox_post(target, &ring);
	}
	return NULL;
}

void
signals_start(struct mailbox *mailbox, void (*handle)(int signal, void *receiver))
{
	pthread_t thread;

	target = mailbox;
	handler = handle;
	ring.deliver = on_ring;
	if (pthread_create(&thread, NULL, wait_for_signals, NULL) != 0)
		log_fatal("cannot start the signal thread");
	pthread_detach(thread);
}
