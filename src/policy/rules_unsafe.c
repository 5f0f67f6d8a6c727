/*
 * rules_unsafe.c - pack unsafe-ddl: DDL that is right in the end and stops everybody
 * on its way, by a lock, a scan or a rewrite. A new rule is a new row; told.c tells
 * what may stand in braces.
 *
 * What is known of the server comes from known.c. Where nothing is, every table counts
 * as large, every index, constraint and type as not there yet.
 */
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"
#include "sql/hint.h"

#define PACK "unsafe-ddl"

static bool
is_command(const struct sql_act *act, const char *words)
{
	return act->type != NULL && strcmp(act->type, words) == 0;
}

/* ---- indexes ---- */

static void
why_index(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_put_text(out, "CREATE INDEX without CONCURRENTLY blocks every write to ");
	told_object(out, asked->statement, SQL_ACCESS_DDL, "the table");
	buf_put_text(out, " until it finishes. It takes a SHARE lock.");
	(void)act;
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
safe_index(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	put_concurrently(
	    asked, "Run CREATE INDEX CONCURRENTLY instead, outside a transaction.", out);
	(void)act;
}

static bool
drops_index(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return strcmp(act->type, "INDEX") == 0;
}

static void
why_drop_index(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_put_text(out, "DROP INDEX without CONCURRENTLY locks the table of ");
	told_object(out, asked->statement, SQL_ACCESS_DDL, "the index");
	buf_put_text(out, " against reads and writes (ACCESS EXCLUSIVE lock), and all that "
			  "comes after waits in line behind it.");
	(void)act;
}

/* PostgreSQL drops one index at a time concurrently, and never with CASCADE. */
static void
safe_drop_index(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct sql_statement *statement = asked->statement;

	if (statement->relation_count == 1 && !statement->drop_cascade) {
		put_concurrently(asked,
		    "Run DROP INDEX CONCURRENTLY instead, outside a transaction.", out);
		return;
	}
	buf_put_text(out, "Run this instead, one by one and outside a transaction:");
	for (size_t i = 0; i < statement->relation_count && i < TOLD_OBJECTS_MOST; i++) {
		buf_put_text(out, " DROP INDEX CONCURRENTLY ");
		name_put_relation(out, &statement->relations[i]);
		buf_put_u8(out, ';');
	}
	if (statement->relation_count > TOLD_OBJECTS_MOST)
		buf_printf(out, " (And %zu more.)", statement->relation_count - TOLD_OBJECTS_MOST);
	if (statement->drop_cascade)
		buf_put_text(out, " (CASCADE does not go with it: drop what depends on it first.)");
	(void)act;
}

/* PostgreSQL has no REINDEX SYSTEM CONCURRENTLY; it is an administrator's work. */
static bool
reindexes_online(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return !is_command(act, "SYSTEM");
}

/* A server of before 12 has nothing of the kind. */
static void
safe_reindex(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	static const struct builtin online = { .safe = "Run this instead, outside a transaction "
						       "(12 and later): {concurrently};" };
	int version = known_version(asked);

	if (version == 0 || version >= 120000)
		told_safe(&online, asked, act, out);
	else
		buf_printf(out, "PostgreSQL %d has no REINDEX CONCURRENTLY. Build a second index like "
				"it with CREATE INDEX CONCURRENTLY, then drop the first one with DROP "
				"INDEX CONCURRENTLY.", version / 10000);
}

/* ---- partitions ---- */

static bool
attaches(const struct asked *asked, const struct sql_act *act)
{
	/* A partition that this transaction made is empty, or filled by it. */
	return is_command(act, "ATTACH PARTITION") && act->other != NULL &&
	    !transaction_is_new(asked->transaction, act->other_schema, act->other, false) &&
	    known_attach_check(asked, act) != KNOWN_CHECK_THERE;
}

/* There may be a CHECK that says the same. */
static bool
may_be_checked(const struct asked *asked, const struct sql_act *act)
{
	return known_attach_check(asked, act) == KNOWN_CHECK_UNSURE;
}

static bool
detaches(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return is_command(act, "DETACH PARTITION");
}

static void
safe_detach(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	static const struct builtin online = {
		.safe = "Run this instead, outside a transaction (14 and later): ALTER TABLE {table} "
			"DETACH PARTITION {other} CONCURRENTLY;"
	};
	int version = known_version(asked);

	if (version == 0 || version >= 140000)
		told_safe(&online, asked, act, out);
	else
		buf_printf(out, "PostgreSQL %d cannot do it online. Give up soon and try again with a "
				"pause, with a short lock_timeout.", version / 10000);
}

/* ---- constraints ---- */

/* Another command of the same ALTER TABLE adds it; PostgreSQL minds no order there. */
static bool
is_added_beside(const struct asked *asked, const struct sql_act *act)
{
	const struct sql_act *first = asked->statement->acts;
	const struct sql_act *end = first + asked->statement->act_count;
	const struct sql_act *other = act - first > ACTS_NEAR ? act - ACTS_NEAR : first;

	if (end - act > ACTS_NEAR)
		end = act + ACTS_NEAR;
	for (; act->name != NULL && other < end; other++) {
		if (other->kind == SQL_ACT_ADD_CONSTRAINT && other->name != NULL &&
		    (other->flags & SQL_ACT_NOT_VALID) != 0 && strcmp(other->name, act->name) == 0)
			return true;
	}
	return false;
}

static bool
validates_own(const struct asked *asked, const struct sql_act *act)
{
	return is_command(act, "VALIDATE CONSTRAINT") &&
	    (is_added_beside(asked, act) || transaction_validates_own(asked->transaction, act));
}

static bool
sets_not_null(const struct asked *asked, const struct sql_act *act)
{
	const struct catalog_relation *relation;

	if (!is_command(act, "SET NOT NULL"))
		return false;
	relation = known_relation(asked, act->schema, act->table);
	return relation == NULL || relation->has_children ||
	    !known_not_null(asked, relation, act->name);
}

static void
safe_not_null(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	static const struct builtin way = {
		.safe = "A CHECK does the same, and is validated without blocking anybody: ALTER TABLE "
			"{table} ADD CONSTRAINT {constraint} CHECK ({name} IS NOT NULL) NOT VALID; "
			"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};"
	};
	int version = known_version(asked);

	told_safe(&way, asked, act, out);
	if (version == 0)
		buf_put_text(out, " (Since PostgreSQL 12 SET NOT NULL is then cheap, and needs an "
				  "exception only because its CHECK is not seen here.)");
	else if (version >= 120000)
		buf_put_text(out, " (SET NOT NULL is cheap then, and is let through; the CHECK can go "
				  "after it.)");
}

static bool
lacks_default(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return (act->flags & (SQL_ACT_DEFAULT | SQL_ACT_IDENTITY | SQL_ACT_STORED |
				 SQL_ACT_SERIAL)) == 0;
}

/* What of a constraint is said of a column, as a table's constraint beside the column. */
static void
put_split(const struct asked *asked, const struct sql_act *act, const char *body, struct buf *out)
{
	char *way = mem_printf(
	    "Add the column first, then the constraint unchecked, and validate it in a transaction "
	    "of its own: ALTER TABLE {table} ADD COLUMN {name} {type}; ALTER TABLE {table} ADD "
	    "CONSTRAINT {constraint} %s NOT VALID; ALTER TABLE {table} VALIDATE CONSTRAINT "
	    "{constraint};", body);
	const struct builtin row = { .safe = way };

	told_safe(&row, asked, act, out);
	mem_free(way);
}

static const char *const not_valid_way =
    "Add it unchecked, and validate it in a transaction of its own: ALTER TABLE {table} ADD "
    "{named} NOT VALID; ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};";

static void
put_not_valid(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct builtin row = { .safe = not_valid_way };

	told_safe(&row, asked, act, out);
}

static void
safe_check(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	if (act->kind == SQL_ACT_ADD_CONSTRAINT)
		put_not_valid(asked, act, out);
	else
		put_split(asked, act, "CHECK {sql}", out);
}

static void
safe_foreign(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	if (act->kind == SQL_ACT_ADD_CONSTRAINT)
		put_not_valid(asked, act, out);
	else
		put_split(asked, act, "FOREIGN KEY ({name}) REFERENCES {sql}", out);
}

/* UNIQUE and PRIMARY KEY: build the index first. */
static void
put_index_first(const struct asked *asked, const struct sql_act *act, const char *what,
    struct buf *out)
{
	bool column = act->kind == SQL_ACT_ADD_COLUMN;
	char *way = mem_printf("Build the index first, outside a transaction: %s"
			       "CREATE UNIQUE INDEX CONCURRENTLY {constraint} ON {table} %s; "
			       "ALTER TABLE {table} ADD CONSTRAINT {constraint} %s USING INDEX "
			       "{constraint};",
	    column ? "ALTER TABLE {table} ADD COLUMN {name} {type}; " : "",
	    column ? "({name})" : "{sql}", what);
	const struct builtin row = { .safe = way };

	told_safe(&row, asked, act, out);
	mem_free(way);
}

static void
safe_unique(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	put_index_first(asked, act, "UNIQUE", out);
}

static void
safe_primary(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	put_index_first(asked, act, "PRIMARY KEY", out);
	buf_put_text(out, " (Its columns must be NOT NULL before: see the rule set-not-null.)");
}

/* ---- rewrites ---- */

static bool
numbers_rows(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return (act->flags & (SQL_ACT_SERIAL | SQL_ACT_IDENTITY)) != 0;
}

static bool
changes_type(const struct asked *asked, const struct sql_act *act)
{
	return is_command(act, "ALTER COLUMN TYPE") && !coerce_is_free(asked, act);
}

/* Which of the functions the default calls is not told: all of the statement's must be steady. */
static bool
calls_volatile(const struct asked *asked)
{
	const struct sql_statement *statement = asked->statement;
	const struct catalog *catalog = known_catalog(asked);

	for (size_t i = 0; catalog != NULL && i < statement->function_count; i++)
		if (!catalog_is_steady(catalog, statement->functions[i]))
			return true;
	return catalog == NULL || statement->function_count == 0;
}

/* Before 11 any default was written into every row. */
static bool
defaults_rows(const struct asked *asked, const struct sql_act *act)
{
	int version;

	if ((act->flags & SQL_ACT_VOLATILE) != 0)
		return calls_volatile(asked) || known_version(asked) < 110000;
	version = known_version(asked);
	return version > 0 && version < 110000;
}

static void
why_default(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	static const struct builtin called = {
		.why = "A default that calls a function writes every row of {the table} anew under an "
		       "ACCESS EXCLUSIVE lock (unless the function is known to be stable)."
	};
	static const struct builtin any = {
		.why = "Before PostgreSQL 11 a default is written into every row of {the table}, under "
		       "an ACCESS EXCLUSIVE lock."
	};

	told_why((act->flags & SQL_ACT_VOLATILE) != 0 ? &called : &any, asked, act, out);
}

/* A view that has never been filled is not read by anybody. */
static bool
refreshes(const struct asked *asked, const struct sql_act *act)
{
	const struct catalog_relation *view = known_relation(asked, act->schema, act->table);

	return view == NULL || view->kind != 'm' || view->populated;
}

static void
safe_refresh(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	static const struct builtin way = { .safe = "Run this instead; it needs a unique index on "
						    "the view: {concurrently};" };
	static const struct builtin sure = { .safe = "Run this instead: {concurrently};" };
	static const struct builtin index_first = {
		.safe = "The view has no unique index over plain columns and all rows, which REFRESH "
			"… CONCURRENTLY needs. Make one first, with CREATE UNIQUE INDEX CONCURRENTLY "
			"… ON {table}."
	};
	const struct catalog_relation *view = known_relation(asked, act->schema, act->table);

	if (view == NULL)
		told_safe(&way, asked, act, out);
	else if (known_unique(view))
		told_safe(&sure, asked, act, out);
	else
		told_safe(&index_first, asked, act, out);
}

static bool
constrains_used_domain(const struct asked *asked, const struct sql_act *act)
{
	const struct catalog *catalog = known_catalog(asked);

	return catalog == NULL || !catalog_domain_is_unused(catalog, act->schema, act->table) ||
	    catalogs_is_stale(asked->known->catalogs, asked->known->database, act->table);
}

static bool
rewrites(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return is_command(act, "SET TABLESPACE") || is_command(act, "SET ACCESS METHOD") ||
	    is_command(act, "SET LOGGED") || is_command(act, "SET UNLOGGED");
}

/* ---- timeouts, transactions ---- */

static bool
has_table(const struct sql_act *act)
{
	return act->table != NULL && (act->kind != SQL_ACT_DROP || is_command(act, "TABLE"));
}

/* Between texts nobody but a script shows which settings hold. */
static bool
lacks_lock_timeout(const struct asked *asked, const struct sql_act *act)
{
	return asked->script && has_table(act) && asked->transaction != NULL &&
	    !asked->transaction->lock_timeout;
}

static bool
lacks_statement_timeout(const struct asked *asked, const struct sql_act *act)
{
	return asked->script && has_table(act) && asked->transaction != NULL &&
	    !asked->transaction->statement_timeout;
}

/* A row for a table of versions, a default of the table that is locked anyway. */
static bool
is_quick(const struct asked *asked)
{
	const struct sql_statement *statement = asked->statement;

	for (size_t i = 0; i < statement->act_count; i++) {
		const struct sql_act *act = &statement->acts[i];
		bool row = act->kind == SQL_ACT_INSERT && (act->flags & SQL_ACT_AS_QUERY) == 0;
		bool locked = act->kind == SQL_ACT_ALTER && act->type[0] == '\0' &&
		    transaction_find(asked->transaction, NOTED_LOCKED, act->schema, act->table) != NULL;

		if (!row && !locked &&
		    !transaction_is_new(asked->transaction, act->schema, act->table, false))
			return false;
	}
	return statement->act_count > 0;
}

static bool
follows_lock(const struct asked *asked, const struct sql_act *act)
{
	const unsigned work = SQL_READ | SQL_WRITE | SQL_DDL | SQL_MAINTENANCE;

	(void)act;
	return asked->in_block && (asked->statement->effects & work) != 0 &&
	    transaction_has(asked->transaction, NOTED_LOCKED) && !is_quick(asked);
}

static bool
writes_many(const struct sql_statement *statement)
{
	if (statement->where != SQL_WHERE_NONE)
		return true;
	for (size_t i = 0; i < statement->act_count; i++)
		if (statement->acts[i].kind == SQL_ACT_INSERT &&
		    (statement->acts[i].flags & SQL_ACT_AS_QUERY) != 0)
			return true;
	return false;
}

static bool
mixes(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return asked->in_block && (asked->statement->effects & SQL_WRITE) != 0 &&
	    writes_many(asked->statement) && transaction_has(asked->transaction, NOTED_LOCKED);
}

static bool
runs_in_block(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return asked->in_block;
}

/* ---- renames ---- */

/* A name that says that it is to go is the step before the drop. */
static bool
says_goodbye(const char *name)
{
	size_t length = strlen(name);

	return length > 8 && strcmp(name + length - 8, "_deleted") == 0;
}

static bool
renames_column(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return (is_command(act, "COLUMN") || is_command(act, "ATTRIBUTE")) &&
	    !says_goodbye(act->other);
}

static void
safe_rename_column(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	bool attribute = is_command(act, "ATTRIBUTE");

	buf_put_text(out, attribute ? "Make a type with the attribute " : "Add a column ");
	name_put(out, act->other);
	buf_put_text(out, attribute ? " beside it, move columns and functions to that, then drop "
				    : " beside it, write both, move the readers, then drop ");
	name_put(out, attribute ? act->table : act->name);
	buf_put_u8(out, '.');
	(void)asked;
}

static bool
renames_table(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	if (act->kind == SQL_ACT_SET_SCHEMA)
		return act->table != NULL;
	/* With a name it is a constraint that is renamed. */
	return act->name == NULL &&
	    (is_command(act, "TABLE") || is_command(act, "VIEW") ||
		is_command(act, "MATERIALIZED VIEW") || is_command(act, "FOREIGN TABLE")) &&
	    !says_goodbye(act->other);
}

/* The view takes the new place: the other schema, or the other name in the same one. */
static void
safe_rename_table(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	bool moves = act->kind == SQL_ACT_SET_SCHEMA;
	const struct sql_relation place = { .schema = (char *)(moves ? act->other : act->schema),
		.name = (char *)(moves ? act->table : act->other) };
	const struct sql_relation table = { .schema = (char *)act->schema,
		.name = (char *)act->table };

	buf_put_text(out, "Put a view with the new name over it, move the clients to it, and rename in a "
			  "window: CREATE VIEW ");
	name_put_relation(out, &place);
	buf_put_text(out, " AS SELECT * FROM ");
	name_put_relation(out, &table);
	buf_put_u8(out, ';');
	(void)asked;
}

static bool
renames_schema(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return is_command(act, "SCHEMA");
}

static bool
renames_value(const struct asked *asked, const struct sql_act *act)
{
	(void)asked;
	return is_command(act, "VALUE");
}

const struct builtin rules_unsafe_ddl[] = {
	{ .id = "index-not-concurrent", .pack = PACK, .action = POLICY_DENY, .needs = "X Z",
	    .aliases = "require-concurrent-index-creation sm:add_index",
	    .kinds = KIND(SQL_ACT_CREATE_INDEX), .without = SQL_ACT_CONCURRENTLY,
	    .put_why = why_index, .put_safe = safe_index },
	{ .id = "drop-index-not-concurrent", .pack = PACK, .action = POLICY_DENY, .needs = "X Z",
	    .aliases = "require-concurrent-index-deletion sm:remove_index",
	    .kinds = KIND(SQL_ACT_DROP), .without = SQL_ACT_CONCURRENTLY, .test = drops_index,
	    .put_why = why_drop_index, .put_safe = safe_drop_index },
	{ .id = "reindex-not-concurrent", .pack = PACK, .action = POLICY_DENY, .needs = "V X Z",
	    .aliases = "require-concurrent-reindex", .kinds = KIND(SQL_ACT_REINDEX),
	    .without = SQL_ACT_CONCURRENTLY, .test = reindexes_online,
	    .why = "REINDEX without CONCURRENTLY blocks writes to the table (SHARE lock) and every "
		   "use of the index (ACCESS EXCLUSIVE lock) until it is built.",
	    .put_safe = safe_reindex },
	{ .id = "detach-not-concurrent", .pack = PACK, .action = POLICY_DENY, .needs = "V X",
	    .aliases = "require-concurrent-partition-detach", .kinds = KIND(SQL_ACT_ALTER),
	    .without = SQL_ACT_CONCURRENTLY, .test = detaches,
	    .why = "DETACH PARTITION without CONCURRENTLY locks {the table} against reads and writes "
		   "(ACCESS EXCLUSIVE lock).",
	    .put_safe = safe_detach },
	{ .id = "attach-unchecked", .pack = PACK, .action = POLICY_DENY, .needs = "T X Z",
	    .kinds = KIND(SQL_ACT_ALTER), .test = attaches, .unsure = may_be_checked,
	    .why = "ATTACH PARTITION reads all of {the other} under an ACCESS EXCLUSIVE lock, unless a "
		   "validated CHECK on it says the same as the bound.",
	    .safe = "Before it, give the partition a CHECK that says the same as the bound, with ADD "
		    "CONSTRAINT … CHECK (…) NOT VALID, and then VALIDATE CONSTRAINT." },
	{ .id = "concurrently-in-txn", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .aliases = "ban-concurrent-index-creation-in-transaction",
	    .kinds = KIND(SQL_ACT_CREATE_INDEX) | KIND(SQL_ACT_DROP) | KIND(SQL_ACT_REINDEX) |
		KIND(SQL_ACT_ALTER),
	    .with = SQL_ACT_CONCURRENTLY, .test = runs_in_block,
	    .why = "CONCURRENTLY cannot run inside a transaction, and several statements in one "
		   "message are one. One that fails half-way leaves an INVALID index behind.",
	    .safe = "Drop an invalid index first if there is one, and run this by itself: "
		    "{statement};" },
	{ .id = "add-constraint-valid", .pack = PACK, .action = POLICY_DENY, .needs = "X Z",
	    .aliases = "constraint-missing-not-valid sm:add_check_constraint",
	    .kinds = KIND(SQL_ACT_ADD_CONSTRAINT) | KIND(SQL_ACT_ADD_COLUMN),
	    .with = SQL_ACT_CHECK, .without = SQL_ACT_NOT_VALID,
	    .why = "A CHECK without NOT VALID reads all of {the table} under an ACCESS EXCLUSIVE "
		   "lock.",
	    .put_safe = safe_check },
	{ .id = "add-fk-valid", .pack = PACK, .action = POLICY_DENY, .needs = "X T Z",
	    .aliases = "adding-foreign-key-constraint sm:add_foreign_key sm:add_reference",
	    .kinds = KIND(SQL_ACT_ADD_CONSTRAINT) | KIND(SQL_ACT_ADD_COLUMN),
	    .with = SQL_ACT_FOREIGN, .without = SQL_ACT_NOT_VALID,
	    .why = "A FOREIGN KEY without NOT VALID blocks writes to {the table} and to {the other} "
		   "(SHARE ROW EXCLUSIVE locks) while it reads all of {the table}.",
	    .put_safe = safe_foreign },
	{ .id = "validate-same-txn", .pack = PACK, .action = POLICY_DENY, .needs = "X Z",
	    .aliases = "constraint-missing-not-valid", .kinds = KIND(SQL_ACT_ALTER),
	    .test = validates_own,
	    .why = "VALIDATE in the transaction that added the constraint keeps the lock of the ADD on "
		   "{the table} during the whole scan.",
	    .safe = "Commit first, and validate in a transaction of its own: COMMIT; ALTER TABLE "
		    "{table} VALIDATE CONSTRAINT {name};" },
	{ .id = "add-unique-constraint", .pack = PACK, .action = POLICY_DENY, .needs = "X Z",
	    .aliases = "disallowed-unique-constraint sm:add_unique_constraint",
	    .kinds = KIND(SQL_ACT_ADD_CONSTRAINT) | KIND(SQL_ACT_ADD_COLUMN),
	    .with = SQL_ACT_UNIQUE, .without = SQL_ACT_USING_INDEX,
	    .why = "ADD UNIQUE builds its index under an ACCESS EXCLUSIVE lock on {the table}.",
	    .put_safe = safe_unique },
	{ .id = "add-primary-key", .pack = PACK, .action = POLICY_DENY, .needs = "X T Z",
	    .aliases = "adding-serial-primary-key-field",
	    .kinds = KIND(SQL_ACT_ADD_CONSTRAINT) | KIND(SQL_ACT_ADD_COLUMN),
	    .with = SQL_ACT_PRIMARY, .without = SQL_ACT_USING_INDEX,
	    .why = "ADD PRIMARY KEY builds its index, and looks for NULLs, under an ACCESS EXCLUSIVE "
		   "lock on {the table}.",
	    .put_safe = safe_primary },
	{ .id = "add-exclusion", .pack = PACK, .action = POLICY_DENY, .needs = "X Z",
	    .aliases = "sm:add_exclusion_constraint",
	    .kinds = KIND(SQL_ACT_ADD_CONSTRAINT) | KIND(SQL_ACT_ADD_COLUMN),
	    .with = SQL_ACT_EXCLUSION,
	    .why = "ADD EXCLUDE builds its index under an ACCESS EXCLUSIVE lock on {the table}; there is "
		   "no way to do it online.",
	    .safe = "Copy into a new table that has the constraint, or agree upon a window and ask for "
		    "an exception." },
	{ .id = "set-not-null", .pack = PACK, .action = POLICY_DENY, .needs = "V T X Z",
	    .aliases = "adding-not-nullable-field sm:change_column_null",
	    .kinds = KIND(SQL_ACT_ALTER), .test = sets_not_null,
	    .why = "SET NOT NULL reads all of {the table} under an ACCESS EXCLUSIVE lock.",
	    .put_safe = safe_not_null },
	{ .id = "add-required-column", .pack = PACK, .action = POLICY_DENY, .needs = "X Z",
	    .aliases = "adding-required-field", .kinds = KIND(SQL_ACT_ADD_COLUMN),
	    .with = SQL_ACT_NOT_NULL, .test = lacks_default,
	    .why = "A NOT NULL column without a DEFAULT fails as soon as {the table} has a row, and "
		   "breaks every INSERT that does not name it.",
	    .safe = "Add it nullable, fill it in batches, then require it: ALTER TABLE {table} ADD "
		    "COLUMN {name} {type}; ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({name} "
		    "IS NOT NULL) NOT VALID; ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};" },
	{ .id = "add-col-volatile-default", .pack = PACK, .action = POLICY_DENY, .needs = "V T X Z",
	    .aliases = "adding-field-with-default sm:add_column_default",
	    .kinds = KIND(SQL_ACT_ADD_COLUMN), .with = SQL_ACT_DEFAULT, .test = defaults_rows,
	    .put_why = why_default,
	    .safe = "Add the column, then its default for new rows, and fill the old ones in batches: "
		    "ALTER TABLE {table} ADD COLUMN {name} {type}; ALTER TABLE {table} ALTER COLUMN "
		    "{name} SET DEFAULT {default};" },
	{ .id = "add-generated-stored", .pack = PACK, .action = POLICY_DENY, .needs = "X Z",
	    .aliases = "adding-field-generated-stored ban-add-generated-stored "
		       "sm:add_column_generated_stored",
	    .kinds = KIND(SQL_ACT_ADD_COLUMN), .with = SQL_ACT_STORED,
	    .why = "A STORED generated column writes every row of {the table} anew under an ACCESS "
		   "EXCLUSIVE lock.",
	    .safe = "Add a plain column, keep it up to date by a trigger, and fill the old rows in "
		    "batches: ALTER TABLE {table} ADD COLUMN {name} {type};" },
	{ .id = "add-serial", .pack = PACK, .action = POLICY_DENY, .needs = "X Z",
	    .aliases = "sm:add_column_auto_incrementing", .kinds = KIND(SQL_ACT_ADD_COLUMN),
	    .test = numbers_rows,
	    .why = "A serial or identity column numbers, and so writes anew, every row of {the table} "
		   "under an ACCESS EXCLUSIVE lock.",
	    .safe = "Add the column, then its sequence for new rows, and number the old ones in "
		    "batches: ALTER TABLE {table} ADD COLUMN {name} bigint; CREATE SEQUENCE {sequence} "
		    "OWNED BY {table}.{name}; ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT "
		    "nextval({sequence text});" },
	{ .id = "change-type", .pack = PACK, .action = POLICY_DENY, .needs = "T X Z",
	    .aliases = "changing-column-type sm:change_column", .kinds = KIND(SQL_ACT_ALTER),
	    .test = changes_type,
	    .why = "ALTER COLUMN … TYPE writes every row of {the table} and its indexes anew under an "
		   "ACCESS EXCLUSIVE lock, unless both types are stored alike (varchar to text).",
	    .safe = "Add a column of the new type, write both, fill the old rows in batches, move the "
		    "readers, drop the old one: ALTER TABLE {table} ADD COLUMN {new name} {type};" },
	{ .id = "table-rewrite", .pack = PACK, .action = POLICY_DENY, .needs = "X Z",
	    .kinds = KIND(SQL_ACT_ALTER), .test = rewrites,
	    .why = "{words} writes all of {the table} anew under an ACCESS EXCLUSIVE lock.",
	    .safe = "Copy into a new table, or agree upon a window and ask for an exception." },
	{ .id = "rewrite-maintenance", .pack = PACK, .action = POLICY_DENY, .needs = "X Z",
	    .aliases = "prefer-repack", .kinds = KIND(SQL_ACT_VACUUM_FULL) | KIND(SQL_ACT_CLUSTER),
	    .why = "VACUUM FULL and CLUSTER write the table anew under an ACCESS EXCLUSIVE lock.",
	    .safe = "Use the extension pg_repack to shrink it online. A plain VACUUM gives the room to "
		    "new rows without blocking anybody: VACUUM (ANALYZE);" },
	{ .id = "refresh-matview-blocking", .pack = PACK, .action = POLICY_DENY, .needs = "T X",
	    .kinds = KIND(SQL_ACT_REFRESH), .without = SQL_ACT_CONCURRENTLY, .test = refreshes,
	    .why = "REFRESH MATERIALIZED VIEW without CONCURRENTLY locks {the table} against reads "
		   "(ACCESS EXCLUSIVE lock) while its query runs.",
	    .put_safe = safe_refresh },
	{ .id = "domain-constraint", .pack = PACK, .action = POLICY_DENY, .needs = "T",
	    .aliases = "ban-create-domain-with-constraint ban-alter-domain-with-add-constraint",
	    .kinds = KIND(SQL_ACT_DOMAIN_CONSTRAINT), .test = constrains_used_domain,
	    .why = "A constraint of a domain is checked in every column of every table that uses "
		   "{the table}, and changing it reads them all.",
	    .safe = "Leave the domain without, and put the CHECK on the columns, NOT VALID at first." },
	{ .id = "lock-timeout-missing", .pack = PACK, .action = POLICY_WARN, .needs = "S X",
	    .aliases = "require-timeout-settings require-lock-timeout",
	    .kinds = KIND(SQL_ACT_ADD_COLUMN) | KIND(SQL_ACT_ADD_CONSTRAINT) | KIND(SQL_ACT_ALTER) |
		KIND(SQL_ACT_RENAME) | KIND(SQL_ACT_SET_SCHEMA) | KIND(SQL_ACT_CLUSTER) |
		KIND(SQL_ACT_DROP),
	    .test = lacks_lock_timeout,
	    .why = "While it waits for its lock on {the table}, all that comes after waits in line "
		   "behind it.",
	    .safe = "Give up soon and try again with a pause: SET lock_timeout = '1s'; {statement};" },
	{ .id = "statement-timeout-missing", .pack = PACK, .action = POLICY_WARN, .needs = "S X",
	    .aliases = "require-timeout-settings require-statement-timeout",
	    .kinds = KIND(SQL_ACT_ADD_COLUMN) | KIND(SQL_ACT_ADD_CONSTRAINT) | KIND(SQL_ACT_ALTER) |
		KIND(SQL_ACT_RENAME) | KIND(SQL_ACT_SET_SCHEMA) | KIND(SQL_ACT_CLUSTER) |
		KIND(SQL_ACT_DROP),
	    .test = lacks_statement_timeout,
	    .why = "Without a limit it can hold its lock on {the table} for ever.",
	    .safe = "Set one: SET statement_timeout = '5s'; {statement};" },
	{ .id = "lock-then-more", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .test = follows_lock,
	    .why = "A statement before this one took an ACCESS EXCLUSIVE lock, which is held until the "
		   "transaction ends: nobody reads that table meanwhile.",
	    .safe = "Commit first, and run this by itself: {statement};" },
	{ .id = "mix-ddl-dml", .pack = PACK, .action = POLICY_DENY, .needs = "", .test = mixes,
	    .why = "The transaction has changed a table's definition; its ACCESS EXCLUSIVE lock is held "
		   "while these rows are written.",
	    .safe = "Commit the change first, then write the rows apart, in batches if they are "
		    "many: {statement};" },
	{ .id = "rename-column", .pack = PACK, .action = POLICY_DENY, .needs = "X",
	    .aliases = "renaming-column sm:rename_column", .kinds = KIND(SQL_ACT_RENAME),
	    .test = renames_column,
	    .why = "From the moment that {the name} of {the table} has another name, every running "
		   "client that uses it breaks.",
	    .put_safe = safe_rename_column },
	{ .id = "rename-table", .pack = PACK, .action = POLICY_DENY, .needs = "X",
	    .aliases = "renaming-table sm:rename_table",
	    .kinds = KIND(SQL_ACT_RENAME) | KIND(SQL_ACT_SET_SCHEMA), .test = renames_table,
	    .why = "From the moment that {the table} has another name or schema, every running client "
		   "that uses it breaks.",
	    .put_safe = safe_rename_table },
	{ .id = "rename-schema", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .aliases = "sm:rename_schema", .kinds = KIND(SQL_ACT_RENAME), .test = renames_schema,
	    .why = "Every running client that names the schema {the name} breaks.",
	    .safe = "Make the new schema beside it and move one object after the other." },
	{ .id = "rename-enum-value", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .kinds = KIND(SQL_ACT_RENAME), .test = renames_value,
	    .why = "Every running client that writes or compares the value {the name} breaks.",
	    .safe = "Add the new value beside it, move rows and clients, and leave the old one unused: "
		    "ALTER TYPE {table} ADD VALUE {other text} AFTER {name text};" },
};
const size_t rules_unsafe_ddl_count = ARRAY_LENGTH(rules_unsafe_ddl);
