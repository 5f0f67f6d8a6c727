/*
 * read.h - reading the fields of one message, in order, from bytes that may lie.
 *
 * The reader remembers if it ran out, so that a message's fields are taken in a
 * row and asked about once, at the end, with reader_ok() or reader_done().
 */
#ifndef WIRE_READ_H
#define WIRE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A cursor over bytes it does not own. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

struct reader reader_over(const void *bytes, size_t length);
uint8_t read_u8(struct reader *reader);
uint16_t read_u16(struct reader *reader);
uint32_t read_u32(struct reader *reader);
/* A NUL-terminated string inside the message; "" when it is not terminated. */
const char *read_cstring(struct reader *reader);
/* `length` bytes, or NULL when there are not so many. */
const uint8_t *read_bytes(struct reader *reader, size_t length);
/*
 * A DataRow of `count` texts, none NULL (protocol-message-formats, DataRow): copies of them, to be
 * freed with mem_free() whatever is answered. False: it is another one.
 */
bool read_text_row(const void *body, size_t length, char **columns, size_t count);
/* Was everything asked for there? */
bool reader_ok(const struct reader *reader);
/* The same, and nothing is left over. */
bool reader_done(const struct reader *reader);

#endif
