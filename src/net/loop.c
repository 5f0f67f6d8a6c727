/* loop.c - see loop.h. */
#include <assert.h>
#include <event2/event.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/loop.h"
#include "net_internal.h"

enum { LOOP_TICKS_MOST = 8 };

struct tick {
	void (*run)(void *arg);
	void *arg;
};

struct loop {
	struct event_base *base;
	struct event *timer; /* fires every LOOP_TICK_MS */
	struct tick ticks[LOOP_TICKS_MOST];
	size_t tick_count;
	struct stream_list full_reads, short_reads;
	struct deferred *first, **last;
	uint64_t now_us, wall_us; /* 0: not yet read in this turn */
	bool stopping;
	struct buf spare[LOOP_SPARES]; /* empty output buffers with memory */
	size_t spare_count;
	uint8_t shared[LOOP_SHARED_SIZE];
};

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	streams_look_again(&loop->short_reads);
	for (size_t i = 0; i < loop->tick_count; i++)
		loop->ticks[i].run(loop->ticks[i].arg);
	(void)fd;
	(void)what;
}

struct loop *
loop_new(void)
{
	const struct timeval period = { .tv_usec = LOOP_TICK_MS * 1000 };
	struct event_config *config = event_config_new();
	struct loop *loop = mem_zalloc(1, sizeof(*loop));

	/* One thread a loop: no locks. No timer may cost a system call of its own. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	if (loop->base == NULL)
		log_fatal("cannot make an event loop");
	loop->last = &loop->first;
	LIST_INIT(&loop->full_reads);
	LIST_INIT(&loop->short_reads);
	loop->timer = event_new(loop->base, -1, EV_PERSIST, on_timer, loop);
	event_add(loop->timer, &period);
	return loop;
}

static void
run_deferred(struct loop *loop)
{
	while (loop->first != NULL) {
		struct deferred *deferred = loop->first;

		loop->first = deferred->next;
		if (loop->first == NULL)
			loop->last = &loop->first;
		deferred->waiting = false;
		deferred->run(deferred);
	}
}

void
loop_free(struct loop *loop)
{
	run_deferred(loop);
	event_free(loop->timer);
	event_base_free(loop->base);
	for (size_t i = 0; i < loop->spare_count; i++)
		buf_free(&loop->spare[i]);
	mem_free(loop);
}

void
loop_run(struct loop *loop)
{
	while (!loop->stopping) {
		loop->now_us = loop->wall_us = 0;
		event_base_loop(loop->base, EVLOOP_ONCE);
		run_deferred(loop);
		streams_look_again(&loop->full_reads);
	}
	loop->stopping = false;
}

void
loop_stop(struct loop *loop)
{
	loop->stopping = true;
}

uint64_t
loop_now_us(struct loop *loop)
{
	if (loop->now_us == 0)
		loop->now_us = clock_monotonic_us();
	return loop->now_us;
}

uint64_t
loop_wall_us(struct loop *loop)
{
	if (loop->wall_us == 0)
		loop->wall_us = clock_wall_us();
	return loop->wall_us;
}

void
loop_add_tick(struct loop *loop, void (*tick)(void *arg), void *arg)
{
	assert(loop->tick_count < LOOP_TICKS_MOST);
	loop->ticks[loop->tick_count++] = (struct tick){ .run = tick, .arg = arg };
}

void
loop_defer(struct loop *loop, struct deferred *deferred, void (*run)(struct deferred *))
{
	if (deferred->waiting)
		return;
	*deferred = (struct deferred){ .run = run, .waiting = true };
	*loop->last = deferred;
	loop->last = &deferred->next;
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

struct stream_list *
loop_full_reads(struct loop *loop)
{
	return &loop->full_reads;
}

struct stream_list *
loop_short_reads(struct loop *loop)
{
	return &loop->short_reads;
}

uint8_t *
loop_shared(struct loop *loop)
{
	return loop->shared;
}

struct buf
loop_take_spare(struct loop *loop)
{
	if (loop->spare_count == 0)
		return (struct buf){ 0 };
	return loop->spare[--loop->spare_count];
}

void
loop_give_spare(struct loop *loop, struct buf *buf)
{
	if (loop->spare_count == LOOP_SPARES || buf->size > LOOP_SHARED_SIZE) {
		buf_free(buf);
		return;
	}
	buf_clear(buf);
	loop->spare[loop->spare_count++] = *buf;
	*buf = (struct buf){ 0 };
}
