/*
 * rules_hygiene.c - pack hygiene: what works today and hurts later. A new rule is a
 * new row; told.c tells what may stand in braces.
 */
#include <string.h>

#include "policy_internal.h"
#include "sql/hint.h"

#define PACK "hygiene"
#define COLUMNS (KIND(SQL_ACT_NEW_COLUMN) | KIND(SQL_ACT_ADD_COLUMN))

/* ---- types ---- */

static bool
is_type(const struct sql_act *act, const char *name)
{
	return act->type != NULL && strcmp(act->type, name) == 0;
}

static bool
is_json(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return is_type(act, "json");
}

static bool
is_varchar(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return is_type(act, "varchar");
}

static bool
is_char(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return is_type(act, "bpchar");
}

static bool
is_timestamp(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return is_type(act, "timestamp");
}

enum { KEYS_MOST = 32 }; /* an index has no more columns */

/* PRIMARY KEY (a), behind the columns or in front of them, not further off than most tables are wide. */
static bool
is_key_by_constraint(const struct asked *asked, const struct sql_act *column)
{
	const struct sql_act *first = asked->statement->acts;
	const struct sql_act *end = first + asked->statement->act_count;
	const struct sql_act *act = column - first > ACTS_NEAR ? column - ACTS_NEAR : first;

	if (end - column > ACTS_NEAR)
		end = column + ACTS_NEAR;
	for (; act < end; act++) {
		if ((act->kind != SQL_ACT_NEW_CONSTRAINT && act->kind != SQL_ACT_ADD_CONSTRAINT) ||
		    (act->flags & SQL_ACT_PRIMARY) == 0 || act->table == NULL ||
		    column->table == NULL || strcmp(act->table, column->table) != 0)
			continue;
		for (size_t k = 0; column->name != NULL && k < act->key_count && k < KEYS_MOST; k++)
			if (strcmp(act->keys[k], column->name) == 0)
				return true;
	}
	return false;
}

/* A key: what numbers the rows, or is the primary key. */
static bool
is_small_key(const struct asked *asked, const struct sql_act *act)
{
	const unsigned key = SQL_ACT_PRIMARY | SQL_ACT_IDENTITY | SQL_ACT_SERIAL;
	const char *const small[] = { "int2", "int4", "serial", "serial4", "smallserial",
		"serial2" };

	for (size_t i = 0; i < ARRAY_LENGTH(small); i++)
		if (is_type(act, small[i]))
			return (act->flags & key) != 0 || is_key_by_constraint(asked, act);
	return false;
}

/* ---- statements ---- */

/* A step that cannot be run again after one that failed behind it. */
static bool
is_fragile(const struct asked *asked, const struct sql_act *act)
{
	if (asked->in_block || act->table == NULL)
		return false;
	if (act->kind == SQL_ACT_ALTER)
		return strncmp(act->type, "DROP CO", 7) == 0; /* COLUMN, CONSTRAINT */
	if (act->kind == SQL_ACT_DROP)
		return strcmp(act->type, "ROWS") != 0;
	return act->kind != SQL_ACT_CREATE_INDEX || act->name != NULL;
}

static bool
alters_again(const struct asked *asked, const struct sql_act *act)
{
	return act->table != NULL &&
	    transaction_find(asked->transaction, NOTED_ALTERED, act->schema, act->table) != NULL;
}

static bool
is_plain_table(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return act->table != NULL && act->schema == NULL;
}

static bool
begins_twice(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return asked->statement->transaction == SQL_TXN_BEGIN && asked->transaction != NULL &&
	    asked->transaction->open;
}

/* Asked of the last statement of a file. */
static bool
stays_open(const struct asked *asked, const struct sql_act *act)
{
	enum sql_transaction does = asked->statement->transaction;

	(void)act;
	if (!asked->script || !asked->last || asked->transaction == NULL)
		return false;
	if (does == SQL_TXN_COMMIT || does == SQL_TXN_ROLLBACK)
		return asked->statement->chain;
	return does == SQL_TXN_BEGIN || asked->transaction->open;
}

static bool
commits_alone(const struct asked *asked, const struct sql_act *act)
{
	enum sql_transaction does = asked->statement->transaction;

	(void)act;
	return asked->script && asked->transaction != NULL && !asked->transaction->open &&
	    (does == SQL_TXN_COMMIT || does == SQL_TXN_ROLLBACK);
}

static bool
has_long_name(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return sql_hint_long_name(asked->text, asked->length, asked->statement, NULL);
}

static void
why_long_name(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_put_text(out, "PostgreSQL keeps 63 bytes of a name and says nothing of the rest: ");
	sql_hint_long_name(asked->text, asked->length, asked->statement, out);
	(void)act;
}

/* A new column has no index yet. */
static bool
lacks_index(const struct asked *asked, const struct sql_act *act)
{
	const struct catalog_relation *table;

	if (act->kind == SQL_ACT_ADD_COLUMN || act->key_count == 0)
		return true;
	table = known_relation(asked, act->schema, act->table);
	return table == NULL || !known_index(table, act->keys, act->key_count);
}

const struct builtin rules_hygiene[] = {
	{ .id = "json-column", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .aliases = "sm:add_column_json", .kinds = COLUMNS, .test = is_json,
	    .why = "Type json has no equality: DISTINCT, GROUP BY and UNION over {the table} fail.",
	    .safe = "Make column {name} of type jsonb." },
	{ .id = "prefer-text", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .aliases = "prefer-text-field", .kinds = COLUMNS, .with = SQL_ACT_LENGTH,
	    .test = is_varchar,
	    .why = "To change the length of a varchar(n) later needs a lock, to shorten it a rewrite.",
	    .safe = "Make column {name} of type text, with a CHECK on its length." },
	{ .id = "char-field", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .aliases = "ban-char-field", .kinds = COLUMNS, .test = is_char,
	    .why = "char(n) is padded with blanks, which comparisons ignore and LIKE does not.",
	    .safe = "Make column {name} of type text." },
	{ .id = "prefer-timestamptz", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .aliases = "prefer-timestamp-tz", .kinds = COLUMNS, .test = is_timestamp,
	    .why = "A timestamp without time zone means another moment in each session's zone.",
	    .safe = "Make column {name} of type timestamptz." },
	{ .id = "prefer-bigint", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .aliases = "prefer-bigint-over-int prefer-bigint-over-smallint", .kinds = COLUMNS,
	    .test = is_small_key,
	    .why = "A key of {type} runs out, and to widen it writes every row of {the table} anew.",
	    .safe = "Make column {name} of type bigint." },
	{ .id = "prefer-identity", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .kinds = COLUMNS, .with = SQL_ACT_SERIAL,
	    .why = "serial makes a sequence with grants of its own, and takes any value that is written.",
	    .safe = "Write column {name} as bigint GENERATED ALWAYS AS IDENTITY." },
	{ .id = "enum-type", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .kinds = KIND(SQL_ACT_ENUM_TYPE),
	    .why = "A value of an enum cannot be taken out again.",
	    .safe = "Use a table of the values, and a foreign key to it." },
	{ .id = "enum-value-order", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .aliases = "require-enum-value-ordering", .kinds = KIND(SQL_ACT_ENUM_VALUE),
	    .without = SQL_ACT_PLACED,
	    .why = "Without BEFORE or AFTER the value {the name} sorts behind all others, for ever.",
	    .safe = "Say its place with BEFORE or AFTER." },
	{ .id = "robust-stmts", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .aliases = "prefer-robust-stmts",
	    .kinds = KIND(SQL_ACT_CREATE_TABLE) | KIND(SQL_ACT_CREATE_INDEX) |
		KIND(SQL_ACT_DROP) | KIND(SQL_ACT_ADD_COLUMN) | KIND(SQL_ACT_ALTER),
	    .without = SQL_ACT_GUARDED | SQL_ACT_AS_QUERY | SQL_ACT_TEMPORARY, .test = is_fragile,
	    .why = "Outside a transaction this cannot be run again when a later step has failed.",
	    .safe = "Write IF EXISTS or IF NOT EXISTS, or put the steps into one transaction." },
	{ .id = "multi-alter", .pack = PACK, .action = POLICY_WARN, .needs = "X",
	    .kinds = KIND(SQL_ACT_ADD_COLUMN) | KIND(SQL_ACT_ADD_CONSTRAINT) | KIND(SQL_ACT_ALTER),
	    .test = alters_again,
	    .why = "{the table} is altered more than once: each time it is locked, and perhaps read.",
	    .safe = "Put the commands into one ALTER TABLE {table}." },
	{ .id = "fk-without-index", .pack = PACK, .action = POLICY_WARN, .needs = "T X",
	    .kinds = KIND(SQL_ACT_ADD_COLUMN) | KIND(SQL_ACT_ADD_CONSTRAINT),
	    .with = SQL_ACT_FOREIGN, .without = SQL_ACT_PRIMARY | SQL_ACT_UNIQUE,
	    .test = lacks_index,
	    .why = "Each DELETE on {the other} reads all of {the table}, unless there is an index on the "
		   "referencing columns.",
	    .safe = "If there is none yet, make one first, with CREATE INDEX CONCURRENTLY … ON {table}." },
	{ .id = "table-no-pk", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .kinds = KIND(SQL_ACT_CREATE_TABLE),
	    .without = SQL_ACT_PRIMARY | SQL_ACT_TEMPORARY | SQL_ACT_AS_QUERY | SQL_ACT_PARTITION,
	    .why = "{the table} has no primary key: no replica identity, and rows that cannot be told "
		   "apart.",
	    .safe = "Add a column: id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY." },
	{ .id = "transaction-nesting", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .test = begins_twice,
	    .why = "There is a transaction already: this BEGIN does nothing, and the first COMMIT ends "
		   "all of it.",
	    .safe = "Use one transaction, or a SAVEPOINT within it." },
	{ .id = "transaction-open", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .aliases = "ban-uncommitted-transaction", .test = stays_open,
	    .why = "The file ends within a transaction: without its COMMIT nothing of it is kept.",
	    .safe = "End the file with COMMIT." },
	{ .id = "commit-in-script", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .aliases = "transaction-nesting", .test = commits_alone,
	    .why = "No transaction was begun in this file: COMMIT ends that of the tool that runs it, and "
		   "half is kept.",
	    .safe = "Leave transactions to the tool, or begin one here." },
	{ .id = "schema-unqualified", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .aliases = "require-table-schema", .kinds = KIND(SQL_ACT_CREATE_TABLE),
	    .without = SQL_ACT_TEMPORARY, .test = is_plain_table,
	    .why = "{the table} lands in whichever schema search_path happens to begin with.",
	    .safe = "Write the schema in front of the name." },
	{ .id = "identifier-too-long", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .test = has_long_name, .put_why = why_long_name,
	    .safe = "Choose a name of at most 63 bytes." },
	{ .id = "duplicate-assignment", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .aliases = "ban-duplicate-column-assignments", .kinds = KIND(SQL_ACT_ASSIGN_TWICE),
	    .why = "Column {the name} is assigned twice; PostgreSQL refuses that.",
	    .safe = "Assign it once." },
};
const size_t rules_hygiene_count = ARRAY_LENGTH(rules_hygiene);
