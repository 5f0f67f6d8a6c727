/* test_places.c - behaviour of sql/places: what is found where in odd texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sql/places.h"

static struct sql_place
whole(const char *text)
{
	return (struct sql_place){ 0, strlen(text) };
}

static void
assert_stands(const char *text, struct sql_place place, const char *expected)
{
	if (place.end - place.start != strlen(expected) ||
	    memcmp(text + place.start, expected, strlen(expected)) != 0)
		fail_msg("%s: found \"%.*s\", not \"%s\"", text, (int)(place.end - place.start),
		    text + place.start, expected);
}

static void
a_statement_is_told_from_what_surrounds_it(void **state)
{
	static const char *const texts[] = { "RESET x", " ;; RESET x ;", "/* ; */RESET x-- end;\n",
		"\n\tRESET x;;" };
	struct sql_place place;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_true(sql_place_words(texts[i], whole(texts[i]), &place));
		assert_stands(texts[i], place, "RESET x");
	}
	assert_false(sql_place_words(" ; -- nothing", whole(" ; -- nothing"), &place));
	(void)state;
}

static void
the_name_of_a_prepared_statement_is_found(void **state)
{
	static const struct row {
		const char *text, *name;
	} rows[] = {
		{ "PREPARE a AS SELECT 1", "a" },
		{ "prepare/**/\"a \"\"b\"(int) AS SELECT 1", "\"a \"\"b\"" },
		{ "EXECUTE a", "a" },
		{ "EXECUTE a(1, 'execute b')", "a" },
		{ "EXPLAIN ANALYZE EXECUTE a (1)", "a" },
		{ "EXPLAIN (COSTS off) EXECUTE execute", "execute" },
		{ "CREATE TABLE t AS EXECUTE a(1) WITH NO DATA", "a" },
		{ "CREATE TABLE execute AS EXECUTE a", "a" },
		{ "CREATE TABLE execute (execute) AS EXECUTE a", "a" },
		{ "CREATE TABLE execute USING heap AS EXECUTE a;", "a" },
		{ "CREATE TABLE execute WITH (fillfactor = 70) AS EXECUTE a", "a" },
	};
	struct sql_place place;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(sql_place_prepared_name(rows[i].text, whole(rows[i].text), &place));
		assert_stands(rows[i].text, place, rows[i].name);
	}
	assert_false(sql_place_prepared_name("SELECT 'execute a'", whole("SELECT 'execute a'"), &place));
	assert_false(sql_place_prepared_name("PREPARE", whole("PREPARE"), &place));
	(void)state;
}

static void
the_null_of_set_config_is_that_of_this_setting(void **state)
{
	static const char text[] =
	    "SELECT set_config('a.b', 'x', false), pg_catalog.set_config('A.b' , /**/ null::text, false), NULL";
	struct sql_place place;

	assert_true(sql_place_null_value(text, whole(text), "a.b", &place));
	assert_stands(text, place, "null");
	assert_true(place.start == (size_t)(strstr(text, "null") - text));
	assert_false(sql_place_null_value(text, whole(text), "a.c", &place));
	assert_false(sql_place_null_value(text, (struct sql_place){ 0, 30 }, "a.b", &place));
	(void)state;
}

static void
a_call_is_found_with_its_schema_and_parentheses(void **state)
{
	static const struct row {
		const char *text, *call;
	} rows[] = {
		{ "SELECT f()", "f()" },
		{ "select all((F ( /* ) */ ))) as f", "F ( /* ) */ )" },
		{ "SELECT pg_catalog . f()", "pg_catalog . f()" },
		{ "SELECT\"pg_catalog\".\"f\"()x", "\"pg_catalog\".\"f\"()" },
		{ "SELECT U&\"pg_catalog\".f() AS \"f()\"", "U&\"pg_catalog\".f()" },
		{ "-- f()\nSELECT f--\n();", "f--\n()" },
	};
	static const char *const in_vain[] = { "SELECT", "SELECT f", "SELECT f(1)", "SELECT \"F\"()",
		"SELECT 'f()'", "SELECT g()", "SELECT U&\"f\" UESCAPE '!'()",
		"SELECT U&\"pg_catalog\" UESCAPE '!'.f()" };
	struct sql_place place;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(sql_place_call(rows[i].text, whole(rows[i].text), "f", &place));
		assert_stands(rows[i].text, place, rows[i].call);
	}
	for (size_t i = 0; i < sizeof(in_vain) / sizeof(in_vain[0]); i++)
		assert_false(sql_place_call(in_vain[i], whole(in_vain[i]), "f", &place));
	(void)state;
}

static void
a_call_of_a_number_is_found_with_that_number(void **state)
{
	static const struct row {
		const char *text, *call;
		uint32_t number;
	} rows[] = {
		{ "SELECT f(1073741825)", "f(1073741825)", 1073741825 },
		{ "SELECT pg_catalog . f /**/ ( 7 -- x\n) AS g", "pg_catalog . f /**/ ( 7 -- x\n)", 7 },
		{ "SELECT \"f\"(2147483647)", "\"f\"(2147483647)", 2147483647 },
		{ "SELECT f(00000000)", "f(00000000)", 0 },
	};
	static const char *const in_vain[] = { "SELECT f()", "SELECT f(2147483648)", "SELECT f(-1)",
		"SELECT f(4294967297)", "SELECT f(99999999999999999999)", "SELECT f(1.0)", "SELECT f(1e3)",
		"SELECT f('1')", "SELECT f($1)", "SELECT f(1, 2)", "SELECT f(1 2)", "SELECT f((1))",
		"SELECT f(1", "SELECT f(x)", "SELECT f(1::int)", "SELECT g(1)" };
	struct sql_place place;
	uint32_t number;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(sql_place_call_of_number(
		    rows[i].text, whole(rows[i].text), "f", &place, &number));
		assert_stands(rows[i].text, place, rows[i].call);
		assert_int_equal(number, rows[i].number);
	}
	for (size_t i = 0; i < sizeof(in_vain) / sizeof(in_vain[0]); i++)
		if (sql_place_call_of_number(in_vain[i], whole(in_vain[i]), "f", &place, &number))
			fail_msg("%s", in_vain[i]);
	(void)state;
}

static void
a_relation_is_found_behind_from_or_join_with_whether_it_has_another_name(void **state)
{
	static const struct row {
		const char *text, *relation;
		bool aliased;
	} rows[] = {
		{ "SELECT * FROM r", "r", false },
		{ "SELECT * FROM R;", "R", false },
		{ "SELECT r.a FROM pg_catalog /**/ . \"r\" WHERE r.a", "pg_catalog /**/ . \"r\"", false },
		{ "SELECT 'r' FROM r-- r\nORDER BY 1", "r", false },
		{ "SELECT * FROM t JOIN r USING (a)", "r", false },
		{ "SELECT * FROM r, t", "r", false },
		{ "SELECT (SELECT a FROM r) FROM t", "r", false },
		{ "SELECT * FROM r LEFT JOIN t ON true", "r", false },
		{ "SELECT * FROM r AS s", "r", true },
		{ "SELECT * FROM r s WHERE true", "r", true },
		{ "SELECT * FROM r \"where\"", "r", true },
	};
	static const char *const in_vain[] = { "SELECT 1", "SELECT * FROM s.r", "SELECT * FROM r.r",
		"TABLE r", "SELECT * FROM ONLY r", "SELECT * FROM r *", "SELECT * FROM t, r",
		"SELECT r FROM r", "SELECT * FROM r JOIN r ON true", "SELECT r()", "SELECT * FROM \"R\"",
		"WITH r AS (SELECT 1) SELECT * FROM r", "SELECT * FROM U&\"r\"", "SELECT 1 AS r",
		"SELECT * FROM d.pg_catalog2.r", "SELECT . r", "r" };
	struct sql_place place;
	bool aliased;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!sql_place_relation(rows[i].text, whole(rows[i].text), "r", &place, &aliased))
			fail_msg("%s", rows[i].text);
		assert_stands(rows[i].text, place, rows[i].relation);
		assert_int_equal(aliased, rows[i].aliased);
	}
	for (size_t i = 0; i < sizeof(in_vain) / sizeof(in_vain[0]); i++)
		if (sql_place_relation(in_vain[i], whole(in_vain[i]), "r", &place, &aliased))
			fail_msg("%s", in_vain[i]);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_is_told_from_what_surrounds_it),
		cmocka_unit_test(the_name_of_a_prepared_statement_is_found),
		cmocka_unit_test(the_null_of_set_config_is_that_of_this_setting),
		cmocka_unit_test(a_call_is_found_with_its_schema_and_parentheses),
		cmocka_unit_test(a_call_of_a_number_is_found_with_that_number),
		cmocka_unit_test(a_relation_is_found_behind_from_or_join_with_whether_it_has_another_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
