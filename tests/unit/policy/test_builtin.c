/*
 * test_builtin.c - the built-in rules: each flags what it is for and not its
 * near twin, and tells why and the safe way for the statement at hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct who app = { .user = "u", .role = "r", .database = "d" };

static struct policies *
load_all(void)
{
	return load(HEADER "rules:\n  - {use: unsafe-ddl}\n  - {use: destructive-ddl}\n"
			   "  - {use: where-required}\n");
}

static void
each_rule_flags_what_it_is_for_and_not_its_near_twin(void **state)
{
	static const struct {
		const char *rule; /* NULL: nothing flags it */
		const char *sql;
	} cases[] = {
		{ "index-not-concurrent", "CREATE INDEX i ON t (a)" },
		{ "index-not-concurrent", "create unique index on only s.t using gin (a) where b" },
		{ "index-not-concurrent", "CREATE INDEX IF NOT EXISTS i ON t (a)" },
		{ "index-not-concurrent", "CREATE INDEX /* CONCURRENTLY */ i ON t (a)" },
		{ "index-not-concurrent", "CREATE INDEX \"concurrently\" ON t (a)" },
		{ NULL, "CREATE INDEX CONCURRENTLY i ON t (a)" },
		{ NULL, "CREATE UNIQUE INDEX CONCURRENTLY ON t (a)" },
		{ NULL, "CREATE TABLE t (a int PRIMARY KEY)" },
		{ NULL, "SELECT 'CREATE INDEX i ON t (a)'" },
		{ "drop-index-not-concurrent", "DROP INDEX i" },
		{ "drop-index-not-concurrent", "DROP INDEX IF EXISTS s.i, j CASCADE" },
		{ NULL, "DROP INDEX CONCURRENTLY i" },
		{ "drop-table", "DROP TABLE t" },
		{ "drop-table", "DROP TABLE IF EXISTS s.t, u CASCADE" },
		{ "drop-table", "DROP FOREIGN TABLE t" },
		{ "drop-table", "SELECT 1;;DROP/**/TABLE t" },
		{ NULL, "CREATE TABLE drop_table (a int)" },
		{ NULL, "SELECT 1 -- DROP TABLE t" },
		{ NULL, "ALTER TABLE t RENAME TO t_deleted" },
		{ "drop-column", "ALTER TABLE t DROP COLUMN c" },
		{ "drop-column", "ALTER TABLE t ADD COLUMN a int, DROP IF EXISTS \"C\" CASCADE" },
		{ "drop-column", "ALTER FOREIGN TABLE t DROP c" },
		{ NULL, "ALTER TABLE t DROP CONSTRAINT c" },
		{ NULL, "ALTER TABLE t ALTER COLUMN c DROP DEFAULT" },
		{ NULL, "ALTER TYPE t DROP ATTRIBUTE c" },
		{ "drop-schema", "DROP SCHEMA s" },
		{ "drop-schema", "DROP SCHEMA IF EXISTS s CASCADE" },
		{ NULL, "CREATE SCHEMA s" },
		{ "drop-database", "DROP DATABASE d" },
		{ "drop-database", "DROP DATABASE d WITH (FORCE)" },
		{ NULL, "CREATE DATABASE d" },
		{ "truncate", "TRUNCATE t" },
		{ "truncate", "TRUNCATE TABLE ONLY s.t, u RESTART IDENTITY CASCADE" },
		{ NULL, "SELECT truncate(1)" },
		{ "where-required", "DELETE FROM t" },
		{ "where-required", "UPDATE t SET a = 1" },
		{ "where-required", "DELETE FROM t WHERE true" },
		{ "where-required", "UPDATE t SET a = 1 WHERE 1 = 1" },
		{ "where-required", "DELETE FROM t USING u" },
		{ "where-required", "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d" },
		{ "where-required", "EXPLAIN ANALYZE DELETE FROM t" },
		{ "where-required", "PREPARE p AS DELETE FROM t" },
		{ "where-required", "DELETE FROM t /* WHERE id = 1 */" },
		{ NULL, "DELETE FROM t WHERE id = $1" },
		{ NULL, "DELETE FROM t WHERE CURRENT OF c" },
		{ NULL, "EXPLAIN DELETE FROM t" },
		{ NULL, "EXPLAIN (ANALYZE, ANALYZE false) DELETE FROM t" },
		{ NULL, "INSERT INTO t SELECT * FROM u" },
		{ NULL, "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1" },
		{ NULL, "SELECT * FROM t" },
	};
	struct policies *policies = load_all();

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *expected = cases[i].rule != NULL ? mem_printf("deny %s", cases[i].rule)
						       : mem_strdup("allow -");

		if (strcmp(outcome(policies, app, cases[i].sql), expected) != 0)
			fail_msg("%s: %s", cases[i].sql, outcome(policies, app, cases[i].sql));
		mem_free(expected);
	}
	policies_release(policies);
	(void)state;
}

static void
why_and_the_safe_way_are_told_for_the_statement_at_hand(void **state)
{
	static const struct {
		const char *sql, *detail, *hint;
	} cases[] = {
		{ "CREATE INDEX orders_customer_idx ON orders (customer_id);",
		    "CREATE INDEX without CONCURRENTLY blocks every write to \"orders\" until it "
		    "finishes. It takes a SHARE lock.",
		    "Run this instead, outside a transaction: CREATE INDEX CONCURRENTLY "
		    "orders_customer_idx ON orders (customer_id);" },
		{ "SELECT 1; CREATE UNIQUE INDEX ON sales.\"Order Lines\" (\"Id\")",
		    "CREATE INDEX without CONCURRENTLY blocks every write to \"sales.Order Lines\" "
		    "until it finishes. It takes a SHARE lock.",
		    "Run this instead, outside a transaction: CREATE UNIQUE INDEX CONCURRENTLY ON "
		    "sales.\"Order Lines\" (\"Id\");" },
		{ "drop index if exists s.\"I\"",
		    "DROP INDEX without CONCURRENTLY locks the table of \"s.I\" against reads and "
		    "writes (ACCESS EXCLUSIVE lock), and all that comes after waits in line behind it.",
		    "Run this instead, outside a transaction: drop index CONCURRENTLY if exists "
		    "s.\"I\";" },
		{ "DROP INDEX a, \"B\" CASCADE", NULL,
		    "Run this instead, one by one and outside a transaction: DROP INDEX CONCURRENTLY "
		    "a; DROP INDEX CONCURRENTLY \"B\"; (CASCADE does not go with it: drop what depends "
		    "on it first.)" },
		{ "DROP TABLE orders",
		    "DROP TABLE deletes \"orders\" and its data for good (ACCESS EXCLUSIVE lock); "
		    "whoever still uses it breaks.",
		    "Make sure that nobody uses it, rename it, and drop it some days later: ALTER "
		    "TABLE orders RENAME TO orders_deleted;" },
		{ "DROP TABLE sales.\"Or\"\"ders\", \"order\"",
		    "DROP TABLE deletes \"sales.Or\"ders\" and 1 more and its data for good (ACCESS "
		    "EXCLUSIVE lock); whoever still uses it breaks.",
		    "Make sure that nobody uses it, rename it, and drop it some days later: ALTER "
		    "TABLE sales.\"Or\"\"ders\" RENAME TO \"Or\"\"ders_deleted\"; ALTER TABLE "
		    "\"order\" RENAME TO order_deleted;" },
		{ "DROP TABLE "
		  "a23456789012345678901234567890123456789012345678901234567890123",
		    NULL,
		    "Make sure that nobody uses it, rename it, and drop it some days later: ALTER "
		    "TABLE a23456789012345678901234567890123456789012345678901234567890123 RENAME TO "
		    "a234567890123456789012345678901234567890123456789012345_deleted;" },
		{ "ALTER TABLE s.orders DROP COLUMN \"Remark\"",
		    "DROP COLUMN deletes the data of column \"Remark\" of \"s.orders\" for good "
		    "(ACCESS EXCLUSIVE lock); whoever still uses it breaks.",
		    "Make sure that nobody uses it, rename it, and drop it some days later: ALTER "
		    "TABLE s.orders RENAME COLUMN \"Remark\" TO \"Remark_deleted\";" },
		{ "TRUNCATE public.orders",
		    "TRUNCATE deletes every row of \"public.orders\" for good (ACCESS EXCLUSIVE lock); "
		    "row triggers do not fire.",
		    "Delete in batches, and repeat until no row is left: DELETE FROM public.orders "
		    "WHERE ctid = ANY (ARRAY(SELECT ctid FROM public.orders LIMIT 10000));" },
		{ "DELETE FROM users", "DELETE without a WHERE changes every row of \"users\".",
		    "Add a WHERE that picks the rows of \"users\". If every "
		    "row is meant, ask for an exception." },
		{ "UPDATE s.users SET a = 1 WHERE true",
		    "UPDATE with a WHERE that is always true changes every row of \"s.users\".",
		    "Add a WHERE that picks the rows of \"s.users\". If every "
		    "row is meant, ask for an exception." },
		{ "WITH a AS (UPDATE x SET i = 1 WHERE i = 2) DELETE FROM y",
		    "UPDATE or DELETE without a WHERE changes every row of \"y\".", NULL },
		{ "DROP SCHEMA s CASCADE",
		    "DROP SCHEMA … CASCADE deletes every table of the schema with its data, and "
		    "whatever depends on them elsewhere (ACCESS EXCLUSIVE locks).", NULL },
		{ "DROP DATABASE d",
		    "DROP DATABASE deletes every schema and table of the database for good.", NULL },
	};
	struct policies *policies = load_all();

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict verdict = judge(policies, app, cases[i].sql);

		if (cases[i].detail != NULL)
			assert_string_equal(verdict.detail, cases[i].detail);
		if (cases[i].hint != NULL)
			assert_string_equal(verdict.hint, cases[i].hint);
		assert_non_null(verdict.detail);
		assert_non_null(verdict.hint);
		verdict_free(&verdict);
	}
	policies_release(policies);
	(void)state;
}

static void
every_safe_way_passes_the_rule_that_asked_for_it(void **state)
{
	static const char *const safe[] = {
		"CREATE INDEX CONCURRENTLY orders_customer_idx ON orders (customer_id);",
		"DROP INDEX CONCURRENTLY a;",
		"ALTER TABLE sales.\"Or\"\"ders\" RENAME TO \"Or\"\"ders_deleted\";",
		"DELETE FROM t WHERE ctid = ANY (ARRAY(SELECT ctid FROM t LIMIT 10000));",
	};
	struct policies *policies = load_all();

	for (size_t i = 0; i < COUNT(safe); i++)
		assert_string_equal(outcome(policies, app, safe[i]), "allow -");
	policies_release(policies);
	(void)state;
}

static void
a_built_in_rule_can_be_kept_to_some_and_given_other_words(void **state)
{
	struct policies *policies =
	    load(HEADER "rules:\n  - {use: ban-drop-table, match: {user: bob}, message: No., "
			"action: warn}\n");
	struct verdict verdict = judge(policies, (struct who){ .user = "bob" }, "DROP TABLE t");

	assert_int_equal(verdict.action, POLICY_WARN);
	assert_string_equal(verdict.rule, "drop-table");
	assert_string_equal(verdict.detail, "No.");
	assert_non_null(strstr(verdict.hint, "t_deleted"));
	verdict_free(&verdict);
	assert_string_equal(outcome(policies, app, "DROP TABLE t"), "allow -");
	policies_release(policies);
	(void)state;
}

static void
explain_tells_every_rule_that_matched_and_the_limits(void **state)
{
	struct policies *policies =
	    load(HEADER "defaults: {limits: {statement_timeout: 5s}}\nrules:\n"
			"  - {use: drop-table}\n"
			"  - {id: ddl, match: {class: DDL}, action: log, limits: {transaction_timeout: "
			"1m}}\n");
	const struct subject subject = {
		.user = "u", .role = "r", .database = "d", .application = "", .client = ""
	};
	struct buf out = { 0 };
	char *text;

	assert_int_equal(
	    policies_explain(policies, &subject, "DROP TABLE s.t", TEN_US, &out), POLICY_DENY);
	text = buf_steal_text(&out);
	assert_non_null(strstr(text, "verdict: deny\nrule: drop-table (p.yaml:7)\npolicy: p@sha256:"));
	assert_non_null(strstr(text, "statement 1: DROP TABLE; classes DDL; relations s.t ddl\n"));
	assert_non_null(strstr(text, "rules that matched:\n"
				     "  statement 1: deny by \"drop-table\" (p.yaml:7, policy p, mode "
				     "enforce)\n"
				     "  statement 1: log by \"ddl\" (p.yaml:8, policy p, mode enforce)\n"));
	assert_non_null(strstr(text, "limits:\n"
				     "  statement_timeout: 5s by the defaults of policy p (p.yaml:5)\n"
				     "  message_timeout: none\n"
				     "  transaction_timeout: 1m by rule \"ddl\" (p.yaml:8)\n"
				     "  idle_in_transaction_timeout: none\n"));
	mem_free(text);
	assert_int_equal(
	    policies_explain(policies, &subject, "SELEC", TEN_US, &out), POLICY_DENY);
	text = buf_steal_text(&out);
	assert_non_null(strstr(text, "not analysed: syntax error"));
	mem_free(text);
	policies_release(policies);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_flags_what_it_is_for_and_not_its_near_twin),
		cmocka_unit_test(why_and_the_safe_way_are_told_for_the_statement_at_hand),
		cmocka_unit_test(every_safe_way_passes_the_rule_that_asked_for_it),
		cmocka_unit_test(a_built_in_rule_can_be_kept_to_some_and_given_other_words),
		cmocka_unit_test(explain_tells_every_rule_that_matched_and_the_limits),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
