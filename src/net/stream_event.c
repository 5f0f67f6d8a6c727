/*
 * stream_event.c - streams of a loop on libevent.
 *
 * Events are edge-triggered: told once, when something happens. Level-triggered, the
 * kernel would poll each socket a second time only to find it empty. So nothing may be
 * left unread: a full buffer is followed by another read in the next turn, an end that
 * came with the last bytes at once. A reset that came with the last bytes cannot be told
 * from them (libevent folds EPOLLERR into EV_READ), so whoever was read short is read
 * once more at the next tick. Adding an event anew, after a pause or on another loop,
 * tells what is there already.
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <unistd.h>

#include "base/mem.h"
#include "net_internal.h"
#include "stream_internal.h"

struct event_stream {
	struct stream base;
	bool noted; /* in one of the loop's lists of those to be read once more */
	LIST_ENTRY(event_stream) look_again;
	struct event read_event;
	struct event
	    *write_event; /* ours; NULL until the peer was slow for the first time */
	bool write_added;
};

static struct event_stream *
event_stream_of(struct stream *stream)
{
	return (struct event_stream *)stream; /* its first member */
}

/* Read once more, though no edge may come. */
static void
again(struct event_stream *stream, short what)
{
	event_active(&stream->read_event, EV_READ | what, 0);
}

static void
forget_read(struct event_stream *stream)
{
	if (!stream->noted)
		return;
	stream->noted = false;
	LIST_REMOVE(stream, look_again);
}

/* After a read: when is it to be read once more? */
static void
note_read(struct event_stream *stream, bool full)
{
	struct loop *loop = stream->base.loop;

	if (stream->noted && !full)
		return;
	forget_read(stream);
	stream->noted = true;
	LIST_INSERT_HEAD(
	    full ? loop_full_reads(loop) : loop_short_reads(loop), stream, look_again);
}

void
streams_look_again(struct event_stream_list *streams)
{
	struct event_stream *stream;

	while ((stream = LIST_FIRST(streams)) != NULL) {
		forget_read(stream);
		again(stream, 0);
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct event_stream *own = arg;
	struct stream *stream = arg; /* its first member */
	uint8_t *shared = loop_shared(stream->loop);
	ssize_t got =
	    fd < 0 || stream->connecting ? -1 : recv(fd, shared, LOOP_SHARED_SIZE, 0);

	if (got > 0) {
		/* What came before a send failed is still delivered, a FATAL above all.
		 */
		if (stream->broken || (what & EV_CLOSED))
			again(own, what & EV_CLOSED);
		else
			note_read(own, got == LOOP_SHARED_SIZE);
		stream->data = shared;
		stream->length = (size_t)got;
		stream_tell(stream, STREAM_DATA);
		return;
	}
	if (got < 0 && !stream->broken) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		stream->error = errno;
	}
	stream_tell(stream, STREAM_CLOSED);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	stream_writable(arg);
	(void)fd;
	(void)what;
}

static void
event_attach(struct stream *stream)
{
	event_assign(&event_stream_of(stream)->read_event, loop_base(stream->loop),
	    stream->fd, stream->fd < 0 ? 0 : EV_READ | EV_CLOSED | EV_ET | EV_PERSIST,
	    on_readable, stream);
}

static void
event_listen(struct stream *stream)
{
	event_add(&event_stream_of(stream)->read_event, NULL);
}

static void
event_deafen(struct stream *stream)
{
	forget_read(event_stream_of(stream));
	event_del(&event_stream_of(stream)->read_event);
}

static void
event_await_writable(struct stream *stream)
{
	struct event_stream *own = event_stream_of(stream);

	if (own->write_added)
		return;
	if (own->write_event == NULL) {
		own->write_event = mem_zalloc(1, sizeof(*own->write_event));
		event_assign(own->write_event, loop_base(stream->loop), stream->fd,
		    EV_WRITE | EV_ET | EV_PERSIST, on_writable, stream);
	}
	own->write_added = true;
	event_add(own->write_event, NULL);
}

static void
event_forget_writable(struct stream *stream)
{
	struct event_stream *own = event_stream_of(stream);

	if (own->write_added)
		event_del(own->write_event);
	own->write_added = false;
}

static void
drop_write(struct event_stream *stream)
{
	event_forget_writable(&stream->base);
	mem_free(stream->write_event);
	stream->write_event = NULL;
}

static void
event_fail(struct stream *stream)
{
	again(event_stream_of(stream), 0);
}

static void
event_detach(struct stream *stream)
{
	event_deafen(stream);
	drop_write(event_stream_of(stream));
}

static void
event_close(struct stream *stream)
{
	event_detach(stream);
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
	loop_defer(stream->loop, &stream->death, stream_die);
}

const struct stream_engine stream_event_engine = {
	.size = sizeof(struct event_stream),
	.attach = event_attach,
	.listen = event_listen,
	.deafen = event_deafen,
	.await_writable = event_await_writable,
	.forget_writable = event_forget_writable,
	.send = stream_send_now,
	.fail = event_fail,
	.detach = event_detach,
	.close = event_close,
};
