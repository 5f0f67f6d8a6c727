/* userlist.c - see userlist.h. Called by users.c. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "auth/userlist.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "config/secret.h"

enum {
	USERLIST_BYTES_MOST = 64 << 20,
	USERLIST_NAME_MOST = 63, /* NAMEDATALEN - 1 */
};

/* A name that was read, to find it when it comes again. */
struct named {
	char *name;
	int line;
	UT_hash_handle hh;
};

/* One reading; `at` walks over the bytes, a line at a time. */
struct cursor {
	const char *file;
	struct problems *problems;
	const char *at, *end, *line_start;
	int line;
	struct named *names;
	void (*on_entry)(void *arg, const struct userlist_entry *entry);
	void *arg;
};

static int
column(const struct cursor *cursor)
{
	return (int)(cursor->at - cursor->line_start) + 1;
}

static bool
problem_here(const struct cursor *cursor, const char *text)
{
	return problems_add(
	    cursor->problems, cursor->file, cursor->line, column(cursor), "%s", text);
}

static void
skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->end && *cursor->at != '\n' &&
	    isspace((unsigned char)*cursor->at))
		cursor->at++;
}

static bool
at_line_end(const struct cursor *cursor)
{
	return cursor->at == cursor->end || *cursor->at == '\n';
}

static void
skip_line(struct cursor *cursor)
{
	while (!at_line_end(cursor))
		cursor->at++;
	if (cursor->at < cursor->end)
		cursor->at++;
	cursor->line_start = cursor->at;
	cursor->line++;
}

/* A text in quotes, in which "" is a quote. */
static bool
read_quoted(struct cursor *cursor, const char *missing, struct buf *out)
{
	if (at_line_end(cursor) || *cursor->at != '"')
		return problem_here(cursor, missing);
	for (cursor->at++; !at_line_end(cursor); cursor->at++) {
		if (*cursor->at == '\0')
			return problem_here(cursor, "a NUL byte is not allowed here");
		if (*cursor->at == '"') {
			cursor->at++;
			if (at_line_end(cursor) || *cursor->at != '"')
				return true;
		}
		buf_put_u8(out, (uint8_t)*cursor->at);
	}
	return problem_here(cursor, "the quote is not closed on this line");
}

static bool
read_name(struct cursor *cursor, struct buf *name)
{
	if (!read_quoted(
		cursor, "a line must begin with a name in quotes: \"name\" \"secret\"", name))
		return false;
	if (buf_length(name) == 0)
		return problem_here(cursor, "the name is empty");
	for (size_t i = 0; i < buf_length(name); i++)
		if (iscntrl(buf_bytes(name)[i]))
			return problem_here(cursor, "the name has a control character in it");
	if (buf_length(name) > USERLIST_NAME_MOST)
		return problem_here(
		    cursor, "the name is longer than 63 bytes, and PostgreSQL has no longer ones");
	return true;
}

static bool
read_secret(struct cursor *cursor, struct buf *secret)
{
	if (!read_quoted(cursor,
		"a secret in quotes must follow the name: \"name\" \"secret\"", secret))
		return false;
	if (!at_line_end(cursor) && !isspace((unsigned char)*cursor->at) && *cursor->at != ';')
		return problem_here(cursor,
		    "the secret goes on behind its closing quote: write a quote inside it twice");
	if (buf_length(secret) > SECRET_BYTES_MOST)
		return problem_here(cursor, "the secret is longer than 2047 bytes");
	return true;
}

static bool
name_once(struct cursor *cursor, const char *name)
{
	struct named *named;

	HASH_FIND_STR(cursor->names, name, named);
	if (named != NULL)
		return problems_add(cursor->problems, cursor->file, cursor->line, 1,
		    "\"%s\" is here twice: it is already at line %d", name, named->line);
	named = mem_zalloc(1, sizeof(*named));
	named->name = mem_strdup(name);
	named->line = cursor->line;
	HASH_ADD_KEYPTR(hh, cursor->names, named->name, strlen(named->name), named);
	return true;
}

static void
read_line(struct cursor *cursor)
{
	struct buf name = { 0 }, secret = { 0 };
	struct userlist_entry entry = { .line = cursor->line };

	if (!read_name(cursor, &name))
		goto done;
	skip_blanks(cursor);
	entry.secret_col = column(cursor);
	if (!read_secret(cursor, &secret))
		goto done;
	buf_put_u8(&name, '\0');
	buf_put_u8(&secret, '\0');
	entry.name = (char *)buf_bytes(&name);
	entry.secret = (char *)buf_bytes(&secret);
	if (name_once(cursor, entry.name))
		cursor->on_entry(cursor->arg, &entry);

done:
	if (secret.data != NULL)
		explicit_bzero(secret.data, secret.size);
	buf_free(&name);
	buf_free(&secret);
}

static void
read_lines(struct cursor *cursor)
{
	struct named *named, *next;

	while (cursor->at < cursor->end) {
		skip_blanks(cursor);
		if (!at_line_end(cursor) && *cursor->at != ';')
			read_line(cursor);
		skip_line(cursor);
	}
	HASH_ITER(hh, cursor->names, named, next) {
		HASH_DEL(cursor->names, named);
		mem_free(named->name);
		mem_free(named);
	}
}

/* The whole file; what has no end is cut short and refused. */
static bool
read_bytes(const char *path, struct buf *bytes, struct problems *problems)
{
	struct error err;
	ssize_t got;
	int fd;

	if (!secret_open(path, &fd, &err))
		return problems_add(problems, path, 0, 0, "auth.userlist: %s", err.text);
	do {
		got = read(fd, buf_reserve(bytes, 65536), 65536);
		if (got > 0)
			buf_grown(bytes, (size_t)got);
	} while ((got > 0 && buf_length(bytes) <= USERLIST_BYTES_MOST) ||
	    (got < 0 && errno == EINTR));
	close(fd);
	if (got < 0)
		return problems_add(problems, path, 0, 0, "auth.userlist: cannot read it: %s",
		    strerror(errno));
	if (got > 0)
		return problems_add(problems, path, 0, 0,
		    "auth.userlist: it is larger than %d MiB", USERLIST_BYTES_MOST >> 20);
	return true;
}

bool
userlist_read(const char *path,
    void (*on_entry)(void *arg, const struct userlist_entry *entry), void *arg,
    struct problems *problems)
{
	struct cursor cursor = { .file = path,
		.problems = problems,
		.line = 1,
		.on_entry = on_entry,
		.arg = arg };
	size_t errors_before = problems->errors;
	struct buf bytes = { 0 };

	if (read_bytes(path, &bytes, problems) && buf_length(&bytes) > 0) {
		cursor.at = cursor.line_start = (char *)buf_bytes(&bytes);
		cursor.end = cursor.at + buf_length(&bytes);
		read_lines(&cursor);
	}
	if (bytes.data != NULL)
		explicit_bzero(bytes.data, bytes.size);
	buf_free(&bytes);
	return problems->errors == errors_before;
}
