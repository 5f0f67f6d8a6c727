/*
 * stream_internal.h - what is common to streams of both engines.
 *
 * stream.c is what callers see, stream_event.c is the engine of a loop on libevent and
 * stream_ring.c that of a loop on io_uring.
 */
#ifndef NET_STREAM_INTERNAL_H
#define NET_STREAM_INTERNAL_H

#include "net/stream.h"

/* What an engine does for a stream of its own. */
struct stream_engine {
	size_t size; /* of its struct, of which a struct stream is the first member */
	/* The socket is there, or the stream came from another loop. */
	void (*attach)(struct stream *stream);
	/* Be told of data and of the end, from now on; or no longer. */
	void (*listen)(struct stream *stream);
	void (*deafen)(struct stream *stream);
	/* Call stream_writable() when the socket takes bytes again, or is open; or do
	 * not. */
	void (*await_writable)(struct stream *stream);
	void (*forget_writable)(struct stream *stream);
	/* What waits below this one for its peer; NULL: there is nothing below. */
	size_t (*pending)(const struct stream *stream);
	/* Send what was built and these bytes. */
	void (*send)(struct stream *stream, const void *bytes, size_t length);
	/* It failed, for the reason in `error`: deliver what came before and tell, from
	 * the loop. */
	void (*fail)(struct stream *stream);
	/* No operation on it may be left when this returns. */
	void (*detach)(struct stream *stream);
	/* Close the socket; the memory goes when no operation is left. */
	void (*close)(struct stream *stream);
};

extern const struct stream_engine stream_event_engine, stream_ring_engine;

/* Owned by whoever opened it, until stream_close(); freed by the loop thereafter. */
struct stream {
	struct deferred death;
	const struct stream_engine *engine;
	struct loop *loop;         /* borrowed; NULL while detached */
	stream_callback *callback; /* NULL once closed or detached */
	void *arg;
	int fd;
	int error;          /* errno that broke it, 0 when the peer closed */
	bool connecting;    /* not open yet: being writable tells */
	bool paused;        /* nobody wants to hear of data */
	bool suspended;     /* nobody may: stream_suspend() */
	bool wants_pause;   /* while suspended: what `paused` is to be afterwards */
	bool write_waiting; /* the peer is slow: `out` goes when the socket takes it */
	bool
	    broken; /* a send failed: closed is told from the loop, never from a caller */
	struct buf out;
	/* Behind `out`: to be sent from where they were received, in this turn. */
	const uint8_t *direct;
	size_t direct_length;
	const uint8_t *data; /* inside STREAM_DATA */
	size_t length;
};

/* Tell the owner, if it still wants to hear. */
void stream_tell(struct stream *stream, enum stream_event event);
/* The socket is open, or takes bytes again. */
void stream_writable(struct stream *stream);
/* Send what was built and these bytes now; keep what the kernel does not take. */
void stream_send_now(struct stream *stream, const void *bytes, size_t length);
/* A send failed for good: nothing more can go out. */
void stream_break(struct stream *stream, int error);
/* `out` is empty: its memory goes to the next who writes. */
void stream_release_out(struct stream *stream);
/* tls.c: why TLS failed on this stream; NULL: it did not, or there is none. */
const char *tls_why(const struct stream *stream);
/* loop_defer() this to free it at the end of the turn. */
void stream_die(struct deferred *death);

#endif
