/*
 * tls.h - TLS over a stream of either engine.
 *
 * A context is one side's certificates, keys and rules, read from files once; it never
 * changes, is counted, and may be used by all threads. An encrypted stream is a stream
 * like any other to whoever owns it: it has the plain one, of which it took the place,
 * inside.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/stream.h"

struct tls_context;

/* Whom the other side has to be. */
enum tls_verify {
	TLS_VERIFY_NONE,
	TLS_VERIFY_IF_GIVEN, /* a client that shows a certificate must show a good one */
	TLS_VERIFY_CA,	     /* it must show one that the CA signed */
	TLS_VERIFY_HOST,     /* the same, and it must be the host's that was asked for */
};

/* Names of files are "" for none; so are ciphers, which leaves them to OpenSSL. */
struct tls_options {
	bool accepts; /* peers connect to us; else we connect to them */
	enum tls_verify verify;
	const char *cert, *key, *ca;
	bool only_1_3; /* TLS 1.2 is refused; older versions always are */
	const char *ciphers, *tls13_ciphers;
};

/*
 * Read the files. NULL with *err and the option that is at fault ("key") when something is
 * wrong with them. The caller has one reference.
 */
struct tls_context *tls_context_new(
    const struct tls_options *options, const char **at_fault, struct error *err);
struct tls_context *tls_context_reference(struct tls_context *context);
void tls_context_release(struct tls_context *context);
/* Made of equal options and files of equal contents? NULL is a context of its own. */
bool tls_contexts_are_equal(const struct tls_context *a, const struct tls_context *b);

/*
 * Encrypt an open stream whose peer begins with TLS now; both stream functions take the
 * plain stream over, and return the one to use in its place. `first` are bytes that came
 * already and are the beginning of TLS. `direct`: nobody asked for TLS before, so the peer
 * has to say by ALPN that it speaks PostgreSQL's protocol. STREAM_DATA or STREAM_CLOSED
 * follows, never before this returns.
 */
struct stream *tls_accept(struct stream *plain, struct tls_context *context,
    const uint8_t *first, size_t length, bool direct, stream_callback *callback, void *arg);
/* We begin. `host` is whom we meant to reach. STREAM_OPENED or STREAM_CLOSED follows. */
struct stream *tls_connect(struct stream *plain, struct tls_context *context,
    const char *host, stream_callback *callback, void *arg);

bool stream_is_encrypted(const struct stream *stream);
/* Did TLS itself end it, and not the network? Then stream_why() tells OpenSSL's reason. */
bool stream_is_untrusted(const struct stream *stream);

/* What is known of the other side once the handshake is over. Belongs to the stream. */
struct tls_peer {
	const char *protocol, *cipher; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384" */
	char *subject; /* of its verified certificate, as RFC 2253 has it; NULL: it has none */
	char *common_name; /* of the same; NULL: it has none, or one with a NUL in it */
};
/* NULL: the stream is plain, or its handshake not over. */
const struct tls_peer *stream_tls_peer(const struct stream *stream);

/*
 * RFC 5929's tls-server-end-point: the hash of the server's certificate, ours or the peer's.
 * Its length; 0 when there is none (a plain stream, a certificate signed without a hash).
 */
enum { TLS_END_POINT_MOST = 64 };
size_t stream_tls_end_point(
    const struct stream *stream, uint8_t end_point[TLS_END_POINT_MOST]);

#endif
