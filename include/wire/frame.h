/*
 * frame.h - where one message ends and the next begins.
 *
 * A message is a type byte and a 32-bit length that counts itself (PostgreSQL
 * documentation, "Overview of Message Flow"). Nothing here ever looks for a point to
 * resume: a bad length ends the connection.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum { FRAME_HEADER = 5 };

enum frame_status {
	FRAME_SHORT, /* the header is not complete yet */
	FRAME_GOOD,  /* *frame is set; the body may not be complete yet */
	FRAME_BAD,   /* the length is less than 4, or more than PostgreSQL takes */
};

struct frame {
	uint8_t type;
	size_t length; /* of the whole message, type byte included */
};

static inline uint32_t
frame_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Look at the header at `data`, of which `length` bytes have come. */
static inline enum frame_status
frame_read(const uint8_t *data, size_t length, struct frame *frame)
{
	uint32_t announced;

	if (length < FRAME_HEADER)
		return FRAME_SHORT;
	announced = frame_u32(data + 1);
	/* The server's own limit, PQ_LARGE_MESSAGE_LIMIT, is 1 GiB - 1. */
	if (announced < 4 || announced > 0x3fffffff)
		return FRAME_BAD;
	frame->type = data[0];
	frame->length = (size_t)announced + 1;
	return FRAME_GOOD;
}

#endif
