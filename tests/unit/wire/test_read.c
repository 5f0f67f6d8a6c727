/* test_read.c - behaviour of wire/read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "wire/read.h"

static void
fields_come_in_order_and_the_end_is_seen(void **state)
{
	const uint8_t bytes[] = "\x01\x02\x03\x80\x00\x00\x04name\0\0tail";
	struct reader reader = reader_over(bytes, sizeof(bytes) - 1);

	assert_int_equal(read_u8(&reader), 1);
	assert_int_equal(read_u16(&reader), 0x0203);
	assert_int_equal(read_u32(&reader), 0x80000004);
	assert_string_equal(read_cstring(&reader), "name");
	assert_string_equal(read_cstring(&reader), "");
	assert_true(reader_ok(&reader));
	assert_false(reader_done(&reader));
	assert_memory_equal(read_bytes(&reader, 4), "tail", 4);
	assert_true(reader_done(&reader));
	(void)state;
}

static void
whoever_asks_for_too_much_gets_nothing_and_stays_failed(void **state)
{
	struct reader reader = reader_over("\1\2\3", 3);

	assert_int_equal(read_u32(&reader), 0);
	assert_false(reader_ok(&reader));
	assert_int_equal(read_u8(&reader), 0);
	assert_int_equal(read_u16(&reader), 0);
	assert_null(read_bytes(&reader, 0));
	assert_string_equal(read_cstring(&reader), "");
	assert_false(reader_done(&reader));
	(void)state;
}

static void
a_length_near_the_greatest_does_not_wrap(void **state)
{
	struct reader reader = reader_over("abc", 3);

	assert_null(read_bytes(&reader, SIZE_MAX));
	assert_false(reader_ok(&reader));
	(void)state;
}

static void
a_string_without_its_end_is_empty_and_a_failure(void **state)
{
	char *exact = mem_copy("open", 4);
	struct reader reader = reader_over(exact, 4);

	assert_string_equal(read_cstring(&reader), "");
	assert_false(reader_ok(&reader));
	mem_free(exact);
	(void)state;
}

static void
nothing_at_all_is_done_until_something_is_asked(void **state)
{
	struct reader reader = reader_over(NULL, 0);

	assert_true(reader_done(&reader));
	assert_string_equal(read_cstring(&reader), "");
	assert_false(reader_ok(&reader));
	(void)state;
}

static void
assert_row(const char *bytes, size_t length, bool wanted, const char *first, const char *second)
{
	char *exact = mem_copy(bytes, length), *columns[2];

	assert_int_equal(read_text_row(exact, length, columns, 2), wanted);
	if (wanted) {
		assert_string_equal(columns[0], first);
		assert_string_equal(columns[1], second);
	}
	mem_free(columns[0]);
	mem_free(columns[1]);
	mem_free(exact);
}

static void
a_row_of_texts_is_taken_whole_or_not_at_all(void **state)
{
	assert_row("\0\2\0\0\0\1a\0\0\0\0", 11, true, "a", "");
	assert_row("\0\2\0\0\0\1a\xff\xff\xff\xff", 11, false, NULL, NULL); /* NULL */
	assert_row("\0\2\0\0\0\1a\0\0\0\2b", 12, false, NULL, NULL);
	assert_row("\0\1\0\0\0\1a", 7, false, NULL, NULL);
	assert_row("\0", 1, false, NULL, NULL);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_in_order_and_the_end_is_seen),
		cmocka_unit_test(whoever_asks_for_too_much_gets_nothing_and_stays_failed),
		cmocka_unit_test(a_length_near_the_greatest_does_not_wrap),
		cmocka_unit_test(a_string_without_its_end_is_empty_and_a_failure),
		cmocka_unit_test(nothing_at_all_is_done_until_something_is_asked),
		cmocka_unit_test(a_row_of_texts_is_taken_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
