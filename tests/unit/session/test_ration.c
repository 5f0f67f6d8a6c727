/* test_ration.c - rows and bytes are counted against the stricter of two limits; cursors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "ration.h"

static const struct policy_limits none;
static const struct policy_limits two_rows = { .max_rows = { .value = 2, .rule = "two" } };
static const struct policy_limits ten_bytes = { .max_bytes = { .value = 10, .rule = "ten" } };

static void
the_row_above_the_limit_is_told_with_its_limit(void **state)
{
	struct ration *ration = ration_new(&none);
	enum policy_limit_kind kind;

	assert_null(ration_take(ration, 8, &two_rows, &kind));
	assert_null(ration_take(ration, 8, &two_rows, &kind));
	assert_ptr_equal(ration_take(ration, 8, &two_rows, &kind), &two_rows.max_rows);
	assert_int_equal(kind, POLICY_MAX_ROWS);
	ration_release(ration);
	(void)state;
}

static void
bytes_up_to_the_limit_pass(void **state)
{
	struct ration *ration = ration_new(&none);
	enum policy_limit_kind kind;

	assert_null(ration_take(ration, 4, &ten_bytes, &kind));
	assert_null(ration_take(ration, 6, &ten_bytes, &kind));
	assert_ptr_equal(ration_take(ration, 1, &ten_bytes, &kind), &ten_bytes.max_bytes);
	assert_int_equal(kind, POLICY_MAX_BYTES);
	ration_release(ration);
	(void)state;
}

static void
of_a_cursors_limits_and_its_fetchs_the_stricter_counts(void **state)
{
	const struct policy_limits one_row = { .max_rows = { .value = 1 } };
	struct cursors cursors = SLIST_HEAD_INITIALIZER(cursors);
	struct ration *ration;
	enum policy_limit_kind kind;

	cursors_declare(&cursors, "c", false, &two_rows);
	ration = cursors_find(&cursors, "c");
	assert_null(ration_take(ration, 8, &none, &kind));
	assert_non_null(ration_take(ration, 8, &one_row, &kind));
	assert_ptr_equal(ration_take(ration, 8, &none, &kind), &ration->max_rows);
	cursors_end(&cursors, true);
	(void)state;
}

static void
a_cursor_with_hold_outlives_its_transaction_and_one_declared_again_begins_anew(void **state)
{
	struct cursors cursors = SLIST_HEAD_INITIALIZER(cursors);
	struct ration *ration;
	enum policy_limit_kind kind;

	cursors_declare(&cursors, "short", false, &two_rows);
	cursors_declare(&cursors, "long", true, &two_rows);
	ration_take(cursors_find(&cursors, "long"), 8, &none, &kind);
	ration = ration_reference(cursors_find(&cursors, "short"));
	cursors_end(&cursors, false);
	assert_null(cursors_find(&cursors, "short"));
	assert_int_equal(ration->references, 1);
	ration_release(ration);
	assert_int_equal(cursors_find(&cursors, "long")->rows, 1);
	cursors_declare(&cursors, "long", false, &two_rows);
	assert_int_equal(cursors_find(&cursors, "long")->rows, 0);
	cursors_end(&cursors, true);
	assert_true(SLIST_EMPTY(&cursors));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_row_above_the_limit_is_told_with_its_limit),
		cmocka_unit_test(bytes_up_to_the_limit_pass),
		cmocka_unit_test(of_a_cursors_limits_and_its_fetchs_the_stricter_counts),
		cmocka_unit_test(
		    a_cursor_with_hold_outlives_its_transaction_and_one_declared_again_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
