/*
 * test_shape_facts.c - texts of the same shape have the same facts: thousands of
 * made-up statements against PostgreSQL's own parser.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "../../support/twin.h"

enum { STATEMENTS = 60000, COMPARED_LEAST = 6000, DEPTH_MOST = 5, FORMS_MOST = 80 };

/*
 * What a letter behind % may become. The first of each has no letter of its own
 * and is taken when there are enough within one another.
 */
static const struct rule {
	char letter;
	const char *forms[FORMS_MOST];
} rules[] = {
	{ 'X', { /* a statement */
	    "SELECT 1", "SELECT %E FROM %t WHERE %W%T", "SELECT * FROM %t, %t u WHERE %W%T",
	    "SELECT %E FROM %t JOIN %t v ON %W WHERE %W%T", "SELECT %E FROM %t%T",
	    "SELECT %E WHERE %W UNION SELECT %E FROM %t WHERE %W%T",
	    "SELECT * INTO %n FROM %t WHERE %W", "UPDATE %t SET %S WHERE %W%R",
	    "UPDATE %t SET %S WHERE %W%R", "UPDATE %t AS set SET %S%R",
	    "UPDATE %t SET %S FROM %t u WHERE %W%R", "DELETE FROM %t WHERE %W%R",
	    "DELETE FROM %t WHERE %W%R", "DELETE FROM %t USING %t u WHERE %W%R",
	    "INSERT INTO %t VALUES %V%C%R", "INSERT INTO %t (%n, %n) VALUES %V%C%R",
	    "INSERT INTO %t SELECT %E FROM %t WHERE %W%C%R",
	    "INSERT INTO %t WITH w AS (DELETE FROM %t WHERE %W RETURNING *) SELECT * FROM w WHERE %W",
	    "WITH w AS (SELECT 1) %X", "%X; %X", "%X;", "%s", } },
	{ 'W', { /* a condition */
	    "a = 5", "%A", "%A", "%A", "%A AND %W", "%A AND %W", "%A AND %W", "%A OR %W", "(%W)",
	    "(%W) AND %W", "NOT %W", "(%W) = (%W)", "(%W) IS NOT TRUE", "%A\nand\t%A", } },
	{ 'A', { /* a part of one */
	    "true", "%n %o %L", "%n %o %L", "%n %o %L", "%n%o%L", "%n.%n %o %L", "t.%n=%n",
	    "%L %o %n", "%L = %L", "%n", "%n = %n", "%n BETWEEN %L AND %L",
	    "%n BETWEEN %L AND %n %o %L", "%n IN (%L, %L)", "%n LIKE %L", "f(%L) %o %L",
	    "%n + %L = %n + %L", "%n IS NULL", "CASE WHEN %W THEN true ELSE %W END",
	    "EXISTS (SELECT %E FROM %t WHERE %W)", "%n = (SELECT %E FROM %t WHERE %W LIMIT %L)",
	    "%n %o %L::text", "%n::int %o %L", "%c %o %L", "%n %o $1", "(%n, %n) = (%L, %L)",
	    "%n->%L %o %L", "%n[%L] %o %L", "%n %o date %L", "%n @> %L",
	    "set_config(%L, %L, false) %o %L", } },
	{ 'S', { /* assignments */
	    "a = 5", "%n = %L", "%n = %L, %S", "%n=%n+%L", "%n = %n - %L, %S", "%n = %n * %L + %L",
	    "%n = DEFAULT, %n = %L", "(%n, %n) = (%L, %L), %S", "%n[%L] = %L", "%n = %W",
	    "%n = (SELECT %E FROM %t WHERE %W)", "%n = setseed(%L), %S", } },
	{ 'V', { /* rows */
	    "(1)", "(%L, %L)", "(%L,%L), %V", "(%E, %L)", "(DEFAULT, %L)", "(%L, (SELECT %L))", } },
	{ 'E', { /* an expression */
	    "5", "%L", "%n", "*", "%L AS where", "%L, %n", "count(*)", "%W", "%L::numeric(5,2)",
	    "set_config('role', %L, true)", "pg_sleep(%L)", "nextval(%L)", "ARRAY[%L, %L]", } },
	{ 'T', { /* a tail */
	    "", "", " LIMIT %L", " LIMIT %L OFFSET %L", " ORDER BY %L, %n LIMIT %L",
	    " GROUP BY %n, %L HAVING %W", " LIMIT ALL", " OFFSET %L ROWS FETCH FIRST %L ROWS ONLY",
	    " LIMIT %L + %L", " LIMIT %L FOR UPDATE", " FOR UPDATE", } },
	{ 'C', { "", "", " ON CONFLICT DO NOTHING", " ON CONFLICT (%n) DO UPDATE SET %S",
	    " ON CONFLICT (%n) WHERE %W DO UPDATE SET %S WHERE %W", } },
	{ 'R', { "", "", " RETURNING *", " RETURNING %E", } },
	{ 'L', { /* a literal, plain or not */
	    "5", "5", "5", "6", "6", "0", "36", "007", "3201", "3000000000", "9999999999", "1.5", "1.5",
	    "0.5", "5.0", "'x'", "'x'", "'it''s'", "''", "'5'", "'true'", "-5", "-5", "- 5",
	    "-2147483648", "-0.5", "5", "6", "7", "8", "9", "10", "11", "12", "'y'", "'z'", "'1'",
	    "5", "6", "7", "8", "9", "10", "11", "12", "'y'", "'z'", "'1'", "'2'", "'3'", "'4'",
	    "+5", "- -5", "-'5'", "NULL", "true", "$1", "1e5", ".5", "5.", "E'x'", "(5)", "'x' 'y'",
	    "'x'\n'y'", "$$x$$", "interval '1' day", "B'1'", } },
	{ 'c', { "current_date", "current_user", "true", "NULL", "user", "5", "'x'", "localtime",
	    "current_timestamp", "session_user", "\"true\"", } },
	{ 'n', { "a", "b", "c", "A", "\"a\"", "\"or\"", "a1", "b$2", "_c", "e", "u", "name", "date",
	    "a", "b", "c", "a", "b", "c", "a", "b", "c", "a", "b", "c", "select1", "t", "values",
	    "set", "between", "limit", "pg_x", } },
	{ 't', { "t", "t", "t", "t", "s.t", "\"T\"", "u", "v", "accounts", "set", "values", "only", "pg_settings", } },
	{ 'o', { "=", "=", "=", "=", "=", "=", "=", "=", "<", ">", "<=", ">=", "<>", "!=", "=-", "<>-", "!=-", "+", "||", "~", "~~", "LIKE",
	    "= ANY", "IS DISTINCT FROM", } },
	{ 's', { "", /* soup */
	    "SELECT %s", "UPDATE %s", "DELETE %s", "INSERT %s", "%L %s", "%n %s", "%o%s", "(%s) %s",
	    "WHERE %s", "AND %s", "OR %s", "SET %s", "VALUES %s", "LIMIT %s", "FROM %s", ", %s", ".%s",
	    "AS %s", "BETWEEN %s", "CASE %s", "END %s", "%A %s", "%W %s", "%S %s", "NOT %s",
	    "INTO %s", "[%s]", "%V%s", "FOR %s", } },
};

static const struct rule *
find_rule(char letter)
{
	const struct rule *rule = rules;

	while (rule->letter != letter)
		rule++;
	return rule;
}

static const char *
pick(const struct rule *rule, unsigned depth, uint64_t *seed)
{
	size_t count = 0;

	while (count < sizeof(rule->forms) / sizeof(rule->forms[0]) && rule->forms[count] != NULL)
		count++;
	return rule->forms[depth < DEPTH_MOST ? twin_random(seed) % count : 0];
}

static void
expand(const char *form, unsigned depth, uint64_t *seed, struct buf *out)
{
	for (; *form != '\0'; form++) {
		if (*form != '%') {
			buf_put_u8(out, (uint8_t)*form);
			continue;
		}
		form++;
		expand(pick(find_rule(*form), depth, seed), depth + 1, seed, out);
	}
}

/* Bytes lost, doubled or changed, where they are most likely to change what follows. */
static void
damage(struct buf *text, uint64_t *seed)
{
	static const char bytes[] = "''\"\"$--/*();,.=<>&E5 \n\\";
	uint8_t *at;

	if (buf_length(text) == 0)
		return;
	at = buf_bytes(text) + twin_random(seed) % buf_length(text);
	switch (twin_random(seed) % 3) {
	case 0:
		*at = ' ';
		break;
	case 1:
		*at = (uint8_t)bytes[twin_random(seed) % (sizeof(bytes) - 1)];
		break;
	default:
		buf_put_u8(text, *at);
		break;
	}
}

static void
texts_of_one_shape_have_the_same_facts(void **state)
{
	unsigned counts[TWIN_DIFFERS + 1] = { 0 };
	struct buf text = { 0 }, twin = { 0 };
	uint64_t seed = 20240229;

	for (unsigned i = 0; i < STATEMENTS; i++) {
		const char *why = "";
		enum twin_outcome outcome;

		buf_clear(&text);
		expand("%X", 0, &seed, &text);
		if (i % 4 == 0)
			damage(&text, &seed);
		outcome = twin_compare(
		    (const char *)buf_bytes(&text), buf_length(&text), &seed, &twin, &why);
		counts[outcome]++;
		if (outcome == TWIN_DIFFERS)
			fail_msg("%s differs:\n%.*s\n%.*s", why, (int)buf_length(&text),
			    (const char *)buf_bytes(&text), (int)buf_length(&twin),
			    (const char *)buf_bytes(&twin));
	}
	print_message("%u have no shape, %u no literal taken out, %u cannot be parsed, %u alike\n",
	    counts[TWIN_NO_SHAPE], counts[TWIN_SAME_TEXT], counts[TWIN_NO_SQL],
	    counts[TWIN_ALIKE]);
	assert_true(counts[TWIN_ALIKE] >= COMPARED_LEAST);
	buf_free(&text);
	buf_free(&twin);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_of_one_shape_have_the_same_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
