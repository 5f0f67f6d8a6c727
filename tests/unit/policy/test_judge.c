/*
 * test_judge.c - verdicts: which rule wins, who is meant, what an allow-list
 * and an exception carry and what they do not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct who app = { .user = "orders-svc", .role = "app_rw", .database = "shop" };

/* One line of a table: a text and what comes of it. */
struct judged {
	const char *sql;
	const char *outcome;
};

static void
check_outcomes(
    const char *policy, struct who who, const struct judged *judged, size_t count)
{
	struct policies *policies = load(policy);

	for (size_t i = 0; i < count; i++)
		assert_string_equal(outcome(policies, who, judged[i].sql), judged[i].outcome);
	policies_release(policies);
}

static void
deny_wins_over_warn_log_and_allow_in_any_order(void **state)
{
	static const char *const rules[] = { "allow", "log", "warn", "deny" };
	char *text;

	/* Every order of two different actions: the stronger decides. */
	for (size_t a = 0; a < COUNT(rules); a++) {
		for (size_t b = 0; b < COUNT(rules); b++) {
			struct policies *policies;
			struct verdict verdict;

			text = mem_printf("%srules:\n"
					  "  - {id: first, match: {class: DDL}, action: %s}\n"
					  "  - {id: second, match: {verb: \"CREATE *\"}, action: %s}\n",
			    HEADER, rules[a], rules[b]);
			policies = load(text);
			verdict = judge(policies, app, "CREATE TABLE t ()");
			assert_int_equal(verdict.action, a > b ? a : b);
			assert_string_equal(verdict.rule, b > a ? "second" : "first");
			verdict_free(&verdict);
			policies_release(policies);
			mem_free(text);
		}
	}
	(void)state;
}

static void
the_first_rule_of_the_file_is_reported_whichever_statement_it_hits(void **state)
{
	static const struct judged judged[] = {
		{ "DROP TABLE a; DELETE FROM b", "deny where-required" },
		{ "DROP TABLE a; DELETE FROM b WHERE id = 1", "deny drop-table" },
		{ "SELECT 1; SELECT 2", "allow -" },
		{ "", "allow -" },
		{ ";;", "allow -" },
	};

	check_outcomes(HEADER "rules: [{use: where-required}, {use: drop-table}]\n", app, judged,
	    COUNT(judged));
	(void)state;
}

static void
a_refusal_names_rule_file_line_position_and_table(void **state)
{
	struct policies *policies = load(HEADER "rules:\n  - {use: drop-table}\n");
	struct verdict verdict =
	    judge(policies, app, "SELECT 'é';\n  DROP TABLE IF EXISTS sales.\"Orders\"");

	assert_int_equal(verdict.action, POLICY_DENY);
	assert_int_equal(verdict.mode, POLICY_MODE_ENFORCE);
	assert_false(verdict.would_deny);
	assert_string_equal(verdict.sqlstate, "42501");
	assert_string_equal(verdict.message, "blocked by pgweir rule \"drop-table\"");
	assert_string_equal(verdict.file, "p.yaml");
	assert_int_equal(verdict.line, 6);
	assert_int_equal(verdict.statement, 1);
	assert_int_equal(verdict.position, 15); /* characters, not bytes */
	assert_string_equal(verdict.schema, "sales");
	assert_string_equal(verdict.table, "Orders");
	assert_int_equal(strncmp(verdict.policy, "p@sha256:", 9), 0);
	assert_int_equal(strlen(verdict.policy), 9 + 8);
	verdict_free(&verdict);
	policies_release(policies);
	(void)state;
}

static void
an_own_rule_speaks_its_own_words(void **state)
{
	struct policies *policies = load(HEADER "rules:\n  - {id: no-ddl, match: {class: DDL}, "
						"action: deny, message: Not here., hint: Ask Jane.}\n");
	struct verdict verdict = judge(policies, app, "CREATE TABLE t ()");

	assert_string_equal(verdict.message, "blocked by pgweir rule \"no-ddl\"");
	assert_string_equal(verdict.detail, "Not here.");
	assert_string_equal(verdict.hint, "Ask Jane.");
	verdict_free(&verdict);
	policies_release(policies);
	(void)state;
}

static void
mode_warn_lets_pass_and_says_what_it_would_have_done(void **state)
{
	struct policies *policies = load("apiVersion: pgweir/v1\nkind: GuardrailPolicy\n"
					 "metadata: {name: p}\nmode: warn\nrules:\n"
					 "  - {use: drop-table}\n"
					 "  - {use: truncate, mode: enforce}\n"
					 "  - {use: where-required, mode: off}\n"
					 "  - {id: w, match: {verb: SHOW}, action: warn}\n");
	struct verdict verdict = judge(policies, app, "DROP TABLE t");

	assert_int_equal(verdict.action, POLICY_WARN);
	assert_int_equal(verdict.mode, POLICY_MODE_WARN);
	assert_true(verdict.would_deny);
	assert_string_equal(
	    verdict.message, "pgweir rule \"drop-table\" would block this statement");
	assert_non_null(verdict.hint);
	verdict_free(&verdict);

	verdict = judge(policies, app, "SHOW x");
	assert_int_equal(verdict.action, POLICY_WARN);
	assert_false(verdict.would_deny);
	assert_string_equal(verdict.message, "warning by pgweir rule \"w\"");
	verdict_free(&verdict);

	assert_string_equal(outcome(policies, app, "TRUNCATE t"), "deny truncate");
	assert_string_equal(outcome(policies, app, "DROP TABLE t; TRUNCATE t"), "deny truncate");
	assert_string_equal(outcome(policies, app, "DELETE FROM t"), "allow -");
	assert_string_equal(outcome(policies, app, "SELEC"), "warn sql-unparseable");
	policies_release(policies);
	(void)state;
}

static void
a_policy_speaks_only_of_whom_it_applies_to(void **state)
{
	struct policies *policies =
	    load(HEADER "applies_to: {databases: [shop, \"crm*\"], roles: [app_rw]}\n"
			"rules: [{use: truncate}]\n");
	struct verdict verdict;

	assert_string_equal(outcome(policies, app, "TRUNCATE t"), "deny truncate");
	assert_string_equal(
	    outcome(policies, (struct who){ .role = "app_rw", .database = "crm2" }, "TRUNCATE t"),
	    "deny truncate");
	assert_string_equal(
	    outcome(policies, (struct who){ .role = "app_rw", .database = "shop2" }, "TRUNCATE t"),
	    "allow -");
	verdict = judge(policies, (struct who){ .role = "other", .database = "shop" }, "SELEC");
	assert_int_equal(verdict.action, POLICY_ALLOW);
	assert_null(verdict.policy);
	verdict_free(&verdict);
	verdict = judge(policies, app, "SELECT 1");
	assert_non_null(verdict.policy);
	assert_null(verdict.rule);
	assert_null(verdict.message);
	verdict_free(&verdict);
	policies_release(policies);
	(void)state;
}

static void
keys_together_mean_all_and_lists_mean_any(void **state)
{
	static const char policy[] = HEADER
	    "rules:\n"
	    "  - {id: x, match: {user: [\"orders-*\", jane], role: app_rw, class: [DDL, LOCK]}, "
	    "action: deny}\n";
	static const struct judged fits[] = { { "CREATE TABLE t ()", "deny x" },
		{ "LOCK TABLE t", "deny x" }, { "SELECT 1 FOR UPDATE", "deny x" },
		{ "SELECT 1", "allow -" } };
	static const struct judged misses[] = { { "CREATE TABLE t ()", "allow -" } };

	check_outcomes(policy, app, fits, COUNT(fits));
	check_outcomes(policy, (struct who){ .user = "jane", .role = "app_rw" }, fits, COUNT(fits));
	check_outcomes(
	    policy, (struct who){ .user = "Jane", .role = "app_rw" }, misses, COUNT(misses));
	check_outcomes(
	    policy, (struct who){ .user = "jane", .role = "app_ro" }, misses, COUNT(misses));
	(void)state;
}

static void
a_rule_on_a_table_is_not_dodged_by_leaving_the_schema_out(void **state)
{
	static const char policy[] = HEADER
	    "sets: {pii: [\"secret.*\", public.customers, '\"Odd.Name\"']}\n"
	    "rules:\n"
	    "  - {id: r, match: {relations: {read: \"@pii\"}}, action: deny}\n"
	    "  - {id: w, match: {relations: {write: [audit.log], ddl: [audit.log]}}, action: deny}\n"
	    "  - {id: d, match: {relations: {ddl: [audit.log]}}, action: deny}\n";
	static const struct judged judged[] = {
		{ "SELECT * FROM public.customers", "deny r" },
		{ "SELECT * FROM customers", "deny r" },
		{ "SELECT * FROM PUBLIC.Customers", "deny r" },
		{ "SELECT * FROM public.\"Customers\"", "allow -" },
		{ "SELECT * FROM other.customers", "allow -" },
		{ "SELECT * FROM secret.keys", "deny r" },
		{ "SELECT * FROM \"Odd.Name\"", "deny r" },
		{ "SELECT 1 WHERE EXISTS (SELECT 1 FROM secret.keys)", "deny r" },
		{ "INSERT INTO public.t SELECT * FROM public.customers", "deny r" },
		{ "INSERT INTO public.customers VALUES (1)", "allow -" },
		{ "INSERT INTO audit.log VALUES (1)", "allow -" }, /* w wants both */
		{ "DROP TABLE audit.log", "deny d" },
	};

	check_outcomes(policy, app, judged, COUNT(judged));
	(void)state;
}

static void
not_is_asked_of_each_part_so_that_nothing_rides_along(void **state)
{
	static const char policy[] = HEADER
	    "rules:\n"
	    "  - {id: ro, match: {role: app_ro, not: {class: [READ, TXN, SESSION]}}, action: deny}\n"
	    "  - {id: log-only, match: {role: app_rw, relations: {write: \"*\"}, not: {relations: "
	    "{write: [public.log]}}}, action: deny}\n"
	    "  - {id: ddl, match: {class: DDL, not: {role: migrator}}, action: deny}\n"
	    "  - {id: both, match: {role: migrator, not: {role: migrator, class: DDL}}, action: "
	    "log}\n";
	static const struct judged reader[] = {
		{ "SELECT 1", "allow -" }, { "BEGIN", "allow -" }, { "SET work_mem = 1", "allow -" },
		{ "WITH d AS (DELETE FROM t RETURNING 1) SELECT 1", "deny ro" },
		{ "SELECT 1 FOR UPDATE", "deny ro" }, { "CREATE TABLE x AS SELECT 1", "deny ro" },
		{ "SELECT 1; TRUNCATE t", "deny ro" }, { "NOTIFY x", "deny ro" },
		{ "DO $$$$", "deny ro" }, { "CALL p()", "deny ro" }, { "VACUUM", "deny ro" } };
	static const struct judged writer[] = {
		{ "INSERT INTO public.log VALUES (1)", "allow -" },
		{ "INSERT INTO log VALUES (1)", "deny log-only" }, /* whose log? */
		{ "INSERT INTO public.orders VALUES (1)", "deny log-only" },
		{ "WITH x AS (INSERT INTO public.log VALUES (1) RETURNING 1) DELETE FROM public.orders",
		    "deny log-only" },
		{ "CREATE TABLE t ()", "deny ddl" } };
	static const struct judged migrator[] = { { "CREATE TABLE t ()", "allow -" },
		{ "CREATE TABLE t AS SELECT 1", "log both" }, { "SELECT 1", "log both" } };

	check_outcomes(policy, (struct who){ .role = "app_ro" }, reader, COUNT(reader));
	check_outcomes(policy, (struct who){ .role = "app_rw" }, writer, COUNT(writer));
	check_outcomes(policy, (struct who){ .role = "migrator" }, migrator, COUNT(migrator));
	(void)state;
}

static void
an_allow_list_needs_an_allow_for_every_class_and_every_relation(void **state)
{
	static const char policy[] = HEADER
	    "defaults: {action: deny}\n"
	    "rules:\n"
	    "  - {id: read, match: {class: READ}, action: allow}\n"
	    "  - {id: orders, match: {class: WRITE, relations: {write: [shop.orders]}}, action: "
	    "allow}\n"
	    "  - {id: txn, match: {class: TXN}, action: allow}\n"
	    "  - {id: made, match: {class: DDL, relations: {ddl: [\"tmp.*\"]}}, action: allow}\n"
	    "  - {id: sec, match: {relations: {read: [secret.s]}}, action: deny}\n";
	static const struct judged judged[] = {
		{ "SELECT * FROM a, b.c", "allow read" },
		{ "BEGIN; SELECT 1; COMMIT", "allow read" },
		{ "INSERT INTO shop.orders VALUES (1)", "allow orders" },
		{ "INSERT INTO shop.orders SELECT * FROM x", "allow read" },
		{ "INSERT INTO orders VALUES (1)", "deny default-deny" },
		{ "INSERT INTO shop.other VALUES (1)", "deny default-deny" },
		{ "WITH x AS (DELETE FROM shop.other RETURNING 1) SELECT * FROM x",
		    "deny default-deny" },
		{ "WITH x AS (DELETE FROM shop.orders RETURNING 1) SELECT * FROM x", "allow read" },
		{ "SELECT 1; LOCK TABLE t", "deny default-deny" },
		{ "SELECT * FROM t FOR UPDATE", "deny default-deny" },
		{ "CREATE TABLE tmp.x AS SELECT * FROM y", "allow read" },
		{ "CREATE TABLE x AS SELECT * FROM y", "deny default-deny" },
		{ "SELECT * FROM secret.s", "deny sec" },
		{ "SET x = 1", "deny default-deny" },
		{ "SELEC", "deny sql-unparseable" },
		{ "", "allow -" },
	};

	check_outcomes(policy, app, judged, COUNT(judged));
	(void)state;
}

static void
an_allow_with_not_carries_all_but_what_not_names(void **state)
{
	static const char policy[] = HEADER
	    "defaults: {action: deny}\n"
	    "rules:\n"
	    "  - {use: role-management, mode: off}\n"
	    "  - {id: most, match: {role: app_rw, not: {class: [DDL, ROLE]}}, action: allow}\n"
	    "  - {id: tmp, match: {class: DDL, relations: {ddl: \"tmp.*\"}}, action: allow}\n";
	static const char hidden[] = HEADER
	    "defaults: {action: deny}\n"
	    "rules:\n"
	    "  - {id: most, match: {class: READ, not: {relations: {read: \"secret.*\"}}}, action: "
	    "allow}\n"
	    "  - {id: now, match: {class: WRITE, functions: [now]}, action: allow}\n";
	static const struct judged judged[] = {
		{ "SELECT * FROM t", "allow most" },
		{ "CREATE TABLE tmp.t AS SELECT * FROM x", "allow most" },
		{ "CREATE TABLE t ()", "deny default-deny" },
		{ "CREATE ROLE r", "deny default-deny" },
	};
	static const struct judged hiding[] = {
		{ "SELECT * FROM public.t", "allow most" },
		{ "SELECT * FROM t", "deny default-deny" }, /* may be secret.t */
		{ "SELECT * FROM public.t, secret.t", "deny default-deny" },
		{ "INSERT INTO t VALUES (now())", "allow now" },
		{ "INSERT INTO t VALUES (now(), evil())", "deny default-deny" },
		{ "INSERT INTO t VALUES (1)", "deny default-deny" },
	};

	check_outcomes(policy, app, judged, COUNT(judged));
	check_outcomes(hidden, app, hiding, COUNT(hiding));
	(void)state;
}

static void
the_default_refusal_says_what_is_missing(void **state)
{
	struct policies *policies =
	    load(HEADER "defaults:\n  action: deny\nrules: [{id: r, match: {class: [READ, WRITE], "
			"relations: {read: \"*\", write: shop.a}}, action: allow}]\n");
	struct verdict verdict = judge(policies, app, "INSERT INTO a VALUES (1)");

	assert_string_equal(verdict.detail,
	    "Policy \"p\" allows only what its rules name, and none allows writing \"a\".");
	assert_string_equal(verdict.hint,
	    "Write the table with its schema: a bare name is not known to be the allowed one.");
	assert_int_equal(verdict.line, 6);
	verdict_free(&verdict);
	verdict = judge(policies, app, "VACUUM");
	assert_string_equal(verdict.detail,
	    "Policy \"p\" allows only what its rules name, and none allows class MAINTENANCE.");
	verdict_free(&verdict);
	policies_release(policies);
	(void)state;
}

static void
what_cannot_be_read_is_refused_or_logged_as_defaults_say(void **state)
{
	struct policies *policies = load(HEADER "rules: [{use: truncate}]\n");
	struct verdict verdict = judge(policies, app, "SELEC 1");

	assert_string_equal(verdict.message, "blocked by pgweir rule \"sql-unparseable\"");
	assert_string_equal(verdict.detail,
	    "The statement cannot be analysed: syntax error at or near \"SELEC\".");
	assert_non_null(strstr(verdict.hint, "PostgreSQL 15"));
	verdict_free(&verdict);
	policies_release(policies);

	/* Rules that need no facts hold all the same. */
	policies = load(HEADER "defaults: {on_unparseable: allow_log}\n"
			       "rules:\n  - {id: bob, match: {user: bob}, action: deny}\n"
			       "  - {id: word, match: {regex: \"(?i)zap\"}, action: deny}\n"
			       "  - {id: ddl, match: {class: DDL}, action: deny}\n");
	assert_string_equal(outcome(policies, app, "SELEC 1"), "log sql-unparseable");
	assert_string_equal(outcome(policies, app, "SELEC ZAP"), "deny word");
	assert_string_equal(
	    outcome(policies, (struct who){ .user = "bob" }, "SELEC 1"), "deny bob");
	policies_release(policies);
	(void)state;
}

/* INSERT of so many bytes. */
static char *
long_insert(const char *head, size_t length)
{
	struct buf text = { 0 };

	buf_put_text(&text, head);
	while (buf_length(&text) < length)
		buf_put_text(&text, ",(1, 'x', NULL, -1.5)");
	return buf_steal_text(&text);
}

static void
what_is_too_long_may_be_a_plain_insert_if_the_policy_says_so(void **state)
{
	static const struct {
		const char *head;
		const char *outcome;
	} cases[] = {
		{ "INSERT INTO shop.orders VALUES (1)", "allow -" },
		{ "insert into orders (id, \"B c\") values (1, default)", "allow -" },
		{ "INSERT INTO audit.log VALUES (1)", "deny log" },
		{ "INSERT INTO log VALUES (1)", "deny log" },
		{ "INSERT INTO shop.orders VALUES (evil())", "deny sql-oversize" },
		{ "DELETE FROM orders; INSERT INTO shop.orders VALUES (1)", "deny sql-oversize" },
		{ "INSERT INTO shop.orders VALUES (1); DROP TABLE x; INSERT INTO t VALUES (1)",
		    "deny sql-oversize" },
	};
	struct policies *policies =
	    load(HEADER "defaults: {on_oversize: {above: 1KiB, action: allow_insert_only}}\n"
			"rules: [{id: log, match: {relations: {write: [audit.log]}}, action: deny}]\n");
	struct policies *strict = load(HEADER "defaults: {on_oversize: {above: 1KiB}}\n");

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *sql = long_insert(cases[i].head, 2000);

		assert_string_equal(outcome(policies, app, sql), cases[i].outcome);
		assert_string_equal(outcome(strict, app, sql), "deny sql-oversize");
		mem_free(sql);
	}
	policies_release(policies);
	policies_release(strict);
	(void)state;
}

static void
application_client_hours_functions_and_fingerprint_are_matched(void **state)
{
	struct policies *policies = load(
	    HEADER "rules:\n"
		   "  - {id: app, match: {application: \"psql*\"}, action: deny}\n"
		   "  - {id: net, match: {client: [10.1.0.0/16, \"2001:db8::/33\"]}, action: deny}\n"
		   "  - {id: sock, match: {client: local, class: DDL}, action: deny}\n"
		   "  - {id: hours, match: {role: analyst, outside: [\"Mon-Fri 07:00-12:00 "
		   "Europe/Berlin\", \"Sat 10:00-11:00 UTC\"]}, action: deny}\n"
		   "  - {id: sleep, match: {functions: [pg_catalog.pg_sleep, \"lo_*\"]}, action: "
		   "deny}\n"
		   "  - {id: kill, match: {fingerprint: \"pg15:50fde20626009aba\"}, action: deny}\n");
	static const struct who analyst = { .role = "analyst" };
	static const char *const in[] = { "10.1.255.255", "::ffff:10.1.0.1", "2001:db8::1",
		"2001:db8:7fff::" };
	static const char *const out[] = { "10.2.0.1", "2001:db8:8000::", "", "unix", "10.1.0" };

	assert_string_equal(
	    outcome(policies, (struct who){ .application = "psql15" }, "SELECT now()"), "deny app");
	for (size_t i = 0; i < COUNT(in); i++)
		assert_string_equal(
		    outcome(policies, (struct who){ .client = in[i] }, "SELECT now()"), "deny net");
	for (size_t i = 0; i < COUNT(out); i++)
		assert_string_equal(
		    outcome(policies, (struct who){ .client = out[i] }, "SELECT now()"), "allow -");
	assert_string_equal(
	    outcome(policies, (struct who){ .client = "unix" }, "CREATE TABLE t ()"), "deny sock");
	assert_string_equal(
	    outcome(policies, (struct who){ .client = "" }, "CREATE TABLE t ()"), "allow -");
	assert_string_equal(outcome(policies, app, "SELECT PG_SLEEP(1)"), "deny sleep");
	assert_string_equal(outcome(policies, app, "SELECT x.lo_import('a')"), "deny sleep");
	assert_string_equal(outcome(policies, app, "SELECT upper('pg_sleep')"), "allow -");
	assert_string_equal(outcome(policies, app, "SELECT 42"), "deny kill");
	/* Ten UTC is eleven in Berlin, on a Wednesday; then noon, Saturday, Sunday. */
	assert_string_equal(
	    outcome_at(policies, analyst, "SELECT now()", TEN_US), "allow -");
	assert_string_equal(
	    outcome_at(policies, analyst, "SELECT now()", TEN_US + 3600000000ULL), "deny hours");
	assert_string_equal(
	    outcome_at(policies, analyst, "SELECT now()", TEN_US + 3 * 86400000000ULL), "allow -");
	assert_string_equal(
	    outcome_at(policies, analyst, "SELECT now()", TEN_US + 4 * 86400000000ULL),
	    "deny hours");
	policies_release(policies);
	(void)state;
}

static void
columns_limits_stars_and_tags_are_matched(void **state)
{
	static const char policy[] = HEADER
	    "rules:\n"
	    "  - {id: ssn, match: {columns: public.customers.ssn}, action: deny}\n"
	    "  - {id: pin, match: {columns: [\"pin*\"]}, action: deny}\n"
	    "  - {id: star, match: {user: a, select_star: true}, action: warn}\n"
	    "  - {id: all, match: {user: b, limit: absent}, action: warn}\n"
	    "  - {id: bot, match: {tag: \"agent=bot *\"}, action: deny}\n"
	    "  - {id: traced, match: {user: c, tag: traceparent}, action: log}\n";
	static const struct judged judged[] = {
		{ "SELECT ssn FROM customers", "deny ssn" },
		{ "SELECT * FROM customers", "deny ssn" },
		{ "TABLE customers", "deny ssn" },
		{ "SELECT c FROM customers c", "deny ssn" },
		{ "SELECT customers FROM customers", "deny ssn" },
		{ "SELECT row_to_json(c) FROM customers AS c", "deny ssn" },
		{ "SELECT x FROM customers AS c (a, x)", "deny ssn" },
		{ "SELECT name FROM customers WHERE ssn LIKE '1%'", "deny ssn" },
		{ "SELECT name FROM customers ORDER BY ssn", "deny ssn" },
		{ "UPDATE customers SET name = 'x' WHERE id = 1 RETURNING *", "deny ssn" },
		{ "UPDATE customers SET ssn = '1' WHERE id = 1", "deny ssn" },
		{ "COPY customers TO STDOUT", "deny ssn" },
		{ "COPY customers (name, ssn) TO STDOUT", "deny ssn" },
		{ "SELECT a.id FROM a JOIN customers c USING (ssn)", "deny ssn" },
		{ "COPY customers (name) TO STDOUT", "allow -" },
		{ "SELECT name FROM customers", "allow -" },
		{ "SELECT ssn FROM staff", "allow -" },
		{ "SELECT * FROM staff", "deny pin" },
		{ "SELECT pin_code FROM staff", "deny pin" },
		{ "SELECT 1 FROM customers WHERE EXISTS (SELECT * FROM customers)", "allow -" },
		{ "SELECT 1 FROM customers WHERE EXISTS (SELECT * FROM (SELECT * FROM customers) x)",
		    "deny ssn" },
		{ "SELECT 'ssn' FROM customers", "allow -" },
		{ "SELECT count(*) FROM staff", "allow -" },
		{ "SELECT 1 /*agent='bot%209',x='y'*/", "deny bot" },
		{ "SELECT 1 /* x='y' , agent='bot 9' */", "deny bot" },
		{ "SELECT 1 /*agent='boy'*/", "allow -" },
		{ "SELECT '/*agent=''bot 9''*/'", "allow -" },
		{ "SELECT 1 -- agent='bot 9'", "allow -" },
	};
	struct policies *policies = load(policy);

	for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++)
		if (strcmp(outcome(policies, app, judged[i].sql), judged[i].outcome) != 0)
			fail_msg("%s: %s", judged[i].sql, outcome(policies, app, judged[i].sql));
	assert_string_equal(
	    outcome(policies, (struct who){ .user = "a" }, "SELECT a, t.* FROM t, u"), "deny pin");
	assert_string_equal(
	    outcome(policies, (struct who){ .user = "b" }, "SELECT a FROM t"), "warn all");
	assert_string_equal(
	    outcome(policies, (struct who){ .user = "b" }, "SELECT a FROM t LIMIT 1"), "allow -");
	assert_string_equal(outcome(policies, (struct who){ .user = "c" },
				"SELECT 1 /*traceparent='00-1'*/"), "log traced");
	policies_release(policies);
	(void)state;
}

static void
rules_for_others_are_not_asked_and_the_first_of_the_file_is_told(void **state)
{
	static const char policy[] = HEADER
	    "rules:\n"
	    "  - {id: mine, match: {user: [orders-svc, orders-svc, v], class: READ}, action: deny}\n"
	    "  - {id: everybodys, match: {class: READ}, action: deny}\n"
	    "  - {id: role, match: {role: app_rw, class: WRITE}, action: deny}\n"
	    "  - {id: base, match: {database: shop, class: DDL}, action: deny}\n"
	    "  - {id: other, match: {user: x, class: [READ, WRITE, DDL]}, action: deny}\n";
	struct policies *policies = load(policy);

	assert_string_equal(outcome(policies, app, "SELECT 1"), "deny mine");
	assert_string_equal(outcome(policies, (struct who){ .user = "w" }, "SELECT 1"),
	    "deny everybodys");
	assert_string_equal(outcome(policies, app, "DELETE FROM t WHERE a = 1"), "deny role");
	assert_string_equal(outcome(policies, app, "CREATE TABLE t ()"), "deny base");
	assert_string_equal(
	    outcome(policies, (struct who){ .user = "x" }, "CREATE TABLE t ()"), "deny other");
	policies_release(policies);
	(void)state;
}

static void
a_regex_that_runs_wild_refuses_instead_of_hanging(void **state)
{
	struct policies *policies =
	    load(HEADER "rules: [{id: wild, match: {regex: \"(a+)+[xy]$\"}, action: deny}]\n");
	char *sql = mem_printf("SELECT '%0*d'", 60, 0);

	memset(sql + 8, 'a', 60);
	assert_string_equal(outcome(policies, app, sql), "deny wild");
	assert_string_equal(outcome(policies, app, "SELECT 1"), "allow -");
	mem_free(sql);
	policies_release(policies);
	(void)state;
}

/* A policy with an exception that ends in ten days. */
static struct policies *
load_exception(const char *match)
{
	char date[40];
	time_t moment = (time_t)(clock_wall_us() / 1000000) + 10 * 86400;
	struct tm utc;
	struct policies *policies;
	char *text;

	gmtime_r(&moment, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &utc);
	text = mem_printf("%srules: [{use: where-required}, {use: truncate}]\nexceptions:\n"
			  "  - {rule: where-required, match: %s, ticket: OPS-1, owner: jane, "
			  "expires: %s}\n", HEADER, match, date);
	policies = load(text);
	mem_free(text);
	return policies;
}

static void
an_exception_lifts_one_rule_for_what_it_covers_until_it_ends(void **state)
{
	struct policies *policies =
	    load_exception("{user: batch, relations: {write: [public.sessions]}}");
	static const struct who batch = { .user = "batch" };
	const uint64_t now = clock_wall_us(), day = 86400000000ULL;
	struct verdict verdict;
	static const struct judged judged[] = {
		{ "DELETE FROM public.sessions", "allow -" },
		{ "DELETE FROM sessions", "deny where-required" }, /* whose sessions? */
		{ "DELETE FROM public.users", "deny where-required" },
		{ "TRUNCATE public.sessions", "deny truncate" },
		{ "DELETE FROM public.sessions; DELETE FROM public.users", "deny where-required" },
		{ "WITH a AS (DELETE FROM public.sessions) DELETE FROM public.users",
		    "deny where-required" },
	};

	for (size_t i = 0; i < COUNT(judged); i++)
		assert_string_equal(
		    outcome_at(policies, batch, judged[i].sql, now), judged[i].outcome);
	assert_string_equal(
	    outcome_at(policies, app, judged[0].sql, now), "deny where-required");
	assert_string_equal(
	    outcome_at(policies, batch, judged[0].sql, now + 9 * day), "allow -");
	assert_string_equal(outcome_at(policies, batch, judged[0].sql, now + 11 * day),
	    "deny where-required");

	verdict = judge_at(policies, batch, judged[0].sql, now);
	assert_string_equal(verdict.exception, "OPS-1");
	verdict_free(&verdict);
	verdict = judge_at(policies, batch, "SELECT 1", now);
	assert_null(verdict.exception);
	verdict_free(&verdict);
	policies_release(policies);
	(void)state;
}

static void
writes_to_catalogs_pass_by_an_exception_that_names_the_relation_only(void **state)
{
	char date[40];
	time_t moment = (time_t)(clock_wall_us() / 1000000) + 10 * 86400;
	struct tm utc;
	char *text;
	struct policies *policies;
	static const struct judged judged[] = {
		{ "DELETE FROM pg_catalog.pg_description WHERE objoid = 1", "allow -" },
		{ "DELETE FROM pg_catalog.pg_class WHERE oid = 1", "deny catalog-write" },
		{ "DELETE FROM pg_class WHERE oid = 1", "deny catalog-write" },
		{ "UPDATE information_schema.sql_features SET comments = '' WHERE feature_id = 'x'",
		    "deny catalog-write" },
		{ "WITH x AS (DELETE FROM pg_catalog.pg_description WHERE objoid = 1) "
		  "DELETE FROM pg_catalog.pg_class WHERE oid = 1", "deny catalog-write" },
	};

	gmtime_r(&moment, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &utc);
	text = mem_printf("%sexceptions:\n  - {rule: catalog-write, match: {relations: {write: "
			  "[pg_catalog.pg_description]}}, ticket: OPS-1, owner: jane, expires: %s}\n",
	    HEADER, date);
	policies = load(text);
	for (size_t i = 0; i < COUNT(judged); i++)
		assert_string_equal(outcome_at(policies, app, judged[i].sql, clock_wall_us()),
		    judged[i].outcome);
	policies_release(policies);
	mem_free(text);
	(void)state;
}

static void
count_glass(void *arg, const struct policy_break_glass *glass)
{
	assert_string_equal(glass->rule, "where-required");
	assert_string_equal(glass->ticket, "OPS-1");
	assert_string_equal(glass->owner, "jane");
	assert_string_equal(glass->reason, "no space");
	++*(int *)arg;
}

/* Three hours from now, as `expires` is written. */
static void
put_soon(char date[40])
{
	time_t moment = (time_t)(clock_wall_us() / 1000000) + 3 * 3600;
	struct tm utc;

	gmtime_r(&moment, &utc);
	strftime(date, 40, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* Ends in three hours; a rule that allows has a limit, which an exception of the kind lifts too. */
static struct policies *
load_break_glass(void)
{
	char date[40];
	struct policies *policies;
	char *text;

	put_soon(date);
	text = mem_printf("%srules: [{use: where-required}, {use: truncate},\n"
			  "  {id: few, match: {class: READ}, action: allow, limits: {max_rows: 5}}]\n"
			  "exceptions:\n"
			  "  - {rule: where-required, match: {user: batch}, ticket: OPS-1, owner: jane, "
			  "expires: %s, break_glass: true, reason: no space}\n"
			  "  - {rule: truncate, match: {user: batch}, ticket: OPS-2, owner: joe, "
			  "expires: %s}\n"
			  "  - {rule: few, match: {user: batch}, ticket: OPS-3, owner: jim, "
			  "expires: %s, break_glass: true, reason: many}\n",
	    HEADER, date, date, date);
	policies = load(text);
	mem_free(text);
	return policies;
}

static void
break_glass_is_told_by_the_verdict_before_other_exceptions_until_it_ends(void **state)
{
	static const struct {
		const char *sql, *ticket, *reason;
		bool break_glass;
	} cases[] = {
		{ "DELETE FROM t", "OPS-1", "no space", true },
		{ "TRUNCATE t", "OPS-2", NULL, false },
		{ "DELETE FROM t; TRUNCATE t", "OPS-1", "no space", true },
		{ "TRUNCATE t; DELETE FROM t", "OPS-1", "no space", true },
		{ "SELECT * FROM t", "OPS-3", "many", true },
		{ "DELETE FROM t WHERE a = 1", NULL, NULL, false },
	};
	struct policies *policies = load_break_glass();
	static const struct who batch = { .user = "batch" };
	const uint64_t now = clock_wall_us(), hour = 3600000000ULL;
	struct verdict verdict;

	for (size_t i = 0; i < COUNT(cases); i++) {
		verdict = judge_at(policies, batch, cases[i].sql, now);
		assert_int_equal(verdict.action, POLICY_ALLOW);
		assert_int_equal(verdict.limits.max_rows.value, 0);
		assert_int_equal(verdict.break_glass, cases[i].break_glass);
		assert_true(verdict.exception == cases[i].ticket ||
		    strcmp(verdict.exception, cases[i].ticket) == 0);
		assert_true(verdict.exception_reason == cases[i].reason ||
		    strcmp(verdict.exception_reason, cases[i].reason) == 0);
		verdict_free(&verdict);
	}
	verdict = judge_at(policies, batch, "DELETE FROM t", now + 4 * hour);
	assert_int_equal(verdict.action, POLICY_DENY);
	assert_false(verdict.break_glass);
	verdict_free(&verdict);
	verdict = judge_at(policies, batch, "SELECT * FROM t", now + 4 * hour);
	assert_int_equal(verdict.limits.max_rows.value, 5);
	assert_null(verdict.exception);
	verdict_free(&verdict);
	policies_release(policies);
	(void)state;
}

static void
break_glass_that_is_open_is_told_and_makes_texts_be_looked_at(void **state)
{
	struct policies *policies = load_exception("{user: batch}");
	char date[40];
	const uint64_t now = clock_wall_us(), hour = 3600000000ULL;
	time_t moment = (time_t)(now / 1000000) + 3 * 3600;
	struct tm utc;
	char *text;
	int count = 0;

	assert_int_equal(policies_break_glass_open(policies, now), 0);
	assert_false(policies_read_text(policies));
	policies_release(policies);
	gmtime_r(&moment, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &utc);
	text = mem_printf("%srules: [{use: where-required}]\nexceptions:\n"
			  "  - {rule: where-required, match: {user: batch}, ticket: OPS-1, owner: jane, "
			  "expires: %s, break_glass: true, reason: no space}\n", HEADER, date);
	policies = load(text);
	mem_free(text);

	assert_true(policies_read_text(policies));
	policies_each_break_glass(policies, now, count_glass, &count);
	assert_int_equal(count, 1);
	assert_int_equal(policies_break_glass_open(policies, now), 1);
	assert_int_equal(policies_break_glass_open(policies, now + 4 * hour), 0);
	policies_release(policies);
	(void)state;
}

static void
an_exception_with_not_holds_only_when_nothing_of_it_is_there(void **state)
{
	struct policies *policies =
	    load_exception("{user: batch, not: {relations: {write: [public.users]}}}");
	static const struct who batch = { .user = "batch" };
	const uint64_t now = clock_wall_us();

	assert_string_equal(
	    outcome_at(policies, batch, "DELETE FROM public.sessions", now), "allow -");
	assert_string_equal(
	    outcome_at(policies, batch, "DELETE FROM users", now), "deny where-required");
	assert_string_equal(
	    outcome_at(policies, batch,
		"WITH a AS (DELETE FROM public.sessions) DELETE FROM public.users", now),
	    "deny where-required");
	policies_release(policies);
	(void)state;
}

static void
a_rule_named_by_itself_takes_the_place_of_the_one_in_its_pack(void **state)
{
	static const struct judged judged[] = { { "DROP TABLE t", "deny drop-table" },
		{ "TRUNCATE t", "allow -" }, { "DROP SCHEMA s", "warn drop-schema" },
		{ "CREATE INDEX ON t (a)", "deny index-not-concurrent" } };

	check_outcomes(HEADER "rules:\n  - {use: destructive-ddl}\n  - {use: truncate, mode: off}\n"
			      "  - {use: drop-schema, action: warn}\n"
			      "  - {use: \"sm:add_index\"}\n",
	    app, judged, COUNT(judged));
	check_outcomes(HEADER "rules:\n  - {use: truncate, mode: off}\n"
			      "  - {use: drop-schema, action: warn}\n  - {use: destructive-ddl}\n"
			      "  - {use: unsafe-ddl}\n",
	    app, judged, COUNT(judged));
	(void)state;
}

static void
several_policies_are_all_asked_and_the_first_refusal_is_told(void **state)
{
	struct problems problems = { 0 };
	struct policies *policies;

	write_file("p.yaml", HEADER "rules: [{use: truncate, action: warn}]\n");
	write_file("q.yaml", "apiVersion: pgweir/v1\nkind: GuardrailPolicy\n"
			     "metadata: {name: q}\nrules: [{use: destructive-ddl}]\n");
	policies = policies_load("[pq].yaml", &problems);
	assert_non_null(policies);
	assert_int_equal(policies_count(policies), 2);
	assert_string_equal(outcome(policies, app, "TRUNCATE t"), "deny truncate");
	assert_string_equal(outcome(policies, app, "SELEC"), "deny sql-unparseable");
	policies_release(policies);
	problems_free(&problems);
	(void)state;
}

static void
each_policy_has_its_own_cap_on_length(void **state)
{
	struct problems problems = { 0 };
	struct policies *policies;
	char *sql = mem_printf("SELECT '%01500d'", 0);

	write_file("p.yaml", HEADER "applies_to: {roles: [app_rw]}\n"
				    "defaults: {on_oversize: {above: 1KiB}}\n");
	write_file("q.yaml", "apiVersion: pgweir/v1\nkind: GuardrailPolicy\n"
			     "metadata: {name: q}\nrules: [{use: truncate}]\n");
	policies = policies_load("[pq].yaml", &problems);
	assert_non_null(policies);
	assert_string_equal(outcome(policies, app, sql), "deny sql-oversize");
	assert_string_equal(outcome(policies, (struct who){ .role = "r" }, sql), "allow -");
	policies_release(policies);
	problems_free(&problems);
	mem_free(sql);
	(void)state;
}

/* The setting of a first packet, as the SET that stands for it. */
static struct verdict
judge_startup(const struct policies *policies, const char *sql, uint64_t wall_us)
{
	static const struct policy_script script = { .is_startup = true };
	struct subject subject = { .user = "orders-svc", .role = "app_rw", .database = "shop",
		.application = "", .client = "" };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	struct verdict verdict;
	int position;
	enum sql_outcome outcome = sql_facts(sql, strlen(sql), 4096, &facts, &err, &position);

	policies_judge_in(policies, &subject, sql, strlen(sql), outcome, facts, &err, wall_us,
	    &script, &verdict);
	if (facts != NULL)
		sql_facts_free(facts);
	return verdict;
}

static void
a_setting_of_the_first_packet_is_asked_about_by_session_integrity_alone(void **state)
{
	static const char policy[] = HEADER
	    "defaults: {action: deny, client_settings: [TimeZone, client_encoding, "
	    "default_transaction_read_only]}\n"
	    "rules:\n"
	    "  - {use: transaction-mode}\n"
	    "  - {id: no-sets, match: {class: SESSION}, action: deny}\n";
	static const struct {
		const char *sql, *rule, *sqlstate;
	} cases[] = {
		{ "SET \"timezone\" TO E'UTC'", NULL, "" },
		{ "SET \"work_mem\" TO E'5MB'", "setting-not-allowed", "42501" },
		{ "SET \"role\" TO E'postgres'", "role-switch", "42501" },
		{ "SET \"default_transaction_read_only\" TO E'off'", "transaction-mode", "42501" },
		{ "SET \"client_encoding\" TO E'latin1'", "encoding", "0A000" },
		{ "SET \"timezone\" TO E'\xff'", "sql-unparseable", "42501" },
	};
	struct policies *policies = load(policy);

	assert_string_equal(outcome(policies, app, "SET TimeZone TO 'UTC'"), "deny no-sets");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict verdict = judge_startup(policies, cases[i].sql, TEN_US);

		assert_int_equal(verdict.action,
		    cases[i].rule != NULL ? POLICY_DENY : POLICY_ALLOW);
		assert_string_equal(verdict.sqlstate, cases[i].sqlstate);
		if (cases[i].rule != NULL)
			assert_string_equal(verdict.rule, cases[i].rule);
		verdict_free(&verdict);
	}
	policies_release(policies);
	(void)state;
}

static void
an_exception_lets_a_first_packet_pass_unless_it_breaks_glass(void **state)
{
	static const char *const kinds[] = { "", ", break_glass: true, reason: why" };

	for (size_t i = 0; i < COUNT(kinds); i++) {
		char until[40];
		struct policies *policies;
		struct verdict verdict;
		char *text;

		put_soon(until);
		text = mem_printf(HEADER "defaults: {client_settings: [TimeZone]}\n"
		    "exceptions:\n  - {rule: setting-not-allowed, match: {user: orders-svc}, ticket: T-1, "
		    "owner: me, expires: %s%s}\n", until, kinds[i]);
		policies = load(text);
		verdict = judge_startup(
		    policies, "SET \"work_mem\" TO E'5MB'", clock_wall_us());
		assert_int_equal(verdict.action, i == 0 ? POLICY_ALLOW : POLICY_DENY);
		verdict_free(&verdict);
		policies_release(policies);
		mem_free(text);
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deny_wins_over_warn_log_and_allow_in_any_order),
		cmocka_unit_test(the_first_rule_of_the_file_is_reported_whichever_statement_it_hits),
		cmocka_unit_test(a_refusal_names_rule_file_line_position_and_table),
		cmocka_unit_test(an_own_rule_speaks_its_own_words),
		cmocka_unit_test(mode_warn_lets_pass_and_says_what_it_would_have_done),
		cmocka_unit_test(a_policy_speaks_only_of_whom_it_applies_to),
		cmocka_unit_test(keys_together_mean_all_and_lists_mean_any),
		cmocka_unit_test(a_rule_on_a_table_is_not_dodged_by_leaving_the_schema_out),
		cmocka_unit_test(not_is_asked_of_each_part_so_that_nothing_rides_along),
		cmocka_unit_test(an_allow_list_needs_an_allow_for_every_class_and_every_relation),
		cmocka_unit_test(an_allow_with_not_carries_all_but_what_not_names),
		cmocka_unit_test(the_default_refusal_says_what_is_missing),
		cmocka_unit_test(what_cannot_be_read_is_refused_or_logged_as_defaults_say),
		cmocka_unit_test(what_is_too_long_may_be_a_plain_insert_if_the_policy_says_so),
		cmocka_unit_test(application_client_hours_functions_and_fingerprint_are_matched),
		cmocka_unit_test(columns_limits_stars_and_tags_are_matched),
		cmocka_unit_test(rules_for_others_are_not_asked_and_the_first_of_the_file_is_told),
		cmocka_unit_test(a_regex_that_runs_wild_refuses_instead_of_hanging),
		cmocka_unit_test(an_exception_lifts_one_rule_for_what_it_covers_until_it_ends),
		cmocka_unit_test(writes_to_catalogs_pass_by_an_exception_that_names_the_relation_only),
		cmocka_unit_test(break_glass_is_told_by_the_verdict_before_other_exceptions_until_it_ends),
		cmocka_unit_test(break_glass_that_is_open_is_told_and_makes_texts_be_looked_at),
		cmocka_unit_test(an_exception_with_not_holds_only_when_nothing_of_it_is_there),
		cmocka_unit_test(a_rule_named_by_itself_takes_the_place_of_the_one_in_its_pack),
		cmocka_unit_test(several_policies_are_all_asked_and_the_first_refusal_is_told),
		cmocka_unit_test(a_setting_of_the_first_packet_is_asked_about_by_session_integrity_alone),
		cmocka_unit_test(an_exception_lets_a_first_packet_pass_unless_it_breaks_glass),
		cmocka_unit_test(each_policy_has_its_own_cap_on_length),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
