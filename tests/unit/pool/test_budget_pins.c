/* test_budget_pins.c - behaviour of pool/budget_pins; also run under ThreadSanitizer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pool/budget.h"

enum { THREADS = 8, TRIES = 200 };

static struct budget *
budget_of(struct budgets *budgets, int size)
{
	return budget_get(budgets, "shop", "app", &(struct budget_limits){ .size = size });
}

static void
so_many_are_pinned_as_the_share_of_the_size_allows(void **state)
{
	static const struct row {
		int size;
		int64_t percent;
		int most;
	} rows[] = { { 10, 50, 5 }, { 10, 0, 0 }, { 1, 50, 1 }, { 3, 50, 1 }, { 1000, 1, 10 }, { 0, 50, 1 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct budgets *budgets = budgets_new(1);
		struct budget *budget = budget_of(budgets, rows[i].size);
		int given = 0;

		while (given < 2000 && budget_pin(budget, rows[i].percent))
			given++;
		assert_int_equal(given, rows[i].most);
		budgets_free(budgets);
	}
	(void)state;
}

static void
what_is_pinned_anyway_counts_and_its_end_makes_room(void **state)
{
	struct budgets *budgets = budgets_new(1);
	struct budget *budget = budget_of(budgets, 4);

	assert_true(budget_pin_anyway(budget, 50));
	assert_true(budget_pin_anyway(budget, 50));
	assert_false(budget_pin_anyway(budget, 50)); /* the third of two */
	budget_unpin(budget);
	assert_false(budget_pin(budget, 50));
	budget_unpin(budget);
	assert_true(budget_pin(budget, 50));
	budgets_free(budgets);
	(void)state;
}

static void
a_larger_pool_has_room_for_more_at_once(void **state)
{
	struct budgets *budgets = budgets_new(1);
	struct budget *budget = budget_of(budgets, 2);

	assert_true(budget_pin(budget, 50));
	assert_false(budget_pin(budget, 50));
	assert_ptr_equal(budget_of(budgets, 4), budget);
	assert_true(budget_pin(budget, 50));
	assert_false(budget_pin(budget, 50));
	budgets_free(budgets);
	(void)state;
}

struct crowd {
	struct budget *budget;
	atomic_int now, most;
};

static void *
pin_and_unpin(void *arg)
{
	struct crowd *crowd = arg;

	for (int i = 0; i < TRIES; i++) {
		int now, most = atomic_load(&crowd->most);

		if (!budget_pin(crowd->budget, 30))
			continue;
		now = atomic_fetch_add(&crowd->now, 1) + 1;
		while (now > most && !atomic_compare_exchange_weak(&crowd->most, &most, now))
			;
		atomic_fetch_sub(&crowd->now, 1);
		budget_unpin(crowd->budget);
	}
	return NULL;
}

static void
many_workers_at_once_never_pin_more(void **state)
{
	struct budgets *budgets = budgets_new(1);
	struct crowd crowd = { .budget = budget_of(budgets, 10) };
	pthread_t threads[THREADS];
	int left = 0;

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, pin_and_unpin, &crowd), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(atomic_load(&crowd.most), 1, 3);
	while (budget_pin(crowd.budget, 30))
		left++;
	assert_int_equal(left, 3);
	budgets_free(budgets);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_are_pinned_as_the_share_of_the_size_allows),
		cmocka_unit_test(what_is_pinned_anyway_counts_and_its_end_makes_room),
		cmocka_unit_test(a_larger_pool_has_room_for_more_at_once),
		cmocka_unit_test(many_workers_at_once_never_pin_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
