/* tags.c - see include/sql/tags.h. Called by the policy and audit layers. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "sql/tags.h"

#include "lex.h"

/* Goes through a comment. On the stack. */
struct scan {
	const char *at, *end;
};

static void
skip_blanks(struct scan *scan)
{
	while (scan->at < scan->end && isspace((unsigned char)*scan->at))
		scan->at++;
}

static bool
skip_byte(struct scan *scan, char byte)
{
	if (scan->at == scan->end || *scan->at != byte)
		return false;
	scan->at++;
	return true;
}

static bool
is_key_byte(char byte)
{
	return isalnum((unsigned char)byte) || (byte != '\0' && strchr("_.:%-", byte) != NULL);
}

static bool
read_tag(struct scan *scan, struct sql_tag *tag)
{
	skip_blanks(scan);
	tag->key = scan->at;
	while (scan->at < scan->end && is_key_byte(*scan->at))
		scan->at++;
	tag->key_length = (size_t)(scan->at - tag->key);
	if (tag->key_length == 0 || tag->key_length > SQL_TAG_KEY_MOST || !skip_byte(scan, '=') ||
	    !skip_byte(scan, '\''))
		return false;
	tag->value = scan->at;
	while (scan->at < scan->end && *scan->at != '\'')
		scan->at += *scan->at == '\\' && scan->at + 1 < scan->end ? 2 : 1;
	tag->value_length = (size_t)(scan->at - tag->value);
	return tag->value_length <= SQL_TAG_VALUE_MOST && skip_byte(scan, '\'');
}

static bool
is_known(const struct sql_tags *tags, const struct sql_tag *tag)
{
	for (size_t i = 0; i < tags->count; i++)
		if (tags->tags[i].key_length == tag->key_length &&
		    memcmp(tags->tags[i].key, tag->key, tag->key_length) == 0)
			return true;
	return false;
}

/* All tags of a comment; false when it is any other comment. */
static bool
read_comment(const char *comment, size_t length, struct sql_tags *tags)
{
	struct scan scan = { .at = comment, .end = comment + length };
	struct sql_tag tag;

	tags->count = 0;
	do {
		if (!read_tag(&scan, &tag))
			return false;
		if (tags->count < SQL_TAGS_MOST && !is_known(tags, &tag))
			tags->tags[tags->count++] = tag;
		skip_blanks(&scan);
	} while (skip_byte(&scan, ','));
	return scan.at == scan.end;
}

/* The next block comment, without its marks. Quoted text that looks like one is none. */
static bool
next_comment(const char *text, size_t length, size_t *at, const char **comment,
    size_t *comment_length)
{
	struct lexer lexer = { .text = text, .length = length, .at = *at };
	struct lex_token token;

	for (lex_next(&lexer, &token); token.kind != LEX_END; lex_next(&lexer, &token)) {
		*at = token.end;
		if (token.kind != LEX_COMMENT || token.unterminated || text[token.start] != '/')
			continue;
		*comment = text + token.start + 2;
		*comment_length = token.end - token.start - 4;
		return true;
	}
	*at = length;
	return false;
}

bool
sql_next_tags(const char *text, size_t length, size_t *at, struct sql_tags *tags)
{
	const char *comment;
	size_t comment_length;

	while (next_comment(text, length, at, &comment, &comment_length))
		if (read_comment(comment, comment_length, tags))
			return true;
	return false;
}

bool
sql_tag_has_key(const struct sql_tag *tag, const char *key)
{
	return tag->key_length == strlen(key) && memcmp(tag->key, key, tag->key_length) == 0;
}

size_t
sql_tag_value(const struct sql_tag *tag, char value[SQL_TAG_VALUE_MOST])
{
	size_t length = 0;

	for (size_t i = 0; i < tag->value_length; i++) {
		const char *at = tag->value + i;
		size_t left = tag->value_length - i;
		int high = left > 2 && at[0] == '%' ? text_hex_value(at[1]) : -1;
		int low = high >= 0 ? text_hex_value(at[2]) : -1;

		if (low >= 0 && (high > 0 || low > 0)) {
			value[length++] = (char)(high << 4 | low);
			i += 2;
		} else if (at[0] == '\\' && left > 1) {
			value[length++] = at[1];
			i++;
		} else {
			value[length++] = at[0];
		}
	}
	return length;
}
