/*
 * packed.h - files compressed by zstd: reading them as a stream, making them. The only
 * place that knows libzstd.
 */
#ifndef BASE_PACKED_H
#define BASE_PACKED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Reads one compressed file in bounded memory. Made by unpacker_new(). */
struct unpacker;

struct unpacker *unpacker_new(void);
void unpacker_free(struct unpacker *unpacker);
/* Up to `room` more bytes of what the file holds; 0 at its end, -1 with *err on failure. */
ssize_t unpacker_read(struct unpacker *unpacker, int fd, uint8_t *into, size_t room,
    struct error *err);
/* Compressed bytes read so far. */
uint64_t unpacker_offset(const struct unpacker *unpacker);

/* Is this the name of such a file, "….zst"? */
bool packed_name(const char *path);
/*
 * Compress all of one file into another, both open. False when something failed or
 * *stop became true, with *err.
 */
bool packed_write(int from, int to, const atomic_bool *stop, struct error *err);

#endif
