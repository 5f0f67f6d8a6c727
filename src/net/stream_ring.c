/*
 * stream_ring.c - streams of a loop on io_uring.
 *
 * A stream that listens has one receive, which goes on until it is cancelled. What is
 * sent in a turn is queued, and handed over with the next wait: several messages to one
 * peer leave together, and bytes that are only passed on leave from where they were
 * received. A pause does nothing until data comes: that is held, and only then the
 * receive is cancelled.
 *
 * A stream's memory stays until the kernel has ended all its operations.
 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net_internal.h"
#include "ring.h"
#include "stream_internal.h"

enum {
	SEND_AT_ONCE =
	    16 * 1024, /* so much is not worth a copy: it goes by a call of its own */
};

/* What the kernel is to be asked when this turn's part is over. */
enum wish {
	WISH_RECEIVE = 1,
	WISH_CANCEL_RECEIVE = 2,
	WISH_WRITABLE = 4,
	WISH_CANCEL_WRITABLE = 8,
	WISH_SEND = 16,
};

/* Where the receive of a stream stands. */
enum receiving {
	RECEIVE_NONE,      /* the kernel has none */
	RECEIVE_ON,        /* under way in the kernel */
	RECEIVE_CANCELLED, /* the same, and it was asked to end */
	RECEIVE_ENDED,     /* nothing more will come; told when it may be */
};

struct ring_stream {
	struct stream base;
	struct ring_op receive, writable;
	enum receiving receiving;
	bool awaiting;            /* to become writable, in the kernel */
	uint8_t wishes;           /* of enum wish; if any, in the loop's list */
	int sent;                 /* of the send under way */
	TAILQ_ENTRY(ring_stream) wishing;
	struct orphan orphan; /* closed, with operations under way */
	struct deferred look; /* what was held is delivered, by the loop */
	struct buf held;      /* came while nobody wanted to hear */
};

static struct ring_stream *
ring_stream_of(struct stream *stream)
{
	return (struct ring_stream *)stream; /* its first member */
}

static void
wish(struct ring_stream *stream, enum wish wish)
{
	if (stream->wishes == 0)
		TAILQ_INSERT_TAIL(loop_wishing(stream->base.loop), stream, wishing);
	stream->wishes |= wish;
}

static void
unwish(struct ring_stream *stream, unsigned wishes)
{
	if (stream->wishes == 0)
		return;
	stream->wishes &= (uint8_t)~wishes;
	if (stream->wishes == 0)
		TAILQ_REMOVE(loop_wishing(stream->base.loop), stream, wishing);
}

static bool
is_closed(const struct ring_stream *stream)
{
	return stream->base.callback == NULL;
}

static bool
has_receive(const struct ring_stream *stream)
{
	return stream->receiving == RECEIVE_ON || stream->receiving == RECEIVE_CANCELLED;
}

static void
cancel_receive(struct ring_stream *stream)
{
	ring_cancel(loop_ring(stream->base.loop), &stream->receive);
	stream->receiving = RECEIVE_CANCELLED;
}

/* An operation of a stream that was closed meanwhile ended. */
static void
bury(struct ring_stream *stream)
{
	unwish(stream, stream->awaiting ? 0 : WISH_CANCEL_WRITABLE);
	if (has_receive(stream) || stream->awaiting)
		return;
	loop_disown(&stream->orphan);
	loop_defer(stream->base.loop, &stream->base.death, stream_die);
}

static void
listen_on(struct ring_stream *stream)
{
	if (!stream->base.paused && stream->receiving == RECEIVE_NONE)
		wish(stream, WISH_RECEIVE);
}

/* The end is told once all that came before it is. */
static void
tell_end(struct ring_stream *stream)
{
	if (!stream->base.paused && buf_length(&stream->held) == 0)
		stream_tell(&stream->base, STREAM_CLOSED);
}

static void
deliver(struct ring_stream *stream, const uint8_t *bytes, size_t length)
{
	stream->base.data = bytes;
	stream->base.length = length;
	stream_tell(&stream->base, STREAM_DATA);
}

static void
hold(struct ring_stream *stream, const uint8_t *bytes, size_t length)
{
	buf_put(&stream->held, bytes, length);
	if (stream->receiving == RECEIVE_ON)
		wish(stream, WISH_CANCEL_RECEIVE);
}

/* The receive ended for a reason that has nothing to do with the connection. */
static bool
is_to_go_on(int value)
{
	return value == -ECANCELED || value == -ENOBUFS || value == -EINTR ||
	       value == -EAGAIN;
}

static void
on_received(struct ring_op *op, struct ring_result result)
{
	struct ring_stream *stream =
	    (struct ring_stream *)((char *)op - offsetof(struct ring_stream, receive));

	if (!result.more) {
		stream->receiving = RECEIVE_NONE;
		unwish(stream, WISH_CANCEL_RECEIVE);
	}
	if (is_closed(stream)) {
		bury(stream);
		return;
	}
	if (result.value > 0) {
		if (stream->base.paused || buf_length(&stream->held) > 0)
			hold(stream, result.bytes, (size_t)result.value);
		else
			deliver(stream, result.bytes, (size_t)result.value);
	} else if (!is_to_go_on(result.value)) {
		stream->receiving = RECEIVE_ENDED;
		if (!stream->base.broken)
			stream->base.error = -result.value;
		tell_end(stream);
	}
	if (!is_closed(stream))
		listen_on(stream);
}

static void
on_writable(struct ring_op *op, struct ring_result result)
{
	struct ring_stream *stream =
	    (struct ring_stream *)((char *)op - offsetof(struct ring_stream, writable));

	stream->awaiting = false;
	if (is_closed(stream))
		bury(stream);
	else if (stream->base.write_waiting)
		stream_writable(&stream->base);
	(void)result;
}

/* What was held, and then perhaps the end. */
static void
look(struct deferred *deferred)
{
	struct ring_stream *stream =
	    (struct ring_stream *)((char *)deferred - offsetof(struct ring_stream, look));
	struct buf held = stream->held;

	if (is_closed(stream) || stream->base.paused)
		return;
	if (buf_length(&held) > 0) {
		stream->held = (struct buf){ 0 };
		deliver(stream, buf_bytes(&held), buf_length(&held));
		buf_free(&held);
	}
	if (is_closed(stream) || stream->base.paused)
		return;
	if (stream->receiving == RECEIVE_ENDED)
		tell_end(stream);
	else
		listen_on(stream);
}

static void
ring_attach(struct stream *stream)
{
	struct ring_stream *own = ring_stream_of(stream);

	own->receive.done = on_received;
	own->writable.done = on_writable;
	if (stream->write_waiting)
		wish(own, WISH_WRITABLE);
}

static void
ring_listen(struct stream *stream)
{
	struct ring_stream *own = ring_stream_of(stream);

	unwish(own, WISH_CANCEL_RECEIVE);
	if (own->receiving == RECEIVE_ENDED || buf_length(&own->held) > 0)
		loop_defer(stream->loop, &own->look, look);
	else
		listen_on(own);
}

static void
ring_deafen(struct stream *stream)
{
	unwish(ring_stream_of(stream), WISH_RECEIVE);
}

static void
ring_await_writable_of(struct stream *stream)
{
	struct ring_stream *own = ring_stream_of(stream);

	unwish(own, WISH_CANCEL_WRITABLE);
	if (!own->awaiting)
		wish(own, WISH_WRITABLE);
}

static void
ring_forget_writable(struct stream *stream)
{
	unwish(ring_stream_of(stream), WISH_WRITABLE);
}

static void
send_at_once(struct ring_stream *stream, const void *bytes, size_t length)
{
	unwish(stream, WISH_SEND);
	(void)stream_out(
	    &stream->base); /* with what was to go from where it was received */
	stream_send_now(&stream->base, bytes, length);
}

static void
ring_queue(struct stream *stream, const void *bytes, size_t length)
{
	size_t built = buf_length(&stream->out);

	if (built + stream->direct_length + length >= SEND_AT_ONCE) {
		send_at_once(ring_stream_of(stream), bytes, length);
		return;
	}
	wish(ring_stream_of(stream), WISH_SEND);
	if (length == 0)
		return;
	if (built + stream->direct_length == 0 &&
	    ring_holds(loop_ring(stream->loop), bytes)) {
		stream->direct = bytes;
		stream->direct_length = length;
	} else {
		buf_put(stream_out(stream), bytes, length);
	}
}

/* Send what is queued without waiting for the end of the turn. */
static void
send_queued(struct ring_stream *stream)
{
	if (stream->wishes & WISH_SEND)
		send_at_once(stream, NULL, 0);
}

static void
ring_fail(struct stream *stream)
{
	struct ring_stream *own = ring_stream_of(stream);

	unwish(own, WISH_SEND);
	stream->direct_length = 0;
	stream->paused = false;
	/* What came is still delivered, and then the receive ends by itself. */
	if (stream->connecting)
		own->receiving = RECEIVE_ENDED;
	else
		shutdown(stream->fd, SHUT_RDWR);
	loop_defer(stream->loop, &own->look, look);
}

static void
ring_detach(struct stream *stream)
{
	struct ring_stream *own = ring_stream_of(stream);
	struct ring *ring = loop_ring(stream->loop);

	send_queued(own);
	stream->paused = true; /* what still comes is held, for the next loop */
	unwish(own, ~0u);
	if (own->receiving == RECEIVE_ON)
		cancel_receive(own);
	while (has_receive(own))
		ring_deliver_only(ring, &own->receive);
	loop_undefer(stream->loop, &own->look);
}

static void
ring_close(struct stream *stream)
{
	struct ring_stream *own = ring_stream_of(stream);

	send_queued(own);
	unwish(own, ~0u);
	buf_free(&own->held);
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
	if (!has_receive(own) && !own->awaiting) {
		loop_defer(stream->loop, &stream->death, stream_die);
		return;
	}
	loop_adopt(stream->loop, &own->orphan, own);
	if (own->receiving == RECEIVE_ON)
		wish(own, WISH_CANCEL_RECEIVE);
	if (own->awaiting)
		wish(own, WISH_CANCEL_WRITABLE);
}

static void
queue_send(struct ring *ring, struct ring_stream *stream)
{
	struct stream *base = &stream->base;

	if (base->direct_length > 0)
		ring_send(
		    ring, base->fd, base->direct, base->direct_length, &stream->sent);
	else
		ring_send(ring, base->fd, buf_bytes(&base->out), buf_length(&base->out),
		    &stream->sent);
}

void
ring_streams_ask(struct loop *loop)
{
	struct ring *ring = loop_ring(loop);
	struct ring_stream *stream, *next;

	for (stream = TAILQ_FIRST(loop_wishing(loop)); stream != NULL; stream = next) {
		unsigned wishes = stream->wishes;

		next = TAILQ_NEXT(stream, wishing);
		if (wishes & WISH_CANCEL_RECEIVE)
			cancel_receive(stream);
		if (wishes & WISH_CANCEL_WRITABLE)
			ring_cancel(ring, &stream->writable);
		if (wishes & WISH_SEND)
			queue_send(ring, stream);
		if (wishes & WISH_RECEIVE) {
			ring_receive(ring, stream->base.fd, &stream->receive);
			stream->receiving = RECEIVE_ON;
		}
		if (wishes & WISH_WRITABLE) {
			ring_await_writable(ring, stream->base.fd, &stream->writable);
			stream->awaiting = true;
		}
		unwish(stream, ~(unsigned)WISH_SEND);
	}
}

/* What became of the bytes that were queued? */
static void
settle(struct ring_stream *stream)
{
	struct stream *base = &stream->base;
	size_t direct = base->direct_length,
	       all = direct > 0 ? direct : buf_length(&base->out);
	size_t sent = stream->sent > 0 ? (size_t)stream->sent : 0;

	if (sent < all && stream->sent < 0 && !is_to_go_on(stream->sent)) {
		stream_break(base, -stream->sent);
		return;
	}
	base->direct_length = 0;
	if (direct > 0)
		buf_put(&base->out, base->direct + sent, direct - sent);
	else
		buf_consume(&base->out, sent);
	if (sent == all) {
		stream_release_out(base);
		return;
	}
	base->write_waiting = true;
	wish(stream, WISH_WRITABLE);
}

void
ring_streams_settle(struct loop *loop)
{
	struct ring_stream_list *wishing = loop_wishing(loop), sending;
	struct ring_stream *stream;

	/* After ring_streams_ask() and a submit nobody has another wish. */
	TAILQ_INIT(&sending);
	TAILQ_CONCAT(&sending, wishing, wishing);
	while ((stream = TAILQ_FIRST(&sending)) != NULL) {
		TAILQ_REMOVE(&sending, stream, wishing);
		stream->wishes = 0;
		settle(stream);
	}
}

const struct stream_engine stream_ring_engine = {
	.size = sizeof(struct ring_stream),
	.attach = ring_attach,
	.listen = ring_listen,
	.deafen = ring_deafen,
	.await_writable = ring_await_writable_of,
	.forget_writable = ring_forget_writable,
	.send = ring_queue,
	.fail = ring_fail,
	.detach = ring_detach,
	.close = ring_close,
};
