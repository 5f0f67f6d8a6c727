/* tls_internal.h - what the files of TLS share and nobody else sees. */
#ifndef NET_TLS_INTERNAL_H
#define NET_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "net/tls.h"

/* What ALPN calls PostgreSQL's protocol, as TLS writes it: its length and its name. */
#define TLS_ALPN "\012postgresql"

/* tls_context.c: a connection under these rules; to `host`, if we connect. */
SSL *tls_context_open(const struct tls_context *context, const char *host);
bool tls_context_accepts(const struct tls_context *context);
/* The file against which peers are verified, for messages. */
const char *tls_context_ca(const struct tls_context *context);

/* tls_bio.c: encrypted bytes at hand, and the stream to which those that OpenSSL makes go. */
struct tls_bytes {
	const uint8_t *in;
	size_t in_length;
	struct stream *out; /* they are built on it; whoever calls OpenSSL flushes it */
};
/* False: OpenSSL failed. */
bool tls_bytes_attach(SSL *ssl, struct tls_bytes *bytes);

/* tls_reason.c: OpenSSL's words for what failed last on this thread; the caller frees. */
char *tls_reason(void);

/* tls_peer.c */
void tls_peer_read(struct tls_peer *peer, SSL *ssl);
void tls_peer_clear(struct tls_peer *peer);
size_t tls_certificate_hash(SSL *ssl, bool ours, uint8_t hash[TLS_END_POINT_MOST]);

#endif
