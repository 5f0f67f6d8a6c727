/* loop.c - see loop.h. */
#include <assert.h>
#include <event2/event.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/loop.h"
#include "net_internal.h"
#include "ring.h"

enum {
	LOOP_TICKS_MOST = 8,
	DELIVERED_AT_A_TIME =
	    16, /* then what was sent meanwhile goes out, in a loop on io_uring */
};

struct tick {
	void (*run)(void *arg);
	void *arg;
};

LIST_HEAD(orphan_list, orphan);

/* On libevent or on io_uring; of the two groups below one is used. */
struct loop {
	struct event_base *base;
	struct event *timer; /* fires every LOOP_TICK_MS */
	struct event_stream_list full_reads, short_reads;
	uint8_t *shared;

	struct ring *ring;
	struct ring_op tick_op; /* ends every LOOP_TICK_MS */
	struct ring_stream_list wishing;
	struct orphan_list orphans;

	struct tick ticks[LOOP_TICKS_MOST];
	size_t tick_count;
	struct watch_list resting;
	TAILQ_HEAD(, chore) chores;
	uint8_t *decrypted; /* NULL until a stream was encrypted */
	struct deferred *first, **last;
	uint64_t now_us, wall_us; /* 0: not yet read in this turn */
	uint64_t held_us;         /* where the clock stands still; 0: it goes */
	uint64_t behind_us;       /* so long it stood, in all */
	bool stopping;
	struct buf spare[LOOP_SPARES]; /* empty output buffers with memory */
	size_t spare_count;
};

static void
run_ticks(struct loop *loop)
{
	watches_tick(&loop->resting);
	for (size_t i = 0; i < loop->tick_count; i++)
		loop->ticks[i].run(loop->ticks[i].arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	streams_look_again(&loop->short_reads);
	run_ticks(loop);
	(void)fd;
	(void)what;
}

static void
on_tick(struct ring_op *op, struct ring_result result)
{
	struct loop *loop = (struct loop *)((char *)op - offsetof(struct loop, tick_op));

	ring_await_time(loop->ring, LOOP_TICK_MS * 1000000L, op);
	run_ticks(loop);
	(void)result;
}

static struct loop *
new_loop(void)
{
	struct loop *loop = mem_zalloc(1, sizeof(*loop));

	loop->last = &loop->first;
	LIST_INIT(&loop->full_reads);
	LIST_INIT(&loop->short_reads);
	TAILQ_INIT(&loop->wishing);
	LIST_INIT(&loop->orphans);
	LIST_INIT(&loop->resting);
	TAILQ_INIT(&loop->chores);
	return loop;
}

struct loop *
loop_new(void)
{
	const struct timeval period = { .tv_usec = LOOP_TICK_MS * 1000 };
	struct event_config *config = event_config_new();
	struct loop *loop = new_loop();

	/* One thread a loop: no locks. No timer may cost a system call of its own. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	if (loop->base == NULL)
		log_fatal("cannot make an event loop");
	loop->shared = mem_alloc(LOOP_SHARED_SIZE);
	loop->timer = event_new(loop->base, -1, EV_PERSIST, on_timer, loop);
	event_add(loop->timer, &period);
	return loop;
}

struct loop *
loop_new_ring(struct error *err)
{
	struct ring *ring = ring_new(err);
	struct loop *loop;

	if (ring == NULL)
		return NULL;
	loop = new_loop();
	loop->ring = ring;
	loop->tick_op.done = on_tick;
	ring_await_time(ring, LOOP_TICK_MS * 1000000L, &loop->tick_op);
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

static void
free_orphans(struct loop *loop)
{
	struct orphan *orphan;

	while ((orphan = LIST_FIRST(&loop->orphans)) != NULL) {
		LIST_REMOVE(orphan, entry);
		mem_free(orphan->memory);
	}
}

void
loop_free(struct loop *loop)
{
	run_deferred(loop);
	if (loop->ring != NULL) {
		ring_free(loop->ring);
		free_orphans(loop);
	} else {
		event_free(loop->timer);
		event_base_free(loop->base);
		mem_free(loop->shared);
	}
	for (size_t i = 0; i < loop->spare_count; i++)
		buf_free(&loop->spare[i]);
	mem_free(loop->decrypted);
	mem_free(loop);
}

static void
run_chores(struct loop *loop)
{
	for (int i = 0; i < LOOP_CHORES_A_TURN && !TAILQ_EMPTY(&loop->chores); i++) {
		struct chore *chore = TAILQ_FIRST(&loop->chores);

		loop_drop_chore(loop, chore);
		chore->run(chore);
	}
}

/* What was sent and asked for goes to the kernel. */
static void
submit(struct loop *loop, enum ring_until until)
{
	ring_streams_ask(loop);
	ring_submit(loop->ring, until);
	ring_streams_settle(loop);
}

static void
turn_ring(struct loop *loop)
{
	unsigned delivered = 0;

	submit(loop, TAILQ_EMPTY(&loop->chores) ? RING_UNTIL_SOMETHING : RING_UNTIL_RUN);
	while (ring_deliver(loop->ring))
		if (++delivered % DELIVERED_AT_A_TIME == 0)
			submit(loop, RING_UNTIL_SENT);
	run_chores(loop);
	run_deferred(loop);
}

static void
turn_event(struct loop *loop)
{
	event_base_loop(loop->base,
	    TAILQ_EMPTY(&loop->chores) ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
	run_chores(loop);
	run_deferred(loop);
	streams_look_again(&loop->full_reads);
}

void
loop_run(struct loop *loop)
{
	run_deferred(loop);
	while (!loop->stopping) {
		loop->now_us = loop->wall_us = 0;
		if (loop->ring != NULL)
			turn_ring(loop);
		else
			turn_event(loop);
	}
	loop->stopping = false;
	if (loop->ring != NULL)
		submit(loop, RING_UNTIL_SENT);
}

void
loop_stop(struct loop *loop)
{
	loop->stopping = true;
}

uint64_t
loop_now_us(struct loop *loop)
{
	if (loop->held_us != 0)
		return loop->held_us;
	if (loop->now_us == 0)
		loop->now_us = clock_monotonic_us() - loop->behind_us;
	return loop->now_us;
}

void
loop_hold_clock(struct loop *loop)
{
	loop->held_us = loop_now_us(loop);
}

void
loop_release_clock(struct loop *loop)
{
	if (loop->held_us == 0)
		return;
	loop->behind_us = clock_monotonic_us() - loop->held_us;
	loop->now_us = loop->held_us;
	loop->held_us = 0;
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

void
loop_undefer(struct loop *loop, struct deferred *deferred)
{
	struct deferred **at = &loop->first;

	if (!deferred->waiting)
		return;
	while (*at != deferred)
		at = &(*at)->next;
	*at = deferred->next;
	if (*at == NULL)
		loop->last = at;
	deferred->waiting = false;
}

void
loop_add_chore(struct loop *loop, struct chore *chore, void (*run)(struct chore *))
{
	if (chore->waiting)
		return;
	chore->run = run;
	chore->waiting = true;
	TAILQ_INSERT_TAIL(&loop->chores, chore, in_line);
}

void
loop_drop_chore(struct loop *loop, struct chore *chore)
{
	if (chore->waiting)
		TAILQ_REMOVE(&loop->chores, chore, in_line);
	chore->waiting = false;
}

uint8_t *
loop_decrypted(struct loop *loop)
{
	if (loop->decrypted == NULL)
		loop->decrypted = mem_alloc(LOOP_SHARED_SIZE);
	return loop->decrypted;
}

void
loop_adopt(struct loop *loop, struct orphan *orphan, void *memory)
{
	orphan->memory = memory;
	LIST_INSERT_HEAD(&loop->orphans, orphan, entry);
}

void
loop_disown(struct orphan *orphan)
{
	LIST_REMOVE(orphan, entry);
}

struct watch_list *
loop_resting(struct loop *loop)
{
	return &loop->resting;
}

struct ring *
loop_ring(const struct loop *loop)
{
	return loop->ring;
}

struct ring_stream_list *
loop_wishing(struct loop *loop)
{
	return &loop->wishing;
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

struct event_stream_list *
loop_full_reads(struct loop *loop)
{
	return &loop->full_reads;
}

struct event_stream_list *
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
