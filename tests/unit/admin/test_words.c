/* test_words.c - behaviour of admin/words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/admin/words.h"

/* The words of the first command, with | between; "!" and the SQLSTATE when it has none.
 */
static const char *
read(const char *text)
{
	static char shown[1000];
	const char *at = text;
	struct words words;
	struct error err = { 0 };
	size_t used = 0;

	shown[0] = '\0';
	if (!words_read(&at, &words, &err)) {
		assert_int_equal(words.count, 0);
		snprintf(shown, sizeof(shown), "!%s", err.sqlstate);
		return shown;
	}
	for (size_t i = 0; i < words.count; i++)
		used += (size_t)snprintf(shown + used, sizeof(shown) - used, "%s%s",
		    i > 0 ? "|" : "", words.items[i]);
	words_free(&words);
	return shown;
}

static void
blanks_of_every_kind_part_words(void **state)
{
	assert_string_equal(read(" \t\r\n\f\vSHOW\n\tPOOLS  ; "), "SHOW|POOLS");
	assert_string_equal(read(""), "");
	assert_string_equal(read("  ;SHOW"), "");
	(void)state;
}

static void
signs_are_words_of_their_own(void **state)
{
	assert_string_equal(read("SET a=b"), "SET|a|=|b");
	assert_string_equal(
	    read("SET datestyle = ISO, MDY"), "SET|datestyle|=|ISO|,|MDY");
	(void)state;
}

static void
quotes_keep_blanks_semicolons_and_signs(void **state)
{
	assert_string_equal(read("PAUSE \"my ; db\""), "PAUSE|my ; db");
	assert_string_equal(read("SET a='x = ''y'''"), "SET|a|=|x = 'y'");
	assert_string_equal(read("PAUSE \"a\"\"b\""), "PAUSE|a\"b");
	assert_string_equal(read("PAUSE \"\""), "PAUSE|");
	(void)state;
}

static void
an_open_quote_is_an_error_not_a_word(void **state)
{
	assert_string_equal(read("'"), "!42601");
	assert_string_equal(read("PAUSE \"shop"), "!42601");
	assert_string_equal(read("PAUSE \"shop\"\""), "!42601");
	(void)state;
}

static void
comments_are_skipped(void **state)
{
	assert_string_equal(read("/* a */SHOW -- b\nPOOLS/*;*/"), "SHOW|POOLS/*");
	assert_string_equal(read("SHOW /* ; */ POOLS"), "SHOW|POOLS");
	assert_string_equal(read("-- only\n"), "");
	assert_string_equal(read("/* never ended"), "");
	(void)state;
}

static void
more_words_than_there_is_room_for_are_an_error(void **state)
{
	assert_string_equal(
	    read("a b c d e f g h i j k l m n o p"), "a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p");
	assert_string_equal(read("a b c d e f g h i j k l m n o p q"), "!42601");
	(void)state;
}

static void
reading_goes_on_behind_the_semicolon(void **state)
{
	const char *at = "SHOW VERSION;;  SHOW LISTS ; -- end";
	struct words words;

	assert_true(words_read(&at, &words, NULL));
	words_free(&words);
	assert_string_equal(at, ";  SHOW LISTS ; -- end");
	assert_true(words_are_left(at));
	assert_true(words_read(&at, &words, NULL));
	assert_int_equal(words.count, 0);
	assert_true(words_read(&at, &words, NULL));
	assert_true(words_is(&words, 1, "lists"));
	words_free(&words);
	assert_false(words_are_left(at));
	(void)state;
}

static void
a_word_that_is_not_there_is_empty(void **state)
{
	struct words words = { 0 };

	assert_string_equal(words_at(&words, 0), "");
	assert_string_equal(words_at(&words, 999), "");
	assert_false(words_is(&words, 3, "SHOW"));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blanks_of_every_kind_part_words),
		cmocka_unit_test(signs_are_words_of_their_own),
		cmocka_unit_test(quotes_keep_blanks_semicolons_and_signs),
		cmocka_unit_test(an_open_quote_is_an_error_not_a_word),
		cmocka_unit_test(comments_are_skipped),
		cmocka_unit_test(more_words_than_there_is_room_for_are_an_error),
		cmocka_unit_test(reading_goes_on_behind_the_semicolon),
		cmocka_unit_test(a_word_that_is_not_there_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
