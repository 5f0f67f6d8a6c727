/* test_listen_ops.c - behaviour of session/listen_ops, fed with what the parser tells of real texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "listen_ops.h"

/* Texts here are short, so that the test's own stack is enough for the parser. */
enum { CAP = 2048 };

static void
heed(void *arg, const char *channel, bool listen)
{
	struct buf *told = arg;

	buf_printf(told, "%s%s ", listen ? "+" : "-", channel == NULL ? "*" : channel);
}

/* The statements of this text were executed in a transaction that then commits: what is heeded. */
static void
assert_commits(const char *text, const char *expected)
{
	struct listen_ops *ops = NULL;
	struct sql_facts *facts;
	struct buf told = { 0 };
	struct error err;
	int position;

	if (sql_facts(text, strlen(text), CAP, &facts, &err, &position) != SQL_KNOWN)
		fail_msg("%s: %s", text, err.text);
	for (size_t i = 0; i < facts->statement_count; i++)
		listen_ops_note(&ops, &facts->statements[i]);
	listen_ops_commit(&ops, heed, &told);
	buf_put_u8(&told, 0);
	if (strcmp((const char *)buf_bytes(&told), expected) != 0)
		fail_msg("%s: \"%s\" where \"%s\" was expected", text,
		    (const char *)buf_bytes(&told), expected);
	assert_null(ops);
	buf_free(&told);
	sql_facts_free(facts);
}

static void
test_what_was_done_is_heeded_in_order(void **state)
{
	(void)state;
	assert_commits("SELECT 1", "");
	assert_commits("LISTEN a; LISTEN B; UNLISTEN a; UNLISTEN *; LISTEN \"C d\"", "+a +b -a -* +C d ");
	assert_commits("LISTEN a; DISCARD ALL", "+a -* ");
	assert_commits("LISTEN a; DISCARD TEMP", "+a ");
}

static void
test_a_savepoint_takes_back_what_is_behind_it(void **state)
{
	(void)state;
	assert_commits("LISTEN a; SAVEPOINT s; LISTEN b; ROLLBACK TO s", "+a ");
	assert_commits("LISTEN a; SAVEPOINT s; LISTEN b; ROLLBACK TO s; LISTEN c; ROLLBACK TO s", "+a ");
	assert_commits("LISTEN a; SAVEPOINT s; UNLISTEN *; SAVEPOINT t; LISTEN b; ROLLBACK TO t", "+a -* ");
	assert_commits("SAVEPOINT s; LISTEN a; SAVEPOINT t; LISTEN b; ROLLBACK TO s", "");
	assert_commits("SAVEPOINT s; LISTEN a; SAVEPOINT s; LISTEN b; ROLLBACK TO s", "+a ");
}

static void
test_a_released_savepoint_merges(void **state)
{
	(void)state;
	assert_commits("SAVEPOINT s; LISTEN a; RELEASE s; LISTEN b", "+a +b ");
	assert_commits("SAVEPOINT s; LISTEN a; SAVEPOINT t; LISTEN b; RELEASE t; ROLLBACK TO s", "");
	assert_commits("SAVEPOINT s; SAVEPOINT s; LISTEN a; RELEASE s; LISTEN b; ROLLBACK TO s", "");
}

/* Savepoints are noted from the first change on: PostgreSQL knew it, so it was set before. */
static void
test_a_savepoint_that_was_set_before_takes_back_all(void **state)
{
	(void)state;
	assert_commits("LISTEN a; SAVEPOINT t; LISTEN b; ROLLBACK TO earlier", "");
	assert_commits("LISTEN a; SAVEPOINT t; LISTEN b; RELEASE earlier", "+a +b ");
	assert_commits("LISTEN a; SAVEPOINT t; RELEASE earlier; ROLLBACK TO one_before", "");
}

static void
test_a_rollback_drops_all(void **state)
{
	struct listen_ops *ops = NULL;
	const struct sql_statement listen = { .listened = "a" };

	(void)state;
	listen_ops_note(&ops, &listen);
	assert_non_null(ops);
	listen_ops_drop(&ops);
	assert_null(ops);
	listen_ops_drop(&ops);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_done_is_heeded_in_order),
		cmocka_unit_test(test_a_savepoint_takes_back_what_is_behind_it),
		cmocka_unit_test(test_a_released_savepoint_merges),
		cmocka_unit_test(test_a_savepoint_that_was_set_before_takes_back_all),
		cmocka_unit_test(test_a_rollback_drops_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
