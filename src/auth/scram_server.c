/*
 * scram_server.c - we check a client with SCRAM-SHA-256 (RFC 5802, RFC 7677).
 *
 * As PostgreSQL does it: the user's name in the messages is ignored, since the
 * startup message has named the user already; channel binding is offered inside TLS;
 * proof of a doomed log-in is computed like any other and then refused.
 */
#include <string.h>
#include <openssl/crypto.h>

#include "auth_internal.h"
#include "base/text.h"
#include "mock.h"
#include "scram_fields.h"
#include "wire/read.h"

enum { SALT_OURS = 16 };

/* A verifier for a clear secret. Its salt depends on the name alone, as a made-up one does. */
static bool
derive_verifier(struct auth_server *auth)
{
	struct scram_verifier *verifier = &auth->verifier;
	struct scram_cache_place place;
	struct scram_keys keys = { 0 };
	bool good;

	verifier->iterations = SCRAM_ITERATIONS_OURS;
	verifier->salt_length = SALT_OURS;
	if (!mock_salt(auth->user, verifier->salt, SALT_OURS) ||
	    !scram_cache_place(&place, auth->user, auth->secret, verifier->salt, SALT_OURS,
		verifier->iterations))
		return false;
	good = scram_cache_find(&place, &keys);
	if (!good) {
		good = scram_keys_derive(
		    &keys, auth->secret, verifier->salt, SALT_OURS, verifier->iterations);
		if (good)
			scram_cache_keep(&place, &keys);
	}
	memcpy(verifier->server_key, keys.server_key, SCRAM_KEY_SIZE);
	good = good && scram_stored_key(keys.client_key, verifier->stored_key);
	OPENSSL_cleanse(&keys, sizeof(keys));
	return good;
}

void
scram_server_ask(struct auth_server *auth, struct buf *body)
{
	scram_make_nonce(auth->nonce);
	if (auth->binding.length > 0)
		buf_put_cstring(body, SCRAM_PLUS_MECHANISM);
	buf_put_cstring(body, SCRAM_MECHANISM);
	buf_put_u8(body, '\0'); /* the empty name that ends the list */
}

enum auth_step
scram_server_initial(struct auth_server *auth, struct auth_turn *turn)
{
	struct reader reader = reader_over(turn->message, turn->length);
	const char *mechanism = read_cstring(&reader);
	uint32_t length = read_u32(&reader);

	if (!reader_ok(&reader))
		return auth_server_malformed(turn, "the SASLInitialResponse is malformed");
	auth->plus =
	    auth->binding.length > 0 && strcmp(mechanism, SCRAM_PLUS_MECHANISM) == 0;
	if (!auth->plus && strcmp(mechanism, SCRAM_MECHANISM) != 0)
		return auth_server_malformed(turn, "the SASL mechanism is not SCRAM-SHA-256");
	if (length == UINT32_MAX && reader_done(&reader)) {
		/* No data yet: an empty challenge asks for it. */
		turn->code = AUTH_CODE_SASL_CONTINUE;
		auth_server_enter(auth, AUTH_SERVER_SCRAM_FIRST);
		return AUTH_CONTINUE;
	}
	turn->message = read_bytes(&reader, length);
	turn->length = length;
	if (!reader_done(&reader))
		return auth_server_malformed(turn, "the SASLInitialResponse is malformed");
	return scram_server_first(auth, turn);
}

/* What may stand before the first comma. NULL, or what is wrong. */
static const char *
flag_fault(const struct auth_server *auth, const char *at)
{
	switch (at[0]) {
	case 'p':
		return auth->plus ? NULL
				  : "the client demands SCRAM channel binding, which needs TLS "
				    "and SCRAM-SHA-256-PLUS";
	case 'y':
		/* RFC 5802, 6: it did not see our offer, so somebody took it away. */
		if (auth->binding.length > 0 && !auth->plus)
			return "the client knows SCRAM channel binding and thinks that we do "
			       "not: the offer of it was lost on the way";
		break;
	case 'n':
		break;
	default:
		return "client-first-message begins with no GS2 header";
	}
	return auth->plus ? "the client chose SCRAM channel binding and does not bind" : NULL;
}

/* "n,,", "y,," or that of channel binding; no authorization identity. NULL, or what is wrong. */
static const char *
take_gs2_header(struct auth_server *auth, struct scram_fields *fields)
{
	static const char bound[] = SCRAM_PLUS_HEADER;
	const char *at = fields->at;
	size_t length = (size_t)(fields->end - at);
	const char *fault;

	if (length < 3)
		return "client-first-message is cut short";
	fault = flag_fault(auth, at);
	if (fault != NULL)
		return fault;
	auth->gs2_flag = at[0];
	if (at[0] == 'p') {
		if (length < sizeof(bound) - 1 || strncmp(at, bound, sizeof(bound) - 1) != 0)
			return "the client wants another SCRAM channel binding than "
			       "tls-server-end-point";
		fields->at += sizeof(bound) - 1;
		return NULL;
	}
	if (at[1] == ',' && at[2] == 'a')
		return "the client asks for an authorization identity, which is not supported";
	if (at[1] != ',' || at[2] != ',')
		return "client-first-message begins with no GS2 header";
	fields->at += 3;
	return NULL;
}

/* Read client-first-message, whose bare part begins AuthMessage. NULL, or what is wrong. */
static const char *
read_first(struct auth_server *auth, struct scram_fields *fields)
{
	const char *fault = take_gs2_header(auth, fields);
	struct scram_span nonce, ignored;

	if (fault != NULL)
		return fault;
	if (fields->at < fields->end && fields->at[0] == 'm')
		return "the client requires a SCRAM extension, which is not supported";
	buf_put(&auth->messages, fields->at, (size_t)(fields->end - fields->at));
	scram_field(fields, 'n');
	nonce = scram_field(fields, 'r');
	while (fields->at < fields->end && !fields->bad)
		scram_any_field(fields, &ignored);
	if (!scram_fields_done(fields) || !scram_span_is_nonce(nonce))
		return "client-first-message is malformed";
	buf_put(&auth->full_nonce, nonce.at, nonce.length);
	buf_put_text(&auth->full_nonce, auth->nonce);
	return NULL;
}

enum auth_step
scram_server_first(struct auth_server *auth, struct auth_turn *turn)
{
	struct scram_fields fields;
	const char *fault;

	if (!scram_fields_open(
		&fields, turn->message, turn->length, SASL_CLIENT_MOST, turn->err))
		return AUTH_FAILED;
	fault = read_first(auth, &fields);
	if (fault != NULL)
		return auth_server_malformed(turn, fault);
	if (auth->kind != SECRET_SCRAM && !derive_verifier(auth))
		return auth_server_refuse(auth, turn, "OpenSSL could not derive its keys");

	buf_put_text(turn->body, "r=");
	buf_put(turn->body, buf_bytes(&auth->full_nonce), buf_length(&auth->full_nonce));
	buf_put_text(turn->body, ",s=");
	text_put_base64(turn->body, auth->verifier.salt, auth->verifier.salt_length);
	buf_printf(turn->body, ",i=%u", auth->verifier.iterations);
	buf_put_u8(&auth->messages, ',');
	buf_put(&auth->messages, buf_bytes(turn->body), buf_length(turn->body));
	turn->code = AUTH_CODE_SASL_CONTINUE;
	auth_server_enter(auth, AUTH_SERVER_SCRAM_FINAL);
	return AUTH_CONTINUE;
}

static bool
is_our_binding(const struct auth_server *auth, struct scram_span binding)
{
	struct buf ours = { 0 };
	bool same;

	scram_put_binding(&ours, auth->gs2_flag, &auth->binding);
	buf_consume(&ours, 2); /* "c=" */
	same = scram_span_is(binding, (const char *)buf_bytes(&ours), buf_length(&ours));
	buf_free(&ours);
	return same;
}

/* Read client-final-message; all but its proof ends AuthMessage. NULL, or what is wrong. */
static const char *
read_final(
    struct auth_server *auth, struct scram_fields *fields, uint8_t proof[SCRAM_KEY_SIZE])
{
	const char *begin = fields->at, *last;
	struct scram_span binding = scram_field(fields, 'c');
	struct scram_span nonce = scram_field(fields, 'r');
	struct scram_span value;
	char name;

	do {
		last = fields->at;
		name = scram_any_field(fields, &value);
	} while (name != 'p' && !fields->bad);
	if (!scram_fields_done(fields) || !scram_span_key(value, proof))
		return "client-final-message is malformed";
	/* Somebody between us and the client may have changed it, or be the end of its TLS. */
	if (!is_our_binding(auth, binding))
		return "the SCRAM channel binding is not the one that the client began with";
	if (!scram_span_is(nonce, (const char *)buf_bytes(&auth->full_nonce),
		buf_length(&auth->full_nonce)))
		return "the SCRAM nonce is not the one of this conversation";
	buf_put_u8(&auth->messages, ',');
	buf_put(&auth->messages, begin, (size_t)(last - 1 - begin));
	return NULL;
}

/* ClientKey = ClientProof xor ClientSignature; it is right if its hash is StoredKey. */
static bool
recover_client_key(struct auth_server *auth, const uint8_t proof[SCRAM_KEY_SIZE],
    uint8_t client_key[SCRAM_KEY_SIZE])
{
	uint8_t signature[SCRAM_KEY_SIZE], stored_key[SCRAM_KEY_SIZE];

	if (!scram_sign(auth->verifier.stored_key, &auth->messages, signature))
		return false;
	scram_xor(client_key, proof, signature);
	return scram_stored_key(client_key, stored_key) &&
	    CRYPTO_memcmp(stored_key, auth->verifier.stored_key, SCRAM_KEY_SIZE) == 0;
}

/* Keys of a verifier that we made of a clear secret fit no other server's. */
static void
learn_keys(struct auth_server *auth, const uint8_t client_key[SCRAM_KEY_SIZE])
{
	if (auth->kind != SECRET_SCRAM)
		return;
	memcpy(auth->keys.client_key, client_key, SCRAM_KEY_SIZE);
	memcpy(auth->keys.server_key, auth->verifier.server_key, SCRAM_KEY_SIZE);
	auth->keys.set = true;
}

enum auth_step
scram_server_final(struct auth_server *auth, struct auth_turn *turn)
{
	uint8_t proof[SCRAM_KEY_SIZE], client_key[SCRAM_KEY_SIZE], signature[SCRAM_KEY_SIZE];
	struct scram_fields fields;
	const char *fault;

	if (!scram_fields_open(
		&fields, turn->message, turn->length, SASL_CLIENT_MOST, turn->err))
		return AUTH_FAILED;
	fault = read_final(auth, &fields, proof);
	if (fault != NULL)
		return auth_server_malformed(turn, fault);
	if (!recover_client_key(auth, proof, client_key) || auth->doomed != NULL ||
	    !scram_sign(auth->verifier.server_key, &auth->messages, signature))
		return auth_server_refuse(auth, turn, "wrong password");
	learn_keys(auth, client_key);
	OPENSSL_cleanse(client_key, sizeof(client_key));
	turn->code = AUTH_CODE_SASL_FINAL;
	buf_put_text(turn->body, "v=");
	text_put_base64(turn->body, signature, sizeof(signature));
	return AUTH_DONE;
}
