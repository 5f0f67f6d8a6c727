/* test_counters.c - behaviour of stats/counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "stats/counters.h"

enum { FIELDS = sizeof(struct pool_counters) / sizeof(uint64_t) };

static void
every_field_is_added(void **state)
{
	uint64_t one[FIELDS], other[FIELDS];
	struct pool_counters sum, more;

	for (size_t i = 0; i < FIELDS; i++) {
		one[i] = i + 1;
		other[i] = 1000 * i;
	}
	memcpy(&sum, one, sizeof(sum));
	memcpy(&more, other, sizeof(more));
	pool_counters_add(&sum, &more);
	memcpy(one, &sum, sizeof(sum));
	for (size_t i = 0; i < FIELDS; i++)
		assert_int_equal(one[i], i + 1 + 1000 * i);
	(void)state;
}

/* As PgBouncer: counts, bytes and waiting by the second, times by what took them. */
static void
averages_are_those_of_pgbouncer(void **state)
{
	struct pool_counters older = { .query_count = 100, .bytes_sent = 5 };
	struct pool_counters newer = { .query_count = 700, .xact_count = 300, .bytes_sent = 6005,
		.xact_time_us = 90000, .query_time_us = 60000, .wait_time_us = 1200,
		.server_assignment_count = 300, .denied = 2 };
	struct pool_counters average;

	pool_counters_average(&average, &older, &newer, 60 * 1000000);
	assert_int_equal(average.query_count, 10);
	assert_int_equal(average.xact_count, 5);
	assert_int_equal(average.server_assignment_count, 5);
	assert_int_equal(average.bytes_sent, 100);
	assert_int_equal(average.xact_time_us, 300);
	assert_int_equal(average.query_time_us, 100);
	assert_int_equal(average.wait_time_us, 20);
	assert_int_equal(average.denied, 0);
	(void)state;
}

static void
nothing_happened_averages_to_nothing(void **state)
{
	struct pool_counters same = { .query_count = 7, .query_time_us = 9 }, average, none = { 0 };

	pool_counters_average(&average, &same, &same, 1000000);
	assert_memory_equal(&average, &none, sizeof(none));
	pool_counters_average(&average, &none, &same, 0);
	assert_memory_equal(&average, &none, sizeof(none));
	(void)state;
}

static void
a_count_that_went_back_is_nothing(void **state)
{
	struct pool_counters older = { .query_count = 10, .query_time_us = 10 };
	struct pool_counters newer = { .query_count = 3, .query_time_us = 20 }, average;

	pool_counters_average(&average, &older, &newer, 1000000);
	assert_int_equal(average.query_count, 0);
	assert_int_equal(average.query_time_us, 0);
	(void)state;
}

static void
petabytes_do_not_overflow(void **state)
{
	struct pool_counters older = { 0 }, average;
	struct pool_counters newer = { .bytes_sent = UINT64_C(1) << 60 };

	pool_counters_average(&average, &older, &newer, UINT64_C(1024) * 1000000);
	assert_int_equal(average.bytes_sent, UINT64_C(1) << 50);
	(void)state;
}

static void
a_history_holds_the_last_two_cuts_between_periods(void **state)
{
	const uint64_t period = POOL_HISTORY_PERIOD_US;
	struct pool_history history = { 0 };
	struct pool_counters counters = { .query_count = 5 };

	pool_history_cut(&history, &counters, 7 * period + 1);
	assert_int_equal(history.newer.query_count, 0); /* its first period is not over */
	counters.query_count = 9;
	pool_history_cut(&history, &counters, 8 * period - 1);
	assert_int_equal(history.newer.query_count, 0);
	pool_history_cut(&history, &counters, 8 * period);
	assert_int_equal(history.newer.query_count, 9);
	counters.query_count = 20;
	pool_history_cut(&history, &counters, 9 * period + 40000);
	assert_int_equal(history.older.query_count, 9);
	assert_int_equal(history.newer.query_count, 20);
	(void)state;
}

static void
histories_that_began_apart_are_cut_together(void **state)
{
	const uint64_t period = POOL_HISTORY_PERIOD_US;
	struct pool_history early = { 0 }, late = { 0 };
	struct pool_counters counters = { .xact_count = 3 };

	pool_history_cut(&early, &counters, 1);
	pool_history_cut(&late, &counters, period - 1);
	pool_history_cut(&early, &counters, period);
	pool_history_cut(&late, &counters, period + 2);
	assert_int_equal(early.period, late.period);
	assert_int_equal(early.newer.xact_count, late.newer.xact_count);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_added),
		cmocka_unit_test(averages_are_those_of_pgbouncer),
		cmocka_unit_test(nothing_happened_averages_to_nothing),
		cmocka_unit_test(a_count_that_went_back_is_nothing),
		cmocka_unit_test(petabytes_do_not_overflow),
		cmocka_unit_test(a_history_holds_the_last_two_cuts_between_periods),
		cmocka_unit_test(histories_that_began_apart_are_cut_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
