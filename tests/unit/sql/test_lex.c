/* test_lex.c - behaviour of sql/lex and sql/precheck. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sql/lex.h"
#include "sql/precheck.h"

/* Each token as a letter of its kind and its text, with a bar between. */
static char *
tokens_of(const char *text)
{
	static const char letters[] = "-wqsdnpomc";
	struct lexer lexer = { .text = text, .length = strlen(text) };
	struct lex_token token;
	struct buf out = { 0 };

	for (lex_next(&lexer, &token); token.kind != LEX_END; lex_next(&lexer, &token)) {
		if (buf_length(&out) > 0)
			buf_put_u8(&out, '|');
		buf_put_u8(&out, (uint8_t)letters[token.kind]);
		buf_put(&out, text + token.start, token.end - token.start);
		if (token.unterminated)
			buf_put_text(&out, "<open>");
	}
	return buf_steal_text(&out);
}

static void
the_lexer_sees_what_postgresql_sees(void **state)
{
	static const char *const rows[][2] = {
		{ "SELECT a.\"B\"\"c\" FROM t;",
		    "wSELECT|wa|m.|q\"B\"\"c\"|wFROM|wt|m;" },
		{ "'it''s' E'a\\'b' B'01' x'1F' N'n' U&'\\0041'",
		    "s'it''s'|sE'a\\'b'|sB'01'|sx'1F'|sN'n'|sU&'\\0041'" },
		{ "'a\\' 1", "s'a\\'|n1" },
		{ "E'a' \n 'b\\'c' 1", "sE'a' \n 'b\\'c'|n1" },
		{ "E'a' -- x\n 'b\\'c' 1", "sE'a' -- x\n 'b\\'c'|n1" },
		{ "E'a' 'b\\' 1", "sE'a'|s'b\\'|n1" },
		{ "$$a;b$$ $t$ $$ $T$ $t$ $1 $1a a$b$c",
		    "d$$a;b$$|d$t$ $$ $T$ $t$|p$1|p$1|wa|wa$b$c" },
		{ "1 1.5 .5 1e10 1e-5 1. 1..2 1ex",
		    "n1|n1.5|n.5|n1e10|n1e-5|n1.|n1|m.|n.2|n1|wex" },
		{ "a<>-1 @>--x\n*/*y*/+", "wa|o<>-|n1|o@>|c--x|o*|c/*y*/|o+" },
		{ "/* a /* b */ ; */ x", "c/* a /* b */ ; */|wx" },
		{ "/*/ x */ y", "c/*/ x */|wy" },
		{ "-- a\rb", "c-- a|wb" },
		{ "\xc3\xa9t\xc3\xa9 = 1", "w\xc3\xa9t\xc3\xa9|o=|n1" },
		{ "U&\"a\" u & \"b\"", "qU&\"a\"|wu|o&|q\"b\"" },
		{ "a::int[1]", "wa|m:|m:|wint|m[|n1|m]" },
		{ "'a", "s'a<open>" },
		{ "E'a\\", "sE'a\\<open>" },
		{ "\"a", "q\"a<open>" },
		{ "$a$ x", "d$a$ x<open>" },
		{ "/* a", "c/* a<open>" },
		{ "$ 1", "m$|n1" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *found = tokens_of(rows[i][0]);

		assert_string_equal(found, rows[i][1]);
		mem_free(found);
	}
	(void)state;
}

static bool
passes(const char *text, size_t length, int *position)
{
	struct error err = { 0 };

	return precheck(text, length, &err, position);
}

/* `unit` `count` times between two texts. */
static bool
passes_repeated(const char *start, const char *unit, size_t count, const char *end)
{
	struct buf text = { 0 };
	int position;
	bool good;

	buf_put_text(&text, start);
	for (size_t i = 0; i < count; i++)
		buf_put_text(&text, unit);
	buf_put_text(&text, end);
	good = passes((const char *)buf_bytes(&text), buf_length(&text), &position);
	buf_free(&text);
	return good;
}

static void
each_cap_holds_to_the_last_one_allowed(void **state)
{
	assert_true(passes_repeated("SELECT ", "(", PRECHECK_DEPTH, ""));
	assert_false(passes_repeated("SELECT ", "(", PRECHECK_DEPTH + 1, ""));
	assert_false(passes_repeated("SELECT ", "[", PRECHECK_DEPTH + 1, ""));
	assert_true(passes_repeated("", "/*", PRECHECK_COMMENT_NESTING, ""));
	assert_false(passes_repeated("", "/*", PRECHECK_COMMENT_NESTING + 1, ""));
	assert_true(passes_repeated("SELECT 1 ", "<", PRECHECK_OPERATOR_RUN, " 2"));
	assert_false(passes_repeated("SELECT 1 ", "<", PRECHECK_OPERATOR_RUN + 1, " 2"));
	assert_true(passes_repeated("", "SELECT 1;", PRECHECK_STATEMENTS, ""));
	assert_false(passes_repeated("", "SELECT 1;", PRECHECK_STATEMENTS + 1, ""));
	assert_true(passes_repeated("SELECT 1", "+1", PRECHECK_CHAIN, ""));
	assert_false(passes_repeated("SELECT 1", "+1", PRECHECK_CHAIN + 1, ""));
	assert_false(passes_repeated("SELECT (", "-(1)", PRECHECK_CHAIN + 1, ")"));
	assert_false(passes_repeated("SELECT 1", "::int", PRECHECK_CHAIN, ""));
	assert_false(passes_repeated("SELECT a", " ISNULL", PRECHECK_CHAIN + 1, ""));
	assert_false(passes_repeated("SELECT a", " COLLATE b", PRECHECK_CHAIN + 1, ""));
	assert_true(passes_repeated("", "a ", PRECHECK_TOKENS, ""));
	assert_false(passes_repeated("", "a ", PRECHECK_TOKENS + 1, ""));
	(void)state;
}

static void
long_lists_and_many_conditions_are_no_chain(void **state)
{
	assert_true(passes_repeated("SELECT 1", ",1+1", 2 * PRECHECK_CHAIN, ""));
	assert_true(passes_repeated("SELECT a=1", " AND a=1", 2 * PRECHECK_CHAIN, ""));
	assert_true(passes_repeated("SELECT a", " OR a IS NULL", 2 * PRECHECK_CHAIN, ""));
	assert_true(passes_repeated("", ";", 2 * PRECHECK_STATEMENTS, ""));
	(void)state;
}

static void
what_is_quoted_is_not_counted(void **state)
{
	assert_true(passes_repeated("SELECT '", "((;+", 2 * PRECHECK_DEPTH, "'"));
	assert_true(passes_repeated("SELECT $a$", "((;+", 2 * PRECHECK_DEPTH, "$a$"));
	assert_true(passes_repeated("-- ", "/*((;", 2 * PRECHECK_DEPTH, "\n"));
	assert_true(passes_repeated("SELECT \"", "((;+", 2 * PRECHECK_DEPTH, "\""));
	(void)state;
}

static void
bytes_that_are_no_text_are_refused(void **state)
{
	int position = -1;

	assert_false(passes("SELECT '\xff'", 10, &position));
	assert_false(passes("SELECT '\xc3'", 10, &position));
	assert_false(passes("SELECT\0 1", 9, &position));
	assert_true(passes("", 0, &position));
	(void)state;
}

static void
the_place_of_what_is_too_much_is_told(void **state)
{
	char text[PRECHECK_DEPTH + 2];
	int position = 0;

	memset(text, '(', sizeof(text));
	assert_false(passes(text, sizeof(text), &position));
	assert_int_equal(position, PRECHECK_DEPTH + 1);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lexer_sees_what_postgresql_sees),
		cmocka_unit_test(each_cap_holds_to_the_last_one_allowed),
		cmocka_unit_test(long_lists_and_many_conditions_are_no_chain),
		cmocka_unit_test(what_is_quoted_is_not_counted),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(the_place_of_what_is_too_much_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
