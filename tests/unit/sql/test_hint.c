/* test_hint.c - behaviour of sql/hint and of the normalised text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sql/hint.h"

static struct sql_facts *
facts_of(const char *text)
{
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position;

	if (sql_facts(text, strlen(text), SQL_TEXT_MOST, &facts, &err, &position) !=
	    SQL_KNOWN)
		fail_msg("%s: %s", text, err.text);
	return facts;
}

/* The hint for one statement, or "-"; the caller frees it. */
static char *
hint_of(const char *text, size_t statement)
{
	struct sql_facts *facts = facts_of(text);
	struct buf out = { 0 };

	if (!sql_hint_concurrently(
		text, strlen(text), &facts->statements[statement], &out))
		buf_put_text(&out, "-");
	sql_facts_free(facts);
	return buf_steal_text(&out);
}

static void
concurrently_goes_behind_the_right_word(void **state)
{
	static const char *const rows[][2] = {
		{ "CREATE INDEX orders_customer_idx ON orders (customer_id)",
		    "CREATE INDEX CONCURRENTLY orders_customer_idx ON orders "
		    "(customer_id)" },
		{ "create /* index */ unique\nindex if not exists \"index\" on t (a) -- "
		  "b",
		    "create /* index */ unique\nindex CONCURRENTLY if not exists "
		    "\"index\" on t (a)" },
		{ "CREATE INDEX ON t (a);", "CREATE INDEX CONCURRENTLY ON t (a)" },
		{ "DROP INDEX IF EXISTS i, j", "DROP INDEX CONCURRENTLY IF EXISTS i, j" },
		{ "REINDEX TABLE t", "REINDEX TABLE CONCURRENTLY t" },
		{ "REINDEX (VERBOSE, TABLESPACE x) INDEX i",
		    "REINDEX (VERBOSE, TABLESPACE x) INDEX CONCURRENTLY i" },
		{ "REFRESH MATERIALIZED VIEW m",
		    "REFRESH MATERIALIZED VIEW CONCURRENTLY m" },
		{ "CREATE INDEX CONCURRENTLY i ON t (a)", "-" },
		{ "DROP INDEX CONCURRENTLY i", "-" },
		{ "DROP TABLE index", "-" },
		{ "SELECT 'create index'", "-" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *hint = hint_of(rows[i][0], 0);

		assert_string_equal(hint, rows[i][1]);
		mem_free(hint);
	}
	(void)state;
}

static void
the_hint_is_made_of_its_own_statement(void **state)
{
	char *hint = hint_of("SELECT 'a;'; CREATE INDEX ON t (a); SELECT 2", 1);

	assert_string_equal(hint, "CREATE INDEX CONCURRENTLY ON t (a)");
	mem_free(hint);
	(void)state;
}

static void
no_value_and_no_secret_is_in_the_normalised_text(void **state)
{
	static const char *const rows[][2] = {
		{ "SELECT * FROM t WHERE a = 'secret' AND b = 42 -- secret",
		    "SELECT * FROM t WHERE a = $1 AND b = $2" },
		{ "/* secret */ SELECT/* secret */1", "SELECT $1" },
		{ "COPY t FROM PROGRAM 'curl secret'", "COPY t FROM PROGRAM '***'" },
		{ "COPY t TO '/secret'", "COPY t TO '***'" },
		{ "DO $$ begin secret; end $$", "DO $1" },
		{ "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $x$ secret $x$",
		    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $1" },
		{ "CREATE ROLE bob PASSWORD 'secret'", "CREATE ROLE bob PASSWORD $1" },
		{ "ALTER USER bob WITH ENCRYPTED PASSWORD 'secret'",
		    "ALTER USER bob WITH ENCRYPTED PASSWORD $1" },
		{ "CREATE SUBSCRIPTION s CONNECTION 'secret' PUBLICATION p",
		    "CREATE SUBSCRIPTION s CONNECTION $1 PUBLICATION p" },
		{ "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'bob', password "
		  "'secret')",
		    "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user $1, password "
		    "$2)" },
		{ "CREATE SERVER s FOREIGN DATA WRAPPER f OPTIONS (host 'secret')",
		    "CREATE SERVER s FOREIGN DATA WRAPPER f OPTIONS (host '***')" },
		{ "COMMENT ON TABLE t IS 'secret'", "COMMENT ON TABLE t IS '***'" },
		{ "COMMENT ON TABLE t IS $x$ secret $x$", "COMMENT ON TABLE t IS '***'" },
		{ "SELECT crypt('secret', 'salt')", "SELECT crypt($1, $2)" },
		{ "CALL p(4111, 'secret')", "CALL p('***', '***')" },
		{ "EXECUTE p (4111, E'secret')", "EXECUTE p ('***', '***')" },
		{ "NOTIFY c, 'secret'", "NOTIFY c, '***'" },
		{ "CREATE TABLE t (a varchar(10))", "CREATE TABLE t (a varchar(10))" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sql_facts *facts = facts_of(rows[i][0]);

		assert_null(strstr(facts->normalized, "secret"));
		assert_string_equal(facts->normalized, rows[i][1]);
		sql_facts_free(facts);
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(concurrently_goes_behind_the_right_word),
		cmocka_unit_test(the_hint_is_made_of_its_own_statement),
		cmocka_unit_test(no_value_and_no_secret_is_in_the_normalised_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
