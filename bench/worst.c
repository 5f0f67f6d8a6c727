/*
 * worst.c - the texts that cost a worker's loop most, and what each costs it.
 *
 *	build/bench/worst [WORD]	only inputs with this word in their name
 *
 * A text up to 768 bytes that is not deeply nested is parsed on the loop: shape, facts, verdict.
 * Of any other only the shape and the verdict are the loop's: a parser thread makes its facts. A
 * short text that is warned of by its shape is parsed once more, to speak of the shape. All
 * built-in rules are on, and say what they have to say. Least CPU time of five (of a long one:
 * once), in a thread with the stack of a parser. Exit status 1: something took longer than 5 ms.
 *
 * Also here: how long 10 000 rules take to load, and to judge by.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "policy/policy.h"
#include "sql/facts.h"
#include "sql/shape.h"

enum { INLINE_MOST = 768, INLINE_DEPTH = 16, SHAPED_MOST = 4096, LONG = 65536, TIMES = 5, RULES = 10000 };
static const double ALLOWED_MS = 5.0, LOAD_ALLOWED_MS = 1000.0;

static const char all_rules[] =
    "apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {name: worst, owner: bench}\n"
    "defaults:\n  client_settings: [search_path]\n  on_oversize: {above: 256KiB, action: deny}\nrules:\n"
    "  - {use: unsafe-ddl, action: warn}\n  - {use: destructive-ddl, action: warn}\n"
    "  - {use: dml-safety, action: warn}\n  - {use: hygiene, action: warn}\n"
    "  - {use: server-access, action: warn}\n  - {use: session-integrity, action: warn}\n";

/* `head`, `piece` as often as it fits, `tail`; {n} in a piece is a number that grows. */
static const struct input {
	const char *name, *head, *piece, *tail, *closing; /* closing: once for each piece */
} inputs[] = {
	{ "additions", "SELECT 1", "+1", "", NULL },
	{ "additions of columns", "SELECT a", "+b", " FROM t", NULL },
	{ "casts", "SELECT a", "::b", "", NULL },
	{ "NOT", "SELECT ", "NOT ", "true", NULL },
	{ "parentheses", "SELECT ", "(", "1", ")" },
	{ "parentheses in WHERE", "DELETE FROM t WHERE ", "(", "1=1", ")" },
	{ "brackets", "SELECT a", "[1]", "", NULL },
	{ "fields", "SELECT (a)", ".b", "", NULL },
	{ "calls in calls", "SELECT ", "f(", "1", ")" },
	{ "CASE in CASE", "SELECT ", "CASE WHEN 1 THEN ", "1", " END" },
	{ "COALESCE in WHERE", "DELETE FROM t WHERE ", "coalesce(", "true", ",a)" },
	{ "NOT in WHERE", "DELETE FROM t WHERE ", "NOT(", "true", ")" },
	{ "OR", "DELETE FROM t WHERE a=1", " OR a=a", "", NULL },
	{ "AND", "SELECT * FROM t WHERE a=1", " AND a=1", "", NULL },
	{ "AND, warned of by its shape", "UPDATE t SET a=1 WHERE a=1", " AND lower(b)='x'", "", NULL },
	{ "ANDs of LIKE", "SELECT * FROM t WHERE a=1", " AND a LIKE '%x'", "", NULL },
	{ "same expressions", "DELETE FROM t WHERE a", "+b=a", "", NULL },
	{ "rows compared", "DELETE FROM t WHERE (a", ",b{n}", ")=(a)", NULL },
	{ "UNION", "SELECT 1", " UNION SELECT 1", "", NULL },
	{ "INTERSECT", "SELECT a FROM t", " INTERSECT SELECT a FROM t", "", NULL },
	{ "subselects in subselects", "SELECT ", "(SELECT ", "1", ")" },
	{ "EXISTS in EXISTS", "DELETE FROM t WHERE ", "EXISTS(SELECT 1 WHERE ", "true", ")" },
	{ "FROM of FROM", "SELECT * FROM ", "(SELECT * FROM ", "t", ") a" },
	{ "joins", "SELECT * FROM t", " JOIN t ON 1=1", "", NULL },
	{ "relations", "SELECT 1 FROM a", ",a{n}", "", NULL },
	{ "relations under WITH", "WITH x AS (SELECT 1) SELECT 1 FROM a", ",x{n}", "", NULL },
	{ "columns", "SELECT a", ",a{n}", " FROM t", NULL },
	{ "functions", "SELECT a", ",f{n}()", "", NULL },
	{ "WITH", "WITH a AS(SELECT 1)", ",a{n} AS(SELECT 1)", "SELECT 1", NULL },
	{ "WITH in WITH", "", "WITH a AS(SELECT 1)SELECT(", "SELECT 1", ")" },
	{ "WITH that writes", "WITH a AS(DELETE FROM t)", ",a{n} AS(DELETE FROM t)", "SELECT 1", NULL },
	{ "IN", "SELECT 1 FROM t WHERE a IN(1", ",1", ")", NULL },
	{ "VALUES", "INSERT INTO t VALUES(1)", ",(1)", "", NULL },
	{ "a row of many", "INSERT INTO t VALUES(1", ",1", ")", NULL },
	{ "assignments", "UPDATE t SET a=1", ",a{n}=1", "", NULL },
	{ "assignments of one", "UPDATE t SET a=1", ",a=1", "", NULL },
	{ "parameters", "SELECT $1", ",${n}", "", NULL },
	{ "comments", "SELECT 1", "/**/", "", NULL },
	{ "comments in comments", "SELECT 1", "/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/"
				  "*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/", "", NULL },
	{ "lines of comment", "SELECT 1", "--\n", "", NULL },
	{ "signs", "SELECT 1", " ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~ 1", "", NULL },
	{ "signs that are cut", "SELECT 1",
	    " +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+ 1", "", NULL },
	{ "statements", "SELECT 1", ";SELECT 1", "", NULL },
	{ "semicolons", "SELECT 1", ";", "", NULL },
	{ "BEGIN", "BEGIN", ";BEGIN", "", NULL },
	{ "savepoints", "BEGIN", ";SAVEPOINT a", "", NULL },
	{ "tables made", "CREATE TABLE a(b int)", ";CREATE TABLE a{n}(b int)", "", NULL },
	{ "tables altered", "ALTER TABLE a ADD b int", ";ALTER TABLE a ADD b{n} int", "", NULL },
	{ "commands of ALTER", "ALTER TABLE a ADD b int", ",ADD b{n} int CHECK(b>0)", "", NULL },
	{ "columns made", "CREATE TABLE a(b int", ",b{n} char(1)", ")", NULL },
	{ "foreign keys", "CREATE TABLE a(b int", ",b{n} int REFERENCES c ON DELETE CASCADE", ")", NULL },
	{ "dropped", "DROP TABLE a", ",a{n}", " CASCADE", NULL },
	{ "emptied", "TRUNCATE a", ",a{n}", "", NULL },
	{ "locked", "LOCK a", ",a{n}", "", NULL },
	{ "granted", "GRANT SELECT ON a", ",a{n}", " TO b", NULL },
	{ "values of a setting", "SET search_path=a", ",a{n}", "", NULL },
	{ "set_config", "SELECT set_config('a','b',true)", ",set_config('a{n}','b',true)", "", NULL },
	{ "a long string", "SELECT '", "x", "'", NULL },
	{ "quotes in a string", "SELECT '", "''", "'", NULL },
	{ "escapes", "SELECT E'", "\\x41", "'", NULL },
	{ "Unicode escapes", "SELECT U&'", "\\0041", "'", NULL },
	{ "strings put together", "SELECT 'a'", "\n'a'", "", NULL },
	{ "a long name", "SELECT \"", "x", "\"", NULL },
	{ "long names", "SELECT a",
	    ",a23456789_123456789_123456789_123456789_123456789_123456789_123456789_{n}", "", NULL },
	{ "numbers", "SELECT 1", ",1e9", "", NULL },
	{ "a long number", "SELECT ", "9", "", NULL },
	{ "pattern", "SELECT 1 FROM t WHERE a LIKE '", "%", "'", NULL },
	{ "functions in functions", "", "CREATE FUNCTION f()RETURNS int LANGUAGE sql AS $a{n}$", "SELECT 1", "$a{n}$" },
	{ "body of many", "CREATE FUNCTION f()RETURNS int LANGUAGE sql AS $$", "SELECT 1;", "$$", NULL },
	{ "atomic body", "CREATE FUNCTION f()RETURNS int LANGUAGE sql BEGIN ATOMIC ", "SELECT 1;", "END", NULL },
	{ "DO", "DO $$", "x", "$$", NULL },
	{ "schema with elements", "CREATE SCHEMA a", " CREATE TABLE a{n}(b int)", "", NULL },
	{ "windows", "SELECT 1 OVER w FROM t WINDOW w AS()", ",w{n} AS()", "", NULL },
	{ "grouping", "SELECT 1 GROUP BY GROUPING SETS(1", ",(1,2)", ")", NULL },
	{ "no SQL", "", "a ", "", NULL },
	{ "an error at the end", "SELECT 1", ",1", " FROM FROM", NULL },
	{ "sqlcommenter", "SELECT 1 /*a='b'", ",a{n}='b'", "*/", NULL },
	{ "blanks", "SELECT 1", " ", "", NULL },
};

/* --- Texts ------------------------------------------------------------------ */

static void
put_piece(struct buf *out, const char *piece, unsigned number)
{
	const char *place = strstr(piece, "{n}");

	if (place == NULL) {
		buf_put_text(out, piece);
		return;
	}
	buf_put(out, piece, (size_t)(place - piece));
	buf_printf(out, "%u%s", number, place + 3);
}

/* As many pieces as make a text of at most `most` bytes, up to `count`. */
static unsigned
write_text(const struct input *input, size_t most, unsigned count, struct buf *out)
{
	struct buf closing = { 0 };
	unsigned written = 0;

	buf_clear(out);
	buf_put_text(out, input->head);
	while (written < count) {
		size_t before = buf_length(out);

		if (input->closing != NULL) {
			buf_clear(&closing);
			put_piece(&closing, input->closing, written);
		}
		put_piece(out, input->piece, written++);
		if (buf_length(out) + written * buf_length(&closing) + strlen(input->tail) > most) {
			out->end -= buf_length(out) - before;
			written--;
			break;
		}
	}
	buf_put_text(out, input->tail);
	for (unsigned i = written; input->closing != NULL && i > 0; i--)
		put_piece(out, input->closing, i - 1);
	buf_free(&closing);
	return written;
}

/* --- Measuring -------------------------------------------------------------- */

static double
cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

struct cost {
	enum sql_outcome outcome;
	bool told;	    /* there was something to tell */
	double facts, verdict; /* ms */
	double on_loop;
};

/* Was something told? */
static bool
judge(const struct policies *policies, const char *text, size_t length, struct cost *cost)
{
	static const struct subject who = { .user = "app", .role = "app", .database = "bench", .application = "", .client = "" };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	struct verdict verdict;
	int position = 0;
	double began = cpu_ms();

	cost->outcome = sql_facts(text, length, SQL_TEXT_MOST, &facts, &err, &position);
	cost->facts += cpu_ms() - began;
	began = cpu_ms();
	policies_judge(policies, &who, text, length, cost->outcome, facts, &err, 1700000000000000, &verdict);
	cost->told = verdict.action != POLICY_ALLOW;
	verdict_free(&verdict);
	cost->verdict += cpu_ms() - began;
	if (facts != NULL)
		sql_facts_free(facts);
	return cost->told;
}

/* As session/gate.c asks it. */
static bool
is_quick(const char *text, size_t length)
{
	unsigned depth = 0, deepest = 0;

	for (size_t i = 0; i < length; i++) {
		depth += text[i] == '(';
		depth -= text[i] == ')' && depth > 0;
		deepest = depth > deepest ? depth : deepest;
	}
	return length <= INLINE_MOST && deepest <= INLINE_DEPTH;
}

static void
measure_once(const struct policies *policies, const struct buf *text, struct cost *cost)
{
	const char *bytes = (const char *)buf_bytes(text);
	size_t length = buf_length(text);
	struct buf shape = { 0 };
	double began = cpu_ms();
	bool shaped = length <= SHAPED_MOST && sql_shape(bytes, length, &shape);
	struct cost again = { 0 };

	cost->on_loop = cpu_ms() - began;
	if (judge(policies, bytes, length, cost) && shaped && length <= INLINE_MOST)
		judge(policies, bytes, length, &again);
	cost->on_loop += (is_quick(bytes, length) ? cost->facts : 0) + cost->verdict + again.facts + again.verdict;
	buf_free(&shape);
}

static struct cost
measure(const struct policies *policies, const struct buf *text)
{
	struct cost least = { 0 };

	for (int i = 0; i < (buf_length(text) <= SHAPED_MOST ? TIMES : 1); i++) {
		struct cost cost = { 0 };

		measure_once(policies, text, &cost);
		if (i == 0 || cost.on_loop < least.on_loop)
			least = cost;
	}
	return least;
}

/* --- Tables ----------------------------------------------------------------- */

static const char *
outcome_words(const struct cost *cost)
{
	if (cost->outcome != SQL_KNOWN)
		return cost->outcome == SQL_UNPARSEABLE ? "unparseable" : "too long";
	return cost->told ? "told of" : "passes";
}

static bool
print_cost(const char *name, const struct buf *text, unsigned count, const struct cost *cost)
{
	bool good = cost->on_loop <= ALLOWED_MS;

	printf("%-30s %7zu %8u  %-11s %8.3f %8.3f %8.3f%s\n", name, buf_length(text), count, outcome_words(cost),
	    cost->facts, cost->verdict, cost->on_loop, good ? "" : "  TOO LONG");
	return good;
}

/* Of what is too complex as it is, the half; and so on until the precheck lets it pass. */
static bool
report_one(const struct policies *policies, const struct input *input, size_t most)
{
	struct buf text = { 0 };
	unsigned count = write_text(input, most, 1u << 30, &text);
	struct cost cost = measure(policies, &text);
	bool good = print_cost(input->name, &text, count, &cost);

	if (cost.outcome != SQL_KNOWN && strcmp(input->name, "no SQL") != 0) {
		do {
			count = write_text(input, most, count / 2, &text);
			cost = measure(policies, &text);
		} while (cost.outcome != SQL_KNOWN && count > 1);
		good &= print_cost("", &text, count, &cost);
	}
	buf_free(&text);
	return good;
}

static bool
report_all(const struct policies *policies, const char *word)
{
	static const size_t sizes[] = { INLINE_MOST, SHAPED_MOST, LONG };
	bool good = true;

	for (size_t size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++) {
		printf("\ntexts up to %zu bytes\n%-30s %7s %8s  %-11s %8s %8s %8s\n", sizes[size], "input", "bytes", "pieces",
		    "outcome", "facts ms", "verdict", "on loop");
		for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
			if (word == NULL || strstr(inputs[i].name, word) != NULL)
				good &= report_one(policies, &inputs[i], sizes[size]);
	}
	return good;
}

/* --- Many rules ------------------------------------------------------------- */

static struct policies *
read_policies(const char *text)
{
	struct problems problems = { 0 };
	struct policies *policies = policies_from_text("worst.yaml", text, &problems);

	for (size_t i = 0; policies == NULL && i < problems.count; i++)
		fprintf(stderr, "%s\n", problem_text(&problems.items[i]));
	problems_free(&problems);
	return policies;
}

static double
judge_us(const struct policies *policies, const char *sql)
{
	enum { JUDGED = 20000 };
	static const struct subject who = { .user = "app", .role = "app", .database = "bench", .application = "", .client = "" };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position;
	double began;

	if (sql_facts(sql, strlen(sql), SQL_TEXT_MOST, &facts, &err, &position) != SQL_KNOWN)
		return 0;
	began = cpu_ms();
	for (int i = 0; i < JUDGED; i++) {
		struct verdict verdict;

		policies_judge(policies, &who, sql, strlen(sql), SQL_KNOWN, facts, &err, 1700000000000000, &verdict);
		verdict_free(&verdict);
	}
	began = cpu_ms() - began;
	sql_facts_free(facts);
	return began * 1e3 / JUDGED;
}

/* Rules of as many other users, which can never match this one; and none but ours. */
static bool
report_many_rules(void)
{
	static const char head[] = "apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {name: many, "
				   "owner: bench}\nrules:\n";
	const char *ours = "  - {id: ours, match: {user: app, verb: DELETE}, action: deny}\n";
	struct buf text = { 0 };
	struct policies *many, *few;
	double load_ms, many_us, few_us;

	buf_put_text(&text, head);
	for (int i = 0; i < RULES; i++)
		buf_printf(&text, "  - {id: r%d, match: {user: user%d, relations: {write: [\"s%d.t\"]}, verb: [UPDATE, "
				  "DELETE]}, action: deny}\n", i, i, i % 100);
	buf_put_text(&text, ours);
	buf_put_u8(&text, 0);
	load_ms = cpu_ms();
	many = read_policies((const char *)buf_bytes(&text));
	load_ms = cpu_ms() - load_ms;
	buf_clear(&text);
	buf_printf(&text, "%s%s", head, ours);
	buf_put_u8(&text, 0);
	few = read_policies((const char *)buf_bytes(&text));
	if (many == NULL || few == NULL)
		return false;
	many_us = judge_us(many, "UPDATE t SET a = 1 WHERE b = 2");
	few_us = judge_us(few, "UPDATE t SET a = 1 WHERE b = 2");
	printf("\n%d rules load in %.0f ms%s; a verdict takes %.2f us, with one rule %.2f us\n", RULES + 1, load_ms,
	    load_ms <= LOAD_ALLOWED_MS ? "" : "  TOO LONG", many_us, few_us);
	policies_release(many);
	policies_release(few);
	buf_free(&text);
	return load_ms <= LOAD_ALLOWED_MS;
}

static void *
run(void *arg)
{
	static int failed = 1;
	struct policies *policies = read_policies(all_rules);

	if (policies != NULL) {
		bool good = report_all(policies, arg);

		good &= report_many_rules();
		failed = !good;
		policies_release(policies);
	}
	return &failed;
}

int
main(int argc, char **argv)
{
	pthread_attr_t attributes;
	pthread_t thread;
	void *failed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, sql_stack_size(SQL_TEXT_MOST));
	if (pthread_create(&thread, &attributes, run, argc > 1 ? argv[1] : NULL) != 0)
		return 2;
	pthread_join(thread, &failed);
	return *(int *)failed;
}
