/* net_internal.h - what the files of net share and nobody else sees. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include <sys/queue.h>

#include "base/buf.h"
#include "net/loop.h"

struct event_base;

enum {
	LOOP_SHARED_SIZE = 64 * 1024, /* the read buffer of all streams of a loop */
	LOOP_SPARES = 64,	      /* output buffers kept for the next stream that writes */
};

struct event_base *loop_base(struct loop *loop);
/* Streams to be read once more: in the next turn if their last read filled the buffer, else at the next tick. */
LIST_HEAD(stream_list, stream);
struct stream_list *loop_full_reads(struct loop *loop);
struct stream_list *loop_short_reads(struct loop *loop);
void streams_look_again(struct stream_list *streams);
/* The buffer into which every stream of this loop reads. */
uint8_t *loop_shared(struct loop *loop);
/* An empty buffer, with memory if there is one to spare. */
struct buf loop_take_spare(struct loop *loop);
/* Give its memory to the next who writes; *buf is empty afterwards. */
void loop_give_spare(struct loop *loop, struct buf *buf);

#endif
