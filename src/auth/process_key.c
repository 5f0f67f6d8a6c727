/* process_key.c - see process_key.h. */
#include <pthread.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/random.h"
#include "process_key.h"

static pthread_once_t made = PTHREAD_ONCE_INIT;
static uint8_t key[32];

static void
make_key(void)
{
	random_fill(key, sizeof(key));
}

bool
process_digest(const void *bytes, size_t length, uint8_t digest[PROCESS_DIGEST_SIZE])
{
	pthread_once(&made, make_key);
	return HMAC(EVP_sha256(), key, sizeof(key), bytes, length, digest, NULL) != NULL;
}
