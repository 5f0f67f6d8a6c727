/* test_oversize.c - what counts as a plain INSERT when a text is too long to parse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/policy/policy_internal.h"
#include "base/mem.h"

static void
a_plain_insert_tells_its_target_as_postgresql_folds_it(void **state)
{
	static const struct {
		const char *sql, *schema, *name;
	} cases[] = {
		{ "INSERT INTO t VALUES (1)", NULL, "t" },
		{ "insert\ninto Shop.Orders(id,\"B\",c_1)values(1,'a''b',null),(-2.5e3,$1,default);\n",
		    "shop", "orders" },
		{ "INSERT INTO \"S\".\"t\"\"x\" VALUES ('a\\', TRUE, +.5, .5)", NULL, NULL },
		{ "INSERT INTO \"S\".\"t\"\"x\" VALUES ('a\\', TRUE, +0.5, 5.)", "S", "t\"x" },
		{ "INSERT INTO t VALUES ('é; DROP TABLE x; --')", NULL, "t" },
		{ "INSERT INTO a23456789012345678901234567890123456789012345678901234567890123XX "
		  "VALUES (1)", NULL,
		    "a23456789012345678901234567890123456789012345678901234567890123" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char *schema, *name;
		bool is = oversize_is_insert(cases[i].sql, strlen(cases[i].sql), &schema, &name);

		assert_int_equal(is, cases[i].name != NULL);
		if (is)
			assert_string_equal(name, cases[i].name);
		if (cases[i].schema != NULL)
			assert_string_equal(schema, cases[i].schema);
		else
			assert_null(schema);
		mem_free(schema);
		mem_free(name);
	}
	(void)state;
}

static void
anything_else_is_no_plain_insert(void **state)
{
	static const char *const texts[] = { "", "INSERT", "INSERT INTO t", "INSERT INTO t VALUES",
		"INSERT INTO t VALUES ()", "INSERT INTO t VALUES (1", "INSERT INTO t VALUES (1),",
		"INSERT INTO t SELECT 1", "INSERT INTO t VALUES (f())", "INSERT INTO t VALUES (f)",
		"INSERT INTO t VALUES ((1))", "INSERT INTO t VALUES (1 + 1)",
		"INSERT INTO t VALUES (1 -- x\n)", "INSERT INTO t VALUES (/**/1)",
		"INSERT INTO t VALUES ('a' 'b')", "INSERT INTO t VALUES ('a)",
		"INSERT INTO t VALUES (E'\\'); DROP TABLE x; --')",
		"INSERT INTO t VALUES ($$a$$)", "INSERT INTO t VALUES (U&'a')",
		"INSERT INTO t VALUES (B'1')", "INSERT INTO t VALUES (1::text)",
		"INSERT INTO t VALUES (1a)", "INSERT INTO t VALUES (1);;",
		"INSERT INTO t VALUES (1); SELECT 1", "INSERT INTO t VALUES (1) RETURNING f()",
		"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
		"INSERT INTO U&\"t\" VALUES (1)", "INSERT INTO a.b.c VALUES (1)",
		"INSERT INTO \"\xff\" VALUES (1)", "INSERT INTO \xc3\x84 VALUES (1)",
		"WITH x AS (DELETE FROM y) INSERT INTO t VALUES (1)", "INSERTINTO t VALUES (1)",
		"INSERT INTO t VALUES (nullx)", "INSERT INTO \"t VALUES (1)", "\xff\xfe",
		"INSERT INTO t AS x VALUES (1)", "INSERT INTO 1t VALUES (1)" };
	char *schema, *name;

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		if (oversize_is_insert(texts[i], strlen(texts[i]), &schema, &name))
			fail_msg("%s", texts[i]);
		assert_null(name);
	}
	assert_false(oversize_is_insert("INSERT INTO t VALUES ('\0')", 26, &schema, &name));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_insert_tells_its_target_as_postgresql_folds_it),
		cmocka_unit_test(anything_else_is_no_plain_insert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
