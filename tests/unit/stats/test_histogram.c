/* test_histogram.c - behaviour of stats/histogram. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "stats/histogram.h"

static void
an_empty_histogram_knows_nothing(void **state)
{
	struct histogram histogram = { 0 };

	assert_int_equal(histogram_percentile(&histogram, 50), 0);
	assert_int_equal(histogram_mean_us(&histogram), 0);
	assert_int_equal(histogram_count_up_to(&histogram, UINT64_MAX), 0);
	(void)state;
}

static void
one_duration_is_every_percentile(void **state)
{
	static const double percents[] = { 0, 1, 50, 99.9, 100 };
	static const uint64_t durations[] = { 0, 1, 7, 8, 9, 1000, 123456789, UINT64_MAX };

	for (size_t d = 0; d < sizeof(durations) / sizeof(durations[0]); d++) {
		struct histogram histogram = { 0 };

		histogram_record(&histogram, durations[d]);
		for (size_t p = 0; p < sizeof(percents) / sizeof(percents[0]); p++)
			assert_int_equal(
			    histogram_percentile(&histogram, percents[p]), durations[d]);
		assert_int_equal(histogram.most_us, durations[d]);
	}
	(void)state;
}

static void
a_percentile_is_never_below_the_truth_nor_an_eighth_above_it(void **state)
{
	for (uint64_t value = 1; value < UINT64_C(1) << 39; value = value * 9 / 8 + 1) {
		struct histogram histogram = { 0 };
		uint64_t told;

		histogram_record(&histogram, value);
		histogram_record(&histogram, UINT64_MAX); /* so that the longest is no bound */
		told = histogram_percentile(&histogram, 50);
		assert_true(told >= value);
		assert_true(told <= value + value / 8);
	}
	(void)state;
}

static void
percentiles_of_a_known_spread_are_right(void **state)
{
	struct histogram histogram = { 0 };

	for (uint64_t us = 1; us <= 1000; us++)
		histogram_record(&histogram, us);
	assert_in_range(histogram_percentile(&histogram, 50), 500, 562);
	assert_in_range(histogram_percentile(&histogram, 95), 950, 1000);
	assert_int_equal(histogram_percentile(&histogram, 100), 1000);
	assert_int_equal(histogram_percentile(&histogram, 0.1), 1);
	assert_int_equal(histogram_mean_us(&histogram), 500);
	assert_int_equal(histogram.count, 1000);
	(void)state;
}

static void
percents_out_of_range_are_held_to_it(void **state)
{
	struct histogram histogram = { 0 };

	histogram_record(&histogram, 1);
	histogram_record(&histogram, 5);
	assert_int_equal(histogram_percentile(&histogram, -10), 1);
	assert_int_equal(histogram_percentile(&histogram, NAN), 1);
	assert_int_equal(histogram_percentile(&histogram, 1000), 5);
	assert_int_equal(histogram_percentile(&histogram, INFINITY), 5);
	(void)state;
}

static void
counting_up_to_a_bound_is_exact(void **state)
{
	struct histogram histogram = { 0 };

	for (uint64_t us = 0; us < 4096; us++)
		histogram_record(&histogram, us);
	for (uint64_t bound = 1; bound <= 4096; bound *= 2)
		assert_int_equal(histogram_count_up_to(&histogram, bound - 1), bound);
	assert_int_equal(histogram_count_up_to(&histogram, 1024 + 128 - 1), 1024 + 128);
	assert_int_equal(histogram_count_up_to(&histogram, UINT64_MAX), 4096);
	(void)state;
}

static void
merging_is_as_recording_in_one(void **state)
{
	struct histogram one = { 0 }, other = { 0 }, both = { 0 };

	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t us = i * i * i;

		histogram_record(i % 3 ? &one : &other, us);
		histogram_record(&both, us);
	}
	histogram_merge(&one, &other);
	assert_memory_equal(&one, &both, sizeof(both));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_histogram_knows_nothing),
		cmocka_unit_test(one_duration_is_every_percentile),
		cmocka_unit_test(a_percentile_is_never_below_the_truth_nor_an_eighth_above_it),
		cmocka_unit_test(percentiles_of_a_known_spread_are_right),
		cmocka_unit_test(percents_out_of_range_are_held_to_it),
		cmocka_unit_test(counting_up_to_a_bound_is_exact),
		cmocka_unit_test(merging_is_as_recording_in_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
