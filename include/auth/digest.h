/* digest.h - SHA-256, for those who must not be fooled by a crafted collision. */
#ifndef AUTH_DIGEST_H
#define AUTH_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE = 32 };

/* SHA-256 (FIPS 180-4) of `length` bytes. */
void digest_sha256(const void *bytes, size_t length, uint8_t digest[DIGEST_SIZE]);
/* Are the two the same? Takes as long whatever the difference is. */
bool digest_same_secret(const char *given, const char *expected);

#endif
