/* test_rewrite.c - behaviour of session/rewrite, fed with what the parser tells of real texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "gate.h"
#include "prepared.h"
#include "rewrite.h"
#include "wire/build.h"
#include "wire/frame.h"
#include "wire/report.h"

/* Texts here are short, so that the test's own stack is enough for the parser. */
enum { CAP = 2048 };

/* Of a client that logged in with work_mem and DateStyle. */
static struct rewrite *
rewrite_with(const struct settings *defaults, const char *text, bool alone)
{
	struct rewrite_for whose = { .defaults = defaults, .pid = 1073741825, .alone = alone };
	struct sql_facts *facts;
	struct rewrite *rewrite;
	struct error err;
	int position;

	if (sql_facts(text, strlen(text), CAP, &facts, &err, &position) != SQL_KNOWN)
		fail_msg("%s: %s", text, err.text);
	rewrite = rewrite_may(facts) ? rewrite_new(&whose, facts, text, strlen(text)) : NULL;
	sql_facts_free(facts);
	return rewrite;
}

static struct settings
login(void)
{
	struct settings defaults = { 0 };

	settings_set(&defaults, "work_mem", "SET \"work_mem\" TO E'7MB'");
	settings_set(&defaults, "statement_timeout", "SET \"statement_timeout\" TO 5000");
	settings_set(&defaults, "search_path", "SET \"search_path\" TO E'a b'");
	return defaults;
}

static void
assert_goes_as(const char *text, const char *expected)
{
	struct settings defaults = login();
	struct rewrite *rewrite = rewrite_with(&defaults, text, false);

	if (expected == NULL)
		assert_null(rewrite);
	else if (rewrite == NULL)
		fail_msg("%s: not rewritten", text);
	else
		assert_string_equal(rewrite->text, expected);
	rewrite_release(rewrite);
	settings_clear(&defaults);
}

static void
a_reset_is_the_set_of_the_clients_default(void **state)
{
	assert_goes_as("RESET work_mem", "SET \"work_mem\" TO E'7MB'");
	assert_goes_as(" set WORK_MEM = default ; ", " SET \"work_mem\" TO E'7MB' ; ");
	assert_goes_as("SET LOCAL work_mem TO DEFAULT", "SET LOCAL \"work_mem\" TO E'7MB'");
	assert_goes_as("SELECT 1; RESET work_mem/**/; SELECT 2",
	    "SELECT 1; SET \"work_mem\" TO E'7MB'/**/; SELECT 2");
	assert_goes_as("SELECT set_config('work_mem', NULL, false)",
	    "SELECT set_config('work_mem', E'7MB', false)");
	assert_goes_as("SELECT set_config('statement_timeout', NULL::text, false)",
	    "SELECT set_config('statement_timeout', '5000'::text, false)");
	(void)state;
}

static void
what_the_client_did_not_give_at_login_is_left_alone(void **state)
{
	assert_goes_as("RESET TimeZone", NULL);
	assert_goes_as("SET work_mem TO '1MB'", NULL);
	assert_goes_as("RESET ROLE", NULL);
	assert_goes_as("DISCARD ALL", NULL);
	assert_goes_as("SELECT 'RESET work_mem'", NULL);
	(void)state;
}

/* As an argument it would have to be a list in one text. */
static void
a_list_of_names_is_not_given_to_set_config(void **state)
{
	assert_goes_as("SELECT set_config('search_path', NULL, false)", NULL);
	assert_goes_as("RESET search_path", "SET \"search_path\" TO E'a b'");
	(void)state;
}

static void
behind_reset_all_stand_the_defaults_unless_it_is_alone(void **state)
{
	struct settings defaults = { 0 };
	struct rewrite *rewrite;

	settings_set(&defaults, "work_mem", "SET \"work_mem\" TO E'7MB'");
	rewrite = rewrite_with(&defaults, "RESET ALL; SELECT 1", false);
	assert_string_equal(rewrite->text, "RESET ALL;SET \"work_mem\" TO E'7MB'; SELECT 1");
	assert_int_equal(rewrite->behind_reset_all, 1);
	rewrite_release(rewrite);
	assert_null(rewrite_with(&defaults, "RESET ALL", true));
	settings_clear(&defaults);
	(void)state;
}

static void
a_bare_question_for_the_pid_is_answered_with_the_clients(void **state)
{
	assert_goes_as("SELECT pg_backend_pid()", "SELECT (SELECT 1073741825 AS pg_backend_pid)");
	assert_goes_as("/* a */ select (pg_catalog.\"pg_backend_pid\" ( )) mine ;",
	    "/* a */ select ((SELECT 1073741825 AS pg_backend_pid)) mine ;");
	assert_goes_as("SELECT\"pg_backend_pid\"()", "SELECT(SELECT 1073741825 AS pg_backend_pid)");
	assert_goes_as("SELECT pg_backend_pid() WHERE true", NULL);
	assert_goes_as("SELECT 1; SELECT pg_backend_pid()", NULL);
	assert_goes_as("PREPARE p AS SELECT pg_backend_pid()", NULL);
	assert_goes_as("SELECT U&\"pg!005fbackend_pid\" UESCAPE '!' ()", NULL);
	(void)state;
}

/* Rewritten as for a client to which the signal of the text may go, or not. */
static void
assert_signals(const char *text, const struct backend_signal *signal, const char *expected)
{
	struct settings defaults = { 0 };
	struct rewrite_for whose = { .defaults = &defaults, .signal = *signal };
	struct sql_facts *facts;
	struct rewrite *rewrite;
	struct error err;
	int position;

	assert_int_equal(sql_facts(text, strlen(text), CAP, &facts, &err, &position), SQL_KNOWN);
	assert_true(rewrite_may(facts));
	rewrite = rewrite_new(&whose, facts, text, strlen(text));
	if (expected == NULL)
		assert_null(rewrite);
	else
		assert_string_equal(rewrite->text, expected);
	if (rewrite != NULL)
		assert_int_equal(rewrite->signal.client, signal->client);
	rewrite_release(rewrite);
	sql_facts_free(facts);
}

static void
a_signal_to_a_client_is_not_the_servers_to_send(void **state)
{
	static const struct backend_signal nobody = { 0 }, one = { .client = 5 };
	static const struct backend_signal end = { .client = 5, .ends = true }, no = { .forbidden = true };

	assert_signals("SELECT pg_cancel_backend(1073741825) AS x", &one,
	    "SELECT (SELECT true AS pg_cancel_backend) AS x");
	assert_signals("SELECT pg_catalog.pg_terminate_backend(1073741825);", &end,
	    "SELECT (SELECT true AS pg_terminate_backend);");
	assert_signals("SELECT pg_cancel_backend(1073741825)", &no,
	    "SELECT (SELECT false AS pg_cancel_backend)");
	assert_signals("SELECT pg_cancel_backend(4711)", &nobody, NULL);
	(void)state;
}

static void
places_are_those_of_the_clients_text_in_characters(void **state)
{
	static const char text[] = "SELECT 'ä'; RESET work_mem; SELECT 'ö', nowhere; RESET ALL";
	struct settings defaults = { 0 };
	struct rewrite *rewrite;
	const char *there;
	int bytes_more = 2; /* of the two letters */

	settings_set(&defaults, "work_mem", "SET \"work_mem\" TO E'7MB and more of it'");
	rewrite = rewrite_with(&defaults, text, false);
	there = strstr(rewrite->text, "nowhere");
	assert_int_equal(rewrite_position(rewrite, (int)(there - rewrite->text) + 1 - bytes_more),
	    strstr(text, "nowhere") - text + 1 - bytes_more);
	assert_int_equal(rewrite_position(rewrite, 1), 1);
	assert_int_equal(rewrite_position(rewrite, 9), 9);
	/* inside what was put there: where that stands */
	assert_int_equal(rewrite_position(rewrite, 30), strstr(text, "RESET") - text + 1 - 1);
	assert_int_equal(rewrite_position(rewrite, 9999), (int)strlen(text) + 1 - bytes_more);
	assert_int_equal(rewrite_position(rewrite, 0), 0);
	rewrite_release(rewrite);
	settings_clear(&defaults);
	(void)state;
}

static void
a_report_is_told_with_the_clients_place(void **state)
{
	struct settings defaults = login();
	struct rewrite *rewrite = rewrite_with(&defaults, "RESET work_mem; SELECT x", false);
	struct buf from = { 0 }, to = { 0 }, expected = { 0 };
	struct wire_error error = { .severity = "ERROR", .sqlstate = "42601", .message = "no" };

	error.position = (int)(strstr(rewrite->text, "x") - rewrite->text) + 1;
	build_error(&from, &error);
	error.position = (int)strlen("RESET work_mem; SELECT x");
	build_error(&expected, &error);
	rewrite_put_report(rewrite, &to, 'E', buf_bytes(&from) + FRAME_HEADER,
	    buf_length(&from) - FRAME_HEADER);
	assert_int_equal(buf_length(&to), buf_length(&expected));
	assert_memory_equal(buf_bytes(&to), buf_bytes(&expected), buf_length(&to));
	buf_free(&from);
	buf_free(&to);
	buf_free(&expected);
	rewrite_release(rewrite);
	settings_clear(&defaults);
	(void)state;
}

/* What the names of a text become, for a client that has `known` already. */
static struct rewrite *
rewrite_names(const char *text, bool alone)
{
	static struct settings no_defaults;
	struct judged judged = { .references = 1000 };
	struct statement_under under = { &no_defaults, 0 };
	struct statement *known = statement_of_prepare(&judged, 0, " AS SELECT 0", 12, 0, &under);
	struct prepared *prepared = NULL;
	struct rewrite_for whose = { .defaults = &no_defaults,
		.settings = &no_defaults,
		.prepared = &prepared,
		.judged = &judged,
		.alone = alone };
	struct sql_facts *facts;
	struct rewrite *rewrite;
	struct error err;
	int position;

	prepared_add(&prepared, "known", known);
	if (sql_facts(text, strlen(text), CAP, &facts, &err, &position) != SQL_KNOWN)
		fail_msg("%s: %s", text, err.text);
	assert_true(rewrite_may(facts));
	rewrite = rewrite_new(&whose, facts, text, strlen(text));
	/* The judged text is on this stack: what refers to it goes on without. */
	for (size_t i = 0; rewrite != NULL && i < rewrite->name_count; i++)
		if (rewrite->names[i].statement != NULL)
			rewrite->names[i].statement->judged = NULL;
	known->judged = NULL;
	statement_release(known);
	prepared_clear(&prepared);
	sql_facts_free(facts);
	return rewrite;
}

static void
a_prepared_statement_goes_by_the_name_that_servers_know(void **state)
{
	struct rewrite *made = rewrite_names("PREPARE mine(int) AS SELECT $1", false);
	struct rewrite *again = rewrite_names("PREPARE \"My own\"(int) AS SELECT $1", false);
	const char *name = made->names[0].statement->server_name;
	char expected[100];

	assert_int_equal(made->name_count, 1);
	assert_int_equal(made->names[0].change, REWRITE_ADDS);
	assert_true(statement_name_is_ours(name));
	snprintf(expected, sizeof(expected), "PREPARE %s(int) AS SELECT $1", name);
	assert_string_equal(made->text, expected);
	assert_string_equal((const char *)made->names[0].statement->body, expected);
	/* whatever the client calls it */
	assert_string_equal(again->text, expected);
	assert_string_equal(again->names[0].name, "My own");
	rewrite_release(made);
	rewrite_release(again);
	(void)state;
}

static void
a_name_means_what_the_text_before_it_made_of_it(void **state)
{
	struct rewrite *rewrite = rewrite_names(
	    "EXECUTE known; DEALLOCATE known; PREPARE known AS SELECT 0; EXECUTE known; EXECUTE nobody", false);
	const struct rewrite_name *names = rewrite->names;

	assert_int_equal(rewrite->name_count, 4);
	assert_int_equal(names[0].change, REWRITE_USES);
	assert_int_equal(names[1].change, REWRITE_TAKES);
	assert_int_equal(names[2].change, REWRITE_ADDS);
	assert_ptr_equal(names[3].statement, names[2].statement);
	assert_ptr_not_equal(names[0].statement, names[2].statement);
	assert_null(rewrite->taken);
	assert_non_null(strstr(rewrite->text, "; UNLISTEN pgweir_nothing; PREPARE pgweir_"));
	assert_non_null(strstr(rewrite->text, "; EXECUTE nobody"));
	rewrite_release(rewrite);
	(void)state;
}

static void
a_name_that_is_taken_is_told_unless_all_were_taken_away(void **state)
{
	struct rewrite *rewrite = rewrite_names("PREPARE known AS SELECT 1", false);

	assert_string_equal(rewrite->taken, "known");
	rewrite_release(rewrite);
	rewrite = rewrite_names("DEALLOCATE ALL; PREPARE known AS SELECT 1", false);
	assert_null(rewrite->taken);
	rewrite_release(rewrite);
	assert_null(rewrite_names("DEALLOCATE ALL; EXECUTE known", false));
	assert_null(rewrite_names("DEALLOCATE known", true)); /* answered by us when it is executed */
	(void)state;
}

static void
errors_call_a_statement_by_its_clients_name(void **state)
{
	struct rewrite *rewrite = rewrite_names("EXECUTE known(1)", false);
	char *message = mem_printf("prepared statement \"%s\"!", rewrite->names[0].statement->server_name);
	struct wire_error error = { .severity = "ERROR", .sqlstate = "42601", .message = message };
	struct buf from = { 0 }, to = { 0 };
	struct wire_report report;

	build_error(&from, &error);
	rewrite_put_report(rewrite, &to, 'E', buf_bytes(&from) + FRAME_HEADER,
	    buf_length(&from) - FRAME_HEADER);
	report = report_read(buf_bytes(&to) + FRAME_HEADER, buf_length(&to) - FRAME_HEADER);
	assert_string_equal(report.message, "prepared statement \"known\"!");
	mem_free(message);
	buf_free(&from);
	buf_free(&to);
	rewrite_release(rewrite);
	(void)state;
}

static void
a_place_behind_the_end_is_in_the_prepare(void **state)
{
	struct rewrite *rewrite = rewrite_names("EXECUTE known(1)", false);
	int end = (int)strlen(rewrite->text) + 1;

	assert_int_equal(rewrite_position(rewrite, end), strlen("EXECUTE known(1)") + 1);
	assert_int_equal(rewrite_position(rewrite, end + 1),
	    end + 1 - (int)strlen(rewrite->names[0].statement->server_name) + (int)strlen("known"));
	rewrite_release(rewrite);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reset_is_the_set_of_the_clients_default),
		cmocka_unit_test(what_the_client_did_not_give_at_login_is_left_alone),
		cmocka_unit_test(a_list_of_names_is_not_given_to_set_config),
		cmocka_unit_test(behind_reset_all_stand_the_defaults_unless_it_is_alone),
		cmocka_unit_test(a_bare_question_for_the_pid_is_answered_with_the_clients),
		cmocka_unit_test(a_signal_to_a_client_is_not_the_servers_to_send),
		cmocka_unit_test(places_are_those_of_the_clients_text_in_characters),
		cmocka_unit_test(a_report_is_told_with_the_clients_place),
		cmocka_unit_test(a_prepared_statement_goes_by_the_name_that_servers_know),
		cmocka_unit_test(a_name_means_what_the_text_before_it_made_of_it),
		cmocka_unit_test(a_name_that_is_taken_is_told_unless_all_were_taken_away),
		cmocka_unit_test(errors_call_a_statement_by_its_clients_name),
		cmocka_unit_test(a_place_behind_the_end_is_in_the_prepare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
