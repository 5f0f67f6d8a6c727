/*
 * stream.h - bytes to and from one peer.
 *
 * Reading goes through buffers that all streams of a loop share, so a quiet
 * connection owns no buffer. Writing is tried at the latest when the turn of the loop
 * ends; what the kernel does not take is kept, and STREAM_DRAINED says when it is gone.
 * A pause is rare: it happens only when a peer is slow.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/address.h"
#include "net/loop.h"

struct stream;

enum stream_event {
	STREAM_OPENED,	/* a connect succeeded */
	STREAM_DATA,	/* stream_data() has bytes, until the callback returns */
	STREAM_DRAINED, /* everything written has gone to the kernel */
	STREAM_CLOSED,	/* the peer ended its side, or the connection broke; see stream_why() */
};

typedef void stream_callback(struct stream *stream, enum stream_event event, void *arg);

/* A socket that was accepted; the stream owns it from now on. */
struct stream *stream_accepted(struct loop *loop, int fd, stream_callback *callback, void *arg);
/* Begin to connect. STREAM_OPENED or STREAM_CLOSED follows, never before this returns. */
struct stream *stream_connect(
    struct loop *loop, const struct address *to, stream_callback *callback, void *arg);
/* Send what the peer takes at once and close the socket; the memory goes later. No event follows. */
void stream_close(struct stream *stream);

/* The bytes that came, inside STREAM_DATA. */
const uint8_t *stream_data(const struct stream *stream, size_t *length);

/*
 * Where to build what is to be written; nothing is sent before stream_flush() or
 * stream_send(). Valid until then.
 */
struct buf *stream_out(struct stream *stream);
/* Send what was built, and then these bytes without copying them if the kernel takes them. */
void stream_send(struct stream *stream, const void *bytes, size_t length);
/* Send what was built. */
void stream_flush(struct stream *stream);
/* Bytes that wait for the peer to read. */
size_t stream_pending(const struct stream *stream);
/* Those, and what was built or is to go at the end of this turn. */
size_t stream_unsent(const struct stream *stream);

/* Stop and start listening to the peer. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);
bool stream_is_paused(const struct stream *stream);
/*
 * Stop listening whatever the owner does: what it says of pausing counts again from
 * stream_wake() on. The owner of one that is suspended sees no difference.
 */
void stream_suspend(struct stream *stream);
void stream_wake(struct stream *stream);
/* Has the kernel all that was to be sent? */
bool stream_is_flushed(const struct stream *stream);
/*
 * Has the peer ended its side, or is the connection broken? One that is paused hears of it
 * by asking only: libevent tells an error to those who wait for reading or writing.
 */
bool stream_is_hung_up(const struct stream *stream);

/* Move a quiet stream to another thread's loop: detach on the old, attach on the new one. */
void stream_detach(struct stream *stream);
void stream_attach(
    struct stream *stream, struct loop *loop, stream_callback *callback, void *arg);

/* Why it closed, for logs: "server closed the connection", "Connection reset by peer", … */
const char *stream_why(const struct stream *stream);
/* Its errno; 0: the peer ended it. */
int stream_error(const struct stream *stream);
int stream_fd(const struct stream *stream);

#endif
