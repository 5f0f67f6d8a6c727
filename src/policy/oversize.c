/*
 * oversize.c - `on_oversize: allow_insert_only`: bulk loads whose text is too
 * long to analyse. Only a text that is plainly one INSERT … VALUES of literals
 * passes; its target is told, so that rules about that table still hold. A
 * call, an operator, a second statement, a comment, a quote in E'' or $$ form:
 * anything beyond the plain subset is not an insert. Called by judge.c.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"

enum { NAME_BYTES_MOST = 63 };

/* The text while it is read. */
struct scan {
	const char *at, *end;
};

static void
skip_space(struct scan *scan)
{
	while (scan->at < scan->end && strchr(" \t\n\r\f", *scan->at) != NULL &&
	    *scan->at != '\0')
		scan->at++;
}

static bool
take_char(struct scan *scan, char wanted)
{
	skip_space(scan);
	if (scan->at == scan->end || *scan->at != wanted)
		return false;
	scan->at++;
	return true;
}

static bool
is_name_byte(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || byte == '$' ||
	    (unsigned char)byte >= 0x80;
}

/* A keyword in any case, and nothing of a longer word. */
static bool
take_word(struct scan *scan, const char *word)
{
	size_t length = strlen(word);

	skip_space(scan);
	if ((size_t)(scan->end - scan->at) < length || strncasecmp(scan->at, word, length) != 0)
		return false;
	if (scan->at + length < scan->end && is_name_byte(scan->at[length]))
		return false;
	scan->at += length;
	return true;
}

/* Cut at 63 bytes on a character boundary, as PostgreSQL does. */
static char *
cut_name(struct buf *name)
{
	char *text = buf_steal_text(name);
	size_t length = strlen(text);

	if (length > NAME_BYTES_MOST) {
		length = NAME_BYTES_MOST;
		while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
		text[length] = '\0';
	}
	return text;
}

/* A plain or quoted name; NULL for anything else (also U&"" and folding beyond ASCII). */
static char *
take_name(struct scan *scan)
{
	struct buf name = { 0 };

	skip_space(scan);
	if (scan->at < scan->end && *scan->at == '"') {
		for (scan->at++; scan->at < scan->end && *scan->at != '\0'; scan->at++) {
			if (*scan->at == '"' && (scan->at + 1 == scan->end || scan->at[1] != '"')) {
				scan->at++;
				return cut_name(&name);
			}
			scan->at += *scan->at == '"';
			buf_put_u8(&name, (uint8_t)*scan->at);
		}
		buf_free(&name);
		return NULL;
	}
	while (scan->at < scan->end && is_name_byte(*scan->at) &&
	    (unsigned char)*scan->at < 0x80)
		buf_put_u8(&name, (uint8_t)tolower((unsigned char)*scan->at++));
	if (buf_length(&name) == 0 || isdigit(*buf_bytes(&name)) || *buf_bytes(&name) == '$' ||
	    (scan->at < scan->end && strchr("&\"'", *scan->at) != NULL) ||
	    (scan->at < scan->end && (unsigned char)*scan->at >= 0x80)) {
		buf_free(&name);
		return NULL;
	}
	return cut_name(&name);
}

/* '…' with '' inside; a backslash is an ordinary byte (standard_conforming_strings). */
static bool
take_string(struct scan *scan)
{
	if (!take_char(scan, '\''))
		return false;
	while (scan->at < scan->end) {
		if (*scan->at++ != '\'')
			continue;
		if (scan->at == scan->end || *scan->at != '\'')
			return true;
		scan->at++;
	}
	return false;
}

/* 12, -1.5e3, $4 */
static bool
take_number(struct scan *scan)
{
	const char *start;

	skip_space(scan);
	if (scan->at < scan->end && strchr("-+$", *scan->at) != NULL && *scan->at != '\0')
		scan->at++;
	start = scan->at;
	while (scan->at < scan->end && isdigit((unsigned char)*scan->at))
		scan->at++;
	if (scan->at == start)
		return false;
	if (scan->at < scan->end && *scan->at == '.' && scan->at[-1] != '$')
		for (scan->at++; scan->at < scan->end && isdigit((unsigned char)*scan->at);)
			scan->at++;
	if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
		scan->at++;
		if (scan->at < scan->end && (*scan->at == '-' || *scan->at == '+'))
			scan->at++;
		while (scan->at < scan->end && isdigit((unsigned char)*scan->at))
			scan->at++;
	}
	return scan->at == scan->end || !is_name_byte(*scan->at);
}

static bool
take_value(struct scan *scan)
{
	static const char *const words[] = { "null", "true", "false", "default" };

	skip_space(scan);
	if (scan->at == scan->end)
		return false;
	if (*scan->at == '\'')
		return take_string(scan);
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (take_word(scan, words[i]))
			return true;
	return take_number(scan);
}

/* (value, …) */
static bool
take_row(struct scan *scan)
{
	if (!take_char(scan, '('))
		return false;
	do {
		if (!take_value(scan))
			return false;
	} while (take_char(scan, ','));
	return take_char(scan, ')');
}

/* (column, …), or nothing */
static bool
take_columns(struct scan *scan)
{
	if (!take_char(scan, '('))
		return true;
	do {
		char *name = take_name(scan);

		if (name == NULL)
			return false;
		mem_free(name);
	} while (take_char(scan, ','));
	return take_char(scan, ')');
}

static bool
take_target(struct scan *scan, char **schema, char **name)
{
	*name = take_name(scan);
	if (*name == NULL || !take_char(scan, '.'))
		return *name != NULL;
	*schema = *name;
	*name = take_name(scan);
	return *name != NULL;
}

static bool
take_insert(struct scan *scan, char **schema, char **name)
{
	if (!take_word(scan, "insert") || !take_word(scan, "into") ||
	    !take_target(scan, schema, name) || !take_columns(scan) ||
	    !take_word(scan, "values"))
		return false;
	do {
		if (!take_row(scan))
			return false;
	} while (take_char(scan, ','));
	take_char(scan, ';');
	skip_space(scan);
	return scan->at == scan->end;
}

bool
oversize_is_insert(const char *text, size_t length, char **schema, char **name)
{
	struct scan scan = { .at = text, .end = text + length };

	*schema = *name = NULL;
	if (length <= OVERSIZE_INSERT_MOST && text_is_utf8(text, length) &&
	    take_insert(&scan, schema, name))
		return true;
	mem_free(*schema);
	mem_free(*name);
	*schema = *name = NULL;
	return false;
}

bool
oversize_read_insert(const struct question *question, struct insert_facts *insert)
{
	static const char *const verbs[] = { "INSERT", NULL };

	*insert = (struct insert_facts){ 0 };
	if (!oversize_is_insert(question->text, question->length, &insert->relation.schema,
		&insert->relation.name))
		return false;
	insert->relation.access = SQL_ACCESS_WRITE;
	insert->statement = (struct sql_statement){ .classes = SQL_WRITE,
		.effects = SQL_WRITE,
		.verb = verbs[0],
		.verbs = verbs,
		.relations = &insert->relation,
		.relation_count = 1 };
	insert->facts = (struct sql_facts){ .statements = &insert->statement,
		.statement_count = 1,
		.classes = SQL_WRITE };
	return true;
}

void
oversize_free_insert(struct insert_facts *insert)
{
	mem_free(insert->relation.schema);
	mem_free(insert->relation.name);
}
