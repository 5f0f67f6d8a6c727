/* test_buf.c - behaviour of base/buf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

static void
assert_contents(const struct buf *buf, const void *bytes, size_t length)
{
	assert_int_equal(buf_length(buf), length);
	assert_memory_equal(buf_bytes(buf), bytes, length);
}

static void
a_zeroed_buffer_is_empty_and_owns_nothing(void **state)
{
	struct buf buf = { 0 };

	buf_put(&buf, NULL, 0);
	buf_consume(&buf, 0);
	buf_clear(&buf);
	assert_int_equal(buf_length(&buf), 0);
	assert_null(buf.data);
	buf_free(&buf);
	(void)state;
}

static void
numbers_are_written_with_the_highest_byte_first(void **state)
{
	struct buf buf = { 0 };

	buf_put_u8(&buf, 0xfe);
	buf_put_u16(&buf, 0x0102);
	buf_put_u32(&buf, 0x80000003);
	assert_contents(&buf, "\xfe\x01\x02\x80\x00\x00\x03", 7);
	buf_free(&buf);
	(void)state;
}

static void
the_least_and_the_greatest_number_are_spelled_out(void **state)
{
	struct buf buf = { 0 };

	buf_put_int(&buf, INT64_MIN);
	buf_put_u8(&buf, ' ');
	buf_put_int(&buf, INT64_MAX);
	buf_put_u8(&buf, ' ');
	buf_put_int(&buf, 0);
	assert_contents(&buf, "-9223372036854775808 9223372036854775807 0", 42);
	buf_free(&buf);
	(void)state;
}

/* Put in and taken out in steps that never fit, so that the bytes move to the front. */
static void
bytes_come_out_as_they_went_in_however_it_grows_and_moves(void **state)
{
	struct buf buf = { 0 };
	uint8_t put = 0, got = 0;

	for (size_t turn = 1; turn < 700; turn++) {
		for (size_t i = 0; i < turn % 97; i++)
			buf_put_u8(&buf, put++);
		for (size_t i = turn % 89; i > 0 && buf_length(&buf) > 0; i--) {
			assert_int_equal(*buf_bytes(&buf), got++);
			buf_consume(&buf, 1);
		}
	}
	for (; buf_length(&buf) > 0; buf_consume(&buf, 1))
		assert_int_equal(*buf_bytes(&buf), got++);
	assert_int_equal(got, put);
	buf_free(&buf);
	(void)state;
}

static void
what_is_consumed_leaves_room_before_memory_grows(void **state)
{
	struct buf buf = { 0 };
	size_t size;

	memset(buf_reserve(&buf, 250), 'x', 250);
	buf_grown(&buf, 250);
	size = buf.size;
	buf_consume(&buf, 249);
	memset(buf_reserve(&buf, 200), 'y', 200);
	buf_grown(&buf, 200);
	assert_int_equal(buf.size, size);
	assert_int_equal(buf_length(&buf), 201);
	assert_int_equal(*buf_bytes(&buf), 'x');
	buf_free(&buf);
	(void)state;
}

static void
a_formatted_text_may_be_longer_than_the_first_guess(void **state)
{
	char word[1000];
	struct buf buf = { 0 };

	memset(word, 'w', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	for (int width = 254; width <= 258; width++) {
		buf_clear(&buf);
		buf_printf(&buf, "%.*s", width, word);
		assert_contents(&buf, word, (size_t)width);
	}
	buf_printf(&buf, "%s|", word);
	assert_int_equal(buf_length(&buf), 258 + 1000);
	buf_free(&buf);
	(void)state;
}

static void
a_stolen_text_ends_in_nul_and_leaves_an_empty_buffer(void **state)
{
	struct buf buf = { 0 };
	char *text = buf_steal_text(&buf);

	assert_string_equal(text, "");
	mem_free(text);
	buf_put_text(&buf, "one two");
	buf_consume(&buf, 4);
	text = buf_steal_text(&buf);
	assert_string_equal(text, "two");
	assert_null(buf.data);
	assert_int_equal(buf_length(&buf), 0);
	mem_free(text);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zeroed_buffer_is_empty_and_owns_nothing),
		cmocka_unit_test(numbers_are_written_with_the_highest_byte_first),
		cmocka_unit_test(the_least_and_the_greatest_number_are_spelled_out),
		cmocka_unit_test(bytes_come_out_as_they_went_in_however_it_grows_and_moves),
		cmocka_unit_test(what_is_consumed_leaves_room_before_memory_grows),
		cmocka_unit_test(a_formatted_text_may_be_longer_than_the_first_guess),
		cmocka_unit_test(a_stolen_text_ends_in_nul_and_leaves_an_empty_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
