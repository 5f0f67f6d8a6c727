/*
 * tag.c - sqlcommenter's tags, for `match: {tag: …}`: a block comment of
 * key='value',key='value' with values in URL encoding.
 *
 * The client writes there what it likes, so a tag can refuse and never allow.
 */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"
#include "sql/comments.h"

enum { KEY_MOST = 64, VALUE_MOST = 512 };

bool
pattern_read_tag(struct pattern *pattern, struct error *err)
{
	const char *equals = strchr(pattern->text, '=');
	size_t length = equals != NULL ? (size_t)(equals - pattern->text) : strlen(pattern->text);

	if (length == 0 || length > KEY_MOST)
		return error_set(err, ERROR_CONFIG,
		    "\"%s\" is no tag: write key, or key=value with * for anything", pattern->text);
	pattern->name = mem_strndup(pattern->text, length);
	pattern->schema = equals != NULL ? mem_strdup(equals + 1) : NULL;
	return true;
}

/* Up to the closing quote, decoded; what is behind it, or NULL. */
static const char *
read_value(const char *at, const char *end, char value[VALUE_MOST + 1])
{
	size_t length = 0;

	for (; at < end && *at != '\''; at++) {
		int high = *at == '%' && end - at > 2 ? text_hex_value(at[1]) : -1;
		int low = high >= 0 ? text_hex_value(at[2]) : -1;
		char byte = *at;

		if (low >= 0) {
			byte = (char)(high << 4 | low);
			at += 2;
		} else if (*at == '\\' && end - at > 1) {
			byte = *++at;
		}
		if (length < VALUE_MOST && byte != '\0')
			value[length++] = byte;
	}
	value[length] = '\0';
	return at < end ? at + 1 : NULL;
}

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end && isspace((unsigned char)*at))
		at++;
	return at;
}

/* Does a tag of the comment fit? */
static bool
comment_fits(const struct pattern *pattern, const char *at, const char *end)
{
	while (at != NULL && at < end) {
		char key[KEY_MOST + 1], value[VALUE_MOST + 1];
		size_t length = 0;

		for (at = skip_blanks(at, end); at < end && *at != '=' && length < KEY_MOST; at++)
			key[length++] = *at;
		key[length] = '\0';
		if (end - at < 2 || at[0] != '=' || at[1] != '\'')
			return false;
		at = read_value(at + 2, end, value);
		if (strcmp(key, pattern->name) == 0 &&
		    (pattern->schema == NULL || text_fits_glob(pattern->schema, value)))
			return true;
		if (at != NULL)
			at = skip_blanks(at, end);
		if (at != NULL && at < end && *at++ != ',')
			return false;
	}
	return false;
}

bool
pattern_fits_tag(const struct pattern *pattern, const char *text, size_t length)
{
	const char *comment;
	size_t at = 0, comment_length;

	if (memchr(text, '*', length) == NULL)
		return false;
	while (sql_next_comment(text, length, &at, &comment, &comment_length))
		if (comment_fits(pattern, comment, comment + comment_length))
			return true;
	return false;
}
