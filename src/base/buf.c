/* buf.c - see buf.h. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum { BUF_LEAST = 256 };

uint8_t *
buf_make_room(struct buf *buf, size_t more)
{
	size_t length = buf_length(buf);
	size_t size = buf->size;

	if (buf->start > 0) {
		memmove(buf->data, buf->data + buf->start, length);
		buf->start = 0;
		buf->end = length;
	}
	if (more > buf->size - buf->end) {
		if (size < BUF_LEAST)
			size = BUF_LEAST;
		while (size - length < more)
			size += size; /* mem_resize() ends the process long before this wraps */
		buf->data = mem_resize(buf->data, size, 1);
		buf->size = size;
	}
	return buf->end == 0 ? buf->data : buf->data + buf->end; /* as in buf_bytes() */
}

void
buf_grown(struct buf *buf, size_t more)
{
	assert(more <= buf->size - buf->end);
	buf->end += more;
}

void
buf_consume(struct buf *buf, size_t count)
{
	assert(count <= buf_length(buf));
	buf->start += count;
	if (buf->start == buf->end)
		buf->start = buf->end = 0;
}

void
buf_clear(struct buf *buf)
{
	buf->start = buf->end = 0;
}

void
buf_free(struct buf *buf)
{
	mem_free(buf->data);
	*buf = (struct buf){ 0 };
}

void
buf_put_u16(struct buf *buf, uint16_t value)
{
	uint8_t *at = buf_reserve(buf, 2);

	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	buf->end += 2;
}

void
buf_put_u32(struct buf *buf, uint32_t value)
{
	uint8_t *at = buf_reserve(buf, 4);

	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
	buf->end += 4;
}

void
buf_put_text(struct buf *buf, const char *text)
{
	buf_put(buf, text, strlen(text));
}

void
buf_put_cstring(struct buf *buf, const char *text)
{
	buf_put(buf, text, strlen(text) + 1);
}

void
buf_put_int(struct buf *buf, int64_t value)
{
	char digits[24];
	char *at = digits + sizeof(digits);
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		*--at = '-';
	buf_put(buf, at, (size_t)(digits + sizeof(digits) - at));
}

void
buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	size_t room = 256;
	int length;

	va_copy(again, args);
	length = vsnprintf((char *)buf_reserve(buf, room), room, format, args);
	if (length >= (int)room) {
		room = (size_t)length + 1;
		length = vsnprintf((char *)buf_reserve(buf, room), room, format, again);
	}
	va_end(again);
	if (length > 0)
		buf->end += (size_t)length;
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(buf, format, args);
	va_end(args);
}

char *
buf_steal_text(struct buf *buf)
{
	char *text = mem_strndup(buf->data != NULL ? (char *)buf_bytes(buf) : "", buf_length(buf));

	buf_free(buf);
	return text;
}
