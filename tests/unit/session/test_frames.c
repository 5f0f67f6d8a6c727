/* test_frames.c - behaviour of session/frames, fed with what the parser tells of real texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "frames.h"

/* Texts here are short, so that the test's own stack is enough for the parser. */
enum { CAP = 2048 };

/* A client, and the server that it has. */
struct session {
	struct frames *frames;
	struct settings defaults, client, server;
	bool edited; /* RESET gives the server the client's defaults */
};

/* As the relay does when a statement was answered. */
static void
note(struct session *session, const struct sql_statement *statement)
{
	frames_note(&session->frames, statement, session->edited);
	if (statement->transaction == SQL_TXN_COMMIT)
		frames_commit(&session->frames, &session->defaults, &session->client,
		    &session->server);
	else if (statement->transaction == SQL_TXN_ROLLBACK)
		frames_drop(&session->frames);
}

/* The statements of this text were executed, in a transaction. */
static void
run(struct session *session, const char *text)
{
	struct sql_facts *facts;
	struct error err;
	int position;

	if (sql_facts(text, strlen(text), CAP, &facts, &err, &position) != SQL_KNOWN)
		fail_msg("%s: %s", text, err.text);
	for (size_t i = 0; i < facts->statement_count; i++)
		note(session, &facts->statements[i]);
	sql_facts_free(facts);
}

/* Is the setting made by a statement that says this? NULL: it is not set at all. */
static void
assert_says(const struct settings *settings, const char *name, const char *value)
{
	const char *replay = settings_get(settings, name);

	if (value == NULL) {
		assert_null(replay);
		return;
	}
	assert_non_null(replay);
	if (strstr(replay, value) == NULL)
		fail_msg("%s: \"%s\" has no \"%s\"", name, replay, value);
}

static void
assert_both(const struct session *session, const char *name, const char *value)
{
	assert_says(&session->client, name, value);
	assert_says(&session->server, name, value);
}

static void
end(struct session *session)
{
	frames_drop(&session->frames);
	settings_clear(&session->defaults);
	settings_clear(&session->client);
	settings_clear(&session->server);
}

static void
commit_keeps_what_was_set_and_nothing_counts_before(void **state)
{
	struct session session = { 0 };

	run(&session, "BEGIN; SET work_mem TO '1MB'; SET app.x TO 'y'");
	assert_both(&session, "work_mem", NULL);
	run(&session, "SET work_mem TO '2MB'; COMMIT");
	assert_both(&session, "work_mem", "2MB");
	assert_both(&session, "app.x", "y");
	assert_null(session.frames);
	end(&session);
	(void)state;
}

static void
rollback_undoes_what_was_set(void **state)
{
	struct session session = { 0 };

	run(&session, "SET work_mem TO '1MB'; COMMIT");
	run(&session, "BEGIN; SET work_mem TO '2MB'; RESET ALL; ROLLBACK");
	assert_both(&session, "work_mem", "1MB");
	assert_null(session.frames);
	end(&session);
	(void)state;
}

static void
what_is_local_is_not_noted(void **state)
{
	struct session session = { 0 };

	run(&session, "BEGIN; SET LOCAL work_mem TO '1MB'");
	run(&session, "SELECT set_config('work_mem', '2MB', true)");
	run(&session, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
	run(&session, "SELECT 1; INSERT INTO t VALUES (1)");
	assert_null(session.frames); /* a client without an open change has none */
	run(&session, "COMMIT");
	assert_both(&session, "work_mem", NULL);
	end(&session);
	(void)state;
}

static void
set_config_counts_as_set(void **state)
{
	struct session session = { 0 };

	run(&session, "SELECT set_config('work_mem', '3MB', false); COMMIT");
	assert_both(&session, "work_mem", "3MB");
	end(&session);
	(void)state;
}

static void
rollback_to_undoes_what_stands_behind_the_savepoint(void **state)
{
	struct session session = { 0 };

	run(&session, "BEGIN; SET work_mem TO '1MB'; SAVEPOINT a; SET work_mem TO '2MB'; "
		      "SET app.x TO 'y'; ROLLBACK TO a; COMMIT");
	assert_both(&session, "work_mem", "1MB");
	assert_both(&session, "app.x", NULL);
	end(&session);
	(void)state;
}

static void
a_savepoint_stays_after_a_rollback_to_it(void **state)
{
	struct session session = { 0 };

	run(&session, "BEGIN; SAVEPOINT a; SET work_mem TO '1MB'; ROLLBACK TO SAVEPOINT a; "
		      "SET work_mem TO '2MB'; ROLLBACK TO a; SET app.x TO 'y'; COMMIT");
	assert_both(&session, "work_mem", NULL);
	assert_both(&session, "app.x", "y");
	end(&session);
	(void)state;
}

static void
a_released_savepoint_leaves_its_changes_to_the_one_around_it(void **state)
{
	struct session session = { 0 };

	run(&session, "BEGIN; SAVEPOINT a; SAVEPOINT b; SET work_mem TO '1MB'; RELEASE b; "
		      "ROLLBACK TO b; COMMIT"); /* b is gone: the server refuses that, and so do we */
	assert_both(&session, "work_mem", "1MB");
	run(&session, "BEGIN; SAVEPOINT a; SAVEPOINT b; SET work_mem TO '2MB'; RELEASE b; "
		      "ROLLBACK TO a; COMMIT");
	assert_both(&session, "work_mem", "1MB");
	end(&session);
	(void)state;
}

static void
releasing_a_savepoint_releases_those_inside_it(void **state)
{
	struct session session = { 0 };

	run(&session, "BEGIN; SAVEPOINT a; SET app.x TO '1'; SAVEPOINT b; SET app.y TO '2'; "
		      "SAVEPOINT c; SET app.z TO '3'; RELEASE a; ROLLBACK TO c; ROLLBACK TO b; COMMIT");
	assert_both(&session, "app.x", "1");
	assert_both(&session, "app.y", "2");
	assert_both(&session, "app.z", "3");
	end(&session);
	(void)state;
}

static void
of_two_savepoints_of_one_name_the_younger_counts(void **state)
{
	struct session session = { 0 };

	run(&session, "BEGIN; SAVEPOINT a; SET app.x TO '1'; SAVEPOINT a; SET app.x TO '2'; "
		      "ROLLBACK TO a; COMMIT");
	assert_both(&session, "app.x", "1");
	run(&session, "BEGIN; SAVEPOINT a; SET app.x TO '3'; SAVEPOINT a; SET app.x TO '4'; "
		      "RELEASE a; ROLLBACK TO a; COMMIT");
	assert_both(&session, "app.x", "1");
	end(&session);
	(void)state;
}

static void
names_of_savepoints_are_folded_unless_quoted(void **state)
{
	struct session session = { 0 };

	run(&session, "BEGIN; SAVEPOINT Abc; SET app.x TO '1'; SAVEPOINT \"Abc\"; "
		      "SET app.y TO '2'; ROLLBACK TO ABC; COMMIT");
	assert_both(&session, "app.x", NULL);
	assert_both(&session, "app.y", NULL);
	end(&session);
	(void)state;
}

static void
an_unknown_savepoint_changes_nothing(void **state)
{
	struct session session = { 0 };

	run(&session, "ROLLBACK TO nowhere; RELEASE nowhere");
	run(&session, "SET app.x TO '1'; ROLLBACK TO nowhere; RELEASE nowhere; COMMIT");
	assert_both(&session, "app.x", "1");
	end(&session);
	(void)state;
}

static void
a_commit_and_chain_keeps_and_the_chained_rollback_undoes_its_own(void **state)
{
	struct session session = { 0 };

	run(&session, "BEGIN; SET app.x TO '1'; COMMIT AND CHAIN");
	assert_both(&session, "app.x", "1");
	run(&session, "SET app.x TO '2'; SAVEPOINT a; ROLLBACK AND CHAIN");
	run(&session, "ROLLBACK TO a; SET app.y TO '3'; COMMIT");
	assert_both(&session, "app.x", "1");
	assert_both(&session, "app.y", "3");
	end(&session);
	(void)state;
}

/* What the client asked for at log-in is its default; the server's own is another. */
static void
a_reset_brings_the_client_to_its_default_and_the_server_to_its_own(void **state)
{
	struct session session = { 0 };

	settings_set(&session.defaults, "work_mem", "SET work_mem TO E'8MB'");
	settings_copy(&session.client, &session.defaults);
	settings_copy(&session.server, &session.defaults);
	run(&session, "SET work_mem TO '1MB'; SET app.x TO '1'; COMMIT");
	run(&session, "RESET work_mem; SET app.x TO DEFAULT; COMMIT");
	assert_says(&session.client, "work_mem", "8MB");
	assert_says(&session.server, "work_mem", NULL);
	assert_both(&session, "app.x", NULL);
	end(&session);
	(void)state;
}

static void
reset_all_forgets_what_was_set_before_it_and_not_what_comes_after(void **state)
{
	struct session session = { 0 };

	settings_set(&session.defaults, "work_mem", "SET work_mem TO E'8MB'");
	run(&session, "SET app.x TO '1'; COMMIT");
	run(&session, "BEGIN; SET app.y TO '2'; RESET ALL; SET app.z TO '3'; COMMIT");
	assert_both(&session, "app.x", NULL);
	assert_both(&session, "app.y", NULL);
	assert_both(&session, "app.z", "3");
	assert_says(&session.client, "work_mem", "8MB");
	assert_says(&session.server, "work_mem", NULL);
	end(&session);
	(void)state;
}

static void
a_reset_that_is_undone_leaves_the_setting(void **state)
{
	struct session session = { 0 };

	run(&session, "SET app.x TO '1'; COMMIT");
	run(&session, "BEGIN; SAVEPOINT a; RESET app.x; RESET ALL; ROLLBACK TO a; COMMIT");
	assert_both(&session, "app.x", "1");
	end(&session);
	(void)state;
}

static void
names_of_settings_are_folded(void **state)
{
	struct session session = { 0 };

	run(&session, "SET TimeZone TO 'UTC'; SET TIME ZONE 'Europe/Vienna'; COMMIT");
	assert_both(&session, "timezone", "Vienna");
	assert_int_equal(settings_length(&session.client), 1);
	run(&session, "RESET TIMEZONE; COMMIT");
	assert_int_equal(settings_length(&session.client), 0);
	end(&session);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commit_keeps_what_was_set_and_nothing_counts_before),
		cmocka_unit_test(rollback_undoes_what_was_set),
		cmocka_unit_test(what_is_local_is_not_noted),
		cmocka_unit_test(set_config_counts_as_set),
		cmocka_unit_test(rollback_to_undoes_what_stands_behind_the_savepoint),
		cmocka_unit_test(a_savepoint_stays_after_a_rollback_to_it),
		cmocka_unit_test(a_released_savepoint_leaves_its_changes_to_the_one_around_it),
		cmocka_unit_test(releasing_a_savepoint_releases_those_inside_it),
		cmocka_unit_test(of_two_savepoints_of_one_name_the_younger_counts),
		cmocka_unit_test(names_of_savepoints_are_folded_unless_quoted),
		cmocka_unit_test(an_unknown_savepoint_changes_nothing),
		cmocka_unit_test(a_commit_and_chain_keeps_and_the_chained_rollback_undoes_its_own),
		cmocka_unit_test(a_reset_brings_the_client_to_its_default_and_the_server_to_its_own),
		cmocka_unit_test(reset_all_forgets_what_was_set_before_it_and_not_what_comes_after),
		cmocka_unit_test(a_reset_that_is_undone_leaves_the_setting),
		cmocka_unit_test(names_of_settings_are_folded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
