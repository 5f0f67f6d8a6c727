/* build.c - see build.h. */
#include <string.h>

#include "wire/build.h"

size_t
build_begin(struct buf *out, uint8_t type)
{
	size_t mark;

	buf_put_u8(out, type);
	mark = buf_length(out);
	buf_put_u32(out, 0);
	return mark;
}

/* Write the length of what stands behind the mark, the length word included. */
void
build_end(struct buf *out, size_t mark)
{
	uint32_t length = (uint32_t)(buf_length(out) - mark);
	uint8_t *at = buf_bytes(out) + mark;

	at[0] = (uint8_t)(length >> 24);
	at[1] = (uint8_t)(length >> 16);
	at[2] = (uint8_t)(length >> 8);
	at[3] = (uint8_t)length;
}

static void
put_field(struct buf *out, char code, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	buf_put_u8(out, (uint8_t)code);
	buf_put_cstring(out, text);
}

static void
put_number_field(struct buf *out, char code, int number)
{
	if (number <= 0)
		return;
	buf_put_u8(out, (uint8_t)code);
	buf_put_int(out, number);
	buf_put_u8(out, 0);
}

/* Codes: PostgreSQL documentation, "Error and Notice Message Fields". */
static void
put_report(struct buf *out, uint8_t type, const struct wire_error *error)
{
	size_t mark = build_begin(out, type);

	put_field(out, 'S', error->severity);
	put_field(out, 'V', error->severity);
	put_field(out, 'C', error->sqlstate);
	put_field(out, 'M', error->message);
	put_field(out, 'D', error->detail);
	put_field(out, 'H', error->hint);
	put_number_field(out, 'P', error->position);
	put_field(out, 's', error->schema);
	put_field(out, 't', error->table);
	put_field(out, 'n', error->constraint);
	put_field(out, 'F', error->file);
	put_number_field(out, 'L', error->line);
	put_field(out, 'R', error->routine);
	buf_put_u8(out, 0);
	build_end(out, mark);
}

void
build_error(struct buf *out, const struct wire_error *error)
{
	put_report(out, 'E', error);
}

void
build_notice(struct buf *out, const struct wire_error *notice)
{
	put_report(out, 'N', notice);
}

void
build_authentication(struct buf *out, uint32_t code, const void *body, size_t length)
{
	size_t mark = build_begin(out, 'R');

	buf_put_u32(out, code);
	buf_put(out, body, length);
	build_end(out, mark);
}

void
build_parameter_status(struct buf *out, const char *name, const char *value)
{
	size_t mark = build_begin(out, 'S');

	buf_put_cstring(out, name);
	buf_put_cstring(out, value);
	build_end(out, mark);
}

void
build_key_data(struct buf *out, uint32_t pid, const uint8_t *key, size_t key_length)
{
	size_t mark = build_begin(out, 'K');

	buf_put_u32(out, pid);
	buf_put(out, key, key_length);
	build_end(out, mark);
}

void
build_ready(struct buf *out, char status)
{
	size_t mark = build_begin(out, 'Z');

	buf_put_u8(out, (uint8_t)status);
	build_end(out, mark);
}

/* A message whose body is one string. */
static void
put_text_message(struct buf *out, uint8_t type, const char *text)
{
	size_t mark = build_begin(out, type);

	buf_put_cstring(out, text);
	build_end(out, mark);
}

/* A message without a body. */
static void
put_bare_message(struct buf *out, uint8_t type)
{
	build_end(out, build_begin(out, type));
}

void
build_command_complete(struct buf *out, const char *tag)
{
	put_text_message(out, 'C', tag);
}

void
build_empty_query(struct buf *out)
{
	put_bare_message(out, 'I');
}

void
build_negotiate(struct buf *out, uint32_t minor, const char *const *options, size_t count)
{
	size_t mark = build_begin(out, 'v');

	buf_put_u32(out, 3U << 16 | minor); /* the documents say the minor; PostgreSQL sends, and libpq reads, both */
	buf_put_u32(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		buf_put_cstring(out, options[i]);
	build_end(out, mark);
}

/* OIDs and sizes of the types the console answers with (pg_type.dat). */
static const struct column_type {
	char letter;
	uint32_t oid;
	uint16_t size;
} column_types[] = { { 't', 25, 0xffff }, { 'i', 23, 4 }, { 'q', 20, 8 }, { 'n', 1700, 0xffff } };

static const struct column_type *
type_of(char letter)
{
	for (size_t i = 1; i < sizeof(column_types) / sizeof(column_types[0]); i++)
		if (column_types[i].letter == letter)
			return &column_types[i];
	return &column_types[0];
}

void
build_row_description(struct buf *out, const struct wire_column *columns, size_t count)
{
	size_t mark = build_begin(out, 'T');

	buf_put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		const struct column_type *type = type_of(columns[i].type);

		buf_put_cstring(out, columns[i].name);
		buf_put_u32(out, 0); /* no table */
		buf_put_u16(out, 0); /* no column of it */
		buf_put_u32(out, type->oid);
		buf_put_u16(out, type->size);
		buf_put_u32(out, 0xffffffff); /* no type modifier */
		buf_put_u16(out, 0);	      /* text format */
	}
	build_end(out, mark);
}

void
build_data_row(struct buf *out, const char *const *values, size_t count)
{
	size_t mark = build_begin(out, 'D');

	buf_put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		if (values[i] == NULL) {
			buf_put_u32(out, 0xffffffff);
			continue;
		}
		buf_put_u32(out, (uint32_t)strlen(values[i]));
		buf_put_text(out, values[i]);
	}
	build_end(out, mark);
}

void
build_startup(struct buf *out, const char *const *names_and_values, size_t pairs)
{
	size_t mark = buf_length(out);

	buf_put_u32(out, 0);
	buf_put_u32(out, 3 << 16);
	for (size_t i = 0; i < 2 * pairs; i++)
		buf_put_cstring(out, names_and_values[i]);
	buf_put_u8(out, 0);
	build_end(out, mark);
}

void
build_ssl_request(struct buf *out)
{
	buf_put_u32(out, 8);
	buf_put_u32(out, 80877103);
}

void
build_cancel_request(struct buf *out, uint32_t pid, const uint8_t *key, size_t key_length)
{
	buf_put_u32(out, (uint32_t)(12 + key_length));
	buf_put_u32(out, 80877102);
	buf_put_u32(out, pid);
	buf_put(out, key, key_length);
}

void
build_query(struct buf *out, const char *text)
{
	put_text_message(out, 'Q', text);
}

void
build_parse(struct buf *out, const char *name, const char *text)
{
	size_t mark = build_begin(out, 'P');

	buf_put_cstring(out, name);
	buf_put_cstring(out, text);
	buf_put_u16(out, 0);
	build_end(out, mark);
}

void
build_bind(struct buf *out, const char *statement)
{
	build_bind_portal(out, "", statement);
}

void
build_bind_portal(struct buf *out, const char *portal, const char *statement)
{
	size_t mark = build_begin(out, 'B');

	buf_put_cstring(out, portal);
	buf_put_cstring(out, statement);
	buf_put_u16(out, 0); /* parameter formats */
	buf_put_u16(out, 0); /* parameters */
	buf_put_u16(out, 0); /* result formats */
	build_end(out, mark);
}

void
build_execute(struct buf *out, const char *portal)
{
	size_t mark = build_begin(out, 'E');

	buf_put_cstring(out, portal);
	buf_put_u32(out, 0);
	build_end(out, mark);
}

void
build_close(struct buf *out, char kind, const char *name)
{
	size_t mark = build_begin(out, 'C');

	buf_put_u8(out, (uint8_t)kind);
	buf_put_cstring(out, name);
	build_end(out, mark);
}

void
build_sync(struct buf *out)
{
	put_bare_message(out, 'S');
}

void
build_flush(struct buf *out)
{
	put_bare_message(out, 'H');
}

void
build_terminate(struct buf *out)
{
	put_bare_message(out, 'X');
}

void
build_copy_fail(struct buf *out, const char *reason)
{
	put_text_message(out, 'f', reason);
}

void
build_copy_data(struct buf *out, size_t length)
{
	buf_put_u8(out, 'd');
	buf_put_u32(out, (uint32_t)(length + 4));
}

void
build_password(struct buf *out, const void *body, size_t length)
{
	size_t mark = build_begin(out, 'p');

	buf_put(out, body, length);
	build_end(out, mark);
}
