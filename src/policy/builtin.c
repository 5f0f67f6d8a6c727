/*
 * builtin.c - the table of built-in rules.
 *
 * One row a rule: what it flags, why that hurts (the lock, the loss) and the
 * safe way, written for the statement at hand. A new rule is a new row. The
 * judge asks flags() for each statement; why() and safe() run only when a
 * verdict has to be told.
 */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"
#include "sql/hint.h"

/* The first relation with this access, or NULL. */
static const struct sql_relation *
find_target(const struct sql_statement *statement, enum sql_access access)
{
	for (size_t i = 0; i < statement->relation_count; i++)
		if ((statement->relations[i].access & access) != 0)
			return &statement->relations[i];
	return NULL;
}

/* The object in the words of a sentence: `"public.orders"`, or what it is. */
static void
put_object(struct buf *out, const struct sql_statement *statement, enum sql_access access,
    const char *otherwise)
{
	const struct sql_relation *target = find_target(statement, access);
	size_t more = 0;

	if (target == NULL) {
		buf_put_text(out, otherwise);
		return;
	}
	name_put_prose(out, target);
	for (size_t i = 0; i < statement->relation_count; i++)
		more += (statement->relations[i].access & access) != 0;
	if (more > 1)
		buf_printf(out, " and %zu more", more - 1);
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

static bool
drops(const struct sql_statement *statement, const char *kind)
{
	return statement->drop_kind != NULL && strcmp(statement->drop_kind, kind) == 0;
}

/* ---- index-not-concurrent, drop-index-not-concurrent ---- */

static bool
flags_index(const struct sql_statement *statement)
{
	return statement->index_created && !statement->index_concurrently;
}

static void
why_index(const struct asked *asked, struct buf *out)
{
	buf_put_text(out, "CREATE INDEX without CONCURRENTLY blocks every write to ");
	put_object(out, asked->statement, SQL_ACCESS_DDL, "the table");
	buf_put_text(out, " until it finishes. It takes a SHARE lock.");
}

static void
put_concurrently(const struct asked *asked, const char *otherwise, struct buf *out)
{
	struct buf statement = { 0 };

	if (sql_hint_concurrently(asked->text, asked->length, asked->statement, &statement)) {
		buf_put_text(out, "Run this instead, outside a transaction: ");
		buf_put(out, buf_bytes(&statement), buf_length(&statement));
		if (buf_length(&statement) == 0 || statement.data[statement.end - 1] != ';')
			buf_put_u8(out, ';');
	} else {
		buf_put_text(out, otherwise);
	}
	buf_free(&statement);
}

static void
safe_index(const struct asked *asked, struct buf *out)
{
	put_concurrently(
	    asked, "Run CREATE INDEX CONCURRENTLY instead, outside a transaction.", out);
}

static bool
flags_drop_index(const struct sql_statement *statement)
{
	return drops(statement, "INDEX") && !statement->drop_concurrently;
}

static void
why_drop_index(const struct asked *asked, struct buf *out)
{
	buf_put_text(out, "DROP INDEX without CONCURRENTLY locks the table of ");
	put_object(out, asked->statement, SQL_ACCESS_DDL, "the index");
	buf_put_text(out, " against reads and writes (ACCESS EXCLUSIVE lock), and all that "
			  "comes after waits in line behind it.");
}

/* PostgreSQL drops one index at a time concurrently, and never with CASCADE. */
static void
safe_drop_index(const struct asked *asked, struct buf *out)
{
	const struct sql_statement *statement = asked->statement;

	if (statement->relation_count == 1 && !statement->drop_cascade) {
		put_concurrently(asked,
		    "Run DROP INDEX CONCURRENTLY instead, outside a transaction.", out);
		return;
	}
	buf_put_text(out, "Run this instead, one by one and outside a transaction:");
	for (size_t i = 0; i < statement->relation_count; i++) {
		buf_put_text(out, " DROP INDEX CONCURRENTLY ");
		name_put_relation(out, &statement->relations[i]);
		buf_put_u8(out, ';');
	}
	if (statement->drop_cascade)
		buf_put_text(out, " (CASCADE does not go with it: drop what depends on it first.)");
}

/* ---- drop-table ---- */

static bool
flags_drop_table(const struct sql_statement *statement)
{
	return drops(statement, "TABLE") || drops(statement, "FOREIGN TABLE");
}

static void
why_drop_table(const struct asked *asked, struct buf *out)
{
	buf_put_text(out, "DROP TABLE deletes ");
	put_object(out, asked->statement, SQL_ACCESS_DDL, "the table");
	buf_put_text(out, " and its data for good (ACCESS EXCLUSIVE lock); whoever still uses "
			  "it breaks.");
}

static void
safe_drop_table(const struct asked *asked, struct buf *out)
{
	bool first = true;

	buf_put_text(out, "Make sure that nobody uses it, rename it, and drop it some days later: ");
	for (size_t i = 0; i < asked->statement->relation_count; i++) {
		const struct sql_relation *table = &asked->statement->relations[i];

		if ((table->access & SQL_ACCESS_DDL) == 0)
			continue;
		buf_put_text(out, first ? "ALTER TABLE " : " ALTER TABLE ");
		name_put_relation(out, table);
		buf_put_text(out, " RENAME TO ");
		name_put_with_suffix(out, table->name, "_deleted");
		buf_put_u8(out, ';');
		first = false;
	}
	if (first)
		buf_put_text(out, "ALTER TABLE … RENAME TO …_deleted;");
}

/* ---- drop-column ---- */

static bool
flags_drop_column(const struct sql_statement *statement)
{
	return statement->column_dropped != NULL && !does(statement, "ALTER TYPE");
}

static void
why_drop_column(const struct asked *asked, struct buf *out)
{
	buf_printf(out, "DROP COLUMN deletes the data of column \"%s\" of ",
	    asked->statement->column_dropped);
	put_object(out, asked->statement, SQL_ACCESS_DDL, "the table");
	buf_put_text(out, " for good (ACCESS EXCLUSIVE lock); whoever still uses it breaks.");
}

static void
safe_drop_column(const struct asked *asked, struct buf *out)
{
	const struct sql_relation *table = find_target(asked->statement, SQL_ACCESS_DDL);
	const char *column = asked->statement->column_dropped;

	buf_put_text(out, "Make sure that nobody uses it, rename it, and drop it some days later: "
			  "ALTER TABLE ");
	if (table != NULL)
		name_put_relation(out, table);
	else
		buf_put_text(out, "…");
	buf_put_text(out, " RENAME COLUMN ");
	name_put(out, column);
	buf_put_text(out, " TO ");
	name_put_with_suffix(out, column, "_deleted");
	buf_put_u8(out, ';');
}

/* ---- truncate ---- */

static bool
flags_truncate(const struct sql_statement *statement)
{
	return does(statement, "TRUNCATE");
}

/* The facts give TRUNCATE's tables as written or as changed: take the first of either. */
static const struct sql_relation *
truncated(const struct sql_statement *statement)
{
	const struct sql_relation *table = find_target(statement, SQL_ACCESS_WRITE);

	return table != NULL ? table : find_target(statement, SQL_ACCESS_DDL);
}

static void
why_truncate(const struct asked *asked, struct buf *out)
{
	const struct sql_relation *table = truncated(asked->statement);

	buf_put_text(out, "TRUNCATE deletes every row of ");
	if (table != NULL)
		name_put_prose(out, table);
	else
		buf_put_text(out, "the table");
	buf_put_text(out, " for good (ACCESS EXCLUSIVE lock); row triggers do not fire.");
}

static void
safe_truncate(const struct asked *asked, struct buf *out)
{
	const struct sql_relation *table = truncated(asked->statement);
	struct buf name = { 0 };

	if (table != NULL)
		name_put_relation(&name, table);
	else
		buf_put_text(&name, "…");
	buf_put_u8(&name, '\0');
	buf_printf(out,
	    "Delete in batches, and repeat until no row is left: DELETE FROM %s WHERE ctid = "
	    "ANY (ARRAY(SELECT ctid FROM %s LIMIT 10000));",
	    (const char *)buf_bytes(&name), (const char *)buf_bytes(&name));
	buf_free(&name);
}

/* ---- drop-schema, drop-database ---- */

static bool
flags_drop_schema(const struct sql_statement *statement)
{
	return drops(statement, "SCHEMA");
}

static void
why_drop_schema(const struct asked *asked, struct buf *out)
{
	buf_put_text(out, asked->statement->drop_cascade
	    ? "DROP SCHEMA … CASCADE deletes every table of the schema with its data, and "
	      "whatever depends on them elsewhere (ACCESS EXCLUSIVE locks)."
	    : "DROP SCHEMA removes the schema; whoever still names it breaks.");
}

static void
safe_drop_schema(const struct asked *asked, struct buf *out)
{
	(void)asked;
	buf_put_text(out, "Dump it first (pg_dump --schema=…), drop its objects one by one by "
			  "name, and ask for an exception for the empty schema.");
}

static bool
flags_drop_database(const struct sql_statement *statement)
{
	return drops(statement, "DATABASE");
}

static void
why_drop_database(const struct asked *asked, struct buf *out)
{
	(void)asked;
	buf_put_text(out, "DROP DATABASE deletes every schema and table of the database for good.");
}

static void
safe_drop_database(const struct asked *asked, struct buf *out)
{
	(void)asked;
	buf_put_text(out, "Dump it first (pg_dump), take away its users' access (REVOKE CONNECT), "
			  "and drop it some days later with an exception.");
}

/* ---- where-required ---- */

static bool
flags_where(const struct sql_statement *statement)
{
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
	return find_target(statement, SQL_ACCESS_WRITE);
}

const struct sql_relation *
builtin_object(const struct sql_statement *statement)
{
	const struct sql_relation *object = find_target(statement, SQL_ACCESS_DDL);

	if (object == NULL)
		object = where_target(statement);
	return object != NULL ? object : find_target(statement, SQL_ACCESS_READ);
}

/* "DELETE", "UPDATE", or both words when parts of the statement do both. */
static const char *
where_verb(const struct sql_statement *statement)
{
	bool deletes = does(statement, "DELETE"), updates = does(statement, "UPDATE");

	return deletes && updates ? "UPDATE or DELETE" : deletes ? "DELETE" : "UPDATE";
}

static void
why_where(const struct asked *asked, struct buf *out)
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
}

static void
safe_where(const struct asked *asked, struct buf *out)
{
	const struct sql_relation *table = where_target(asked->statement);
	struct buf name = { 0 };

	buf_put_text(out, "Add a WHERE that picks the rows");
	if (table != NULL) {
		name_put_relation(&name, table);
		buf_put_u8(&name, '\0');
		buf_printf(out,
		    strcmp(where_verb(asked->statement), "UPDATE") == 0
			? ": UPDATE %s SET … WHERE <condition>;"
			: ": DELETE FROM %s WHERE <condition>;",
		    (const char *)buf_bytes(&name));
		buf_free(&name);
	} else {
		buf_put_u8(out, '.');
	}
	buf_put_text(out, " If every row is meant, ask for an exception.");
}

/* ---- the table ---- */

static const char *const index_aliases[] = { "require-concurrent-index-creation",
	"sm:add_index", NULL };
static const char *const drop_index_aliases[] = { "require-concurrent-index-deletion",
	"sm:remove_index", NULL };
static const char *const drop_table_aliases[] = { "ban-drop-table", NULL };
static const char *const drop_column_aliases[] = { "ban-drop-column", "sm:remove_column",
	NULL };
static const char *const drop_database_aliases[] = { "ban-drop-database", NULL };

const struct builtin builtins[] = {
	{ "index-not-concurrent", "unsafe-ddl", POLICY_DENY, "X Z", index_aliases, flags_index,
	    why_index, safe_index },
	{ "drop-index-not-concurrent", "unsafe-ddl", POLICY_DENY, "X", drop_index_aliases,
	    flags_drop_index, why_drop_index, safe_drop_index },
	{ "drop-table", "destructive-ddl", POLICY_DENY, "X", drop_table_aliases,
	    flags_drop_table, why_drop_table, safe_drop_table },
	{ "drop-column", "destructive-ddl", POLICY_DENY, "X", drop_column_aliases,
	    flags_drop_column, why_drop_column, safe_drop_column },
	{ "drop-database", "destructive-ddl", POLICY_DENY, "X", drop_database_aliases,
	    flags_drop_database, why_drop_database, safe_drop_database },
	{ "drop-schema", "destructive-ddl", POLICY_DENY, "X", NULL, flags_drop_schema,
	    why_drop_schema, safe_drop_schema },
	{ "truncate", "destructive-ddl", POLICY_DENY, "X", NULL, flags_truncate, why_truncate,
	    safe_truncate },
	{ "where-required", "dml-safety", POLICY_DENY, "", NULL, flags_where, why_where,
	    safe_where },
	/* Names for what `defaults` decides; see load.c. */
	{ "sql-unparseable", "session-integrity", POLICY_DENY, "", NULL, NULL, NULL, NULL },
	{ "sql-oversize", "session-integrity", POLICY_DENY, "", NULL, NULL, NULL, NULL },
};
const size_t builtin_count = ARRAY_LENGTH(builtins);

/* Rules that the documents describe and this version does not have. */
static const char *const planned[] = { "reindex-not-concurrent", "detach-not-concurrent",
	"attach-unchecked", "concurrently-in-txn", "add-constraint-valid", "add-fk-valid",
	"validate-same-txn", "add-unique-constraint", "add-primary-key", "add-exclusion",
	"set-not-null", "add-required-column", "add-col-volatile-default",
	"add-generated-stored", "add-serial", "change-type", "table-rewrite",
	"rewrite-maintenance", "refresh-matview-blocking", "domain-constraint",
	"lock-timeout-missing", "statement-timeout-missing", "lock-then-more", "mix-ddl-dml",
	"rename-column", "rename-table", "rename-schema", "rename-enum-value",
	"drop-owned", "drop-other", "drop-not-null", "cascade", "on-delete-cascade",
	"force-create", "json-column", "prefer-text", "char-field", "prefer-timestamptz",
	"prefer-bigint", "prefer-identity", "enum-type", "enum-value-order", "robust-stmts",
	"multi-alter", "fk-without-index", "table-no-pk", "transaction-nesting",
	"transaction-open", "commit-in-script", "schema-unqualified", "identifier-too-long",
	"duplicate-assignment", "naming", "required-columns", "required-comment", "type-list",
	"uncounted-write", "lock-table", "limit-required", "select-star", "select-where",
	"insert-columns", "insert-rows", "leading-wildcard", "function-on-column",
	"order-by-random", "copy-program", "copy-file", "server-files", "large-object-files",
	"network", "dynamic-sql", "untrusted-code", "extension", "server-admin", "replication",
	"secrets", "stall", "setting-not-allowed", "setting-persisted", "role-switch",
	"role-management", "transaction-mode", "catalog-write", "function-call-message",
	"prepared-unknown", "startup-option", "encoding" };

/* How many rules a pack is to have. */
static const struct pack {
	const char *name;
	size_t size;
} packs[] = { { "unsafe-ddl", 30 }, { "destructive-ddl", 12 }, { "dml-safety", 12 },
	{ "hygiene", 25 }, { "server-access", 13 }, { "session-integrity", 12 } };

const struct builtin *
builtin_by_id(const char *id)
{
	for (size_t i = 0; i < builtin_count; i++)
		if (strcmp(builtins[i].id, id) == 0)
			return &builtins[i];
	return NULL;
}

bool
builtin_answers_to(const struct builtin *builtin, const char *name)
{
	if (strcmp(builtin->id, name) == 0 || strcmp(builtin->pack, name) == 0)
		return true;
	for (size_t i = 0; builtin->aliases != NULL && builtin->aliases[i] != NULL; i++)
		if (strcmp(builtin->aliases[i], name) == 0)
			return true;
	return false;
}

size_t
builtin_pack_size(const char *pack)
{
	for (size_t i = 0; i < ARRAY_LENGTH(packs); i++)
		if (strcmp(packs[i].name, pack) == 0)
			return packs[i].size;
	return 0;
}

bool
builtin_is_planned(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(planned); i++)
		if (strcmp(planned[i], name) == 0)
			return true;
	return false;
}

const char *
builtin_nearest(const char *name)
{
	const char *names[ARRAY_LENGTH(builtins) + ARRAY_LENGTH(packs)];
	size_t count = 0;

	for (size_t i = 0; i < builtin_count; i++)
		if (builtins[i].flags != NULL)
			names[count++] = builtins[i].id;
	for (size_t i = 0; i < ARRAY_LENGTH(packs); i++)
		names[count++] = packs[i].name;
	return text_nearest(name, names, count);
}
