/* test_pulse.c - behaviour of admin/pulse: the main log's stats line, in PgBouncer's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/admin/pulse_text.h"

static void
the_line_has_the_averages_of_the_last_minute_over_all_pools(void **state)
{
	struct tally_pool one = { .key = "a", .newer = { .xact_count = 720, .query_count = 1980,
	    .bytes_received = 240720, .bytes_sent = 5412660, .xact_time_us = 720 * 8123ULL,
	    .query_time_us = 1980 * 2210ULL, .wait_time_us = 60 * 77 } };
	struct tally_pool other = { .key = "b", .older = { .xact_count = 5, .bytes_sent = 9 },
		.newer = { .xact_count = 5, .bytes_sent = 9 } };
	struct tally tally = { 0 };
	struct buf out = { 0 };

	HASH_ADD_KEYPTR(hh, tally.pools, one.key, 1, &one);
	HASH_ADD_KEYPTR(hh, tally.pools, other.key, 1, &other);
	pulse_put(&out, &tally);
	buf_put_u8(&out, 0);
	assert_string_equal((char *)buf_bytes(&out), "stats: 12 xacts/s, 33 queries/s, in 4012 B/s, "
	    "out 90211 B/s, xact 8123 us, query 2210 us, wait 77 us");
	HASH_CLEAR(hh, tally.pools);
	buf_free(&out);
	(void)state;
}

static void
without_a_pool_all_is_nothing(void **state)
{
	struct tally tally = { 0 };
	struct buf out = { 0 };

	pulse_put(&out, &tally);
	buf_put_u8(&out, 0);
	assert_string_equal((char *)buf_bytes(&out), "stats: 0 xacts/s, 0 queries/s, in 0 B/s, out 0 B/s, "
	    "xact 0 us, query 0 us, wait 0 us");
	buf_free(&out);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_has_the_averages_of_the_last_minute_over_all_pools),
		cmocka_unit_test(without_a_pool_all_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
