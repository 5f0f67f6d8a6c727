/*
 * show_queries.c - SHOW QUERIES: what statements cost, by fingerprint, summed over the
 * workers. Each worker keeps its own table (stats/queries.h), so a fingerprint may have made
 * room on one of them and not on another: what it had cost there is among the others.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "errand.h"
#include "show.h"

static const struct wire_column query_columns[] = { { "fingerprint", 't' }, { "calls", 'q' },
	{ "time_us", 'q' }, { "mean_us", 'q' }, { "p50_us", 'q' }, { "p95_us", 'q' },
	{ "p99_us", 'q' }, { "max_us", 'q' }, { "rows", 'q' }, { "errors", 'q' }, { "waits", 'q' },
	{ "wait_us", 'q' }, { "query", 't' } };

static struct query_stats *
sum_of(struct tally *tally, const struct query_stats *more)
{
	struct query_stats *sum;

	HASH_FIND_STR(tally->queries, more->fingerprint, sum);
	if (sum != NULL)
		return sum;
	sum = mem_zalloc(1, sizeof(*sum));
	memcpy(sum->fingerprint, more->fingerprint, sizeof(sum->fingerprint));
	HASH_ADD_KEYPTR(hh, tally->queries, sum->fingerprint, strlen(sum->fingerprint), sum);
	return sum;
}

static void
visit_queries(struct errand *errand, struct clients *clients)
{
	const struct queries *queries = clients_queries(clients);

	for (size_t i = 0; i < queries->count; i++)
		query_stats_merge(sum_of(&errand->tally, queries->places[i]), queries->places[i]);
	query_stats_merge(&errand->tally.other_queries, &queries->others);
}

static void
put_query(struct rows *rows, const struct query_stats *stats, const char *fingerprint,
    const char *text)
{
	const struct histogram *times = &stats->times;

	row_begin(rows);
	row_text(rows, fingerprint);
	row_int(rows, (int64_t)times->count);
	row_int(rows, (int64_t)times->sum_us);
	row_int(rows, (int64_t)histogram_mean_us(times));
	row_int(rows, (int64_t)histogram_percentile(times, 50));
	row_int(rows, (int64_t)histogram_percentile(times, 95));
	row_int(rows, (int64_t)histogram_percentile(times, 99));
	row_int(rows, (int64_t)times->most_us);
	row_int(rows, (int64_t)stats->rows);
	row_int(rows, (int64_t)stats->errors);
	row_int(rows, (int64_t)stats->waits);
	row_int(rows, (int64_t)stats->wait_us);
	row_text(rows, text);
	row_end(rows);
}

/* What took longest first; equal ones by their name, so that rows do not dance. */
static int
by_time(const struct query_stats *a, const struct query_stats *b)
{
	if (a->times.sum_us != b->times.sum_us)
		return a->times.sum_us < b->times.sum_us ? 1 : -1;
	return strcmp(a->fingerprint, b->fingerprint);
}

static void
fill_queries(struct errand *errand, struct clients *home)
{
	struct tally *tally = &errand->tally;
	const struct query_stats *stats;

	HASH_SORT(tally->queries, by_time);
	for (stats = tally->queries; stats != NULL; stats = stats->hh.next)
		if (stats->fingerprint[0] != '\0')
			put_query(&errand->rows, stats, stats->fingerprint,
			    stats->text != NULL ? stats->text : "");
		else
			put_query(&errand->rows, stats, "(not parsed)", "");
	if (tally->other_queries.times.count > 0)
		put_query(&errand->rows, &tally->other_queries, "(others)", "");
	(void)home;
}

void
tally_free_queries(struct tally *tally)
{
	struct query_stats *stats, *next;

	HASH_ITER(hh, tally->queries, stats, next)
	{
		HASH_DEL(tally->queries, stats);
		mem_free(stats->text);
		mem_free(stats);
	}
}

const struct table tables_of_queries[] = {
	{ "QUERIES", COLUMNS(query_columns), visit_queries, fill_queries, ACCESS_VIEWER, false,
	    false },
};
const size_t tables_of_queries_count = sizeof(tables_of_queries) / sizeof(tables_of_queries[0]);
