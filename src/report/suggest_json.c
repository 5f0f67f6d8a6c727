/*
 * suggest_json.c - what was observed, for programs: of each user, role and database all
 * that was seen and all that could not be told, with counts and last use.
 */
#include <inttypes.h>
#include <string.h>

#include "observed.h"
#include "base/json.h"

/* What is told of a subject; SEEN_SHAPE is told as verbs and classes. */
static const struct told {
	enum seen_kind kind;
	const char *key;
} told[] = {
	{ SEEN_APPLICATION, "applications" },
	{ SEEN_NETWORK, "networks" },
	{ SEEN_SETTING, "settings" },
	{ SEEN_READ, "reads" },
	{ SEEN_WRITE, "writes" },
	{ SEEN_DDL, "ddl" },
	{ SEEN_FUNCTION, "functions" },
	{ SEEN_COLUMN, "columns" },
	{ SEEN_NEED, "privileges" },
	{ SEEN_NEED_COLUMN, "privileges_of_columns" },
	{ SEEN_SCHEMA, "schemas" },
	{ SEEN_OWN, "made_by_itself" },
	{ SEEN_UNSEEN, "not_seen" },
};

/* How the parts of a thing are called. */
static const struct parts {
	const char *group, *name, *detail;
} parts_of[SEEN_KINDS] = {
	[SEEN_APPLICATION] = { NULL, "name", NULL },
	[SEEN_NETWORK] = { NULL, "name", NULL },
	[SEEN_SETTING] = { NULL, "name", NULL },
	[SEEN_SHAPE] = { "shape", NULL, NULL },
	[SEEN_READ] = { "shape", "name", NULL },
	[SEEN_WRITE] = { "shape", "name", NULL },
	[SEEN_DDL] = { "shape", "name", NULL },
	[SEEN_FUNCTION] = { "shape", "name", NULL },
	[SEEN_COLUMN] = { "shape", "name", NULL },
	[SEEN_OWN] = { NULL, "relation", NULL },
	[SEEN_SCHEMA] = { "privilege", "schema", NULL },
	[SEEN_NEED] = { "relation", "privilege", NULL },
	[SEEN_NEED_COLUMN] = { "relation", "privilege", "column" },
	[SEEN_UNSEEN] = { "what", "name", NULL },
};

static void
put_part(struct buf *out, const char *key, const char *text)
{
	if (key != NULL)
		json_put_member(out, key, text);
}

static void
put_thing(const struct seen *seen, struct buf *out)
{
	const struct parts *parts = &parts_of[seen->kind];
	char last[CLOCK_TEXT_SIZE];

	clock_format_rfc3339(seen->last_us, last);
	buf_printf(out, "{\"count\":%" PRIu64, seen->count);
	json_put_member(out, "last", last);
	put_part(out, parts->group, seen->group);
	put_part(out, parts->name, seen->name);
	put_part(out, parts->detail, seen->detail);
	if (seen->kind == SEEN_NEED)
		buf_printf(out, ",\"whole\":%s", (seen->bits & NEED_WHOLE) != 0 ? "true" : "false");
	json_put_member(out, "example", seen->example);
	buf_put_u8(out, '}');
}

static void
put_things(const struct observed *observed, size_t at, size_t end, const struct told *what,
    struct buf *out)
{
	const char *comma = "";

	buf_printf(out, ",\"%s\":[", what->key);
	for (at = seen_next(observed, at, end, what->kind, NULL); at < end;
	     at = seen_next(observed, at + 1, end, what->kind, NULL)) {
		buf_put_text(out, comma);
		put_thing(observed->sorted[at], out);
		comma = ",";
	}
	buf_put_u8(out, ']');
}

/* Verbs are those of the shape, up to its last comma. */
static void
put_shapes(const struct observed *observed, size_t at, size_t end, struct buf *out)
{
	const char *comma = "";

	buf_put_text(out, ",\"shapes\":[");
	for (at = seen_next(observed, at, end, SEEN_SHAPE, NULL); at < end;
	     at = seen_next(observed, at + 1, end, SEEN_SHAPE, NULL)) {
		const char *bar = "";

		buf_put_text(out, comma);
		put_thing(observed->sorted[at], out);
		out->end--; /* the brace: its classes go in front of it */
		buf_put_text(out, ",\"classes\":[");
		for (unsigned left = observed->sorted[at]->bits; left != 0; left &= left - 1) {
			buf_printf(out, "%s\"%s\"", bar, sql_class_name(left & -left));
			bar = ",";
		}
		buf_put_text(out, "]}");
		comma = ",";
	}
	buf_put_u8(out, ']');
}

static void
put_subject(const struct observed *observed, size_t at, size_t end, struct buf *out)
{
	const struct seen *subject = observed->sorted[at];
	char last[CLOCK_TEXT_SIZE];

	clock_format_rfc3339(subject->last_us, last);
	buf_printf(out, "{\"count\":%" PRIu64, subject->count);
	json_put_member(out, "last", last);
	json_put_member(out, "user", subject->user);
	json_put_member(out, "role", subject->role);
	json_put_member(out, "database", subject->database);
	put_shapes(observed, at, end, out);
	for (size_t i = 0; i < ARRAY_LENGTH(told); i++)
		put_things(observed, at, end, &told[i], out);
	buf_put_u8(out, '}');
}

static void
put_subjects(const struct observed *observed, const char *key, bool of_role, struct buf *out)
{
	const char *comma = "";
	size_t end;

	buf_printf(out, ",\"%s\":[", key);
	for (size_t at = seen_subject(observed, 0, of_role, &end); at < observed->count;
	     at = seen_subject(observed, end, of_role, &end)) {
		buf_put_text(out, comma);
		put_subject(observed, at, end, out);
		comma = ",";
	}
	buf_put_u8(out, ']');
}

void
suggest_json(struct observed *observed, void (*suggest)(struct observed *, struct buf *),
    struct buf *out)
{
	struct buf text = { 0 };

	suggest(observed, &text);
	buf_printf(out,
	    "{\"statements\":%" PRIu64 ",\"denied\":%" PRIu64 ",\"refused_by_server\":%" PRIu64
	    ",\"bad_lines\":%" PRIu64 ",\"did_not_fit\":%" PRIu64,
	    observed->statements, observed->denied, observed->refused_by_server,
	    observed->bad_lines, observed->lost);
	put_subjects(observed, "users", false, out);
	put_subjects(observed, "roles", true, out);
	buf_put_text(out, ",\"suggestion\":");
	json_put_string(out, (char *)buf_bytes(&text), buf_length(&text));
	buf_put_text(out, "}\n");
	buf_free(&text);
}
