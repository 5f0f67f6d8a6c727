/* test_command.c - behaviour of admin/command: what a text asks for, and who may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/admin/command.h"
#include "../../../src/admin/show.h"

static struct error err;

static bool
read(const char *text, struct command *command)
{
	err = (struct error){ 0 };
	return command_read(&text, command, &err);
}

static void
assert_refused(const char *text, const char *sqlstate, const char *says)
{
	struct command command;

	assert_false(read(text, &command));
	assert_string_equal(err.sqlstate, sqlstate);
	assert_non_null(strstr(err.text, says));
	assert_null(command.text);
	assert_null(command.database);
}

static void
commands_are_read_in_any_case(void **state)
{
	struct command command;

	assert_true(read("sHoW pOoLs", &command));
	assert_int_equal(command.verb, VERB_SHOW);
	assert_string_equal(command.table->name, "POOLS");
	assert_string_equal(command.text, "sHoW pOoLs");
	assert_string_equal(command_tag(&command), "SHOW");
	command_free(&command);
	(void)state;
}

static void
a_database_keeps_its_case_and_may_be_left_out(void **state)
{
	struct command command;

	assert_true(read("pause Shop-EU;", &command));
	assert_int_equal(command.verb, VERB_PAUSE);
	assert_string_equal(command.database, "Shop-EU");
	command_free(&command);
	assert_true(read("RESUME", &command));
	assert_null(command.database);
	command_free(&command);
	assert_refused("DISABLE", "42601", "one database");
	assert_refused("ENABLE", "42601", "one database");
	assert_refused("PAUSE my shop", "42601", "quote");
	(void)state;
}

static void
a_fingerprint_is_blocked_for_good_or_for_a_while(void **state)
{
	static const char *const wrong[] = { "BLOCK", "BLOCK everything", "BLOCK pg15:", "UNBLOCK",
		"BLOCK pg15:a0ead580058af58", "BLOCK pg15:a0ead580058af5855", "BLOCK pg16:a0ead580058af585",
		"BLOCK pg15:a0ead580058af58x", "BLOCK pg15:a0ead580058af585 30m",
		"BLOCK pg15:a0ead580058af585 FOR", "BLOCK pg15:a0ead580058af585 FOR ever",
		"BLOCK pg15:a0ead580058af585 FOR 0", "BLOCK pg15:a0ead580058af585 TIL 30m",
		"UNBLOCK pg15:a0ead580058af585 FOR 30m" };
	const char *at = "block pg15:A0EAD580058AF585; BLOCK 'pg15:a0ead580058af585' for 30m";
	struct command command;

	assert_true(command_read(&at, &command, &err));
	assert_int_equal(command.verb, VERB_BLOCK);
	assert_string_equal(command.fingerprint, "pg15:a0ead580058af585");
	assert_int_equal(command.for_ms, 0);
	command_free(&command);
	assert_true(command_read(&at, &command, &err));
	assert_int_equal(command.for_ms, 30 * 60 * 1000);
	command_free(&command);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		at = wrong[i];
		assert_false(command_read(&at, &command, &err));
		assert_string_equal(err.sqlstate, "42601");
	}
	(void)state;
}

static void
only_a_number_is_a_client(void **state)
{
	static const char *const wrong[] = { "KILL_CLIENT", "KILL_CLIENT 0",
		"KILL_CLIENT -1", "KILL_CLIENT abc", "KILL_CLIENT 1 2",
		"KILL_CLIENT 0x10", "KILL_CLIENT 1.5", "KILL_CLIENT 99999999999999999999",
		"KILL_CLIENT ''" };
	struct command command;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_refused(wrong[i], "42601", "SHOW CLIENTS");
	assert_true(read("kill_client 42", &command));
	assert_int_equal(command.client, 42);
	command_free(&command);
	assert_refused("KILL_QUERY", "42601", "SHOW CLIENTS");
	assert_refused("KILL_QUERY SELECT", "42601", "SHOW CLIENTS");
	assert_true(read("Kill_Query 43;", &command));
	assert_int_equal(command.verb, VERB_KILL_QUERY);
	assert_int_equal(command.client, 43);
	command_free(&command);
	(void)state;
}

static void
shutdown_tells_how_it_waits(void **state)
{
	static const struct {
		const char *text;
		enum shutdown_kind kind;
	} good[] = { { "SHUTDOWN", SHUTDOWN_NOW },
		{ "shutdown wait_for_clients", SHUTDOWN_WAIT_FOR_CLIENTS },
		{ "SHUTDOWN WAIT_FOR_SERVERS", SHUTDOWN_WAIT_FOR_SERVERS } };
	struct command command;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(read(good[i].text, &command));
		assert_int_equal(command.shutdown, good[i].kind);
		command_free(&command);
	}
	/* A typing error must not end the process at once. */
	assert_refused("SHUTDOWN WAIT_FOR_CLIENT", "42601", "WAIT_FOR_CLIENTS");
	assert_refused("SHUTDOWN WAIT_FOR_CLIENTS now", "42601", "WAIT_FOR_CLIENTS");
	(void)state;
}

static void
an_unknown_command_is_told_with_the_nearest(void **state)
{
	assert_refused("RELOD", "42601", "did you mean RELOAD");
	assert_refused("SHOW poolz", "42601", "did you mean SHOW POOLS");
	assert_refused("SHOW nothing_like_it", "42601", "nothing_like_it");
	assert_refused("SHOW", "42601", "SHOW HELP");
	assert_refused("SHOW POOLS NOW", "42601", "one word");
	assert_refused("SELECT 1", "42601", "not PostgreSQL");
	assert_refused("BEGIN", "42601", "autocommit");
	assert_refused("\"\"", "42601", "invalid command");
	(void)state;
}

static void
a_long_or_hostile_word_is_cut_in_the_message(void **state)
{
	char text[2000];

	memset(text, 'A', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_refused(text, "42601", "invalid command \"AAAA");
	memcpy(text, "SHOW ", 5);
	assert_refused(text, "42601", "there is no SHOW \"AAAA");
	(void)state;
}

static void
drivers_may_set_what_they_always_set(void **state)
{
	static const char *const good[] = { "SET extra_float_digits = 3",
		"set DateStyle to ISO", "SET SESSION timezone = 'UTC'",
		"SET TIME ZONE 'UTC'", "SET datestyle='ISO, MDY'",
		"SET client_encoding TO UTF8", "SET application_name = ''" };
	struct command command;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(read(good[i], &command));
		assert_int_equal(command.verb, VERB_SET);
		command_free(&command);
	}
	assert_refused("SET pool_size = 5", "42704", "RELOAD");
	assert_refused("SET", "42601", "value");
	assert_refused("SET timezone", "42601", "value");
	(void)state;
}

static void
no_words_are_no_command(void **state)
{
	struct command command;

	assert_true(read(" ; SHOW POOLS", &command));
	assert_int_equal(command.verb, VERB_NONE);
	command_free(&command);
	(void)state;
}

/* Everything that can be asked for, and the least that may ask for it. */
static const struct {
	const char *text;
	enum access least;
	bool recorded;
} rights[] = {
	{ "SHOW VERSION", ACCESS_VIEWER, false },
	{ "SHOW CONFIG", ACCESS_VIEWER, false },
	{ "SHOW POOLS", ACCESS_VIEWER, false },
	{ "SHOW CLIENTS", ACCESS_VIEWER, false },
	{ "SHOW HELP", ACCESS_VIEWER, false },
	{ "SHOW client_encoding", ACCESS_VIEWER, false },
	{ "SET timezone = 'UTC'", ACCESS_VIEWER, false },
	{ "SHOW AUDIT", ACCESS_AUDITOR, true },
	{ "SHOW POLICIES", ACCESS_AUDITOR, false },
	{ "SHOW FDS", ACCESS_ADMIN, false },
	{ "RELOAD", ACCESS_ADMIN, true },
	{ "PAUSE", ACCESS_ADMIN, true },
	{ "PAUSE shop", ACCESS_ADMIN, true },
	{ "RESUME", ACCESS_ADMIN, true },
	{ "DISABLE shop", ACCESS_ADMIN, true },
	{ "ENABLE shop", ACCESS_ADMIN, true },
	{ "RECONNECT", ACCESS_ADMIN, true },
	{ "KILL", ACCESS_ADMIN, true },
	{ "KILL_CLIENT 1", ACCESS_ADMIN, true },
	{ "KILL_QUERY 1", ACCESS_ADMIN, true },
	{ "BLOCK pg15:a0ead580058af585", ACCESS_ADMIN, true },
	{ "UNBLOCK pg15:a0ead580058af585", ACCESS_ADMIN, true },
	{ "WAIT_CLOSE", ACCESS_ADMIN, false },
	{ "SHUTDOWN", ACCESS_ADMIN, true },
	{ "SHUTDOWN WAIT_FOR_CLIENTS", ACCESS_ADMIN, true },
	{ "SUSPEND", ACCESS_ADMIN, true },
};

static void
each_command_is_for_those_who_have_its_right_and_nobody_else(void **state)
{
	static const enum access all[] = { ACCESS_ADMIN, ACCESS_AUDITOR, ACCESS_VIEWER,
		ACCESS_NONE };

	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		struct command command;

		assert_true(read(rights[i].text, &command));
		for (size_t who = 0; who < sizeof(all) / sizeof(all[0]); who++)
			assert_int_equal(access_allows(all[who], command_needs(&command)),
			    all[who] != ACCESS_NONE && all[who] <= rights[i].least);
		assert_int_equal(command_is_recorded(&command), rights[i].recorded);
		command_free(&command);
	}
	(void)state;
}

static void
no_table_needs_less_than_a_viewer(void **state)
{
	size_t count = 0;

	for (; table_at(count) != NULL; count++)
		assert_false(access_allows(ACCESS_NONE, table_at(count)->needs));
	assert_true(count > 20);
	(void)state;
}

static void
a_user_has_the_most_that_any_list_gives(void **state)
{
	char *admins[] = { (char *)"root", NULL },
	     *auditors[] = { (char *)"ann", (char *)"root", NULL };
	char *viewers[] = { (char *)"root", (char *)"ann", (char *)"vic", NULL };
	struct config config = { .console_admins = admins,
		.console_auditors = auditors,
		.console_viewers = viewers };

	assert_int_equal(access_of(&config, "root"), ACCESS_ADMIN);
	assert_int_equal(access_of(&config, "ann"), ACCESS_AUDITOR);
	assert_int_equal(access_of(&config, "vic"), ACCESS_VIEWER);
	assert_int_equal(access_of(&config, "Root"), ACCESS_NONE);
	assert_int_equal(access_of(&config, ""), ACCESS_NONE);
	config = (struct config){ 0 };
	assert_int_equal(access_of(&config, "root"), ACCESS_NONE);
	(void)state;
}

static void
names_of_columns_are_never_used_twice(void **state)
{
	for (size_t t = 0; table_at(t) != NULL; t++) {
		const struct table *table = table_at(t);

		for (size_t i = 0; i < table->column_count; i++) {
			assert_non_null(strchr("tiqn", table->columns[i].type));
			for (size_t j = 0; j < i; j++)
				assert_string_not_equal(
				    table->columns[i].name, table->columns[j].name);
		}
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_read_in_any_case),
		cmocka_unit_test(a_database_keeps_its_case_and_may_be_left_out),
		cmocka_unit_test(a_fingerprint_is_blocked_for_good_or_for_a_while),
		cmocka_unit_test(only_a_number_is_a_client),
		cmocka_unit_test(shutdown_tells_how_it_waits),
		cmocka_unit_test(an_unknown_command_is_told_with_the_nearest),
		cmocka_unit_test(a_long_or_hostile_word_is_cut_in_the_message),
		cmocka_unit_test(drivers_may_set_what_they_always_set),
		cmocka_unit_test(no_words_are_no_command),
		cmocka_unit_test(
		    each_command_is_for_those_who_have_its_right_and_nobody_else),
		cmocka_unit_test(no_table_needs_less_than_a_viewer),
		cmocka_unit_test(a_user_has_the_most_that_any_list_gives),
		cmocka_unit_test(names_of_columns_are_never_used_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
