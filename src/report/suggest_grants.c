/*
 * suggest_grants.c - what was observed as GRANTs, for psql: of each database and role the
 * privileges that its statements needed, of single columns where the statements show that
 * no others were needed.
 */
#include <stdio.h>
#include <string.h>

#include "observed.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

enum { SHOWN_MOST = 60 };

/* Is there a column that the privilege is needed for? */
static bool
has_columns(const struct observed *observed, size_t at, size_t end, const struct seen *needed)
{
	for (at = seen_next(observed, at, end, SEEN_NEED_COLUMN, needed->group); at < end;
	     at = seen_next(observed, at + 1, end, SEEN_NEED_COLUMN, needed->group))
		if (strcmp(observed->sorted[at]->name, needed->name) == 0)
			return true;
	return false;
}

static void
put_columns(const struct observed *observed, size_t at, size_t end, const struct seen *needed,
    struct buf *out)
{
	const char *comma = " (";

	for (at = seen_next(observed, at, end, SEEN_NEED_COLUMN, needed->group); at < end;
	     at = seen_next(observed, at + 1, end, SEEN_NEED_COLUMN, needed->group)) {
		if (strcmp(observed->sorted[at]->name, needed->name) != 0)
			continue;
		buf_put_text(out, comma);
		seen_put_identifier(out, observed->sorted[at]->detail);
		comma = ", ";
	}
	buf_put_u8(out, ')');
}

/* Has the role made the relation itself? Then it owns it. */
static bool
is_own(const struct observed *observed, size_t at, size_t end, const char *relation)
{
	for (at = seen_next(observed, at, end, SEEN_OWN, NULL); at < end;
	     at = seen_next(observed, at + 1, end, SEEN_OWN, NULL))
		if (strcmp(observed->sorted[at]->name, relation) == 0)
			return true;
	return false;
}

/* A privilege of a relation, or of its columns. */
static void
put_need(const struct observed *observed, size_t at, size_t end, const struct seen *needed,
    struct buf *out)
{
	bool some = (needed->bits & NEED_WHOLE) == 0 && has_columns(observed, at, end, needed);

	buf_printf(out, "GRANT %s", needed->name);
	if (some)
		put_columns(observed, at, end, needed, out);
	buf_printf(out, " ON %s TO ", needed->group);
	seen_put_identifier(out, needed->role);
}

static void
put_on(const struct seen *thing, const char *privilege, const char *kind, const char *name,
    struct buf *out)
{
	buf_printf(out, "GRANT %s ON %s %s TO ", privilege, kind, name);
	seen_put_identifier(out, thing->role);
}

/* Every GRANT of the role in [at, end), each told with what it was made of. */
static void
each_grant(const struct observed *observed, size_t at, size_t end,
    void (*tell)(void *arg, const struct seen *why, struct buf *grant), void *arg)
{
	struct buf grant = { 0 }, name = { 0 };

	seen_put_identifier(&name, observed->sorted[at]->database);
	buf_put_u8(&name, '\0');
	put_on(observed->sorted[at], "CONNECT", "DATABASE", (char *)buf_bytes(&name), &grant);
	tell(arg, observed->sorted[at], &grant);
	for (size_t i = at; i < end; i++) {
		const struct seen *thing = observed->sorted[i];

		if (thing->kind == SEEN_SCHEMA)
			put_on(thing, thing->group, "SCHEMA", thing->name, &grant);
		else if (thing->kind == SEEN_NEED && !is_own(observed, at, end, thing->group))
			put_need(observed, at, end, thing, &grant);
		else
			continue;
		tell(arg, thing, &grant);
	}
	buf_free(&grant);
	buf_free(&name);
}

/* ---- as a script ---- */

static void
print_grant(void *arg, const struct seen *why, struct buf *grant)
{
	struct buf *out = arg;

	buf_put(out, buf_bytes(grant), buf_length(grant));
	buf_put_text(out, "; -- ");
	seen_put_count(why, out);
	buf_put_u8(out, '\n');
	buf_clear(grant);
}

/* What its own relations are, and which functions it calls: nothing is granted for them. */
static void
put_remarks(const struct observed *observed, size_t at, size_t end, struct buf *out)
{
	static const struct {
		enum seen_kind kind;
		const char *what;
	} remarks[] = {
		{ SEEN_OWN, "-- made by the role itself, which owns it: " },
		{ SEEN_FUNCTION, "-- not seen: in which schema, and what it does: the function " },
	};

	for (size_t k = 0; k < ARRAY_LENGTH(remarks); k++)
		for (size_t i = seen_next(observed, at, end, remarks[k].kind, NULL); i < end;
		     i = seen_next(observed, i + 1, end, remarks[k].kind, NULL)) {
			buf_put_text(out, remarks[k].what);
			text_put_safe(out, observed->sorted[i]->name, SHOWN_MOST);
			buf_put_text(out, " (");
			seen_put_count(observed->sorted[i], out);
			buf_put_text(out, ")\n");
		}
}

static void
put_role(const struct observed *observed, size_t at, size_t end, struct buf *out)
{
	buf_put_text(out, "\n-- role ");
	text_put_safe(out, observed->sorted[at]->role, SHOWN_MOST);
	buf_put_text(out, " in database ");
	text_put_safe(out, observed->sorted[at]->database, SHOWN_MOST);
	buf_put_u8(out, '\n');
	each_grant(observed, at, end, print_grant, out);
	put_remarks(observed, at, end, out);
	seen_put_unseen(observed, at, end, "-- ", out);
}

void
suggest_grants(struct observed *observed, struct buf *out)
{
	size_t end;

	seen_sort(observed);
	buf_put_text(out, "-- The privileges that what was observed needs, made by pgweirctl suggest,\n");
	seen_put_summary(observed, "-- ", out);
	buf_put_text(out,
	    "-- Connect to each database before its part; names of databases are pgweir's. A name without\n"
	    "-- a schema is whatever search_path leads to when this is run; --schema says which it is.\n"
	    "-- What the text of a statement does not show is not granted: what views, triggers and\n"
	    "-- functions need of their own, sequences behind defaults (serial; this lists them:\n"
	    "--   SELECT d.refobjid::regclass, d.objid::regclass FROM pg_depend d JOIN pg_class c\n"
	    "--   ON c.oid = d.objid AND c.relkind = 'S' WHERE d.deptype = 'a'), other objects' owners.\n");
	for (size_t at = seen_subject(observed, 0, true, &end); at < observed->count;
	     at = seen_subject(observed, end, true, &end))
		put_role(observed, at, end, out);
}
