/* counters.c - see counters.h. */
#include <stddef.h>
#include <string.h>

#include "stats/counters.h"

/* What a counter's growth is divided by for its average. */
enum per { PER_SECOND, PER_XACT, PER_QUERY };

/* Every field, once. */
static const struct field {
	size_t offset;
	enum per per;
} fields[] = {
	{ offsetof(struct pool_counters, server_assignment_count), PER_SECOND },
	{ offsetof(struct pool_counters, xact_count), PER_SECOND },
	{ offsetof(struct pool_counters, query_count), PER_SECOND },
	{ offsetof(struct pool_counters, bytes_received), PER_SECOND },
	{ offsetof(struct pool_counters, bytes_sent), PER_SECOND },
	{ offsetof(struct pool_counters, xact_time_us), PER_XACT },
	{ offsetof(struct pool_counters, query_time_us), PER_QUERY },
	{ offsetof(struct pool_counters, wait_time_us), PER_SECOND },
	{ offsetof(struct pool_counters, client_parse_count), PER_SECOND },
	{ offsetof(struct pool_counters, server_parse_count), PER_SECOND },
	{ offsetof(struct pool_counters, bind_count), PER_SECOND },
	{ offsetof(struct pool_counters, logins), PER_SECOND },
	{ offsetof(struct pool_counters, denied), PER_SECOND },
	{ offsetof(struct pool_counters, retried), PER_SECOND },
	{ offsetof(struct pool_counters, unparseable), PER_SECOND },
	{ offsetof(struct pool_counters, oversize), PER_SECOND },
	{ offsetof(struct pool_counters, audit_misses), PER_SECOND },
	{ offsetof(struct pool_counters, pins_refused), PER_SECOND },
	{ offsetof(struct pool_counters, pins_over), PER_SECOND },
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

_Static_assert(sizeof(struct pool_counters) == FIELDS * sizeof(uint64_t),
    "a field of struct pool_counters has no row in fields[]");

static uint64_t
get(const struct pool_counters *counters, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)counters + offset, sizeof(value));
	return value;
}

static void
set(struct pool_counters *counters, size_t offset, uint64_t value)
{
	memcpy((char *)counters + offset, &value, sizeof(value));
}

void
pool_counters_add(struct pool_counters *sum, const struct pool_counters *more)
{
	for (size_t i = 0; i < FIELDS; i++) {
		size_t offset = fields[i].offset;

		set(sum, offset, get(sum, offset) + get(more, offset));
	}
}

void
pool_history_cut(
    struct pool_history *history, const struct pool_counters *counters, uint64_t now_us)
{
	uint64_t period = now_us / POOL_HISTORY_PERIOD_US + 1; /* 0 is never */

	if (period == history->period)
		return;
	if (history->period != 0) {
		history->older = history->newer;
		history->newer = *counters;
	}
	history->period = period;
}

static uint64_t
grown(const struct pool_counters *older, const struct pool_counters *newer, size_t offset)
{
	uint64_t before = get(older, offset), after = get(newer, offset);

	return after > before ? after - before : 0;
}

void
pool_counters_average(struct pool_counters *average, const struct pool_counters *older,
    const struct pool_counters *newer, uint64_t elapsed_us)
{
	const uint64_t divisors[] = {
		[PER_SECOND] = elapsed_us,
		[PER_XACT] = grown(older, newer, offsetof(struct pool_counters, xact_count)),
		[PER_QUERY] = grown(older, newer, offsetof(struct pool_counters, query_count)),
	};

	memset(average, 0, sizeof(*average));
	if (elapsed_us == 0)
		return;
	for (size_t i = 0; i < FIELDS; i++) {
		/* 128 bits: bytes times a million do not fit into 64 for long. */
		unsigned __int128 growth = grown(older, newer, fields[i].offset);
		uint64_t divisor = divisors[fields[i].per];

		if (fields[i].per == PER_SECOND)
			growth *= 1000000;
		if (divisor > 0)
			set(average, fields[i].offset, (uint64_t)(growth / divisor));
	}
}
