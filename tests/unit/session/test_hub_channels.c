/* test_hub_channels.c - behaviour of session/hub_channels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "hub_channels.h"

static int
set_up(void **state)
{
	static struct hub_channels channels;

	hub_channels_init(&channels, 2);
	*state = &channels;
	return 0;
}

static int
tear_down(void **state)
{
	hub_channels_free(*state);
	return 0;
}

/* What the server is told in a round. */
static void
assert_puts(struct hub_channels *channels, const char *expected)
{
	struct buf query = { 0 };

	hub_channels_put(channels, &query);
	buf_put_u8(&query, 0);
	assert_string_equal((const char *)buf_bytes(&query), expected);
	buf_free(&query);
}

static void
test_the_first_who_joins_is_told_and_the_last_who_leaves(void **state)
{
	struct hub_channels *channels = *state;

	hub_channels_join(channels, "a", 0);
	hub_channels_join(channels, "a", 1);
	assert_puts(channels, "LISTEN \"a\"; ");
	hub_channels_confirm(channels, true);
	hub_channels_leave(channels, "a", 0);
	assert_false(hub_channels_are_due(channels));
	hub_channels_leave(channels, "a", 1);
	assert_puts(channels, "UNLISTEN \"a\"; ");
	hub_channels_confirm(channels, true);
	assert_int_equal(hub_channels_count(channels), 0);
}

static void
test_each_worker_is_counted_by_itself(void **state)
{
	struct hub_channels *channels = *state;

	hub_channels_join(channels, "a", 1);
	assert_int_equal(hub_channels_find(channels, "a")->of_worker[0], 0);
	assert_int_equal(hub_channels_find(channels, "a")->of_worker[1], 1);
	hub_channels_leave(channels, "a", 0); /* it never joined */
	assert_int_equal(hub_channels_find(channels, "a")->total, 1);
	hub_channels_leave(channels, "b", 0);
}

static void
test_names_are_quoted(void **state)
{
	hub_channels_join(*state, "C \"d\"", 0);
	assert_puts(*state, "LISTEN \"C \"\"d\"\"\"; ");
}

static void
test_who_leaves_before_the_server_was_told_leaves_nothing(void **state)
{
	hub_channels_join(*state, "a", 0);
	hub_channels_leave(*state, "a", 0);
	assert_puts(*state, "");
	assert_int_equal(hub_channels_count(*state), 0);
}

static void
test_a_change_while_a_round_is_under_way_is_told_in_the_next(void **state)
{
	struct hub_channels *channels = *state;

	hub_channels_join(channels, "a", 0);
	assert_puts(channels, "LISTEN \"a\"; ");
	hub_channels_leave(channels, "a", 0);
	assert_puts(channels, "");
	hub_channels_confirm(channels, true);
	assert_puts(channels, "UNLISTEN \"a\"; ");
	hub_channels_join(channels, "a", 0);
	hub_channels_confirm(channels, true);
	assert_puts(channels, "LISTEN \"a\"; ");
	hub_channels_confirm(channels, true);
	assert_true(hub_channels_find(channels, "a")->on);
}

static void
test_what_failed_is_told_again_when_somebody_asks(void **state)
{
	struct hub_channels *channels = *state;

	hub_channels_join(channels, "a", 0);
	hub_channels_join(channels, "b", 0);
	assert_puts(channels, "LISTEN \"a\"; LISTEN \"b\"; ");
	hub_channels_leave(channels, "b", 0);
	hub_channels_confirm(channels, false);
	assert_puts(channels, "");
	assert_null(hub_channels_find(channels, "b"));
	hub_channels_retry(channels, "a");
	assert_puts(channels, "LISTEN \"a\"; ");
	hub_channels_retry(channels, "nobody's");
}

static void
test_a_new_server_is_told_all_that_is_wanted(void **state)
{
	struct hub_channels *channels = *state;

	hub_channels_join(channels, "a", 0);
	hub_channels_join(channels, "b", 0);
	assert_puts(channels, "LISTEN \"a\"; LISTEN \"b\"; ");
	hub_channels_confirm(channels, true);
	hub_channels_leave(channels, "b", 0);
	hub_channels_join(channels, "c", 1);
	hub_channels_lose(channels);
	assert_puts(channels, "LISTEN \"a\"; LISTEN \"c\"; ");
	assert_null(hub_channels_find(channels, "b"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_first_who_joins_is_told_and_the_last_who_leaves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_worker_is_counted_by_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_are_quoted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_leaves_before_the_server_was_told_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_change_while_a_round_is_under_way_is_told_in_the_next, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_failed_is_told_again_when_somebody_asks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_new_server_is_told_all_that_is_wanted, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
