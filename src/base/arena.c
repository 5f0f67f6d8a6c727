/* arena.c - see arena.h. */
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

enum { ARENA_BLOCK_LEAST = 1024 };

/* A stretch of memory; the newest is first. Owned by its arena. */
struct arena_block {
	struct arena_block *next;
	size_t size, used;
	alignas(max_align_t) uint8_t bytes[];
};

/* Owned by whoever called arena_new(). */
struct arena {
	struct arena_block *blocks;
	size_t size;
};

/* A new block doubles the arena, so that their number stays small. */
static void
add_block(struct arena *arena, size_t least)
{
	size_t size = arena->size > ARENA_BLOCK_LEAST ? arena->size : ARENA_BLOCK_LEAST;
	struct arena_block *block;

	if (size < least)
		size = least;
	block = mem_alloc(sizeof(*block) + size);
	*block = (struct arena_block){ .next = arena->blocks, .size = size };
	arena->blocks = block;
	arena->size += sizeof(*block) + size;
}

struct arena *
arena_new(size_t first_bytes)
{
	struct arena *arena = mem_zalloc(1, sizeof(*arena));

	arena->size = sizeof(*arena);
	add_block(arena, first_bytes);
	return arena;
}

void
arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	for (struct arena_block *block = arena->blocks, *next; block != NULL; block = next) {
		next = block->next;
		mem_free(block);
	}
	mem_free(arena);
}

static void *
take(struct arena *arena, size_t bytes, size_t align)
{
	struct arena_block *block = arena->blocks;
	size_t at = (block->used + align - 1) & ~(align - 1);

	if (at > block->size || bytes > block->size - at) {
		add_block(arena, bytes);
		block = arena->blocks;
		at = 0;
	}
	block->used = at + bytes;
	return block->bytes + at;
}

void *
arena_zalloc(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 4)
		bytes = SIZE_MAX / 4; /* mem_alloc() ends the process */
	return memset(take(arena, bytes, alignof(max_align_t)), 0, bytes);
}

char *
arena_strndup(struct arena *arena, const void *text, size_t length)
{
	char *copy = take(arena, length + 1, 1);

	if (length > 0)
		memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

size_t
arena_size(const struct arena *arena)
{
	return arena->size;
}
