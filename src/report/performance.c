/*
 * performance.c - where the time goes: cost by service, the statements that cost
 * most, errors, waits. Used by reader.c.
 */
#include <string.h>

#include "report_internal.h"
#include "base/mem.h"

enum { SERVICES_MOST = 5000, QUERIES_MOST = 20000, ERRORS_MOST = 2000, DATABASES_MOST = 2000 };

/* Bars of a histogram: up to 2^FIRST us, then twice as long each, the last what is longer. */
enum { BARS = 16, BARS_FIRST = 7 };

void
performance_open(struct performance *performance, uint64_t objective_us)
{
	*performance = (struct performance){
		.objective_us = objective_us,
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
	load_free(&performance->load);
}

static void
add_cost(struct tally_entry *entry, const struct record *record, bool met)
{
	struct cost *cost;

	if (entry->more == NULL)
		entry->more = mem_zalloc(1, sizeof(*cost));
	cost = entry->more;
	cost->total_us += record->duration_us;
	cost->rows += record->rows;
	cost->errors += record->is_error;
	cost->met += met;
	series_add(&cost->trend, record->time_us, record->duration_us);
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
	bool met = record->duration_us + record->queue_us <= performance->objective_us;
	struct tally_entry *entry;

	load_add(&performance->load, record);
	if (!record->is_statement)
		return;
	if (record->is_error) {
		entry = tally_count(&performance->errors, error, 2, record->time_us);
		tally_note(entry, record->text[0] != '\0' ? record->text : record->summary);
	}
	if (record->is_denied)
		return; /* refused: no server has spent time on it */
	performance->statements++;
	performance->met += met;
	if (!met)
		series_add(&performance->slow, record->time_us, 1);
	performance->total_us += record->duration_us;
	add_cost(tally_count(&performance->services, service, 2, record->time_us), record, met);
	add_cost(tally_count(&performance->databases, database, 1, record->time_us), record,
	    met);
	entry = tally_count(&performance->queries, query, 1, record->time_us);
	if (entry->note == NULL)
		tally_note(entry, record->text[0] != '\0' ? record->text : record->summary);
	add_cost(entry, record, met);
}

/* ---- orders ---- */

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
	static const struct column columns[] = { { "user", CELL_TEXT, 30 }, { "application", CELL_TEXT, 30 },
		{ "statements", CELL_NUMBER, 0 }, { "server_s", CELL_NUMBER, 0 }, { "share_%", CELL_NUMBER, 0 },
		{ "met_%", CELL_NUMBER, 0 }, { "mean_ms", CELL_NUMBER, 0 }, { "p50_ms", CELL_NUMBER, 0 }, { "p99_ms", CELL_NUMBER, 0 },
		{ "rows", CELL_NUMBER, 0 }, { "errors", CELL_NUMBER, 0 }, { "wait_s", CELL_NUMBER, 0 } };
	struct table table;
	size_t shown = 0;

	tally_sort(&performance->services, by_time);
	table_begin(&table, "Service cost: server-seconds by user and application", columns, 12);
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
		table_percent(&table, cost->met, entry->count);
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
put_histogram(struct table *table, const struct histogram *durations)
{
	uint64_t bars[BARS], before = 0;

	for (unsigned i = 0; i < BARS; i++) {
		uint64_t up_to = i + 1 < BARS ?
		    histogram_count_up_to(durations, ((uint64_t)1 << (BARS_FIRST + i)) - 1) :
		    durations->count;

		bars[i] = up_to - before;
		before = up_to;
	}
	table_spark(table, bars, BARS);
}

static void
put_trend(struct table *table, const struct series *trend, const struct series_shape *shape)
{
	uint64_t slots[SERIES_SLOTS];
	size_t count = series_fit(trend, shape, slots);

	table_spark(table, slots, count);
}

static void
print_queries(struct performance *performance, const char *title,
    int (*order)(struct tally_entry *, struct tally_entry *), size_t top,
    enum report_format format, struct buf *out)
{
	static const struct column columns[] = { { "calls", CELL_NUMBER, 0 }, { "total_s", CELL_NUMBER, 0 },
		{ "mean_ms", CELL_NUMBER, 0 }, { "p95_ms", CELL_NUMBER, 0 }, { "p99_ms", CELL_NUMBER, 0 },
		{ "most_ms", CELL_NUMBER, 0 }, { "rows", CELL_NUMBER, 0 }, { "errors", CELL_NUMBER, 0 },
		{ "wait_s", CELL_NUMBER, 0 }, { "histogram", CELL_SPARK, 0 }, { "trend", CELL_SPARK, 0 },
		{ "fingerprint", CELL_TEXT, 24 }, { "query", CELL_TEXT, 80 } };
	struct series_shape shape = load_shape(&performance->load);
	struct table table;
	size_t shown = 0;

	tally_sort(&performance->queries, order);
	table_begin(&table, title, columns, 13);
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
		put_histogram(&table, &cost->durations);
		put_trend(&table, &cost->trend, &shape);
		table_text(&table, entry->parts[0][0] != '\0' ? entry->parts[0] : "(not parsed)");
		table_text(&table, entry->note != NULL ? entry->note : "");
	}
	table_end(&table, format, out);
}

static void
print_errors(struct performance *performance, size_t top, enum report_format format,
    struct buf *out)
{
	static const struct column columns[] = { { "sqlstate", CELL_TEXT, 5 }, { "user", CELL_TEXT, 30 },
		{ "count", CELL_NUMBER, 0 }, { "last", CELL_TEXT, 0 }, { "last_query", CELL_TEXT, 80 } };
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
	static const struct column columns[] = { { "database", CELL_TEXT, 30 },
		{ "statements", CELL_NUMBER, 0 }, { "waited", CELL_NUMBER, 0 }, { "waited_%", CELL_NUMBER, 0 },
		{ "wait_s", CELL_NUMBER, 0 }, { "p99_ms", CELL_NUMBER, 0 }, { "most_ms", CELL_NUMBER, 0 } };
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

static void
print_slow(const struct performance *performance, enum report_format format, struct buf *out)
{
	static const struct column columns[] = { { "from", CELL_TEXT, 0 },
		{ "statements", CELL_NUMBER, 0 }, { "slow", CELL_NUMBER, 0 },
		{ "slow_%", CELL_NUMBER, 0 } };
	struct series_shape shape = load_shape(&performance->load);
	uint64_t all[SERIES_SLOTS], slow[SERIES_SLOTS];
	size_t count = series_fit(&performance->load.statements, &shape, all);
	struct table table;

	series_fit(&performance->slow, &shape, slow);
	table_begin(&table, "Slow statements over time: their share, by the latency objective",
	    columns, 4);
	table.chart = chart_slow;
	for (size_t i = 0; i < count; i++) {
		table_time(&table, series_slot_us(&shape, i));
		table_count(&table, all[i]);
		table_count(&table, slow[i]);
		table_percent(&table, slow[i], all[i]);
	}
	table_end(&table, format, out);
}

void
performance_print(struct performance *performance, size_t top, enum report_format format,
    struct buf *out)
{
	load_print(&performance->load, format, out);
	print_slow(performance, format, out);
	print_services(performance, top, format, out);
	print_queries(performance, "Statements by total time", by_time, top, format, out);
	print_queries(performance, "Statements by calls", tally_by_count, top, format, out);
	print_queries(performance, "Statements by p99", by_p99, top, format, out);
	print_queries(performance, "Statements by rows", by_rows, top, format, out);
	print_errors(performance, top, format, out);
	print_waits(performance, top, format, out);
}
