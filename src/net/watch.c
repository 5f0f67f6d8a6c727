/* watch.c - see watch.h. */
#include <event2/event.h>

#include "base/mem.h"
#include "net_internal.h"
#include "ring.h"
#include "watch.h"

/* Owned by who watches; with an operation under way in a ring it outlives watch_free().
 */
struct watch {
	struct ring_op op;    /* on io_uring, else unused */
	struct event *event;  /* on libevent, else NULL */
	struct orphan orphan; /* freed with its operation under way */
	struct loop *loop;
	int fd;
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
	ring_await_readable(loop_ring(watch->loop), watch->fd, &watch->op);
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
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	watch->callback(watch->arg);
	(void)fd;
	(void)what;
}

struct watch *
watch_new(struct loop *loop, int fd, watch_callback *callback, void *arg)
{
	struct watch *watch = mem_zalloc(1, sizeof(*watch));

	watch->loop = loop;
	watch->fd = fd;
	watch->callback = callback;
	watch->arg = arg;
	watch->op.done = on_done;
	if (loop_ring(loop) != NULL) {
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
	struct ring *ring = loop_ring(watch->loop);

	if (watch->resting > 0)
		LIST_REMOVE(watch, rest);
	if (watch->event != NULL)
		event_free(watch->event);
	if (!watch->awaiting) {
		mem_free(watch);
		return;
	}
	watch->callback = NULL;
	loop_adopt(watch->loop, &watch->orphan, watch);
	ring_cancel(ring, &watch->op);
	/* Until it is over the kernel keeps the socket open, and a listening one would still listen. */
	if (ring_is_mine(ring))
		ring_deliver_only(ring, &watch->op);
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
