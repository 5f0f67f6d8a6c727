/* test_slow.c - behaviour of audit/slow: lines that pgBadger reads as PostgreSQL's own. */
#include "audit_support.h"
#include "../../../src/audit/audit_internal.h"

/* Record the statements with only the slow log on; its bytes. */
static char *
slow_lines(struct place *place, const struct audit_statement *statements, size_t count)
{
	struct error err;
	struct audit *audit;

	place->config.audit_file = "";
	place->config.slow_log_file = place->slow;
	audit = audit_start(&place->config, 1, &err);
	assert_non_null(audit);
	for (size_t i = 0; i < count; i++)
		audit_statement(audit_lane(audit, 0), &statements[i]);
	audit_stop(audit, "test");
	return file_read(place->slow, NULL);
}

static void
a_slow_statement_is_a_line_of_jsonlog(void **state)
{
	static const char expected[] =
	    "{\"timestamp\":\"2025-11-22 09:37:53.123 UTC\",\"user\":\"orders-svc\","
	    "\"dbname\":\"shop\",\"pid\":4242,\"remote_host\":\"10.1.2.3\",\"remote_port\":51514,"
	    "\"error_severity\":\"LOG\",\"message\":\"duration: 1830.002 ms  statement: UPDATE "
	    "orders SET state = ? WHERE id = ?\",\"application_name\":\"billing\","
	    "\"backend_type\":\"client backend\",\"query_id\":0,\"pgweir\":{\"queue_us\":12,"
	    "\"fingerprint\":\"pg15:a0ead580058af585\"}}\n";
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct sql_facts *facts = facts_of_an_update();
	struct audit_text_parts *parts = audit_text_parts_new(&place->config, "", 0, facts);
	struct audit_statement statements[] = {
		{ .who = who, .text = parts, .facts = facts, .sqlstate = "00000",
		    .duration_us = 1830002, .queue_us = 12, .server_pid = 4242,
		    .wall_us = 1763804273123456 },
		{ .who = who, .text = parts, .facts = facts, .duration_us = 199999 },
	};
	char *lines = slow_lines(place, statements, 2);

	assert_string_equal(lines, expected);
	mem_free(lines);
	audit_text_parts_free(NULL, parts);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
a_rule_may_have_a_threshold_of_its_own(void **state)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct audit_verdict *less = audit_verdict_new(
	    &(struct verdict){ .logged = { .slow = true, .slow_ms = 50 } });
	struct audit_verdict *more = audit_verdict_new(
	    &(struct verdict){ .logged = { .slow = true, .slow_overrides = true, .slow_ms = 5000 } });
	struct audit_statement statements[] = {
		{ .who = who, .rendered = less, .duration_us = 49999, .wall_us = 1 },
		{ .who = who, .rendered = less, .duration_us = 50000, .wall_us = 1 },
		{ .who = who, .rendered = more, .duration_us = 4999999, .wall_us = 1 },
		{ .who = who, .rendered = more, .duration_us = 5000001, .wall_us = 1 },
	};
	char *lines = slow_lines(place, statements, 4);

	assert_non_null(strstr(lines, "duration: 50.000 ms"));
	assert_non_null(strstr(strchr(lines, '\n'), "duration: 5000.001 ms"));
	assert_null(strstr(lines, "49.999"));
	assert_null(strstr(lines, "4999.999"));
	mem_free(lines);
	audit_verdict_free(NULL, less);
	audit_verdict_free(NULL, more);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
constants_of_a_plan_are_hidden_and_its_own_numbers_stay(void **state)
{
	static const char plan[] =
	    "Gather  (cost=1000.00..12578.53 rows=5 width=4)\n"
	    "  Workers Planned: 2\n"
	    "  ->  Parallel Seq Scan on \"o'br'ien 5\" t1  (cost=0.00..11578.03 rows=2 width=4)\n"
	    "        Filter: ((a > $1) AND (b = 'it''s secret'::text) AND (c = ANY ('{1,2}'::int4[])) AND (d > -42))\n"
	    "        Sort Key: ((a2 + 7.5e3)), \"x(1\"";
	struct buf out = { 0 };

	plan_hide_constants(&out, plan, strlen(plan));
	buf_put_u8(&out, 0);
	assert_string_equal((char *)buf_bytes(&out),
	    "Gather  (cost=1000.00..12578.53 rows=5 width=4)\n"
	    "  Workers Planned: 2\n"
	    "  ->  Parallel Seq Scan on \"o'br'ien 5\" t1  (cost=0.00..11578.03 rows=2 width=4)\n"
	    "        Filter: ((a > $1) AND (b = ?::text) AND (c = ANY (?::int4[])) AND (d > -?))\n"
	    "        Sort Key: ((a2 + ?)), \"x(1\"");
	buf_free(&out);
	(void)state;
}

static void
one_plan_at_a_time_and_so_many_an_hour_and_one_of_a_fingerprint(void **state)
{
	enum { HOUR_US = 3600 * 1000000U };
	struct plans *plans = mem_zalloc(1, sizeof(*plans));

	pthread_mutex_init(&plans->lock, NULL);
	assert_true(plans_take(plans, "pg15:a", 2, 1));
	assert_false(plans_take(plans, "pg15:b", 2, 2)); /* one is under way */
	plans_done(plans, true);
	assert_false(plans_take(plans, "pg15:a", 2, 3)); /* it has been */
	assert_true(plans_take(plans, "pg15:b", 2, 4));
	plans_done(plans, false);
	assert_false(plans_take(plans, "pg15:c", 2, 5)); /* enough */
	assert_true(plans_take(plans, "pg15:a", 2, HOUR_US + 1ULL));
	plans_done(plans, true);
	assert_int_equal(plans->good, 2);
	assert_int_equal(plans->failed, 1);
	assert_int_equal(plans->skipped, 2);
	pthread_mutex_destroy(&plans->lock);
	mem_free(plans);
	(void)state;
}

static void
a_line_waits_for_its_plan_and_is_there_without_one_too(void **state)
{
	static const char found[] = "Update on orders  (cost=0.00..1.01 rows=1 width=8)\n"
				    "  Filter: ((id = $2) AND (\"q\" = 5))";
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct sql_facts *facts = facts_of_an_update(), other = *facts;
	struct audit_text_parts *parts = audit_text_parts_new(&place->config, "", 0, facts);
	struct audit_statement statement = { .who = who, .text = parts, .facts = facts,
		.duration_us = 1830002, .server_pid = 4242, .wall_us = 1763804273123456 };
	struct audit_plan *plan;
	struct error err;
	struct audit *audit;
	char *lines;

	place->config.slow_log_file = place->slow;
	place->config.slow_log_plan = true;
	place->config.slow_log_plans_per_hour = 12;
	audit = audit_start(&place->config, 1, &err);
	assert_true(audit_tell(audit_lane(audit, 0), &statement).slow);
	plan = audit_plan_begin(audit_lane(audit, 0), &statement, 1);
	audit_plan_end(audit_lane(audit, 0), plan, found, strlen(found));
	memset(other.fingerprint, '0', 8);
	statement.facts = &other;
	plan = audit_plan_begin(audit_lane(audit, 0), &statement, 2);
	audit_plan_end(audit_lane(audit, 0), plan, NULL, 0);
	audit_stop(audit, "test");
	lines = file_read(place->slow, NULL);

	assert_non_null(strstr(lines, "\"message\":\"duration: 1830.002 ms  plan:\\nQuery Text: UPDATE orders SET "
	    "state = ? WHERE id = ?\\nUpdate on orders  (cost=0.00..1.01 rows=1 width=8)\\n  Filter: ((id = ?) AND "
	    "(\\\"q\\\" = ?))\",\"application_name\":\"billing\","));
	assert_non_null(strstr(strchr(lines, '\n'), "\"message\":\"duration: 1830.002 ms  statement: UPDATE orders "));
	mem_free(lines);
	audit_text_parts_free(NULL, parts);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
only_the_escapes_that_pgbadger_knows_are_used(void **state)
{
	static const char text[] =
	    "SELECT 'a\tb\nc\rd\\e\"f\x01\x7f\xe2\x80\xa8 \xc3\xbc', x$1, $12, \"$3\"";
	struct place *place = place_new();
	struct audit_who *who = audit_who_new(&(struct audit_who_fields){ .session = "S",
	    .client_address = "[local]", .user = "q\"u\\o\x02", .role = "r", .database = "d",
	    .application = "m\xfc" });
	struct audit_text_parts *parts;
	char *lines;
	json_t *line;

	place->config.audit_text = AUDIT_TEXT_RAW;
	parts = audit_text_parts_new(&place->config, text, strlen(text), NULL);
	lines = slow_lines(place,
	    &(struct audit_statement){ .who = who, .text = parts, .duration_us = 200000 }, 1);
	line = json_loads(lines, 0, NULL);

	assert_null(strstr(lines, "\\u"));
	assert_string_equal(member(line, "user"), "q\"u\\o?");
	assert_string_equal(member(line, "message"),
	    "duration: 200.000 ms  statement: SELECT 'a\tb\nc\rd\\e\"f??  \xc3\xbc', x$1, ?, \"?\"");
	json_decref(line);
	mem_free(lines);
	audit_text_parts_free(NULL, parts);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
a_refusal_is_an_error_line_however_quick(void **state)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct verdict verdict = { .action = POLICY_DENY,
		.message = "blocked by pgweir rule \"drop-table\"", .detail = "It\nis \"gone\".",
		.hint = "Don't." };
	char *lines = slow_lines(place,
	    &(struct audit_statement){ .who = who, .sqlstate = "42501", .verdict = &verdict,
		.outcome = AUDIT_DENIED_OUTCOME }, 1);
	json_t *line = json_loads(lines, 0, NULL);

	assert_string_equal(member(line, "error_severity"), "ERROR");
	assert_string_equal(member(line, "state_code"), "42501");
	assert_string_equal(member(line, "message"), verdict.message);
	assert_string_equal(member(line, "detail"), verdict.detail);
	assert_string_equal(member(line, "hint"), verdict.hint);
	assert_int_equal(number(line, "pid"), getpid());
	json_decref(line);
	mem_free(lines);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

/* Both kinds of line, many of them, for pgBadger to count. */
static void
write_for_pgbadger(struct place *place, size_t slow, size_t refused)
{
	struct audit_who *who = who_of_a_service();
	struct sql_facts *facts = facts_of_an_update();
	struct audit_text_parts *parts = audit_text_parts_new(&place->config, "", 0, facts);
	struct verdict verdict = { .message = "blocked by pgweir rule \"drop-table\"",
		.detail = "Gone.", .hint = "Don't." };
	struct audit_statement *statements = mem_zalloc(slow + refused, sizeof(*statements));

	for (size_t i = 0; i < slow + refused; i++)
		statements[i] = (struct audit_statement){ .who = who, .text = parts,
			.facts = facts, .sqlstate = i < slow ? "00000" : "42501",
			.duration_us = 250000, .server_pid = i < slow ? 4242 : 0,
			.wall_us = 1763804273123456 + i * 1000000,
			.outcome = i < slow ? AUDIT_OK : AUDIT_DENIED_OUTCOME,
			.verdict = i < slow ? NULL : &verdict };
	mem_free(slow_lines(place, statements, slow + refused));
	mem_free(statements);
	audit_text_parts_free(NULL, parts);
	audit_who_free(NULL, who);
}

static void
pgbadger_counts_every_query_and_every_refusal(void **state)
{
	struct place *place = place_new();
	char *report = mem_printf("%s/report.json", place->folder);
	/* A PID file of its own: another pgbadger may be at work. */
	char *command = mem_printf(
	    "pgbadger -q --pid-dir %s -f jsonlog -x json -o %s %s >/dev/null 2>&1", place->folder,
	    report, place->slow);
	json_t *found, *overall, *spent;

	write_for_pgbadger(place, 40, 3);
	assert_int_equal(system(command), 0);
	found = json_load_file(report, 0, NULL);
	overall = json_object_get(json_object_get(found, "overall_stat"), "postgres");
	spent = json_object_get(json_object_get(overall, "queries_duration"), "execute");

	assert_int_equal(number(overall, "queries_number"), 40);
	assert_int_equal(number(overall, "errors_number"), 3);
	assert_int_equal((int)json_number_value(spent), 40 * 250);
	json_decref(found);
	mem_free(command);
	mem_free(report);
	place_free(place);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_statement_is_a_line_of_jsonlog),
		cmocka_unit_test(a_rule_may_have_a_threshold_of_its_own),
		cmocka_unit_test(constants_of_a_plan_are_hidden_and_its_own_numbers_stay),
		cmocka_unit_test(one_plan_at_a_time_and_so_many_an_hour_and_one_of_a_fingerprint),
		cmocka_unit_test(a_line_waits_for_its_plan_and_is_there_without_one_too),
		cmocka_unit_test(only_the_escapes_that_pgbadger_knows_are_used),
		cmocka_unit_test(a_refusal_is_an_error_line_however_quick),
		cmocka_unit_test(pgbadger_counts_every_query_and_every_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
