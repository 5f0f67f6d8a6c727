/* test_queries.c - what statements cost, in a table that does not grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "stats/queries.h"

static struct query_stats *
count(struct queries *queries, const char *fingerprint)
{
	bool fresh;
	struct query_stats *stats = queries_place(queries, fingerprint, &fresh);

	query_stats_count(stats, 10, 0, 1, false);
	return stats;
}

static uint64_t
calls_of_all(const struct queries *queries)
{
	uint64_t calls = queries->others.times.count;

	for (size_t i = 0; i < queries->count; i++)
		calls += queries->places[i]->times.count;
	return calls;
}

static void
a_fingerprint_keeps_its_place(void **state)
{
	struct queries queries = { 0 };
	struct query_stats *first = count(&queries, "pg15:1");
	bool fresh;

	count(&queries, "pg15:2");

	assert_ptr_equal(queries_place(&queries, "pg15:1", &fresh), first);
	assert_false(fresh);
	assert_int_equal(first->times.count, 1);
	queries_free(&queries);
	(void)state;
}

static void
what_is_counted_is_what_was_told(void **state)
{
	struct queries queries = { 0 };
	bool fresh;
	struct query_stats *stats = queries_place(&queries, "", &fresh);

	query_stats_count(stats, 100, 0, 7, false);
	query_stats_count(stats, 300, 50, 0, true);

	assert_true(fresh);
	assert_int_equal(stats->times.sum_us, 400);
	assert_int_equal(stats->rows, 7);
	assert_int_equal(stats->errors, 1);
	assert_int_equal(stats->waits, 1);
	assert_int_equal(stats->wait_us, 50);
	queries_free(&queries);
	(void)state;
}

static void
texts_seen_once_do_not_push_out_one_seen_often(void **state)
{
	struct queries queries = { 0 };
	struct query_stats *often = count(&queries, "often");
	uint32_t generation = often->generation;
	char name[QUERY_KEY_SIZE];

	for (int i = 0; i < 10 * QUERIES_MOST; i++) {
		snprintf(name, sizeof(name), "once %d", i);
		count(&queries, name);
		count(&queries, "often");
	}

	assert_int_equal(often->generation, generation);
	assert_int_equal(often->times.count, 10 * QUERIES_MOST + 1);
	assert_int_equal(queries.count, QUERIES_MOST);
	assert_int_equal(calls_of_all(&queries), 20 * QUERIES_MOST + 1);
	queries_free(&queries);
	(void)state;
}

static void
whoever_kept_a_place_sees_that_it_is_anothers(void **state)
{
	struct queries queries = { 0 };
	struct query_stats *kept = count(&queries, "kept");
	uint32_t generation = kept->generation;
	char name[QUERY_KEY_SIZE];
	bool fresh;

	kept->text = mem_strdup("SELECT 1");
	for (int i = 0; i < QUERIES_MOST; i++) {
		snprintf(name, sizeof(name), "other %d", i);
		count(&queries, name);
	}

	assert_int_not_equal(kept->generation, generation);
	assert_null(kept->text);
	assert_int_equal(queries.others.times.count, 1);
	queries_place(&queries, "kept", &fresh);
	assert_true(fresh);
	queries_free(&queries);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fingerprint_keeps_its_place),
		cmocka_unit_test(what_is_counted_is_what_was_told),
		cmocka_unit_test(texts_seen_once_do_not_push_out_one_seen_often),
		cmocka_unit_test(whoever_kept_a_place_sees_that_it_is_anothers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
