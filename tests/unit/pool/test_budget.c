/* test_budget.c - behaviour of pool/budget; also run under ThreadSanitizer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../net/turns.h"
#include "pool/budget.h"

/* Times are made up; this is when each test begins. */
enum { WORKERS = 3, SECOND = 1000 * 1000 };
static const uint64_t start = 1000 * SECOND;

/* How far apart in time two workers' clients may be served out of order (budget.c). */
enum { SLACK_US = 500 };

/* Three workers on one loop, one pool, and whom it poked. */
struct world {
	struct loop *loop;
	struct mailbox *mailboxes[WORKERS];
	struct budgets *budgets;
	struct budget *budget;
	int pokes[WORKERS], sheds[WORKERS]; /* sheds: of any pool */
};

static void
on_poke(struct message *message, void *receiver)
{
	struct poke *poke = (struct poke *)message; /* its first member */
	struct world *world = receiver;

	atomic_store(&poke->pending, false);
	if (poke->budget == world->budget)
		world->pokes[poke->worker]++;
	if (atomic_exchange(&poke->shed, false))
		world->sheds[poke->worker]++;
}

static void
world_open(struct world *world, const struct budget_limits *limits)
{
	*world = (struct world){ .loop = loop_new(), .budgets = budgets_new(WORKERS) };
	for (unsigned i = 0; i < WORKERS; i++) {
		world->mailboxes[i] = mailbox_new(world->loop, world);
		budgets_attach(world->budgets, i, world->mailboxes[i], on_poke);
	}
	world->budget = budget_get(world->budgets, "shop", "app", limits);
}

static void
world_open_sized(struct world *world, int size)
{
	world_open(world, &(struct budget_limits){ .size = size });
}

static void
world_close(struct world *world)
{
	budgets_free(world->budgets);
	for (unsigned i = 0; i < WORKERS; i++)
		mailbox_free(world->mailboxes[i]);
	loop_free(world->loop);
}

/* Ask for advice when no ticket or worker is expected back. */
static enum budget_advice
advise(struct budget *budget, unsigned worker, bool idle, uint64_t now_us)
{
	struct ticket *ticket = NULL;
	unsigned to = WORKERS;

	return budget_advise(budget, worker, idle, now_us, &ticket, &to);
}

static void
assert_granted(struct budget *budget, unsigned worker, const struct ticket *expected)
{
	struct ticket *ticket = NULL;
	unsigned to;

	assert_int_equal(
	    budget_advise(budget, worker, true, start + SECOND, &ticket, &to), BUDGET_GRANT);
	assert_ptr_equal(ticket, expected);
	assert_false(ticket->waiting);
}

static void
assert_handed_over(struct budget *budget, unsigned worker, unsigned expected)
{
	struct ticket *ticket = NULL;
	unsigned to = WORKERS;

	assert_int_equal(budget_advise(budget, worker, true, start + SECOND, &ticket, &to),
	    BUDGET_HAND_OVER);
	assert_int_equal(to, expected);
	assert_null(ticket);
}

static void
assert_counts(struct budget *budget, int used, int opening, int waiting)
{
	struct budget_counts counts;

	budget_get_counts(budget, &counts);
	assert_int_equal(counts.used, used);
	assert_int_equal(counts.opening, opening);
	assert_int_equal(counts.waiting, waiting);
}

/* Each worker's client joins in turn, all at the same time. */
static void
join_all(struct budget *budget, struct ticket *tickets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		budget_join(budget, i % WORKERS, &tickets[i], start);
}

static void
no_more_connections_than_the_size(void **state)
{
	struct ticket tickets[6] = { 0 };
	struct world world;

	world_open_sized(&world, 2);
	join_all(world.budget, tickets, 6);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	assert_int_equal(advise(world.budget, 1, false, start), BUDGET_OPEN);
	assert_int_equal(advise(world.budget, 2, false, start), BUDGET_NOTHING);
	budget_opened(world.budget);
	budget_opened(world.budget);
	assert_int_equal(advise(world.budget, 2, false, start), BUDGET_NOTHING);
	assert_counts(world.budget, 2, 0, 6);
	budget_closed(world.budget);
	assert_int_equal(advise(world.budget, 2, false, start), BUDGET_OPEN);
	assert_counts(world.budget, 2, 1, 6);
	world_close(&world);
	(void)state;
}

static void
a_size_made_smaller_holds_once_enough_are_closed(void **state)
{
	struct ticket tickets[6] = { 0 };
	struct world world;

	world_open_sized(&world, 3);
	join_all(world.budget, tickets, 6);
	for (int i = 0; i < 3; i++)
		assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	budget_set_limits(world.budget, &(struct budget_limits){ .size = 1 });
	for (int i = 0; i < 2; i++) {
		budget_opened(world.budget);
		budget_closed(world.budget);
		assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	}
	budget_opened(world.budget);
	budget_closed(world.budget);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	world_close(&world);
	(void)state;
}

static void
one_is_opened_for_each_who_waits_and_eight_at_most_at_once(void **state)
{
	struct ticket tickets[20] = { 0 };
	struct world world;

	world_open_sized(&world, 100);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	budget_join(world.budget, 1, &tickets[0], start);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	for (int i = 1; i < 20; i++)
		budget_join(world.budget, 0, &tickets[i], start);
	for (int i = 1; i < BUDGET_OPENING_MOST; i++)
		assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	budget_opened(world.budget);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	world_close(&world);
	(void)state;
}

static void
a_server_under_check_is_as_good_as_one_opening(void **state)
{
	struct ticket ticket = { 0 };
	struct world world;

	world_open_sized(&world, 5);
	budget_join(world.budget, 0, &ticket, start);
	budget_checking(world.budget, +1);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	budget_checking(world.budget, -1);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	world_close(&world);
	(void)state;
}

static void
the_first_in_line_is_served_first(void **state)
{
	struct ticket first = { 0 }, second = { 0 }, third = { 0 };
	struct world world;

	world_open_sized(&world, 1);
	budget_join(world.budget, 0, &first, start);
	budget_join(world.budget, 0, &second, start);
	budget_join(world.budget, 0, &third, start + 1);
	assert_true(budget_has_line(world.budget));
	budget_leave(world.budget, 0, &second);
	budget_leave(world.budget, 0, &second); /* gone already */
	assert_granted(world.budget, 0, &first);
	budget_leave(world.budget, 0, &first);
	assert_granted(world.budget, 0, &third);
	assert_false(budget_has_line(world.budget));
	assert_int_equal(advise(world.budget, 0, true, start), BUDGET_NOTHING);
	world_close(&world);
	(void)state;
}

static void
whoever_waited_longest_is_served_whatever_its_worker(void **state)
{
	struct ticket own = { 0 }, early = { 0 }, earlier = { 0 };
	struct world world;

	world_open_sized(&world, 1);
	budget_join(world.budget, 1, &early, start + 1);
	budget_join(world.budget, 2, &earlier, start);
	budget_join(world.budget, 0, &own, start + 2 + SLACK_US);
	assert_handed_over(world.budget, 0, 2);
	assert_handed_over(world.budget, 0, 1);
	assert_granted(world.budget, 0, &own);
	assert_counts(world.budget, 0, 0, 2); /* they are in line until it arrives */
	world_close(&world);
	(void)state;
}

static void
a_worker_serves_its_own_when_that_is_only_a_moment_unfair(void **state)
{
	struct ticket own = { 0 }, other = { 0 };
	struct world world;

	world_open_sized(&world, 1);
	budget_join(world.budget, 1, &other, start);
	budget_join(world.budget, 0, &own, start + SLACK_US);
	assert_granted(world.budget, 0, &own);
	budget_join(world.budget, 0, &own, start + SLACK_US + 1);
	assert_handed_over(world.budget, 0, 1);
	world_close(&world);
	(void)state;
}

static void
a_place_in_line_gets_one_promise_only(void **state)
{
	struct ticket first = { 0 }, second = { 0 };
	struct world world;

	world_open_sized(&world, 2);
	budget_join(world.budget, 1, &first, start);
	assert_handed_over(world.budget, 0, 1);
	assert_int_equal(advise(world.budget, 0, true, start), BUDGET_NOTHING);
	assert_int_equal(advise(world.budget, 2, true, start), BUDGET_NOTHING);
	budget_join(world.budget, 1, &second, start + 1);
	assert_handed_over(world.budget, 2, 1);
	for (int i = 0; i < 2; i++)
		budget_arrived(world.budget, 1);
	assert_granted(world.budget, 1, &first);
	assert_granted(world.budget, 1, &second);
	world_close(&world);
	(void)state;
}

static void
a_promise_outlives_the_client_it_was_for(void **state)
{
	struct ticket gone = { 0 }, next = { 0 };
	struct world world;

	world_open_sized(&world, 1);
	budget_join(world.budget, 1, &gone, start);
	assert_handed_over(world.budget, 0, 1);
	budget_leave(world.budget, 1, &gone);
	budget_arrived(world.budget, 1);
	assert_int_equal(advise(world.budget, 1, true, start), BUDGET_NOTHING);
	budget_join(world.budget, 1, &next, start);
	assert_handed_over(world.budget, 0, 1); /* no old promise stands for this one */
	world_close(&world);
	(void)state;
}

static void
an_idle_server_elsewhere_is_asked_for_before_one_is_opened(void **state)
{
	struct ticket ticket = { 0 };
	struct world world;

	world_open_sized(&world, 5);
	budget_join(world.budget, 0, &ticket, start);
	budget_set_idle(world.budget, 0, 1); /* its own: it knows that better */
	budget_set_idle(world.budget, 2, 1);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	settle(world.loop);
	assert_int_equal(world.pokes[0] + world.pokes[1], 0);
	assert_int_equal(world.pokes[2], 1); /* two pokes that were not heard yet are one */
	budget_set_idle(world.budget, 2, 0);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	world_close(&world);
	(void)state;
}

static const struct budget_limits with_reserve = {
	.size = 1, .reserve = 1, .reserve_after_ms = 5000
};

static void
the_reserve_is_opened_once_someone_waited_long_enough(void **state)
{
	struct ticket tickets[3] = { 0 };
	struct world world;

	world_open(&world, &with_reserve);
	join_all(world.budget, tickets, 3);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	assert_int_equal(
	    advise(world.budget, 1, false, start + 5 * SECOND - 1), BUDGET_NOTHING);
	assert_int_equal(advise(world.budget, 1, false, start + 5 * SECOND), BUDGET_OPEN);
	assert_int_equal(
	    advise(world.budget, 2, false, start + 50 * SECOND), BUDGET_NOTHING);
	assert_counts(world.budget, 2, 2, 3);
	world_close(&world);
	(void)state;
}

/* Each worker reads its clock once a turn, so another's client may have come later. */
static void
a_client_younger_than_the_askers_clock_has_not_waited_for_ages(void **state)
{
	struct ticket first = { 0 }, young = { 0 };
	struct world world;

	world_open(&world, &with_reserve);
	budget_join(world.budget, 0, &first, start);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	budget_join(world.budget, 1, &young, start + 10);
	assert_int_equal(advise(world.budget, 0, false, start + 9), BUDGET_NOTHING);
	world_close(&world);
	(void)state;
}

static void
a_cap_holds_over_the_pools_of_a_database(void **state)
{
	const struct budget_limits limits = { .size = 5, .per_database = 2 };
	struct ticket tickets[9] = { 0 };
	struct budget *other, *elsewhere;
	struct world world;

	world_open(&world, &limits);
	other = budget_get(world.budgets, "shop", "report", &limits);
	elsewhere = budget_get(world.budgets, "till", "report", &limits);
	join_all(world.budget, tickets, 3);
	join_all(other, tickets + 3, 3);
	join_all(elsewhere, tickets + 6, 3);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	assert_int_equal(advise(other, 0, false, start), BUDGET_OPEN);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	assert_int_equal(advise(other, 0, false, start), BUDGET_NOTHING);
	assert_int_equal(advise(elsewhere, 0, false, start), BUDGET_OPEN);
	world_close(&world);
	(void)state;
}

static void
a_cap_holds_over_the_pools_of_a_user(void **state)
{
	const struct budget_limits limits = { .size = 5, .per_user = 1 };
	struct ticket tickets[6] = { 0 };
	struct budget *other;
	struct world world;

	world_open(&world, &limits);
	other = budget_get(world.budgets, "till", "app", &limits);
	join_all(world.budget, tickets, 3);
	join_all(other, tickets + 3, 3);
	assert_int_equal(advise(other, 0, false, start), BUDGET_OPEN);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	world_close(&world);
	(void)state;
}

/* Two pools of one database: the other one has a connection that is idle on worker 1. */
static struct budget *
let_another_pool_have_one(struct world *world, const struct budget_limits *limits)
{
	struct budget *other = budget_get(world->budgets, "shop", "report", limits);
	struct ticket ticket = { 0 };

	budget_join(other, 1, &ticket, start);
	assert_int_equal(advise(other, 1, false, start), BUDGET_OPEN);
	budget_opened(other);
	budget_leave(other, 1, &ticket);
	budget_set_idle(other, 1, 1);
	return other;
}

static void
a_pool_at_a_cap_asks_another_under_it_to_close_an_idle_one(void **state)
{
	const struct budget_limits limits = { .size = 5, .per_database = 1 };
	struct ticket ticket = { 0 };
	struct budget *other;
	struct world world;

	world_open(&world, &limits);
	other = let_another_pool_have_one(&world, &limits);
	budget_join(world.budget, 0, &ticket, start);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	settle(world.loop);
	assert_int_equal(world.sheds[1], 1);

	budget_set_idle(other, 1, 0);
	budget_closed(other);
	settle(world.loop);
	assert_int_equal(world.pokes[0], 1); /* there is room now */
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	world_close(&world);
	(void)state;
}

/* Eight connects under way were taken for a cap, and other pools lost idle servers to it. */
static void
without_a_cap_nobody_is_asked_to_close_anything(void **state)
{
	const struct budget_limits limits = { .size = 50 };
	struct ticket tickets[20] = { 0 };
	struct world world;

	world_open(&world, &limits);
	let_another_pool_have_one(&world, &limits);
	join_all(world.budget, tickets, 20);
	for (int i = 0; i < BUDGET_OPENING_MOST; i++)
		assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	settle(world.loop);
	assert_int_equal(world.sheds[0] + world.sheds[1] + world.sheds[2], 0);
	world_close(&world);
	(void)state;
}

static void
a_pool_under_another_cap_only_is_left_alone(void **state)
{
	const struct budget_limits limits = { .size = 5, .per_user = 1 };
	struct ticket ticket = { 0 }, more = { 0 };
	struct world world;

	world_open(&world, &limits);
	let_another_pool_have_one(&world, &limits); /* the same database, another user */
	budget_join(world.budget, 0, &ticket, start);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	budget_join(world.budget, 0, &more, start);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	settle(world.loop);
	assert_int_equal(world.sheds[1], 0);
	world_close(&world);
	(void)state;
}

static void
a_doom_is_told_to_all_who_waited_and_to_nobody_later(void **state)
{
	struct ticket tickets[4] = { 0 }, late = { 0 };
	struct world world;
	struct error err, why = { .text = "password authentication failed" };

	world_open_sized(&world, 1);
	join_all(world.budget, tickets, 4); /* worker 0 has the first and the last */
	assert_null(budget_doomed(world.budget, 0, &err));
	budget_doom(world.budget, &why, start + 5);
	budget_join(world.budget, 0, &late, start + 6);
	settle(world.loop);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(world.pokes[i], 1);

	assert_ptr_equal(budget_doomed(world.budget, 0, &err), &tickets[0]);
	assert_string_equal(err.text, why.text);
	assert_ptr_equal(budget_doomed(world.budget, 0, &err), &tickets[3]);
	assert_null(budget_doomed(world.budget, 0, &err));
	assert_null(budget_doomed(world.budget, 0, &err));
	assert_ptr_equal(budget_doomed(world.budget, 1, &err), &tickets[1]);
	assert_ptr_equal(budget_doomed(world.budget, 2, &err), &tickets[2]);
	assert_null(budget_doomed(world.budget, 2, &err));
	assert_counts(world.budget, 0, 0, 1);
	assert_false(tickets[0].waiting);
	assert_true(late.waiting);
	world_close(&world);
	(void)state;
}

/* Fail a connect now; when may the next one be made at the earliest and the latest? */
static void
assert_backs_off(struct budget *budget, uint64_t *now_us, int64_t pause_ms)
{
	const uint64_t pause_us = (uint64_t)pause_ms * 1000;

	assert_int_equal(advise(budget, 0, false, *now_us), BUDGET_OPEN);
	budget_failed(budget, *now_us, SECOND / 1000);
	budget_closed(budget);
	assert_int_equal(
	    advise(budget, 0, false, *now_us + pause_us - pause_us / 4 - 1000), BUDGET_NOTHING);
	*now_us += pause_us + pause_us / 4 + 1000;
}

static void
failures_double_the_pause_up_to_four_times(void **state)
{
	struct ticket ticket = { 0 };
	struct world world;
	uint64_t now_us = start;

	world_open_sized(&world, 1);
	budget_join(world.budget, 0, &ticket, start);
	for (int64_t pause_ms = 1000; pause_ms < 4000; pause_ms *= 2)
		assert_backs_off(world.budget, &now_us, pause_ms);
	for (int i = 0; i < 70; i++)
		assert_backs_off(world.budget, &now_us, 4000);
	assert_int_equal(advise(world.budget, 0, false, now_us), BUDGET_OPEN);
	budget_opened(world.budget);
	budget_closed(world.budget);
	assert_backs_off(world.budget, &now_us, 1000); /* one success and it begins anew */
	assert_counts(world.budget, 0, 0, 1);
	world_close(&world);
	(void)state;
}

static void
the_least_number_is_kept_without_a_line_and_never_beyond_a_cap(void **state)
{
	struct world world;

	world_open(&world, &(struct budget_limits){ .size = 5, .min = 3, .per_user = 2 });
	assert_true(budget_open_for_min(world.budget, start));
	assert_true(budget_open_for_min(world.budget, start));
	assert_false(budget_open_for_min(world.budget, start));
	budget_set_limits(world.budget, &(struct budget_limits){ .size = 5, .min = 3 });
	assert_true(budget_open_for_min(world.budget, start));
	assert_false(budget_open_for_min(world.budget, start));
	assert_counts(world.budget, 3, 3, 0);
	world_close(&world);
	(void)state;
}

static size_t
place_of(struct budget *budget, unsigned worker, const struct ticket *ticket)
{
	struct budget_place place;

	budget_look(budget, worker, ticket, start, &place);
	return place.ahead;
}

static void
those_who_came_together_stand_in_their_order(void **state)
{
	struct ticket tickets[3] = { 0 };
	struct world world;

	world_open_sized(&world, 4);
	join_all(world.budget, tickets, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(place_of(world.budget, (unsigned)i, &tickets[i]), i);
	world_close(&world);
	(void)state;
}

static void
assert_waits_for(struct budget *budget, const struct ticket *ticket, enum budget_reason reason,
    int limit)
{
	struct budget_place place;

	budget_look(budget, 0, ticket, start, &place);
	assert_int_equal(place.waiting, 1);
	assert_int_equal(place.reason, reason);
	assert_int_equal(place.limit, limit);
}

static void
a_place_tells_what_is_short(void **state)
{
	const struct budget_limits by_database = { .size = 5, .per_database = 1 };
	const struct budget_limits by_user = { .size = 5, .per_user = 1 };
	struct budget *till;
	struct ticket ticket = { 0 }, other = { 0 };
	struct world world;

	world_open_sized(&world, 1);
	budget_join(world.budget, 0, &ticket, start);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	assert_waits_for(world.budget, &ticket, BUDGET_WAITS_FOR_CONNECT, 0);
	budget_opened(world.budget);
	assert_waits_for(world.budget, &ticket, BUDGET_WAITS_FOR_SERVER, 1);
	budget_set_limits(world.budget, &by_database);
	assert_waits_for(world.budget, &ticket, BUDGET_WAITS_FOR_DATABASE, 1);

	till = budget_get(world.budgets, "till", "app", &by_user);
	budget_join(till, 0, &other, start);
	assert_waits_for(till, &other, BUDGET_WAITS_FOR_USER, 1);
	budget_closed(world.budget);
	assert_int_equal(advise(till, 0, false, start), BUDGET_OPEN);
	budget_failed(till, start, 1000);
	assert_waits_for(till, &other, BUDGET_WAITS_FOR_POSTGRES, 0);
	world_close(&world);
	(void)state;
}

static void
counts_and_places_tell_who_waits_and_since_when(void **state)
{
	struct ticket first = { 0 }, second = { 0 }, third = { 0 };
	struct budget_counts counts;
	struct world world;

	world_open_sized(&world, 4);
	budget_get_counts(world.budget, &counts);
	assert_int_equal(counts.oldest_us, 0);
	budget_join(world.budget, 2, &first, start);
	budget_join(world.budget, 0, &second, start + 1);
	budget_join(world.budget, 2, &third, start + 2);
	assert_int_equal(place_of(world.budget, 2, &first), 0);
	assert_int_equal(place_of(world.budget, 0, &second), 1);
	assert_int_equal(place_of(world.budget, 2, &third), 2);
	budget_leave(world.budget, 2, &first);
	budget_get_counts(world.budget, &counts);
	assert_int_equal(counts.oldest_us, start + 1);
	assert_int_equal(counts.waiting, 2);
	assert_int_equal(counts.size, 4);
	world_close(&world);
	(void)state;
}

static void
a_pool_is_one_for_all_workers_and_found_by_both_names(void **state)
{
	const struct budget_limits limits = { .size = 1 };
	struct world world;

	world_open_sized(&world, 1);
	assert_ptr_equal(budget_get(world.budgets, "shop", "app", &limits), world.budget);
	assert_ptr_not_equal(budget_get(world.budgets, "shop", "other", &limits), world.budget);
	assert_ptr_not_equal(budget_get(world.budgets, "app", "shop", &limits), world.budget);
	assert_true(budgets_know(world.budgets, "app"));
	assert_false(budgets_know(world.budgets, "till"));
	world_close(&world);
	(void)state;
}

/* Advice of a connection for this ticket alone. */
static void
assert_own(struct world *world, unsigned worker, bool idle, enum budget_advice expected,
    const struct ticket *whose)
{
	struct ticket *ticket = NULL;
	unsigned to = WORKERS;

	assert_int_equal(
	    budget_advise(world->budget, worker, idle, start + SECOND, &ticket, &to), expected);
	assert_ptr_equal(ticket, whose);
	assert_false(whose->waiting);
}

static void
who_needs_a_connection_of_its_own_gets_it_where_there_is_room(void **state)
{
	struct ticket own = { .own = true }, other = { 0 };
	struct world world;

	world_open_sized(&world, 2);
	budget_join(world.budget, 1, &own, start);
	/* Its worker opens it; whoever else looks only tells that one. */
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_NOTHING);
	settle(world.loop);
	assert_int_equal(world.pokes[1], 1);
	assert_own(&world, 1, false, BUDGET_OPEN_OWN, &own);
	assert_counts(world.budget, 1, 0, 0); /* nobody in line waits for it */
	budget_join(world.budget, 1, &other, start);
	assert_int_equal(advise(world.budget, 1, false, start), BUDGET_OPEN);
	assert_counts(world.budget, 2, 1, 1);
	world_close(&world);
	(void)state;
}

static void
an_idle_server_makes_room_for_it_where_there_is_none(void **state)
{
	struct ticket own = { .own = true }, others[2] = { 0 };
	struct world world;

	world_open_sized(&world, 2);
	budget_join(world.budget, 0, &others[0], start);
	assert_int_equal(advise(world.budget, 0, false, start), BUDGET_OPEN);
	budget_opened(world.budget);
	assert_granted(world.budget, 0, &others[0]);
	budget_join(world.budget, 0, &own, start);
	assert_own(&world, 0, true, BUDGET_OPEN_OWN, &own); /* there is room beside the idle one */
	budget_join(world.budget, 0, &own, start);
	budget_join(world.budget, 0, &others[1], start + 1);
	assert_own(&world, 0, true, BUDGET_EXCHANGE, &own);
	assert_counts(world.budget, 2, 0, 1);
	world_close(&world);
	(void)state;
}

static void
it_does_not_pass_those_who_wait_longer(void **state)
{
	struct ticket own = { .own = true }, first = { 0 };
	struct world world;

	world_open_sized(&world, 1);
	budget_join(world.budget, 0, &first, start);
	budget_join(world.budget, 0, &own, start + 1);
	assert_int_equal(advise(world.budget, 0, false, start + 2), BUDGET_OPEN);
	assert_int_equal(advise(world.budget, 0, false, start + 2), BUDGET_NOTHING);
	budget_opened(world.budget);
	assert_granted(world.budget, 0, &first);
	assert_own(&world, 0, true, BUDGET_EXCHANGE, &own);
	world_close(&world);
	(void)state;
}

static void
a_doom_is_not_for_it(void **state)
{
	struct ticket own = { .own = true }, other = { 0 };
	struct error err;
	struct world world;

	world_open_sized(&world, 0);
	budget_join(world.budget, 0, &own, start);
	budget_join(world.budget, 0, &other, start);
	error_set_state(&err, ERROR_IO, "3D000", "no such database");
	budget_doom(world.budget, &err, start + 1);
	assert_ptr_equal(budget_doomed(world.budget, 0, &err), &other);
	assert_null(budget_doomed(world.budget, 0, &err));
	assert_true(own.waiting);
	budget_leave(world.budget, 0, &own);
	world_close(&world);
	(void)state;
}

static void
the_welcome_is_known_once_a_server_reported(void **state)
{
	struct parameters reported = { 0 }, copy = { 0 };
	struct world world;

	world_open_sized(&world, 1);
	assert_false(budget_welcome(world.budget, &copy));
	parameters_set(&reported, "server_version", "15.13");
	budget_set_welcome(world.budget, &reported);
	parameters_free(&reported);
	assert_true(budget_welcome(world.budget, &copy));
	assert_string_equal(parameters_get(&copy, "server_version"), "15.13");
	parameters_free(&copy);
	world_close(&world);
	(void)state;
}

/* Threads: each is a worker that does at random what a worker may do. */
enum { THREADS = 4, STEPS = 20000, CLIENTS = 8, SIZE = 5 };

struct hammer {
	pthread_t thread;
	unsigned worker, seed;
	struct budget *budget;
	struct ticket tickets[CLIENTS];
	int idle, busy, own; /* own: opened for one ticket alone */
	atomic_int *live;     /* connections there are, of all threads */
	atomic_int *handed;   /* [THREADS] servers on their way to a worker */
	int faults;
};

static void
connection_gone(struct hammer *hammer)
{
	atomic_fetch_sub(hammer->live, 1);
	budget_closed(hammer->budget);
}

static void
connection_opened(struct hammer *hammer, bool good)
{
	hammer->faults += atomic_fetch_add(hammer->live, 1) >= SIZE;
	if (good) {
		budget_opened(hammer->budget);
		hammer->idle++;
		return;
	}
	budget_failed(hammer->budget, start, 0);
	connection_gone(hammer);
}

static void
take_advice(struct hammer *hammer)
{
	struct ticket *ticket = NULL;
	unsigned to = THREADS;

	switch (budget_advise(
	    hammer->budget, hammer->worker, hammer->idle > 0, start, &ticket, &to)) {
	case BUDGET_OPEN:
		connection_opened(hammer, rand_r(&hammer->seed) % 4 != 0);
		break;
	case BUDGET_GRANT:
		hammer->faults += ticket->own || ticket < hammer->tickets ||
		    ticket >= hammer->tickets + CLIENTS || ticket->waiting;
		hammer->idle--;
		hammer->busy++;
		break;
	case BUDGET_HAND_OVER:
		hammer->faults += to == hammer->worker || to >= THREADS;
		hammer->idle--;
		atomic_fetch_add(&hammer->handed[to], 1);
		break;
	case BUDGET_OPEN_OWN:
		hammer->faults += !ticket->own || ticket->waiting;
		hammer->faults += atomic_fetch_add(hammer->live, 1) >= SIZE;
		hammer->own++;
		break;
	case BUDGET_EXCHANGE:
		hammer->faults += !ticket->own || ticket->waiting;
		hammer->idle--;
		hammer->own++;
		break;
	case BUDGET_NOTHING:
		break;
	}
}

static void
receive(struct hammer *hammer)
{
	for (int count = atomic_exchange(&hammer->handed[hammer->worker], 0); count > 0; count--) {
		budget_arrived(hammer->budget, hammer->worker);
		hammer->idle++;
	}
}

static void
toggle_client(struct hammer *hammer)
{
	struct ticket *ticket = &hammer->tickets[rand_r(&hammer->seed) % CLIENTS];

	if (ticket->waiting)
		budget_leave(hammer->budget, hammer->worker, ticket);
	else {
		ticket->own = rand_r(&hammer->seed) % 4 == 0;
		budget_join(hammer->budget, hammer->worker, ticket, start);
	}
}

static void
hammer_step(struct hammer *hammer)
{
	receive(hammer);
	switch (rand_r(&hammer->seed) % 8) {
	case 0:
	case 1:
		toggle_client(hammer);
		break;
	case 2:
		if (hammer->busy > 0) {
			hammer->busy--;
			hammer->idle++;
		}
		if (hammer->own > 0) {
			hammer->own--;
			connection_gone(hammer);
		}
		break;
	case 3:
		if (hammer->idle > 0) {
			hammer->idle--;
			connection_gone(hammer);
		}
		break;
	default:
		take_advice(hammer);
	}
	budget_set_idle(hammer->budget, hammer->worker, hammer->idle);
}

static void *
hammer_all(void *arg)
{
	struct hammer *hammer = arg;

	for (int i = 0; i < STEPS; i++)
		hammer_step(hammer);
	for (int i = 0; i < CLIENTS; i++)
		budget_leave(hammer->budget, hammer->worker, &hammer->tickets[i]);
	return NULL;
}

static void
under_many_threads_there_are_never_more_than_the_size(void **state)
{
	struct hammer hammers[THREADS];
	atomic_int live = 0, handed[THREADS] = { 0 };
	struct loop *loop = loop_new();
	struct mailbox *mailbox = mailbox_new(loop, NULL); /* of pokes that nobody reads */
	struct budgets *budgets = budgets_new(THREADS);
	struct budget *budget =
	    budget_get(budgets, "shop", "app", &(struct budget_limits){ .size = SIZE });

	for (unsigned i = 0; i < THREADS; i++)
		budgets_attach(budgets, i, mailbox, on_poke);
	for (unsigned i = 0; i < THREADS; i++) {
		hammers[i] = (struct hammer){
			.worker = i, .seed = i + 1, .budget = budget, .live = &live, .handed = handed
		};
		assert_int_equal(
		    pthread_create(&hammers[i].thread, NULL, hammer_all, &hammers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(hammers[i].thread, NULL);

	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(hammers[i].faults, 0);
		receive(&hammers[i]);
		for (; hammers[i].idle + hammers[i].busy + hammers[i].own > 0; hammers[i].idle--)
			connection_gone(&hammers[i]);
	}
	assert_int_equal(live, 0);
	assert_counts(budget, 0, 0, 0);
	budgets_free(budgets);
	mailbox_free(mailbox);
	loop_free(loop);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_connections_than_the_size),
		cmocka_unit_test(a_size_made_smaller_holds_once_enough_are_closed),
		cmocka_unit_test(one_is_opened_for_each_who_waits_and_eight_at_most_at_once),
		cmocka_unit_test(a_server_under_check_is_as_good_as_one_opening),
		cmocka_unit_test(the_first_in_line_is_served_first),
		cmocka_unit_test(whoever_waited_longest_is_served_whatever_its_worker),
		cmocka_unit_test(a_worker_serves_its_own_when_that_is_only_a_moment_unfair),
		cmocka_unit_test(a_place_in_line_gets_one_promise_only),
		cmocka_unit_test(a_promise_outlives_the_client_it_was_for),
		cmocka_unit_test(an_idle_server_elsewhere_is_asked_for_before_one_is_opened),
		cmocka_unit_test(the_reserve_is_opened_once_someone_waited_long_enough),
		cmocka_unit_test(a_client_younger_than_the_askers_clock_has_not_waited_for_ages),
		cmocka_unit_test(a_cap_holds_over_the_pools_of_a_database),
		cmocka_unit_test(a_cap_holds_over_the_pools_of_a_user),
		cmocka_unit_test(a_pool_at_a_cap_asks_another_under_it_to_close_an_idle_one),
		cmocka_unit_test(without_a_cap_nobody_is_asked_to_close_anything),
		cmocka_unit_test(a_pool_under_another_cap_only_is_left_alone),
		cmocka_unit_test(a_doom_is_told_to_all_who_waited_and_to_nobody_later),
		cmocka_unit_test(failures_double_the_pause_up_to_four_times),
		cmocka_unit_test(the_least_number_is_kept_without_a_line_and_never_beyond_a_cap),
		cmocka_unit_test(those_who_came_together_stand_in_their_order),
		cmocka_unit_test(a_place_tells_what_is_short),
		cmocka_unit_test(counts_and_places_tell_who_waits_and_since_when),
		cmocka_unit_test(a_pool_is_one_for_all_workers_and_found_by_both_names),
		cmocka_unit_test(who_needs_a_connection_of_its_own_gets_it_where_there_is_room),
		cmocka_unit_test(an_idle_server_makes_room_for_it_where_there_is_none),
		cmocka_unit_test(it_does_not_pass_those_who_wait_longer),
		cmocka_unit_test(a_doom_is_not_for_it),
		cmocka_unit_test(the_welcome_is_known_once_a_server_reported),
		cmocka_unit_test(under_many_threads_there_are_never_more_than_the_size),
	};

	give_up_when_it_hangs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
