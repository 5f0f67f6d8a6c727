/*
 * performance.c - where the time goes: cost by service, the statements that cost
 * most, errors, waits. Used by reader.c.
 */
#include <string.h>

#include "report_internal.h"
#include "base/mem.h"

enum { SERVICES_MOST = 5000, QUERIES_MOST = 20000, ERRORS_MOST = 2000, DATABASES_MOST = 2000 };

/* What hangs on a tally's entry: sums over its statements. */
struct cost {
	uint64_t total_us, queue_us, waited, rows, errors;
	struct histogram durations;
	struct histogram waits; /* of those that waited */
};

void
performance_open(struct performance *performance)
{
	*performance = (struct performance){
		.services.most = SERVICES_MOST,
		.queries.most = QUERIES_MOST,
		.errors.most = ERRORS_MOST,
		.databases.most = DATABASES_MOST,
	};
}

void
performance_close(struct performance *performance)
{
	tally_free(&performance->services);
	tally_free(&performance->queries);
	tally_free(&performance->errors);
	tally_free(&performance->databases);
}

static void
add_cost(struct tally_entry *entry, const struct record *record)
{
	struct cost *cost;

	if (entry->more == NULL)
		entry->more = mem_zalloc(1, sizeof(*cost));
	cost = entry->more;
	cost->total_us += record->duration_us;
	cost->rows += record->rows;
	cost->errors += record->is_error;
	histogram_record(&cost->durations, record->duration_us);
	if (record->queue_us == 0)
		return;
	cost->waited++;
	cost->queue_us += record->queue_us;
	histogram_record(&cost->waits, record->queue_us);
}

void
performance_add(struct performance *performance, const struct record *record)
{
	const char *service[] = { record->user, record->application };
	/* A text that was not parsed has no fingerprint: they are all one. */
	const char *query[] = { record->fingerprint };
	const char *error[] = { record->sqlstate, record->user };
	const char *database[] = { record->database };
	struct tally_entry *entry;

	if (!record->is_statement)
		return;
	if (record->is_error) {
		entry = tally_count(&performance->errors, error, 2, record->time_us);
		tally_note(entry, record->text[0] != '\0' ? record->text : record->summary);
	}
	if (record->is_denied)
		return; /* refused: no server has spent time on it */
	performance->statements++;
	performance->total_us += record->duration_us;
	add_cost(tally_count(&performance->services, service, 2, record->time_us), record);
	add_cost(tally_count(&performance->databases, database, 1, record->time_us), record);
	entry = tally_count(&performance->queries, query, 1, record->time_us);
	if (entry->note == NULL)
		tally_note(entry, record->text[0] != '\0' ? record->text : record->summary);
	add_cost(entry, record);
}

/* ---- orders ---- */

static const struct cost *
cost_of(const struct tally_entry *entry)
{
	return entry->more;
}

static int
descending(uint64_t one, uint64_t other)
{
	return (one < other) - (one > other);
}

static int
by_time(struct tally_entry *one, struct tally_entry *other)
{
	return descending(cost_of(one)->total_us, cost_of(other)->total_us);
}

static int
by_p99(struct tally_entry *one, struct tally_entry *other)
{
	return descending(histogram_percentile(&cost_of(one)->durations, 99),
	    histogram_percentile(&cost_of(other)->durations, 99));
}

static int
by_rows(struct tally_entry *one, struct tally_entry *other)
{
	return descending(cost_of(one)->rows, cost_of(other)->rows);
}

static int
by_wait(struct tally_entry *one, struct tally_entry *other)
{
	return descending(cost_of(one)->queue_us, cost_of(other)->queue_us);
}

/* ---- tables ---- */

static void
print_services(struct performance *performance, size_t top, enum report_format format,
    struct buf *out)
{
	static const struct column columns[] = { { "user", false, 30 }, { "application", false, 30 },
		{ "statements", true, 0 }, { "server_s", true, 0 }, { "share_%", true, 0 },
		{ "mean_ms", true, 0 }, { "p50_ms", true, 0 }, { "p99_ms", true, 0 },
		{ "rows", true, 0 }, { "errors", true, 0 }, { "wait_s", true, 0 } };
	struct table table;
	size_t shown = 0;

	tally_sort(&performance->services, by_time);
	table_begin(&table, "Service cost: server-seconds by user and application", columns, 11);
	for (struct tally_entry *entry = performance->services.entries; entry != NULL;
	     entry = entry->hh.next) {
		const struct cost *cost = cost_of(entry);

		if (++shown > top) {
			table.hidden++;
			continue;
		}
		table_text(&table, entry->parts[0]);
		table_text(&table, entry->parts[1]);
		table_count(&table, entry->count);
		table_seconds(&table, cost->total_us);
		table_percent(&table, cost->total_us, performance->total_us);
		table_ms(&table, histogram_mean_us(&cost->durations));
		table_ms(&table, histogram_percentile(&cost->durations, 50));
		table_ms(&table, histogram_percentile(&cost->durations, 99));
		table_count(&table, cost->rows);
		table_count(&table, cost->errors);
		table_seconds(&table, cost->queue_us);
	}
	table_end(&table, format, out);
}

static void
print_queries(struct performance *performance, const char *title,
    int (*order)(struct tally_entry *, struct tally_entry *), size_t top,
    enum report_format format, struct buf *out)
{
	static const struct column columns[] = { { "calls", true, 0 }, { "total_s", true, 0 },
		{ "mean_ms", true, 0 }, { "p95_ms", true, 0 }, { "p99_ms", true, 0 },
		{ "most_ms", true, 0 }, { "rows", true, 0 }, { "errors", true, 0 },
		{ "wait_s", true, 0 }, { "fingerprint", false, 24 }, { "query", false, 80 } };
	struct table table;
	size_t shown = 0;

	tally_sort(&performance->queries, order);
	table_begin(&table, title, columns, 11);
	for (struct tally_entry *entry = performance->queries.entries; entry != NULL;
	     entry = entry->hh.next) {
		const struct cost *cost = cost_of(entry);

		if (++shown > top) {
			table.hidden++;
			continue;
		}
		table_count(&table, entry->count);
		table_seconds(&table, cost->total_us);
		table_ms(&table, histogram_mean_us(&cost->durations));
		table_ms(&table, histogram_percentile(&cost->durations, 95));
		table_ms(&table, histogram_percentile(&cost->durations, 99));
		table_ms(&table, cost->durations.most_us);
		table_count(&table, cost->rows);
		table_count(&table, cost->errors);
		table_seconds(&table, cost->queue_us);
		table_text(&table, entry->parts[0][0] != '\0' ? entry->parts[0] : "(not parsed)");
		table_text(&table, entry->note != NULL ? entry->note : "");
	}
	table_end(&table, format, out);
}

static void
print_errors(struct performance *performance, size_t top, enum report_format format,
    struct buf *out)
{
	static const struct column columns[] = { { "sqlstate", false, 5 }, { "user", false, 30 },
		{ "count", true, 0 }, { "last", false, 0 }, { "last_query", false, 80 } };
	struct table table;
	size_t shown = 0;

	tally_sort(&performance->errors, tally_by_count);
	table_begin(&table, "Errors that clients got", columns, 5);
	for (struct tally_entry *entry = performance->errors.entries; entry != NULL;
	     entry = entry->hh.next) {
		if (++shown > top) {
			table.hidden++;
			continue;
		}
		table_text(&table, entry->parts[0]);
		table_text(&table, entry->parts[1]);
		table_count(&table, entry->count);
		table_time(&table, entry->last_us);
		table_text(&table, entry->note != NULL ? entry->note : "");
	}
	table_end(&table, format, out);
}

static void
print_waits(struct performance *performance, size_t top, enum report_format format,
    struct buf *out)
{
	static const struct column columns[] = { { "database", false, 30 },
		{ "statements", true, 0 }, { "waited", true, 0 }, { "waited_%", true, 0 },
		{ "wait_s", true, 0 }, { "p99_ms", true, 0 }, { "most_ms", true, 0 } };
	struct table table;
	size_t shown = 0;

	tally_sort(&performance->databases, by_wait);
	table_begin(&table, "Waiting for a server, by database", columns, 7);
	for (struct tally_entry *entry = performance->databases.entries; entry != NULL;
	     entry = entry->hh.next) {
		const struct cost *cost = cost_of(entry);

		if (++shown > top) {
			table.hidden++;
			continue;
		}
		table_text(&table, entry->parts[0]);
		table_count(&table, entry->count);
		table_count(&table, cost->waited);
		table_percent(&table, cost->waited, entry->count);
		table_seconds(&table, cost->queue_us);
		table_ms(&table, histogram_percentile(&cost->waits, 99));
		table_ms(&table, cost->waits.most_us);
	}
	table_end(&table, format, out);
}

void
performance_print(struct performance *performance, size_t top, enum report_format format,
    struct buf *out)
{
	print_services(performance, top, format, out);
	print_queries(performance, "Statements by total time", by_time, top, format, out);
	print_queries(performance, "Statements by calls", tally_by_count, top, format, out);
	print_queries(performance, "Statements by p99", by_p99, top, format, out);
	print_queries(performance, "Statements by rows", by_rows, top, format, out);
	print_errors(performance, top, format, out);
	print_waits(performance, top, format, out);
}
