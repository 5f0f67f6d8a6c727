/* test_report.c - behaviour of wire/report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/build.h"
#include "wire/frame.h"
#include "wire/report.h"

static void
what_we_build_is_read_back(void **state)
{
	const struct wire_error error = { .severity = "FATAL",
		.sqlstate = "57P01",
		.message = "bye",
		.detail = "why",
		.hint = "come again",
		.position = 7,
		.schema = "s",
		.table = "t",
		.constraint = "c",
		.file = "f.c",
		.line = 9,
		.routine = "r" };
	struct buf out = { 0 };
	struct wire_report report;

	build_error(&out, &error);
	report = report_read(buf_bytes(&out) + FRAME_HEADER, buf_length(&out) - FRAME_HEADER);
	assert_string_equal(report.severity, "FATAL");
	assert_string_equal(report.sqlstate, "57P01");
	assert_string_equal(report.message, "bye");
	assert_string_equal(report.detail, "why");
	assert_string_equal(report.hint, "come again");
	buf_free(&out);
	(void)state;
}

static void
the_severity_that_is_not_translated_wins(void **state)
{
	static const char body[] = "SFEHLER\0VERROR\0C42P01\0Mweg\0";
	struct wire_report report = report_read((const uint8_t *)body, sizeof(body));

	assert_string_equal(report.severity, "ERROR");
	report = report_read((const uint8_t *)"SFEHLER\0", 9); /* before PostgreSQL 9.6 */
	assert_string_equal(report.severity, "FEHLER");
	(void)state;
}

static void
fields_that_are_missing_or_unknown_do_no_harm(void **state)
{
	static const char odd[] = "?x\0Mhello\0\x80y\0C1\0C1234567\0";
	struct wire_report report = report_read((const uint8_t *)odd, sizeof(odd));

	assert_string_equal(report.message, "hello");
	assert_string_equal(report.sqlstate, "XX000");
	report = report_read(NULL, 0);
	assert_string_equal(report.severity, "ERROR");
	assert_string_equal(report.sqlstate, "XX000");
	assert_string_equal(report.message, "");
	assert_string_equal(report.detail, "");
	assert_string_equal(report.hint, "");
	(void)state;
}

static void
a_message_cut_at_any_byte_gives_only_whole_fields(void **state)
{
	static const char body[] = "SERROR\0C42601\0Msyntax error\0Hthink\0";

	for (size_t cut = 0; cut <= sizeof(body); cut++) {
		uint8_t *exact = mem_copy(body, cut);
		struct wire_report report = report_read(exact, cut);

		assert_int_equal(strlen(report.sqlstate), 5);
		assert_true(*report.message == '\0' || strcmp(report.message, "syntax error") == 0);
		assert_true(*report.hint == '\0' || strcmp(report.hint, "think") == 0);
		mem_free(exact);
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_we_build_is_read_back),
		cmocka_unit_test(the_severity_that_is_not_translated_wins),
		cmocka_unit_test(fields_that_are_missing_or_unknown_do_no_harm),
		cmocka_unit_test(a_message_cut_at_any_byte_gives_only_whole_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
