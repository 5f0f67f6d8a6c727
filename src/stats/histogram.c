/* histogram.c - see histogram.h. */
#include <stddef.h>

#include "stats/histogram.h"

enum {
	SUB_BITS = 3, /* 8 buckets a power of two */
	SUB_BUCKETS = 1 << SUB_BITS,
	EXPONENTS = 40, /* values of 2^40 and more go to the last bucket */
};

_Static_assert(HISTOGRAM_BUCKETS == SUB_BUCKETS * (EXPONENTS - SUB_BITS + 1),
    "a bucket for each value that bucket_of() returns");

static size_t
bucket_of(uint64_t value)
{
	unsigned exponent;

	if (value < SUB_BUCKETS)
		return value;
	exponent = 63 - (unsigned)__builtin_clzll(value);
	if (exponent >= EXPONENTS)
		return HISTOGRAM_BUCKETS - 1;
	return (size_t)(exponent - SUB_BITS + 1) * SUB_BUCKETS +
	    (value >> (exponent - SUB_BITS) & (SUB_BUCKETS - 1));
}

/* The largest value that falls into a bucket. */
static uint64_t
bucket_top(size_t bucket)
{
	uint64_t eighths = bucket % SUB_BUCKETS + SUB_BUCKETS + 1;

	if (bucket < SUB_BUCKETS)
		return bucket;
	if (bucket == HISTOGRAM_BUCKETS - 1)
		return UINT64_MAX;
	return (eighths << (bucket / SUB_BUCKETS - 1)) - 1;
}

void
histogram_record(struct histogram *histogram, uint64_t duration_us)
{
	histogram->count++;
	histogram->sum_us += duration_us;
	if (duration_us > histogram->most_us)
		histogram->most_us = duration_us;
	histogram->buckets[bucket_of(duration_us)]++;
}

void
histogram_merge(struct histogram *sum, const struct histogram *more)
{
	sum->count += more->count;
	sum->sum_us += more->sum_us;
	if (more->most_us > sum->most_us)
		sum->most_us = more->most_us;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->buckets[i] += more->buckets[i];
}

/* Which value, counted from 1 in order of size, is the percentile: rounded up. */
static uint64_t
percentile_rank(uint64_t count, double percent)
{
	double wanted;
	uint64_t rank;

	if (!(percent > 0)) /* NaN too */
		return 1;
	if (percent >= 100)
		return count;
	wanted = (double)count * percent / 100;
	rank = (uint64_t)wanted;
	return (double)rank < wanted ? rank + 1 : rank;
}

uint64_t
histogram_percentile(const struct histogram *histogram, double percent)
{
	uint64_t rank = percentile_rank(histogram->count, percent);
	uint64_t seen = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen >= rank && seen > 0)
			return bucket_top(i) < histogram->most_us ? bucket_top(i)
								   : histogram->most_us;
	}
	return histogram->most_us;
}

uint64_t
histogram_count_up_to(const struct histogram *histogram, uint64_t duration_us)
{
	uint64_t count = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS && bucket_top(i) <= duration_us; i++)
		count += histogram->buckets[i];
	return count;
}

uint64_t
histogram_mean_us(const struct histogram *histogram)
{
	return histogram->count > 0 ? histogram->sum_us / histogram->count : 0;
}
