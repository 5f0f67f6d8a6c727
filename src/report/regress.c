/*
 * regress.c - what got slower since the baseline: statements of both logs by their
 * fingerprint. Used by reader.c.
 */
#include <stdlib.h>

#include "report_internal.h"
#include "base/mem.h"

enum { CALLS_LEAST = 5, RATIO_LEAST_PERCENT = 120 };

/* One statement of both; borrowed. */
struct pair {
	const struct tally_entry *now, *before;
	uint64_t added_us; /* what the slower mean cost over all calls */
};

static struct tally_entry *
find(const struct tally *tally, const struct tally_entry *wanted)
{
	struct tally_entry *entry;

	HASH_FIND(hh, tally->entries, wanted->key, wanted->length, entry);
	return entry;
}

static int
by_added(const void *one, const void *other)
{
	uint64_t a = ((const struct pair *)one)->added_us, b = ((const struct pair *)other)->added_us;

	return (a < b) - (a > b);
}

static uint64_t
mean(const struct tally_entry *entry)
{
	return histogram_mean_us(&cost_of(entry)->durations);
}

/* Slower by a fifth, seen often enough to mean something. */
static bool
is_slower(const struct tally_entry *now, const struct tally_entry *before)
{
	return before != NULL && now->parts[0][0] != '\0' && now->count >= CALLS_LEAST &&
	    before->count >= CALLS_LEAST && mean(now) * 100 > mean(before) * RATIO_LEAST_PERCENT;
}

static size_t
collect(const struct performance *now, const struct performance *baseline, struct pair *pairs)
{
	size_t count = 0;

	for (struct tally_entry *entry = now->queries.entries; entry != NULL; entry = entry->hh.next) {
		struct tally_entry *before = find(&baseline->queries, entry);

		if (is_slower(entry, before))
			pairs[count++] = (struct pair){ entry, before,
				(mean(entry) - mean(before)) * entry->count };
	}
	return count;
}

static void
print_slower(struct pair *pairs, size_t count, size_t top, enum report_format format,
    struct buf *out)
{
	static const struct column columns[] = { { "added_s", CELL_NUMBER, 0 },
		{ "mean_before_ms", CELL_NUMBER, 0 }, { "mean_now_ms", CELL_NUMBER, 0 },
		{ "p99_before_ms", CELL_NUMBER, 0 }, { "p99_now_ms", CELL_NUMBER, 0 },
		{ "calls_before", CELL_NUMBER, 0 }, { "calls_now", CELL_NUMBER, 0 },
		{ "fingerprint", CELL_TEXT, 24 }, { "query", CELL_TEXT, 80 } };
	struct table table;

	table_begin(&table, "Slower than the baseline: statements whose mean grew by a fifth", columns, 9);
	for (size_t i = 0; i < count && i < top; i++) {
		const struct tally_entry *now = pairs[i].now, *before = pairs[i].before;

		table_seconds(&table, pairs[i].added_us);
		table_ms(&table, mean(before));
		table_ms(&table, mean(now));
		table_ms(&table, histogram_percentile(&cost_of(before)->durations, 99));
		table_ms(&table, histogram_percentile(&cost_of(now)->durations, 99));
		table_count(&table, before->count);
		table_count(&table, now->count);
		table_text(&table, now->parts[0]);
		table_text(&table, now->note != NULL ? now->note : "");
	}
	table.hidden = count > top ? count - top : 0;
	table_end(&table, format, out);
}

static void
print_new(struct performance *now, const struct performance *baseline, size_t top,
    enum report_format format, struct buf *out)
{
	static const struct column columns[] = { { "calls", CELL_NUMBER, 0 },
		{ "total_s", CELL_NUMBER, 0 }, { "mean_ms", CELL_NUMBER, 0 },
		{ "fingerprint", CELL_TEXT, 24 }, { "query", CELL_TEXT, 80 } };
	struct table table;
	size_t shown = 0;

	tally_sort(&now->queries, tally_by_count);
	table_begin(&table, "New since the baseline: statements that it does not have", columns, 5);
	for (struct tally_entry *entry = now->queries.entries; entry != NULL; entry = entry->hh.next) {
		if (find(&baseline->queries, entry) != NULL || entry->parts[0][0] == '\0')
			continue;
		if (++shown > top) {
			table.hidden++;
			continue;
		}
		table_count(&table, entry->count);
		table_seconds(&table, cost_of(entry)->total_us);
		table_ms(&table, mean(entry));
		table_text(&table, entry->parts[0]);
		table_text(&table, entry->note != NULL ? entry->note : "");
	}
	table_end(&table, format, out);
}

void
regress_print(struct performance *now, struct performance *baseline, size_t top,
    enum report_format format, struct buf *out)
{
	struct pair *pairs = mem_zalloc(HASH_COUNT(now->queries.entries) + 1, sizeof(*pairs));
	size_t count = collect(now, baseline, pairs);

	qsort(pairs, count, sizeof(*pairs), by_added);
	print_slower(pairs, count, top, format, out);
	print_new(now, baseline, top, format, out);
	mem_free(pairs);
}
