/*
 * arena.h - many small pieces of memory that die together.
 *
 * For results that are built once and freed whole, such as the facts of a
 * statement. Pieces are aligned for any type and never freed one by one.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;

/* An empty arena whose first block holds `first_bytes`; the caller frees it with arena_free(). */
struct arena *arena_new(size_t first_bytes);
/* Everything allocated from it is gone; NULL is fine. */
void arena_free(struct arena *arena);

/* Zeroed memory for `count` elements of `size` bytes; overflow ends the process. */
void *arena_zalloc(struct arena *arena, size_t count, size_t size);
/* A NUL-terminated copy of `length` bytes. */
char *arena_strndup(struct arena *arena, const void *text, size_t length);
/* Bytes it holds from the system, for caches that count them. */
size_t arena_size(const struct arena *arena);

#endif
