/* test_text.c - behaviour of base/text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"

static void
durations_have_units_and_only_zero_may_go_without(void **state)
{
	int64_t ms = -1;

	assert_true(text_to_duration("500ms", &ms));
	assert_int_equal(ms, 500);
	assert_true(text_to_duration("2m", &ms));
	assert_int_equal(ms, 120000);
	assert_true(text_to_duration("0", &ms));
	assert_int_equal(ms, 0);
	assert_false(text_to_duration("5", &ms));
	assert_false(text_to_duration("5 s", &ms));
	assert_false(text_to_duration("-5s", &ms));
	assert_false(text_to_duration("99999999999999999d", &ms));
	assert_false(text_to_duration("9223372036854775807d", &ms));
	(void)state;
}

static void
what_is_written_is_read_back(void **state)
{
	static const int64_t values[] = { 0, 1, 999, 1000, 90000, 3600000, 86400000, 86400001 };
	char text[TEXT_UNIT_SIZE];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		int64_t back = -1;

		text_from_duration(values[i], text);
		assert_true(text_to_duration(text, &back));
		assert_int_equal(back, values[i]);
		text_from_size(values[i], text);
		assert_true(text_to_size(text, &back));
		assert_int_equal(back, values[i]);
	}
	(void)state;
}

static void
a_glob_fits_the_whole_text_or_nothing(void **state)
{
	assert_true(text_fits_glob("analyst-*", "analyst-7"));
	assert_true(text_fits_glob("*", ""));
	assert_true(text_fits_glob("a*b*c", "a--b-bc"));
	assert_false(text_fits_glob("a*b", "a--bc"));
	assert_false(text_fits_glob("abc", "ab"));
	(void)state;
}

static void
the_nearest_word_is_offered_only_when_near(void **state)
{
	static const char *const words[] = { "tables", "users", "roles" };

	assert_string_equal(text_nearest("tabels", words, 3), "tables");
	assert_null(text_nearest("zebra", words, 3));
	(void)state;
}

static void
base64_comes_back_and_rubbish_does_not(void **state)
{
	struct buf text = { 0 }, bytes = { 0 };

	for (size_t length = 0; length < 10; length++) {
		buf_clear(&text);
		buf_clear(&bytes);
		text_put_base64(&text, "\0\1\2\377\376\375abcd", length);
		assert_true(text_get_base64(
		    text.data ? (char *)buf_bytes(&text) : "", buf_length(&text), &bytes));
		assert_int_equal(buf_length(&bytes), length);
		if (length > 0)
			assert_memory_equal(
			    buf_bytes(&bytes), "\0\1\2\377\376\375abcd", length);
	}
	assert_false(text_get_base64("a", 1, &bytes));
	assert_false(text_get_base64("a===", 4, &bytes));
	assert_false(text_get_base64("ab=c", 4, &bytes));
	buf_free(&text);
	buf_free(&bytes);
	(void)state;
}

static void
control_bytes_never_reach_a_log_line(void **state)
{
	struct buf out = { 0 };

	text_put_escaped(&out, "a\nb\x1b[0m\\", 8, 100);
	buf_put_u8(&out, 0);
	assert_string_equal((char *)buf_bytes(&out), "a\\x0ab\\x1b[0m\\x5c");
	buf_free(&out);
	(void)state;
}

static void
overlong_and_surrogate_bytes_are_not_utf8(void **state)
{
	assert_true(text_is_utf8("gr\xc3\xbc\xc3\x9f", 6));
	assert_false(text_is_utf8("\xc0\x80", 2));
	assert_false(text_is_utf8("\xed\xa0\x80", 3));
	assert_false(text_is_utf8("\xe2\x82", 2));
	assert_false(text_is_utf8("a\0b", 3));
	(void)state;
}

static void
hexadecimal_digits_are_known_in_both_cases_and_nothing_else_is(void **state)
{
	static const char digits[] = "0123456789abcdef";

	for (int byte = -128; byte < 128; byte++) {
		const char *at = byte != 0 ? strchr(digits, byte >= 'A' && byte <= 'F' ?
		    byte - 'A' + 'a' : byte) : NULL;

		assert_int_equal(text_hex_value((char)byte), at != NULL ? at - digits : -1);
	}
	(void)state;
}

static void
an_address_and_its_port_are_told_apart(void **state)
{
	static const char *const wrong[] = { "", ":", ":1", "a", "a:", "a:0", "a:65536", "a:1x", "a:-1",
		"::1:80", "[::1", "[::1]", "[]:80", "[::1:80", "[:80",
		"much-longer-than-the-room:80" };
	char host[16];
	int port;

	assert_true(text_to_host_port("127.0.0.1:9132", host, sizeof(host), &port));
	assert_string_equal(host, "127.0.0.1");
	assert_int_equal(port, 9132);
	assert_true(text_to_host_port("[::1]:65535", host, sizeof(host), &port));
	assert_string_equal(host, "::1");
	assert_true(text_to_host_port("*:1", host, sizeof(host), &port));
	assert_string_equal(host, "*");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(text_to_host_port(wrong[i], host, sizeof(host), &port));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_units_and_only_zero_may_go_without),
		cmocka_unit_test(hexadecimal_digits_are_known_in_both_cases_and_nothing_else_is),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_glob_fits_the_whole_text_or_nothing),
		cmocka_unit_test(the_nearest_word_is_offered_only_when_near),
		cmocka_unit_test(base64_comes_back_and_rubbish_does_not),
		cmocka_unit_test(an_address_and_its_port_are_told_apart),
		cmocka_unit_test(control_bytes_never_reach_a_log_line),
		cmocka_unit_test(overlong_and_surrogate_bytes_are_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
