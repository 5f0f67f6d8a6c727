/* test_own_limit.c - what a client's own statement_timeout says, however it is spelt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "pool/own_limit.h"

static void
assert_says(const char *replay, int64_t ms)
{
	struct settings settings = { 0 };

	settings_set(&settings, "work_mem", "SET work_mem TO '7MB'");
	settings_set(&settings, "statement_timeout", replay);
	assert_int_equal(own_limit_ms(&settings), ms);
	settings_clear(&settings);
}

static void
without_the_setting_there_is_no_limit(void **state)
{
	struct settings settings = { 0 };

	assert_int_equal(own_limit_ms(&settings), 0);
	(void)state;
}

static void
every_spelling_of_set_is_read(void **state)
{
	assert_says("SET statement_timeout = 5000", 5000);
	assert_says("SET statement_timeout TO 5000", 5000);
	assert_says("set session statement_timeout to\t'5s'", 5000);
	assert_says("SET \"statement_timeout\" TO '5s'", 5000);
	assert_says("SET \"statement_timeout\" TO E'5s'", 5000);
	assert_says("SET statement_timeout='250ms'", 250);
	assert_says("SET statement_timeout TO'250ms'", 250);
	assert_says("SET statement_timeout = ' 2 min '", 120000);
	(void)state;
}

static void
units_are_postgresqls_own(void **state)
{
	assert_says("SET statement_timeout = '1500us'", 2);
	assert_says("SET statement_timeout = '1.5s'", 1500);
	assert_says("SET statement_timeout = '1h'", 3600000);
	assert_says("SET statement_timeout = '1d'", 86400000);
	assert_says("SET statement_timeout = 0x10", 16);
	(void)state;
}

static void
what_is_no_limit_is_taken_for_none(void **state)
{
	assert_says("SET statement_timeout = 0", 0);
	assert_says("SET statement_timeout = -5", 0);
	assert_says("SET statement_timeout TO DEFAULT", 0);
	assert_says("SET statement_timeout = '5m'", 0); /* PostgreSQL refuses it */
	assert_says("SET statement_timeout = '5S'", 0);
	assert_says("SET statement_timeout = '1e300'", 0);
	assert_says("SET statement_timeout = nan", 0);
	assert_says("SET statement_timeout =", 0);
	assert_says("SET statement_timeout", 0);
	assert_says("", 0);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_the_setting_there_is_no_limit),
		cmocka_unit_test(every_spelling_of_set_is_read),
		cmocka_unit_test(units_are_postgresqls_own),
		cmocka_unit_test(what_is_no_limit_is_taken_for_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
