/*
 * encrypt.c - asking PostgreSQL for TLS, on a connection that was just opened: to log in
 * (server.c) or to cancel (cancel.c). The answer is one byte.
 */
#include "pool_internal.h"
#include "wire/build.h"

struct tls_context *
encrypt_context(const struct pool *pool, const struct address *to)
{
	const struct security *security = pools_security(pool->pools);

	if (security == NULL || security->server == NULL || address_is_unix(to) ||
	    (security->server_mode == TLS_MODE_ALLOW && !pool->wants_tls))
		return NULL;
	return tls_context_reference(security->server);
}

bool
encrypt_is_required(const struct pool *pool)
{
	const struct security *security = pools_security(pool->pools);

	return security != NULL && security->server_mode >= TLS_MODE_REQUIRE;
}

void
encrypt_ask(struct stream *stream)
{
	build_ssl_request(stream_out(stream));
	stream_flush(stream);
}

enum encrypt_answer
encrypt_answer(const struct stream *stream)
{
	size_t length;
	const uint8_t *bytes = stream_data(stream, &length);

	/* More would be taken for what the server says inside TLS, and anybody can send it. */
	if (length != 1 || (bytes[0] != 'S' && bytes[0] != 'N'))
		return ENCRYPT_NONSENSE;
	return bytes[0] == 'S' ? ENCRYPT_YES : ENCRYPT_NO;
}
