/* stream.c - see stream.h. */
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/stream.h"
#include "net_internal.h"

/*
 * Events are edge-triggered: told once, when something happens. Level-triggered, the
 * kernel would poll each socket a second time only to find it empty. So nothing may be
 * left unread: a full buffer is followed by another read in the next turn, an end that
 * came with the last bytes at once. A reset that came with the last bytes cannot be told
 * from them (libevent folds EPOLLERR into EV_READ), so whoever was read short is read
 * once more at the next tick. Adding an event anew, after a pause or on another loop,
 * tells what is there already.
 *
 * Owned by whoever opened it, until stream_close(); freed by the loop at the end
 * of that turn.
 */
struct stream {
	struct deferred death;
	struct loop *loop; /* borrowed; NULL while detached */
	stream_callback *callback;
	void *arg;
	int fd;
	int error;	    /* errno that broke it, 0 when the peer closed */
	bool connecting;    /* not open yet: the write event tells */
	bool paused;	    /* the read event is out of the poll */
	bool write_waiting; /* the write event is in the poll */
	bool broken;	    /* a send failed: closed is told from the loop, never from a caller */
	bool noted;	    /* in one of the loop's lists of those to be read once more */
	LIST_ENTRY(stream) look_again;
	struct buf out;
	const uint8_t *data; /* inside STREAM_DATA */
	size_t length;
	struct event read_event;
	struct event *write_event; /* ours; NULL until the peer was slow for the first time */
};

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

static void
register_events(struct stream *stream)
{
	struct event_base *base = loop_base(stream->loop);

	event_assign(&stream->read_event, base, stream->fd,
	    EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_readable, stream);
}

/* Read once more, though no edge may come. */
static void
again(struct stream *stream, short what)
{
	event_active(&stream->read_event, EV_READ | what, 0);
}

static void
forget_read(struct stream *stream)
{
	if (!stream->noted)
		return;
	stream->noted = false;
	LIST_REMOVE(stream, look_again);
}

/* After a read: when is it to be read once more? */
static void
note_read(struct stream *stream, bool full)
{
	if (stream->noted && !full)
		return;
	forget_read(stream);
	stream->noted = true;
	LIST_INSERT_HEAD(full ? loop_full_reads(stream->loop) : loop_short_reads(stream->loop),
	    stream, look_again);
}

void
streams_look_again(struct stream_list *streams)
{
	struct stream *stream;

	while ((stream = LIST_FIRST(streams)) != NULL) {
		forget_read(stream);
		again(stream, 0);
	}
}

/* Be told when the socket takes bytes again, or is open. */
static void
want_write(struct stream *stream)
{
	if (stream->write_event == NULL) {
		stream->write_event = mem_zalloc(1, sizeof(*stream->write_event));
		event_assign(stream->write_event, loop_base(stream->loop), stream->fd,
		    EV_WRITE | EV_ET | EV_PERSIST, on_writable, stream);
	}
	stream->write_waiting = true;
	event_add(stream->write_event, NULL);
}

static void
stop_write(struct stream *stream)
{
	event_del(stream->write_event);
	stream->write_waiting = false;
}

static void
drop_write(struct stream *stream)
{
	if (stream->write_event == NULL)
		return;
	stop_write(stream);
	mem_free(stream->write_event);
	stream->write_event = NULL;
}

static struct stream *
stream_new(struct loop *loop, int fd, stream_callback *callback, void *arg)
{
	struct stream *stream = mem_zalloc(1, sizeof(*stream));

	stream->loop = loop;
	stream->fd = fd;
	stream->callback = callback;
	stream->arg = arg;
	return stream;
}

struct stream *
stream_accepted(struct loop *loop, int fd, stream_callback *callback, void *arg)
{
	struct stream *stream = stream_new(loop, fd, callback, arg);

	register_events(stream);
	event_add(&stream->read_event, NULL);
	return stream;
}

/* A failure is told by the loop on its next turn, so that no caller is re-entered. */
static void
fail_later(struct stream *stream, int error)
{
	stream->error = error;
	stream->broken = true;
	if (stream->fd < 0)
		event_assign(
		    &stream->read_event, loop_base(stream->loop), -1, 0, on_readable, stream);
	again(stream, 0);
}

struct stream *
stream_connect(
    struct loop *loop, const struct address *to, stream_callback *callback, void *arg)
{
	const int on = 1;
	int fd = socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stream *stream = stream_new(loop, fd, callback, arg);

	if (fd < 0) {
		fail_later(stream, errno);
		return stream;
	}
	if (!address_is_unix(to)) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	register_events(stream);
	stream->connecting = true;
	stream->paused = true;
	if (connect(fd, (const struct sockaddr *)&to->storage, to->length) == 0 ||
	    errno == EINPROGRESS) {
		want_write(stream);
	} else {
		fail_later(stream, errno);
	}
	return stream;
}

static void
stream_die(struct deferred *deferred)
{
	mem_free((struct stream *)deferred); /* its first member */
}

void
stream_close(struct stream *stream)
{
	forget_read(stream);
	if (stream->fd >= 0) {
		drop_write(stream);
		event_del(&stream->read_event);
		close(stream->fd);
		stream->fd = -1;
	} else if (stream->broken) {
		event_del(&stream->read_event);
	}
	buf_free(&stream->out);
	stream->callback = NULL;
	loop_defer(stream->loop, &stream->death, stream_die);
}

const uint8_t *
stream_data(const struct stream *stream, size_t *length)
{
	*length = stream->length;
	return stream->data;
}

static void
tell(struct stream *stream, enum stream_event event)
{
	if (stream->callback != NULL)
		stream->callback(stream, event, stream->arg);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;
	uint8_t *shared = loop_shared(stream->loop);
	ssize_t got = fd < 0 || stream->connecting ? -1 : recv(fd, shared, LOOP_SHARED_SIZE, 0);

	if (got > 0) {
		/* What came before a send failed is still delivered, a FATAL above all. */
		if (stream->broken || (what & EV_CLOSED))
			again(stream, what & EV_CLOSED);
		else
			note_read(stream, got == LOOP_SHARED_SIZE);
		stream->data = shared;
		stream->length = (size_t)got;
		tell(stream, STREAM_DATA);
		return;
	}
	if (got < 0 && !stream->broken) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		stream->error = errno;
	}
	tell(stream, STREAM_CLOSED);
}

static void
finish_connect(struct stream *stream)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (error != 0 || buf_length(&stream->out) == 0)
		stop_write(stream);
	if (error != 0) {
		stream->error = error;
		tell(stream, STREAM_CLOSED);
		return;
	}
	stream->connecting = false;
	stream_resume(stream);
	tell(stream, STREAM_OPENED);
}

/* The output buffer is empty: give its memory to the next who writes. */
static void
release_out(struct stream *stream)
{
	if (stream->out.size > 0)
		loop_give_spare(stream->loop, &stream->out);
}

static void
wait_writable(struct stream *stream)
{
	if (!stream->write_waiting)
		want_write(stream);
}

/* A send failed for good: nothing more can go out. */
static void
break_stream(struct stream *stream, int error)
{
	buf_clear(&stream->out);
	release_out(stream);
	if (!stream->broken)
		fail_later(stream, error);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;
	ssize_t sent;

	(void)what;
	if (stream->connecting) {
		finish_connect(stream);
		return;
	}
	sent = send(fd, buf_bytes(&stream->out), buf_length(&stream->out), MSG_NOSIGNAL);
	if (sent < 0) {
		if (errno != EAGAIN && errno != EINTR)
			break_stream(stream, errno);
		return;
	}
	buf_consume(&stream->out, (size_t)sent);
	if (buf_length(&stream->out) > 0)
		return;
	stop_write(stream);
	release_out(stream);
	tell(stream, STREAM_DRAINED);
}

struct buf *
stream_out(struct stream *stream)
{
	if (stream->out.size == 0)
		stream->out = loop_take_spare(stream->loop);
	return &stream->out;
}

/* How much of what was built and of `bytes` the kernel took; -1 when it broke. */
static ssize_t
send_both(struct stream *stream, const void *bytes, size_t length)
{
	struct iovec parts[2] = {
		{ .iov_base = buf_bytes(&stream->out), .iov_len = buf_length(&stream->out) },
		{ .iov_base = (void *)(uintptr_t)bytes, .iov_len = length },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t sent;

	if (parts[0].iov_len == 0)
		sent = send(stream->fd, bytes, length, MSG_NOSIGNAL);
	else if (length == 0)
		sent = send(stream->fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
	else
		sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return sent;
}

void
stream_send(struct stream *stream, const void *bytes, size_t length)
{
	size_t built = buf_length(&stream->out);
	ssize_t sent;

	if (built + length == 0 || stream->broken || stream->fd < 0) {
		buf_clear(&stream->out);
		return;
	}
	if (stream->write_waiting) { /* not open yet, or the peer is slow */
		buf_put(stream_out(stream), bytes, length);
		return;
	}
	sent = send_both(stream, bytes, length);
	if (sent < 0) {
		break_stream(stream, errno);
		return;
	}
	if ((size_t)sent == built + length) {
		buf_clear(&stream->out);
		release_out(stream);
		return;
	}
	if ((size_t)sent >= built) {
		size_t skip = (size_t)sent - built;

		buf_clear(&stream->out);
		buf_put(stream_out(stream), (const uint8_t *)bytes + skip, length - skip);
	} else {
		buf_consume(&stream->out, (size_t)sent);
		buf_put(&stream->out, bytes, length);
	}
	wait_writable(stream);
}

void
stream_flush(struct stream *stream)
{
	stream_send(stream, NULL, 0);
}

size_t
stream_pending(const struct stream *stream)
{
	return buf_length(&stream->out);
}

void
stream_pause(struct stream *stream)
{
	if (stream->paused || stream->fd < 0)
		return;
	stream->paused = true;
	forget_read(stream);
	event_del(&stream->read_event);
}

void
stream_resume(struct stream *stream)
{
	if (!stream->paused || stream->fd < 0)
		return;
	stream->paused = false;
	event_add(&stream->read_event, NULL);
}

bool
stream_is_paused(const struct stream *stream)
{
	return stream->paused;
}

bool
stream_is_hung_up(const struct stream *stream)
{
	struct pollfd look = { .fd = stream->fd, .events = POLLRDHUP };

	return poll(&look, 1, 0) > 0;
}

void
stream_detach(struct stream *stream)
{
	assert(buf_length(&stream->out) == 0 && !stream->broken);
	forget_read(stream);
	event_del(&stream->read_event);
	drop_write(stream);
	release_out(stream);
	stream->loop = NULL;
	stream->callback = NULL;
}

void
stream_attach(struct stream *stream, struct loop *loop, stream_callback *callback, void *arg)
{
	stream->loop = loop;
	stream->callback = callback;
	stream->arg = arg;
	stream->paused = false;
	register_events(stream);
	event_add(&stream->read_event, NULL);
}

const char *
stream_why(const struct stream *stream)
{
	return stream->error == 0 ? "connection closed by the other side" : strerror(stream->error);
}

int
stream_fd(const struct stream *stream)
{
	return stream->fd;
}
