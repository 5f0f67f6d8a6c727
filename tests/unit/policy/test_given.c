/*
 * test_given.c - built-in rules that are given something by their policy: what each flags,
 * the near twin that it must not, and what is said of things that cannot be given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/policy/policy_internal.h"
#include "base/mem.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct who app = { .user = "u", .role = "r", .database = "d" };

/* What some rules are given. */
#define COUNTED "limits: {max_rows: 5}, match: {user: u}"
#define LISTED "extensions: [pg_trgm, \"postgis*\"]"
#define SNAKE                                                                               \
	"tables: \"[a-z][a-z0-9_]*\", columns: [\"[a-z][a-z0-9_]*\"], indexes: \".*_idx\", "    \
	"constraints: \".*_(check|key|fkey|pkey)\""
#define REQUIRED "columns: {id: [bigint, uuid], created_at: timestamptz}"
#define FORBIDDEN "forbidden: [money, serial]"

static const struct pair {
	const char *rule;
	const char *flagged, *twin;
	const char *given; /* more keys of the rule, or NULL */
} pairs[] = {
	{ "uncounted-write", "WITH d AS (DELETE FROM t WHERE a = 1 RETURNING a) SELECT a FROM d",
	    "DELETE FROM t WHERE a = 1", COUNTED },
	{ "uncounted-write", "EXPLAIN ANALYZE UPDATE t SET a = 1 WHERE a = 2",
	    "EXPLAIN UPDATE t SET a = 1 WHERE a = 2", COUNTED },
	{ "uncounted-write",
	    "WITH i AS (INSERT INTO t (a) VALUES (1) RETURNING a) UPDATE t SET a = 2 WHERE a = 1",
	    "WITH i AS (SELECT 1 AS a) UPDATE t SET a = 2 FROM i WHERE t.a = i.a", COUNTED },
	{ "insert-rows", "INSERT INTO t (a) VALUES (1), (2), (3)", "INSERT INTO t (a) VALUES (1), (2)",
	    "rows: 2" },
	{ "limit-required", "SELECT a FROM t LIMIT 51", "SELECT a FROM t LIMIT 50", "rows: 50" },
	{ "limit-required", "SELECT a FROM t LIMIT 5e9", "SELECT a FROM t LIMIT $1", "rows: 50" },
	{ "limit-required", "SELECT a FROM t LIMIT 99999999999999999999",
	    "SELECT a FROM t OFFSET 100 LIMIT 5", "rows: 50" },
	{ "limit-required", "SELECT a FROM t LIMIT 1 + 500", "SELECT max(a) FROM t", "rows: 50" },
	{ "limit-required", "SELECT a FROM t FETCH FIRST 51 ROWS ONLY",
	    "SELECT a FROM t WHERE b IN (SELECT c FROM u LIMIT 500) FETCH FIRST 5 ROWS ONLY", "rows: 50" },
	{ "limit-required", "SELECT 1; COPY (SELECT a FROM t LIMIT 51) TO STDOUT",
	    "SELECT 1; COPY (SELECT a FROM t LIMIT 5) TO STDOUT", "rows: 50" },
	{ "limit-required", "SELECT a FROM t LIMIT '51'", "SELECT 1 LIMIT 51", "rows: 50" },
	{ "extension", "CREATE EXTENSION hstore", "CREATE EXTENSION IF NOT EXISTS pg_trgm", LISTED },
	{ "extension", "ALTER EXTENSION hstore UPDATE", "ALTER EXTENSION pg_trgm UPDATE", LISTED },
	{ "extension", "CREATE EXTENSION postgis_topology CASCADE", "CREATE EXTENSION postgis_topology",
	    LISTED },
	{ "extension", "CREATE EXTENSION pg_trgm; CREATE EXTENSION dblink",
	    "CREATE EXTENSION pg_trgm; CREATE EXTENSION postgis", LISTED },
	{ "naming", "CREATE TABLE \"Orders\" (a int)", "CREATE TABLE Orders (a int)", SNAKE },
	{ "naming", "CREATE TABLE t (\"Id\" int)", "CREATE TABLE t (id int, b2 int)", SNAKE },
	{ "naming", "ALTER TABLE t ADD \"Id\" int", "ALTER TABLE \"T\" DROP COLUMN \"Id\"", SNAKE },
	{ "naming", "CREATE INDEX i ON t (a)", "CREATE INDEX t_a_idx ON t (a)", SNAKE },
	{ "naming", "CREATE INDEX x_idx_old ON t (a)", "CREATE INDEX ON t (a)", SNAKE },
	{ "naming", "CREATE TABLE t (a int CONSTRAINT positive CHECK (a > 0))",
	    "CREATE TABLE t (a int CONSTRAINT t_a_check CHECK (a > 0))", SNAKE },
	{ "naming", "ALTER TABLE t ADD CONSTRAINT one UNIQUE (a)", "ALTER TABLE t ADD UNIQUE (a)", SNAKE },
	{ "naming", "ALTER TABLE t RENAME CONSTRAINT t_key TO one", "ALTER TABLE t RENAME TO u_key", SNAKE },
	{ "naming", "ALTER TABLE t RENAME TO \"U\"", "ALTER TABLE \"T\" RENAME TO u", SNAKE },
	{ "naming", "ALTER TABLE t RENAME a TO \"B\"", "ALTER TABLE t RENAME \"A\" TO b", SNAKE },
	{ "naming", "CREATE TABLE IF NOT EXISTS s.\"T\" AS SELECT 1", "CREATE VIEW \"V\" AS SELECT 1", SNAKE },
	{ "naming", "CREATE VIEW orders AS SELECT 1", "CREATE VIEW v_orders AS SELECT 1",
	    "views: \"v_.*\", schemas: [app, \"app_.*\"], sequences: \".*_seq\", functions: \"[a-z]+\"" },
	{ "naming", "CREATE MATERIALIZED VIEW m AS SELECT 1", "CREATE TABLE m AS SELECT 1", "views: \"v_.*\"" },
	{ "naming", "CREATE SCHEMA other", "CREATE SCHEMA app_two", "schemas: [app, \"app_.*\"]" },
	{ "naming", "CREATE SEQUENCE numbers", "CREATE SEQUENCE a_seq", "sequences: \".*_seq\"" },
	{ "naming", "CREATE FUNCTION f1() RETURNS int LANGUAGE sql AS 'select 1'",
	    "ALTER FUNCTION f1() STABLE", "functions: \"[a-z]+\"" },
	{ "required-columns", "CREATE TABLE t (id bigint)",
	    "CREATE TABLE t (created_at timestamp with time zone, id bigint)", REQUIRED },
	{ "required-columns", "CREATE TABLE t (id int, created_at timestamptz)",
	    "CREATE TABLE t (id bigserial, created_at timestamptz)", REQUIRED },
	{ "required-columns", "CREATE TABLE t (id bigint, created_at timestamp)",
	    "CREATE TABLE t (id uuid, created_at pg_catalog.timestamptz)", REQUIRED },
	{ "required-columns", "CREATE TABLE t AS SELECT 1 AS id", "CREATE TEMP TABLE t (a int)", REQUIRED },
	{ "required-columns", "CREATE TABLE t (\"ID\" bigint, created_at timestamptz)",
	    "CREATE TABLE t (LIKE u)", REQUIRED },
	{ "required-columns",
	    "CREATE SCHEMA s CREATE TABLE t (a int) CREATE TABLE u (id bigint, created_at timestamptz)",
	    "CREATE TABLE t PARTITION OF p DEFAULT", REQUIRED },
	{ "required-comment", "CREATE TABLE t (a int)",
	    "CREATE TABLE t (a int); COMMENT ON TABLE t IS 'things'", NULL },
	{ "required-comment", "CREATE TABLE t (a int); COMMENT ON TABLE t IS NULL",
	    "CREATE TABLE s.t (a int); COMMENT ON TABLE s.t IS 'things'", NULL },
	{ "required-comment", "CREATE TABLE t (a int); COMMENT ON COLUMN t.a IS 'a'",
	    "CREATE TEMP TABLE t (a int)", NULL },
	{ "required-comment", "BEGIN; CREATE TABLE t (a int); COMMIT",
	    "BEGIN; CREATE TABLE t (a int); COMMENT ON TABLE t IS 'things'; COMMIT", NULL },
	{ "required-comment", "BEGIN; CREATE TABLE t (a int); PREPARE TRANSACTION 'p'",
	    "BEGIN; CREATE TABLE t (a int); DROP TABLE t; COMMIT", NULL },
	{ "required-comment", "CREATE TABLE t AS SELECT 1; COMMENT ON TABLE u IS 'u'",
	    "BEGIN; CREATE TABLE t (a int); ROLLBACK", NULL },
	{ "type-list", "CREATE TABLE t (a money)", "CREATE TABLE t (a numeric(10, 2))", FORBIDDEN },
	{ "type-list", "ALTER TABLE t ADD a serial", "ALTER TABLE t ADD a bigserial", FORBIDDEN },
	{ "type-list", "ALTER TABLE t ALTER a TYPE pg_catalog.money", "ALTER TABLE t ALTER a DROP DEFAULT",
	    FORBIDDEN },
	{ "type-list", "CREATE TABLE t (a money[])", "CREATE TABLE t (money int8)", FORBIDDEN },
	{ "type-list", "CREATE TABLE t (a character varying(20))", "CREATE TABLE t (a text, b integer)",
	    "allowed: [text, bigint, int, \"timestamp*\"]" },
	{ "type-list", "CREATE TABLE t (a inet)", "CREATE TABLE t (a timestamp(3) with time zone)",
	    "allowed: [text, bigint, int, \"timestamp*\"]" },
};

static struct policies *
load_rule(const char *rule, const char *given)
{
	char *text = mem_printf(HEADER "defaults: {limits: {max_affected_rows: 10}}\n"
				       "rules:\n  - {use: %s, action: deny%s%s}\n", rule,
	    given != NULL ? ", " : "", given != NULL ? given : "");
	struct policies *policies = load(text);

	mem_free(text);
	return policies;
}

static void
each_rule_flags_what_it_is_for_and_not_its_near_twin(void **state)
{
	for (size_t i = 0; i < COUNT(pairs); i++) {
		const struct pair *pair = &pairs[i];
		struct policies *policies = load_rule(pair->rule, pair->given);
		char *wanted = mem_printf("deny %s", pair->rule);

		if (strcmp(outcome(policies, app, pair->flagged), wanted) != 0)
			fail_msg("%s: %s", pair->flagged, outcome(policies, app, pair->flagged));
		if (strcmp(outcome(policies, app, pair->twin), wanted) == 0)
			fail_msg("%s: %s", pair->twin, wanted);
		mem_free(wanted);
		policies_release(policies);
	}
	(void)state;
}

static void
there_is_a_pair_for_every_rule_that_takes_something(void **state)
{
	for (size_t i = 0; i < builtin_count(); i++) {
		const struct builtin *builtin = builtin_at(i);
		bool found = !builtin->by_name && builtin->given == GIVEN_NOTHING;

		for (size_t j = 0; j < COUNT(pairs); j++)
			found |= strcmp(pairs[j].rule, builtin->id) == 0;
		if (!found)
			fail_msg("no pair for %s", builtin->id);
	}
	(void)state;
}

static void
a_write_that_is_not_counted_is_refused_only_under_a_limit_of_rows(void **state)
{
	static const char sql[] = "WITH d AS (DELETE FROM t WHERE a = 1 RETURNING a) SELECT a FROM d";
	static const struct {
		const char *policy, *wanted;
	} cases[] = {
		{ "rules:\n  - {use: dml-safety}\n", "warn limit-required" },
		{ "rules:\n  - {use: uncounted-write}\n", "allow -" },
		{ "rules:\n  - {use: uncounted-write, limits: {max_affected_rows: 5}}\n", "allow -" },
		{ "defaults: {limits: {max_affected_rows: 5}}\nrules:\n  - {use: uncounted-write}\n",
		    "deny uncounted-write" },
		{ "rules:\n  - {use: uncounted-write}\n"
		  "  - {id: few, match: {user: u}, action: log, limits: {max_affected_rows: 5}}\n",
		    "deny uncounted-write" },
		{ "rules:\n  - {use: uncounted-write}\n"
		  "  - {id: few, match: {user: x}, action: log, limits: {max_affected_rows: 5}}\n", "allow -" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = mem_printf(HEADER "%s", cases[i].policy);
		struct policies *policies = load(text);

		if (strcmp(outcome(policies, app, sql), cases[i].wanted) != 0)
			fail_msg("%s: %s", cases[i].policy, outcome(policies, app, sql));
		policies_release(policies);
		mem_free(text);
	}
	(void)state;
}

static void
what_is_wrong_with_what_a_rule_is_given_is_told_where_it_stands(void **state)
{
	static const struct {
		const char *rule, *told;
	} cases[] = {
		{ "{use: naming}", "6:5: rule \"naming\" would flag nothing: give patterns for names, such as "
				   "tables: \"[a-z][a-z0-9_]*\"\n" },
		{ "{use: naming, tables: \"[a-z\"}",
		    "6:27: tables: bad regex \"[a-z\": missing terminating ] for character class at character "
		    "5\n" },
		{ "{use: naming, tables: {a: b}}",
		    "6:27: tables must be a text or a list of texts, not a map\n" },
		{ "{use: naming, tables: []}", "6:27: tables is empty\n" },
		{ "{use: naming, tables: [[a]]}", "6:28: tables: expected a text, not a list\n" },
		{ "{use: naming, tabels: a}",
		    "6:19: unknown key in a rule \"tabels\" (did you mean \"tables\"?)\n"
		    "6:5: rule \"naming\" would flag nothing: give patterns for names, such as tables: "
		    "\"[a-z][a-z0-9_]*\"\n" },
		{ "{use: required-columns, columns: [id]}",
		    "6:38: columns must be a map of columns and their types, not a list\n" },
		{ "{use: required-columns, columns: {id: \"varchar(5)\"}}",
		    "6:43: columns: \"varchar(5)\": write the type without length and brackets\n" },
		{ "{use: type-list}",
		    "6:5: rule \"type-list\" would flag nothing: give allowed: or forbidden: with a list of "
		    "types\n" },
		{ "{use: type-list, rows: 5}",
		    "6:22: \"rows\" is nothing to rule \"type-list\": only to limit-required, insert-rows by its "
		    "own name\n" },
		{ "{use: insert-rows, rows: many}", "6:30: rows must be a whole number from 1 on\n" },
		{ "{use: insert-rows, rows: 0}", "6:30: rows must be a whole number from 1 on\n" },
		{ "{use: dml-safety, rows: 5}",
		    "6:23: \"rows\" is nothing to rule \"where-required\": only to limit-required, insert-rows by "
		    "its own name\n" },
		{ "{id: x, match: {user: a}, action: deny, extensions: a}",
		    "6:45: \"extensions\" is nothing to rule \"x\": only to extension by its own name\n" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = mem_printf(HEADER "rules:\n  - %s\n", cases[i].rule);
		char *told = faults_of(text);

		if (strcmp(told, cases[i].told) != 0)
			fail_msg("%s:\n%sinstead of\n%s", cases[i].rule, told, cases[i].told);
		mem_free(told);
		mem_free(text);
	}
	(void)state;
}

/* Judge each statement as `pgweirctl lint` does, with all the comments of the file. */
static void
a_comment_anywhere_in_a_file_is_enough(void **state)
{
	static const char *const files[][3] = {
		{ "CREATE TABLE s.t (a int)", "COMMENT ON TABLE t IS 'things'", "allow" },
		{ "CREATE TABLE t (a int)", "COMMENT ON TABLE u IS 'others'", "deny" },
	};
	const struct subject subject = { "u", "r", "d", "", "", NULL };

	for (size_t i = 0; i < COUNT(files); i++) {
		struct policies *policies = load_rule("required-comment", NULL);
		struct policy_comments *comments = policy_comments_new();
		const struct policy_script script = { .comments = comments, .is_file = true };
		struct sql_facts *facts[2];
		struct error err;
		struct verdict verdict;
		int position;

		for (size_t j = 0; j < 2; j++) {
			sql_facts(files[i][j], strlen(files[i][j]), 4096, &facts[j], &err, &position);
			policy_comments_note(comments, &facts[j]->statements[0]);
		}
		policies_judge_in(policies, &subject, files[i][0], strlen(files[i][0]), SQL_KNOWN, facts[0],
		    NULL, TEN_US, &script, &verdict);
		assert_string_equal(verdict.action == POLICY_DENY ? "deny" : "allow", files[i][2]);
		verdict_free(&verdict);
		sql_facts_free(facts[0]);
		sql_facts_free(facts[1]);
		policy_comments_free(comments);
		policies_release(policies);
	}
	(void)state;
}

static void
words_name_what_the_rule_is_given(void **state)
{
	static const struct {
		const char *rule, *given, *sql, *detail, *hint;
	} cases[] = {
		{ "naming", "tables: [\"[a-z_]+\", legacy]", "CREATE TABLE \"Orders\" (a int)",
		    "The name of table \"Orders\" does not fit [a-z_]+ or legacy.",
		    "Choose a name for the table that fits." },
		{ "required-columns", REQUIRED, "CREATE TABLE s.t (id int)",
		    "\"s.t\" must have a column \"id\" of type bigint, not int.",
		    "Write it among the columns, as id bigint." },
		{ "type-list", "allowed: [text, bigint]", "CREATE TABLE t (a money)",
		    "Type money of column \"a\" is not among those allowed by this policy.",
		    "Use one of these types: text, bigint." },
		{ "required-comment", NULL, "CREATE TABLE s.t (a int)",
		    "\"s.t\" is made without a comment that says what it is for.",
		    "Say it in the same message, transaction or file, with COMMENT ON TABLE s.t IS '…'." },
		{ "insert-rows", "rows: 1", "INSERT INTO t (a) VALUES (1), (2)",
		    "More than 1 rows in one INSERT into \"t\" make a long transaction.",
		    "Insert in batches, or load the rows: COPY t FROM STDIN;" },
		{ "limit-required", "rows: 50", "SELECT a FROM t LIMIT 51",
		    "The LIMIT is more than the 50 rows of this rule, or no plain number.",
		    "Read at most 50 rows at a time." },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policies *policies = load_rule(cases[i].rule, cases[i].given);
		struct verdict verdict = judge(policies, app, cases[i].sql);

		assert_string_equal(verdict.detail, cases[i].detail);
		assert_string_equal(verdict.hint, cases[i].hint);
		verdict_free(&verdict);
		policies_release(policies);
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_flags_what_it_is_for_and_not_its_near_twin),
		cmocka_unit_test(there_is_a_pair_for_every_rule_that_takes_something),
		cmocka_unit_test(a_write_that_is_not_counted_is_refused_only_under_a_limit_of_rows),
		cmocka_unit_test(what_is_wrong_with_what_a_rule_is_given_is_told_where_it_stands),
		cmocka_unit_test(a_comment_anywhere_in_a_file_is_enough),
		cmocka_unit_test(words_name_what_the_rule_is_given),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
