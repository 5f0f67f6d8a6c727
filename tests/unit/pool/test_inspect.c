/* test_inspect.c - behaviour of pool/inspect: who is inspected, and what is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "pool/inspect.h"
#include "pool/pool.h"

static unsigned
due_of(struct pool *pool, int64_t sample, unsigned loans)
{
	unsigned due = 0;

	for (unsigned i = 0; i < loans; i++)
		due += inspect_is_due(pool, sample);
	return due;
}

static void
one_loan_in_so_many_is_due(void **state)
{
	struct pool pool = { 0 };

	(void)state;
	assert_int_equal(due_of(&pool, 1000, 999), 0);
	assert_int_equal(due_of(&pool, 1000, 1), 1);
	assert_int_equal(due_of(&pool, 1000, 5000), 5);
	assert_int_equal(due_of(&pool, 1, 7), 7);
}

static void
a_smaller_sample_holds_from_the_reload_on(void **state)
{
	struct pool pool = { 0 };

	(void)state;
	assert_int_equal(due_of(&pool, 1000000000, 3), 0);
	assert_int_equal(due_of(&pool, 2, 2), 1);
	assert_int_equal(due_of(&pool, 0, 1000), 0);
	assert_int_equal(due_of(&pool, 2, 4), 2);
}

static void
pools_whose_servers_cannot_be_judged_are_left_alone(void **state)
{
	struct pool introduced = { .introduces = true }, refused = { .uninspected = true };

	(void)state;
	assert_int_equal(due_of(&introduced, 1, 10), 0);
	assert_int_equal(due_of(&refused, 1, 10), 0);
}

static void
assert_asks(const struct settings *known, const char *role, const char *part)
{
	struct buf out = { 0 };

	inspect_put_question(&out, known, role);
	buf_put_u8(&out, 0);
	if (strstr((const char *)buf_bytes(&out), part) == NULL)
		fail_msg("not in the question: %s", part);
	buf_free(&out);
}

static void
the_names_that_are_known_are_in_the_question(void **state)
{
	struct settings known = { 0 };

	(void)state;
	assert_asks(&known, "app", "ANY (ARRAY['']::pg_catalog.text[])");
	settings_set(&known, "timezone", "SET TimeZone TO utc");
	assert_asks(&known, "app", "ANY (ARRAY[E'timezone', '']::pg_catalog.text[])");
	settings_set(&known, "app.it's", "SET");
	assert_asks(&known, "app", "E'app.it''s', ");
	settings_clear(&known);
}

static void
an_old_name_is_known_by_its_new_one_too(void **state)
{
	struct settings known = { 0 };

	(void)state;
	settings_set(&known, "sort_mem", "SET sort_mem TO 64");
	assert_asks(&known, "app", "ARRAY[E'sort_mem', E'work_mem', '']");
	settings_clear(&known);
}

static void
a_role_stands_there_as_a_constant(void **state)
{
	struct settings known = { 0 };

	(void)state;
	assert_asks(&known, "o'\\x", "FROM (SELECT E'o''\\\\x'::pg_catalog.name own) o");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_loan_in_so_many_is_due),
		cmocka_unit_test(a_smaller_sample_holds_from_the_reload_on),
		cmocka_unit_test(pools_whose_servers_cannot_be_judged_are_left_alone),
		cmocka_unit_test(the_names_that_are_known_are_in_the_question),
		cmocka_unit_test(an_old_name_is_known_by_its_new_one_too),
		cmocka_unit_test(a_role_stands_there_as_a_constant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
