/* test_logged.c - what rules say of the logs: more for what fits, less only for what is carried whole. */
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
    "rules:\n"
    "  - {id: pii, match: {relations: {read: [public.customers]}}, action: log, audit: {statements: all}}\n"
    "  - {id: probe, match: {user: monitor, class: READ, relations: {read: [public.health]}}, action: allow, "
    "audit: {statements: none}}\n"
    "  - {id: batch, match: {role: batch}, action: allow, audit: {statements: write}}\n"
    "  - {id: batch-few, match: {role: batch, class: [TXN]}, action: allow, audit: {statements: none}}\n"
    "  - {id: trial, mode: warn, match: {user: eve}, action: allow, audit: {statements: none}}\n"
    "  - {id: no-drop, match: {verb: DROP TABLE}, action: deny}\n"
    "  - {id: star, match: {select_star: true}, action: warn}\n";

static void
a_rule_adds_where_it_fits_and_takes_away_where_it_carries_all(void **state)
{
	static const struct {
		struct who who;
		const char *sql;
		enum audit_statements under_all, under_none;
	} cases[] = {
		{ { .user = "app" }, "SELECT 1", AUDIT_ALL, AUDIT_NONE },
		{ { .user = "app" }, "SELECT id FROM public.customers", AUDIT_ALL, AUDIT_ALL },
		{ { .user = "monitor" }, "SELECT id FROM public.health", AUDIT_NONE, AUDIT_NONE },
		/* A bare name may lead elsewhere. */
		{ { .user = "monitor" }, "SELECT id FROM health", AUDIT_ALL, AUDIT_NONE },
		/* Nothing rides along: another relation, a write, a second statement. */
		{ { .user = "monitor" }, "SELECT h.id FROM public.health h, public.keys", AUDIT_ALL, AUDIT_NONE },
		{ { .user = "monitor" }, "INSERT INTO t SELECT id FROM public.health", AUDIT_ALL, AUDIT_NONE },
		{ { .user = "monitor" }, "SELECT id FROM public.health; SELECT 1", AUDIT_ALL, AUDIT_NONE },
		{ { .user = "monitor" }, "SELECT id FROM public.health; SELECT id FROM public.health",
		    AUDIT_NONE, AUDIT_NONE },
		{ { .user = "monitor" }, "SELECT id FROM public.health, public.customers", AUDIT_ALL, AUDIT_ALL },
		/* What is refused or warned about stays. */
		{ { .role = "batch" }, "DROP TABLE t", AUDIT_ALL, AUDIT_WRITE },
		{ { .role = "batch" }, "SELECT * FROM t", AUDIT_ALL, AUDIT_WRITE },
		/* Of several the word that records most. */
		{ { .role = "batch" }, "SELECT id FROM t", AUDIT_WRITE, AUDIT_WRITE },
		{ { .role = "batch" }, "BEGIN", AUDIT_WRITE, AUDIT_WRITE },
		{ { .role = "batch" }, "SELECT id FROM public.customers", AUDIT_ALL, AUDIT_ALL },
		/* A rule on trial hides nothing; nor what was not understood. */
		{ { .user = "eve" }, "SELECT 1", AUDIT_ALL, AUDIT_NONE },
		{ { .role = "batch" }, "SELEC 1", AUDIT_ALL, AUDIT_WRITE },
	};
	struct policies *policies = load(policy);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict verdict = judge(policies, cases[i].who, cases[i].sql);

		if (policy_recorded(&verdict.logged, AUDIT_ALL) != cases[i].under_all ||
		    policy_recorded(&verdict.logged, AUDIT_NONE) != cases[i].under_none)
			fail_msg("%s: %d, %d", cases[i].sql, policy_recorded(&verdict.logged, AUDIT_ALL),
			    policy_recorded(&verdict.logged, AUDIT_NONE));
		verdict_free(&verdict);
	}
	policies_release(policies);
	(void)state;
}

static void
what_an_exception_let_pass_is_not_taken_away(void **state)
{
	static const char lifted[] = HEADER
	    "rules:\n"
	    "  - {id: no-notes, match: {relations: {write: [public.notes]}}, action: deny}\n"
	    "  - {id: quiet, match: {user: app}, action: allow, audit: {statements: none}}\n"
	    "exceptions:\n"
	    "  - {rule: no-notes, match: {relations: {write: [public.notes]}}, ticket: OPS-1, owner: me, "
	    "expires: 2027-01-10T00:00:00Z}\n";
	struct policies *policies = load(lifted);
	struct verdict verdict =
	    judge(policies, (struct who){ .user = "app" }, "DELETE FROM public.notes WHERE id = 1");

	assert_string_equal(verdict.exception, "OPS-1");
	assert_int_equal(policy_recorded(&verdict.logged, AUDIT_ALL), AUDIT_ALL);
	verdict_free(&verdict);
	policies_release(policies);
	(void)state;
}

static const char slow_policy[] = HEADER
    "rules:\n"
    "  - {id: orders, match: {relations: {read: [orders]}}, action: allow, slow_log: {threshold: 50ms}}\n"
    "  - {id: lazy, match: {relations: {read: [heap]}}, action: allow, slow_log: {threshold: 2s}}\n"
    "  - {id: batch, match: {role: batch}, action: allow, slow_log: {threshold: 5s}}\n"
    "  - {id: batch-all, match: {role: batch, class: TXN}, action: allow, slow_log: {threshold: 0}}\n"
    "  - {id: claims, match: {user: app, application: shy}, action: log, slow_log: {threshold: 1h}}\n"
    "  - {id: trial, mode: warn, match: {user: eve}, action: allow, slow_log: {threshold: 9s}}\n";

static void
thresholds_merge_to_the_least_and_who_is_named_overrides_the_setting(void **state)
{
	static const struct {
		struct who who;
		const char *sql;
		int64_t ms; /* where slow_log.threshold is 200ms */
	} cases[] = {
		{ { .role = "app" }, "SELECT 1", 200 },
		{ { .role = "app" }, "SELECT id FROM orders", 50 },
		{ { .role = "app" }, "SELECT id FROM heap", 200 },
		{ { .role = "app" }, "SELECT 1; SELECT id FROM orders", 50 },
		{ { .role = "batch" }, "SELECT 1", 5000 },
		{ { .role = "batch" }, "SELECT id FROM orders", 50 },
		{ { .role = "batch" }, "BEGIN", 0 },
		{ { .user = "app", .application = "shy" }, "SELECT 1", 200 },
		{ { .user = "eve" }, "SELECT 1", 200 },
	};
	struct policies *policies = load(slow_policy);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict verdict = judge(policies, cases[i].who, cases[i].sql);

		if (policy_slow_ms(&verdict.logged, 200) != cases[i].ms)
			fail_msg("%s: %lld", cases[i].sql,
			    (long long)policy_slow_ms(&verdict.logged, 200));
		verdict_free(&verdict);
	}
	policies_release(policies);
	(void)state;
}

static void
what_makes_no_sense_is_refused_where_it_stands(void **state)
{
	static const struct {
		const char *rule, *problem;
	} cases[] = {
		{ "{id: a, match: {user: x}, action: deny, audit: {statements: none}}",
		    "6:65: rule \"a\" records less than all: only a rule of action allow may" },
		{ "{use: drop-table, audit: {statements: denied}}", "records less than all" },
		{ "{id: a, match: {user: x}, action: allow, audit: {statements: some}}",
		    "\"some\" is not all, write, denied or none" },
		{ "{id: a, match: {user: x}, action: allow, audit: {statement: all}}",
		    "unknown key in audit \"statement\" (did you mean \"statements\"?)" },
		{ "{id: a, match: {user: x}, action: allow, audit: all}", "audit must be a map" },
		{ "{id: a, match: {user: x}, action: allow, audit: {}}", "\"statements\" is missing" },
		{ "{id: a, match: {user: x}, action: allow, slow_log: {threshold: 5}}",
		    "threshold: \"5\" is not a duration" },
		{ "{id: a, match: {user: x}, action: allow, slow_log: {threshold: 25h}}",
		    "threshold: \"25h\" is not a duration of 24h at most" },
		{ "{id: a, match: {user: x}, action: allow, slow_log: {file: x}}", "unknown key in slow_log" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char yaml[400], *faults;

		snprintf(yaml, sizeof(yaml), HEADER "rules:\n  - %s\n", cases[i].rule);
		faults = faults_of(yaml);
		if (strstr(faults, cases[i].problem) == NULL)
			fail_msg("%s: %s", cases[i].rule, faults);
		mem_free(faults);
	}
	(void)state;
}

static void
explain_tells_what_the_rules_say_of_the_logs(void **state)
{
	struct policies *policies = load(policy), *slow = load(slow_policy);
	struct subject monitor = { "monitor", "", "", "", "", NULL }, batch = { "", "batch", "", "", "", NULL };
	struct buf out = { 0 };

	policies_explain(policies, &monitor, "SELECT id FROM public.health", TEN_US, &out);
	policies_explain(policies, &monitor, "SELECT id FROM public.customers", TEN_US, &out);
	policies_explain(slow, &batch, "SELECT 1", TEN_US, &out);
	policies_explain(slow, &monitor, "SELECT id FROM orders", TEN_US, &out);
	buf_put_u8(&out, '\0');
	assert_non_null(strstr((char *)buf_bytes(&out), "access log: none, in the place of audit.statements\n"));
	assert_non_null(strstr((char *)buf_bytes(&out), "access log: at least all, whatever audit.statements says\n"));
	assert_non_null(strstr((char *)buf_bytes(&out), "slow log: from 5s on, in the place of slow_log.threshold\n"));
	assert_non_null(strstr((char *)buf_bytes(&out), "slow log: from 50ms on, or from slow_log.threshold if that is less\n"));
	buf_free(&out);
	policies_release(policies);
	policies_release(slow);
	(void)state;
}

static void
an_execute_is_logged_as_its_words_and_what_it_runs_say(void **state)
{
	const struct policy_logged none = { 0 }, all = { .adds = true, .at_least = AUDIT_ALL },
				   fewer = { .takes = true, .instead = AUDIT_NONE },
				   slow = { .slow = true, .slow_ms = 50 },
				   later = { .slow = true, .slow_overrides = true, .slow_ms = 900 };
	static const enum audit_statements write = AUDIT_WRITE;
	const struct {
		struct policy_logged of_name, own;
		enum policy_action own_action;
		bool only;
		enum audit_statements recorded;
		int64_t slow_ms;
	} cases[] = {
		{ none, none, POLICY_ALLOW, true, write, 200 },
		{ all, none, POLICY_LOG, true, AUDIT_ALL, 200 },
		{ none, all, POLICY_ALLOW, true, AUDIT_ALL, 200 },
		{ fewer, none, POLICY_ALLOW, true, AUDIT_NONE, 200 },
		{ fewer, none, POLICY_ALLOW, false, write, 200 },
		{ fewer, none, POLICY_LOG, true, write, 200 },
		{ fewer, all, POLICY_ALLOW, true, AUDIT_ALL, 200 },
		{ none, fewer, POLICY_ALLOW, true, write, 200 },
		{ fewer, fewer, POLICY_ALLOW, false, AUDIT_NONE, 200 },
		{ slow, none, POLICY_ALLOW, true, write, 50 },
		{ none, slow, POLICY_ALLOW, true, write, 50 },
		{ later, none, POLICY_ALLOW, true, write, 900 },
		{ later, none, POLICY_ALLOW, false, write, 200 },
		{ later, slow, POLICY_ALLOW, true, write, 50 },
		{ none, later, POLICY_ALLOW, true, write, 200 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct verdict of_name = { .logged = cases[i].of_name },
				     own = { .logged = cases[i].own, .action = cases[i].own_action };
		struct policy_logged joined =
		    policy_logged_of_execute(&of_name, &own, cases[i].only);

		if (policy_recorded(&joined, write) != cases[i].recorded ||
		    policy_slow_ms(&joined, 200) != cases[i].slow_ms)
			fail_msg("case %zu", i);
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_execute_is_logged_as_its_words_and_what_it_runs_say),
		cmocka_unit_test(a_rule_adds_where_it_fits_and_takes_away_where_it_carries_all),
		cmocka_unit_test(what_an_exception_let_pass_is_not_taken_away),
		cmocka_unit_test(thresholds_merge_to_the_least_and_who_is_named_overrides_the_setting),
		cmocka_unit_test(what_makes_no_sense_is_refused_where_it_stands),
		cmocka_unit_test(explain_tells_what_the_rules_say_of_the_logs),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
