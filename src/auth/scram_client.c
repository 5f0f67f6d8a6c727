/*
 * scram_client.c - we log in to PostgreSQL with SCRAM-SHA-256, bound to TLS where we can.
 *
 * The server may be hostile: what it sends is bounded before it is used, it may
 * ask for so much work and no more, and it must prove that it knows the role's
 * verifier before its AuthenticationOk counts.
 */
#include <string.h>
#include <openssl/crypto.h>

#include "auth_internal.h"
#include "base/text.h"
#include "scram_fields.h"
#include "wire/read.h"

/* A list of names, each ended by a NUL, the list ended by an empty one. */
static bool
read_mechanisms(const uint8_t *message, size_t length, bool *scram_offered, bool *plus_offered)
{
	struct reader reader = reader_over(message, length);
	const char *name;

	*scram_offered = *plus_offered = false;
	while ((name = read_cstring(&reader))[0] != '\0') {
		*scram_offered |= strcmp(name, SCRAM_MECHANISM) == 0;
		*plus_offered |= strcmp(name, SCRAM_PLUS_MECHANISM) == 0;
	}
	return reader_done(&reader);
}

static bool
has_clear_secret(const struct auth_client *auth)
{
	return auth->secret != NULL && secret_kind(auth->secret) == SECRET_CLEAR;
}

enum auth_step
scram_client_begin(struct auth_client *auth, struct auth_turn *turn)
{
	bool offered, plus;
	const char *header;

	if (turn->length > SASL_SERVER_MOST ||
	    !read_mechanisms(turn->message, turn->length, &offered, &plus))
		return auth_client_fail(auth, turn, ERROR_PROTOCOL,
		    "the server's list of SASL mechanisms is malformed");
	plus = plus && auth->binding.length > 0;
	if (!offered && !plus)
		return auth_client_fail(auth, turn, ERROR_AUTH,
		    "the server offers SASL, but not SCRAM-SHA-256");
	if (!has_clear_secret(auth) && !auth->learned.set)
		return auth_client_fail(auth, turn, ERROR_AUTH,
		    "the server asks for SCRAM-SHA-256, and neither the clear password nor "
		    "SCRAM keys are known: set roles.%s.password", auth->user);

	/* The name stays empty: PostgreSQL has it from the startup message. */
	buf_printf(&auth->messages, "n=,r=%s", auth->nonce);
	auth->gs2_flag = plus ? 'p' : auth->binding.length > 0 ? 'y' : 'n';
	header = plus ? SCRAM_PLUS_HEADER : auth->gs2_flag == 'y' ? "y,," : "n,,";
	buf_put_cstring(turn->body, plus ? SCRAM_PLUS_MECHANISM : SCRAM_MECHANISM);
	buf_put_u32(turn->body, (uint32_t)(strlen(header) + buf_length(&auth->messages)));
	buf_put_text(turn->body, header);
	buf_put(turn->body, buf_bytes(&auth->messages), buf_length(&auth->messages));
	auth_client_enter(auth, AUTH_CLIENT_SCRAM_FIRST);
	return AUTH_CONTINUE;
}

/* What server-first-message says, borrowed from it but the salt. */
struct server_first {
	struct scram_span nonce;
	uint8_t salt[SCRAM_SALT_MOST];
	size_t salt_length;
	uint32_t iterations;
};

/* NULL, or what is wrong. */
static const char *
read_server_first(
    const struct auth_client *auth, struct scram_fields *fields, struct server_first *first)
{
	struct scram_span salt, iterations;
	size_t ours = strlen(auth->nonce);

	first->nonce = scram_field(fields, 'r');
	salt = scram_field(fields, 's');
	iterations = scram_field(fields, 'i');
	if (!scram_fields_done(fields))
		return "it is not a nonce, a salt and a number of iterations";
	if (!scram_span_is_nonce(first->nonce) || first->nonce.length > SCRAM_NONCE_MOST)
		return "its nonce is longer than 512 bytes or not printable";
	if (first->nonce.length <= ours || strncmp(first->nonce.at, auth->nonce, ours) != 0)
		return "its nonce does not begin with ours and go on";
	if (!scram_span_salt(salt, first->salt, &first->salt_length))
		return "its salt is not 1 to 128 bytes in base64";
	if (!scram_span_number(iterations, SCRAM_ITERATIONS_MOST, &first->iterations))
		return "it asks for a number of iterations that is not between 1 and 100000";
	return NULL;
}

/* The keys to log in with: from the password if there is one, else those learned. */
static bool
choose_keys(struct auth_client *auth, const struct server_first *first)
{
	if (!has_clear_secret(auth)) {
		auth->keys = auth->learned;
		return true;
	}
	if (!scram_cache_place(&auth->place, auth->user, auth->secret, first->salt,
		first->salt_length, first->iterations))
		return false;
	if (scram_cache_find(&auth->place, &auth->keys))
		return true;
	auth->derived = scram_keys_derive(
	    &auth->keys, auth->secret, first->salt, first->salt_length, first->iterations);
	return auth->derived;
}

/* ClientProof = ClientKey xor ClientSignature. */
static bool
make_proof(struct auth_client *auth, uint8_t proof[SCRAM_KEY_SIZE])
{
	uint8_t stored_key[SCRAM_KEY_SIZE], signature[SCRAM_KEY_SIZE];

	if (!scram_stored_key(auth->keys.client_key, stored_key) ||
	    !scram_sign(stored_key, &auth->messages, signature))
		return false;
	scram_xor(proof, auth->keys.client_key, signature);
	return true;
}

enum auth_step
scram_client_continue(struct auth_client *auth, struct auth_turn *turn)
{
	struct scram_fields fields;
	struct server_first first;
	uint8_t proof[SCRAM_KEY_SIZE];
	const char *fault;

	if (!scram_fields_open(
		&fields, turn->message, turn->length, SASL_SERVER_MOST, turn->err))
		return AUTH_FAILED;
	fault = read_server_first(auth, &fields, &first);
	if (fault != NULL)
		return auth_client_fail(auth, turn, ERROR_PROTOCOL,
		    "the server's first SCRAM message is refused: %s", fault);

	scram_put_binding(turn->body, auth->gs2_flag, &auth->binding);
	buf_put_text(turn->body, ",r=");
	buf_put(turn->body, first.nonce.at, first.nonce.length);
	buf_put_u8(&auth->messages, ',');
	buf_put(&auth->messages, turn->message, turn->length);
	buf_put_u8(&auth->messages, ',');
	buf_put(&auth->messages, buf_bytes(turn->body), buf_length(turn->body));
	if (!choose_keys(auth, &first) || !make_proof(auth, proof))
		return auth_client_fail(
		    auth, turn, ERROR_AUTH, "OpenSSL could not compute the SCRAM proof");
	buf_put_text(turn->body, ",p=");
	text_put_base64(turn->body, proof, sizeof(proof));
	auth_client_enter(auth, AUTH_CLIENT_SCRAM_FINAL);
	return AUTH_CONTINUE;
}

enum auth_step
scram_client_final(struct auth_client *auth, struct auth_turn *turn)
{
	uint8_t theirs[SCRAM_KEY_SIZE], expected[SCRAM_KEY_SIZE];
	struct scram_fields fields;
	struct scram_span value;
	char name;

	if (!scram_fields_open(
		&fields, turn->message, turn->length, SASL_SERVER_MOST, turn->err))
		return AUTH_FAILED;
	name = scram_any_field(&fields, &value);
	if (name == 'e')
		return auth_client_fail(auth, turn, ERROR_AUTH, "the server says \"%.*s\"",
		    value.length < 100 ? (int)value.length : 100, value.at);
	if (name != 'v' || !scram_fields_done(&fields) || !scram_span_key(value, theirs))
		return auth_client_fail(auth, turn, ERROR_PROTOCOL,
		    "the server's last SCRAM message is not a signature");
	if (!scram_sign(auth->keys.server_key, &auth->messages, expected) ||
	    CRYPTO_memcmp(theirs, expected, SCRAM_KEY_SIZE) != 0)
		return auth_client_fail(auth, turn, ERROR_AUTH,
		    "the server's signature is wrong: it does not know this role's password, "
		    "so it may not be the server it claims to be");
	if (auth->derived)
		scram_cache_keep(&auth->place, &auth->keys);
	auth_client_enter(auth, AUTH_CLIENT_PROVED);
	return AUTH_CONTINUE;
}
