/* cursor.c - see cursor.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cursor.h"
#include "show.h"
#include "wire/build.h"
#include "wire/frame.h"

enum { COLUMN_TAIL = 18 }; /* of a RowDescription's column, behind its name */

/* --- commands under a name ---------------------------------------------------- */

struct draft *
draft_find(const struct draft_list *list, const char *name)
{
	struct draft *draft;

	LIST_FOREACH(draft, list, in_list)
	if (strcmp(draft->name, name) == 0)
		return draft;
	return NULL;
}

static void
draft_free(struct draft *draft)
{
	LIST_REMOVE(draft, in_list);
	mem_free(draft->name);
	command_free(&draft->command);
	mem_free(draft);
}

struct draft *
draft_put(struct draft_list *list, const char *name, struct command *command)
{
	struct draft *draft;
	size_t count = 0;

	draft_drop(list, name);
	LIST_FOREACH(draft, list, in_list)
	count++;
	if (count >= DRAFTS_MOST)
		return NULL;
	draft = mem_zalloc(1, sizeof(*draft));
	draft->name = mem_strdup(name);
	draft->command = *command;
	*command = (struct command){ 0 };
	LIST_INSERT_HEAD(list, draft, in_list);
	return draft;
}

void
draft_drop(struct draft_list *list, const char *name)
{
	struct draft *draft = draft_find(list, name);

	if (draft != NULL)
		draft_free(draft);
}

void
draft_drop_all(struct draft_list *list)
{
	while (!LIST_EMPTY(list))
		draft_free(LIST_FIRST(list));
}

/* --- bound commands ------------------------------------------------------------- */

struct cursor *
cursor_find(const struct cursor_list *list, const char *name)
{
	struct cursor *cursor;

	LIST_FOREACH(cursor, list, in_list)
	if (strcmp(cursor->name, name) == 0)
		return cursor;
	return NULL;
}

static void
cursor_free(struct cursor *cursor)
{
	LIST_REMOVE(cursor, in_list);
	mem_free(cursor->name);
	command_free(&cursor->command);
	mem_free(cursor->formats);
	rows_free(&cursor->rows);
	mem_free(cursor);
}

struct cursor *
cursor_put(struct cursor_list *list, const char *name, const struct command *command,
    uint16_t *formats)
{
	struct cursor *cursor;
	size_t count = 0;

	cursor_drop(list, name);
	LIST_FOREACH(cursor, list, in_list)
	count++;
	if (count >= DRAFTS_MOST) {
		mem_free(formats);
		return NULL;
	}
	cursor = mem_zalloc(1, sizeof(*cursor));
	cursor->name = mem_strdup(name);
	cursor->formats = formats;
	command_copy(&cursor->command, command);
	LIST_INSERT_HEAD(list, cursor, in_list);
	return cursor;
}

void
cursor_drop(struct cursor_list *list, const char *name)
{
	struct cursor *cursor = cursor_find(list, name);

	if (cursor != NULL)
		cursor_free(cursor);
}

void
cursor_drop_all(struct cursor_list *list)
{
	while (!LIST_EMPTY(list))
		cursor_free(LIST_FIRST(list));
}

/* --- what is sent ------------------------------------------------------------------ */

/* A RowDescription is made for text; write the formats that were asked for into it. */
static void
mark_formats(struct buf *out, size_t from, const uint16_t *formats, size_t count)
{
	uint8_t *at = buf_bytes(out) + from + FRAME_HEADER + 2;

	for (size_t i = 0; i < count; i++) {
		at += strlen((const char *)at) + 1 + COLUMN_TAIL;
		at[-1] = (uint8_t)formats[i];
	}
}

void
cursor_describe(struct buf *out, const struct command *command, const uint16_t *formats)
{
	size_t from = buf_length(out);

	if (table_column_count(command->table) == 0) {
		build_end(out, build_begin(out, 'n'));
		return;
	}
	build_row_description(out, command->table->columns, command->table->column_count);
	if (formats != NULL)
		mark_formats(out, from, formats, command->table->column_count);
}

/*
 * numeric's binary form (numeric_send()): digits of base 10 000, the most
 * significant first, in front of them their count, the weight of the first, the sign and
 * the decimal places.
 */
static void
put_numeric(struct buf *out, int64_t value)
{
	uint16_t digits[5];
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	uint16_t count = 0;

	for (; rest > 0; rest /= 10000)
		digits[count++] = (uint16_t)(rest % 10000);
	buf_put_u32(out, 8 + 2 * (uint32_t)count);
	buf_put_u16(out, count);
	buf_put_u16(out, count > 0 ? (uint16_t)(count - 1) : 0);
	buf_put_u16(out, value < 0 ? 0x4000 : 0);
	buf_put_u16(out, 0);
	while (count > 0)
		buf_put_u16(out, digits[--count]);
}

/* A value of this type, which stands here as text, in its binary form. */
static void
put_binary(struct buf *out, char type, const uint8_t *text, size_t length)
{
	char *copy;
	int64_t value;

	if (type == 't') {
		buf_put_u32(out, (uint32_t)length);
		buf_put(out, text, length);
		return;
	}
	copy = mem_strndup((const char *)text, length);
	value = strtoll(copy, NULL, 10);
	mem_free(copy);
	if (type == 'n') {
		put_numeric(out, value);
		return;
	}
	buf_put_u32(out, type == 'q' ? 8 : 4);
	if (type == 'q')
		buf_put_u32(out, (uint32_t)((uint64_t)value >> 32));
	buf_put_u32(out, (uint32_t)value);
}

static void
put_row(struct buf *out, const struct cursor *cursor, const uint8_t *row)
{
	const struct table *table = cursor->command.table;
	const uint8_t *at = row + FRAME_HEADER + 2;
	size_t mark = build_begin(out, 'D');

	buf_put_u16(out, (uint16_t)table->column_count);
	for (size_t i = 0; i < table->column_count; i++) {
		uint32_t length = frame_u32(at);

		at += 4;
		if (length == 0xffffffff) { /* NULL */
			buf_put_u32(out, length);
			continue;
		}
		if (cursor->formats[i] == 1) {
			put_binary(out, table->columns[i].type, at, length);
		} else {
			buf_put_u32(out, length);
			buf_put(out, at, length);
		}
		at += length;
	}
	build_end(out, mark);
}

void
cursor_send(struct cursor *cursor, struct buf *out)
{
	const uint8_t *rows = buf_bytes(&cursor->rows.out);
	size_t length = buf_length(&cursor->rows.out);
	uint32_t count = 0;

	for (; cursor->sent < length && (cursor->limit == 0 || count < cursor->limit);
	     count++) {
		put_row(out, cursor, rows + cursor->sent);
		cursor->sent += 1 + frame_u32(rows + cursor->sent + 1);
	}
	if (cursor->limit > 0 && count == cursor->limit)
		build_end(out, build_begin(out, 's'));
	else if (cursor->command.verb == VERB_NONE)
		build_empty_query(out);
	else
		build_command_complete(out, command_tag(&cursor->command));
}
