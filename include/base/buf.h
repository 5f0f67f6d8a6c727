/*
 * buf.h - bytes that grow at one end and are consumed at the other.
 *
 * Every incoming and outgoing byte that must be kept sits in one of these. A
 * zeroed struct is an empty buffer without memory, so an idle connection costs
 * nothing but the struct.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Owned by whoever holds the struct; `data` is freed by buf_free(). */
struct buf {
	uint8_t *data;
	size_t start; /* first byte not yet consumed */
	size_t end;   /* one past the last byte */
	size_t size;  /* bytes allocated */
};

static inline size_t
buf_length(const struct buf *buf)
{
	return buf->end - buf->start;
}

/* The first unconsumed byte; valid until the next call that adds. */
static inline uint8_t *
buf_bytes(const struct buf *buf)
{
	/* NULL + 0 is undefined in C, and start is 0 when there is no memory. */
	return buf->start == 0 ? buf->data : buf->data + buf->start;
}

/* buf_reserve() when the room has to be made. */
uint8_t *buf_make_room(struct buf *buf, size_t more);

/* Room for `more` bytes at the end; returns where they go. Follow with buf_grown(). */
static inline uint8_t *
buf_reserve(struct buf *buf, size_t more)
{
	if (more <= buf->size - buf->end && buf->data != NULL)
		return buf->data + buf->end;
	return buf_make_room(buf, more);
}
/* `more` bytes were written into what buf_reserve() returned. */
void buf_grown(struct buf *buf, size_t more);
/* Drop `count` bytes from the front. */
void buf_consume(struct buf *buf, size_t count);
/* Empty it, keep its memory. */
void buf_clear(struct buf *buf);
/* Give its memory back; it is an empty buffer afterwards. */
void buf_free(struct buf *buf);

/* These are on the path of every byte that pgweir writes: they are here to be inlined. */
static inline void
buf_put(struct buf *buf, const void *bytes, size_t length)
{
	if (length == 0)
		return;
	memcpy(buf_reserve(buf, length), bytes, length);
	buf->end += length;
}

static inline void
buf_put_u8(struct buf *buf, uint8_t value)
{
	*buf_reserve(buf, 1) = value;
	buf->end++;
}

/* Big-endian, as PostgreSQL's protocol wants them. */
void buf_put_u16(struct buf *buf, uint16_t value);
void buf_put_u32(struct buf *buf, uint32_t value);
/* The text without its NUL. */
void buf_put_text(struct buf *buf, const char *text);
/* The text with its NUL. */
void buf_put_cstring(struct buf *buf, const char *text);
/* A decimal number. */
void buf_put_int(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args);
/* A NUL-terminated string of the contents; the caller owns it and the buffer is empty. */
char *buf_steal_text(struct buf *buf);

#endif
