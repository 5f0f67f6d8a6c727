/* test_rendering.c - behaviour of pool/rendering. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pool/rendering.h"

/* A client, its server, and what that reports. */
struct session {
	struct settings client, server;
	struct parameters reported;
};

static void
end(struct session *session)
{
	settings_clear(&session->client);
	settings_clear(&session->server);
	parameters_free(&session->reported);
}

static void
set_both(struct session *session, const char *name, const char *replay)
{
	settings_set(&session->client, name, replay);
	settings_set(&session->server, name, replay);
}

static void
take_both(struct session *session)
{
	rendering_take_both(&session->client, &session->server, &session->reported);
}

static void
a_half_is_kept_as_the_whole_that_the_server_made_of_it(void **state)
{
	struct session session = { 0 };

	parameters_set(&session.reported, "DateStyle", "ISO, YMD");
	set_both(&session, "datestyle", "SET datestyle TO ymd");
	take_both(&session);
	assert_string_equal(settings_get(&session.client, "datestyle"), "SET \"datestyle\" TO E'ISO, YMD'");
	assert_true(settings_are_equal(&session.client, &session.server));
	end(&session);
	(void)state;
}

static void
equal_values_in_other_spelling_become_equal_settings(void **state)
{
	struct session session = { 0 };
	struct settings other = { 0 };

	parameters_set(&session.reported, "TimeZone", "UTC");
	settings_set(&session.client, "timezone", "SET \"timezone\" TO E'utc'");
	settings_set(&other, "timezone", "SET TIME ZONE 'Utc'");
	rendering_take(&session.client, &session.reported);
	rendering_take(&other, &session.reported);
	assert_true(settings_are_equal(&session.client, &other));
	assert_true(session.client.hash == other.hash);
	settings_clear(&other);
	end(&session);
	(void)state;
}

static void
what_the_server_does_not_have_yet_is_the_clients_own(void **state)
{
	struct session session = { 0 };

	parameters_set(&session.reported, "DateStyle", "ISO, MDY");
	parameters_set(&session.reported, "TimeZone", "UTC");
	settings_set(&session.client, "datestyle", "SET datestyle TO german");
	settings_set(&session.client, "timezone", "SET timezone TO 'Asia/Tokyo'");
	settings_set(&session.server, "timezone", "SET timezone TO 'utc'");
	take_both(&session);
	assert_string_equal(settings_get(&session.client, "datestyle"), "SET datestyle TO german");
	assert_string_equal(settings_get(&session.client, "timezone"), "SET timezone TO 'Asia/Tokyo'");
	assert_null(settings_get(&session.server, "datestyle"));
	end(&session);
	(void)state;
}

static void
what_is_not_reported_stays_as_it_was_said(void **state)
{
	struct session session = { 0 };

	parameters_set(&session.reported, "application_name", "another's");
	set_both(&session, "work_mem", "SET work_mem TO '7MB'");
	set_both(&session, "application_name", "SET application_name TO mine");
	set_both(&session, "search_path", "SET search_path TO a, b");
	take_both(&session);
	rendering_take(&session.client, &session.reported);
	assert_string_equal(settings_get(&session.client, "work_mem"), "SET work_mem TO '7MB'");
	assert_string_equal(settings_get(&session.client, "application_name"), "SET application_name TO mine");
	assert_string_equal(settings_get(&session.client, "search_path"), "SET search_path TO a, b");
	end(&session);
	(void)state;
}

static void
a_list_of_names_that_is_reported_stays_a_list(void **state)
{
	struct session session = { 0 };

	parameters_set(&session.reported, "search_path", "\"$user\", \"A b\", public");
	set_both(&session, "search_path", "SET search_path TO a");
	take_both(&session);
	assert_string_equal(settings_get(&session.client, "search_path"),
	    "SET \"search_path\" TO E'$user', E'A b', E'public'");
	end(&session);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_half_is_kept_as_the_whole_that_the_server_made_of_it),
		cmocka_unit_test(equal_values_in_other_spelling_become_equal_settings),
		cmocka_unit_test(what_the_server_does_not_have_yet_is_the_clients_own),
		cmocka_unit_test(what_is_not_reported_stays_as_it_was_said),
		cmocka_unit_test(a_list_of_names_that_is_reported_stays_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
