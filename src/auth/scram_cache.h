/*
 * scram_cache.h - keys already derived, so that reconnecting costs no PBKDF2.
 *
 * One table for the process, guarded by a mutex that is held for a look-up only.
 * It keeps at most SCRAM_CACHE_MOST entries and forgets the one not used for
 * longest. A place in it is a keyed digest of (role, secret, salt, iterations):
 * the secret itself is not kept.
 */
#ifndef AUTH_SCRAM_CACHE_H
#define AUTH_SCRAM_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/conversation.h"
#include "process_key.h"

enum { SCRAM_CACHE_MOST = 4096 };

/* Where in the table something is, or would be. */
struct scram_cache_place {
	uint8_t digest[PROCESS_DIGEST_SIZE];
};

/* The place of what derives from these. False: OpenSSL failed. */
bool scram_cache_place(struct scram_cache_place *place, const char *role, const char *secret,
    const uint8_t *salt, size_t salt_length, uint32_t iterations);
/* Copy the keys out. False: not there. */
bool scram_cache_find(const struct scram_cache_place *place, struct scram_keys *keys);
/*
 * Keep them. Only once they have proved right: a stranger who makes us derive keys
 * of wrong passwords, or of a new salt each time, must not push out the good ones.
 */
void scram_cache_keep(const struct scram_cache_place *place, const struct scram_keys *keys);
/* How many there are; forget all. */
size_t scram_cache_count(void);
void scram_cache_clear(void);

#endif
