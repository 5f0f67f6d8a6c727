/*
 * rows.h - the rows of a SHOW, as DataRow messages in text format.
 *
 * A row is begun, filled from left to right and ended. Whatever a client sent
 * leaves here as valid UTF-8.
 */
#ifndef ADMIN_ROWS_H
#define ADMIN_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Zeroed is empty. Owned by whoever holds it. */
struct rows {
	struct buf out;
	size_t count;   /* rows */
	size_t columns; /* every row has so many */
	size_t filled;  /* of the row begun last */
	size_t mark;
};

void row_begin(struct rows *rows);
void row_end(struct rows *rows);
/* NULL is SQL NULL. Bytes that are not UTF-8 are shown as question marks. */
void row_text(struct rows *rows, const char *text);
void row_int(struct rows *rows, int64_t value);
/* "0x2a": for numbers that are only to be compared. */
void row_hex(struct rows *rows, uint64_t value);
/* "2026-11-22 09:37:53 UTC"; "" when 0. */
void row_time(struct rows *rows, uint64_t wall_us);
void rows_free(struct rows *rows);

#endif
