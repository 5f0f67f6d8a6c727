/* test_limits.c - limits merge to the strictest; who is named overrides the defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char policy[] = HEADER
    "defaults:\n"
    "  limits: {statement_timeout: 5s, transaction_timeout: 30s}\n"
    "rules:\n"
    "  - {id: migrator, match: {role: migrator, class: DDL}, action: allow, limits: "
    "{statement_timeout: 30m}}\n"
    "  - {id: ddl, match: {class: DDL}, action: allow, limits: {statement_timeout: 10m}}\n"
    "  - {id: bob, match: {user: bob}, action: allow, limits: {statement_timeout: 2s, "
    "transaction_timeout: 0}}\n"
    "  - {id: bob-reads, match: {user: bob, class: READ}, action: allow, limits: "
    "{statement_timeout: 1s}}\n"
    "  - {id: kay, match: {user: kay}, action: allow, limits: {statement_timeout: 0}}\n"
    "  - {id: trial, mode: warn, match: {user: \"*\"}, action: allow, limits: "
    "{statement_timeout: 1ms}}\n";

static void
the_strictest_counts_and_who_is_named_overrides_the_defaults(void **state)
{
	static const struct {
		struct who who;
		const char *sql;
		int64_t statement_ms;
		const char *rule; /* NULL: the defaults */
	} cases[] = {
		{ { .role = "app" }, "SELECT 1", 5000, NULL },
		/* ddl names nobody: the stricter default stays. */
		{ { .role = "app" }, "CREATE TABLE t ()", 5000, NULL },
		/* migrator overrides the default, and then ddl is the stricter. */
		{ { .role = "migrator" }, "CREATE TABLE t ()", 600000, "ddl" },
		{ { .role = "migrator" }, "SELECT 1", 5000, NULL },
		/* The long limit is for the DDL, not for what rides in the same message. */
		{ { .role = "migrator" }, "CREATE TABLE t (); SELECT 1", 5000, NULL },
		{ { .user = "bob" }, "BEGIN", 2000, "bob" },
		{ { .user = "bob" }, "SELECT 1", 1000, "bob-reads" },
		{ { .user = "bob" }, "", 2000, "bob" },
		{ { .user = "kay" }, "SELECT 1", 0, NULL },
	};
	struct policies *policies = load(policy);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict verdict = judge(policies, cases[i].who, cases[i].sql);
		const struct policy_limit *limit = &verdict.limits.statement_timeout;

		assert_int_equal(limit->value, cases[i].statement_ms);
		if (cases[i].rule != NULL)
			assert_string_equal(limit->rule, cases[i].rule);
		else
			assert_null(limit->rule);
		verdict_free(&verdict);
	}
	policies_release(policies);
	(void)state;
}

static void
a_limit_says_where_it_comes_from(void **state)
{
	struct policies *policies = load(policy);
	struct verdict verdict = judge(policies, (struct who){ .user = "bob" }, "BEGIN");

	assert_string_equal(verdict.limits.statement_timeout.policy, "p");
	assert_string_equal(verdict.limits.statement_timeout.file, "p.yaml");
	assert_int_equal(verdict.limits.statement_timeout.line, 10);
	verdict_free(&verdict);
	verdict = judge(policies, (struct who){ .user = "eve" }, "BEGIN");
	assert_null(verdict.limits.statement_timeout.rule);
	assert_string_equal(verdict.limits.statement_timeout.policy, "p");
	assert_int_equal(verdict.limits.statement_timeout.line, 6);
	verdict_free(&verdict);
	policies_release(policies);
	(void)state;
}

static void
before_any_statement_only_rules_about_the_subject_count(void **state)
{
	struct policies *policies = load(policy);
	struct subject subject = {
		.user = "bob", .role = "migrator", .database = "", .application = "", .client = ""
	};
	struct policy_limits limits;

	policies_limits(policies, &subject, TEN_US, &limits);
	assert_int_equal(limits.statement_timeout.value, 2000);
	assert_int_equal(limits.transaction_timeout.value, 0); /* bob has none */
	subject.user = "eve";
	policies_limits(policies, &subject, TEN_US, &limits);
	assert_int_equal(limits.statement_timeout.value, 5000);
	assert_int_equal(limits.transaction_timeout.value, 30000);
	assert_int_equal(limits.idle_in_transaction_timeout.value, 0);
	policies_release(policies);
	(void)state;
}

static void
between_policies_the_strictest_counts_and_warn_limits_nothing(void **state)
{
	struct problems problems = { 0 };
	struct policies *policies;
	struct verdict verdict;

	write_file("p.yaml", policy);
	write_file("q.yaml", "apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {name: q}\n"
			     "defaults: {limits: {statement_timeout: 3s}}\n");
	policies = policies_load("[pq].yaml", &problems);
	verdict = judge(policies, (struct who){ .user = "kay" }, "SELECT 1");
	assert_int_equal(verdict.limits.statement_timeout.value, 3000);
	assert_string_equal(verdict.limits.statement_timeout.policy, "q");
	verdict_free(&verdict);
	policies_release(policies);

	policies = load("apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {name: q}\n"
			"mode: warn\ndefaults: {limits: {statement_timeout: 3s}}\n");
	verdict = judge(policies, (struct who){ .user = "kay" }, "SELECT 1");
	assert_int_equal(verdict.limits.statement_timeout.value, 0);
	verdict_free(&verdict);
	policies_release(policies);
	problems_free(&problems);
	(void)state;
}

/* What is left of the limits of one statement when `limits` stand in the defaults, in words. */
static const char *
told(const char *limits, enum policy_limit_kind kind)
{
	static char text[TEXT_UNIT_SIZE];
	char yaml[400];
	struct policies *policies;
	struct verdict verdict;

	snprintf(yaml, sizeof(yaml), HEADER "defaults: {limits: {%s}}\n", limits);
	policies = load(yaml);
	verdict = judge(policies, (struct who){ .user = "eve" }, "SELECT 1");
	assert_int_equal(verdict.limited,
	    policy_limit_of(&verdict.limits, kind)->value != 0 ? POLICY_LIMIT_BIT(kind) : 0);
	policy_limit_text(kind, policy_limit_of(&verdict.limits, kind)->value, text);
	verdict_free(&verdict);
	policies_release(policies);
	return text;
}

static void
each_limit_is_told_as_it_is_written(void **state)
{
	assert_string_equal(told("lock_timeout: 500ms", POLICY_LOCK_TIMEOUT), "500ms");
	assert_string_equal(told("message_timeout: 2m", POLICY_MESSAGE_TIMEOUT), "2m");
	assert_string_equal(told("max_rows: 50000", POLICY_MAX_ROWS), "50000");
	assert_string_equal(told("max_bytes: 64MiB", POLICY_MAX_BYTES), "64MiB");
	assert_string_equal(told("max_affected_rows: 1", POLICY_MAX_AFFECTED_ROWS), "1");
	assert_string_equal(told("max_concurrency: 40", POLICY_MAX_CONCURRENCY), "40");
	assert_string_equal(told("rate: 500/s", POLICY_RATE), "500/s");
	assert_string_equal(told("rate: 90/m", POLICY_RATE), "90/m");
	assert_string_equal(told("rate: 120/m", POLICY_RATE), "2/s");
	assert_string_equal(told("rate: 7/h", POLICY_RATE), "7/h");
	assert_string_equal(told("rate: 0", POLICY_RATE), "0/s");
	(void)state;
}

static void
values_that_are_no_limit_are_refused_where_they_stand(void **state)
{
	static const struct {
		const char *limit, *problem;
	} cases[] = {
		{ "max_rows: -1", "max_rows: \"-1\" is not a count" },
		{ "max_rows: 5s", "max_rows: \"5s\" is not a count" },
		{ "max_rows: 99999999999999999999", "is not a count" },
		{ "max_rows: 1000000000001", "is more than 1000000000000" },
		{ "max_bytes: many", "max_bytes: \"many\" is not a size" },
		{ "lock_timeout: 5", "lock_timeout: \"5\" is not a duration" },
		{ "rate: 500", "rate: \"500\" is not a rate: write it as 500/s" },
		{ "rate: 500/d", "is not a rate" },
		{ "rate: /s", "is not a rate" },
		{ "rate: 0/s", "is not a rate" },
		{ "rate: 500/s/s", "is not a rate" },
		{ "rate: 9999999999999999/s", "is not a rate" },
		{ "rate: 1000001/s", "is more than 1000000/s" },
		{ "max_row: 5", "max_rows" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char yaml[300];
		char *faults;

		snprintf(yaml, sizeof(yaml), HEADER "defaults: {limits: {%s}}\n", cases[i].limit);
		faults = faults_of(yaml);
		assert_non_null(strstr(faults, cases[i].problem));
		assert_int_equal(strncmp(faults, "5:", 2), 0);
		mem_free(faults);
	}
	(void)state;
}

static const char tried_policy[] = HEADER
    "defaults:\n"
    "  limits: {max_rows: 100, statement_timeout: 5s}\n"
    "rules:\n"
    "  - {id: fewer, mode: warn, match: {role: app}, action: allow, limits: {max_rows: 10}}\n"
    "  - {id: fewest, mode: warn, match: {class: READ}, action: allow, limits: {max_rows: 5}}\n"
    "  - {id: gone, mode: \"off\", match: {class: READ}, action: allow, limits: {max_rows: 1}}\n"
    "  - {id: held, match: {class: WRITE}, action: allow, limits: {max_rows: 50}}\n";

static void
limits_in_mode_warn_are_merged_by_themselves_and_hold_nothing_back(void **state)
{
	struct policies *policies = load(tried_policy);
	struct verdict verdict = judge(policies, (struct who){ .role = "app" }, "SELECT 1");

	assert_int_equal(verdict.limits.max_rows.value, 100);
	assert_non_null(verdict.tried);
	assert_int_equal(verdict.tried->max_rows.value, 5);
	assert_string_equal(verdict.tried->max_rows.rule, "fewest");
	assert_memory_equal(verdict.tried->max_rows.ident, "p@sha256:", 9);
	/* The defaults are enforced, so they are not among those that are only told of. */
	assert_int_equal(verdict.tried->statement_timeout.value, 0);
	assert_true((verdict.limited & POLICY_LIMITS_TRIED) != 0);
	verdict_free(&verdict);
	verdict = judge(policies, (struct who){ .role = "other" }, "DELETE FROM t");
	assert_int_equal(verdict.limits.max_rows.value, 50);
	assert_null(verdict.tried);
	assert_true((verdict.limited & POLICY_LIMITS_TRIED) == 0);
	verdict_free(&verdict);
	assert_true(policies_try_limits(policies));
	policies_release(policies);
	(void)state;
}

static void
all_limits_of_a_file_in_mode_warn_are_only_told_of(void **state)
{
	char text[sizeof(tried_policy)];
	char *mode;
	struct policies *policies;
	struct policy_limits limits;
	const struct subject app = { .user = "", .role = "app", .database = "", .application = "",
		.client = "" };

	memcpy(text, tried_policy, sizeof(text));
	mode = strstr(text, "enforce");
	memcpy(mode, "warn   ", 7);
	policies = load(text);
	policies_limits(policies, &app, TEN_US, &limits);
	assert_int_equal(limits.statement_timeout.value, 0);
	policies_tried_limits(policies, &app, TEN_US, &limits);
	assert_int_equal(limits.statement_timeout.value, 5000);
	assert_null(limits.statement_timeout.rule);
	assert_int_equal(limits.max_rows.value, 10);
	policies_release(policies);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_in_mode_warn_are_merged_by_themselves_and_hold_nothing_back),
		cmocka_unit_test(all_limits_of_a_file_in_mode_warn_are_only_told_of),
		cmocka_unit_test(the_strictest_counts_and_who_is_named_overrides_the_defaults),
		cmocka_unit_test(a_limit_says_where_it_comes_from),
		cmocka_unit_test(before_any_statement_only_rules_about_the_subject_count),
		cmocka_unit_test(each_limit_is_told_as_it_is_written),
		cmocka_unit_test(values_that_are_no_limit_are_refused_where_they_stand),
		cmocka_unit_test(between_policies_the_strictest_counts_and_warn_limits_nothing),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
