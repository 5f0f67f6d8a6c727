/* random.h - unguessable bytes for keys, nonces and salts. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fill with bytes from the kernel (getrandom(2)); ends the process if it cannot. */
void random_fill(void *bytes, size_t length);
uint64_t random_u64(void);

#endif
