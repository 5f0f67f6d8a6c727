/* mem.c - see mem.h. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void *
checked(void *memory, size_t size)
{
	if (memory == NULL && size > 0) {
		fprintf(stderr, "pgweir: out of memory (%zu bytes wanted)\n", size);
		abort();
	}
	return memory;
}

static size_t
total(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		checked(NULL, SIZE_MAX);
	return bytes;
}

void *
mem_alloc(size_t size)
{
	return checked(malloc(size), size);
}

void *
mem_zalloc(size_t count, size_t size)
{
	return checked(calloc(count, size), total(count, size));
}

void *
mem_resize(void *old, size_t count, size_t size)
{
	size_t bytes = total(count, size);

	return checked(realloc(old, bytes > 0 ? bytes : 1), bytes);
}

char *
mem_strdup(const char *text)
{
	return text == NULL ? NULL : mem_strndup(text, strlen(text));
}

char *
mem_strndup(const char *text, size_t length)
{
	char *copy = mem_alloc(length + 1);

	if (length > 0)
		memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

void *
mem_copy(const void *bytes, size_t length)
{
	void *copy = mem_alloc(length);

	if (length > 0)
		memcpy(copy, bytes, length);
	return copy;
}

char *
mem_printf(const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		checked(NULL, strlen(format));
	va_end(args);
	return text;
}

void
mem_free(void *memory)
{
	free(memory);
}

void
mem_free_secret(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}
