/* test_rows.c - behaviour of admin/rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/admin/rows.h"
#include "wire/frame.h"

static void
a_row_is_a_data_row(void **state)
{
	static const char expected[] = "D\0\0\0\x1f\0\4"
				       "\0\0\0\2hi"
				       "\0\0\0\3-42"
				       "\0\0\0\4"
				       "0x2a"
				       "\xff\xff\xff\xff";
	struct rows rows = { .columns = 4 };

	row_begin(&rows);
	row_text(&rows, "hi");
	row_int(&rows, -42);
	row_hex(&rows, 42);
	row_text(&rows, NULL);
	row_end(&rows);
	assert_int_equal(rows.count, 1);
	assert_int_equal(buf_length(&rows.out), sizeof(expected) - 1);
	assert_memory_equal(buf_bytes(&rows.out), expected, sizeof(expected) - 1);
	rows_free(&rows);
	(void)state;
}

/* What one text is in its row. */
static const char *
shown(struct rows *rows, const char *text)
{
	rows_free(rows);
	rows->columns = 1;
	row_begin(rows);
	row_text(rows, text);
	row_end(rows);
	buf_put_u8(&rows->out, 0);
	return (const char *)buf_bytes(&rows->out) + FRAME_HEADER + 2 + 4;
}

static void
what_is_not_utf8_is_shown_as_question_marks(void **state)
{
	struct rows rows = { 0 };

	assert_string_equal(shown(&rows, "caf\xc3\xa9"), "caf\xc3\xa9");
	assert_string_equal(shown(&rows, "caf\xe9 au lait"), "caf? au lait");
	assert_string_equal(shown(&rows, "\xff\xfe\xc3"), "???");
	assert_string_equal(shown(&rows, ""), "");
	rows_free(&rows);
	(void)state;
}

static void
times_are_those_of_pgbouncer_and_no_time_is_empty(void **state)
{
	struct rows rows = { .columns = 2 };
	const char *bytes;

	row_begin(&rows);
	row_time(&rows, UINT64_C(1795340273) * 1000000);
	row_time(&rows, 0);
	row_end(&rows);
	bytes = (const char *)buf_bytes(&rows.out) + FRAME_HEADER + 2 + 4;
	assert_memory_equal(bytes, "2026-11-22 09:37:53 UTC\0\0\0\0", 27);
	rows_free(&rows);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_a_data_row),
		cmocka_unit_test(what_is_not_utf8_is_shown_as_question_marks),
		cmocka_unit_test(times_are_those_of_pgbouncer_and_no_time_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
