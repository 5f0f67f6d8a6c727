/*
 * report_internal.h - what the files of the report layer know of one another.
 *
 * reader makes a struct record of each line; performance and access count it in
 * their tallies; at the end they print tables.
 */
#ifndef REPORT_INTERNAL_H
#define REPORT_INTERNAL_H

/* uthash's own hash costs as much as reading the line. */
#include <xxhash.h>
#define HASH_FUNCTION(key, length, hash) ((hash) = (unsigned)XXH3_64bits((key), (length)))
#include <uthash.h>

#include "base/clock.h"
#include "base/object.h"
#include "report/report.h"
#include "stats/histogram.h"

/* ---- record: one line of the access log ---- */

/* A relation of a statement; borrowed from the line. */
struct touched {
	const char *name, *access;
};

/* All borrowed from the line, "" when not there. Valid until the reader's next line. */
struct record {
	struct object *object;
	uint64_t time_us, seq;
	const char *event, *instance;
	const char *user, *role, *application, *database, *address, *session, *txn;
	/* Of statements. */
	bool is_statement, is_denied, is_error, is_privileged, is_role;
	const char *verb, *fingerprint, *summary, *text, *sqlstate, *outcome, *mode, *rule, *policy;
	uint64_t duration_us, queue_us, rows, affected; /* rows: read and written */
	const struct touched *relations;
	size_t relation_count;
};

enum { RECORD_KEYS = 23 };

/* What is kept from line to line. Zeroed is new; emptied by record_reader_close(). */
struct record_reader {
	struct object object; /* the line, by object_read() */
	uint32_t hints[RECORD_KEYS], time_hint, class_hint, relations_hint;
	struct touched *touched;
	size_t touched_count, touched_size;
	char second[20]; /* "2026-11-22T09:37:53" of the line before */
	uint64_t second_us;
};

/* Fill *record from reader->object, which changes the line. False when it is no record of ours. */
bool record_from(struct record_reader *reader, struct record *record);
void record_reader_close(struct record_reader *reader);
/* A text member that few records have, or "". */
const char *record_member(const struct record *record, const char *key);

/* ---- series: an amount over time ---- */

enum { SERIES_SLOTS = 48 };

/* Zeroed is empty. Slot i begins at second (base + i) << shift. */
struct series {
	bool used;
	unsigned shift;
	uint64_t base, top; /* the first and the last slot's number */
	uint64_t slots[SERIES_SLOTS];
};
/* Slots that several series can be shown in. Zeroed is none. */
struct series_shape {
	bool used;
	unsigned shift;
	uint64_t base, top;
};

void series_add(struct series *series, uint64_t time_us, uint64_t amount);
/* Each microsecond of [from, to) into the slot where it is. */
void series_spread(struct series *series, uint64_t from_us, uint64_t to_us);
/* Make a shape so wide that the series fits it. */
void series_cover(struct series_shape *shape, const struct series *series);
/* The series' amounts in the slots of a shape that covers it; returns how many there are. */
size_t series_fit(const struct series *series, const struct series_shape *shape,
    uint64_t slots[SERIES_SLOTS]);
uint64_t series_slot_us(const struct series_shape *shape, size_t slot);
uint64_t series_width_us(const struct series_shape *shape);

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
/* The entry of these parts, or NULL. */
struct tally_entry *tally_find(const struct tally *tally, const char *const *parts, size_t count);
void tally_note(struct tally_entry *entry, const char *note);
void tally_sort(struct tally *tally, int (*compare)(struct tally_entry *, struct tally_entry *));
/* Most counted first. */
int tally_by_count(struct tally_entry *one, struct tally_entry *other);
void tally_free(struct tally *tally);

/* ---- table: rows of text and numbers ---- */

/* A number is right-aligned; a spark is several, drawn as small bars, an array in JSON. */
enum cell_kind { CELL_TEXT, CELL_NUMBER, CELL_SPARK };

struct column {
	const char *name;
	enum cell_kind kind;
	size_t most; /* characters shown as text; 0: all */
};

/* One table being filled, row by row, cell by cell. On the stack; table_end() frees. */
struct table {
	const char *title;
	const struct column *columns;
	size_t column_count;
	char **cells;
	size_t cell_count;
	size_t hidden; /* rows that were not added, for "and N more" */
	bool pairs;    /* of what and value */
	/* Draws the table, in HTML; NULL: there is nothing but the rows. */
	void (*chart)(struct buf *out, const struct table *table);
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
void table_spark(struct table *table, const uint64_t *values, size_t count);
/* Print and free. An empty table says so in one line. */
void table_end(struct table *table, enum report_format format, struct buf *out);

/* ---- chart and html: the page ---- */

/* Small bars of a cell "1,2,3": in SVG, and in characters. */
void chart_spark(struct buf *out, const char *cell);
void chart_spark_text(struct buf *out, const char *cell);
void chart_load(struct buf *out, const struct table *table);
void chart_slow(struct buf *out, const struct table *table);
/* Text that cannot be anything but text; 0: all of it. */
void html_put_text(struct buf *out, const char *text, size_t most_characters);
void html_table(struct buf *out, const struct table *table);
/* The whole page around what stands in *body, which is emptied. */
void html_page(struct buf *out, struct buf *body);

/* ---- the views ---- */

struct load_session;
/* Emptied by load_free(). */
struct load {
	struct series running, waiting, idle, statements;
	struct load_session *sessions;
};
void load_add(struct load *load, const struct record *record);
struct series_shape load_shape(const struct load *load);
void load_print(const struct load *load, enum report_format format, struct buf *out);
void load_free(struct load *load);

/* What hangs on a tally's entry: sums over its statements. */
struct cost {
	uint64_t total_us, queue_us, waited, rows, errors, met;
	struct histogram durations;
	struct histogram waits; /* of those that waited */
	struct series trend;	/* of total_us */
};
static inline const struct cost *
cost_of(const struct tally_entry *entry)
{
	return entry->more;
}

struct performance {
	struct tally services, queries, errors, databases;
	struct load load;
	struct series slow; /* statements that took longer than the objective */
	uint64_t statements, total_us;
	uint64_t objective_us, met; /* statements that took no longer */
};
void performance_open(struct performance *performance, uint64_t objective_us);
void performance_add(struct performance *performance, const struct record *record);
void performance_print(
    struct performance *performance, size_t top, enum report_format format, struct buf *out);
void performance_close(struct performance *performance);
/* What got slower since the baseline, and what is new. */
void regress_print(struct performance *now, struct performance *baseline, size_t top,
    enum report_format format, struct buf *out);

struct access {
	struct tally relations, denied, privileged, logins, exceptions, modes, events, changes, days;
	uint64_t statements, last_us;
	uint64_t day; /* since 1970, and as text: of the record before */
	char day_text[CLOCK_TEXT_SIZE];
};
void access_open(struct access *access);
void access_add(struct access *access, const struct record *record);
void access_print(struct access *access, size_t top, enum report_format format, struct buf *out);
void access_close(struct access *access);

/* A privilege of a role; three texts in one piece of memory. */
struct grant {
	char *role, *relation, *privilege;
};
/* Emptied by grants_close(). */
struct grants {
	struct grant *items;
	size_t count;
	struct tally used; /* by role, relation and privilege */
};
void grants_open(struct grants *grants);
/* A list in CSV: role, schema.relation, privilege. */
bool grants_read(struct grants *grants, const char *path, struct error *err);
void grants_add(struct grants *grants, const struct record *record);
void grants_print(const struct grants *grants, size_t top, enum report_format format,
    struct buf *out);
void grants_close(struct grants *grants);

#endif
