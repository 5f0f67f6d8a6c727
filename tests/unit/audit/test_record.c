/* test_record.c - behaviour of audit/record and audit/redact: what stands in a record. */
#include "audit_support.h"

/* Record one statement and give back the records of the file. */
static json_t *
records_of(struct place *place, const struct audit_statement *statement)
{
	struct error err;
	struct audit *audit = audit_start(&place->config, 1, &err);
	struct audit_statement judged = *statement;
	struct audit_verdict *rendered =
	    statement->verdict != NULL ? audit_verdict_new(statement->verdict) : NULL;

	assert_non_null(audit);
	judged.rendered = rendered;
	audit_statement(audit_lane(audit, 0), &judged);
	audit_stop(audit, "test");
	audit_verdict_free(NULL, rendered);
	return chain_read(place->access, NULL);
}

/* The record of one text. */
static json_t *
record_of_text(struct place *place, const char *text, size_t length, struct sql_facts *facts)
{
	struct audit_who *who = who_of_a_service();
	struct audit_text_parts *parts =
	    audit_text_parts_new(&place->config, text, length, facts);
	json_t *records = records_of(place, &(struct audit_statement){ .who = who, .text = parts,
	    .facts = facts, .stmt = 1, .sqlstate = "00000", .returned_rows = -1,
	    .rows_affected = -1, .wall_us = 1700000000000000 });
	json_t *record = json_incref(find_event(records, "statement"));

	json_decref(records);
	audit_text_parts_free(NULL, parts);
	audit_who_free(NULL, who);
	return record;
}

static void
a_statement_says_who_what_and_how_it_ended(void **state)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct sql_facts *facts = facts_of_an_update();
	struct audit_text_parts *parts = audit_text_parts_new(&place->config, "", 0, facts);
	struct verdict verdict = { .action = POLICY_ALLOW, .mode = POLICY_MODE_ENFORCE,
		.policy = "shop-prod@sha256:9f2c41d7" };
	json_t *records = records_of(place,
	    &(struct audit_statement){ .who = who, .text = parts, .facts = facts, .txn = 17,
		.stmt = 3, .sqlstate = "00000", .returned_rows = 0, .rows_affected = 1,
		.bytes_in = 96, .bytes_out = 77, .duration_us = 1830, .queue_us = 12,
		.wall_us = 1763804273123456, .server_pid = 4242, .verdict = &verdict });
	json_t *record = find_event(records, "statement");
	json_t *relation = json_array_get(json_object_get(record, "relations"), 0);

	assert_string_equal(member(record, "time"), "2025-11-22T09:37:53.123456Z");
	assert_string_equal(member(record, "instance"), "edge-1");
	assert_string_equal(member(record, "session"), "01JD4Q8Z5K00001");
	assert_string_equal(member(record, "txn"), "01JD4Q8Z5K00001.17");
	assert_int_equal(number(record, "stmt"), 3);
	assert_string_equal(member(record, "client.address"), "10.1.2.3");
	assert_int_equal(number(record, "client.port"), 51514);
	assert_string_equal(member(record, "user.name"), "orders-svc");
	assert_string_equal(member(record, "db.role"), "app_rw");
	assert_string_equal(member(record, "db.namespace"), "shop");
	assert_string_equal(member(record, "application"), "billing");
	assert_string_equal(member(record, "db.system.name"), "postgresql");
	assert_string_equal(member(record, "db.operation.name"), "UPDATE");
	assert_string_equal(member(record, "db.collection.name"), "public.orders");
	assert_string_equal(member(record, "db.query.summary"), "UPDATE public.orders");
	assert_string_equal(member(record, "db.query.text"), facts->normalized);
	assert_string_equal(member(record, "query.fingerprint"), "pg15:a0ead580058af585");
	assert_string_equal(json_string_value(json_array_get(
	    json_object_get(record, "query.class"), 0)), "WRITE");
	assert_string_equal(member(relation, "name"), "public.orders");
	assert_string_equal(member(relation, "access"), "write");
	assert_string_equal(member(record, "db.response.status_code"), "00000");
	assert_int_equal(number(record, "db.response.returned_rows"), 0);
	assert_int_equal(number(record, "rows_affected"), 1);
	assert_int_equal(number(record, "duration_us"), 1830);
	assert_int_equal(number(record, "queue_us"), 12);
	assert_int_equal(number(record, "server.pid"), 4242);
	assert_true(json_is_null(json_object_get(record, "pin")));
	assert_string_equal(member(record, "outcome"), "ok");
	assert_string_equal(member(record, "decision"), "allow");
	assert_string_equal(member(record, "mode"), "enforce");
	assert_string_equal(member(record, "policy"), "shop-prod@sha256:9f2c41d7");
	assert_true(json_is_null(json_object_get(record, "rule")));

	json_decref(records);
	audit_text_parts_free(NULL, parts);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
a_refusal_is_an_event_of_its_own_with_its_rule(void **state)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct verdict verdict = { .action = POLICY_DENY, .mode = POLICY_MODE_ENFORCE,
		.rule = "drop-table", .policy = "p@sha256:00000000", .detail = "It is \"gone\".",
		.position = 12 };
	json_t *records = records_of(place,
	    &(struct audit_statement){ .who = who, .stmt = 1, .sqlstate = "42501",
		.returned_rows = -1, .rows_affected = -1, .wall_us = 1,
		.outcome = AUDIT_DENIED_OUTCOME, .verdict = &verdict });
	json_t *record = find_event(records, "statement.denied");

	assert_string_equal(member(record, "decision"), "deny");
	assert_string_equal(member(record, "rule"), "drop-table");
	assert_string_equal(member(record, "detail"), "It is \"gone\".");
	assert_int_equal(number(record, "position"), 12);
	assert_string_equal(member(record, "outcome"), "denied");
	assert_true(json_is_null(json_object_get(record, "db.response.returned_rows")));
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
a_rule_that_would_have_denied_is_named(void **state)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct verdict verdict = { .action = POLICY_WARN, .mode = POLICY_MODE_WARN,
		.rule = "where-required", .would_deny = true };
	json_t *records = records_of(place, &(struct audit_statement){ .who = who, .stmt = 1,
	    .sqlstate = "00000", .verdict = &verdict, .wall_us = 1 });
	json_t *record = find_event(records, "statement");

	assert_string_equal(member(record, "decision"), "warn");
	assert_string_equal(json_string_value(json_array_get(
	    json_object_get(record, "would_deny"), 0)), "where-required");
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
what_an_exception_let_pass_has_a_record_of_its_own(void **state)
{
	static const int settings[] = { AUDIT_ALL, AUDIT_WRITE, AUDIT_DENIED, AUDIT_NONE };

	for (size_t i = 0; i < 4; i++) {
		struct place *place = place_new();
		struct audit_who *who = who_of_a_service();
		struct verdict verdict = { .action = POLICY_ALLOW, .mode = POLICY_MODE_ENFORCE,
			.policy = "p@sha256:00000000", .exception = "OPS-4711",
			.exception_rule = "where-required", .exception_owner = "jane@example.com",
			.exception_expires_us = 1800000000000000 };
		json_t *records, *used;

		place->config.audit_statements = settings[i];
		records = records_of(place, &(struct audit_statement){ .who = who, .stmt = 7,
		    .sqlstate = "00000", .verdict = &verdict, .wall_us = 1 });
		used = find_event(records, "exception.used");

		assert_string_equal(member(find_event(records, "statement"), "exception"), "OPS-4711");
		assert_string_equal(member(used, "rule"), "where-required");
		assert_string_equal(member(used, "ticket"), "OPS-4711");
		assert_string_equal(member(used, "owner"), "jane@example.com");
		assert_string_equal(member(used, "expires"), "2027-01-15T08:00:00.000000Z");
		assert_string_equal(member(used, "user.name"), "orders-svc");
		assert_int_equal(number(used, "stmt"), 7);
		json_decref(records);
		audit_who_free(NULL, who);
		place_free(place);
	}
	(void)state;
}

/* Is such a statement recorded where the setting is this one and rules say that? */
static bool
is_recorded(int setting, struct policy_logged logged, enum audit_outcome outcome)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct sql_facts reads = { .classes = SQL_READ };
	struct verdict verdict = { .action = POLICY_ALLOW, .mode = POLICY_MODE_ENFORCE, .logged = logged };
	json_t *records;
	bool found;

	place->config.audit_statements = setting;
	records = records_of(place, &(struct audit_statement){ .who = who, .stmt = 7, .facts = &reads,
	    .sqlstate = "00000", .verdict = &verdict, .wall_us = 1, .outcome = outcome });
	found = count_event(records, "statement") + count_event(records, "statement.denied") > 0;
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	return found;
}

static void
rules_say_more_or_less_than_the_setting(void **state)
{
	const struct policy_logged all = { .adds = true, .at_least = AUDIT_ALL };
	const struct policy_logged denials = { .adds = true, .at_least = AUDIT_DENIED };
	const struct policy_logged less = { .adds = true, .at_least = AUDIT_NONE, .takes = true,
		.instead = AUDIT_NONE };

	assert_true(is_recorded(AUDIT_NONE, all, AUDIT_OK));
	assert_true(is_recorded(AUDIT_WRITE, all, AUDIT_OK));
	assert_false(is_recorded(AUDIT_NONE, denials, AUDIT_OK));
	assert_true(is_recorded(AUDIT_NONE, denials, AUDIT_DENIED_OUTCOME));
	assert_true(is_recorded(AUDIT_ALL, denials, AUDIT_OK));
	assert_false(is_recorded(AUDIT_ALL, less, AUDIT_OK));
	(void)state;
}

static void
hostile_names_stay_inside_their_strings(void **state)
{
	static const char evil[] = "x\",\"event\":\"audit.stop\"}\n{\"\\\x01\x7f\xe2\x80\xa8";
	struct place *place = place_new();
	struct audit_who *who = audit_who_new(&(struct audit_who_fields){ .session = evil,
	    .client_address = evil, .user = evil, .role = evil, .database = evil,
	    .application = evil });
	struct verdict verdict = { .rule = evil, .policy = evil, .detail = (char *)evil,
		.action = POLICY_DENY };
	json_t *records = records_of(place, &(struct audit_statement){ .who = who, .stmt = 1,
	    .sqlstate = "00000", .pin = evil, .verdict = &verdict, .wall_us = 1 });
	json_t *record = find_event(records, "statement");
	size_t length;
	char *bytes = file_read(place->access, &length);

	assert_int_equal(json_array_size(records), 4);
	assert_string_equal(member(record, "user.name"), evil);
	assert_string_equal(member(record, "db.role"), evil);
	assert_string_equal(member(record, "application"), evil);
	assert_string_equal(member(record, "pin"), evil);
	assert_string_equal(member(record, "rule"), evil);
	assert_string_equal(member(record, "policy"), evil);
	assert_null(memchr(bytes, 0x7f, length));
	assert_null(memmem(bytes, length, "\xe2\x80\xa8", 3));
	mem_free(bytes);
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
what_is_not_utf8_goes_base64_under_another_key(void **state)
{
	struct place *place = place_new();
	struct audit_who *who = audit_who_new(&(struct audit_who_fields){ .session = "S",
	    .client_address = "[local]", .user = "m\xfcller", .role = "r", .database = "d",
	    .application = "\xc0\x80" });
	json_t *records = records_of(place, &(struct audit_statement){ .who = who, .stmt = 1,
	    .sqlstate = "00000", .wall_us = 1 });
	json_t *record = find_event(records, "statement");

	assert_null(json_object_get(record, "user.name"));
	assert_string_equal(member(record, "user.name.b64"), "bfxsbGVy");
	assert_string_equal(member(record, "application.b64"), "wIA=");
	assert_null(json_object_get(record, "client.port"));
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
a_text_that_was_not_parsed_is_told_by_length_and_hash(void **state)
{
	static const char text[] = "SELEC 'my secret'";
	struct place *place = place_new();
	json_t *record = record_of_text(place, text, strlen(text), NULL);
	char hash[45];

	hash_of(text, strlen(text), hash);
	assert_null(json_object_get(record, "db.query.text"));
	assert_int_equal(number(record, "db.query.text.length"), strlen(text));
	assert_string_equal(member(record, "db.query.text.sha256"), hash);
	json_decref(record);
	place_free(place);
	(void)state;
}

static void
raw_shows_the_text_but_never_a_password(void **state)
{
	static const char select[] = "SELECT 'x' /* secret */";
	static const char alter[] = "ALTER ROLE a PASSWORD 'hunter2'";
	struct place *place = place_new();
	struct sql_statement statement = { .classes = SQL_ROLE, .verb = "ALTER ROLE" };
	struct sql_facts facts = { .statements = &statement, .statement_count = 1,
		.normalized = "ALTER ROLE a PASSWORD $1" };
	json_t *record;

	place->config.audit_text = AUDIT_TEXT_RAW;
	record = record_of_text(place, alter, strlen(alter), &facts);
	assert_string_equal(member(record, "db.query.text"), "ALTER ROLE a PASSWORD $1");
	json_decref(record);
	unlink(place->access);
	record = record_of_text(place, alter, strlen(alter), NULL);
	assert_null(json_object_get(record, "db.query.text"));
	json_decref(record);
	unlink(place->access);
	record = record_of_text(place, select, strlen(select), NULL);
	assert_string_equal(member(record, "db.query.text"), "SELECT 'x'");
	json_decref(record);
	place_free(place);
	(void)state;
}

static void
a_text_is_told_by_its_hmac_alone_if_asked(void **state)
{
	static char key[] = "a key for the texts";
	struct place *place = place_new();
	struct sql_statement statement = { .classes = SQL_READ, .verb = "SELECT" };
	struct sql_facts facts = { .statements = &statement, .statement_count = 1,
		.normalized = "SELECT $1" };
	json_t *record;

	place->config.audit_text = AUDIT_TEXT_HMAC;
	place->config.audit_text_key = key;
	record = record_of_text(place, "SELECT 1", 8, &facts);
	/* printf 'SELECT 1' | openssl dgst -sha256 -hmac 'a key for the texts' -binary | base64 */
	assert_string_equal(member(record, "db.query.text.hmac"),
	    "/v1JVYBD8piNm1NRdk+L34Vn7q9nzZHCsLZ4Ff/L88Q=");
	assert_null(json_object_get(record, "db.query.text"));
	assert_string_equal(member(record, "db.query.summary"), "SELECT");
	json_decref(record);
	place_free(place);
	(void)state;
}

static void
comments_and_bodies_are_left_out_and_strings_are_not_mistaken_for_them(void **state)
{
	static const struct {
		const char *normalized, *shown;
	} cases[] = {
		{ "SELECT 1 -- secret\n, 2", "SELECT 1 \n, 2" },
		{ "SELECT /* a /* b */ c */ 1", "SELECT   1" },
		{ "SELECT '/* no comment */', \"--x\"", "SELECT '/* no comment */', \"--x\"" },
		{ "SELECT E'\\'--', 'it''s --'", "SELECT E'\\'--', 'it''s --'" },
		{ "SELECT a$b$ -- c", "SELECT a$b$" },
		{ "SELECT $1 -- c", "SELECT $1" },
		{ "DO $x$ secret $$ $x$;", "DO '[11 bytes, SHA-256 "
					   "YUWdu5CZL9qiAu8btkZZzgue6MiB1wowswTq3Q5E/J0=]'" },
		{ "SELECT 'open", "SELECT 'open" },
		{ "/* open", "" },
	};
	struct place *place = place_new();
	struct sql_statement statement = { .classes = SQL_READ, .verb = "SELECT" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sql_facts facts = { .statements = &statement, .statement_count = 1,
			.normalized = (char *)cases[i].normalized };
		json_t *record = record_of_text(place, "", 0, &facts);

		assert_string_equal(member(record, "db.query.text"), cases[i].shown);
		json_decref(record);
		unlink(place->access);
	}
	place_free(place);
	(void)state;
}

static void
sqlcommenter_keys_become_tags_and_the_trace(void **state)
{
	static const struct {
		const char *text, *route, *trace;
	} cases[] = {
		{ "SELECT 1 /*route='%2Fpay%20me',traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-"
		  "00f067aa0ba902b7-01'*/",
		    "/pay me", "4bf92f3577b34da6a3ce929d0e0e4736" },
		{ "SELECT 1 /* route='a\\'b' , x='' */", "a'b", NULL },
		{ "SELECT 1 /*route='%00%zz%1'*/", "%00%zz%1", NULL },
		{ "SELECT '/*route=''x''*/'", NULL, NULL },
		{ "SELECT 1 /*route=x*/ /*route='open", NULL, NULL },
		{ "SELECT 1 /*route='x' and words*/", NULL, NULL },
		{ "SELECT 1 /*traceparent='00-4BF9-1-01'*/", NULL, NULL },
		{ "SELECT 1 /*route='1',route='2'*/", "1", NULL },
	};
	struct place *place = place_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *record = record_of_text(
		    place, cases[i].text, strlen(cases[i].text), facts_of_an_update());
		const char *route = member(json_object_get(record, "tags"), "route");
		const char *trace = member(record, "trace.id");

		assert_string_equal(route ? route : "none", cases[i].route ? cases[i].route : "none");
		assert_string_equal(trace ? trace : "none", cases[i].trace ? cases[i].trace : "none");
		json_decref(record);
		unlink(place->access);
	}
	place_free(place);
	(void)state;
}

static void
each_statement_of_a_text_has_its_own_record(void **state)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct sql_statement statements[2] = { { .classes = SQL_READ, .verb = "SELECT" },
		{ .classes = SQL_WRITE, .verb = "DELETE" } };
	struct sql_facts facts = { .statements = statements, .statement_count = 2,
		.normalized = ";SELECT ';' || $1; ;DELETE FROM t;" };
	struct audit_text_parts *parts = audit_text_parts_new(&place->config, "", 0, &facts);
	struct error err;
	struct audit *audit = audit_start(&place->config, 1, &err);
	struct audit_statement statement = { .who = who, .text = parts, .facts = &facts,
		.stmt = 1, .sqlstate = "00000", .wall_us = 1 };
	json_t *records;

	audit_statement(audit_lane(audit, 0), &statement);
	statement.sub = 1;
	audit_statement(audit_lane(audit, 0), &statement);
	audit_stop(audit, "test");
	records = chain_read(place->access, NULL);

	assert_string_equal(
	    member(json_array_get(records, 1), "db.query.text"), "SELECT ';' || $1");
	assert_string_equal(member(json_array_get(records, 2), "db.query.text"), "DELETE FROM t");
	assert_int_equal(number(json_array_get(records, 1), "sub"), 0);
	assert_int_equal(number(json_array_get(records, 2), "sub"), 1);
	assert_string_equal(member(json_array_get(records, 2), "db.operation.name"), "DELETE");
	json_decref(records);
	audit_text_parts_free(NULL, parts);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

/* How many of a read, a write, an unparsed and a denied statement are recorded. */
static size_t
recorded_under(int statements)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct sql_facts reads = { .classes = SQL_READ | SQL_TXN }, writes = { .classes = SQL_WRITE };
	struct audit_statement all[] = { { .facts = &reads }, { .facts = &writes }, { 0 },
		{ .facts = &reads, .outcome = AUDIT_DENIED_OUTCOME } };
	struct error err;
	struct audit *audit;
	json_t *records;
	size_t count;

	place->config.audit_statements = statements;
	audit = audit_start(&place->config, 1, &err);
	for (size_t i = 0; i < 4; i++) {
		all[i].who = who;
		audit_statement(audit_lane(audit, 0), &all[i]);
	}
	audit_session(audit_lane(audit, 0), "session.end", who, "bye", NULL, 4, 5, 6);
	audit_stop(audit, "test");
	records = chain_read(place->access, NULL);
	assert_int_equal(number(find_event(records, "session.end"), "statements"), 4);
	assert_string_equal(member(find_event(records, "session.end"), "reason"), "bye");
	count = count_event(records, "statement") + count_event(records, "statement.denied");
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	return count;
}

static void
the_setting_picks_statements_and_never_leaves_out_sessions(void **state)
{
	assert_int_equal(recorded_under(AUDIT_ALL), 4);
	assert_int_equal(recorded_under(AUDIT_WRITE), 3);
	assert_int_equal(recorded_under(AUDIT_DENIED), 1);
	assert_int_equal(recorded_under(AUDIT_NONE), 0);
	(void)state;
}

static void
a_session_tells_what_the_policies_said_of_its_first_packet(void **state)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct verdict denied = { .action = POLICY_DENY, .mode = POLICY_MODE_ENFORCE,
		.rule = "role-switch", .policy = "p@sha256:01234567", .detail = (char *)"why" };
	struct verdict lifted = { .action = POLICY_ALLOW, .mode = POLICY_MODE_ENFORCE,
		.policy = "p@sha256:01234567", .exception = "T-1", .exception_rule = "role-switch" };
	struct error err;
	struct audit *audit = audit_start(&place->config, 1, &err);
	struct audit_lane *lane = audit_lane(audit, 0);
	const json_t *record;
	json_t *records;

	audit_session_judged(lane, "session.fail", who, "no", "42501", &denied);
	audit_session_judged(lane, "session.start", who, NULL, NULL, &lifted);
	audit_stop(audit, "test");
	records = chain_read(place->access, NULL);
	record = find_event(records, "session.fail");
	assert_string_equal(member(record, "outcome"), "denied");
	assert_string_equal(member(record, "decision"), "deny");
	assert_string_equal(member(record, "rule"), "role-switch");
	assert_string_equal(member(record, "detail"), "why");
	assert_string_equal(member(record, "reason"), "no");
	record = find_event(records, "session.start");
	assert_string_equal(member(record, "outcome"), "ok");
	assert_string_equal(member(record, "exception"), "T-1");
	assert_int_equal(count_event(records, "exception.used"), 1);
	assert_string_equal(member(find_event(records, "exception.used"), "ticket"), "T-1");
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
session_ids_differ_and_sort_by_time(void **state)
{
	char before[16], after[16];

	audit_session_id(before);
	for (int i = 0; i < 1000; i++) {
		audit_session_id(after);
		assert_int_equal(strlen(after), 15);
		assert_string_not_equal(before, after);
		assert_true(strncmp(before, after, 9) <= 0);
		memcpy(before, after, sizeof(before));
	}
	(void)state;
}

/* One statement that an exception with break_glass let pass; its records. */
static json_t *
records_of_break_glass(struct place *place, const char *text, struct sql_facts *facts)
{
	struct verdict verdict = { .action = POLICY_ALLOW, .mode = POLICY_MODE_ENFORCE,
		.exception = "OPS-1", .exception_rule = "truncate", .exception_owner = "jane",
		.exception_reason = "no space", .exception_expires_us = 1800000000000000,
		.break_glass = true };
	struct audit_who *who = who_of_a_service();
	struct audit_text_parts *parts =
	    audit_text_parts_new(&place->config, text, strlen(text), facts);
	struct audit_verdict *rendered = audit_verdict_new(&verdict);
	struct error err;
	struct audit *audit = audit_start(&place->config, 1, &err);
	struct audit_lane *lane;

	assert_non_null(audit);
	lane = audit_lane(audit, 0);
	audit_verdict_take_text(
	    rendered, audit_text_parts_raw(&place->config, text, strlen(text), facts));
	assert_true(audit_is_needed(rendered));
	assert_true(audit_wants_intent(lane, facts, rendered));
	assert_true(audit_may_begin(lane, facts, rendered));
	assert_true(audit_statement(lane, &(struct audit_statement){ .who = who, .text = parts,
	    .facts = facts, .stmt = 1, .sqlstate = "00000", .returned_rows = -1,
	    .rows_affected = -1, .wall_us = 1700000000000000, .verdict = &verdict,
	    .rendered = rendered }) > 0);
	audit_stop(audit, "test");
	audit_verdict_free(NULL, rendered);
	audit_text_parts_free(NULL, parts);
	audit_who_free(NULL, who);
	return chain_read(place->access, NULL);
}

static void
what_break_glass_let_pass_shows_its_text_under_every_setting(void **state)
{
	static const int settings[] = { AUDIT_TEXT_NORMALIZED, AUDIT_TEXT_NONE, AUDIT_TEXT_HMAC };
	static const char text[] = "UPDATE orders SET state = 'lost' WHERE id = 7";

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		struct place *place = place_new();
		json_t *records, *used;

		place->config.audit_text = settings[i];
		place->config.audit_text_key = "a key that is long enough for it";
		place->config.audit_statements = AUDIT_NONE;
		records = records_of_break_glass(place, text, facts_of_an_update());
		used = find_event(records, "exception.used");
		assert_string_equal(member(find_event(records, "statement"), "db.query.text"), text);
		assert_true(json_is_true(json_object_get(used, "break_glass")));
		assert_string_equal(member(used, "reason"), "no space");
		json_decref(records);
		place_free(place);
	}
	(void)state;
}

static void
what_break_glass_let_pass_never_shows_a_password(void **state)
{
	static struct sql_statement role = { .classes = SQL_ROLE, .verb = "ALTER ROLE" };
	static struct sql_facts facts = { .statements = &role, .statement_count = 1,
		.classes = SQL_ROLE, .normalized = "ALTER ROLE app PASSWORD $1" };
	struct place *place = place_new();
	json_t *records = records_of_break_glass(place, "ALTER ROLE app PASSWORD 'hunter2'", &facts);

	assert_string_equal(
	    member(find_event(records, "statement"), "db.query.text"), "ALTER ROLE app PASSWORD $1");
	json_decref(records);
	place_free(place);
	(void)state;
}

static void
what_break_glass_would_let_pass_does_not_begin_without_a_log(void **state)
{
	struct verdict verdict = { .action = POLICY_ALLOW, .exception = "OPS-1",
		.exception_rule = "truncate", .exception_owner = "jane", .break_glass = true };
	struct audit_verdict *rendered = audit_verdict_new(&verdict), *plain;
	struct place *place = place_new();
	struct error err;
	struct audit *audit;

	verdict.break_glass = false;
	plain = audit_verdict_new(&verdict);
	place->config.audit_file = "";
	audit = audit_start(&place->config, 1, &err);
	assert_non_null(audit);
	assert_false(audit_may_begin(audit_lane(audit, 0), NULL, rendered));
	assert_true(audit_may_begin(audit_lane(audit, 0), NULL, plain));
	assert_int_equal(audit_kept(audit_lane(audit, 0), 1, true), AUDIT_FAILED);
	assert_int_equal(audit_kept(audit_lane(audit, 0), 1, false), AUDIT_KEPT);
	audit_stop(audit, "test");
	audit_verdict_free(NULL, rendered);
	audit_verdict_free(NULL, plain);
	place_free(place);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_says_who_what_and_how_it_ended),
		cmocka_unit_test(a_refusal_is_an_event_of_its_own_with_its_rule),
		cmocka_unit_test(a_rule_that_would_have_denied_is_named),
		cmocka_unit_test(what_an_exception_let_pass_has_a_record_of_its_own),
		cmocka_unit_test(rules_say_more_or_less_than_the_setting),
		cmocka_unit_test(hostile_names_stay_inside_their_strings),
		cmocka_unit_test(what_is_not_utf8_goes_base64_under_another_key),
		cmocka_unit_test(a_text_that_was_not_parsed_is_told_by_length_and_hash),
		cmocka_unit_test(raw_shows_the_text_but_never_a_password),
		cmocka_unit_test(
		    comments_and_bodies_are_left_out_and_strings_are_not_mistaken_for_them),
		cmocka_unit_test(a_text_is_told_by_its_hmac_alone_if_asked),
		cmocka_unit_test(sqlcommenter_keys_become_tags_and_the_trace),
		cmocka_unit_test(each_statement_of_a_text_has_its_own_record),
		cmocka_unit_test(the_setting_picks_statements_and_never_leaves_out_sessions),
		cmocka_unit_test(what_break_glass_let_pass_shows_its_text_under_every_setting),
		cmocka_unit_test(what_break_glass_let_pass_never_shows_a_password),
		cmocka_unit_test(what_break_glass_would_let_pass_does_not_begin_without_a_log),
		cmocka_unit_test(a_session_tells_what_the_policies_said_of_its_first_packet),
		cmocka_unit_test(session_ids_differ_and_sort_by_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
