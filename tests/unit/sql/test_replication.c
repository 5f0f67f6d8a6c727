/* test_replication.c - behaviour of sql/replication. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sql/replication.h"

static void
commands_are_told_by_their_first_word(void **state)
{
	static const struct {
		const char *text, *command;
	} rows[] = { { "IDENTIFY_SYSTEM", "IDENTIFY_SYSTEM" }, { " \n\tSHOW work_mem", "SHOW" },
		{ "SHOW;", "SHOW" }, { "SHOW\"x\"", "SHOW" },
		{ "START_REPLICATION SLOT a LOGICAL 0/0", "START_REPLICATION" },
		{ "BASE_BACKUP(LABEL 'x')", "BASE_BACKUP" }, { "start_replication 0/0", "START_REPLICATION" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(sql_replication_command(rows[i].text), rows[i].command);
	(void)state;
}

static void
all_else_is_sql(void **state)
{
	/* PostgreSQL runs the second statement of the fourth one. */
	static const char *const texts[] = { "", " ", ";", "show work_mem; DROP TABLE a", "Show a",
		"SHOWN", "SHOW_", "SHOW$", "SHOW1", "SHOW\xc3\xa4", "-- x\nIDENTIFY_SYSTEM",
		"/**/ SHOW a", "\"SHOW\" a", "(SHOW a)", "IDENTIFY_SYSTEM_", "1SHOW", "SELECT 1" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_null(sql_replication_command(texts[i]));
	(void)state;
}

static void
its_facts_are_of_one_class_and_show_no_literal(void **state)
{
	static const char text[] = "START_REPLICATION SLOT \"s\" LOGICAL 0/1 (publication_names '\"secret\"')";
	struct sql_facts *facts = sql_facts_of_replication("START_REPLICATION", text, strlen(text));

	assert_int_equal(facts->statement_count, 1);
	assert_int_equal(facts->classes, SQL_REPLICATION);
	assert_int_equal(facts->statements[0].classes, SQL_REPLICATION);
	assert_string_equal(facts->statements[0].verb, "START_REPLICATION");
	assert_string_equal(facts->statements[0].verbs[0], "START_REPLICATION");
	assert_null(facts->statements[0].verbs[1]);
	assert_string_equal(
	    facts->normalized, "START_REPLICATION SLOT \"s\" LOGICAL 0/1 (publication_names '***')");
	assert_string_equal(facts->fingerprint, "");
	sql_facts_free(facts);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_told_by_their_first_word),
		cmocka_unit_test(all_else_is_sql),
		cmocka_unit_test(its_facts_are_of_one_class_and_show_no_literal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
