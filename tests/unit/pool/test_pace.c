/* test_pace.c - connections ramp up after a failure, and stop where PostgreSQL has no room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "alone.h"

enum { SECOND = 1000 * 1000, CLIENTS = 40 };
static const uint64_t start = 1000 * SECOND;

/* One worker, and a pool of twenty with forty clients in line. */
struct world {
	struct alone alone;
	struct budget *pool;
	struct ticket tickets[CLIENTS];
};

static void
world_open(struct world *world)
{
	const struct budget_limits limits = { .size = 20 };

	*world = (struct world){ 0 };
	alone_open(&world->alone);
	world->pool = budget_get(world->alone.budgets, "shop", "app", &limits);
	for (int i = 0; i < CLIENTS; i++)
		budget_join(world->pool, 0, &world->tickets[i], start);
}

/* How many more may be opening at this moment; they are. */
static int
begin_all(struct world *world, uint64_t now_us)
{
	struct ticket *ticket;
	unsigned to;
	int begun = 0;

	while (budget_advise(world->pool, 0, false, now_us, &ticket, &to) == BUDGET_OPEN)
		begun++;
	return begun;
}

static void
fail_all(struct world *world, int opening, uint64_t now_us)
{
	for (int i = 0; i < opening; i++) {
		budget_failed(world->pool, now_us, 0);
		budget_closed(world->pool);
	}
}

static void
a_pool_that_never_failed_opens_as_many_as_are_allowed_at_once(void **state)
{
	struct world world;

	world_open(&world);
	assert_int_equal(begin_all(&world, start), BUDGET_OPENING_MOST);
	alone_close(&world.alone);
	(void)state;
}

static void
after_a_failure_they_ramp_up_one_two_four(void **state)
{
	struct world world;

	world_open(&world);
	fail_all(&world, begin_all(&world, start), start);
	assert_int_equal(begin_all(&world, start), 1);
	budget_opened(world.pool);
	assert_int_equal(begin_all(&world, start), 2);
	budget_opened(world.pool);
	assert_int_equal(begin_all(&world, start), 3); /* four: one of the two is opening yet */
	for (int i = 0; i < 4; i++)
		budget_opened(world.pool);
	assert_int_equal(begin_all(&world, start), BUDGET_OPENING_MOST);
	alone_close(&world.alone);
	(void)state;
}

static void
a_failure_on_the_way_up_begins_anew(void **state)
{
	struct world world;

	world_open(&world);
	fail_all(&world, begin_all(&world, start), start);
	assert_int_equal(begin_all(&world, start), 1);
	budget_opened(world.pool);
	fail_all(&world, begin_all(&world, start), start);
	assert_int_equal(begin_all(&world, start), 1);
	alone_close(&world.alone);
	(void)state;
}

static void
a_server_that_is_being_checked_does_not_hold_up_the_ramp(void **state)
{
	struct world world;

	world_open(&world);
	fail_all(&world, begin_all(&world, start), start);
	budget_checking(world.pool, 1);
	assert_int_equal(begin_all(&world, start), 1);
	budget_checking(world.pool, -1);
	alone_close(&world.alone);
	(void)state;
}

/* Three work, the rest of eight are refused because PostgreSQL is full. */
static void
fill(struct world *world)
{
	int opening = begin_all(world, start);

	for (int i = 0; i < 3; i++)
		budget_opened(world->pool);
	for (int i = 3; i < opening; i++) {
		budget_full(world->pool, start);
		budget_failed(world->pool, start, 0);
		budget_closed(world->pool);
	}
}

static void
a_full_postgresql_is_asked_for_no_more_for_a_while(void **state)
{
	struct budget_place place;
	struct world world;

	world_open(&world);
	fill(&world);
	assert_int_equal(begin_all(&world, start + 9 * SECOND), 0);
	budget_look(world.pool, 0, &world.tickets[0], start + 9 * SECOND, &place);
	assert_int_equal(place.reason, BUDGET_WAITS_FOR_ROOM);
	assert_int_equal(place.limit, 3);
	assert_int_equal(begin_all(&world, start + 10 * SECOND), 1);
	alone_close(&world.alone);
	(void)state;
}

static void
what_closes_meanwhile_may_be_replaced(void **state)
{
	struct world world;

	world_open(&world);
	fill(&world);
	budget_closed(world.pool);
	assert_int_equal(begin_all(&world, start + SECOND), 1);
	assert_int_equal(begin_all(&world, start + SECOND), 0);
	alone_close(&world.alone);
	(void)state;
}

static void
a_pool_without_any_tries_with_one(void **state)
{
	struct world world;
	int opening;

	world_open(&world);
	opening = begin_all(&world, start);
	budget_full(world.pool, start);
	fail_all(&world, opening, start);
	assert_int_equal(begin_all(&world, start), 1);
	alone_close(&world.alone);
	(void)state;
}

static void
while_postgresql_is_away_the_pause_stays_below_a_second(void **state)
{
	struct world world;
	uint64_t now_us = start;

	world_open(&world);
	fail_all(&world, begin_all(&world, now_us), now_us);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(begin_all(&world, now_us), 1);
		budget_refused(world.pool, now_us, 60 * 1000);
		budget_closed(world.pool);
		assert_int_equal(begin_all(&world, now_us + SECOND / 4), 0);
		now_us += 3 * SECOND / 4;
	}
	alone_close(&world.alone);
	(void)state;
}

static void
a_shorter_pause_that_was_configured_stays_shorter(void **state)
{
	struct world world;

	world_open(&world);
	fail_all(&world, begin_all(&world, start), start);
	assert_int_equal(begin_all(&world, start), 1);
	budget_refused(world.pool, start, 40);
	budget_closed(world.pool);
	assert_int_equal(begin_all(&world, start + SECOND / 20), 1);
	alone_close(&world.alone);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_that_never_failed_opens_as_many_as_are_allowed_at_once),
		cmocka_unit_test(after_a_failure_they_ramp_up_one_two_four),
		cmocka_unit_test(a_failure_on_the_way_up_begins_anew),
		cmocka_unit_test(a_server_that_is_being_checked_does_not_hold_up_the_ramp),
		cmocka_unit_test(a_full_postgresql_is_asked_for_no_more_for_a_while),
		cmocka_unit_test(what_closes_meanwhile_may_be_replaced),
		cmocka_unit_test(a_pool_without_any_tries_with_one),
		cmocka_unit_test(while_postgresql_is_away_the_pause_stays_below_a_second),
		cmocka_unit_test(a_shorter_pause_that_was_configured_stays_shorter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
