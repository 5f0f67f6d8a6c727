/*
 * process_key.h - digests under a key that lives and dies with this process.
 *
 * What is made up for an unknown user, and the table of derived keys, need values
 * that stay the same while we run and that nobody outside can compute.
 */
#ifndef AUTH_PROCESS_KEY_H
#define AUTH_PROCESS_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROCESS_DIGEST_SIZE = 32 };

/* HMAC-SHA-256 of the bytes under the process's key. False: OpenSSL failed. Any thread. */
bool process_digest(const void *bytes, size_t length, uint8_t digest[PROCESS_DIGEST_SIZE]);

#endif
