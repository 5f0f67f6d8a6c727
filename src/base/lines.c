/* lines.c - see lines.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/lines.h"

enum { READ_STEP = 64 << 10 };

bool
lines_open(struct lines *lines, const char *path, struct error *err)
{
	*lines = (struct lines){ .fd = STDIN_FILENO };
	if (strcmp(path, "-") == 0)
		return true;
	lines->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (lines->fd < 0)
		return error_set(err, ERROR_IO, "cannot open %s: %s", path, strerror(errno));
	if (packed_name(path))
		lines->unpacker = unpacker_new();
	return true;
}

static ssize_t
read_plain(struct lines *lines)
{
	ssize_t got;

	do
		got = read(lines->fd, buf_reserve(&lines->ahead, READ_STEP), READ_STEP);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Read some more behind what is there; false at the end or when it failed. */
static bool
read_more(struct lines *lines, struct error *err)
{
	ssize_t got;

	if (lines->ended)
		return false;
	if (lines->unpacker != NULL)
		got = unpacker_read(lines->unpacker, lines->fd,
		    buf_reserve(&lines->ahead, READ_STEP), READ_STEP, err);
	else
		got = read_plain(lines);
	if (got > 0) {
		lines->offset =
		    lines->unpacker != NULL ? unpacker_offset(lines->unpacker) : lines->offset + (uint64_t)got;
		buf_grown(&lines->ahead, (size_t)got);
		return true;
	}
	lines->ended = true;
	if (got < 0 && lines->unpacker == NULL)
		error_set(err, ERROR_IO, "cannot read: %s", strerror(errno));
	return false;
}

/* Drop bytes up to the next LF. */
static void
skip_rest(struct lines *lines, struct error *err)
{
	for (;;) {
		size_t length = buf_length(&lines->ahead);
		uint8_t *lf = length > 0 ? memchr(buf_bytes(&lines->ahead), '\n', length) : NULL;

		if (lf != NULL) {
			buf_consume(&lines->ahead, (size_t)(lf - buf_bytes(&lines->ahead)) + 1);
			return;
		}
		buf_clear(&lines->ahead);
		if (!read_more(lines, err))
			return;
	}
}

static bool
give(struct lines *lines, size_t length, bool whole)
{
	lines->line = (const char *)buf_bytes(&lines->ahead);
	lines->length = length;
	lines->whole = whole;
	lines->given = length + whole;
	lines->number++;
	return true;
}

bool
lines_next(struct lines *lines, struct error *err)
{
	size_t looked = 0;

	err->code = ERROR_NONE;
	buf_consume(&lines->ahead, lines->given);
	lines->given = 0;
	if (lines->cut)
		skip_rest(lines, err);
	lines->cut = false;
	for (;;) {
		size_t length = buf_length(&lines->ahead);
		uint8_t *bytes = length > 0 ? buf_bytes(&lines->ahead) : NULL;
		uint8_t *lf = length > looked ? memchr(bytes + looked, '\n', length - looked) : NULL;

		if (lf != NULL)
			return give(lines, (size_t)(lf - bytes), true);
		looked = length;
		if (length >= LINES_LINE_MOST) {
			lines->cut = true;
			return give(lines, length, false);
		}
		if (!read_more(lines, err))
			return length > 0 && err->code == ERROR_NONE && give(lines, length, false);
	}
}

void
lines_close(struct lines *lines)
{
	if (lines->fd > STDIN_FILENO)
		close(lines->fd);
	unpacker_free(lines->unpacker);
	buf_free(&lines->ahead);
	*lines = (struct lines){ .fd = -1 };
}
