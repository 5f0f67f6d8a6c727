/*
 * rewrite_report.c - errors about a rewritten text, with the names and places of the client's own.
 *
 * Called by answer.c.
 */
#include <stdlib.h>
#include <string.h>

#include "prepared.h"
#include "rewrite.h"
#include "wire/build.h"
#include "wire/read.h"

/* Does a character of UTF-8 begin with this byte? */
static bool
begins_character(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80;
}

/* The byte at which the n-th character begins, n from 1. */
static size_t
byte_of(const char *text, size_t length, int character)
{
	size_t at = 0;

	for (int seen = 0; at < length; at++)
		if (begins_character(text[at]) && ++seen == character)
			break;
	return at;
}

static int
character_of(const char *text, size_t at)
{
	int seen = 1;

	for (size_t i = 1; i <= at; i++)
		seen += begins_character(text[i]);
	return seen;
}

/* What stands in an edited piece, is where that began. */
static size_t
original_byte(const struct rewrite *rewrite, size_t at)
{
	size_t grown = 0, shrunk = 0;

	for (size_t i = 0; i < rewrite->edit_count; i++) {
		const struct rewrite_edit *edit = &rewrite->edits[i];
		size_t start = edit->at + grown - shrunk;

		if (at < start)
			break;
		if (at < start + edit->new_length)
			return edit->at;
		grown += edit->new_length;
		shrunk += edit->old_length;
	}
	return at + shrunk - grown;
}

/*
 * What is EXECUTEd was prepared anew, and the place is in the PREPARE: there the client has its
 * own name. Other texts of pgweir's making have none.
 */
static int
position_in_prepare(const struct rewrite_name *name, int position)
{
	int own = character_of(name->name, strlen(name->name)) - 1;

	if (position <= 0 || !name->statement->from_sql)
		return position;
	return position - (int)strlen(name->statement->server_name) + own;
}

static const struct rewrite_name *
first_executed(const struct rewrite *rewrite)
{
	for (size_t i = 0; i < rewrite->name_count; i++)
		if (rewrite->names[i].change == REWRITE_USES && rewrite->names[i].statement->from_sql)
			return &rewrite->names[i];
	return NULL;
}

const struct rewrite_name *
rewrite_executed(const struct rewrite *rewrite, const struct statement_id *id)
{
	for (size_t i = 0; rewrite != NULL && i < rewrite->name_count; i++)
		if (rewrite->names[i].change == REWRITE_USES &&
		    memcmp(&rewrite->names[i].statement->id, id, sizeof(*id)) == 0)
			return &rewrite->names[i];
	return NULL;
}

int
rewrite_position(const struct rewrite *rewrite, int position)
{
	const struct rewrite_name *executed = first_executed(rewrite);
	size_t at;

	if (position <= 0)
		return position;
	if (executed != NULL && position > character_of(rewrite->text, rewrite->length))
		return position_in_prepare(executed, position);
	at = original_byte(rewrite, byte_of(rewrite->text, rewrite->length, position));
	if (at > rewrite->original_length)
		at = rewrite->original_length;
	return character_of(rewrite->original, at);
}

/* The name that the client has for the one that begins here, or NULL. */
static const char *
clients_name(const struct rewrite *rewrite, const char *at, size_t *length)
{
	for (size_t i = 0; i < rewrite->name_count; i++) {
		const struct statement *statement = rewrite->names[i].statement;

		if (statement == NULL)
			continue;
		*length = strlen(statement->server_name);
		if (strncmp(at, statement->server_name, *length) == 0)
			return rewrite->names[i].name;
	}
	return NULL;
}

static void
put_words(const struct rewrite *rewrite, struct buf *out, const char *field)
{
	while (*field != '\0') {
		size_t length = 1;
		const char *name = clients_name(rewrite, field, &length);

		if (name != NULL)
			buf_put_text(out, name);
		else
			buf_put_u8(out, (uint8_t)*field);
		field += name != NULL ? length : 1;
	}
}

/* `prepared`: it is about this one, as that was prepared anew; NULL: about the text itself. */
static void
put_report(const struct rewrite *rewrite, const struct rewrite_name *prepared, struct buf *out,
    uint8_t type, const uint8_t *body, size_t length)
{
	struct reader reader = reader_over(body, length);
	size_t mark = build_begin(out, type);

	for (;;) {
		uint8_t code = read_u8(&reader);
		const char *field;

		if (code == 0)
			break;
		field = read_cstring(&reader);
		if (!reader_ok(&reader))
			break;
		buf_put_u8(out, code);
		if (code == 'P' && prepared != NULL)
			buf_put_int(out, position_in_prepare(prepared, atoi(field)));
		else if (code == 'P')
			buf_put_int(out, rewrite_position(rewrite, atoi(field)));
		else
			put_words(rewrite, out, field);
		buf_put_u8(out, 0);
	}
	buf_put_u8(out, 0);
	build_end(out, mark);
}

void
rewrite_put_report(const struct rewrite *rewrite, struct buf *out, uint8_t type,
    const uint8_t *body, size_t length)
{
	put_report(rewrite, NULL, out, type, body, length);
}

void
rewrite_put_prepare_error(const struct rewrite *rewrite, const struct rewrite_name *prepared,
    struct buf *out, const uint8_t *body, size_t length)
{
	put_report(rewrite, prepared, out, 'E', body, length);
}
