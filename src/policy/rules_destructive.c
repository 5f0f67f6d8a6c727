/*
 * rules_destructive.c - pack destructive-ddl: what does not come back. A new rule is a
 * new row; told.c tells what may stand in braces.
 */
#include <string.h>

#include "policy_internal.h"

#define PACK "destructive-ddl"

static bool
drops(const struct sql_act *act, const char *noun)
{
	return act->kind == SQL_ACT_DROP && strcmp(act->type, noun) == 0;
}

/* Does some part of the statement do this? "TRUNCATE" also finds "TRUNCATE TABLE". */
static bool
does(const struct sql_statement *statement, const char *verb)
{
	size_t length = strlen(verb);

	for (size_t i = 0; statement->verbs != NULL && statement->verbs[i] != NULL; i++)
		if (strncmp(statement->verbs[i], verb, length) == 0 &&
		    (statement->verbs[i][length] == '\0' || statement->verbs[i][length] == ' '))
			return true;
	return false;
}

/* ---- tables and columns ---- */

static bool
drops_table(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return drops(act, "TABLE") || drops(act, "FOREIGN TABLE");
}

static void
why_drop_table(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_put_text(out, "DROP TABLE deletes ");
	told_object(out, asked->statement, SQL_ACCESS_DDL, "the table");
	buf_put_text(out, " and its data for good (ACCESS EXCLUSIVE lock); whoever still uses "
			  "it breaks.");
	(void)act;
}

static void
safe_drop_table(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	size_t count = 0;

	buf_put_text(out, "Make sure that nobody uses it, rename it, and drop it some days later: ");
	for (size_t i = 0; i < asked->statement->relation_count; i++) {
		const struct sql_relation *table = &asked->statement->relations[i];

		if ((table->access & SQL_ACCESS_DDL) == 0 || ++count > TOLD_OBJECTS_MOST)
			continue;
		buf_put_text(out, count == 1 ? "ALTER TABLE " : " ALTER TABLE ");
		name_put_relation(out, table);
		buf_put_text(out, " RENAME TO ");
		name_put_with_suffix(out, table->name, "_deleted");
		buf_put_u8(out, ';');
	}
	if (count == 0)
		buf_put_text(out, "ALTER TABLE … RENAME TO …_deleted;");
	if (count > TOLD_OBJECTS_MOST)
		buf_printf(out, " (And %zu more.)", count - TOLD_OBJECTS_MOST);
	(void)act;
}

static bool
drops_column(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return strcmp(act->type, "DROP COLUMN") == 0;
}

static void
safe_drop_column(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct sql_relation table = { .schema = (char *)act->schema,
		.name = (char *)act->table };

	buf_put_text(out, "Make sure that nobody uses it, rename it, and drop it some days later: "
			  "ALTER TABLE ");
	name_put_relation(out, &table);
	buf_put_text(out, " RENAME COLUMN ");
	name_put(out, act->name);
	buf_put_text(out, " TO ");
	name_put_with_suffix(out, act->name, "_deleted");
	buf_put_u8(out, ';');
	(void)asked;
}

static bool
truncates(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return drops(act, "ROWS");
}

static bool
drops_not_null(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return strcmp(act->type, "DROP NOT NULL") == 0;
}

/* Of a column, or of a domain, which has no column to name. */
static void
why_drop_not_null(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct sql_relation object = { .schema = (char *)act->schema,
		.name = (char *)act->table };

	buf_put_text(out, "Readers that rely on ");
	if (act->name != NULL)
		buf_printf(out, "\"%s\" of ", act->name);
	else
		buf_put_text(out, "values of domain ");
	name_put_prose(out, &object);
	buf_put_text(out, " never being NULL break with the first NULL.");
	(void)asked;
}

/* ---- more than a table ---- */

static bool
drops_schema(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return drops(act, "SCHEMA");
}

static void
why_drop_schema(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_put_text(out, (act->flags & SQL_ACT_CASCADE) != 0
	    ? "DROP SCHEMA … CASCADE deletes every table of the schema with its data, and "
	      "whatever depends on them elsewhere (ACCESS EXCLUSIVE locks)."
	    : "DROP SCHEMA removes the schema; whoever still names it breaks.");
	(void)asked;
}

static bool
drops_database(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return drops(act, "DATABASE");
}

static bool
drops_owned(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return does(asked->statement, "DROP OWNED") || does(asked->statement, "REASSIGN OWNED");
}

static bool
drops_other(const struct asked *asked, const struct sql_act *act)
{
	static const char *const nouns[] = { "VIEW", "MATERIALIZED VIEW", "FUNCTION", "PROCEDURE",
		"ROUTINE", "AGGREGATE", "TYPE", "DOMAIN", "SEQUENCE", "EXTENSION", "TRIGGER",
		"POLICY", "RULE", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "CAST",
		"COLLATION", "CONVERSION", "STATISTICS", "PUBLICATION", "SUBSCRIPTION",
		"EVENT TRIGGER", "SERVER", "USER MAPPING", "FOREIGN DATA WRAPPER", "LANGUAGE",
		"TRANSFORM", "ACCESS METHOD", "TEXT SEARCH CONFIGURATION",
		"TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE" };

	for (size_t i = 0; i < ARRAY_LENGTH(nouns); i++)
		if (drops(act, nouns[i]))
			return true;
	(void)asked;
	return false;
}

static bool
cascades(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return act->kind == SQL_ACT_DROP || strncmp(act->type, "DROP ", 5) == 0;
}

static bool
makes_again(const struct asked *asked, const struct sql_act *act)
{
	return transaction_dropped(asked->transaction, act->schema, act->table);
}

const struct builtin rules_destructive_ddl[] = {
	{ .id = "drop-table", .pack = PACK, .action = POLICY_DENY, .needs = "X",
	    .aliases = "ban-drop-table", .kinds = KIND(SQL_ACT_DROP), .test = drops_table,
	    .put_why = why_drop_table, .put_safe = safe_drop_table },
	{ .id = "drop-column", .pack = PACK, .action = POLICY_DENY, .needs = "X",
	    .aliases = "ban-drop-column sm:remove_column", .kinds = KIND(SQL_ACT_ALTER),
	    .test = drops_column,
	    .why = "DROP COLUMN deletes the data of column {the name} of {the table} for good (ACCESS "
		   "EXCLUSIVE lock); whoever still uses it breaks.",
	    .put_safe = safe_drop_column },
	{ .id = "drop-database", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .aliases = "ban-drop-database", .kinds = KIND(SQL_ACT_DROP), .test = drops_database,
	    .why = "DROP DATABASE deletes every schema and table of the database for good.",
	    .safe = "Dump it first (pg_dump), take away its users' access (REVOKE CONNECT), and drop it "
		    "some days later with an exception." },
	{ .id = "drop-schema", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .aliases = "ban-drop-schema", .kinds = KIND(SQL_ACT_DROP), .test = drops_schema,
	    .put_why = why_drop_schema,
	    .safe = "Dump it first (pg_dump --schema=…), drop its objects one by one by name, and ask "
		    "for an exception for the empty schema." },
	{ .id = "truncate", .pack = PACK, .action = POLICY_DENY, .needs = "X",
	    .kinds = KIND(SQL_ACT_DROP), .test = truncates,
	    .why = "TRUNCATE deletes every row of {the table} for good (ACCESS EXCLUSIVE lock); row "
		   "triggers do not fire.",
	    .safe = "Delete in batches, and repeat until no row is left: DELETE FROM {table} WHERE ctid "
		    "= ANY (ARRAY(SELECT ctid FROM {table} LIMIT 10000));" },
	{ .id = "drop-owned", .pack = PACK, .action = POLICY_DENY, .needs = "", .test = drops_owned,
	    .why = "DROP OWNED and REASSIGN OWNED reach every object of a role in the database, named "
		   "or not.",
	    .safe = "Name the objects, one by one." },
	{ .id = "drop-not-null", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .aliases = "ban-drop-not-null", .kinds = KIND(SQL_ACT_ALTER), .test = drops_not_null,
	    .put_why = why_drop_not_null,
	    .safe = "Make the readers ready first, then ask for an exception." },
	{ .id = "force-create", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .aliases = "sm:create_table", .kinds = KIND(SQL_ACT_CREATE_TABLE), .test = makes_again,
	    .why = "{the table} is dropped and made again in one transaction: its data is lost.",
	    .safe = "Change it with ALTER TABLE {table} …, which keeps the rows." },
	{ .id = "cascade", .pack = PACK, .action = POLICY_DENY, .needs = "X",
	    .aliases = "ban-truncate-cascade", .kinds = KIND(SQL_ACT_DROP) | KIND(SQL_ACT_ALTER),
	    .with = SQL_ACT_CASCADE, .test = cascades,
	    .why = "CASCADE reaches objects and rows that the statement does not name.",
	    .safe = "Leave CASCADE out: PostgreSQL then names what depends on {the table}, and each can "
		    "be dropped by name." },
	{ .id = "on-delete-cascade", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .kinds = KIND(SQL_ACT_NEW_COLUMN) | KIND(SQL_ACT_ADD_COLUMN) |
		KIND(SQL_ACT_NEW_CONSTRAINT) | KIND(SQL_ACT_ADD_CONSTRAINT),
	    .with = SQL_ACT_DELETE_CASCADE,
	    .why = "With ON DELETE CASCADE one DELETE on {the other} reaches rows of {the table} and of "
		   "whatever hangs on it.",
	    .safe = "Use ON DELETE RESTRICT, and delete the children by name." },
	{ .id = "drop-other", .pack = PACK, .action = POLICY_WARN, .needs = "X",
	    .kinds = KIND(SQL_ACT_DROP), .test = drops_other,
	    .why = "DROP {words} {the table} breaks whoever still uses it; with a trigger, rule or policy "
		   "a guard vanishes.",
	    .safe = "Check what depends on it first (pg_depend), and drop it without CASCADE." },
};
const size_t rules_destructive_ddl_count = ARRAY_LENGTH(rules_destructive_ddl);
