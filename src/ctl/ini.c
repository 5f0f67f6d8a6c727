/*
 * ini.c - see ini.h. The files are read line by line; one that is included is read in
 * place.
 */
#include <string.h>
#include <unistd.h>

#include "ini.h"
#include "base/lines.h"
#include "base/mem.h"
#include "base/text.h"

enum { DEPTH_MOST = 10, LINE_MOST = 64 * 1024 };

/* The files that are open, the innermost last, and where we are. On ini_read()'s stack.
 */
struct reader {
	struct ini *ini;
	struct problems *problems;
	struct {
		struct lines lines;
		const char *name;
	} files[DEPTH_MOST];
	size_t depth;
	enum ini_section section;
};

static const char *const section_names[] = { "", "databases", "pgbouncer", "users",
	"peers" };

const char *
ini_section_name(enum ini_section section)
{
	return section_names[section];
}

/* A fault at the line that was given last. */
static bool
fault(struct reader *reader, const char *what)
{
	size_t at = reader->depth - 1;

	return problems_add(reader->problems, reader->files[at].name,
	    (int)reader->files[at].lines.number, 1, "%s", what);
}

static bool
open_file(struct reader *reader, char *path)
{
	struct error err = { 0 };
	struct ini *ini = reader->ini;

	ini->files = mem_resize(ini->files, ini->file_count + 1, sizeof(ini->files[0]));
	ini->files[ini->file_count++] = path;
	reader->files[reader->depth].name = path;
	reader->files[reader->depth].lines = (struct lines){ 0 };
	if (lines_open(&reader->files[reader->depth].lines, path, &err)) {
		reader->depth++;
		return true;
	}
	lines_close(&reader->files[reader->depth].lines);
	if (reader->depth > 0)
		return fault(reader, err.text);
	return problems_add(reader->problems, path, 0, 0, "%s", err.text);
}

/* As PgBouncer does from where it is started; else beside the file that includes it. */
static bool
include_file(struct reader *reader, const char *name)
{
	const char *parent = reader->files[reader->depth - 1].name;
	const char *slash = strrchr(parent, '/');

	if (name[0] == '\0')
		return fault(reader, "%include needs the name of a file");
	if (reader->depth == DEPTH_MOST)
		return fault(reader, "files include each other more than ten deep: does "
				     "one include itself?");
	if (name[0] == '/' || slash == NULL || access(name, F_OK) == 0)
		return open_file(reader, mem_strdup(name));
	return open_file(
	    reader, mem_printf("%.*s/%s", (int)(slash - parent), parent, name));
}

static bool
read_section(struct reader *reader, const char *line)
{
	size_t length = strlen(line);

	if (line[length - 1] != ']')
		return fault(reader, "the name of a section ends with ]");
	for (size_t i = INI_DATABASES; i <= INI_PEERS; i++)
		if (strlen(section_names[i]) == length - 2 &&
		    memcmp(section_names[i], line + 1, length - 2) == 0) {
			reader->section = (enum ini_section)i;
			return true;
		}
	return fault(reader, "there is no such section: PgBouncer has [databases], "
			     "[pgbouncer], [users] and [peers]");
}

static const char *
skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/*
 * A text between two of `quote`, in which it stands twice for once. NULL: it is not
 * closed.
 */
static char *
read_quoted(const char **at, char quote)
{
	struct buf text = { 0 };

	for (const char *in = *at + 1; *in != '\0'; in++) {
		if (*in == quote && in[1] != quote) {
			*at = in + 1;
			return buf_steal_text(&text);
		}
		if (*in == quote)
			in++;
		buf_put_u8(&text, (uint8_t)*in);
	}
	buf_free(&text);
	return NULL;
}

static bool
read_entry(struct reader *reader, const char *line)
{
	struct ini *ini = reader->ini;
	const char *at = line;
	char *key;

	if (line[0] == '"') {
		key = read_quoted(&at, '"');
	} else {
		at += strcspn(at, "= \t");
		key = mem_strndup(line, (size_t)(at - line));
	}
	if (key == NULL)
		return fault(reader, "the quote of this name is not closed");
	at = skip_blanks(at);
	if (key[0] == '\0' || *at != '=' || reader->section == INI_NONE) {
		bool homeless = reader->section == INI_NONE;

		mem_free(key);
		return fault(reader,
		    homeless ? "a key before the first section: which is it of?"
			     : "this is no key = value, no [section] and no comment");
	}
	ini->entries = mem_resize(ini->entries, ini->count + 1, sizeof(ini->entries[0]));
	ini->entries[ini->count++] = (struct ini_entry){ .section = reader->section,
		.file = reader->files[reader->depth - 1].name,
		.line = (int)reader->files[reader->depth - 1].lines.number,
		.key = key,
		.value = mem_strdup(skip_blanks(at + 1)) };
	return true;
}

/*
 * What YAML cannot hold, or takes for the end of a line, is no text: control characters
 * of ASCII and C1, U+2028.
 */
static bool
is_text(const char *bytes, size_t length)
{
	if (!text_is_utf8(bytes, length))
		return false;
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = (uint8_t)bytes[i], next = (uint8_t)bytes[i + 1];

		if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
			return false;
		if ((byte == 0xc2 && next < 0xa0) ||
		    strncmp(bytes + i, "\xef\xbb\xbf", 3) == 0 ||
		    strncmp(bytes + i, "\xe2\x80\xa8", 3) == 0 ||
		    strncmp(bytes + i, "\xe2\x80\xa9", 3) == 0 ||
		    strncmp(bytes + i, "\xef\xbf\xbe", 3) == 0 ||
		    strncmp(bytes + i, "\xef\xbf\xbf", 3) == 0)
			return false;
	}
	return true;
}

/* `line` has no blanks around it. */
static bool
read_line(struct reader *reader, const char *line)
{
	static const char include[] = "%include";
	size_t length = sizeof(include) - 1;

	if (!is_text(line, strlen(line)))
		return fault(reader, "bytes that are no text: it must be UTF-8 without "
				     "control characters");
	if (strncmp(line, include, length) == 0 &&
	    (line[length] == ' ' || line[length] == '\t'))
		return include_file(reader, skip_blanks(line + length));
	if (line[0] == '[')
		return read_section(reader, line);
	return read_entry(reader, line);
}

static bool
take_line(struct reader *reader, const struct lines *lines)
{
	size_t length = lines->length, start = 0;
	char *line;
	bool good;

	while (length > 0 && strchr(" \t\r", lines->line[length - 1]) != NULL &&
	       lines->line[length - 1] != '\0')
		length--;
	while (
	    start < length && (lines->line[start] == ' ' || lines->line[start] == '\t'))
		start++;
	if (start == length || lines->line[start] == ';' || lines->line[start] == '#')
		return true;
	if (length > LINE_MOST)
		return fault(reader, "a line may have 64 KiB");
	if (memchr(lines->line, '\0', length) != NULL)
		return fault(reader, "a NUL byte: this is no text");
	line = mem_strndup(lines->line + start, length - start);
	good = read_line(reader, line);
	mem_free(line);
	return good;
}

bool
ini_read(struct ini *ini, const char *path, struct problems *problems)
{
	struct reader reader = { .ini = ini, .problems = problems };
	size_t before = problems->errors;

	open_file(&reader, mem_strdup(path));
	while (reader.depth > 0) {
		struct lines *lines = &reader.files[reader.depth - 1].lines;
		struct error err = { 0 };

		if (lines_next(lines, &err)) {
			take_line(&reader, lines);
			continue;
		}
		if (err.code != ERROR_NONE)
			fault(&reader, err.text);
		lines_close(lines);
		reader.depth--;
	}
	return problems->errors == before;
}

const struct ini_entry *
ini_find(const struct ini *ini, enum ini_section section, const char *key)
{
	for (size_t i = ini->count; i-- > 0;)
		if (ini->entries[i].section == section &&
		    strcmp(ini->entries[i].key, key) == 0)
			return &ini->entries[i];
	return NULL;
}

bool
ini_next_pair(const char **at, char **key, char **value, const char **why)
{
	const char *begin = skip_blanks(*at), *in = begin + strcspn(begin, "= \t");

	*why = NULL;
	if (*begin == '\0')
		return false;
	*key = mem_strndup(begin, (size_t)(in - begin));
	in = skip_blanks(in);
	if (*in != '=' || (*key)[0] == '\0') {
		*why = "this is no list of key=value";
		mem_free(*key);
		return false;
	}
	in = skip_blanks(in + 1);
	if (*in == '\'') {
		*value = read_quoted(&in, '\'');
	} else {
		size_t length = strcspn(in, " \t");

		*value = mem_strndup(in, length);
		in += length;
	}
	*at = in;
	if (*value != NULL)
		return true;
	*why = "the quote of a value is not closed";
	mem_free(*key);
	return false;
}

void
ini_free(struct ini *ini)
{
	for (size_t i = 0; i < ini->count; i++) {
		mem_free(ini->entries[i].key);
		mem_free_secret(ini->entries[i].value);
	}
	for (size_t i = 0; i < ini->file_count; i++)
		mem_free(ini->files[i]);
	mem_free(ini->entries);
	mem_free(ini->files);
	*ini = (struct ini){ 0 };
}
