/*
 * ring.h - io_uring, as streams and watches use it.
 *
 * One ring a loop. What is to be done is queued, and one system call a turn hands it
 * all to the kernel, waits, and brings what is done. Liburing's types stay in ring.c.
 *
 * An operation belongs to whoever embeds a struct ring_op; its memory must stay until
 * the operation has ended (result.more is false), also after ring_cancel().
 */
#ifndef NET_RING_H
#define NET_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ring;
struct ring_op;

struct ring_result {
	int value; /* what the system call would have returned, or -errno */
	bool more; /* the operation goes on */
	const uint8_t
	    *bytes; /* of a receive: value bytes, until the ring_submit() after the next */
};

struct ring_op {
	void (*done)(struct ring_op *op, struct ring_result result);
};

/* A new ring; NULL with the reason where the kernel has none, is too old or forbids it.
 */
struct ring *ring_new(struct error *err);
/*
 * Free it, from any thread once its own has ended. Operations still under way are
 * forgotten without a word, and their memory may go.
 */
void ring_free(struct ring *ring);

/* Receive again and again, each time into a buffer of the ring. Ends with 0 (the peer
 * closed) or an error. */
void ring_receive(struct ring *ring, int fd, struct ring_op *op);
/* Tell once that the socket can be read, or written; or that this many nanoseconds have
 * gone by. */
void ring_await_readable(struct ring *ring, int fd, struct ring_op *op);
void ring_await_writable(struct ring *ring, int fd, struct ring_op *op);
void ring_await_time(struct ring *ring, long nanoseconds, struct ring_op *op);
/* Ask an operation to end; it says so itself. */
void ring_cancel(struct ring *ring, struct ring_op *op);

/*
 * Send what the kernel takes at once. The bytes must stay until the next ring_submit() is
 * over; then *sent is how many were taken, or -errno. *sent is `length` from the start
 * and touched only when that is not true.
 */
void ring_send(struct ring *ring, int fd, const void *bytes, size_t length, int *sent);
/* Are these bytes in a buffer of the ring, so that they stay until the next
 * ring_submit()? */
bool ring_holds(const struct ring *ring, const void *bytes);

/* How much is done when ring_submit() returns. */
enum ring_until {
	RING_UNTIL_SENT, /* what was sent, which is always over then */
	RING_UNTIL_RUN,	 /* and what has come is there to be delivered */
	RING_UNTIL_SOMETHING, /* and something has come: it waits for it */
};
/* Hand over what was queued. */
void ring_submit(struct ring *ring, enum ring_until until);
/* Take the next thing that is done and tell its owner; false when there is nothing. */
bool ring_deliver(struct ring *ring);
/* Submit, and deliver what is done of this operation alone, in the order in which it
 * came. */
void ring_deliver_only(struct ring *ring, const struct ring_op *op);

#endif
