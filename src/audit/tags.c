/*
 * tags.c - sqlcommenter's tags and the trace of its traceparent='00-…' as keys of a record:
 * those of the first comment that has any. Used by parts.c.
 */
#include "audit_internal.h"
#include "base/json.h"
#include "base/text.h"
#include "sql/tags.h"

enum {
	TEXT_MOST = 256 << 10,
	TRACE_ID_LENGTH = 32,
};

static bool
is_trace(const struct sql_tag *tag)
{
	return sql_tag_has_key(tag, "traceparent");
}

/* The id in W3C's version-traceid-parentid-flags. */
static void
put_trace(struct buf *out, const struct sql_tag *tag)
{
	const char *id = tag->value + 3;

	if (tag->value_length < 3 + TRACE_ID_LENGTH + 1 || tag->value[2] != '-' ||
	    id[TRACE_ID_LENGTH] != '-')
		return;
	for (size_t i = 0; i < TRACE_ID_LENGTH; i++)
		if (text_hex_value(id[i]) < 0)
			return;
	put_literal(out, ",\"trace.id\":\"");
	buf_put(out, id, TRACE_ID_LENGTH);
	buf_put_u8(out, '"');
}

static void
put_tags(struct buf *out, const struct sql_tags *tags)
{
	const char *comma = "";
	char value[SQL_TAG_VALUE_MOST];

	put_literal(out, ",\"tags\":{");
	for (size_t i = 0; i < tags->count; i++) {
		if (is_trace(&tags->tags[i]))
			continue;
		buf_put_text(out, comma);
		json_put_string(out, tags->tags[i].key, tags->tags[i].key_length);
		buf_put_u8(out, ':');
		json_put_string(out, value, sql_tag_value(&tags->tags[i], value));
		comma = ",";
	}
	buf_put_u8(out, '}');
	for (size_t i = 0; i < tags->count; i++)
		if (is_trace(&tags->tags[i])) {
			put_trace(out, &tags->tags[i]);
			return;
		}
}

void
tags_render(struct buf *out, const char *text, size_t length)
{
	struct sql_tags tags;
	size_t at = 0;

	if (length > TEXT_MOST || memmem(text, length, "/*", 2) == NULL)
		return;
	if (sql_next_tags(text, length, &at, &tags))
		put_tags(out, &tags);
}
