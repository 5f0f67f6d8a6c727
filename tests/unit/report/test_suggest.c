/* test_suggest.c - suggestions hold what was observed and nothing more, whatever the log says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "policy/policy.h"
#include "report/suggest.h"

/* A record as pgweir writes it; `text` NULL: the log has none. The caller frees it. */
static char *
record(const char *user, const char *text, const char *sqlstate)
{
	json_t *line = json_pack("{si ss ss ss ss ss ss ss ss s[s] s[{ssss}]}", "seq", 1, "time",
	    "2026-11-22T10:00:00.000000Z", "event", "statement", "user.name", user, "db.role", "app_rw",
	    "db.namespace", "shop", "client.address", "10.1.2.3", "db.operation.name", "SELECT",
	    "db.response.status_code", sqlstate, "query.class", "READ", "relations", "name",
	    "secret.told", "access", "read");
	char *dump, *whole;

	assert_non_null(line);
	if (text != NULL)
		json_object_set_new(line, "db.query.text", json_string(text));
	dump = json_dumps(line, JSON_COMPACT);
	whole = mem_printf("%s\n", dump);
	free(dump);
	json_decref(line);
	return whole;
}

/* What is suggested from these records, which it frees. The caller frees the text. */
static char *
suggestion(void (*suggest)(struct observed *, struct buf *), char *const *records, size_t count)
{
	const struct suggest_options options = { 0 };
	struct observed *observed = observed_new(&options);
	char path[] = "/tmp/pgweir-suggest-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "wb");
	struct buf out = { 0 };
	struct error err;

	for (size_t i = 0; i < count; i++) {
		fputs(records[i], file);
		mem_free(records[i]);
	}
	fclose(file);
	assert_true(observed_read(observed, path, &err));
	unlink(path);
	suggest(observed, &out);
	observed_free(observed);
	return buf_steal_text(&out);
}

/* The action of the suggested policy, as if it were enforced. */
static enum policy_action
judge(const char *policy, const char *user, const char *client, const char *text)
{
	const struct subject subject = { user, "app_rw", "shop", "", client, NULL };
	struct problems problems = { 0 };
	struct policies *policies = policies_from_text("suggested", policy, &problems);
	struct sql_facts *facts = NULL;
	struct verdict verdict;
	enum policy_action action;
	struct error err;
	int position;

	for (size_t i = 0; i < problems.count; i++)
		print_message("%s\n", problem_text(&problems.items[i]));
	assert_non_null(policies);
	assert_int_equal(
	    sql_facts(text, strlen(text), SQL_TEXT_MOST, &facts, &err, &position), SQL_KNOWN);
	policies_judge(policies, &subject, text, strlen(text), SQL_KNOWN, facts, NULL, 1, &verdict);
	action = verdict.would_deny ? POLICY_DENY : verdict.action;
	verdict_free(&verdict);
	sql_facts_free(facts);
	policies_release(policies);
	problems_free(&problems);
	return action;
}

static void
what_was_observed_passes_and_nothing_that_joins_two_of_it(void **state)
{
	char *records[] = { record("app", "SELECT id FROM s.a WHERE id = $1", "00000"),
		record("app", "DELETE FROM s.b WHERE id = $1", "00000"),
		record("app", "SELECT lower(name) FROM s.c", "00000") };
	char *policy = suggestion(suggest_policy, records, 3);

	assert_int_equal(judge(policy, "app", "10.1.2.99", "SELECT id FROM s.a WHERE id = 7"),
	    POLICY_ALLOW);
	assert_int_equal(judge(policy, "app", "10.1.2.3", "DELETE FROM s.b WHERE id = 1"),
	    POLICY_ALLOW);
	assert_int_equal(judge(policy, "app", "10.1.2.3", "DELETE FROM s.a WHERE id = 1"),
	    POLICY_DENY);
	assert_int_equal(judge(policy, "app", "10.1.2.3", "SELECT id FROM s.b"), POLICY_DENY);
	assert_int_equal(judge(policy, "app", "10.1.2.3", "SELECT lower(id) FROM s.a"), POLICY_DENY);
	assert_int_equal(judge(policy, "app", "10.1.2.3", "SELECT pwd FROM s.a"), POLICY_DENY);
	assert_int_equal(judge(policy, "app", "10.1.3.3", "SELECT id FROM s.a"), POLICY_DENY);
	assert_int_equal(judge(policy, "eve", "10.1.2.3", "SELECT id FROM s.a"), POLICY_DENY);
	mem_free(policy);
	(void)state;
}

static void
an_empty_log_allows_nothing(void **state)
{
	char *policy = suggestion(suggest_policy, NULL, 0);

	assert_int_equal(judge(policy, "app", "10.1.2.3", "SELECT 1"), POLICY_DENY);
	mem_free(policy);
	(void)state;
}

static void
a_user_whose_name_is_a_pattern_gets_no_rule(void **state)
{
	char *records[] = { record("*", "SELECT id FROM s.a", "00000") };
	char *policy = suggestion(suggest_policy, records, 1);

	assert_int_equal(judge(policy, "app", "10.1.2.3", "SELECT id FROM s.a"), POLICY_DENY);
	mem_free(policy);
	(void)state;
}

static void
what_postgresql_refused_is_not_suggested(void **state)
{
	char *records[] = { record("app", "SELECT pay FROM s.salaries", "42501"),
		record("app", "SELECT id FROM s.missing", "42P01") };
	char *again[] = { record("app", "SELECT pay FROM s.salaries", "42501"),
		record("app", "SELECT id FROM s.missing", "42P01") };
	char *policy = suggestion(suggest_policy, records, 2);
	char *grants = suggestion(suggest_grants, again, 2);

	assert_null(strstr(policy, "salaries"));
	assert_null(strstr(grants, "salaries"));
	assert_null(strstr(grants, "missing"));
	assert_non_null(strstr(grants, "1 more were refused by PostgreSQL"));
	mem_free(policy);
	mem_free(grants);
	(void)state;
}

static void
a_name_cannot_break_out_of_its_quotes_or_its_comment(void **state)
{
	static const char hostile[] =
	    "SELECT \"a\"\"; DROP TABLE x\", f(1) FROM \"s\"\"\nDROP TABLE y; --\".\"t\nDROP TABLE z\"";
	char *records[] = { record("a\nDROP TABLE q; \"b\"", hostile, "00000"),
		record("app", "SELECT \"f\nDROP TABLE w\"(1)", "00000") };
	char *again[] = { record("a\nDROP TABLE q; \"b\"", hostile, "00000"),
		record("app", "SELECT \"f\nDROP TABLE w\"(1)", "00000") };
	char *policy = suggestion(suggest_policy, records, 2);
	char *grants = suggestion(suggest_grants, again, 2);
	struct sql_facts *facts = NULL;
	struct error err;
	int position;

	assert_int_equal(judge(policy, "a\nDROP TABLE q; \"b\"", "10.1.2.3", hostile), POLICY_ALLOW);
	assert_int_equal(
	    sql_facts(grants, strlen(grants), SQL_TEXT_MOST, &facts, &err, &position), SQL_KNOWN);
	for (size_t i = 0; i < facts->statement_count; i++)
		assert_string_equal(facts->statements[i].verb, "GRANT");
	sql_facts_free(facts);
	mem_free(policy);
	mem_free(grants);
	(void)state;
}

static void
without_texts_the_records_relations_count(void **state)
{
	char *records[] = { record("app", NULL, "00000") };
	char *again[] = { record("app", NULL, "00000") };
	char *policy = suggestion(suggest_policy, records, 1);
	char *grants = suggestion(suggest_grants, again, 1);

	assert_int_equal(judge(policy, "app", "10.1.2.3", "SELECT a FROM secret.told"), POLICY_ALLOW);
	assert_int_equal(judge(policy, "app", "10.1.2.3", "SELECT a FROM secret.other"), POLICY_DENY);
	assert_non_null(strstr(policy, "not seen: functions, columns and settings"));
	assert_non_null(strstr(grants, "GRANT SELECT ON \"secret\".\"told\" TO \"app_rw\""));
	mem_free(policy);
	mem_free(grants);
	(void)state;
}

static void
what_every_policy_refuses_is_told_and_not_allowed(void **state)
{
	char *records[] = { record("app", "SET ROLE postgres", "00000") };
	char *policy = suggestion(suggest_policy, records, 1);

	assert_non_null(strstr(policy, "refused by a rule that is always in force: role-switch"));
	assert_int_equal(judge(policy, "app", "10.1.2.3", "SET ROLE postgres"), POLICY_DENY);
	mem_free(policy);
	(void)state;
}

static void
columns_are_granted_only_where_no_alias_can_be_one(void **state)
{
	char *records[] = { record("app", "SELECT a FROM s.t WHERE b = $1", "00000"),
		record("app", "SELECT count(x) AS n FROM s.u ORDER BY n", "00000"),
		record("app", "SELECT a FROM s.v", "00000"), record("app", "SELECT * FROM s.v", "00000"),
		record("app", "UPDATE s.w SET a = $1 WHERE b = $2", "00000"),
		record("app", "DELETE FROM s.d WHERE c = $1", "00000"),
		record("app", "SELECT count(*) FROM s.t", "00000") };
	char *grants = suggestion(suggest_grants, records, 7);

	assert_non_null(strstr(grants, "GRANT SELECT (\"a\", \"b\") ON \"s\".\"t\" TO"));
	assert_non_null(strstr(grants, "GRANT SELECT ON \"s\".\"u\" TO"));
	assert_non_null(strstr(grants, "GRANT SELECT ON \"s\".\"v\" TO"));
	assert_non_null(strstr(grants, "GRANT UPDATE (\"a\", \"b\") ON \"s\".\"w\" TO"));
	assert_non_null(strstr(grants, "GRANT DELETE ON \"s\".\"d\" TO"));
	assert_non_null(strstr(grants, "GRANT SELECT (\"c\") ON \"s\".\"d\" TO"));
	assert_non_null(strstr(grants, "GRANT USAGE ON SCHEMA \"s\" TO \"app_rw\""));
	mem_free(grants);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_observed_passes_and_nothing_that_joins_two_of_it),
		cmocka_unit_test(an_empty_log_allows_nothing),
		cmocka_unit_test(a_user_whose_name_is_a_pattern_gets_no_rule),
		cmocka_unit_test(what_postgresql_refused_is_not_suggested),
		cmocka_unit_test(a_name_cannot_break_out_of_its_quotes_or_its_comment),
		cmocka_unit_test(without_texts_the_records_relations_count),
		cmocka_unit_test(what_every_policy_refuses_is_told_and_not_allowed),
		cmocka_unit_test(columns_are_granted_only_where_no_alias_can_be_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
