/* test_roster.c - who has which slot, and what others wish of whoever it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roster.h"

static const struct subject app = { .user = "app", .role = "app", .database = "shop" };
static const struct subject shared = { .user = "worker", .role = "app", .database = "shop" };
static const struct subject other = { .user = "other", .role = "other", .database = "shop" };
static const struct subject twin = { .user = "app", .role = "app", .database = "twin" };

static void
one_of_the_same_role_and_database_is_found(void **state)
{
	struct roster *roster = roster_new();
	uint64_t client = 0;

	roster_enter(roster, 70, 42, &app);
	assert_int_equal(roster_find(roster, 70, &shared, false, &client), ROSTER_FOUND);
	assert_int_equal(client, 42);
	assert_int_equal(roster_find(roster, 70, &other, false, &client), ROSTER_STRANGER);
	assert_int_equal(roster_find(roster, 70, &other, true, &client), ROSTER_FOUND);
	assert_int_equal(roster_find(roster, 70, &twin, true, &client), ROSTER_NOBODY);
	roster_free(roster);
	(void)state;
}

static void
a_slot_without_a_client_is_nobodys(void **state)
{
	struct roster *roster = roster_new();
	uint64_t client;

	roster_leave(roster, 5); /* one that never logged in */
	assert_int_equal(roster_find(roster, 0, &app, true, &client), ROSTER_NOBODY);
	roster_enter(roster, 3, 42, &app);
	assert_int_equal(roster_find(roster, 2, &app, true, &client), ROSTER_NOBODY);
	assert_int_equal(roster_find(roster, UINT32_MAX, &app, true, &client), ROSTER_NOBODY);
	roster_leave(roster, 3);
	assert_int_equal(roster_find(roster, 3, &app, true, &client), ROSTER_NOBODY);
	roster_free(roster);
	(void)state;
}

static void
the_worker_is_told_once_until_it_was_told(void **state)
{
	struct roster *roster = roster_new();
	struct roster_wish wish = { .slot = 1, .client = 42 }, found;

	assert_true(roster_wish(roster, &wish));
	assert_false(roster_wish(roster, &wish));
	roster_told(roster);
	assert_true(roster_take(roster, &found));
	wish.client = 43; /* in the middle of taking: the message is no longer under way */
	assert_true(roster_wish(roster, &wish));
	assert_true(roster_take(roster, &found));
	assert_int_equal(found.client, 43);
	assert_false(roster_take(roster, &found));
	assert_false(roster_wish(roster, &wish)); /* still on its way */
	roster_free(roster);
	(void)state;
}

static void
of_several_wishes_for_a_client_the_worst_is_kept_and_memory_is_bounded(void **state)
{
	struct roster *roster = roster_new();
	struct roster_wish wish = { .slot = 1, .client = 42, .ends = true }, found;
	size_t taken = 0;

	roster_wish(roster, &wish);
	wish.ends = false;
	roster_wish(roster, &wish);
	assert_true(roster_take(roster, &found));
	assert_true(found.ends);
	assert_int_equal(found.slot, 1);
	assert_false(roster_take(roster, &found));
	for (wish.client = 1; wish.client < 5000; wish.client++)
		roster_wish(roster, &wish);
	while (roster_take(roster, &found))
		taken++;
	assert_int_equal(taken, 1024);
	roster_free(roster);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_the_same_role_and_database_is_found),
		cmocka_unit_test(a_slot_without_a_client_is_nobodys),
		cmocka_unit_test(the_worker_is_told_once_until_it_was_told),
		cmocka_unit_test(of_several_wishes_for_a_client_the_worst_is_kept_and_memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
