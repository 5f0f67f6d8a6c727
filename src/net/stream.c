/* stream.c - see stream.h: what streams of both engines do alike. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "net_internal.h"
#include "stream_internal.h"

static struct stream *
stream_new(struct loop *loop, int fd, stream_callback *callback, void *arg)
{
	const struct stream_engine *engine =
	    loop_ring(loop) == NULL ? &stream_event_engine : &stream_ring_engine;
	struct stream *stream = mem_zalloc(1, engine->size);

	stream->engine = engine;
	stream->loop = loop;
	stream->fd = fd;
	stream->callback = callback;
	stream->arg = arg;
	engine->attach(stream);
	return stream;
}

struct stream *
stream_accepted(struct loop *loop, int fd, stream_callback *callback, void *arg)
{
	struct stream *stream = stream_new(loop, fd, callback, arg);

	stream->engine->listen(stream);
	return stream;
}

/* A failure is told by the loop on its next turn, so that no caller is re-entered. */
static void
fail_later(struct stream *stream, int error)
{
	stream->error = error;
	stream->broken = true;
	stream->engine->fail(stream);
}

struct stream *
stream_connect(
    struct loop *loop, const struct address *to, stream_callback *callback, void *arg)
{
	const int on = 1;
	int fd =
	    socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = errno;
	struct stream *stream = stream_new(loop, fd, callback, arg);

	stream->connecting = true;
	stream->paused = true;
	if (fd < 0) {
		fail_later(stream, error);
		return stream;
	}
	if (!address_is_unix(to)) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	if (connect(fd, (const struct sockaddr *)&to->storage, to->length) == 0 ||
	    errno == EINPROGRESS) {
		stream->write_waiting = true;
		stream->engine->await_writable(stream);
	} else {
		fail_later(stream, errno);
	}
	return stream;
}

void
stream_die(struct deferred *death)
{
	mem_free((struct stream *)death); /* its first member */
}

void
stream_close(struct stream *stream)
{
	stream->callback = NULL;
	stream->engine->close(stream);
	buf_free(&stream->out);
	stream->direct_length = 0;
}

const uint8_t *
stream_data(const struct stream *stream, size_t *length)
{
	*length = stream->length;
	return stream->data;
}

void
stream_tell(struct stream *stream, enum stream_event event)
{
	if (stream->callback != NULL)
		stream->callback(stream, event, stream->arg);
}

void
stream_release_out(struct stream *stream)
{
	if (stream->out.size > 0)
		loop_give_spare(stream->loop, &stream->out);
}

void
stream_break(struct stream *stream, int error)
{
	buf_clear(&stream->out);
	stream_release_out(stream);
	if (!stream->broken)
		fail_later(stream, error);
}

static void
stop_waiting(struct stream *stream)
{
	stream->write_waiting = false;
	stream->engine->forget_writable(stream);
}

static void
finish_connect(struct stream *stream)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (error != 0 || buf_length(&stream->out) == 0)
		stop_waiting(stream);
	else
		stream->engine->await_writable(stream);
	if (error != 0) {
		stream->error = error;
		stream_tell(stream, STREAM_CLOSED);
		return;
	}
	stream->connecting = false;
	stream_resume(stream);
	stream_tell(stream, STREAM_OPENED);
}

void
stream_writable(struct stream *stream)
{
	ssize_t sent;

	if (stream->connecting) {
		finish_connect(stream);
		return;
	}
	sent = send(
	    stream->fd, buf_bytes(&stream->out), buf_length(&stream->out), MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		stop_waiting(stream);
		stream_break(stream, errno);
		return;
	}
	buf_consume(&stream->out, sent < 0 ? 0 : (size_t)sent);
	if (buf_length(&stream->out) > 0) {
		stream->engine->await_writable(stream);
		return;
	}
	stop_waiting(stream);
	stream_release_out(stream);
	stream_tell(stream, STREAM_DRAINED);
}

/* The bytes that were to be sent from where they were received move behind what was
 * built. */
static void
keep_direct(struct stream *stream)
{
	size_t length = stream->direct_length;

	stream->direct_length = 0;
	buf_put(stream_out(stream), stream->direct, length);
}

struct buf *
stream_out(struct stream *stream)
{
	if (stream->out.size == 0)
		stream->out = loop_take_spare(stream->loop);
	if (stream->direct_length > 0)
		keep_direct(stream);
	return &stream->out;
}

/* How much of what was built and of `bytes` the kernel took; -1 when it broke. */
static ssize_t
send_both(struct stream *stream, const void *bytes, size_t length)
{
	struct iovec parts[2] = {
		{ .iov_base = buf_bytes(&stream->out),
		    .iov_len = buf_length(&stream->out) },
		{ .iov_base = (void *)(uintptr_t)bytes, .iov_len = length },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t sent;

	if (parts[0].iov_len == 0)
		sent = send(stream->fd, bytes, length, MSG_NOSIGNAL);
	else if (length == 0)
		sent =
		    send(stream->fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
	else
		sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return sent;
}

void
stream_send_now(struct stream *stream, const void *bytes, size_t length)
{
	size_t built = buf_length(&stream->out);
	ssize_t sent = send_both(stream, bytes, length);

	if (sent < 0) {
		stream_break(stream, errno);
		return;
	}
	if ((size_t)sent == built + length) {
		buf_clear(&stream->out);
		stream_release_out(stream);
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
	stream->write_waiting = true;
	stream->engine->await_writable(stream);
}

void
stream_send(struct stream *stream, const void *bytes, size_t length)
{
	if (buf_length(&stream->out) + stream->direct_length + length == 0 ||
	    stream->broken || stream->fd < 0) {
		buf_clear(&stream->out);
		return;
	}
	if (stream->write_waiting) { /* not open yet, or the peer is slow */
		buf_put(stream_out(stream), bytes, length);
		return;
	}
	stream->engine->send(stream, bytes, length);
}

void
stream_flush(struct stream *stream)
{
	stream_send(stream, NULL, 0);
}

size_t
stream_pending(const struct stream *stream)
{
	size_t below =
	    stream->engine->pending == NULL ? 0 : stream->engine->pending(stream);

	return below + (stream->write_waiting ? buf_length(&stream->out) : 0);
}

size_t
stream_unsent(const struct stream *stream)
{
	return buf_length(&stream->out) + stream->direct_length;
}

void
stream_pause(struct stream *stream)
{
	stream->wants_pause = true;
	if (stream->paused || stream->fd < 0)
		return;
	stream->paused = true;
	stream->engine->deafen(stream);
}

void
stream_resume(struct stream *stream)
{
	stream->wants_pause = false;
	if (!stream->paused || stream->suspended || stream->fd < 0)
		return;
	stream->paused = false;
	stream->engine->listen(stream);
}

bool
stream_is_paused(const struct stream *stream)
{
	return stream->suspended ? stream->wants_pause : stream->paused;
}

void
stream_suspend(struct stream *stream)
{
	bool paused = stream->paused;

	if (stream->suspended)
		return;
	stream->suspended = true;
	stream_pause(stream);
	stream->wants_pause = paused;
}

void
stream_wake(struct stream *stream)
{
	if (!stream->suspended)
		return;
	stream->suspended = false;
	if (!stream->wants_pause)
		stream_resume(stream);
}

bool
stream_is_flushed(const struct stream *stream)
{
	return stream_unsent(stream) == 0 && stream_pending(stream) == 0;
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
	assert(!stream->broken && !stream->write_waiting);
	stream->engine->detach(stream);
	if (!stream->write_waiting) /* else what its peer did not take goes along */
		stream_release_out(stream);
	stream->loop = NULL;
	stream->callback = NULL;
}

void
stream_attach(
    struct stream *stream, struct loop *loop, stream_callback *callback, void *arg)
{
	stream->loop = loop;
	stream->callback = callback;
	stream->arg = arg;
	stream->paused = false;
	stream->engine->attach(stream);
	stream->engine->listen(stream);
}

const char *
stream_why(const struct stream *stream)
{
	const char *why = tls_why(stream);

	if (why != NULL)
		return why;
	return stream->error == 0 ? "connection closed by the other side"
				  : strerror(stream->error);
}

int
stream_error(const struct stream *stream)
{
	return stream->error;
}

int
stream_fd(const struct stream *stream)
{
	return stream->fd;
}
