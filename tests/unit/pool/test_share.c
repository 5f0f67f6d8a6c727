/* test_share.c - which pool is next when a cap over several pools is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "alone.h"

enum { SECOND = 1000 * 1000, FLOOD = 40, TURN_LOANS = 16 /* share.c */ };
static const uint64_t start = 1000 * SECOND;

/* One worker and three pools of one database, each of another role. */
struct world {
	struct alone alone;
	struct budget *flooded, *second, *third;
	struct ticket flood[FLOOD];
};

static enum budget_advice
advise(struct budget *budget, uint64_t now_us)
{
	struct ticket *ticket;
	unsigned to;

	return budget_advise(budget, 0, false, now_us, &ticket, &to);
}

/* Open as many as are allowed; how many that were. */
static int
open_all(struct budget *budget, uint64_t now_us)
{
	int opened = 0;

	while (advise(budget, now_us) == BUDGET_OPEN) {
		budget_opened(budget);
		opened++;
	}
	return opened;
}

/* The first pool has a flood of clients in line, and all that the cap allows. */
static void
world_open(struct world *world, int cap)
{
	const struct budget_limits limits = { .size = 20, .per_database = cap };

	*world = (struct world){ 0 };
	alone_open(&world->alone);
	world->flooded = budget_get(world->alone.budgets, "shop", "flood", &limits);
	world->second = budget_get(world->alone.budgets, "shop", "second", &limits);
	world->third = budget_get(world->alone.budgets, "shop", "third", &limits);
	for (int i = 0; i < FLOOD; i++)
		budget_join(world->flooded, 0, &world->flood[i], start);
	assert_int_equal(open_all(world->flooded, start), cap);
}

/* A pool's connection is free and is closed for another pool; the flood does not get it back. */
static void
assert_yields(struct world *world, uint64_t now_us)
{
	assert_true(budget_yields(world->flooded, now_us));
	budget_closed(world->flooded);
	assert_int_equal(advise(world->flooded, now_us), BUDGET_NOTHING);
}

static void
a_flood_yields_to_a_single_client_at_the_next_return(void **state)
{
	struct ticket single = { 0 };
	struct world world;

	world_open(&world, 4);
	assert_false(budget_yields(world.flooded, start));
	budget_join(world.second, 0, &single, start + 1);
	assert_int_equal(advise(world.second, start + 1), BUDGET_NOTHING);
	assert_yields(&world, start + 2);
	assert_int_equal(open_all(world.second, start + 3), 1);
	budget_leave(world.second, 0, &single); /* it is served */
	assert_false(budget_yields(world.flooded, start + 4));
	alone_close(&world.alone);
	(void)state;
}

static void
two_pools_share_a_cap_evenly_however_many_wait_in_each(void **state)
{
	struct ticket tickets[5] = { 0 };
	struct world world;

	world_open(&world, 4);
	for (int i = 0; i < 5; i++)
		budget_join(world.second, 0, &tickets[i], start + 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(advise(world.second, start + 1), BUDGET_NOTHING);
		assert_yields(&world, start + 2);
		assert_int_equal(open_all(world.second, start + 3), 1);
	}
	assert_int_equal(advise(world.second, start + 4), BUDGET_NOTHING);
	assert_false(budget_yields(world.flooded, start + 5)); /* two and two */
	assert_int_equal(advise(world.flooded, start + 5), BUDGET_NOTHING);
	assert_false(budget_yields(world.second, start + 6));
	alone_close(&world.alone);
	(void)state;
}

static void
the_last_connection_is_kept_for_a_turn_of_loans(void **state)
{
	struct ticket single = { 0 };
	struct world world;

	world_open(&world, 1);
	budget_join(world.second, 0, &single, start + 1);
	assert_int_equal(advise(world.second, start + 1), BUDGET_NOTHING);
	for (int i = 1; i < TURN_LOANS; i++)
		assert_false(budget_yields(world.flooded, start + 2));
	assert_yields(&world, start + 3); /* its clients came before, and had their turn */
	assert_int_equal(open_all(world.second, start + 4), 1);
	alone_close(&world.alone);
	(void)state;
}

static void
of_those_without_any_the_one_that_waits_longest_is_next(void **state)
{
	struct ticket late = { 0 }, later = { 0 };
	struct world world;

	world_open(&world, 1);
	budget_join(world.third, 0, &late, start + 1);
	budget_join(world.second, 0, &later, start + 2);
	assert_int_equal(advise(world.second, start + 2), BUDGET_NOTHING);
	for (int i = 1; i < TURN_LOANS; i++)
		assert_false(budget_yields(world.flooded, start + 2));
	assert_yields(&world, start + 3);
	assert_int_equal(advise(world.second, start + 3), BUDGET_NOTHING);
	assert_int_equal(open_all(world.third, start + 3), 1);

	/* Its turn is over, too: before the flood comes who had none yet. */
	budget_closed(world.third);
	budget_leave(world.third, 0, &late);
	assert_int_equal(advise(world.flooded, start + 4), BUDGET_NOTHING);
	assert_int_equal(open_all(world.second, start + 4), 1);
	alone_close(&world.alone);
	(void)state;
}

static void
a_claim_ends_when_nobody_waits_any_more(void **state)
{
	struct ticket single = { 0 };
	struct world world;

	world_open(&world, 4);
	budget_join(world.second, 0, &single, start + 1);
	assert_int_equal(advise(world.second, start + 1), BUDGET_NOTHING);
	budget_leave(world.second, 0, &single);
	assert_false(budget_yields(world.flooded, start + 2));
	alone_close(&world.alone);
	(void)state;
}

static void
a_paused_pool_claims_nothing(void **state)
{
	struct ticket single = { 0 };
	struct world world;

	world_open(&world, 4);
	budget_join(world.second, 0, &single, start + 1);
	assert_int_equal(advise(world.second, start + 1), BUDGET_NOTHING);
	budget_set_paused(world.second, true);
	assert_false(budget_yields(world.flooded, start + 2));
	budget_closed(world.flooded);
	assert_int_equal(open_all(world.flooded, start + 3), 1);

	budget_set_paused(world.second, false);
	assert_int_equal(advise(world.second, start + 4), BUDGET_NOTHING);
	assert_yields(&world, start + 5);
	alone_close(&world.alone);
	(void)state;
}

static void
a_pool_that_cannot_connect_claims_nothing_until_it_tries_again(void **state)
{
	struct ticket single = { 0 };
	struct world world;

	world_open(&world, 4);
	budget_join(world.second, 0, &single, start + 1);
	assert_int_equal(advise(world.second, start + 1), BUDGET_NOTHING);
	assert_yields(&world, start + 2);
	assert_int_equal(advise(world.second, start + 2), BUDGET_OPEN);
	budget_failed(world.second, start + 2, 1000);
	budget_closed(world.second);
	assert_int_equal(open_all(world.flooded, start + 3), 1);
	assert_int_equal(advise(world.second, start + 10 * SECOND), BUDGET_NOTHING);
	assert_false(budget_yields(world.flooded, start + 3));
	assert_int_equal(advise(world.second, start + 10 * SECOND), BUDGET_NOTHING);
	assert_yields(&world, start + 10 * SECOND);
	alone_close(&world.alone);
	(void)state;
}

static void
who_is_stopped_by_another_cap_is_not_waited_for(void **state)
{
	const struct budget_limits limits = { .size = 20, .per_database = 4, .per_user = 1 };
	struct ticket one = { 0 }, two = { 0 };
	struct budget *elsewhere;
	struct world world;

	world_open(&world, 4);
	elsewhere = budget_get(world.alone.budgets, "till", "second", &limits);
	budget_set_limits(world.second, &limits);
	budget_join(elsewhere, 0, &one, start);
	assert_int_equal(advise(elsewhere, start), BUDGET_OPEN);
	budget_opened(elsewhere);
	budget_join(world.second, 0, &two, start);
	assert_int_equal(advise(world.second, start), BUDGET_NOTHING);
	assert_false(budget_yields(world.flooded, start)); /* it would be of no use */
	budget_closed(world.flooded);
	assert_int_equal(open_all(world.flooded, start), 1);
	alone_close(&world.alone);
	(void)state;
}

static void
without_a_cap_nobody_yields(void **state)
{
	const struct budget_limits limits = { .size = 1 };
	struct ticket one = { 0 }, two = { 0 };
	struct world world;

	world_open(&world, 1);
	budget_set_limits(world.flooded, &limits);
	budget_set_limits(world.second, &limits);
	budget_join(world.second, 0, &one, start);
	assert_int_equal(open_all(world.second, start), 1);
	budget_join(world.second, 0, &two, start);
	assert_int_equal(advise(world.second, start), BUDGET_NOTHING);
	assert_false(budget_yields(world.flooded, start));
	alone_close(&world.alone);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_yields_to_a_single_client_at_the_next_return),
		cmocka_unit_test(two_pools_share_a_cap_evenly_however_many_wait_in_each),
		cmocka_unit_test(the_last_connection_is_kept_for_a_turn_of_loans),
		cmocka_unit_test(of_those_without_any_the_one_that_waits_longest_is_next),
		cmocka_unit_test(a_claim_ends_when_nobody_waits_any_more),
		cmocka_unit_test(a_paused_pool_claims_nothing),
		cmocka_unit_test(a_pool_that_cannot_connect_claims_nothing_until_it_tries_again),
		cmocka_unit_test(who_is_stopped_by_another_cap_is_not_waited_for),
		cmocka_unit_test(without_a_cap_nobody_yields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
