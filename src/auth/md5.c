/* md5.c - see md5.h; and the md5 steps of both conversations. */
#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "auth_internal.h"
#include "base/random.h"

/* MD5 of two pieces, one behind the other, as PostgreSQL writes it. */
static bool
md5_text(const void *first, size_t first_length, const void *second, size_t second_length,
    char text[MD5_TEXT_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t digest[16];
	bool good = context != NULL && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1 &&
	    EVP_DigestUpdate(context, first, first_length) == 1 &&
	    EVP_DigestUpdate(context, second, second_length) == 1 &&
	    EVP_DigestFinal_ex(context, digest, NULL) == 1;

	EVP_MD_CTX_free(context);
	if (good)
		md5_put_hex(digest, text);
	OPENSSL_cleanse(digest, sizeof(digest));
	return good;
}

void
md5_put_hex(const uint8_t digest[16], char text[MD5_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	memcpy(text, "md5", 3);
	for (size_t i = 0; i < 16; i++) {
		text[3 + 2 * i] = digits[digest[i] >> 4];
		text[4 + 2 * i] = digits[digest[i] & 15];
	}
	text[MD5_TEXT_SIZE - 1] = '\0';
}

bool
md5_secret(const char *password, const char *user, char secret[MD5_TEXT_SIZE])
{
	return md5_text(password, strlen(password), user, strlen(user), secret);
}

bool
md5_answer(const char secret[MD5_TEXT_SIZE], const uint8_t salt[MD5_SALT_SIZE],
    char answer[MD5_TEXT_SIZE])
{
	return md5_text(secret + 3, 32, salt, MD5_SALT_SIZE, answer);
}

/* The answer to a salt, from a secret that is clear or md5. */
static bool
answer_for(const char *secret, const char *user, const uint8_t *salt,
    char answer[MD5_TEXT_SIZE])
{
	char hashed[MD5_TEXT_SIZE];
	bool good;

	if (secret_kind(secret) == SECRET_MD5) {
		snprintf(hashed, sizeof(hashed), "%s", secret);
		good = md5_answer(hashed, salt, answer);
	} else {
		good = md5_secret(secret, user, hashed) && md5_answer(hashed, salt, answer);
	}
	OPENSSL_cleanse(hashed, sizeof(hashed));
	return good;
}

void
md5_ask(struct auth_server *auth, struct buf *body)
{
	random_fill(auth->md5_salt, sizeof(auth->md5_salt));
	buf_put(body, auth->md5_salt, sizeof(auth->md5_salt));
}

enum auth_step
md5_check(struct auth_server *auth, struct auth_turn *turn)
{
	const char *answer = password_text(auth, turn);
	char expected[MD5_TEXT_SIZE];

	if (answer == NULL)
		return AUTH_FAILED;
	if (!answer_for(auth->secret, auth->user, auth->md5_salt, expected))
		return auth_server_refuse(auth, turn, "this build of OpenSSL refuses MD5");
	if (strlen(answer) != MD5_TEXT_SIZE - 1 ||
	    CRYPTO_memcmp(answer, expected, MD5_TEXT_SIZE - 1) != 0)
		return auth_server_refuse(auth, turn, "wrong password");
	return AUTH_DONE;
}

enum auth_step
md5_reply(struct auth_client *auth, struct auth_turn *turn)
{
	char answer[MD5_TEXT_SIZE];

	if (turn->length != MD5_SALT_SIZE)
		return auth_client_fail(auth, turn, ERROR_PROTOCOL,
		    "the server's request for an md5 password has %zu bytes of salt, not 4",
		    turn->length);
	if (auth->secret == NULL || secret_kind(auth->secret) == SECRET_SCRAM)
		return auth_client_fail(auth, turn, ERROR_AUTH,
		    "the server asks for an md5 password, and no clear or md5 password is "
		    "known: set roles.%s.password", auth->user);
	if (!answer_for(auth->secret, auth->user, turn->message, answer))
		return auth_client_fail(
		    auth, turn, ERROR_AUTH, "this build of OpenSSL refuses MD5");
	buf_put_cstring(turn->body, answer);
	auth_client_enter(auth, AUTH_CLIENT_ANSWERED);
	return AUTH_CONTINUE;
}
