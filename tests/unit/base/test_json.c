/* test_json.c - behaviour of base/json; jansson reads back what it wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"

static void
assert_written(const char *text, size_t length, const char *expected)
{
	struct buf out = { 0 };
	char *written;

	json_put_string(&out, text, length);
	written = buf_steal_text(&out);
	assert_string_equal(written, expected);
	mem_free(written);
}

static void
a_quote_a_backslash_and_control_bytes_are_escaped(void **state)
{
	assert_written("", 0, "\"\"");
	assert_written("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
	assert_written("\0\n\x1f\x7f", 4, "\"\\u0000\\u000a\\u001f\\u007f\"");
	(void)state;
}

/* JavaScript ends a line there, so a log viewer may. */
static void
line_separators_of_unicode_are_escaped(void **state)
{
	assert_written("a\xe2\x80\xa8z", 5, "\"a\\u2028z\"");
	assert_written("a\xe2\x80\xa9z", 5, "\"a\\u2029z\"");
	assert_written("a\xe2\x80\xaaz", 5, "\"a\xe2\x80\xaaz\"");
	(void)state;
}

static void
utf8_passes_and_what_is_not_becomes_the_replacement_character(void **state)
{
	static const char *const good[] = { "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
		"\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",
		"\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xff", "\xc2", "\xe2\x82", "\xf0\x9f\x98", "\xc2z" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char *expected = mem_printf("\"%s\"", good[i]);

		assert_written(good[i], strlen(good[i]), expected);
		mem_free(expected);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf out = { 0 };

		json_put_string(&out, bad[i], strlen(bad[i]));
		assert_memory_equal(buf_bytes(&out), "\"\xef\xbf\xbd", 4);
		buf_free(&out);
	}
	(void)state;
}

/* Every pair of bytes, in a block of just that size. */
static void
any_two_bytes_make_a_string_that_a_reader_takes(void **state)
{
	struct buf out = { 0 };

	for (unsigned pair = 0; pair < 0x10000; pair++) {
		const uint8_t bytes[2] = { (uint8_t)(pair >> 8), (uint8_t)pair };
		char *exact = mem_copy(bytes, 2);
		json_t *read;

		buf_clear(&out);
		json_put_string(&out, exact, 2);
		read = json_loadb((const char *)buf_bytes(&out), buf_length(&out),
		    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		if (!json_is_string(read))
			fail_msg("bytes %04x make %.*s", pair, (int)buf_length(&out),
			    (const char *)buf_bytes(&out));
		json_decref(read);
		mem_free(exact);
	}
	buf_free(&out);
	(void)state;
}

static void
members_begin_with_a_comma_and_null_leaves_one_out(void **state)
{
	struct buf out = { 0 };
	char *written;

	json_put_member(&out, "a", NULL);
	json_put_member(&out, "b", "x\"y");
	json_put_member_int(&out, "c", -5);
	written = buf_steal_text(&out);
	assert_string_equal(written, ",\"b\":\"x\\\"y\",\"c\":-5");
	mem_free(written);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quote_a_backslash_and_control_bytes_are_escaped),
		cmocka_unit_test(line_separators_of_unicode_are_escaped),
		cmocka_unit_test(utf8_passes_and_what_is_not_becomes_the_replacement_character),
		cmocka_unit_test(any_two_bytes_make_a_string_that_a_reader_takes),
		cmocka_unit_test(members_begin_with_a_comma_and_null_leaves_one_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
