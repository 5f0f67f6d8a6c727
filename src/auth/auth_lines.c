/*
 * auth_lines.c - see auth_lines.h. Called by hba.c and ident.c when a configuration is loaded.
 *
 * A file named by @ adds its words to the field it stands in, in no order: they are
 * only ever asked for one that fits. Such files wait in a list, so none is read inside another.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth_lines.h"
#include "base/buf.h"
#include "base/mem.h"

enum {
	FILES_BYTES_MOST = 16 << 20, /* of all together, however often one is named */
	FILES_DEEP_MOST = 10,	     /* files that name files, as PostgreSQL */
	WORD_BYTES_MOST = 1023,	     /* a path or an expression; names are checked later */
};

/* Another file whose words belong to a field. */
struct named_file {
	char *path;
	const char *by; /* the file that names it */
	int line, col;
	unsigned depth;
};

/* One reading of a file and all that it names. Lives for auth_lines_read(). */
struct lines_reading {
	const char *setting;
	struct arena *arena;
	struct problems *problems;
	size_t bytes; /* read so far */
	struct named_file *named; /* of the line at hand, those before `next` are done */
	size_t named_count, named_room, next;
};

/* One file's text; `at` walks over it. */
struct lines_cursor {
	struct lines_reading *reading;
	const char *file;
	unsigned depth;
	const char *at, *end, *line_start;
	int line;
};

static bool
fault(const struct lines_cursor *cursor, const char *text)
{
	return problems_add(cursor->reading->problems, cursor->file, cursor->line,
	    (int)(cursor->at - cursor->line_start) + 1, "%s", text);
}

/* Room for one more element behind `count` of them, in the arena. */
static void *
more(struct arena *arena, void *items, size_t count, size_t *room, size_t size)
{
	void *larger;

	if (count < *room)
		return items;
	*room = *room == 0 ? 2 : *room * 2;
	larger = arena_zalloc(arena, *room, size);
	if (count > 0)
		memcpy(larger, items, count * size);
	return larger;
}

/* ---- bytes ---- */

static bool
open_text(const char *path, int *fd)
{
	struct stat st;

	/* Not blocking, so that a FIFO cannot hold the load up. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0 || fstat(*fd, &st) != 0)
		return false;
	if (S_ISREG(st.st_mode))
		return true;
	errno = EINVAL;
	return false;
}

/* All of a file. False: *why says what went wrong. */
static bool
read_bytes(struct lines_reading *reading, const char *path, struct buf *bytes, const char **why)
{
	ssize_t got;
	int fd;

	if (!open_text(path, &fd)) {
		*why = errno == EINVAL ? "it is not a regular file" : strerror(errno);
		if (fd >= 0)
			close(fd);
		return false;
	}
	do {
		got = read(fd, buf_reserve(bytes, 65536), 65536);
		if (got > 0)
			buf_grown(bytes, (size_t)got);
	} while ((got > 0 && reading->bytes + buf_length(bytes) <= FILES_BYTES_MOST) ||
	    (got < 0 && errno == EINTR));
	*why = got < 0 ? strerror(errno) : got > 0 ? "with the files it names it has more than 16 MiB" : NULL;
	close(fd);
	reading->bytes += buf_length(bytes);
	return *why == NULL;
}

/* ---- words ---- */

static bool
is_blank(const struct lines_cursor *cursor)
{
	return *cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\r' ||
	    *cursor->at == '\f' || *cursor->at == '\v';
}

/* A backslash at its very end joins a line with the next. */
static bool
at_join(const struct lines_cursor *cursor)
{
	return cursor->end - cursor->at >= 2 && cursor->at[0] == '\\' && cursor->at[1] == '\n';
}

static void
next_line(struct lines_cursor *cursor)
{
	cursor->line++;
	cursor->line_start = cursor->at;
}

static bool
at_line_end(const struct lines_cursor *cursor)
{
	return cursor->at == cursor->end || *cursor->at == '\n';
}

static void
skip_blanks(struct lines_cursor *cursor)
{
	while (!at_line_end(cursor) && (is_blank(cursor) || at_join(cursor))) {
		bool joined = at_join(cursor);

		cursor->at += joined ? 2 : 1;
		if (joined)
			next_line(cursor);
	}
	if (!at_line_end(cursor) && *cursor->at == '#')
		while (!at_line_end(cursor))
			cursor->at++;
}

/* One word up to a blank, a comma or a comment. */
static bool
read_word(struct lines_cursor *cursor, struct buf *text, bool *quoted)
{
	bool inside = false;

	*quoted = !at_line_end(cursor) && *cursor->at == '"';
	for (; !at_line_end(cursor) && !at_join(cursor); cursor->at++) {
		char here = *cursor->at;

		if (here == '\0')
			return fault(cursor, "a NUL byte is not allowed here");
		if (!inside && (is_blank(cursor) || here == ',' || here == '#'))
			break;
		if (here == '"' && inside && cursor->end - cursor->at > 1 && cursor->at[1] == '"')
			cursor->at++; /* twice is one */
		else if (here == '"') {
			inside = !inside;
			continue;
		}
		if (buf_length(text) == WORD_BYTES_MOST)
			return fault(cursor, "this word is longer than 1023 bytes");
		buf_put_u8(text, (uint8_t)here);
	}
	return inside ? fault(cursor, "the quote is not closed on this line") : true;
}

static void
add_word(struct lines_cursor *cursor, struct auth_field *field, const struct buf *text,
    bool quoted, int col)
{
	struct arena *arena = cursor->reading->arena;

	field->words =
	    more(arena, field->words, field->count, &field->room, sizeof(*field->words));
	field->words[field->count++] = (struct auth_word){
		.text = arena_strndup(arena, buf_bytes(text), buf_length(text)),
		.quoted = quoted,
		.col = col,
	};
}

/* "@name": relative to the folder of the file that says so. */
static bool
name_file(struct lines_cursor *cursor, const struct buf *text, int col)
{
	struct lines_reading *reading = cursor->reading;
	const char *slash = strrchr(cursor->file, '/');
	const char *name = (const char *)buf_bytes(text) + 1;
	int length = (int)buf_length(text) - 1;
	struct named_file *named;

	if (cursor->depth == FILES_DEEP_MOST)
		return fault(cursor, "files that name files are read 10 deep: does one name itself?");
	reading->named = more(reading->arena, reading->named, reading->named_count,
	    &reading->named_room, sizeof(*reading->named));
	named = &reading->named[reading->named_count++];
	*named = (struct named_file){ .by = cursor->file, .line = cursor->line, .col = col,
		.depth = cursor->depth + 1 };
	named->path = name[0] == '/' || slash == NULL
	    ? mem_printf("%.*s", length, name)
	    : mem_printf("%.*s/%.*s", (int)(slash - cursor->file), cursor->file, length, name);
	return true;
}

/* One word of a list, wherever its text comes from. */
static bool
take_word(struct lines_cursor *cursor, struct auth_field *field)
{
	int col = (int)(cursor->at - cursor->line_start) + 1;
	struct buf text = { 0 };
	bool quoted;
	bool good = read_word(cursor, &text, &quoted);

	if (good && !quoted && buf_length(&text) > 1 && buf_bytes(&text)[0] == '@')
		good = name_file(cursor, &text, col);
	else if (good)
		add_word(cursor, field, &text, quoted, col);
	buf_free(&text);
	return good;
}

/* a,b, c: behind a comma the list goes on. */
static bool
read_field(struct lines_cursor *cursor, struct auth_field *field)
{
	field->col = (int)(cursor->at - cursor->line_start) + 1;
	if (*cursor->at == ',')
		return fault(cursor, "a comma stands behind a word without a blank: a,b or a, b");
	while (take_word(cursor, field)) {
		if (at_line_end(cursor) || *cursor->at != ',')
			return true;
		while (!at_line_end(cursor) && *cursor->at == ',')
			cursor->at++;
		skip_blanks(cursor);
		if (at_line_end(cursor))
			return fault(cursor, "a word must follow the comma");
	}
	return false;
}

/* All words of a file that was named, whatever its lines are. */
static bool
read_named(struct lines_reading *reading, struct named_file named, struct auth_field *field)
{
	struct buf bytes = { 0 };
	struct lines_cursor cursor = { .reading = reading, .depth = named.depth, .line = 1 };
	const char *why = NULL;
	bool good = read_bytes(reading, named.path, &bytes, &why);

	cursor.file = arena_strndup(reading->arena, named.path, strlen(named.path));
	if (!good)
		problems_add(reading->problems, named.by, named.line, named.col,
		    "%s: cannot read %s: %s", reading->setting, named.path, why);
	else if (buf_length(&bytes) > 0) {
		cursor.at = cursor.line_start = (const char *)buf_bytes(&bytes);
		cursor.end = cursor.at + buf_length(&bytes);
	}
	while (good && cursor.at < cursor.end) {
		skip_blanks(&cursor);
		if (at_line_end(&cursor)) {
			cursor.at += cursor.at < cursor.end;
			next_line(&cursor);
		} else
			good = read_field(&cursor, field);
	}
	buf_free(&bytes);
	return good;
}

/* The files that were named in a field, and those that they name. */
static bool
read_all_named(struct lines_reading *reading, struct auth_field *field)
{
	bool good = true;

	for (; reading->next < reading->named_count; reading->next++) {
		struct named_file named = reading->named[reading->next];

		good = good && read_named(reading, named, field);
		mem_free(named.path);
	}
	return good;
}

static bool
read_fields(struct lines_cursor *cursor, struct auth_line *line)
{
	struct lines_reading *reading = cursor->reading;
	bool good = true;

	for (skip_blanks(cursor); good && !at_line_end(cursor); skip_blanks(cursor)) {
		struct auth_field field = { 0 };

		good = read_field(cursor, &field);
		good = read_all_named(reading, &field) && good;
		if (good && field.count == 0)
			good = problems_add(reading->problems, cursor->file, cursor->line, field.col,
			    "%s: the file that is named here has no word in it", reading->setting);
		line->fields = more(
		    reading->arena, line->fields, line->count, &line->room, sizeof(field));
		line->fields[line->count++] = field;
	}
	return good;
}

bool
auth_lines_read(const char *path, const char *setting, struct arena *arena,
    void (*on_line)(void *arg, const struct auth_line *line), void *arg,
    struct problems *problems)
{
	struct lines_reading reading = { .setting = setting, .arena = arena, .problems = problems };
	struct lines_cursor cursor = { .reading = &reading, .line = 1 };
	size_t errors_before = problems->errors;
	struct buf bytes = { 0 };
	const char *why = NULL;

	cursor.file = arena_strndup(arena, path, strlen(path));
	if (!read_bytes(&reading, path, &bytes, &why))
		problems_add(problems, path, 0, 0, "%s: cannot read it: %s", setting, why);
	else if (buf_length(&bytes) > 0) {
		cursor.at = cursor.line_start = (const char *)buf_bytes(&bytes);
		cursor.end = cursor.at + buf_length(&bytes);
	}
	while (cursor.at < cursor.end) {
		struct auth_line line = { .file = cursor.file, .line = cursor.line };

		if (read_fields(&cursor, &line) && line.count > 0)
			on_line(arg, &line);
		while (!at_line_end(&cursor))
			cursor.at++;
		cursor.at += cursor.at < cursor.end;
		next_line(&cursor);
	}
	buf_free(&bytes);
	return problems->errors == errors_before;
}
