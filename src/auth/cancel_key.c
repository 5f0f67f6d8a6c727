/* cancel_key.c - see cancel_key.h. */
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "auth/cancel_key.h"
#include "auth/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"

/* Of a pid, from its lowest bit on: slot, worker, process, and the bit that no process has. */
enum { PID_BASE = 1 << 30, WORKER_SHIFT = 19, PROCESS_SHIFT = 26, SECRETS_MOST = 2 };

/* What is signed: the first half of a long key. */
enum {
	AT_VERSION = 0,
	AT_PROCESS = 1,
	AT_WORKER = 2,
	AT_SLOT = 4,
	AT_HOST = 8,
	AT_EPOCH = 12,
	NAME_SIZE = 16,
	VERSION_SHORT = 0,
	VERSION_LONG = 1,
};

struct cancel_secret {
	pthread_mutex_t mutex; /* over the next two */
	uint8_t secrets[SECRETS_MOST][CANCEL_SECRET_SIZE];
	size_t count;
	uint32_t host;
};

/* The same for all processes of this machine, and hardly for another. */
static uint32_t
host_number(void)
{
	char name[256] = "";
	uint8_t digest[DIGEST_SIZE];
	uint32_t number;

	gethostname(name, sizeof(name) - 1);
	digest_sha256(name, strlen(name), digest);
	memcpy(&number, digest, sizeof(number));
	return number;
}

struct cancel_secret *
cancel_secret_new(void)
{
	struct cancel_secret *secret = mem_zalloc(1, sizeof(*secret));

	pthread_mutex_init(&secret->mutex, NULL);
	random_fill(secret->secrets[0], CANCEL_SECRET_SIZE);
	secret->count = 1;
	secret->host = host_number();
	return secret;
}

void
cancel_secret_free(struct cancel_secret *secret)
{
	if (secret == NULL)
		return;
	OPENSSL_cleanse(secret->secrets, sizeof(secret->secrets));
	pthread_mutex_destroy(&secret->mutex);
	mem_free(secret);
}

void
cancel_secret_set(
    struct cancel_secret *secret, const uint8_t secrets[][CANCEL_SECRET_SIZE], size_t count)
{
	if (count > SECRETS_MOST)
		count = SECRETS_MOST;
	pthread_mutex_lock(&secret->mutex);
	memcpy(secret->secrets, secrets, count * CANCEL_SECRET_SIZE);
	secret->count = count;
	pthread_mutex_unlock(&secret->mutex);
}

static void
put_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t
get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* What the index-th secret makes of a name; false: there is none. */
static bool
sign(struct cancel_secret *secret, size_t index, const uint8_t name[NAME_SIZE],
    uint8_t digest[DIGEST_SIZE])
{
	uint8_t key[CANCEL_SECRET_SIZE];
	bool there;

	pthread_mutex_lock(&secret->mutex);
	there = index < secret->count;
	memcpy(key, secret->secrets[there ? index : 0], sizeof(key));
	pthread_mutex_unlock(&secret->mutex);
	if (HMAC(EVP_sha256(), key, sizeof(key), name, NAME_SIZE, digest, NULL) == NULL)
		log_fatal("OpenSSL gives no HMAC");
	OPENSSL_cleanse(key, sizeof(key));
	return there;
}

static void
put_name(const struct cancel_secret *secret, const struct cancel_target *target, size_t length,
    uint8_t name[NAME_SIZE])
{
	memset(name, 0, NAME_SIZE);
	name[AT_VERSION] = length == CANCEL_KEY_LONG ? VERSION_LONG : VERSION_SHORT;
	name[AT_PROCESS] = (uint8_t)target->process;
	name[AT_WORKER] = (uint8_t)target->worker;
	put_u32(name + AT_SLOT, target->slot);
	put_u32(name + AT_HOST, secret->host);
	put_u32(name + AT_EPOCH, target->epoch);
}

static bool
make(struct cancel_secret *secret, size_t index, const struct cancel_target *target,
    size_t length, uint8_t *key)
{
	uint8_t name[NAME_SIZE], digest[DIGEST_SIZE];
	bool there;

	put_name(secret, target, length, name);
	there = sign(secret, index, name, digest);
	if (length == CANCEL_KEY_LONG) {
		memcpy(key, name, NAME_SIZE);
		memcpy(key + NAME_SIZE, digest, CANCEL_KEY_LONG - NAME_SIZE);
	} else {
		memcpy(key, digest, CANCEL_KEY_SHORT);
	}
	return there;
}

uint32_t
cancel_pid(const struct cancel_target *target)
{
	return PID_BASE | target->process << PROCESS_SHIFT | target->worker << WORKER_SHIFT |
	    target->slot;
}

void
cancel_key_make(struct cancel_secret *secret, const struct cancel_target *target, size_t length,
    uint8_t *key)
{
	make(secret, 0, target, length, key);
}

bool
cancel_pid_read(uint32_t pid, struct cancel_target *target)
{
	*target = (struct cancel_target){ .process = pid >> PROCESS_SHIFT & (CANCEL_PROCESSES - 1),
		.worker = pid >> WORKER_SHIFT & (CANCEL_WORKERS - 1),
		.slot = pid & (CANCEL_SLOTS - 1) };
	return cancel_pid(target) == pid;
}

bool
cancel_key_read(struct cancel_secret *secret, uint32_t pid, const uint8_t *key, size_t length,
    struct cancel_target *target)
{
	if (!cancel_pid_read(pid, target))
		return false;
	if (length == CANCEL_KEY_LONG)
		target->epoch = get_u32(key + AT_EPOCH);
	return length == CANCEL_KEY_SHORT ||
	    (length == CANCEL_KEY_LONG && cancel_key_fits(secret, target, key, length));
}

bool
cancel_key_fits(struct cancel_secret *secret, const struct cancel_target *target,
    const uint8_t *key, size_t length)
{
	uint8_t expected[CANCEL_KEY_LONG];
	bool fits = false;

	if (length != CANCEL_KEY_SHORT && length != CANCEL_KEY_LONG)
		return false;
	for (size_t i = 0; i < SECRETS_MOST; i++) {
		bool there = make(secret, i, target, length, expected);

		fits |= CRYPTO_memcmp(expected, key, length) == 0 && there;
	}
	return fits;
}
