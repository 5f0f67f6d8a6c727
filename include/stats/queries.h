/*
 * queries.h - what the statements of one worker have cost, by fingerprint.
 *
 * A bounded table: when it is full the fingerprint that was not seen again since the hand
 * last passed makes room, and what it had cost counts as "others", so that sums stay true.
 * Counting is a dozen stores; looking a fingerprint up happens once for each text that
 * the worker has in its cache.
 */
#ifndef STATS_QUERIES_H
#define STATS_QUERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "stats/histogram.h"

enum { QUERIES_MOST = 1000, QUERY_KEY_SIZE = 24 };

/*
 * One fingerprint. Owned by its table, at the same address until queries_free(): whoever
 * keeps a pointer to it asks whether the generation is still the one that it found.
 */
struct query_stats {
	UT_hash_handle hh;
	uint32_t generation; /* changes when another fingerprint takes the place */
	bool again;	     /* seen again since the hand last passed */
	char fingerprint[QUERY_KEY_SIZE]; /* "" for what could not be parsed, and for the others */
	char *text;			  /* ours, or NULL */
	uint64_t errors, rows, waits, wait_us;
	struct histogram times;
};

/* Zeroed is empty. Used by one thread. */
struct queries {
	struct query_stats *found; /* by fingerprint */
	struct query_stats *places[QUERIES_MOST];
	size_t count, hand;
	struct query_stats others; /* what made room */
};

/* The place of a fingerprint, made if need be; *fresh says that it has no text yet. */
struct query_stats *queries_place(struct queries *queries, const char *fingerprint, bool *fresh);
/* Count one statement that was answered; wait_us 0: it did not wait. */
void query_stats_count(struct query_stats *stats, uint64_t duration_us, uint64_t wait_us,
    uint64_t rows, bool failed);
/* Add `more`, and take its text if there is none. */
void query_stats_merge(struct query_stats *sum, const struct query_stats *more);
void queries_free(struct queries *queries);

#endif
