/*
 * pen.h - writes into room that was reserved once, instead of asking a struct buf
 * for each piece. Only for record.c, where it halves the cost of a record.
 *
 * pen_take() reserves; the pieces must fit, which pen_give() asserts.
 */
#ifndef AUDIT_PEN_H
#define AUDIT_PEN_H

#include <assert.h>
#include <string.h>

#include "base/buf.h"

enum { PEN_NUMBER_MOST = 20 };

/* Lives on the stack between take and give. */
struct pen {
	char *at, *end;
};

static inline struct pen
pen_take(struct buf *out, size_t room)
{
	char *at = (char *)buf_reserve(out, room);

	return (struct pen){ at, at + room };
}

static inline void
pen_give(struct pen *pen, struct buf *out)
{
	assert(pen->at <= pen->end);
	buf_grown(out, (size_t)(pen->at - (char *)(out->data + out->end)));
}

static inline void
pen_bytes(struct pen *pen, const char *bytes, size_t length)
{
	if (length > 0) /* an empty text may be NULL */
		memcpy(pen->at, bytes, length);
	pen->at += length;
}

/* The length of a literal is known when compiling, so this is a few moves. */
static inline __attribute__((always_inline)) void
pen_literal(struct pen *pen, const char *text)
{
	pen_bytes(pen, text, strlen(text));
}

static inline void
pen_text(struct pen *pen, const char *text)
{
	pen_bytes(pen, text, strlen(text));
}

static inline void
pen_number(struct pen *pen, uint64_t value)
{
	char digits[PEN_NUMBER_MOST];
	char *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	pen_bytes(pen, at, (size_t)(digits + sizeof(digits) - at));
}

#endif
