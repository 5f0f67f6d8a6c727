/*
 * loop.h - one thread's event loop.
 *
 * A worker has exactly one. Everything that belongs to it (streams, pools,
 * clients) is touched from its thread only. Libevent's locking is off. Streams move
 * between loops of one kind only.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct loop;

/* The coarse clock of the loop: every handler added is called this often. */
enum { LOOP_TICK_MS = 50 };

/* On libevent, which is there on every machine. */
struct loop *loop_new(void);
/* On io_uring; NULL with the reason where the kernel is too old or forbids it. */
struct loop *loop_new_ring(struct error *err);
/* Free; every stream, mailbox and listener on it must be gone. */
void loop_free(struct loop *loop);
/* Run until loop_stop(); may be called again afterwards. */
void loop_run(struct loop *loop);
/* End loop_run() after this turn. Call from the loop's own thread. */
void loop_stop(struct loop *loop);

/* Monotonic and wall time in microseconds, read at most once in a turn. */
uint64_t loop_now_us(struct loop *loop);
uint64_t loop_wall_us(struct loop *loop);
/*
 * The monotonic clock stands still, so that no time limit passes, until it is released; then
 * it goes on from where it stood.
 */
void loop_hold_clock(struct loop *loop);
void loop_release_clock(struct loop *loop);

/* Call `tick` every LOOP_TICK_MS until the loop is freed. */
void loop_add_tick(struct loop *loop, void (*tick)(void *arg), void *arg);

/*
 * Something to do when this turn is over: free what must not die under a
 * running function, or go on with work that would nest too deep. Embedded in its
 * owner; zeroed is idle. Deferring it twice before it ran is once.
 */
struct deferred {
	struct deferred *next;
	void (*run)(struct deferred *deferred);
	bool waiting;
};
void loop_defer(struct loop *loop, struct deferred *deferred, void (*run)(struct deferred *));

#endif
