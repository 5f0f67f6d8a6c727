/*
 * tag.c - sqlcommenter's tags, for `match: {tag: …}`. The client writes there what it likes,
 * so a tag can refuse and never allow.
 */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"
#include "sql/tags.h"

bool
pattern_read_tag(struct pattern *pattern, struct error *err)
{
	const char *equals = strchr(pattern->text, '=');
	size_t length = equals != NULL ? (size_t)(equals - pattern->text) : strlen(pattern->text);

	if (length == 0 || length > SQL_TAG_KEY_MOST)
		return error_set(err, ERROR_CONFIG,
		    "\"%s\" is no tag: write key, or key=value with * for anything", pattern->text);
	pattern->name = mem_strndup(pattern->text, length);
	pattern->schema = equals != NULL ? mem_strdup(equals + 1) : NULL;
	return true;
}

static bool
fits(const struct pattern *pattern, const struct sql_tag *tag)
{
	char value[SQL_TAG_VALUE_MOST + 1];

	if (!sql_tag_has_key(tag, pattern->name))
		return false;
	value[sql_tag_value(tag, value)] = '\0';
	return pattern->schema == NULL || text_fits_glob(pattern->schema, value);
}

bool
pattern_fits_tag(const struct pattern *pattern, const char *text, size_t length)
{
	struct sql_tags tags;
	size_t at = 0;

	if (memchr(text, '*', length) == NULL)
		return false;
	while (sql_next_tags(text, length, &at, &tags))
		for (size_t i = 0; i < tags.count; i++)
			if (fits(pattern, &tags.tags[i]))
				return true;
	return false;
}
