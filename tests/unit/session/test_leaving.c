/* test_leaving.c - clients that are to go do so one after the other, and in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "leaving.h"

enum { SECOND = 1000000, TICK = 50000 };

/* How many of `count` are left after each second of `seconds`, looked after at each tick. */
static void
run(size_t count, size_t *left, size_t seconds)
{
	struct leaving leaving = { .until_us = 100 * SECOND + seconds * SECOND, .looked_us = 100 * SECOND };

	for (uint64_t now = 0; now < seconds * SECOND; now += TICK) {
		count -= leaving_due(&leaving, count, 100 * SECOND + now + TICK);
		left[now / SECOND] = count;
	}
}

static void
they_go_evenly_over_the_time(void **state)
{
	size_t left[10];

	run(5000, left, 10);
	for (size_t i = 0; i < 10; i++)
		assert_in_range(left[i], (9 - i) * 500 - (i < 9 ? 50 : 0), (9 - i) * 500);
	(void)state;
}

static void
few_go_one_by_one_and_the_last_in_time(void **state)
{
	size_t left[10];

	run(3, left, 10);
	assert_int_equal(left[0], 3);
	assert_in_range(left[5], 1, 2);
	assert_int_equal(left[9], 0);
	run(1, left, 10);
	assert_int_equal(left[3], 1);
	assert_int_equal(left[9], 0);
	(void)state;
}

static void
when_the_time_is_over_all_that_are_ready_go(void **state)
{
	struct leaving leaving = { .until_us = 7 * SECOND, .looked_us = 5 * SECOND };

	assert_int_equal(leaving_due(&leaving, 0, 6 * SECOND), 0);
	assert_int_equal(leaving_due(&leaving, 40, 7 * SECOND), 40);
	assert_int_equal(leaving_due(&leaving, 1, 70 * SECOND), 1);
	leaving = (struct leaving){ 0 }; /* without a time */
	assert_int_equal(leaving_due(&leaving, 9, 1), 9);
	(void)state;
}

/* The loop stood still: no more than there are. */
static void
a_late_look_takes_no_more_than_there_are(void **state)
{
	struct leaving leaving = { .until_us = 10 * SECOND, .looked_us = 0 };

	assert_int_equal(leaving_due(&leaving, 6, 10 * SECOND - 1), 6);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_go_evenly_over_the_time),
		cmocka_unit_test(few_go_one_by_one_and_the_last_in_time),
		cmocka_unit_test(when_the_time_is_over_all_that_are_ready_go),
		cmocka_unit_test(a_late_look_takes_no_more_than_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
