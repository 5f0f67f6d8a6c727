/* test_tags.c - behaviour of sql/tags: what of a comment is sqlcommenter's, and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sql/tags.h"

/* All tags of all comments, "key=value;key=value;|" with a bar behind each comment. */
static char *
tags_of(const char *text, size_t length)
{
	struct buf out = { 0 };
	struct sql_tags tags;
	char value[SQL_TAG_VALUE_MOST];
	size_t at = 0;
	char *result;

	while (sql_next_tags(text, length, &at, &tags)) {
		for (size_t i = 0; i < tags.count; i++) {
			buf_put(&out, tags.tags[i].key, tags.tags[i].key_length);
			buf_put_u8(&out, '=');
			buf_put(&out, value, sql_tag_value(&tags.tags[i], value));
			buf_put_u8(&out, ';');
		}
		buf_put_u8(&out, '|');
	}
	result = mem_strndup((const char *)buf_bytes(&out), buf_length(&out));
	buf_free(&out);
	return result;
}

static void
assert_tags(const char *text, const char *expected)
{
	char *found = tags_of(text, strlen(text));

	assert_string_equal(found, expected);
	mem_free(found);
}

static void
values_are_decoded_and_what_is_no_encoding_stays(void **state)
{
	assert_tags("SELECT 1 /*route='%2Fpay%20me',a.b-c:d='x'*/", "route=/pay me;a.b-c:d=x;|");
	assert_tags("SELECT 1 /* route='a\\'b' , x='' */", "route=a'b;x=;|");
	assert_tags("SELECT 1 /*route='%00%zz%1'*/", "route=%00%zz%1;|");
	(void)state;
}

static void
any_other_comment_and_quoted_text_is_none(void **state)
{
	static const char *const none[] = { "SELECT 1", "SELECT '/*a=''b''*/'", "SELECT 1 -- a='b'",
		"SELECT 1 /*a=b*/", "SELECT 1 /*a='b' and words*/", "SELECT 1 /*a='b'", "SELECT 1 /*a='b*/",
		"SELECT 1 /*='b'*/", "SELECT $$/*a='b'*/$$", "SELECT 1 /**/", "/", "" };

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_tags(none[i], "");
	(void)state;
}

static void
each_comment_is_told_and_of_two_with_one_key_the_first(void **state)
{
	assert_tags("/*a='1'*/ SELECT /* words */ 1 /*a='2',a='3',b='4'*/", "a=1;|a=2;b=4;|");
	(void)state;
}

static void
what_is_too_long_is_no_tag_and_no_more_than_sixteen_are_kept(void **state)
{
	char *key = mem_printf("/*%0*d='x'*/", SQL_TAG_KEY_MOST + 1, 1);
	char *value = mem_printf("/*a='%0*d'*/", SQL_TAG_VALUE_MOST + 1, 1);
	char *longest = mem_printf("/*a='%0*d'*/", SQL_TAG_VALUE_MOST, 1);
	struct sql_tags tags;
	size_t at = 0;
	struct buf many = { 0 };

	assert_tags(key, "");
	assert_tags(value, "");
	assert_true(sql_next_tags(longest, strlen(longest), &at, &tags));
	assert_int_equal(tags.tags[0].value_length, SQL_TAG_VALUE_MOST);
	buf_put_text(&many, "/*k0=''");
	for (int i = 1; i < 40; i++) {
		char *one = mem_printf(",k%d='%d'", i, i);

		buf_put_text(&many, one);
		mem_free(one);
	}
	buf_put_text(&many, "*/");
	at = 0;
	assert_true(sql_next_tags((const char *)buf_bytes(&many), buf_length(&many), &at, &tags));
	assert_int_equal(tags.count, SQL_TAGS_MOST);
	buf_free(&many);
	mem_free(key);
	mem_free(value);
	mem_free(longest);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_decoded_and_what_is_no_encoding_stays),
		cmocka_unit_test(any_other_comment_and_quoted_text_is_none),
		cmocka_unit_test(each_comment_is_told_and_of_two_with_one_key_the_first),
		cmocka_unit_test(what_is_too_long_is_no_tag_and_no_more_than_sixteen_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
