/*
 * tags.h - sqlcommenter's tags: a block comment of key='value',key='value', the values in
 * URL encoding, with \' for a quote (the specification of sqlcommenter, "Format").
 *
 * A client writes there what it likes: tags are for finding things again, and no rule is ever
 * lifted by one.
 */
#ifndef SQL_TAGS_H
#define SQL_TAGS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	SQL_TAGS_MOST = 16, /* of one comment; more are not kept */
	SQL_TAG_KEY_MOST = 64,
	SQL_TAG_VALUE_MOST = 512, /* still encoded */
};

/* One tag, still encoded; both point into the text. */
struct sql_tag {
	const char *key, *value;
	size_t key_length, value_length;
};

/* The tags of one comment; of several with one key the first. */
struct sql_tags {
	struct sql_tag tags[SQL_TAGS_MOST];
	size_t count;
};

/*
 * The tags of the next block comment, at or behind *at, that is nothing but tags; *at goes
 * behind it. False at the end. Quoted text that looks like one is none, and one with a key or
 * a value that is too long is none.
 */
bool sql_next_tags(const char *text, size_t length, size_t *at, struct sql_tags *tags);

bool sql_tag_has_key(const struct sql_tag *tag, const char *key);

/* The value decoded, without a NUL at its end; what is no encoding stays as it is, as does %00. Returns its length. */
size_t sql_tag_value(const struct sql_tag *tag, char value[SQL_TAG_VALUE_MOST]);

#endif
