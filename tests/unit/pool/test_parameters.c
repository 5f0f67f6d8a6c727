/* test_parameters.c - behaviour of pool/parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "pool/parameters.h"

static void
only_what_is_new_or_other_is_news(void **state)
{
	struct parameters parameters = { 0 };

	assert_null(parameters_get(&parameters, "TimeZone"));
	assert_true(parameters_set(&parameters, "TimeZone", "UTC"));
	assert_false(parameters_set(&parameters, "TimeZone", "UTC"));
	assert_true(parameters_set(&parameters, "TimeZone", ""));
	assert_string_equal(parameters_get(&parameters, "TimeZone"), "");
	assert_null(parameters_get(&parameters, "timezone"));
	assert_int_equal(parameters.count, 1);
	parameters_free(&parameters);
	(void)state;
}

static void
a_server_that_reports_without_end_is_not_believed(void **state)
{
	struct parameters parameters = { 0 };
	char name[20];

	for (int i = 0; i < PARAMETERS_MOST; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		assert_true(parameters_set(&parameters, name, "v"));
	}
	assert_false(parameters_set(&parameters, "one more", "v"));
	assert_null(parameters_get(&parameters, "one more"));
	assert_int_equal(parameters.count, PARAMETERS_MOST);
	assert_true(parameters_set(&parameters, "p0", "w")); /* what is known may change */
	assert_string_equal(parameters_get(&parameters, "p0"), "w");
	parameters_free(&parameters);
	(void)state;
}

static void
a_copy_replaces_what_was_there_and_is_independent(void **state)
{
	struct parameters from = { 0 }, to = { 0 };

	parameters_set(&from, "a", "1");
	parameters_set(&to, "b", "2");
	parameters_copy(&to, &from);
	assert_int_equal(to.count, 1);
	assert_null(parameters_get(&to, "b"));
	parameters_set(&from, "a", "3");
	assert_string_equal(parameters_get(&to, "a"), "1");
	parameters_free(&from);
	parameters_free(&to);
	assert_int_equal(to.count, 0);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_new_or_other_is_news),
		cmocka_unit_test(a_server_that_reports_without_end_is_not_believed),
		cmocka_unit_test(a_copy_replaces_what_was_there_and_is_independent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
