/*
 * histogram.h - how durations are spread, in a fixed 2.4 KiB.
 *
 * Log-linear: below 8 us each value has its bucket, above that each power of two
 * has 8 of them, so a percentile is at most 12.5 % above the truth. Durations of
 * 2^40 us (12 days) and more share the last bucket.
 */
#ifndef STATS_HISTOGRAM_H
#define STATS_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 304 };

/* Zeroed is empty. Plain numbers: one writer, copied or merged by its thread. */
struct histogram {
	uint64_t count;
	uint64_t sum_us;
	uint64_t most_us; /* the longest, exactly; 0 when empty */
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Count one duration: a handful of instructions. */
void histogram_record(struct histogram *histogram, uint64_t duration_us);
/* Add `more` to *sum. */
void histogram_merge(struct histogram *sum, const struct histogram *more);
/*
 * The duration that `percent` of all did not exceed (50 is the median), never more
 * than the longest. 0 when empty; percent is held to 0 to 100.
 */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);
/*
 * How many took no longer than this. Exact where duration_us + 1 is a bucket's
 * bound (a power of two, or an eighth of the way to the next); else those of the
 * bucket that it falls into are left out.
 */
uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t duration_us);
/* The mean, rounded down; 0 when empty. */
uint64_t histogram_mean_us(const struct histogram *histogram);

#endif
