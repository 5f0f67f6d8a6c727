/* digest.c - see digest.h. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "auth/digest.h"
#include "base/log.h"

void
digest_sha256(const void *bytes, size_t length, uint8_t digest[DIGEST_SIZE])
{
	if (EVP_Digest(bytes, length, digest, NULL, EVP_sha256(), NULL) != 1)
		log_fatal("OpenSSL gives no SHA-256");
}

bool
digest_same_secret(const char *given, const char *expected)
{
	uint8_t ours[DIGEST_SIZE], theirs[DIGEST_SIZE];

	digest_sha256(expected, strlen(expected), ours);
	digest_sha256(given, strlen(given), theirs);
	return CRYPTO_memcmp(ours, theirs, sizeof(ours)) == 0;
}
