/* net_internal.h - what the files of net share and nobody else sees. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include <sys/queue.h>

#include "base/buf.h"
#include "net/loop.h"

struct event_base;
struct ring;

enum {
	LOOP_CHORES_A_TURN = 2,
	LOOP_SHARED_SIZE =
	    64 * 1024,    /* the read buffer of all streams of a loop on libevent */
	LOOP_SPARES = 64, /* output buffers kept for the next stream that writes */
};

/* The ring of a loop on io_uring; NULL for one on libevent. */
struct ring *loop_ring(const struct loop *loop);
/* Take back what was deferred. */
void loop_undefer(struct loop *loop, struct deferred *deferred);

/*
 * Memory whose owner is gone while the kernel still works on it; the loop frees what is
 * left of these with itself.
 */
struct orphan {
	LIST_ENTRY(orphan) entry;
	void *memory;
};
void loop_adopt(struct loop *loop, struct orphan *orphan, void *memory);
/* The kernel is done with it: whoever says so frees it. */
void loop_disown(struct orphan *orphan);

/* Watches that rest, and what is done for them at each tick. */
LIST_HEAD(watch_list, watch);
struct watch_list *loop_resting(struct loop *loop);
void watches_tick(struct watch_list *resting);

/*
 * Work that is too long to do all that there is of it in one turn: a few of these run in
 * each, in the order in which they came. Embedded in its owner; zeroed is idle.
 */
struct chore {
	TAILQ_ENTRY(chore) in_line;
	void (*run)(struct chore *chore);
	bool waiting;
};
/* Adding it twice before it ran is once. */
void loop_add_chore(struct loop *loop, struct chore *chore, void (*run)(struct chore *));
void loop_drop_chore(struct loop *loop, struct chore *chore);
/* Where all encrypted streams of this loop are decrypted: LOOP_SHARED_SIZE bytes. */
uint8_t *loop_decrypted(struct loop *loop);

/* The rest is for loops on libevent. */
struct event_base *loop_base(struct loop *loop);
/* Streams to be read once more: in the next turn if their last read filled the buffer,
 * else at the next tick. */
LIST_HEAD(event_stream_list, event_stream);
struct event_stream_list *loop_full_reads(struct loop *loop);
struct event_stream_list *loop_short_reads(struct loop *loop);
void streams_look_again(struct event_stream_list *streams);
/* The buffer into which every stream of this loop reads. */
uint8_t *loop_shared(struct loop *loop);

/* And this for loops on io_uring: streams that want something of the kernel, at the end
 * of this turn. */
TAILQ_HEAD(ring_stream_list, ring_stream);
struct ring_stream_list *loop_wishing(struct loop *loop);
/* Queue what they want; and after the submit see what became of what was sent. */
void ring_streams_ask(struct loop *loop);
void ring_streams_settle(struct loop *loop);

/* An empty buffer, with memory if there is one to spare. */
struct buf loop_take_spare(struct loop *loop);
/* Give its memory to the next who writes; *buf is empty afterwards. */
void loop_give_spare(struct loop *loop, struct buf *buf);

#endif
