/*
 * counters.h - what a pool has done, counted by the one worker that did it.
 *
 * Names and meanings are those of PgBouncer's SHOW STATS; times in microseconds.
 */
#ifndef STATS_COUNTERS_H
#define STATS_COUNTERS_H

#include <stdint.h>

/* Plain numbers: one writer, read by a message to its worker. */
struct pool_counters {
	uint64_t server_assignment_count, xact_count, query_count;
	uint64_t bytes_received, bytes_sent; /* from and to clients */
	uint64_t xact_time_us, query_time_us, wait_time_us;
	uint64_t client_parse_count, server_parse_count, bind_count;
	uint64_t logins, denied, retried;
	uint64_t unparseable, oversize; /* messages that were not analysed */
	uint64_t audit_misses; /* servers that had what nobody knew of */
	uint64_t pins_refused, pins_over; /* statements, and pins, beyond protocol.pin_budget */
};

/* Reasons for which a client keeps its server, at most; session/client.h names them. */
enum { PIN_REASONS_MOST = 12 };

/*
 * The same counters as they stood at the last two cuts between periods, for the
 * averages. All threads cut at the same moments, so that sums over them are of one
 * period. Zeroed is new.
 */
struct pool_history {
	uint64_t period; /* counted from the clock's beginning; 0: never cut */
	struct pool_counters older, newer;
};

enum { POOL_HISTORY_PERIOD_US = 60 * 1000 * 1000 };

/* Note the counters if a period has ended since; call it several times a second. */
void pool_history_cut(
    struct pool_history *history, const struct pool_counters *counters, uint64_t now_us);

/* Add `more` to *sum, field by field. */
void pool_counters_add(struct pool_counters *sum, const struct pool_counters *more);

/*
 * What happened between two snapshots, elapsed_us apart, as PgBouncer's avg_
 * columns have it: counts, bytes and waiting per second, xact_time_us per
 * transaction, query_time_us per query. All 0 when no time has passed; a count
 * that went back (a pool was closed) is 0.
 */
void pool_counters_average(struct pool_counters *average, const struct pool_counters *older,
    const struct pool_counters *newer, uint64_t elapsed_us);

#endif
