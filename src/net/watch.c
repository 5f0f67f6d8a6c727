/*
 * watch.c - see watch.h.
 *
 * A ring keeps open what it polls, and its end is not awaited by the kernel: a killed
 * process would go on listening for a while, and clients would run into it. So what is
 * watched is in an epoll(7) of its own, which keeps nothing open, and the ring polls
 * that.
 */
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"

#include "base/mem.h"
#include "net_internal.h"
#include "ring.h"
#include "watch.h"

/* Owned by who watches; with an operation under way in a ring it outlives watch_free().
 */
struct watch {
	struct ring_op op;    /* on io_uring, else unused */
	int epoll;            /* the same; its only member is what is watched */
	struct event *event;  /* on libevent, else NULL */
	struct orphan orphan; /* freed with its operation under way */
	struct loop *loop;
	bool awaiting;    /* the operation is under way */
	unsigned resting; /* ticks; if any, in the loop's list */
	LIST_ENTRY(watch) rest;
	watch_callback *callback; /* NULL once freed */
	void *arg;
};

static void
await(struct watch *watch)
{
	if (watch->awaiting || watch->resting > 0)
		return;
	watch->awaiting = true;
	ring_await_readable(loop_ring(watch->loop), watch->epoll, &watch->op);
}

static void
on_done(struct ring_op *op, struct ring_result result)
{
	struct watch *watch = (struct watch *)op; /* its first member */

	watch->awaiting = false;
	if (watch->callback == NULL) {
		loop_disown(&watch->orphan);
		mem_free(watch);
		return;
	}
	/* Once asked anew before the callback, which may free it. */
	await(watch);
	if (watch->resting == 0)
		watch->callback(watch->arg);
	(void)result;
}

static void
on_event(int fd, short what, void *arg)
{
	struct watch *watch = arg;

	watch->callback(watch->arg);
	(void)fd;
	(void)what;
}

static int
epoll_with(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		log_fatal("cannot watch a descriptor: %s", strerror(errno));
	return epoll;
}

struct watch *
watch_new(struct loop *loop, int fd, watch_callback *callback, void *arg)
{
	struct watch *watch = mem_zalloc(1, sizeof(*watch));

	watch->loop = loop;
	watch->epoll = -1;
	watch->callback = callback;
	watch->arg = arg;
	watch->op.done = on_done;
	if (loop_ring(loop) != NULL) {
		watch->epoll = epoll_with(fd);
		await(watch);
		return watch;
	}
	watch->event =
	    event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, on_event, watch);
	event_add(watch->event, NULL);
	return watch;
}

void
watch_free(struct watch *watch)
{
	if (watch->resting > 0)
		LIST_REMOVE(watch, rest);
	if (watch->event != NULL)
		event_free(watch->event);
	if (watch->epoll >= 0)
		close(watch->epoll);
	if (!watch->awaiting) {
		mem_free(watch);
		return;
	}
	watch->callback = NULL;
	loop_adopt(watch->loop, &watch->orphan, watch);
	ring_cancel(loop_ring(watch->loop), &watch->op);
}

void
watch_rest(struct watch *watch, unsigned ticks)
{
	watch->resting = ticks;
	LIST_INSERT_HEAD(loop_resting(watch->loop), watch, rest);
	if (watch->event != NULL)
		event_del(watch->event);
}

void
watches_tick(struct watch_list *resting)
{
	struct watch *watch, *next;

	for (watch = LIST_FIRST(resting); watch != NULL; watch = next) {
		next = LIST_NEXT(watch, rest);
		if (--watch->resting > 0)
			continue;
		LIST_REMOVE(watch, rest);
		if (watch->event != NULL)
			event_add(watch->event, NULL);
		else
			await(watch);
	}
}
