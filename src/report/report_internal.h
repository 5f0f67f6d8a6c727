/*
 * report_internal.h - what the files of the report layer know of one another.
 *
 * reader makes a struct record of each line; performance and access count it in
 * their tallies; at the end they print tables.
 */
#ifndef REPORT_INTERNAL_H
#define REPORT_INTERNAL_H

#include <jansson.h>
#include <uthash.h>

#include "report/report.h"
#include "stats/histogram.h"

/* ---- record: one line of the access log; all borrowed from its JSON tree ---- */

struct record {
	const json_t *json;
	uint64_t time_us;
	const char *event;
	/* "" when not there. */
	const char *user, *application, *database, *address;
	/* Of statements. */
	bool is_statement, is_denied, is_error;
	const char *fingerprint, *summary, *text, *sqlstate, *mode, *rule, *policy;
	uint64_t duration_us, queue_us, rows;
};

/* Fill *record from a line's tree. False when it is no record of ours. */
bool record_from(const json_t *json, struct record *record);
/* A string member, or "". */
const char *record_text(const json_t *json, const char *key);

/* ---- tally: counts by key, not more than so many keys ---- */

enum { TALLY_PARTS_MOST = 4 };

/* Counts of one key. Owned by its tally. */
struct tally_entry {
	UT_hash_handle hh;
	uint64_t count, first_us, last_us;
	char *note;	       /* what the last one of this key said, or NULL */
	const char *parts[TALLY_PARTS_MOST];
	void *more;	       /* the owner's, freed by mem_free(); NULL at first */
	size_t length;
	char key[];
};

/* Zeroed with `most` set is an empty tally; emptied by tally_free(). */
struct tally {
	size_t most; /* keys; a further one counts as "(others)" */
	struct tally_entry *entries;
};

/* The entry of these parts, counted once more; parts[] may be "" but not NULL. */
struct tally_entry *tally_count(
    struct tally *tally, const char *const *parts, size_t count, uint64_t time_us);
void tally_note(struct tally_entry *entry, const char *note);
void tally_sort(struct tally *tally, int (*compare)(struct tally_entry *, struct tally_entry *));
/* Most counted first. */
int tally_by_count(struct tally_entry *one, struct tally_entry *other);
void tally_free(struct tally *tally);

/* ---- table: rows of text and numbers ---- */

struct column {
	const char *name;
	bool is_number; /* right-aligned; a number in JSON */
	size_t most;	/* characters shown as text; 0: all */
};

/* One table being filled, row by row, cell by cell. On the stack; table_end() frees. */
struct table {
	const char *title;
	const struct column *columns;
	size_t column_count;
	char **cells;
	size_t cell_count;
	size_t hidden; /* rows that were not added, for "and N more" */
};

void table_begin(struct table *table, const char *title, const struct column *columns,
    size_t column_count);
void table_text(struct table *table, const char *text);
void table_count(struct table *table, uint64_t value);
/* Microseconds as milliseconds or as seconds. */
void table_ms(struct table *table, uint64_t us);
void table_seconds(struct table *table, uint64_t us);
void table_percent(struct table *table, uint64_t part, uint64_t whole);
void table_time(struct table *table, uint64_t wall_us);
/* Print and free. An empty table says so in one line. */
void table_end(struct table *table, enum report_format format, struct buf *out);
/* Append a text fit for a terminal: nothing in it can move the cursor or turn it around. */
void table_put_safe(struct buf *out, const char *text, size_t most_characters);

/* ---- the views ---- */

struct performance {
	struct tally services, queries, errors, databases;
	uint64_t statements, total_us;
};
void performance_open(struct performance *performance);
void performance_add(struct performance *performance, const struct record *record);
void performance_print(
    struct performance *performance, size_t top, enum report_format format, struct buf *out);
void performance_close(struct performance *performance);

struct access {
	struct tally relations, denied, privileged, logins, exceptions, modes, events;
	uint64_t statements;
};
void access_open(struct access *access);
void access_add(struct access *access, const struct record *record);
void access_print(struct access *access, size_t top, enum report_format format, struct buf *out);
void access_close(struct access *access);

#endif
