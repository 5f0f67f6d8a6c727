/* test_quota.c - places and tokens of limits that count over all workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "quota.h"
#include "session/clients.h"

static const struct policy_limit of_rule = { .value = 1, .rule = "r", .policy = "p" };
static const struct policy_limit of_defaults = { .value = 1, .policy = "p" };

static void
a_rule_has_one_quota_and_each_user_of_a_rate_its_own(void **state)
{
	struct quotas *quotas = quotas_new();
	struct policy_limit stricter = of_rule;
	struct quota *quota = quotas_find(quotas, "rate", &of_rule, "ann");

	stricter.value = 7; /* after a reload */
	assert_ptr_equal(quotas_find(quotas, "rate", &stricter, "ann"), quota);
	assert_ptr_not_equal(quotas_find(quotas, "rate", &of_rule, "bob"), quota);
	assert_ptr_not_equal(quotas_find(quotas, "rate", &of_defaults, "ann"), quota);
	assert_ptr_not_equal(quotas_find(quotas, "max_concurrency", &of_rule, "ann"), quota);
	quotas_free(quotas);
	(void)state;
}

static void
so_many_enter_and_no_more_until_one_leaves(void **state)
{
	struct quotas *quotas = quotas_new();
	struct quota *quota = quotas_find(quotas, "max_concurrency", &of_rule, "");

	assert_true(quota_enter(quota, 2));
	assert_true(quota_enter(quota, 2));
	assert_false(quota_enter(quota, 2));
	assert_int_equal(quota_running(quota), 2);
	quota_leave(quota);
	assert_true(quota_enter(quota, 2));
	assert_false(quota_enter(quota, 1)); /* the limit was lowered meanwhile */
	quotas_free(quotas);
	(void)state;
}

static void
a_bucket_holds_a_second_and_fills_evenly(void **state)
{
	struct quotas *quotas = quotas_new();
	struct quota *quota = quotas_find(quotas, "rate", &of_rule, "ann");
	uint64_t now_us = 5000000, wait_us = 0;

	for (int i = 0; i < 10; i++)
		assert_true(quota_take(quota, 10 * 3600, 1, now_us, &wait_us));
	assert_false(quota_take(quota, 10 * 3600, 1, now_us, &wait_us));
	assert_in_range(wait_us, 99999, 100002);
	assert_false(quota_take(quota, 10 * 3600, 1, now_us + 99000, &wait_us));
	assert_true(quota_take(quota, 10 * 3600, 1, now_us + 100001, &wait_us));
	assert_false(quota_take(quota, 10 * 3600, 1, now_us + 100002, &wait_us));
	now_us += 60000000; /* it holds a second's worth, however long nobody asked */
	for (int i = 0; i < 10; i++)
		assert_true(quota_take(quota, 10 * 3600, 1, now_us, &wait_us));
	assert_false(quota_take(quota, 10 * 3600, 1, now_us, &wait_us));
	quotas_free(quotas);
	(void)state;
}

static void
less_than_one_a_second_lets_one_pass_at_once(void **state)
{
	struct quotas *quotas = quotas_new();
	struct quota *quota = quotas_find(quotas, "rate", &of_rule, "ann");
	uint64_t wait_us = 0;

	assert_true(quota_take(quota, 1, 1, 1000, &wait_us));
	assert_false(quota_take(quota, 1, 1, 2000, &wait_us));
	assert_in_range(wait_us, UINT64_C(3599000000), UINT64_C(3600000001));
	assert_true(quota_take(quota, 1, 1, UINT64_C(3600001001), &wait_us));
	quotas_free(quotas);
	(void)state;
}

static void
a_message_of_more_statements_than_the_bucket_holds_empties_it(void **state)
{
	struct quotas *quotas = quotas_new();
	struct quota *quota = quotas_find(quotas, "rate", &of_rule, "ann");
	uint64_t wait_us = 0;

	assert_true(quota_take(quota, 5 * 3600, 100, 1000, &wait_us));
	assert_false(quota_take(quota, 5 * 3600, 1, 1000, &wait_us));
	assert_false(quota_take(quota, 5 * 3600, 3, 300000, &wait_us));
	assert_true(quota_take(quota, 5 * 3600, 3, 700000, &wait_us));
	quotas_free(quotas);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_has_one_quota_and_each_user_of_a_rate_its_own),
		cmocka_unit_test(so_many_enter_and_no_more_until_one_leaves),
		cmocka_unit_test(a_bucket_holds_a_second_and_fills_evenly),
		cmocka_unit_test(less_than_one_a_second_lets_one_pass_at_once),
		cmocka_unit_test(a_message_of_more_statements_than_the_bucket_holds_empties_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
