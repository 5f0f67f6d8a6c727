/*
 * tls.c - see tls.h: the engine of encrypted streams.
 *
 * An encrypted stream owns the plain one that was there before it: it hears what came,
 * decrypts it into a buffer that all streams of a loop share, and tells its own owner.
 * Both engines below stay what they are, and plain streams know nothing of this.
 *
 * Bytes for a slow peer wait as they are, and are encrypted when those before them have
 * gone. Handshakes are the loop's chores, a few a turn: a storm of them costs those who
 * are connected already a few milliseconds each turn, not a second once.
 */
#include <assert.h>
#include <openssl/err.h>

#include "base/mem.h"
#include "net_internal.h"
#include "stream_internal.h"
#include "tls_internal.h"

/* Owned as any stream is. */
struct tls_stream {
	struct stream base;
	struct stream *plain; /* ours */
	SSL *ssl;
	struct tls_context *context; /* referenced */
	struct tls_bytes bytes;      /* those at hand only while OpenSSL is called */
	struct buf held;             /* encrypted; came while nobody wanted to hear */
	struct deferred look;        /* what was held is read, by the loop */
	struct chore chore;          /* a step of the handshake */
	bool handshaking;
	bool direct;   /* by ALPN alone it can say what it speaks */
	bool cut;      /* the network ended it; what came before may still be held */
	bool ended;    /* the peer will say nothing more */
	bool told_end; /* and our owner knows */
	char *host;    /* whom we meant to reach; NULL: it came to us */
	char *why;     /* TLS failed; NULL: it did not */
	size_t replies; /* bytes that OpenSSL answered by itself while the peer was slow */
	struct tls_peer peer;
};

/* Alerts and new keys are small: who asks for so many and reads none means harm. */
enum { REPLIES_MOST = 64 * 1024 };

static const struct stream_engine stream_tls_engine;

static struct tls_stream *
tls_of(struct stream *stream)
{
	return (struct tls_stream *)stream; /* its first member */
}

static const struct tls_stream *
tls_or_null(const struct stream *stream)
{
	return stream->engine == &stream_tls_engine ? (const struct tls_stream *)stream : NULL;
}

static bool
is_closed(const struct tls_stream *own)
{
	return own->base.callback == NULL;
}

static void look(struct deferred *deferred);

/* TLS itself ends it. Whoever calls tells the owner, at once or from the loop. */
static void
fail(struct tls_stream *own, const char *format, const char *reason)
{
	if (own->why == NULL)
		own->why = mem_printf(format, reason);
	own->handshaking = false;
	own->ended = true;
	own->base.broken = true;
	buf_clear(&own->base.out);
}

/* OpenSSL refused to go on. */
static void
fail_with_reason(struct tls_stream *own, const char *format)
{
	long verified = SSL_get_verify_result(own->ssl);
	char *reason = tls_reason(), *more;

	if (verified != X509_V_OK && SSL_get_verify_mode(own->ssl) != SSL_VERIFY_NONE) {
		more = own->host == NULL
		    ? mem_printf("%s: %s (by %s)", reason, X509_verify_cert_error_string(verified),
			  tls_context_ca(own->context))
		    : mem_printf("%s: %s (host \"%s\", by %s)", reason,
			  X509_verify_cert_error_string(verified), own->host,
			  tls_context_ca(own->context));
		mem_free(reason);
		reason = more;
	}
	fail(own, format, reason);
	mem_free(reason);
}

static void
tell_end(struct tls_stream *own)
{
	if (own->told_end || own->base.paused)
		return;
	own->told_end = true;
	stream_tell(&own->base, STREAM_CLOSED);
}

/* --- what goes out -------------------------------------------------------------- */

static void
encrypt(struct tls_stream *own, const void *bytes, size_t length)
{
	size_t written;

	if (length == 0 || own->why != NULL)
		return;
	ERR_clear_error();
	if (SSL_write_ex(own->ssl, bytes, length, &written) == 1)
		return;
	fail_with_reason(own, "TLS failed: %s");
	loop_defer(own->base.loop, &own->look, look);
}

/* Everything that waits is encrypted, and goes as far as the peer takes it. */
static void
send_built(struct tls_stream *own)
{
	struct stream *base = &own->base;

	base->write_waiting = false;
	encrypt(own, buf_bytes(&base->out), buf_length(&base->out));
	buf_clear(&base->out);
	stream_release_out(base);
}

static void
tls_send(struct stream *stream, const void *bytes, size_t length)
{
	struct tls_stream *own = tls_of(stream);

	if (own->handshaking || own->plain->write_waiting) {
		buf_put(stream_out(stream), bytes, length);
		stream->write_waiting = true;
		return;
	}
	/* Small parts share a record. */
	if (buf_length(&stream->out) > 0 && length <= SSL3_RT_MAX_PLAIN_LENGTH / 4) {
		buf_put(stream_out(stream), bytes, length);
		length = 0;
	}
	send_built(own);
	encrypt(own, bytes, length);
	stream_flush(own->plain);
}

/* What was sent before has gone. */
static void
go_on_sending(struct tls_stream *own)
{
	if (own->handshaking)
		return;
	send_built(own);
	stream_flush(own->plain);
	if (own->plain->write_waiting)
		own->base.write_waiting = true;
	else
		stream_tell(&own->base, STREAM_DRAINED);
}

/* --- the handshake -------------------------------------------------------------- */

static bool
speaks_postgresql(const struct tls_stream *own)
{
	const unsigned char *chosen;
	unsigned length = 0;

	SSL_get0_alpn_selected(own->ssl, &chosen, &length);
	return length > 0; /* tls_context.c chooses ours or none */
}

static void
finish_handshake(struct tls_stream *own)
{
	own->handshaking = false;
	if (own->direct && !speaks_postgresql(own)) {
		fail(own, "%s", "TLS from the first byte needs ALPN \"postgresql\"");
		return;
	}
	tls_peer_read(&own->peer, own->ssl);
	if (own->base.paused)
		stream_pause(own->plain);
	send_built(own);
	stream_flush(own->plain);
	if (own->host != NULL)
		stream_tell(&own->base, STREAM_OPENED);
}

/* One step with what is at hand. What is to be said goes out, an alert too. */
static void
shake(struct tls_stream *own)
{
	int done;

	ERR_clear_error();
	done = SSL_do_handshake(own->ssl);
	if (done == 1) {
		finish_handshake(own);
		return;
	}
	if (SSL_get_error(own->ssl, done) != SSL_ERROR_WANT_READ)
		fail_with_reason(own, "TLS handshake failed: %s");
	stream_flush(own->plain);
}

/* --- what comes in -------------------------------------------------------------- */

/* What OpenSSL answered by itself is bounded, as is all that waits for a peer. */
static void
count_replies(struct tls_stream *own, size_t bytes)
{
	own->replies = own->plain->write_waiting ? own->replies + bytes : bytes;
	if (own->replies > REPLIES_MOST)
		fail(own, "TLS failed: %s", "the peer makes us answer and reads no answer");
}

/* Decrypt into the loop's buffer, until it is full or nothing is at hand. */
static size_t
decrypt_some(struct tls_stream *own, uint8_t *to)
{
	size_t length = 0, got;
	int done;

	while (length < LOOP_SHARED_SIZE && !own->ended) {
		ERR_clear_error();
		done = SSL_read_ex(own->ssl, to + length, LOOP_SHARED_SIZE - length, &got);
		if (done == 1) {
			length += got;
			continue;
		}
		switch (SSL_get_error(own->ssl, done)) {
		case SSL_ERROR_WANT_READ:
			return length;
		case SSL_ERROR_ZERO_RETURN:
			own->ended = true;
			break;
		default:
			fail_with_reason(own, "TLS failed: %s");
		}
	}
	return length;
}

static size_t
decrypt(struct tls_stream *own, uint8_t *to)
{
	size_t unsent = stream_unsent(own->plain);
	size_t length = decrypt_some(own, to);

	if (stream_unsent(own->plain) > unsent)
		count_replies(own, stream_unsent(own->plain) - unsent);
	stream_flush(own->plain);
	return length;
}

/* As far as the bytes at hand reach and the owner wants to hear. */
static void
read_on(struct tls_stream *own)
{
	uint8_t *to = loop_decrypted(own->base.loop);
	size_t length;

	if (own->handshaking)
		shake(own);
	if (is_closed(own))
		return;
	while (!own->handshaking && !own->ended && !own->base.paused && !is_closed(own)) {
		length = decrypt(own, to);
		if (length == 0)
			break;
		own->base.data = to;
		own->base.length = length;
		stream_tell(&own->base, STREAM_DATA);
	}
	if (own->ended && !is_closed(own))
		tell_end(own);
}

static void
feed(struct tls_stream *own, const uint8_t *bytes, size_t length)
{
	own->bytes.in = bytes;
	own->bytes.in_length = length;
	read_on(own);
	if (!is_closed(own) && !own->ended)
		buf_put(&own->held, own->bytes.in, own->bytes.in_length);
	own->bytes.in_length = 0;
}

static void
feed_held(struct tls_stream *own)
{
	struct buf held = own->held;

	own->held = (struct buf){ 0 };
	feed(own, buf_bytes(&held), buf_length(&held));
	buf_free(&held);
}

/* The owner wants to hear again, or is to be told of an end. */
static void
look(struct deferred *deferred)
{
	struct tls_stream *own =
	    (struct tls_stream *)((char *)deferred - offsetof(struct tls_stream, look));

	if (is_closed(own) || own->base.paused || own->handshaking)
		return;
	if (!own->ended)
		feed_held(own);
	if (is_closed(own) || own->base.paused)
		return;
	own->ended |= own->cut;
	if (own->ended)
		tell_end(own);
	else
		stream_resume(own->plain);
}

static void
on_chore(struct chore *chore)
{
	struct tls_stream *own =
	    (struct tls_stream *)((char *)chore - offsetof(struct tls_stream, chore));

	feed_held(own);
	if (!is_closed(own) && !own->base.paused)
		stream_resume(own->plain);
}

static void
on_data(struct tls_stream *own)
{
	size_t length;
	const uint8_t *bytes = stream_data(own->plain, &length);

	if (!own->handshaking && !own->base.paused && buf_length(&own->held) == 0) {
		feed(own, bytes, length);
		return;
	}
	buf_put(&own->held, bytes, length);
	if (!own->handshaking)
		return;
	loop_add_chore(own->base.loop, &own->chore, on_chore);
	if (buf_length(&own->held) > LOOP_SHARED_SIZE)
		stream_pause(own->plain); /* a stranger's; until its turn comes */
}

/* The network ended it. In a handshake what came with the end may tell why: it is read. */
static void
on_plain_end(struct tls_stream *own)
{
	if (own->handshaking && buf_length(&own->held) > 0) {
		loop_drop_chore(own->base.loop, &own->chore);
		feed_held(own);
	}
	if (is_closed(own) || own->told_end)
		return;
	own->base.error = own->plain->error;
	own->cut = true;
	if (buf_length(&own->held) > 0 && !own->handshaking) {
		loop_defer(own->base.loop, &own->look, look);
		return;
	}
	own->ended = true;
	tell_end(own);
}

static void
on_plain(struct stream *plain, enum stream_event event, void *arg)
{
	struct tls_stream *own = arg;

	(void)plain;
	switch (event) {
	case STREAM_OPENED: /* it was open before it came to us */
		break;
	case STREAM_DATA:
		if (!own->ended)
			on_data(own);
		break;
	case STREAM_DRAINED:
		go_on_sending(own);
		break;
	case STREAM_CLOSED:
		on_plain_end(own);
		break;
	}
}

/* --- the engine ----------------------------------------------------------------- */

static void
tls_attach(struct stream *stream)
{
	stream_attach(tls_of(stream)->plain, stream->loop, on_plain, stream);
}

static void
tls_listen(struct stream *stream)
{
	struct tls_stream *own = tls_of(stream);

	if (own->ended || own->cut || buf_length(&own->held) > 0 || SSL_has_pending(own->ssl))
		loop_defer(stream->loop, &own->look, look);
	else
		stream_resume(own->plain);
}

static void
tls_deafen(struct stream *stream)
{
	if (!tls_of(stream)->handshaking)
		stream_pause(tls_of(stream)->plain);
}

/* The plain stream waits for its peer, we for the plain stream. */
static void
tls_await_nothing(struct stream *stream)
{
	(void)stream;
}

/* Encrypted already, and its peer did not take it yet. */
static size_t
tls_pending(const struct stream *stream)
{
	const struct tls_stream *own = (const struct tls_stream *)stream; /* its first member */

	return own->plain == NULL ? 0 : stream_pending(own->plain);
}

static void
tls_fail(struct stream *stream)
{
	loop_defer(stream->loop, &tls_of(stream)->look, look);
}

static void
tls_detach(struct stream *stream)
{
	struct tls_stream *own = tls_of(stream);

	assert(!own->handshaking);
	stream->paused = true; /* what still comes is held, for the next loop */
	stream_detach(own->plain);
	loop_undefer(stream->loop, &own->look);
}

static void
tls_die(struct deferred *death)
{
	struct tls_stream *own = (struct tls_stream *)death; /* first of the first */

	SSL_free(own->ssl);
	tls_context_release(own->context);
	tls_peer_clear(&own->peer);
	mem_free(own->host);
	mem_free(own->why);
	mem_free(own);
}

/* The peer is told that this is the end, unless it is slow or there was no beginning. */
static void
tls_close(struct stream *stream)
{
	struct tls_stream *own = tls_of(stream);

	if (own->why == NULL && !own->handshaking && !own->plain->write_waiting) {
		ERR_clear_error();
		(void)SSL_shutdown(own->ssl);
		stream_flush(own->plain);
	}
	loop_drop_chore(stream->loop, &own->chore);
	stream_close(own->plain);
	own->plain = NULL;
	stream->fd = -1;
	buf_free(&own->held);
	loop_defer(stream->loop, &stream->death, tls_die);
}

static const struct stream_engine stream_tls_engine = {
	.size = sizeof(struct tls_stream),
	.attach = tls_attach,
	.listen = tls_listen,
	.deafen = tls_deafen,
	.await_writable = tls_await_nothing,
	.forget_writable = tls_await_nothing,
	.pending = tls_pending,
	.send = tls_send,
	.fail = tls_fail,
	.detach = tls_detach,
	.close = tls_close,
};

/* Take the plain stream's place; its owner hears from us from now on. */
static struct tls_stream *
take_over(struct stream *plain, struct tls_context *context, const char *host,
    stream_callback *callback, void *arg)
{
	struct tls_stream *own = mem_zalloc(1, sizeof(*own));

	own->base = (struct stream){ .engine = &stream_tls_engine,
		.loop = plain->loop,
		.callback = callback,
		.arg = arg,
		.fd = plain->fd };
	own->plain = plain;
	own->context = tls_context_reference(context);
	own->host = mem_strdup(host);
	own->bytes.out = plain;
	own->handshaking = true;
	plain->callback = on_plain;
	plain->arg = own;
	stream_resume(plain);
	own->ssl = tls_context_open(context, host);
	if (own->ssl == NULL || !tls_bytes_attach(own->ssl, &own->bytes)) {
		fail(own, "%s", "OpenSSL cannot begin a connection");
		loop_defer(plain->loop, &own->look, look);
	}
	return own;
}

struct stream *
tls_accept(struct stream *plain, struct tls_context *context, const uint8_t *first,
    size_t length, bool direct, stream_callback *callback, void *arg)
{
	struct tls_stream *own = take_over(plain, context, NULL, callback, arg);

	own->direct = direct;
	buf_put(&own->held, first, length);
	if (length > 0 && own->handshaking)
		loop_add_chore(plain->loop, &own->chore, on_chore);
	return &own->base;
}

struct stream *
tls_connect(struct stream *plain, struct tls_context *context, const char *host,
    stream_callback *callback, void *arg)
{
	struct tls_stream *own = take_over(plain, context, host, callback, arg);

	loop_add_chore(plain->loop, &own->chore, on_chore);
	return &own->base;
}

/* --- what can be asked ---------------------------------------------------------- */

bool
stream_is_encrypted(const struct stream *stream)
{
	return tls_or_null(stream) != NULL;
}

bool
stream_is_untrusted(const struct stream *stream)
{
	const struct tls_stream *own = tls_or_null(stream);

	return own != NULL && own->why != NULL;
}

const char *
tls_why(const struct stream *stream)
{
	const struct tls_stream *own = tls_or_null(stream);

	return own == NULL ? NULL : own->why;
}

const struct tls_peer *
stream_tls_peer(const struct stream *stream)
{
	const struct tls_stream *own = tls_or_null(stream);

	return own == NULL || own->peer.protocol == NULL ? NULL : &own->peer;
}

size_t
stream_tls_end_point(const struct stream *stream, uint8_t end_point[TLS_END_POINT_MOST])
{
	const struct tls_stream *own = tls_or_null(stream);

	if (own == NULL || own->peer.protocol == NULL)
		return 0;
	return tls_certificate_hash(own->ssl, own->host == NULL, end_point);
}
