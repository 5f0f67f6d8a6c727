/* test_cursor.c - behaviour of admin/cursor: prepared commands, and rows in parts and in
 * binary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/admin/cursor.h"
#include "../../../src/admin/show.h"
#include "base/mem.h"
#include "wire/frame.h"

static struct command
command(const char *text)
{
	struct command read;

	assert_true(command_read(&text, &read, NULL));
	return read;
}

/* A cursor over SHOW LISTS (text, int4) with so many rows. */
static struct cursor *
lists(struct cursor_list *list, size_t count, uint16_t format)
{
	struct command show = command("SHOW LISTS");
	uint16_t *formats = mem_zalloc(2, sizeof(*formats));
	struct cursor *cursor;

	formats[0] = formats[1] = format;
	cursor = cursor_put(list, "", &show, formats);
	command_free(&show);
	cursor->rows.columns = 2;
	for (size_t i = 0; i < count; i++) {
		row_begin(&cursor->rows);
		row_text(&cursor->rows, "pools");
		row_int(&cursor->rows, (int64_t)i);
		row_end(&cursor->rows);
	}
	return cursor;
}

/* The types of the messages in a buffer. */
static const char *
types(const struct buf *buf)
{
	static char found[100];
	size_t at = 0, count = 0;

	while (at < buf_length(buf)) {
		found[count++] = (char)buf_bytes(buf)[at];
		at += 1 + frame_u32(buf_bytes(buf) + at + 1);
	}
	assert_int_equal(at, buf_length(buf));
	found[count] = '\0';
	return found;
}

static void
rows_come_in_parts_of_the_limit(void **state)
{
	struct cursor_list list = LIST_HEAD_INITIALIZER(list);
	struct cursor *cursor = lists(&list, 5, 0);
	struct buf out = { 0 };

	cursor->limit = 3;
	cursor_send(cursor, &out);
	assert_string_equal(types(&out), "DDDs");
	buf_clear(&out);
	cursor_send(cursor, &out);
	assert_string_equal(types(&out), "DDC");
	buf_clear(&out);
	cursor_send(cursor, &out);
	assert_string_equal(types(&out), "C");
	buf_free(&out);
	cursor_drop_all(&list);
	(void)state;
}

static void
without_a_limit_all_rows_come(void **state)
{
	struct cursor_list list = LIST_HEAD_INITIALIZER(list);
	struct buf out = { 0 };

	cursor_send(lists(&list, 4, 0), &out);
	assert_string_equal(types(&out), "DDDDC");
	buf_free(&out);
	cursor_drop_all(&list);
	(void)state;
}

static void
an_int4_is_four_bytes_in_binary(void **state)
{
	static const char expected[] = "D\0\0\0\x17\0\2\0\0\0\5pools\0\0\0\4\0\0\0\0";
	struct cursor_list list = LIST_HEAD_INITIALIZER(list);
	struct buf out = { 0 };

	cursor_send(lists(&list, 1, 1), &out);
	assert_memory_equal(buf_bytes(&out), expected, sizeof(expected) - 1);
	buf_free(&out);
	cursor_drop_all(&list);
	(void)state;
}

/* The binary form of a numeric, which is the second column of SHOW TOTALS. */
static void
assert_numeric(int64_t value, const char *expected, size_t length)
{
	struct cursor_list list = LIST_HEAD_INITIALIZER(list);
	struct command show = command("SHOW TOTALS");
	uint16_t *formats = mem_zalloc(2, sizeof(*formats));
	struct cursor *cursor;
	struct buf out = { 0 };

	formats[1] = 1;
	cursor = cursor_put(&list, "", &show, formats);
	command_free(&show);
	cursor->rows.columns = 2;
	row_begin(&cursor->rows);
	row_text(&cursor->rows, "x");
	row_int(&cursor->rows, value);
	row_end(&cursor->rows);
	cursor_send(cursor, &out);
	assert_int_equal(frame_u32(buf_bytes(&out) + 12), length);
	assert_memory_equal(buf_bytes(&out) + 16, expected, length);
	buf_free(&out);
	cursor_drop_all(&list);
}

static void
a_numeric_is_digits_of_base_10000_in_binary(void **state)
{
	assert_numeric(0, "\0\0\0\0\0\0\0\0", 8);
	assert_numeric(7, "\0\1\0\0\0\0\0\0\0\7", 10);
	assert_numeric(-10002, "\0\2\0\1\x40\0\0\0\0\1\0\2", 12);
	assert_numeric(
	    INT64_MIN, "\0\5\0\4\x40\0\0\0\x03\x9a\x0d\x2c\x01\x70\x15\x65\x16\xb0", 18);
	(void)state;
}

static void
a_description_tells_the_formats_that_were_asked_for(void **state)
{
	struct command show = command("SHOW LISTS");
	uint16_t formats[2] = { 0, 1 };
	struct buf out = { 0 };
	size_t length;

	cursor_describe(&out, &show, formats);
	length = buf_length(&out);
	assert_int_equal(buf_bytes(&out)[length - 1], 1);
	assert_int_equal(buf_bytes(&out)[5 + 2 + 5 + 18 - 1], 0);
	assert_memory_equal(buf_bytes(&out) + 7, "list", 5);
	buf_free(&out);
	command_free(&show);
	(void)state;
}

static void
what_has_no_rows_is_described_as_no_data(void **state)
{
	struct command reload = command("RELOAD"), help = command("SHOW HELP");
	struct buf out = { 0 };

	cursor_describe(&out, &reload, NULL);
	cursor_describe(&out, &help, NULL);
	assert_string_equal(types(&out), "nn");
	buf_free(&out);
	command_free(&reload);
	command_free(&help);
	(void)state;
}

static void
an_unnamed_command_takes_the_place_of_the_one_before(void **state)
{
	struct draft_list list = LIST_HEAD_INITIALIZER(list);
	struct command first = command("SHOW LISTS"), second = command("PAUSE shop");

	assert_non_null(draft_put(&list, "", &first));
	assert_non_null(draft_put(&list, "", &second));
	assert_int_equal(draft_find(&list, "")->command.verb, VERB_PAUSE);
	assert_null(draft_find(&list, "other"));
	draft_drop(&list, "");
	draft_drop(&list, ""); /* closing what is not there is no error */
	assert_null(draft_find(&list, ""));
	(void)state;
}

static void
there_is_a_limit_to_what_one_client_may_prepare(void **state)
{
	struct draft_list list = LIST_HEAD_INITIALIZER(list);
	struct command show;
	char name[20];

	for (int i = 0; i < DRAFTS_MOST; i++) {
		show = command("SHOW LISTS");
		snprintf(name, sizeof(name), "s%d", i);
		assert_non_null(draft_put(&list, name, &show));
	}
	show = command("SHOW LISTS");
	assert_null(draft_put(&list, "one more", &show));
	assert_non_null(draft_put(&list, "s7", &show));
	draft_drop_all(&list);
	assert_true(LIST_EMPTY(&list));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_in_parts_of_the_limit),
		cmocka_unit_test(without_a_limit_all_rows_come),
		cmocka_unit_test(an_int4_is_four_bytes_in_binary),
		cmocka_unit_test(a_numeric_is_digits_of_base_10000_in_binary),
		cmocka_unit_test(a_description_tells_the_formats_that_were_asked_for),
		cmocka_unit_test(what_has_no_rows_is_described_as_no_data),
		cmocka_unit_test(an_unnamed_command_takes_the_place_of_the_one_before),
		cmocka_unit_test(there_is_a_limit_to_what_one_client_may_prepare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
