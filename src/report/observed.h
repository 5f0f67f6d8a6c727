/*
 * observed.h - what the access log shows of each user: a table of things seen, in the
 * order in which suggestions are written. Filled by observed.c and needs.c, kept by seen.c, read by
 * suggest_policy.c, suggest_grants.c and suggest_json.c.
 */
#ifndef REPORT_OBSERVED_H
#define REPORT_OBSERVED_H

#include "report_internal.h"
#include "policy/policy.h"
#include "report/suggest.h"
#include "report/texts.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/*
 * What a thing is; what `group`, `name` and `detail` say of it. A shape is a set of verbs
 * and whether functions and columns are named: "SELECT,f,c"; "" where only the record tells.
 */
enum seen_kind {
	SEEN_SUBJECT,	  /* nothing: user, role and database themselves */
	SEEN_APPLICATION, /* -, application_name */
	SEEN_NETWORK,	  /* -, 10.1.2.0/24 */
	SEEN_SETTING,	  /* -, setting */
	SEEN_SHAPE,	  /* shape, -; bits: classes; example: a text */
	SEEN_READ,	  /* shape, pattern of a relation */
	SEEN_WRITE,
	SEEN_DDL,
	SEEN_FUNCTION,	  /* shape, function */
	SEEN_COLUMN,	  /* shape, column */
	SEEN_OWN,	  /* -, relation in SQL: the role has made it itself */
	SEEN_SCHEMA,	  /* privilege, schema in SQL */
	SEEN_NEED,	  /* relation in SQL, privilege; bits: enum need */
	SEEN_NEED_COLUMN, /* relation in SQL, privilege, column */
	SEEN_UNSEEN,	  /* what cannot be told, of which function, relation, … or "" */
	SEEN_KINDS,
};

/* How much of a relation a privilege is needed for. */
enum need { NEED_WHOLE = 1, NEED_SOME = 2 /* of some column, whichever it is */ };

enum { SEEN_PARTS = 6 };

/* Owned by its table. */
struct seen {
	UT_hash_handle hh;
	enum seen_kind kind;
	uint64_t count, last_us;
	unsigned bits;
	char *example; /* a text that shows it, or NULL */
	const char *user, *role, *database, *group, *name, *detail; /* in the key */
	size_t length;
	char key[];
};

/* Where a thing is put: of whom, when. Borrowed from a record. */
struct sight {
	const char *user, *role, *database;
	uint64_t time_us;
};

struct observed {
	struct suggest_options options;
	struct record_reader reader;
	struct texts texts;
	struct policies *builtin; /* an empty policy: what is refused under any */
	struct seen *table;
	struct seen **sorted; /* of the table, once all is read */
	size_t count;
	uint64_t statements, denied, refused_by_server, lost, bad_lines;
	uint64_t first_us, last_us;
};

/*
 * Note a thing once more; bits are added to it. Texts are "" or more, never NULL. Returns
 * it, or NULL when the table is full.
 */
struct seen *seen_note(struct observed *observed, const struct sight *sight, enum seen_kind kind,
    const char *group, const char *name, const char *detail, unsigned bits);
/* The first text that shows it is kept, if it is not long. */
void seen_example(struct seen *seen, const char *text);
/* What cannot be told, of which name (or ""), with a text that shows it (or NULL). */
void seen_unseen(struct observed *observed, const struct sight *sight, const char *what,
    const char *name, const char *text);
/* The privileges that a statement needs. needs.c */
void needs_note(struct observed *observed, const struct sight *sight, const char *text,
    const struct sql_statement *statement);
/* The same of one relation, as far as the record tells, whose text is not known. */
void needs_note_record(struct observed *observed, const struct sight *sight,
    const struct record *record,
    const struct sql_relation *relation);

void seen_forget(struct observed *observed);
/* Sort the table for the functions below; it may be called again. */
void seen_sort(struct observed *observed);
/* The next subject after `at` (0 at first), or observed->count; *end is behind its things. */
size_t seen_subject(const struct observed *observed, size_t at, bool of_role, size_t *end);
/* The next thing in [at, end) of this kind and, unless NULL, group. `end` when there is none. */
size_t seen_next(const struct observed *observed, size_t at, size_t end, enum seen_kind kind,
    const char *group);

/* "From … to …, N statements", and what was left out: lines that begin with `prefix`. */
void seen_put_summary(const struct observed *observed, const char *prefix, struct buf *out);
/* What cannot be told of the subject in [at, end): lines that begin with `prefix`. */
void seen_put_unseen(const struct observed *observed, size_t at, size_t end, const char *prefix,
    struct buf *out);
/* "12 times, last 2026-11-22T09:37:53Z" */
void seen_put_count(const struct seen *seen, struct buf *out);

/* The name as SQL reads it, always in quotes. */
void seen_put_identifier(struct buf *out, const char *name);

#endif
