/* load_rows.c - a record of the access log as a row of COPY. See load.h. */
#include <string.h>

#include "load.h"
#include "base/mem.h"
#include "report/report.h"

enum row_kind { ROW_TEXT, ROW_NUMBER, ROW_JSON, ROW_LIST };

/* Where the columns come from, in their order. What has no row here goes into "more". */
static const struct row_column {
	const char *column, *key, *b64; /* b64: the key when the text was not UTF-8, or NULL */
	enum row_kind kind;
	bool needed;
} row_columns[] = {
	{ "instance", "instance", NULL, ROW_TEXT, true },
	{ "seq", "seq", NULL, ROW_NUMBER, true },
	{ "time", "time", NULL, ROW_TEXT, true },
	{ "event", "event", NULL, ROW_TEXT, true },
	{ "session", "session", NULL, ROW_TEXT, false },
	{ "txn", "txn", NULL, ROW_TEXT, false },
	{ "stmt", "stmt", NULL, ROW_NUMBER, false },
	{ "sub", "sub", NULL, ROW_NUMBER, false },
	{ "client_address", "client.address", NULL, ROW_TEXT, false },
	{ "client_port", "client.port", NULL, ROW_NUMBER, false },
	{ "user_name", "user.name", "user.name.b64", ROW_TEXT, false },
	{ "db_role", "db.role", "db.role.b64", ROW_TEXT, false },
	{ "db_namespace", "db.namespace", "db.namespace.b64", ROW_TEXT, false },
	{ "application", "application", "application.b64", ROW_TEXT, false },
	{ "operation", "db.operation.name", NULL, ROW_TEXT, false },
	{ "collection", "db.collection.name", NULL, ROW_TEXT, false },
	{ "summary", "db.query.summary", NULL, ROW_TEXT, false },
	{ "query", "db.query.text", "db.query.text.b64", ROW_TEXT, false },
	{ "fingerprint", "query.fingerprint", NULL, ROW_TEXT, false },
	{ "classes", "query.class", NULL, ROW_LIST, false },
	{ "relations", "relations", NULL, ROW_JSON, false },
	{ "tags", "tags", NULL, ROW_JSON, false },
	{ "trace_id", "trace.id", NULL, ROW_TEXT, false },
	{ "status_code", "db.response.status_code", NULL, ROW_TEXT, false },
	{ "returned_rows", "db.response.returned_rows", NULL, ROW_NUMBER, false },
	{ "rows_affected", "rows_affected", NULL, ROW_NUMBER, false },
	{ "bytes_in", "bytes_in", NULL, ROW_NUMBER, false },
	{ "bytes_out", "bytes_out", NULL, ROW_NUMBER, false },
	{ "duration_us", "duration_us", NULL, ROW_NUMBER, false },
	{ "queue_us", "queue_us", NULL, ROW_NUMBER, false },
	{ "server_pid", "server.pid", NULL, ROW_NUMBER, false },
	{ "pin", "pin", NULL, ROW_TEXT, false },
	{ "outcome", "outcome", NULL, ROW_TEXT, false },
	{ "decision", "decision", NULL, ROW_TEXT, false },
	{ "mode", "mode", NULL, ROW_TEXT, false },
	{ "policy", "policy", NULL, ROW_TEXT, false },
	{ "rule", "rule", NULL, ROW_TEXT, false },
	{ "exception", "exception", NULL, ROW_TEXT, false },
	{ "prev", "prev", NULL, ROW_TEXT, true },
	{ "mac", "mac", NULL, ROW_TEXT, false },
};

enum { COLUMNS = sizeof(row_columns) / sizeof(row_columns[0]) };
_Static_assert((int)COLUMNS <= (int)LOAD_KEYS_MOST, "a hint for each column");

void
load_rows_free(struct load_rows *rows)
{
	buf_free(&rows->text);
}

void
load_put_columns(struct buf *out)
{
	for (size_t i = 0; i < COLUMNS; i++)
		buf_printf(out, "%s, ", row_columns[i].column);
	buf_put_text(out, "more");
}

/* ---- values in COPY's text format ---- */

static void
put_escaped(struct buf *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		switch (text[i]) {
		case '\\':
			buf_put(out, "\\\\", 2);
			break;
		case '\n':
			buf_put(out, "\\n", 2);
			break;
		case '\r':
			buf_put(out, "\\r", 2);
			break;
		case '\t':
			buf_put(out, "\\t", 2);
			break;
		default:
			buf_put_u8(out, (uint8_t)text[i]);
		}
	}
}

static void
put_null(struct buf *out)
{
	buf_put(out, "\\N", 2);
}

/* ["READ","WRITE"] as {"READ","WRITE"} */
static void
put_list(struct load_rows *rows, struct buf *out, const struct object_member *list)
{
	struct object_cursor cursor = object_enter(list);
	struct object_member item;

	buf_clear(&rows->text);
	while (object_next(&cursor, &item)) {
		buf_put_text(&rows->text, buf_length(&rows->text) > 0 ? ",\"" : "{\"");
		for (const char *at = object_text(&item); *at != '\0'; at++) {
			if (*at == '"' || *at == '\\')
				buf_put_u8(&rows->text, '\\');
			buf_put_u8(&rows->text, (uint8_t)*at);
		}
		buf_put_u8(&rows->text, '"');
	}
	buf_put_text(&rows->text, buf_length(&rows->text) > 0 ? "}" : "{}");
	put_escaped(out, (char *)buf_bytes(&rows->text), buf_length(&rows->text));
}

static bool
is_of_kind(const struct object_member *member, enum row_kind kind)
{
	switch (kind) {
	case ROW_TEXT:
		return member->kind == OBJECT_TEXT;
	case ROW_NUMBER:
		return member->kind == OBJECT_NUMBER;
	case ROW_LIST:
		return member->kind == OBJECT_ARRAY;
	case ROW_JSON:
		return member->kind == OBJECT_ARRAY || member->kind == OBJECT_MAP;
	}
	return false;
}

static void
put_value(struct load_rows *rows, struct buf *out, struct object_member *member, enum row_kind kind)
{
	switch (kind) {
	case ROW_TEXT:
		object_text(member);
		put_escaped(out, member->value, member->value_length);
		break;
	case ROW_NUMBER:
		buf_put_int(out, object_number(member));
		break;
	case ROW_LIST:
		put_list(rows, out, member);
		break;
	case ROW_JSON:
		put_escaped(out, member->value, member->value_length);
		break;
	}
}

/* ---- the row ---- */

static bool
is_null(const struct object_member *member)
{
	return member->kind == OBJECT_WORD && member->value[0] == 'n';
}

/* The member for a column, or NULL; it is marked as taken by having no key any more. */
static struct object_member *
take_member(struct load_rows *rows, const struct object *record, size_t column)
{
	const struct row_column *from = &row_columns[column];
	struct object_member *member = object_find(record, from->key, &rows->hints[column]);
	uint32_t hint = rows->hints[column];

	if (member == NULL && from->b64 != NULL)
		member = object_find(record, from->b64, &hint);
	if (member == NULL || (!is_of_kind(member, from->kind) && !is_null(member)))
		return NULL;
	member->key_length = 0;
	return is_null(member) ? NULL : member;
}

/* What has no column of its own, as it stands in the record. */
static void
put_more(struct load_rows *rows, struct buf *out, const struct object *record)
{
	buf_clear(&rows->text);
	for (size_t i = 0; i < record->count; i++) {
		const struct object_member *member = &record->members[i];
		size_t quote = member->kind == OBJECT_TEXT; /* its value is told without them */

		if (member->key_length == 0 || (member->key_length == 1 && member->key[0] == 'v'))
			continue;
		buf_put_text(&rows->text, buf_length(&rows->text) > 0 ? ",\"" : "{\"");
		buf_put(&rows->text, member->key, member->key_length);
		buf_put_text(&rows->text, "\":");
		buf_put(&rows->text, member->value - quote, member->value_length + 2 * quote);
	}
	if (buf_length(&rows->text) == 0) {
		put_null(out);
		return;
	}
	buf_put_u8(&rows->text, '}');
	put_escaped(out, (char *)buf_bytes(&rows->text), buf_length(&rows->text));
}

static bool
put_columns(struct load_rows *rows, const struct object *record, struct buf *out, uint64_t *time_us)
{
	*time_us = 0;
	for (size_t i = 0; i < COLUMNS; i++) {
		struct object_member *member = take_member(rows, record, i);

		if (member != NULL)
			put_value(rows, out, member, row_columns[i].kind);
		else if (row_columns[i].needed)
			return false;
		else
			put_null(out);
		if (strcmp(row_columns[i].column, "time") == 0 &&
		    !report_time(object_text(member), time_us))
			return false;
		buf_put_u8(out, '\t');
	}
	return true;
}

bool
load_row(struct load_rows *rows, const struct object *record, struct buf *out, uint64_t *time_us)
{
	size_t before = buf_length(out);

	if (!put_columns(rows, record, out, time_us)) {
		out->end = out->start + before;
		return false;
	}
	put_more(rows, out, record);
	buf_put_u8(out, '\n');
	return true;
}
