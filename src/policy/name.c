/*
 * name.c - names of tables in DETAIL and HINT: quoted only where PostgreSQL
 * needs it, so that a hint can be pasted as it is. Called by builtin.c.
 */
#include <ctype.h>
#include <string.h>

#include "policy_internal.h"

enum { NAME_BYTES_MOST = 63 };

/* Words that cannot name a table without quotes (PostgreSQL 15, appendix C). */
static const char *const reserved[] = { "all", "analyse", "analyze", "and", "any", "array",
	"as", "asc", "asymmetric", "authorization", "binary", "both", "case", "cast", "check",
	"collate", "collation", "column", "concurrently", "constraint", "create", "cross",
	"current_catalog", "current_date", "current_role", "current_schema", "current_time",
	"current_timestamp", "current_user", "default", "deferrable", "desc", "distinct", "do",
	"else", "end", "except", "false", "fetch", "for", "foreign", "freeze", "from", "full",
	"grant", "group", "having", "ilike", "in", "initially", "inner", "intersect", "into",
	"is", "isnull", "join", "lateral", "leading", "left", "like", "limit", "localtime",
	"localtimestamp", "natural", "not", "notnull", "null", "offset", "on", "only", "or",
	"order", "outer", "overlaps", "placing", "primary", "references", "returning", "right",
	"select", "session_user", "similar", "some", "symmetric", "table", "tablesample",
	"then", "to", "trailing", "true", "union", "unique", "user", "using", "variadic",
	"verbose", "when", "where", "window", "with" };

static bool
is_plain(const char *name)
{
	if (!islower((unsigned char)name[0]) && name[0] != '_')
		return false;
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return false;
	return true;
}

void
name_put(struct buf *out, const char *name)
{
	if (is_plain(name)) {
		buf_put_text(out, name);
		return;
	}
	buf_put_u8(out, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			buf_put_u8(out, '"');
		buf_put_u8(out, (uint8_t)*name);
	}
	buf_put_u8(out, '"');
}

void
name_put_relation(struct buf *out, const struct sql_relation *relation)
{
	if (relation->schema != NULL) {
		name_put(out, relation->schema);
		buf_put_u8(out, '.');
	}
	name_put(out, relation->name);
}

void
name_put_with_suffix(struct buf *out, const char *name, const char *suffix)
{
	char longer[NAME_BYTES_MOST + 1];
	size_t room = NAME_BYTES_MOST - strlen(suffix);
	size_t keep = strlen(name) < room ? strlen(name) : room;

	/* Never within a character. */
	while (keep > 0 && ((unsigned char)name[keep] & 0xc0) == 0x80)
		keep--;
	memcpy(longer, name, keep);
	memcpy(longer + keep, suffix, strlen(suffix) + 1);
	name_put(out, longer);
}

void
name_put_prose(struct buf *out, const struct sql_relation *relation)
{
	buf_put_u8(out, '"');
	if (relation->schema != NULL)
		buf_printf(out, "%s.", relation->schema);
	buf_printf(out, "%s\"", relation->name);
}
