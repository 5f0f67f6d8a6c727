/*
 * test_shape.c - behaviour of sql/shape. That facts are equal where shapes are is
 * shown by test_shape_facts.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sql/shape.h"

/* In the tables below ?i ?l ?d ?s stand for an integer, a long one, a decimal, a string. */
struct shape_case {
	const char *text;
	const char *shape; /* NULL: it has none */
};

static char *
readable(const struct buf *key)
{
	static const char names[] = "\0ilds";
	struct buf out = { 0 };

	for (size_t i = 0; i < buf_length(key); i++) {
		uint8_t byte = buf_bytes(key)[i];

		if (byte >= sizeof(names) - 1)
			buf_put_u8(&out, byte);
		else
			buf_printf(&out, "?%c", names[byte]);
	}
	return buf_steal_text(&out);
}

/* The text in a block of just its size, so that a sanitizer sees a byte read too many. */
static char *
shape_of(const char *text, size_t length)
{
	char *exact = mem_copy(text, length);
	struct buf key = { 0 };
	char *shape = NULL;

	buf_put_text(&key, "left by another text");
	if (sql_shape(exact, length, &key))
		shape = readable(&key);
	buf_free(&key);
	mem_free(exact);
	return shape;
}

static void
check(const struct shape_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *shape = shape_of(cases[i].text, strlen(cases[i].text));

		if (shape == NULL && cases[i].shape != NULL)
			fail_msg("no shape: %s", cases[i].text);
		if (shape != NULL && cases[i].shape == NULL)
			fail_msg("has shape %s: %s", shape, cases[i].text);
		if (shape != NULL)
			assert_string_equal(shape, cases[i].shape);
		mem_free(shape);
	}
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof((cases)[0]))

static void
what_a_column_is_compared_with_is_taken_out(void **state)
{
	static const struct shape_case cases[] = {
		{ "SELECT abalance FROM pgbench_accounts WHERE aid = 3612;",
		    "SELECT abalance FROM pgbench_accounts WHERE aid = ?i;" },
		{ "select * from t where a=5", "select * from t where a=?i" },
		{ "SELECT * FROM t WHERE a = 'x' AND b < 5 AND t.c >= 5.5 AND s.t.d <> -5",
		    "SELECT * FROM t WHERE a = ?s AND b < ?i AND t.c >= ?d AND s.t.d <> -?i" },
		{ "DELETE FROM t WHERE a > 5 AND b <= 5 AND c != 5",
		    "DELETE FROM t WHERE a > ?i AND b <= ?i AND c != ?i" },
		{ "SELECT \"t\".\"id\" FROM \"t\" WHERE (\"t\".\"a\" = 5 AND \"t\".\"b\" = 'x') LIMIT 21",
		    "SELECT \"t\".\"id\" FROM \"t\" WHERE (\"t\".\"a\" = ?i AND \"t\".\"b\" = ?s) LIMIT ?i" },
		{ "SELECT 1 FROM t WHERE a = 5 OR b = 6", "SELECT 1 FROM t WHERE a = ?i OR b = ?i" },
		{ "DELETE FROM t WHERE a=-5 AND b<-5 AND c<>-5",
		    "DELETE FROM t WHERE a=-?i AND b<-?i AND c<>-?i" },
		{ "SELECT 1 FROM t WHERE a = - 5 ORDER BY b OFFSET 6 LIMIT 7 FOR UPDATE",
		    "SELECT 1 FROM t WHERE a = - ?i ORDER BY b OFFSET ?i LIMIT ?i FOR UPDATE" },
		{ "SELECT 1 FROM t WHERE a = 5 UNION SELECT 1 FROM u WHERE b = 6",
		    "SELECT 1 FROM t WHERE a = ?i UNION SELECT 1 FROM u WHERE b = ?i" },
		{ "SELECT 1 FROM t WHERE a = 'x'AND b = 'y'",
		    "SELECT 1 FROM t WHERE a = ?sAND b = ?s" },
		{ "DELETE FROM t WHERE a1 = 5 AND b$2 = 6 RETURNING a",
		    "DELETE FROM t WHERE a1 = ?i AND b$2 = ?i RETURNING a" },
		{ "INSERT INTO t SELECT 5 FROM u WHERE b = 6 ON CONFLICT (a) WHERE c = 7"
		  " DO UPDATE SET d = e AND f = 8 WHERE g = 9",
		    "INSERT INTO t SELECT 5 FROM u WHERE b = ?i ON CONFLICT (a) WHERE c = ?i"
		    " DO UPDATE SET d = e AND f = 8 WHERE g = ?i" },
		{ "INSERT INTO t SELECT a, 5 FROM u WHERE b = 6 LIMIT 7",
		    "INSERT INTO t SELECT a, 5 FROM u WHERE b = ?i LIMIT ?i" },
	};

	CHECK(cases);
	(void)state;
}

static void
what_is_assigned_or_inserted_is_taken_out(void **state)
{
	static const struct shape_case cases[] = {
		{ "UPDATE pgbench_accounts SET abalance = abalance + -3201 WHERE aid = 36;",
		    "UPDATE pgbench_accounts SET abalance = abalance + -?i WHERE aid = ?i;" },
		{ "UPDATE t SET a = 5, b = 'x', c=c-1, d = t.d * 2, e=-1 FROM u",
		    "UPDATE t SET a = ?i, b = ?s, c=c-?i, d = t.d * ?i, e=-?i FROM u" },
		{ "UPDATE t SET a = b + NOT -3201 WHERE c = 7",
		    "UPDATE t SET a = b + NOT -3201 WHERE c = ?i" },
		{ "UPDATE t SET a = f(5), b = DEFAULT, c = 5 WHERE d = 6",
		    "UPDATE t SET a = f(5), b = DEFAULT, c = ?i WHERE d = ?i" },
		{ "UPDATE t SET (a, b) = (5, 6), c = 7 WHERE d = $1 AND e = 8",
		    "UPDATE t SET (a, b) = (5, 6), c = ?i WHERE d = $1 AND e = ?i" },
		{ "UPDATE t AS set SET a = 5 WHERE set.b = 6",
		    "UPDATE t AS set SET a = ?i WHERE set.b = 6" },
		{ "INSERT INTO h (a, b) VALUES (1, 'x', -3, CURRENT_TIMESTAMP, 4 + 5, f(6), 7)",
		    "INSERT INTO h (a, b) VALUES (?i, ?s, -?i, CURRENT_TIMESTAMP, 4 + 5, f(6), ?i)" },
		{ "INSERT INTO t VALUES (1,2), (3,4) ON CONFLICT (a) DO UPDATE SET b = 5",
		    "INSERT INTO t VALUES (?i,?i), (?i,?i) ON CONFLICT (a) DO UPDATE SET b = 5" },
		{ "INSERT INTO t VALUES (ARRAY[1, 2], 3, NULL, (4)) RETURNING 5",
		    "INSERT INTO t VALUES (ARRAY[1, 2], ?i, NULL, (4)) RETURNING 5" },
		{ "INSERT INTO t VALUES ('{\"a\": 1}', 'it''s', '', '''')",
		    "INSERT INTO t VALUES (?s, ?s, ?s, ?s)" },
	};

	CHECK(cases);
	(void)state;
}

static void
kinds_of_literals_are_kept_apart(void **state)
{
	static const struct shape_case cases[] = {
		{ "SELECT 1 LIMIT 2147483647", "SELECT 1 LIMIT ?i" },
		{ "SELECT 1 LIMIT 2147483648", "SELECT 1 LIMIT ?l" },
		{ "SELECT 1 LIMIT 0002147483647", "SELECT 1 LIMIT ?i" },
		{ "SELECT 1 LIMIT 0002147483648", "SELECT 1 LIMIT ?l" },
		{ "SELECT 1 LIMIT 00000000000", "SELECT 1 LIMIT ?i" },
		{ "SELECT 1 LIMIT 1700000000000", "SELECT 1 LIMIT ?l" },
		{ "SELECT 1 LIMIT 1.5", "SELECT 1 LIMIT ?d" },
		{ "SELECT 1 LIMIT '1'", "SELECT 1 LIMIT ?s" },
		{ "SELECT 1 LIMIT -1", "SELECT 1 LIMIT -?i" },
		{ "SELECT 1 LIMIT -'1'", "SELECT 1 LIMIT -'1'" },
		{ "SELECT 1 LIMIT - -1", "SELECT 1 LIMIT - -1" },
	};

	CHECK(cases);
	(void)state;
}

/* Each could be a tautology, a setting, or mean something else with another value. */
static void
literals_that_may_matter_stay(void **state)
{
	static const struct shape_case cases[] = {
		{ "DELETE FROM t WHERE 1 = 1", "DELETE FROM t WHERE 1 = 1" },
		{ "DELETE FROM t WHERE 5 = a AND 'x' = 'x'", "DELETE FROM t WHERE 5 = a AND 'x' = 'x'" },
		{ "DELETE FROM t WHERE true = 1", "DELETE FROM t WHERE true = 1" },
		{ "DELETE FROM t WHERE NULL = 1", "DELETE FROM t WHERE NULL = 1" },
		{ "DELETE FROM t WHERE current_date > '1'", "DELETE FROM t WHERE current_date > '1'" },
		{ "DELETE FROM t WHERE NOT a = 5", "DELETE FROM t WHERE NOT a = 5" },
		{ "DELETE FROM t WHERE NOT (a = 5)", "DELETE FROM t WHERE NOT (a = 5)" },
		{ "DELETE FROM t WHERE a = 5 = b", "DELETE FROM t WHERE a = 5 = b" },
		{ "DELETE FROM t WHERE a = 5 IS NOT NULL", "DELETE FROM t WHERE a = 5 IS NOT NULL" },
		{ "DELETE FROM t WHERE a = 5 + 1", "DELETE FROM t WHERE a = 5 + 1" },
		{ "DELETE FROM t WHERE a + 5 = a + 5", "DELETE FROM t WHERE a + 5 = a + 5" },
		{ "DELETE FROM t WHERE a BETWEEN b AND c = 5 AND d = 6",
		    "DELETE FROM t WHERE a BETWEEN b AND c = 5 AND d = ?i" },
		{ "DELETE FROM t WHERE a BETWEEN 1 AND 2", "DELETE FROM t WHERE a BETWEEN 1 AND 2" },
		{ "DELETE FROM t WHERE a LIKE '%' AND b IN (1, 2) AND c ~ ''",
		    "DELETE FROM t WHERE a LIKE '%' AND b IN (1, 2) AND c ~ ''" },
		{ "DELETE FROM t WHERE a @> '{}' AND b -> 'c' = '5' AND b->>'c' = 'd'",
		    "DELETE FROM t WHERE a @> '{}' AND b -> 'c' = '5' AND b->>'c' = 'd'" },
		{ "DELETE FROM t WHERE a = '5'::int AND b::int = 5 AND c = date '2020-01-01'",
		    "DELETE FROM t WHERE a = '5'::int AND b::int = 5 AND c = date '2020-01-01'" },
		{ "DELETE FROM t WHERE a != -5 AND b !=-5 AND c %-5 AND d *-5 = e",
		    "DELETE FROM t WHERE a != -?i AND b !=-5 AND c %-5 AND d *-5 = e" },
		{ "DELETE FROM t WHERE a = (SELECT b FROM u WHERE c = 5 OR d = 5)",
		    "DELETE FROM t WHERE a = (SELECT b FROM u WHERE c = 5 OR d = 5)" },
		{ "DELETE FROM t WHERE EXISTS (SELECT FROM u WHERE a.b = 5) AND c = 6",
		    "DELETE FROM t WHERE EXISTS (SELECT FROM u WHERE a.b = 5) AND c = ?i" },
		{ "DELETE FROM t WHERE f((a), 5) AND b[c[5]] AND d = 6",
		    "DELETE FROM t WHERE f((a), 5) AND b[c[5]] AND d = ?i" },
		{ "DELETE FROM t WHERE f(a) = 5", "DELETE FROM t WHERE f(a) = 5" },
		{ "DELETE FROM t WHERE a[1] = 5", "DELETE FROM t WHERE a[1] = 5" },
		{ "SELECT set_config('role', 'x', false)", "SELECT set_config('role', 'x', false)" },
		{ "SELECT 5, 'x', a = 6 FROM t GROUP BY 1 ORDER BY 2",
		    "SELECT 5, 'x', a = 6 FROM t GROUP BY 1 ORDER BY 2" },
		{ "SELECT 1 FROM t JOIN u ON t.a = 5 AND u.b = 6",
		    "SELECT 1 FROM t JOIN u ON t.a = 5 AND u.b = 6" },
		{ "SELECT 1 FROM t GROUP BY a HAVING b = 5", "SELECT 1 FROM t GROUP BY a HAVING b = 5" },
		{ "SELECT a FROM t FETCH FIRST 5 ROWS ONLY", "SELECT a FROM t FETCH FIRST 5 ROWS ONLY" },
		{ "SELECT a FROM t OFFSET 5 ROWS", "SELECT a FROM t OFFSET 5 ROWS" },
		{ "SELECT a FROM t LIMIT 5, 6", "SELECT a FROM t LIMIT 5, 6" },
		{ "SELECT a FROM t LIMIT 5 + 6", "SELECT a FROM t LIMIT 5 + 6" },
		{ "SELECT a AS where FROM t", "SELECT a AS where FROM t" },
		{ "DELETE FROM t RETURNING a AS where, b = 5", "DELETE FROM t RETURNING a AS where, b = 5" },
		{ "SELECT a.limit 5", "SELECT a.limit 5" },
		{ "SELECT 1 FROM t WHERE a = 'x' \n 'y'", "SELECT 1 FROM t WHERE a = 'x' \n 'y'" },
		{ "INSERT INTO t VALUES ('x'\n'y', 5)", "INSERT INTO t VALUES ('x'\n'y', ?i)" },
		{ "INSERT INTO t VALUES (5 AND 6, 7::int, 8 IS NULL)",
		    "INSERT INTO t VALUES (5 AND 6, 7::int, 8 IS NULL)" },
		{ "INSERT INTO values (a) VALUES (5)", "INSERT INTO values (a) VALUES (5)" },
		{ "UPDATE set SET a = 5", "UPDATE set SET a = 5" },
		{ "UPDATE t SET a = 5 AND b, c = 6 = d, e < 7",
		    "UPDATE t SET a = 5 AND b, c = 6 = d, e < 7" },
		{ "UPDATE t SET a = (SELECT b FROM u WHERE c + 5 = c + 5)",
		    "UPDATE t SET a = (SELECT b FROM u WHERE c + 5 = c + 5)" },
	};

	CHECK(cases);
	(void)state;
}

static void
a_constant_of_the_language_is_no_column(void **state)
{
	static const char *const constants[] = { "true", "FALSE", "null", "default", "user",
		"current_catalog", "Current_Date", "current_role", "current_schema", "current_time",
		"current_timestamp", "CURRENT_USER", "localtime", "localtimestamp", "session_user",
		"system_user" };

	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
		char *text = mem_printf("DELETE FROM t WHERE %s = 5 AND a = 6", constants[i]);
		char *shape = mem_printf("DELETE FROM t WHERE %s = 5 AND a = ?i", constants[i]);

		check(&(struct shape_case){ text, shape }, 1);
		mem_free(shape);
		mem_free(text);
	}
	(void)state;
}

static void
conditions_that_a_literal_could_make_true_have_no_shape(void **state)
{
	static const struct shape_case cases[] = {
		{ "DELETE FROM t WHERE id = 1 OR 1 = 1", NULL },
		{ "DELETE FROM t WHERE a = 5 OR a <> 5", NULL },
		{ "DELETE FROM t WHERE a = 5 Or NOT a = 5", NULL },
		{ "UPDATE t SET a = 5 WHERE (b = 6 OR true)", NULL },
		{ "UPDATE t SET a = 5 WHERE f(b.c) oR true", NULL },
		{ "UPDATE t SET a = 5 WHERE t.* OR true", NULL },
		{ "DELETE FROM t WHERE (a = 5) = (a = 5)", NULL },
		{ "DELETE FROM t WHERE (a = 5) IS NOT NULL", NULL },
		{ "DELETE FROM t WHERE (a = 5 AND b = 6) IN (true, false)", NULL },
		{ "DELETE FROM t WHERE (a, b) = (5, 6)", NULL },
		{ "DELETE FROM t WHERE (SELECT true WHERE a = 5)", NULL },
		{ "DELETE FROM t WHERE CASE WHEN a AND b = 5 THEN true ELSE true END", NULL },
		{ "UPDATE pg_settings SET setting = 'x' WHERE name = 'role'", NULL },
		{ "UPDATE pg_catalog.pg_settings SET setting = 'x' WHERE name = 'role'", NULL },
		{ "UPDATE \"pg_settings\" SET setting = 'x' WHERE name = 'role'", NULL },
		{ "UPDATE PG_SETTINGS SET setting = 'x' WHERE name = 'role'", NULL },
	};

	CHECK(cases);
	(void)state;
}

static void
texts_that_the_scanner_could_cut_elsewhere_have_no_shape(void **state)
{
	static const struct shape_case cases[] = {
		{ "SELECT 1 -- WHERE a = 5", NULL },
		{ "SELECT 5--3\n", NULL },
		{ "SELECT 5 +-- 3\n", NULL },
		{ "SELECT 1 /* x */", NULL },
		{ "SELECT 5*/*x*/3", NULL },
		{ "SELECT a FROM t WHERE b = E'\\'' AND c = 5", NULL },
		{ "SELECT e'x'", NULL },
		{ "SELECT B'101'", NULL },
		{ "SELECT X'1F'", NULL },
		{ "SELECT N'x'", NULL },
		{ "SELECT U&'x'", NULL },
		{ "SELECT U&\"x\"", NULL },
		{ "SELECT a FROM t WHERE b = 'x\\' AND c = 5", NULL },
		{ "SELECT $$x$$", NULL },
		{ "SELECT $a$ ' $a$", NULL },
		{ "SELECT $1a", NULL },
		{ "SELECT $1$2", NULL },
		{ "SELECT $", NULL },
		{ "SELECT 'x", NULL },
		{ "SELECT 'x''", NULL },
		{ "SELECT \"x", NULL },
		{ "SELECT \"a\"'x'", NULL },
		{ "SELECT 'a'\"x\"", NULL },
		{ "SELECT 5'x'", NULL },
		{ "SELECT 1e5", NULL },
		{ "SELECT 1.5e5", NULL },
		{ "SELECT 0x10", NULL },
		{ "SELECT 1_000", NULL },
		{ "SELECT 1.5.6", NULL },
		{ "SELECT .5", NULL },
		{ "SELECT a.5", NULL },
		{ "SELECT 5.", NULL },
		{ "SELECT 1..2", NULL },
		{ "SELECT 5a", NULL },
		{ "SELECT 5AND 6", NULL },
		{ "SELECT 5$1", NULL },
		{ "SELECT a FROM t WHERE b ? 'c'", NULL },
		{ "SELECT a # 5", NULL },
		{ "SELECT a := 5", NULL },
		{ "SELECT {5}", NULL },
		{ "SELECT 'caf\xc3\xa9'", NULL },
		{ "SELECT caf\xc3\xa9", NULL },
		{ "SELECT 1 \x01", NULL },
		{ "SELECT '\x01'", NULL },
		{ "SELECT '\x7f'", NULL },
		{ "SELECT 1\f", NULL },
		{ "SELECT (1", NULL },
		{ "SELECT 1)", NULL },
		{ "INSERT INTO t VALUES (1", NULL },
		{ "INSERT INTO t VALUES (1]", NULL },
		{ "INSERT INTO t VALUES (1;", NULL },
	};

	CHECK(cases);
	(void)state;
}

static void
only_single_plain_statements_have_a_shape(void **state)
{
	static const struct shape_case cases[] = {
		{ "", NULL },
		{ "  ", NULL },
		{ ";", NULL },
		{ "SELECT 1; SELECT 2", NULL },
		{ "SELECT 1;;", NULL },
		{ "SELECT (1;)", NULL },
		{ "SELECT 1 ; \n", "SELECT 1 ; \n" },
		{ " \t\r\nSELECT 1", " \t\r\nSELECT 1" },
		{ "select$1", NULL },
		{ "SELECT", "SELECT" },
		{ "selects 1", NULL },
		{ "(SELECT 1)", NULL },
		{ "WITH x AS (SELECT 1) DELETE FROM t WHERE a = 5", NULL },
		{ "EXPLAIN SELECT 1", NULL },
		{ "VALUES (1)", NULL },
		{ "SET a = 5", NULL },
		{ "COPY t FROM stdin", NULL },
		{ "DROP TABLE t", NULL },
		{ "CREATE INDEX ON t (a) WHERE b = 5", NULL },
		{ "PREPARE p AS SELECT 1", NULL },
	};

	CHECK(cases);
	(void)state;
}

static void
spaces_and_case_are_kept(void **state)
{
	static const struct shape_case cases[] = {
		{ "Select  A\tFROM t\nWHERE a =  5 ;", "Select  A\tFROM t\nWHERE a =  ?i ;" },
		{ "seLECT a FROM t wHeRe A=5 aNd B=6", "seLECT a FROM t wHeRe A=?i aNd B=?i" },
	};

	CHECK(cases);
	(void)state;
}

static void
a_nul_byte_has_no_shape(void **state)
{
	static const char text[] = "SELECT 1 FROM t WHERE a = '\0'";

	assert_null(shape_of(text, sizeof(text) - 1));
	assert_null(shape_of("SELECT 1\0", 9));
	(void)state;
}

static void
long_texts_have_no_shape(void **state)
{
	static const char start[] = "SELECT 1 LIMIT '";
	size_t length = SHAPE_TEXT_MOST + 1;
	char *text = mem_alloc(length);
	char *shape;

	memset(text, 'x', length);
	memcpy(text, start, sizeof(start) - 1);
	text[SHAPE_TEXT_MOST] = ' ';
	text[SHAPE_TEXT_MOST - 1] = '\'';

	assert_null(shape_of(text, length));
	shape = shape_of(text, length - 1);
	assert_string_equal(shape, "SELECT 1 LIMIT ?s");

	mem_free(shape);
	mem_free(text);
	(void)state;
}

static void
a_text_cut_anywhere_is_read_to_its_end_only(void **state)
{
	static const char text[] = "UPDATE t SET \"a\" = b.c + -5.5, d = 'x''y' WHERE (e<=$1 AND f::int"
				   " BETWEEN 1 AND 2 AND g = ARRAY[1]) RETURNING *;";

	for (size_t length = 0; length < sizeof(text); length++)
		mem_free(shape_of(text, length));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_column_is_compared_with_is_taken_out),
		cmocka_unit_test(what_is_assigned_or_inserted_is_taken_out),
		cmocka_unit_test(kinds_of_literals_are_kept_apart),
		cmocka_unit_test(literals_that_may_matter_stay),
		cmocka_unit_test(a_constant_of_the_language_is_no_column),
		cmocka_unit_test(conditions_that_a_literal_could_make_true_have_no_shape),
		cmocka_unit_test(texts_that_the_scanner_could_cut_elsewhere_have_no_shape),
		cmocka_unit_test(only_single_plain_statements_have_a_shape),
		cmocka_unit_test(spaces_and_case_are_kept),
		cmocka_unit_test(a_nul_byte_has_no_shape),
		cmocka_unit_test(long_texts_have_no_shape),
		cmocka_unit_test(a_text_cut_anywhere_is_read_to_its_end_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
