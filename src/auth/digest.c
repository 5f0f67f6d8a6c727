/* digest.c - see digest.h. */
#include <openssl/evp.h>

#include "auth/digest.h"
#include "base/log.h"

void
digest_sha256(const void *bytes, size_t length, uint8_t digest[DIGEST_SIZE])
{
	if (EVP_Digest(bytes, length, digest, NULL, EVP_sha256(), NULL) != 1)
		log_fatal("OpenSSL gives no SHA-256");
}
