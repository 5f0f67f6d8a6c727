/*
 * rules_house.c - the rules of pack hygiene that a policy must give something to: how
 * names look, which columns and types a table has. They belong to no pack's `use`, as
 * nothing is right for every house. A new rule is a new row.
 */
#include <stddef.h>
#include <string.h>

#include "policy_internal.h"

#define PACK "hygiene"

/* ---- naming ---- */

/* Which name of an act belongs to which list. */
static const struct named {
	enum sql_act_kind kind;
	const char *noun; /* its `type`; NULL: any */
	size_t name;	  /* of struct sql_act */
	enum given_list list;
	const char *prose;
} naming[] = {
#define NAME(member) offsetof(struct sql_act, member)
	{ SQL_ACT_CREATE_TABLE, NULL, NAME(table), GIVEN_TABLES, "table" },
	{ SQL_ACT_NEW_COLUMN, NULL, NAME(name), GIVEN_COLUMNS, "column" },
	{ SQL_ACT_ADD_COLUMN, NULL, NAME(name), GIVEN_COLUMNS, "column" },
	{ SQL_ACT_CREATE_INDEX, NULL, NAME(name), GIVEN_INDEXES, "index" },
	{ SQL_ACT_NEW_CONSTRAINT, NULL, NAME(name), GIVEN_CONSTRAINTS, "constraint" },
	{ SQL_ACT_ADD_CONSTRAINT, NULL, NAME(name), GIVEN_CONSTRAINTS, "constraint" },
	{ SQL_ACT_CONSTRAINT_NAME, NULL, NAME(name), GIVEN_CONSTRAINTS, "constraint" },
	{ SQL_ACT_CREATE, "VIEW", NAME(table), GIVEN_VIEWS, "view" },
	{ SQL_ACT_CREATE, "MATERIALIZED VIEW", NAME(table), GIVEN_VIEWS, "view" },
	{ SQL_ACT_CREATE, "SEQUENCE", NAME(table), GIVEN_SEQUENCES, "sequence" },
	{ SQL_ACT_CREATE, "SCHEMA", NAME(name), GIVEN_SCHEMAS, "schema" },
	{ SQL_ACT_FUNCTION, NULL, NAME(table), GIVEN_FUNCTIONS, "function" },
	{ SQL_ACT_RENAME, "COLUMN", NAME(other), GIVEN_COLUMNS, "column" },
	{ SQL_ACT_RENAME, "INDEX", NAME(other), GIVEN_INDEXES, "index" },
	{ SQL_ACT_RENAME, "VIEW", NAME(other), GIVEN_VIEWS, "view" },
	{ SQL_ACT_RENAME, "MATERIALIZED VIEW", NAME(other), GIVEN_VIEWS, "view" },
	{ SQL_ACT_RENAME, "SEQUENCE", NAME(other), GIVEN_SEQUENCES, "sequence" },
	{ SQL_ACT_RENAME, "SCHEMA", NAME(other), GIVEN_SCHEMAS, "schema" },
	{ SQL_ACT_RENAME, "FUNCTION", NAME(other), GIVEN_FUNCTIONS, "function" },
#undef NAME
};
/* ALTER TABLE … RENAME: of the table, or of a constraint that is named. */
static const struct named renamed_table = { SQL_ACT_RENAME, "TABLE",
	offsetof(struct sql_act, other), GIVEN_TABLES, "table" };
static const struct named renamed_constraint = { SQL_ACT_RENAME, "TABLE",
	offsetof(struct sql_act, other), GIVEN_CONSTRAINTS, "constraint" };

static const struct named *
find_named(const struct sql_act *act)
{
	if (act->kind == SQL_ACT_RENAME && strcmp(act->type, "TABLE") == 0)
		return act->name == NULL ? &renamed_table : &renamed_constraint;
	/* ALTER FUNCTION gives no name. */
	if (act->kind == SQL_ACT_FUNCTION && act->name != NULL)
		return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(naming); i++)
		if (naming[i].kind == act->kind &&
		    (naming[i].noun == NULL || strcmp(naming[i].noun, act->type) == 0))
			return &naming[i];
	return NULL;
}

static const char *
name_at(const struct sql_act *act, const struct named *named)
{
	return *(const char *const *)((const char *)act + named->name);
}

/* A name that PostgreSQL chooses is none of the statement's. */
static bool
is_misnamed(const struct asked *asked, const struct sql_act *act)
{
	const struct named *named = find_named(act);
	const struct pattern_list *list;
	const char *name;

	if (named == NULL || (name = name_at(act, named)) == NULL)
		return false;
	list = given_list(asked, named->list);
	for (size_t i = 0; i < list->count; i++)
		if (pattern_fits_name(&list->items[i], name))
			return false;
	return list->count > 0;
}

static void
put_patterns(struct buf *out, const struct pattern_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : " or ", list->items[i].text);
}

static void
why_misnamed(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct named *named = find_named(act);

	buf_printf(out, "The name of %s \"%s\" does not fit ", named->prose, name_at(act, named));
	put_patterns(out, given_list(asked, named->list));
	buf_put_u8(out, '.');
}

static void
safe_misnamed(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	buf_printf(out, "Choose a name for the %s that fits.", find_named(act)->prose);
	(void)asked;
}

/* ---- required-columns ---- */

static bool
is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The column of the table that the act makes, or NULL. */
static const struct sql_act *
find_column(const struct asked *asked, const struct sql_act *table, const char *name)
{
	for (size_t i = 0; i < asked->statement->act_count; i++) {
		const struct sql_act *act = &asked->statement->acts[i];

		if (act->kind == SQL_ACT_NEW_COLUMN && is_same(act->schema, table->schema) &&
		    is_same(act->table, table->table) && is_same(act->name, name))
			return act;
	}
	return NULL;
}

/* Is it there with one of its types? They stand one behind the other in the list. */
static bool
has_column(const struct asked *asked, const struct sql_act *table, const char *name)
{
	const struct pattern_list *list = given_list(asked, GIVEN_COLUMNS);
	const struct sql_act *column = find_column(asked, table, name);

	for (size_t i = 0; column != NULL && i < list->count; i++)
		if (strcmp(list->items[i].column, name) == 0 &&
		    type_fits(list->items[i].name, column->type != NULL ? column->type : ""))
			return true;
	return false;
}

/* The first column that is missing, or of another type. */
static const struct pattern *
missing_column(const struct asked *asked, const struct sql_act *table)
{
	const struct pattern_list *list = given_list(asked, GIVEN_COLUMNS);

	for (size_t i = 0; i < list->count; i++)
		if (!has_column(asked, table, list->items[i].column))
			return &list->items[i];
	return NULL;
}

static bool
lacks_columns(const struct asked *asked, const struct sql_act *act)
{
	return missing_column(asked, act) != NULL;
}

static void
why_columns(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct pattern *missing = missing_column(asked, act);
	const struct sql_act *column = find_column(asked, act, missing->column);
	const struct sql_relation table = { .schema = (char *)act->schema,
		.name = (char *)act->table };

	name_put_prose(out, &table);
	buf_printf(out, " must have a column \"%s\" of type %s", missing->column, missing->text);
	if (column != NULL)
		buf_printf(out, ", not %s",
		    column->type_text != NULL ? column->type_text : column->type);
	buf_put_u8(out, '.');
}

static void
safe_columns(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct pattern *missing = missing_column(asked, act);

	buf_put_text(out, "Write it among the columns, as ");
	name_put(out, missing->column);
	buf_printf(out, " %s.", strcmp(missing->text, "*") == 0 ? "of any type" : missing->text);
}

/* ---- type-list ---- */

/* The type that a column gets, by PostgreSQL's own name; NULL if the act gives none. */
static const char *
type_of(const struct sql_act *act)
{
	if (act->kind != SQL_ACT_ALTER)
		return act->type;
	return strcmp(act->type, "ALTER COLUMN TYPE") == 0 ? act->sql : NULL;
}

static bool
fits_any(const struct pattern_list *list, const char *type)
{
	for (size_t i = 0; i < list->count; i++)
		if (type_fits(list->items[i].name, type))
			return true;
	return false;
}

static bool
is_wrong_type(const struct asked *asked, const struct sql_act *act)
{
	const struct pattern_list *allowed = given_list(asked, GIVEN_ALLOWED);
	const char *type = type_of(act);

	if (type == NULL)
		return false;
	return fits_any(given_list(asked, GIVEN_FORBIDDEN), type) ||
	    (allowed->count > 0 && !fits_any(allowed, type));
}

static void
why_type(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	bool forbidden = fits_any(given_list(asked, GIVEN_FORBIDDEN), type_of(act));

	buf_printf(out, "Type %s of column \"%s\" is %s by this policy.",
	    act->type_text != NULL ? act->type_text : type_of(act),
	    act->name != NULL ? act->name : "?", forbidden ? "forbidden" : "not among those allowed");
}

static void
safe_type(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct pattern_list *allowed = given_list(asked, GIVEN_ALLOWED);

	(void)act;
	if (allowed->count == 0) {
		buf_put_text(out, "Use another type.");
		return;
	}
	buf_put_text(out, "Use one of these types: ");
	for (size_t i = 0; i < allowed->count; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : ", ", allowed->items[i].text);
	buf_put_u8(out, '.');
}

/* ---- required-comment ---- */

static bool
is_about(const struct sql_act *act, const struct sql_act *table)
{
	/* A bare name is the same table as far as a habit goes. */
	return is_same(act->table, table->table) &&
	    (act->schema == NULL || table->schema == NULL || is_same(act->schema, table->schema));
}

/* Does the text say COMMENT ON the table, anywhere behind or before? */
static bool
is_commented_here(const struct asked *asked, const struct sql_act *table)
{
	for (size_t i = 0; i < asked->facts->statement_count; i++) {
		const struct sql_statement *statement = &asked->facts->statements[i];

		for (size_t j = 0; j < statement->act_count; j++)
			if (statement->acts[j].kind == SQL_ACT_COMMENT &&
			    (statement->acts[j].flags & SQL_ACT_GUARDED) == 0 &&
			    is_about(&statement->acts[j], table))
				return true;
	}
	return false;
}

/* In an open transaction the comment may still come: its COMMIT is asked then. */
static bool
may_come(const struct asked *asked)
{
	return !asked->script && asked->transaction != NULL && asked->transaction->open &&
	    transaction_has_room(asked->transaction);
}

static const struct sql_act *
uncommented_table(const struct asked *asked)
{
	const unsigned spared = SQL_ACT_TEMPORARY | SQL_ACT_PARTITION | SQL_ACT_BODY;

	for (size_t i = 0; i < asked->statement->act_count; i++) {
		const struct sql_act *act = &asked->statement->acts[i];

		if (act->kind == SQL_ACT_CREATE_TABLE && (act->flags & spared) == 0 &&
		    !is_commented_here(asked, act) &&
		    !policy_comments_have(asked->comments, act->schema, act->table))
			return act;
	}
	return NULL;
}

static bool
commits_uncommented(const struct asked *asked)
{
	enum sql_transaction does = asked->statement->transaction;

	return (does == SQL_TXN_COMMIT || does == SQL_TXN_PREPARE) && !asked->script &&
	    transaction_has(asked->transaction, NOTED_UNCOMMENTED);
}

static bool
lacks_comment(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return commits_uncommented(asked) ||
	    (uncommented_table(asked) != NULL && !may_come(asked));
}

static void
why_comment(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct sql_act *table = uncommented_table(asked);
	const struct sql_relation relation = { .schema = (char *)(table != NULL ? table->schema : NULL),
		.name = (char *)(table != NULL ? table->table : NULL) };

	(void)act;
	if (table == NULL) {
		buf_put_text(out, "A table that this transaction made has no comment.");
		return;
	}
	name_put_prose(out, &relation);
	buf_put_text(out, " is made without a comment that says what it is for.");
}

static void
safe_comment(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const struct sql_act *table = uncommented_table(asked);
	const struct sql_relation relation = { .schema = (char *)(table != NULL ? table->schema : NULL),
		.name = (char *)(table != NULL ? table->table : NULL) };

	(void)act;
	buf_put_text(out, "Say it in the same message, transaction or file, with COMMENT ON TABLE ");
	if (table != NULL)
		name_put_relation(out, &relation);
	else
		buf_put_u8(out, 't');
	buf_put_text(out, " IS '…'.");
}

#define COLUMNS (KIND(SQL_ACT_NEW_COLUMN) | KIND(SQL_ACT_ADD_COLUMN))

const struct builtin rules_house[] = {
	{ .id = "naming", .pack = PACK, .action = POLICY_WARN, .needs = "", .by_name = true,
	    .given = GIVEN_NAMES,
	    .kinds = COLUMNS | KIND(SQL_ACT_CREATE_TABLE) | KIND(SQL_ACT_CREATE_INDEX) |
		KIND(SQL_ACT_NEW_CONSTRAINT) | KIND(SQL_ACT_ADD_CONSTRAINT) |
		KIND(SQL_ACT_CONSTRAINT_NAME) | KIND(SQL_ACT_CREATE) | KIND(SQL_ACT_FUNCTION) |
		KIND(SQL_ACT_RENAME),
	    .test = is_misnamed, .put_why = why_misnamed, .put_safe = safe_misnamed },
	{ .id = "required-columns", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .by_name = true, .given = GIVEN_REQUIRED, .kinds = KIND(SQL_ACT_CREATE_TABLE),
	    .without = SQL_ACT_TEMPORARY | SQL_ACT_PARTITION | SQL_ACT_LIKE,
	    .test = lacks_columns, .put_why = why_columns, .put_safe = safe_columns },
	{ .id = "required-comment", .pack = PACK, .action = POLICY_WARN, .needs = "",
	    .by_name = true, .test = lacks_comment, .put_why = why_comment,
	    .put_safe = safe_comment },
	{ .id = "type-list", .pack = PACK, .action = POLICY_WARN, .needs = "", .by_name = true,
	    .given = GIVEN_TYPES, .kinds = COLUMNS | KIND(SQL_ACT_ALTER), .test = is_wrong_type,
	    .put_why = why_type, .put_safe = safe_type },
};
const size_t rules_house_count = ARRAY_LENGTH(rules_house);
