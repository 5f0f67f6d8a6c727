/*
 * password.c - clear passwords: a client's, against a stored secret of any kind or for
 * PAM, and ours, for a server that asks for it.
 */
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "auth_internal.h"
#include "base/mem.h"
#include "wire/read.h"

const char *
password_text(const struct auth_server *auth, struct auth_turn *turn)
{
	struct reader reader = reader_over(turn->message, turn->length);
	const char *text;

	if (turn->length > PASSWORD_MOST + 1) {
		auth_server_refuse(auth, turn, "the password is longer than 10000 bytes");
		return NULL;
	}
	text = read_cstring(&reader);
	if (!reader_done(&reader)) {
		auth_server_malformed(turn, "the PasswordMessage is not one string");
		return NULL;
	}
	if (text[0] == '\0') {
		auth_server_refuse(auth, turn, "the password is empty");
		return NULL;
	}
	return text;
}

/* Digests are compared, so that the time does not tell the length of the secret. */
static bool
fits_clear(const char *secret, const char *password)
{
	uint8_t ours[32], theirs[32];

	return EVP_Digest(secret, strlen(secret), ours, NULL, EVP_sha256(), NULL) == 1 &&
	    EVP_Digest(password, strlen(password), theirs, NULL, EVP_sha256(), NULL) == 1 &&
	    CRYPTO_memcmp(ours, theirs, sizeof(ours)) == 0;
}

static bool
fits_md5(const char *secret, const char *user, const char *password)
{
	char hashed[MD5_TEXT_SIZE];

	return md5_secret(password, user, hashed) &&
	    CRYPTO_memcmp(secret, hashed, MD5_TEXT_SIZE - 1) == 0;
}

/* A password that fits gives the client's keys, as a SCRAM log-in would. */
static bool
fits_scram(struct auth_server *auth, const char *password)
{
	const struct scram_verifier *verifier = &auth->verifier;
	struct scram_cache_place place;
	struct scram_keys keys = { 0 };
	uint8_t stored_key[SCRAM_KEY_SIZE];
	bool fits;

	if (!scram_cache_place(&place, auth->user, password, verifier->salt,
		verifier->salt_length, verifier->iterations))
		return false;
	if (!scram_cache_find(&place, &keys) &&
	    !scram_keys_derive(&keys, password, verifier->salt, verifier->salt_length,
		verifier->iterations))
		return false;
	fits = scram_stored_key(keys.client_key, stored_key) &&
	    CRYPTO_memcmp(stored_key, verifier->stored_key, sizeof(stored_key)) == 0 &&
	    auth->doomed == NULL;
	if (fits) {
		scram_cache_keep(&place, &keys);
		auth->keys = keys;
	}
	OPENSSL_cleanse(&keys, sizeof(keys));
	return fits;
}

static bool
fits(struct auth_server *auth, const char *password)
{
	switch (auth->kind) {
	case SECRET_CLEAR:
		return fits_clear(auth->secret, password);
	case SECRET_MD5:
		return fits_md5(auth->secret, auth->user, password);
	case SECRET_SCRAM:
		return fits_scram(auth, password);
	case SECRET_NONE:
		break;
	}
	return false;
}

enum auth_step
password_check(struct auth_server *auth, struct auth_turn *turn)
{
	const char *password = password_text(auth, turn);

	if (password == NULL)
		return AUTH_FAILED;
	if (auth->kind == SECRET_SCRAM && auth->verifier.iterations > SCRAM_ITERATIONS_MOST)
		return auth_server_refuse(auth, turn, "its SCRAM verifier has more than 100000 "
		    "iterations, too many to check a clear password against");
	if (!fits(auth, password))
		return auth_server_refuse(auth, turn, "wrong password");
	return AUTH_DONE;
}

enum auth_step
password_take(struct auth_server *auth, struct auth_turn *turn)
{
	const char *password = password_text(auth, turn);

	if (password == NULL)
		return AUTH_FAILED;
	if (strlen(password) > PAM_PASSWORD_MOST)
		return auth_server_refuse(auth, turn,
		    "the password is longer than 511 bytes, and PAM takes no more");
	auth->secret = mem_strdup(password);
	return AUTH_ASK;
}

enum auth_step
password_reply(struct auth_client *auth, struct auth_turn *turn)
{
	if (turn->length != 0)
		return auth_client_fail(auth, turn, ERROR_PROTOCOL,
		    "the server's request for a clear password has %zu bytes too many",
		    turn->length);
	if (auth->secret == NULL || secret_kind(auth->secret) != SECRET_CLEAR)
		return auth_client_fail(auth, turn, ERROR_AUTH,
		    "the server asks for a clear password, and none is known: "
		    "set roles.%s.password", auth->user);
	buf_put_cstring(turn->body, auth->secret);
	auth_client_enter(auth, AUTH_CLIENT_ANSWERED);
	return AUTH_CONTINUE;
}
