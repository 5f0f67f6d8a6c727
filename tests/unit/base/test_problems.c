/* test_problems.c - behaviour of base/problems. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/problems.h"

static void
assert_text(const struct problem *problem, const char *expected)
{
	char *text = problem_text(problem);

	assert_string_equal(text, expected);
	mem_free(text);
}

static void
each_problem_is_kept_in_order_and_printed_as_a_compiler_would(void **state)
{
	struct problems problems = { 0 };

	assert_false(problems_add(&problems, "a.yaml", 3, 7, "unknown key `%s`", "tabels"));
	problems_warn(&problems, "a.yaml", 4, 1, "old spelling");
	assert_false(problems_add(&problems, "b.yaml", 0, 0, "cannot be read"));
	assert_false(problems_add(&problems, NULL, 0, 0, "100%% odd"));

	assert_int_equal(problems.count, 4);
	assert_text(&problems.items[0], "a.yaml:3:7: error: unknown key `tabels`");
	assert_text(&problems.items[1], "a.yaml:4:1: warning: old spelling");
	assert_text(&problems.items[2], "b.yaml: error: cannot be read");
	assert_text(&problems.items[3], "pgweir: error: 100% odd");
	problems_free(&problems);
	(void)state;
}

static void
warnings_are_no_errors(void **state)
{
	struct problems problems = { 0 };

	problems_warn(&problems, "a.yaml", 1, 1, "odd");
	assert_int_equal(problems.count, 1);
	assert_int_equal(problems.errors, 0);
	problems_add(&problems, "a.yaml", 2, 1, "wrong");
	assert_int_equal(problems.errors, 1);
	problems_free(&problems);
	assert_int_equal(problems.count, 0);
	assert_int_equal(problems.errors, 0);
	(void)state;
}

static void
the_name_of_the_file_may_go_before_the_problem_does(void **state)
{
	struct problems problems = { 0 };
	char name[] = "short-lived.yaml";

	problems_add(&problems, name, 1, 2, "wrong");
	memset(name, 'x', sizeof(name) - 1);
	assert_text(&problems.items[0], "short-lived.yaml:1:2: error: wrong");
	problems_free(&problems);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_problem_is_kept_in_order_and_printed_as_a_compiler_would),
		cmocka_unit_test(warnings_are_no_errors),
		cmocka_unit_test(the_name_of_the_file_may_go_before_the_problem_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
