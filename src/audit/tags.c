/*
 * tags.c - sqlcommenter's keys: a block comment of key='value',traceparent='00-…'
 * with values in URL encoding and \' for a quote. Used by parts.c.
 *
 * A client may write there what it likes: tags are for finding things again, no
 * rule is ever lifted by one, and how many are kept is bounded.
 */
#include <ctype.h>

#include "audit_internal.h"
#include "base/json.h"
#include "base/text.h"

enum {
	TEXT_MOST = 256 << 10,
	TAGS_MOST = 16,
	KEY_MOST = 64,
	VALUE_MOST = 512,
	TRACE_ID_LENGTH = 32,
};

/* One key='value' of a comment, still encoded; both point into it. */
struct tag {
	const char *key, *value;
	size_t key_length, value_length;
};

/* The tags of one comment; `at` goes through it. On the stack. */
struct tags {
	const char *at, *end;
	struct tag tags[TAGS_MOST];
	size_t count;
};

static void
skip_blanks(struct tags *tags)
{
	while (tags->at < tags->end && isspace((unsigned char)*tags->at))
		tags->at++;
}

static bool
skip_byte(struct tags *tags, char byte)
{
	if (tags->at == tags->end || *tags->at != byte)
		return false;
	tags->at++;
	return true;
}

static bool
is_key_byte(char byte)
{
	return isalnum((unsigned char)byte) || (byte != '\0' && strchr("_.:%-", byte) != NULL);
}

static bool
read_tag(struct tags *tags, struct tag *tag)
{
	skip_blanks(tags);
	tag->key = tags->at;
	while (tags->at < tags->end && is_key_byte(*tags->at))
		tags->at++;
	tag->key_length = (size_t)(tags->at - tag->key);
	if (tag->key_length == 0 || tag->key_length > KEY_MOST || !skip_byte(tags, '=') ||
	    !skip_byte(tags, '\''))
		return false;
	tag->value = tags->at;
	while (tags->at < tags->end && *tags->at != '\'')
		tags->at += *tags->at == '\\' && tags->at + 1 < tags->end ? 2 : 1;
	tag->value_length = (size_t)(tags->at - tag->value);
	return tag->value_length <= VALUE_MOST && skip_byte(tags, '\'');
}

static bool
is_known(const struct tags *tags, const struct tag *tag)
{
	for (size_t i = 0; i < tags->count; i++)
		if (tags->tags[i].key_length == tag->key_length &&
		    memcmp(tags->tags[i].key, tag->key, tag->key_length) == 0)
			return true;
	return false;
}

/* All tags of a comment; false when it is any other comment. */
static bool
read_comment(struct tags *tags, const char *comment, size_t length)
{
	struct tag tag;

	tags->at = comment;
	tags->end = comment + length;
	tags->count = 0;
	do {
		if (!read_tag(tags, &tag))
			return false;
		if (tags->count < TAGS_MOST && !is_known(tags, &tag))
			tags->tags[tags->count++] = tag;
		skip_blanks(tags);
	} while (skip_byte(tags, ','));
	return tags->at == tags->end;
}

/* Undo the encoding; what is none stays as it is. Returns the length. */
static size_t
decode(const struct tag *tag, char out[VALUE_MOST])
{
	size_t length = 0;

	for (size_t i = 0; i < tag->value_length; i++) {
		const char *at = tag->value + i;
		size_t left = tag->value_length - i;
		int high = left > 2 && at[0] == '%' ? text_hex_value(at[1]) : -1;
		int low = high >= 0 ? text_hex_value(at[2]) : -1;

		if (low >= 0 && (high > 0 || low > 0)) {
			out[length++] = (char)(high << 4 | low);
			i += 2;
		} else if (at[0] == '\\' && left > 1) {
			out[length++] = at[1];
			i++;
		} else {
			out[length++] = at[0];
		}
	}
	return length;
}

static bool
is_trace(const struct tag *tag)
{
	return tag->key_length == strlen("traceparent") &&
	    memcmp(tag->key, "traceparent", tag->key_length) == 0;
}

/* The id in W3C's version-traceid-parentid-flags. */
static void
put_trace(struct buf *out, const struct tag *tag)
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
put_tags(struct buf *out, const struct tags *tags)
{
	const char *comma = "";
	char value[VALUE_MOST];

	put_literal(out, ",\"tags\":{");
	for (size_t i = 0; i < tags->count; i++) {
		if (is_trace(&tags->tags[i]))
			continue;
		buf_put_text(out, comma);
		json_put_string(out, tags->tags[i].key, tags->tags[i].key_length);
		buf_put_u8(out, ':');
		json_put_string(out, value, decode(&tags->tags[i], value));
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
	struct redact_marks marks = { 0 };
	struct buf rest = { 0 };
	struct tags tags;
	struct span comment;

	if (length > TEXT_MOST || memmem(text, length, "/*", 2) == NULL)
		return;
	redact_text(text, length, REDACT_KEEP_BODIES, &rest, &marks);
	for (size_t at = 0; at < buf_length(&marks.comments); at += sizeof(comment)) {
		memcpy(&comment, buf_bytes(&marks.comments) + at, sizeof(comment));
		if (read_comment(&tags, text + comment.at + 2, comment.length - 4)) {
			put_tags(out, &tags);
			break;
		}
	}
	buf_free(&rest);
	buf_free(&marks.cuts);
	buf_free(&marks.comments);
}
