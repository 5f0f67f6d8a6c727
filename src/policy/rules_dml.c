/*
 * rules_dml.c - pack dml-safety: reads and writes of more than was meant. A new rule
 * is a new row; told.c tells what may stand in braces.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

#define PACK "dml-safety"

enum { INSERT_ROWS_MOST = 1000, LOCK_SHARE = 5 };

static bool
does(const struct sql_statement *statement, const char *verb)
{
	for (size_t i = 0; statement->verbs != NULL && statement->verbs[i] != NULL; i++)
		if (strcmp(statement->verbs[i], verb) == 0)
			return true;
	return false;
}

/* ---- where-required ---- */

static bool
lacks_where(const struct asked *asked, const struct sql_act *act)
{
	const struct sql_statement *statement = asked->statement;

	(void)act;
	return (statement->effects & SQL_WRITE) != 0 &&
	    (statement->where == SQL_WHERE_ABSENT || statement->where == SQL_WHERE_TAUTOLOGY);
}

static const struct sql_relation *
where_target(const struct sql_statement *statement)
{
	for (size_t i = 0; i < statement->relation_count; i++)
		if ((statement->relations[i].access & SQL_ACCESS_WRITE) != 0 &&
		    statement->where_relation != NULL &&
		    strcmp(statement->relations[i].name, statement->where_relation) == 0)
			return &statement->relations[i];
	return told_target(statement, SQL_ACCESS_WRITE);
}

/* "DELETE", "UPDATE", or both words when parts of the statement do both. */
static const char *
where_verb(const struct sql_statement *statement)
{
	bool deletes = does(statement, "DELETE"), updates = does(statement, "UPDATE");

	return deletes && updates ? "UPDATE or DELETE" : deletes ? "DELETE" : "UPDATE";
}

static void
why_where(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct sql_relation *table = where_target(asked->statement);

	buf_printf(out, "%s %s every row", where_verb(asked->statement),
	    asked->statement->where == SQL_WHERE_ABSENT ? "without a WHERE changes"
							: "with a WHERE that is always true changes");
	if (table != NULL) {
		buf_put_text(out, " of ");
		name_put_prose(out, table);
	}
	buf_put_u8(out, '.');
	(void)act;
}

static void
safe_where(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct sql_relation *table = where_target(asked->statement);

	buf_put_text(out, "Add a WHERE that picks the rows");
	if (table != NULL) {
		buf_put_text(out, " of ");
		name_put_prose(out, table);
	}
	buf_put_text(out, ". If every row is meant, ask for an exception.");
	(void)act;
}

/* ---- the others ---- */

static bool
locks_writers(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return act->number >= LOCK_SHARE;
}

/* ---- uncounted-write ---- */

static bool
escapes_count(const struct asked *asked, const struct sql_act *act)
{
	const struct policy_script *script = asked->run->question->script;
	bool hidden = script != NULL && script->hides_rows &&
	    (asked->statement->effects & SQL_WRITE) != 0;

	(void)act;
	return (asked->statement->writes_uncounted || hidden) && !asked->counting &&
	    judge_counts_rows(asked);
}

/* ---- limit-required ---- */

/* Is the LIMIT more than the rule gives? What is no plain number may be. */
static bool
is_large_limit(const struct asked *asked, int location)
{
	size_t at = (size_t)location;
	int64_t rows = 0;

	if (location < 0 || at >= asked->length || asked->text[at] < '0' || asked->text[at] > '9')
		return location != 0;
	for (; at < asked->length && asked->text[at] >= '0' && asked->text[at] <= '9'; at++)
		if (__builtin_mul_overflow(rows, 10, &rows) ||
		    __builtin_add_overflow(rows, asked->text[at] - '0', &rows))
			return true;
	/* 1e9 and 1.5e9 are numbers, too. */
	return rows > given_rows(asked, 0) ||
	    (at < asked->length && strchr(".eE", asked->text[at]) != NULL);
}

static bool
lacks_limit(const struct asked *asked, const struct sql_act *act)
{
	const struct sql_statement *statement = asked->statement;

	(void)act;
	return statement->reads_unlimited ||
	    (given_rows(asked, 0) > 0 && is_large_limit(asked, statement->limit_location));
}

static void
why_limit(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct builtin row = { .why = "A read of {the table} without LIMIT returns as many rows as "
					    "there are, today and in a year." };

	if (asked->statement->reads_unlimited)
		told_why(&row, asked, act, out);
	else
		buf_printf(out, "The LIMIT is more than the %" PRId64 " rows of this rule, or no plain number.",
		    given_rows(asked, 0));
}

/* Can a LIMIT be put at the end? Not where there is one, or something behind its place. */
static bool
takes_limit(const struct asked *asked)
{
	static const char *const words[] = { "limit", "fetch", "for", "offset" };
	char *text = mem_strndup(asked->text + asked->statement->location,
	    (size_t)asked->statement->length);
	bool plain = strcmp(asked->statement->verb, "SELECT") == 0;

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		plain = plain && strcasestr(text, words[i]) == NULL;
	mem_free(text);
	return plain;
}

static void
safe_limit(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	int64_t rows = given_rows(asked, 1000);

	if (takes_limit(asked)) {
		told_safe(&(struct builtin){ .safe = "Add a LIMIT that is more than you need: {statement}" },
		    asked, act, out);
		buf_printf(out, " LIMIT %" PRId64 ";", rows < 1000 ? rows : 1000);
	} else if (asked->statement->reads_unlimited) {
		buf_put_text(out, "Add a LIMIT that is more than you need.");
	} else {
		buf_printf(out, "Read at most %" PRId64 " rows at a time.", rows);
	}
}

static bool
selects_star(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return asked->statement->selects_star;
}

static bool
reads_all(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return asked->statement->reads_all;
}

static bool
inserts_many(const struct asked *asked, const struct sql_act *act)
{
	return act->number > given_rows(asked, INSERT_ROWS_MOST);
}

static void
why_many(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_printf(out, "More than %" PRId64, given_rows(asked, INSERT_ROWS_MOST));
	told_why(&(struct builtin){
		     .why = " rows in one INSERT into {the table} make a long transaction." },
	    asked, act, out);
}

const struct builtin rules_dml_safety[] = {
	{ .id = "where-required", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .test = lacks_where, .put_why = why_where, .put_safe = safe_where },
	{ .id = "uncounted-write", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .test = escapes_count,
	    .why = "While max_affected_rows applies, the rows of a write must be told by the command tag: "
		   "those of a write within WITH or EXPLAIN ANALYZE are not.",
	    .safe = "Write it as the main statement, without WITH or EXPLAIN around it." },
	{ .id = "lock-table", .pack = PACK, .action = POLICY_DENY, .needs = "X",
	    .kinds = KIND(SQL_ACT_LOCK), .test = locks_writers,
	    .why = "LOCK TABLE in SHARE or a stronger mode stops every writer of {the table} until the "
		   "transaction ends.",
	    .safe = "Lock the rows that are meant, with SELECT … FOR UPDATE, or take a weaker lock: LOCK "
		    "TABLE {table} IN ROW EXCLUSIVE MODE;" },
	{ .id = "limit-required", .pack = PACK, .action = POLICY_WARN, .needs = "Z",
	    .given = GIVEN_ROWS, .test = lacks_limit, .put_why = why_limit,
	    .put_safe = safe_limit },
	{ .id = "select-star", .pack = PACK, .action = POLICY_WARN, .needs = "", .test = selects_star,
	    .why = "SELECT * returns whatever columns {the table} has by then, in whatever order.",
	    .safe = "Name the columns." },
	{ .id = "select-where", .pack = PACK, .action = POLICY_WARN, .needs = "Z", .test = reads_all,
	    .why = "Without WHERE and LIMIT all of {the table} is read.",
	    .safe = "Add a WHERE that picks the rows, or a LIMIT." },
	{ .id = "insert-columns", .pack = PACK, .action = POLICY_WARN, .needs = "X",
	    .kinds = KIND(SQL_ACT_INSERT), .without = SQL_ACT_COLUMNS,
	    .why = "An INSERT without a list of columns breaks, or fills the wrong ones, when "
		   "{the table} gets another column.",
	    .safe = "List the columns behind {table}." },
	{ .id = "insert-rows", .pack = PACK, .action = POLICY_WARN, .needs = "X",
	    .given = GIVEN_ROWS, .kinds = KIND(SQL_ACT_INSERT), .test = inserts_many,
	    .put_why = why_many,
	    .safe = "Insert in batches, or load the rows: COPY {table} FROM STDIN;" },
	{ .id = "leading-wildcard", .pack = PACK, .action = POLICY_WARN, .needs = "T",
	    .kinds = KIND(SQL_ACT_LIKE_WILDCARD),
	    .why = "No ordinary index serves a LIKE on {the name} that begins with a wildcard: every row "
		   "is read.",
	    .safe = "Use an index of pg_trgm on {name}, or full text search." },
	{ .id = "function-on-column", .pack = PACK, .action = POLICY_WARN, .needs = "T",
	    .kinds = KIND(SQL_ACT_FUNCTION_ON_COLUMN),
	    .why = "No ordinary index on {the name} serves a comparison of {other}({name}): every row is "
		   "read.",
	    .safe = "Make an index on the expression {other}({name}), or compare the column itself." },
	{ .id = "order-by-random", .pack = PACK, .action = POLICY_WARN, .needs = "T",
	    .kinds = KIND(SQL_ACT_ORDER_BY_RANDOM),
	    .why = "ORDER BY random() reads and sorts every row.",
	    .safe = "Use TABLESAMPLE, or pick random keys." },
};
const size_t rules_dml_safety_count = ARRAY_LENGTH(rules_dml_safety);
