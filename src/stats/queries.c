/* queries.c - see queries.h. */
#include <string.h>

#include "base/mem.h"
#include "stats/queries.h"

void
query_stats_count(struct query_stats *stats, uint64_t duration_us, uint64_t wait_us, uint64_t rows,
    bool failed)
{
	stats->again = stats->times.count > 0;
	stats->errors += failed;
	stats->rows += rows;
	stats->waits += wait_us > 0;
	stats->wait_us += wait_us;
	histogram_record(&stats->times, duration_us);
}

void
query_stats_merge(struct query_stats *sum, const struct query_stats *more)
{
	if (sum->text == NULL)
		sum->text = mem_strdup(more->text);
	sum->errors += more->errors;
	sum->rows += more->rows;
	sum->waits += more->waits;
	sum->wait_us += more->wait_us;
	histogram_merge(&sum->times, &more->times);
}

/* Second chance: texts that are seen once make room for one another. */
static struct query_stats *
take_place(struct queries *queries)
{
	struct query_stats *stats;

	while ((stats = queries->places[queries->hand])->again) {
		stats->again = false;
		queries->hand = (queries->hand + 1) % QUERIES_MOST;
	}
	queries->hand = (queries->hand + 1) % QUERIES_MOST;
	HASH_DEL(queries->found, stats);
	mem_free(stats->text);
	stats->text = NULL;
	query_stats_merge(&queries->others, stats);
	*stats = (struct query_stats){ .generation = stats->generation + 1 };
	return stats;
}

static struct query_stats *
new_place(struct queries *queries)
{
	struct query_stats *stats;

	if (queries->count == QUERIES_MOST)
		return take_place(queries);
	stats = mem_zalloc(1, sizeof(*stats));
	stats->generation = 1; /* 0 is nobody's */
	queries->places[queries->count++] = stats;
	return stats;
}

struct query_stats *
queries_place(struct queries *queries, const char *fingerprint, bool *fresh)
{
	struct query_stats *stats;

	HASH_FIND_STR(queries->found, fingerprint, stats);
	*fresh = stats == NULL;
	if (stats != NULL)
		return stats;
	stats = new_place(queries);
	memcpy(stats->fingerprint, fingerprint, strnlen(fingerprint, QUERY_KEY_SIZE - 1));
	HASH_ADD_KEYPTR(hh, queries->found, stats->fingerprint, strlen(stats->fingerprint), stats);
	return stats;
}

void
queries_free(struct queries *queries)
{
	HASH_CLEAR(hh, queries->found);
	for (size_t i = 0; i < queries->count; i++) {
		mem_free(queries->places[i]->text);
		mem_free(queries->places[i]);
	}
	*queries = (struct queries){ 0 };
}
