/* test_hosts.c - behaviour of pool/hosts: which address is tried, and which rests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../../../src/pool/hosts.h"

enum { RETRY_MS = 1000, PATIENCE_MS = 5000, MANY = 600 };
static const uint64_t SECOND_US = 1000 * 1000;

static struct address
at(unsigned last)
{
	struct address address;
	char text[32];

	snprintf(text, sizeof(text), "10.0.%u.%u", last / 250, last % 250 + 1);
	assert_true(address_from_text(text, 5432, &address));
	return address;
}

/* Three hosts, at one moment of the test's own clock. */
struct scene {
	struct hosts *hosts;
	struct address all[3];
	uint64_t now_us;
};

static struct scene
scene(void)
{
	return (struct scene){ .hosts = hosts_new(1),
		.all = { at(0), at(1), at(2) },
		.now_us = 1000 * SECOND_US };
}

static size_t
choose(struct scene *scene, size_t start, enum session_attrs wanted)
{
	return hosts_choose(
	    scene->hosts, scene->all, 3, start, wanted, scene->now_us, PATIENCE_MS);
}

static void
lose(struct scene *scene, size_t which)
{
	hosts_failed(scene->hosts, &scene->all[which], scene->now_us, RETRY_MS);
}

static void
the_first_that_does_not_rest_is_chosen_from_where_one_starts(void **state)
{
	struct scene s = scene();

	assert_int_equal(choose(&s, 1, SESSION_ATTRS_ANY), 1);
	lose(&s, 1);
	assert_int_equal(choose(&s, 1, SESSION_ATTRS_ANY), 2);
	lose(&s, 2);
	assert_int_equal(choose(&s, 1, SESSION_ATTRS_ANY), 0);
	hosts_free(s.hosts);
	(void)state;
}

static void
where_all_rest_the_one_left_alone_for_longest_is_tried(void **state)
{
	struct scene s = scene();

	for (size_t i = 0; i < 3; i++) {
		s.now_us += 1000;
		lose(&s, (i + 1) % 3); /* 1, 2, 0 */
	}

	for (size_t i = 0; i < 6; i++) {
		s.now_us += 1000;
		assert_int_equal(choose(&s, 0, SESSION_ATTRS_ANY), (i + 1) % 3);
	}
	hosts_free(s.hosts);
	(void)state;
}

static void
after_its_rest_one_attempt_is_made_and_others_keep_away(void **state)
{
	struct scene s = scene();

	lose(&s, 0);
	s.now_us += 2 * SECOND_US; /* the first rest is a second and a quarter at most */

	assert_int_equal(choose(&s, 0, SESSION_ATTRS_ANY), 0);
	assert_int_equal(choose(&s, 0, SESSION_ATTRS_ANY), 1);
	hosts_fit(s.hosts, &s.all[0], SESSION_ATTRS_ANY);
	assert_int_equal(choose(&s, 0, SESSION_ATTRS_ANY), 0);
	hosts_free(s.hosts);
	(void)state;
}

static void
rests_grow_to_half_a_minute_and_no_further(void **state)
{
	struct scene s = scene();

	for (int i = 0; i < 40; i++)
		lose(&s, 0);

	s.now_us += 20 * SECOND_US;
	assert_int_equal(choose(&s, 0, SESSION_ATTRS_ANY), 1);
	s.now_us += 20 * SECOND_US;
	assert_int_equal(choose(&s, 0, SESSION_ATTRS_ANY), 0);
	hosts_free(s.hosts);
	(void)state;
}

static void
a_host_that_does_not_fit_one_wish_fits_another(void **state)
{
	struct scene s = scene();

	hosts_unfit(s.hosts, &s.all[0], SESSION_ATTRS_PRIMARY, s.now_us, RETRY_MS);

	assert_int_equal(choose(&s, 0, SESSION_ATTRS_PRIMARY), 1);
	assert_int_equal(choose(&s, 0, SESSION_ATTRS_STANDBY), 0);
	hosts_free(s.hosts);
	(void)state;
}

static void
another_role_ends_the_rest_of_who_did_not_fit(void **state)
{
	struct scene s = scene();

	hosts_note_role(s.hosts, &s.all[0], HOST_ROLE_STANDBY);
	hosts_unfit(s.hosts, &s.all[0], SESSION_ATTRS_PRIMARY, s.now_us, RETRY_MS);
	hosts_note_role(s.hosts, &s.all[0], HOST_ROLE_STANDBY);
	assert_int_equal(choose(&s, 0, SESSION_ATTRS_PRIMARY), 1);

	hosts_note_role(s.hosts, &s.all[0], HOST_ROLE_PRIMARY);
	assert_int_equal(choose(&s, 0, SESSION_ATTRS_PRIMARY), 0);
	assert_int_equal(hosts_role(s.hosts, &s.all[0]), HOST_ROLE_PRIMARY);
	assert_int_equal(hosts_role(s.hosts, &s.all[1]), HOST_ROLE_UNKNOWN);
	hosts_free(s.hosts);
	(void)state;
}

static void
another_host_is_one_that_does_not_rest_or_was_left_alone_for_long(void **state)
{
	struct scene s = scene();

	lose(&s, 0);
	lose(&s, 1);
	assert_false(hosts_has_other(
	    s.hosts, s.all, 2, NULL, SESSION_ATTRS_ANY, s.now_us, RETRY_MS));
	assert_true(hosts_has_other(
	    s.hosts, s.all, 3, NULL, SESSION_ATTRS_ANY, s.now_us, RETRY_MS));
	assert_false(hosts_has_other(
	    s.hosts, s.all, 3, &s.all[2], SESSION_ATTRS_ANY, s.now_us, RETRY_MS));
	for (int i = 0; i < 10; i++)
		lose(&s, 1);
	s.now_us += 2 * SECOND_US;
	assert_false(hosts_has_other(
	    s.hosts, &s.all[1], 1, NULL, SESSION_ATTRS_ANY, s.now_us, 0));
	assert_true(hosts_has_other(
	    s.hosts, &s.all[1], 1, NULL, SESSION_ATTRS_ANY, s.now_us, RETRY_MS));
	hosts_free(s.hosts);
	(void)state;
}

static void
news_is_what_was_not_told_last_of_a_host_for_a_database(void **state)
{
	struct scene s = scene();

	assert_true(hosts_is_news(s.hosts, &s.all[0], "shop", "taken"));
	assert_false(hosts_is_news(s.hosts, &s.all[0], "shop", "taken"));
	assert_true(hosts_is_news(s.hosts, &s.all[0], "crm", "taken"));
	assert_true(hosts_is_news(s.hosts, &s.all[1], "shop", "taken"));
	assert_true(hosts_is_news(s.hosts, &s.all[0], "shop", "skipped"));
	assert_true(hosts_is_news(s.hosts, &s.all[0], "shop", "taken"));
	hosts_free(s.hosts);
	(void)state;
}

/* Names whose addresses change for years. */
static void
what_is_known_of_more_addresses_than_there_are_is_forgotten_oldest_first(void **state)
{
	struct scene s = scene();

	hosts_note_role(s.hosts, &s.all[0], HOST_ROLE_PRIMARY);
	for (unsigned i = 1; i < MANY; i++) {
		struct address address = at(i);

		hosts_note_role(s.hosts, &address, HOST_ROLE_STANDBY);
		hosts_is_news(s.hosts, &address, "shop", "skipped");
	}

	assert_int_equal(hosts_role(s.hosts, &s.all[0]), HOST_ROLE_UNKNOWN);
	assert_int_equal(hosts_role(s.hosts, &(struct address){ at(MANY - 1).storage, at(MANY - 1).length }),
	    HOST_ROLE_STANDBY);
	hosts_free(s.hosts);
	(void)state;
}

static void
ask(struct scene *scene, size_t which, enum host_role role, uint64_t born)
{
	hosts_asked(scene->hosts, &scene->all[which], role, born, scene->now_us);
	scene->now_us += SECOND_US;
}

static bool
is_split(struct scene *scene)
{
	size_t one, other;

	return hosts_are_split(scene->hosts, scene->all, 3, &one, &other);
}

static void
each_host_is_to_be_asked_once_in_so_long(void **state)
{
	struct scene s = scene();
	size_t which;

	for (size_t i = 0; i < 3; i++) {
		assert_true(hosts_to_ask(s.hosts, s.all, 3, s.now_us, 5000, &which));
		assert_int_equal(which, i);
	}
	assert_false(hosts_to_ask(s.hosts, s.all, 3, s.now_us + 4 * SECOND_US, 5000, &which));
	assert_true(hosts_to_ask(s.hosts, s.all + 1, 2, s.now_us + 5 * SECOND_US, 5000, &which));
	assert_int_equal(which, 0);
	hosts_free(s.hosts);
	(void)state;
}

static void
two_are_primaries_when_each_says_so_after_the_other_did(void **state)
{
	struct scene s = scene();
	size_t one, other;

	ask(&s, 0, HOST_ROLE_PRIMARY, 1);
	ask(&s, 1, HOST_ROLE_STANDBY, 2);
	assert_false(is_split(&s));
	ask(&s, 2, HOST_ROLE_PRIMARY, 3);
	assert_false(is_split(&s)); /* the first may be gone by then */
	ask(&s, 0, HOST_ROLE_PRIMARY, 1);
	assert_true(hosts_are_split(s.hosts, s.all, 3, &one, &other));
	assert_int_equal(one, 0);
	assert_int_equal(other, 2);
	hosts_free(s.hosts);
	(void)state;
}

static void
it_is_over_when_one_is_gone_or_demoted(void **state)
{
	for (int demoted = 0; demoted < 2; demoted++) {
		struct scene s = scene();

		for (int i = 0; i < 2; i++) {
			ask(&s, 0, HOST_ROLE_PRIMARY, 1);
			ask(&s, 1, HOST_ROLE_PRIMARY, 2);
		}
		assert_true(is_split(&s));
		if (demoted)
			hosts_note_role(s.hosts, &s.all[0], HOST_ROLE_STANDBY);
		else
			lose(&s, 0);
		assert_false(is_split(&s));
		ask(&s, 0, HOST_ROLE_PRIMARY, 1);
		assert_false(is_split(&s));
		ask(&s, 1, HOST_ROLE_PRIMARY, 2);
		assert_true(is_split(&s));
		hosts_free(s.hosts);
	}
	(void)state;
}

static void
one_with_two_addresses_is_one_primary(void **state)
{
	struct scene s = scene();

	for (int i = 0; i < 3; i++) {
		ask(&s, 0, HOST_ROLE_PRIMARY, 1);
		ask(&s, 1, HOST_ROLE_PRIMARY, 1);
	}
	assert_false(is_split(&s));
	ask(&s, 1, HOST_ROLE_PRIMARY, 2); /* it was started anew meanwhile, and the other was not asked yet */
	assert_false(is_split(&s));
	hosts_free(s.hosts);
	(void)state;
}

static void
who_answers_when_asked_does_not_rest(void **state)
{
	struct scene s = scene();

	lose(&s, 0);
	assert_int_equal(choose(&s, 0, SESSION_ATTRS_ANY), 1);
	ask(&s, 0, HOST_ROLE_PRIMARY, 1);
	assert_int_equal(choose(&s, 0, SESSION_ATTRS_ANY), 0);
	hosts_free(s.hosts);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_does_not_rest_is_chosen_from_where_one_starts),
		cmocka_unit_test(where_all_rest_the_one_left_alone_for_longest_is_tried),
		cmocka_unit_test(after_its_rest_one_attempt_is_made_and_others_keep_away),
		cmocka_unit_test(rests_grow_to_half_a_minute_and_no_further),
		cmocka_unit_test(a_host_that_does_not_fit_one_wish_fits_another),
		cmocka_unit_test(another_role_ends_the_rest_of_who_did_not_fit),
		cmocka_unit_test(another_host_is_one_that_does_not_rest_or_was_left_alone_for_long),
		cmocka_unit_test(news_is_what_was_not_told_last_of_a_host_for_a_database),
		cmocka_unit_test(each_host_is_to_be_asked_once_in_so_long),
		cmocka_unit_test(two_are_primaries_when_each_says_so_after_the_other_did),
		cmocka_unit_test(it_is_over_when_one_is_gone_or_demoted),
		cmocka_unit_test(one_with_two_addresses_is_one_primary),
		cmocka_unit_test(who_answers_when_asked_does_not_rest),
		cmocka_unit_test(what_is_known_of_more_addresses_than_there_are_is_forgotten_oldest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
