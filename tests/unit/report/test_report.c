/* test_report.c - behaviour of the report: true sums, whatever stands in the files. */
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
#include "report/report.h"

static const char session_fail[] =
    "{\"seq\":1,\"time\":\"2026-11-22T09:00:00.000000Z\",\"event\":\"session.fail\","
    "\"user.name\":\"mallory\",\"client.address\":\"10.9.9.9\",\"reason\":\"wrong password\"}\n";
static const char denied[] =
    "{\"seq\":2,\"time\":\"2026-11-22T09:00:01.000000Z\",\"event\":\"statement.denied\","
    "\"user.name\":\"orders-svc\",\"application\":\"billing\",\"db.namespace\":\"shop\","
    "\"db.query.text\":\"DROP TABLE orders\",\"query.class\":[\"DDL\"],"
    "\"relations\":[{\"name\":\"public.orders\",\"access\":\"ddl\"}],\"mode\":\"enforce\","
    "\"db.response.status_code\":\"42501\",\"rule\":\"drop-table\",\"policy\":\"shop\"}\n";

/* A statement of a user: seconds of the minute, microseconds taken and waited. */
static char *
statement(const char *user, int second, int duration_us, int queue_us)
{
	return mem_printf("{\"seq\":3,\"time\":\"2026-11-22T10:00:%02d.000000Z\",\"event\":\"statement\","
			  "\"user.name\":\"%s\",\"application\":\"app\",\"db.namespace\":\"shop\","
			  "\"db.operation.name\":\"SELECT\",\"db.query.text\":\"SELECT * FROM orders\","
			  "\"query.fingerprint\":\"pg15:%s\",\"query.class\":[\"READ\"],"
			  "\"relations\":[{\"name\":\"public.orders\",\"access\":\"read\"}],"
			  "\"db.response.status_code\":\"00000\",\"db.response.returned_rows\":2,"
			  "\"duration_us\":%d,\"queue_us\":%d,\"mode\":\"none\"}\n",
	    second, user, user, duration_us, queue_us);
}

/* A file of these texts; the caller unlinks and frees its name. */
static char *
file_of(const char *const *texts, size_t count)
{
	char *path = mem_strdup("/tmp/pgweir-report-XXXXXX");
	FILE *file = fdopen(mkstemp(path), "wb");

	assert_non_null(file);
	for (size_t i = 0; i < count; i++)
		fputs(texts[i], file);
	fclose(file);
	return path;
}

static char *
print(struct report *report, unsigned views, enum report_format format)
{
	struct buf out = { 0 };

	report_print(report, views, format, &out);
	report_free(report);
	return buf_steal_text(&out);
}

/* The report of one access log as JSON. */
static json_t *
report_of(const char *const *texts, size_t count, const struct report_options *options)
{
	struct report *report = report_new(options);
	char *path = file_of(texts, count);
	struct error err;
	char *text;
	json_t *json;

	assert_true(report_read_access(report, path, &err));
	text = print(report, REPORT_PERFORMANCE | REPORT_ACCESS, REPORT_JSON);
	json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	mem_free(text);
	unlink(path);
	mem_free(path);
	return json;
}

/* The cell of a row of the first table whose title begins so. */
static const json_t *
cell(const json_t *report, const char *title, size_t row, const char *column)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)report, key, value)
		if (strncmp(key, title, strlen(title)) == 0)
			return json_object_get(json_array_get(value, row), column);
	fail_msg("no table %s", title);
	return NULL;
}

static void
assert_cell(const json_t *report, const char *title, size_t row, const char *column,
    const char *expected)
{
	const json_t *found = cell(report, title, row, column);

	assert_true(json_is_string(found));
	assert_string_equal(json_string_value(found), expected);
}

static void
assert_number(const json_t *report, const char *title, size_t row, const char *column,
    double expected)
{
	const json_t *found = cell(report, title, row, column);

	assert_true(json_is_number(found));
	assert_true(json_number_value(found) > expected - 1e-6 &&
	    json_number_value(found) < expected + 1e-6);
}

static void
the_costliest_service_comes_first_with_true_sums(void **state)
{
	char *texts[] = { statement("cheap", 1, 1000, 0), statement("dear", 2, 3000000, 50),
		statement("dear", 3, 1000000, 0), statement("cheap", 4, 3000, 0) };
	json_t *report = report_of((const char *const *)texts, 4, &(struct report_options){ .top = 10 });

	assert_cell(report, "Service cost", 0, "user", "dear");
	assert_number(report, "Service cost", 0, "server_s", 4.0);
	assert_number(report, "Service cost", 0, "statements", 2);
	assert_number(report, "Service cost", 0, "rows", 4);
	assert_number(report, "Service cost", 1, "server_s", 0.004);
	assert_number(report, "Service cost", 1, "mean_ms", 2.0);
	assert_cell(report, "Statements by total time", 0, "fingerprint", "pg15:dear");
	assert_cell(report, "Statements by total time", 0, "query", "SELECT * FROM orders");
	assert_number(report, "Statements by total time", 0, "most_ms", 3000);
	assert_number(report, "Waiting", 0, "waited", 1);
	for (size_t i = 0; i < 4; i++)
		mem_free(texts[i]);
	json_decref(report);
	(void)state;
}

static void
access_names_who_touched_what_and_who_was_refused(void **state)
{
	char *first = statement("ann", 1, 10, 0), *second = statement("ann", 9, 10, 0);
	const char *texts[] = { session_fail, denied, second, first };
	json_t *report = report_of(texts, 4, &(struct report_options){ .top = 10 });

	assert_cell(report, "Who touched", 0, "relation", "public.orders");
	assert_cell(report, "Who touched", 0, "user", "ann");
	assert_cell(report, "Who touched", 0, "access", "read");
	assert_number(report, "Who touched", 0, "statements", 2);
	assert_cell(report, "Who touched", 0, "first", "2026-11-22 10:00:01 UTC");
	assert_cell(report, "Who touched", 0, "last", "2026-11-22 10:00:09 UTC");
	assert_null(cell(report, "Who touched", 1, "user"));
	assert_cell(report, "Denied", 0, "rule", "drop-table");
	assert_cell(report, "Denied", 0, "last_query", "DROP TABLE orders");
	assert_null(cell(report, "Privileged", 0, "user"));
	assert_cell(report, "Failed log-ins", 0, "user", "mallory");
	assert_cell(report, "Failed log-ins", 0, "reason", "wrong password");
	assert_cell(report, "Errors", 0, "sqlstate", "42501");
	assert_cell(report, "Coverage", 0, "mode", "none");
	assert_number(report, "Coverage", 1, "share_%", 33.3);
	mem_free(first);
	mem_free(second);
	json_decref(report);
	(void)state;
}

static void
a_period_leaves_out_what_is_before_and_from_its_end_on(void **state)
{
	char *texts[] = { statement("a", 1, 1, 0), statement("a", 2, 1, 0), statement("a", 3, 1, 0) };
	struct report_options options = { .top = 10 };
	json_t *report;

	assert_true(report_time("2026-11-22T10:00:02Z", &options.since_us));
	assert_true(report_time("2026-11-22 12:00:03+02:00", &options.until_us));
	report = report_of((const char *const *)texts, 3, &options);
	assert_number(report, "Service cost", 0, "statements", 1);
	for (size_t i = 0; i < 3; i++)
		mem_free(texts[i]);
	json_decref(report);
	(void)state;
}

static void
lines_that_cannot_be_read_are_named_and_end_nothing(void **state)
{
	char *good = statement("a", 1, 1, 0);
	const char *texts[] = { "\n", "[]\n", "{\"event\":7}\n", "{}{}\n", "\xff\xfe\n",
		"{\"event\":\"statement\",\"time\":\"yesterday\"}\n", good, "{\"v\":1,\"torn" };
	char *path = file_of(texts, 8);
	struct report *report = report_new(&(struct report_options){ .top = 10 });
	struct error err;
	char *named, *text;

	assert_true(report_read_access(report, path, &err));
	text = print(report, REPORT_PERFORMANCE, REPORT_TEXT);
	named = mem_printf("7 (%s:1, %s:2, %s:3, %s:4, %s:5, %s:6, %s:8)", path, path, path, path,
	    path, path, path);
	assert_non_null(strstr(text, named));
	assert_non_null(strstr(text, "  records                       1\n"));
	mem_free(named);
	mem_free(text);
	mem_free(good);
	unlink(path);
	mem_free(path);
	(void)state;
}

static void
nothing_in_a_log_can_drive_the_terminal(void **state)
{
	char *evil = statement("\\u001b[2J\\u009b1m\\u202eevil\\nuser", 1, 1, 0);
	const char *texts[] = { evil };
	char *path = file_of(texts, 1);
	struct report *report = report_new(&(struct report_options){ .top = 10 });
	struct error err;
	char *text;

	assert_true(report_read_access(report, path, &err));
	text = print(report, REPORT_PERFORMANCE | REPORT_ACCESS, REPORT_TEXT);
	assert_non_null(strstr(text, "?[2J?1m?evil user"));
	assert_null(strchr(text, 0x1b));
	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	mem_free(text);
	mem_free(evil);
	unlink(path);
	mem_free(path);
	(void)state;
}

static void
a_table_shows_the_top_and_tells_how_many_more(void **state)
{
	char *texts[5];
	char *path, *text;
	struct report *report = report_new(&(struct report_options){ .top = 2 });
	struct error err;

	for (int i = 0; i < 5; i++) {
		char user[16];

		snprintf(user, sizeof(user), "user%d", i);
		texts[i] = statement(user, i, 1000 * (i + 1), 0);
	}
	path = file_of((const char *const *)texts, 5);
	assert_true(report_read_access(report, path, &err));
	text = print(report, REPORT_PERFORMANCE, REPORT_TEXT);
	assert_non_null(strstr(text, "user4"));
	assert_null(strstr(text, "user0"));
	assert_non_null(strstr(text, "… and 3 more"));
	for (int i = 0; i < 5; i++)
		mem_free(texts[i]);
	mem_free(text);
	unlink(path);
	mem_free(path);
	(void)state;
}

static void
the_slow_log_is_summed_and_its_refusals_are_counted(void **state)
{
	const char *texts[] = {
		"{\"timestamp\":\"2026-11-22 09:37:53.123 UTC\",\"error_severity\":\"LOG\","
		"\"message\":\"duration: 1830.002 ms  statement: SELECT 1\"}\n",
		"{\"timestamp\":\"2026-11-22 09:37:54.500 UTC\",\"error_severity\":\"ERROR\","
		"\"message\":\"blocked\"}\n",
		"{\"timestamp\":\"2026-11-22 09:37:55.000 UTC\",\"error_severity\":\"LOG\","
		"\"message\":\"duration: 170.000 ms  statement: SELECT 2\"}\n",
	};
	char *path = file_of(texts, 3);
	struct report *report = report_new(&(struct report_options){ .top = 2 });
	struct error err;
	char *text;

	assert_true(report_read_slow(report, path, &err));
	text = print(report, REPORT_PERFORMANCE, REPORT_TEXT);
	assert_non_null(strstr(
	    text, "2 statements, 2.000 s in all, the longest 1.830 s; 1 refusals"));
	mem_free(text);
	unlink(path);
	mem_free(path);
	(void)state;
}

static void
a_missing_file_is_an_error_with_its_name(void **state)
{
	struct report *report = report_new(&(struct report_options){ .top = 2 });
	struct error err;

	assert_false(report_read_access(report, "/nonexistent/audit.jsonl", &err));
	assert_non_null(strstr(err.text, "/nonexistent/audit.jsonl"));
	report_free(report);
	(void)state;
}

static void
only_true_moments_are_times(void **state)
{
	static const char *const bad[] = { "", "2026", "2026-13-01", "2026-11-22T", "2026-11-22T9:00",
		"2026-11-22T09:00:00.Z", "2026-11-22 09:00 CET", "1969-12-31", "2026-11-22Tx",
		"2026-11-22T09:00:00+2:00" };
	uint64_t us;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(report_time(bad[i], &us));
	assert_true(report_time("2026-11-22", &us));
	assert_int_equal(us, 1795305600000000);
	assert_true(report_time("2026-11-22T00:00:00.123456789-01:00", &us));
	assert_int_equal(us, 1795305600000000 + 3600000000 + 123456);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_costliest_service_comes_first_with_true_sums),
		cmocka_unit_test(access_names_who_touched_what_and_who_was_refused),
		cmocka_unit_test(a_period_leaves_out_what_is_before_and_from_its_end_on),
		cmocka_unit_test(lines_that_cannot_be_read_are_named_and_end_nothing),
		cmocka_unit_test(nothing_in_a_log_can_drive_the_terminal),
		cmocka_unit_test(a_table_shows_the_top_and_tells_how_many_more),
		cmocka_unit_test(the_slow_log_is_summed_and_its_refusals_are_counted),
		cmocka_unit_test(a_missing_file_is_an_error_with_its_name),
		cmocka_unit_test(only_true_moments_are_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
