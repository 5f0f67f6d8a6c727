/*
 * client_tls.c - when a client's connection is encrypted, and whether it is encrypted
 * enough to log in.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/tls.h"
#include "session_internal.h"

enum { TLS_FIRST_BYTE = 0x16 }; /* of a handshake; no startup packet is that long */

/* NULL: no TLS is spoken with this client. */
static const struct security *
security_for(const struct client *client)
{
	const struct security *security = pools_security(clients_pools(client->clients));
	struct address peer = client_address(client);

	if (security == NULL || security->client == NULL || address_is_unix(&peer))
		return NULL;
	return security;
}

size_t
client_tls_asked(struct client *client, enum startup_kind kind, size_t packet, size_t length)
{
	bool *asked = kind == STARTUP_SSL ? &client->ssl_asked : &client->gss_asked;
	const struct security *security = security_for(client);
	char label[CLIENT_LABEL_SIZE];

	if (*asked || stream_is_encrypted(client->stream)) {
		client_close(client, "encryption asked for twice");
		return length;
	}
	*asked = true;
	if (kind == STARTUP_GSSENC || security == NULL) {
		buf_put_u8(stream_out(client->stream), 'N');
		return packet;
	}
	if (length > packet) {
		/* Whoever is between us may have put them there, to be taken for the client's. */
		client_label(client, label);
		log_warning("%s sent bytes behind its SSLRequest, before TLS began: closed", label);
		client_close(client, "unencrypted bytes behind SSLRequest");
		return length;
	}
	buf_put_u8(stream_out(client->stream), 'S');
	stream_flush(client->stream);
	client_encrypt(client, security->client, NULL, 0, false);
	return packet;
}

bool
client_tls_begins(struct client *client, const uint8_t *bytes, size_t length)
{
	const struct security *security;

	if (bytes[0] != TLS_FIRST_BYTE || client->ssl_asked || client->gss_asked)
		return false;
	security = security_for(client);
	if (security == NULL)
		return false;
	client->ssl_asked = true;
	client_encrypt(client, security->client, bytes, length, true);
	return true;
}

const char *
client_tls_fault(const struct client *client, struct error *err)
{
	const struct tls_peer *tls = stream_tls_peer(client->stream);
	const struct security *security = security_for(client);

	if (security == NULL || security->client_mode < TLS_MODE_REQUIRE)
		return NULL;
	if (tls == NULL) {
		error_set_state(err, ERROR_AUTH, "28000",
		    "this server takes encrypted connections only: connect with "
		    "sslmode=require or stricter");
		return "it speaks no TLS, and tls.client.mode wants it";
	}
	/* It began under other rules, or has no certificate. */
	if (security->client_mode >= TLS_MODE_VERIFY_CA && tls->subject == NULL) {
		error_set_state(err, ERROR_AUTH, "28000", "a client certificate is required");
		return "it has shown no certificate, and tls.client.mode wants one";
	}
	if (security->client_mode < TLS_MODE_VERIFY_FULL ||
	    (tls->common_name != NULL && strcmp(tls->common_name, client_user(client)) == 0))
		return NULL;
	error_set_state(err, ERROR_AUTH, "28000",
	    "certificate authentication failed for user \"%s\"", client_user(client));
	return "its certificate is another user's, and tls.client.mode is verify-full";
}
