/*
 * mem.h - memory that is always there.
 *
 * Every function returns memory or ends the process with a message: code above
 * never sees NULL. What a stranger can make us allocate is bounded by a setting
 * (limits.*) before it gets here. Free with mem_free().
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Uninitialised memory of `size` bytes; the caller owns it. */
void *mem_alloc(size_t size);
/* Zeroed memory for `count` elements of `size` bytes; overflow ends the process. */
void *mem_zalloc(size_t count, size_t size);
/* Grow or shrink to `count` elements of `size` bytes; overflow ends the process. */
void *mem_resize(void *old, size_t count, size_t size);
/* A copy of a string; NULL stays NULL. */
char *mem_strdup(const char *text);
/* A NUL-terminated copy of `length` bytes. */
char *mem_strndup(const char *text, size_t length);
/* A copy of `length` bytes. */
void *mem_copy(const void *bytes, size_t length);
/* A string made by printf's rules. */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Free; NULL is fine. */
void mem_free(void *memory);
/* Overwrite a secret so that the compiler cannot leave it out, then free. */
void mem_free_secret(char *secret);

#endif
