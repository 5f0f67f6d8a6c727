/*
 * lines.h - the lines of a file, one after the other, in bounded memory.
 */
#ifndef BASE_LINES_H
#define BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/packed.h"

enum { LINES_LINE_MOST = 16 << 20 }; /* a longer line is cut, and the cut is told */

/* Zeroed, then lines_open(). Owned by the caller; lines_close() also after a failure. */
struct lines {
	int fd;
	struct unpacker *unpacker; /* of a file compressed by zstd, else NULL */
	struct buf ahead;  /* read but not yet given */
	size_t given;	   /* bytes of `ahead` that are the line given last */
	bool ended;	   /* the file has no more bytes */
	uint64_t number;   /* of the line given last, from 1 */
	uint64_t offset;   /* bytes read of the file, compressed ones if it is */
	const char *line;  /* not NUL-terminated, without its LF; valid until the next call */
	size_t length;
	bool whole;	   /* it ended in LF */
	bool cut;	   /* it was longer than LINES_LINE_MOST; the rest is skipped */
};

/* "-" is standard input; what ends in ".zst" is decompressed as it is read. */
bool lines_open(struct lines *lines, const char *path, struct error *err);
/* The next line; false at the end, or with err->code set when reading failed. */
bool lines_next(struct lines *lines, struct error *err);
void lines_close(struct lines *lines);

#endif
