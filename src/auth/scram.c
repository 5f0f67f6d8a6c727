/* scram.c - see scram.h. */
#include <stdatomic.h>
#include <limits.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth_internal.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "saslprep.h"
#include "scram_fields.h"

static atomic_uint_fast64_t derivations;

static bool
hmac(const uint8_t key[SCRAM_KEY_SIZE], const void *bytes, size_t length,
    uint8_t out[SCRAM_KEY_SIZE])
{
	return HMAC(EVP_sha256(), key, SCRAM_KEY_SIZE, bytes, length, out, NULL) != NULL;
}

bool
scram_keys_derive(struct scram_keys *keys, const char *password, const uint8_t *salt,
    size_t salt_length, uint32_t iterations)
{
	uint8_t salted[SCRAM_KEY_SIZE];
	char *prepared = saslprep(password);
	size_t length = strlen(prepared);

	atomic_fetch_add_explicit(&derivations, 1, memory_order_relaxed);
	keys->set = length <= INT_MAX && salt_length <= SCRAM_SALT_MOST &&
	    iterations >= 1 && iterations <= SCRAM_ITERATIONS_MOST &&
	    PKCS5_PBKDF2_HMAC(prepared, (int)length, salt, (int)salt_length, (int)iterations,
		EVP_sha256(), sizeof(salted), salted) == 1 &&
	    hmac(salted, "Client Key", 10, keys->client_key) &&
	    hmac(salted, "Server Key", 10, keys->server_key);
	OPENSSL_cleanse(salted, sizeof(salted));
	mem_free_secret(prepared);
	return keys->set;
}

uint64_t
scram_derivations(void)
{
	return atomic_load_explicit(&derivations, memory_order_relaxed);
}

bool
scram_stored_key(
    const uint8_t client_key[SCRAM_KEY_SIZE], uint8_t stored_key[SCRAM_KEY_SIZE])
{
	return EVP_Digest(client_key, SCRAM_KEY_SIZE, stored_key, NULL, EVP_sha256(), NULL) == 1;
}

bool
scram_sign(const uint8_t key[SCRAM_KEY_SIZE], const struct buf *messages,
    uint8_t signature[SCRAM_KEY_SIZE])
{
	return hmac(key, buf_bytes(messages), buf_length(messages), signature);
}

void
scram_xor(uint8_t *out, const uint8_t *a, const uint8_t *b)
{
	for (size_t i = 0; i < SCRAM_KEY_SIZE; i++)
		out[i] = a[i] ^ b[i];
}

/* The part of a text up to `stop`, which may be the NUL and is else stepped over. */
static bool
take_until(const char **at, char stop, struct scram_span *part)
{
	const char *end = strchr(*at, stop);

	if (end == NULL)
		return false;
	part->at = *at;
	part->length = (size_t)(end - *at);
	*at = stop != '\0' ? end + 1 : end;
	return true;
}

bool
scram_verifier_parse(const char *text, struct scram_verifier *verifier)
{
	static const char prefix[] = SCRAM_MECHANISM "$";
	struct scram_span iterations, salt, stored, server;

	if (strncmp(text, prefix, strlen(prefix)) != 0)
		return false;
	text += strlen(prefix);
	return take_until(&text, ':', &iterations) && take_until(&text, '$', &salt) &&
	    take_until(&text, ':', &stored) && take_until(&text, '\0', &server) &&
	    scram_span_number(iterations, INT32_MAX, &verifier->iterations) &&
	    scram_span_salt(salt, verifier->salt, &verifier->salt_length) &&
	    scram_span_key(stored, verifier->stored_key) &&
	    scram_span_key(server, verifier->server_key);
}

void
scram_verifier_put(struct buf *out, const struct scram_verifier *verifier)
{
	buf_printf(out, SCRAM_MECHANISM "$%u:", verifier->iterations);
	text_put_base64(out, verifier->salt, verifier->salt_length);
	buf_put_u8(out, '$');
	text_put_base64(out, verifier->stored_key, SCRAM_KEY_SIZE);
	buf_put_u8(out, ':');
	text_put_base64(out, verifier->server_key, SCRAM_KEY_SIZE);
}

void
scram_make_nonce(char nonce[SCRAM_NONCE_SIZE])
{
	uint8_t raw[SCRAM_NONCE_RAW];
	struct buf text = { 0 };

	random_fill(raw, sizeof(raw));
	text_put_base64(&text, raw, sizeof(raw));
	memcpy(nonce, buf_bytes(&text), SCRAM_NONCE_SIZE - 1);
	nonce[SCRAM_NONCE_SIZE - 1] = '\0';
	buf_free(&text);
}

void
scram_put_binding(struct buf *out, char gs2_flag, const struct auth_binding *binding)
{
	static const char header[] = SCRAM_PLUS_HEADER;
	uint8_t all[sizeof(header) + AUTH_BINDING_MOST];
	size_t length = sizeof(header) - 1;

	buf_put_text(out, "c=");
	if (gs2_flag != 'p') {
		text_put_base64(out, gs2_flag == 'y' ? "y,," : "n,,", 3);
		return;
	}
	memcpy(all, header, length);
	memcpy(all + length, binding->bytes, binding->length);
	text_put_base64(out, all, length + binding->length);
}
