/*
 * acts.c - what a statement does to tables, columns and constraints. See
 * include/sql/act.h; the rows are in nodes.c, other objects in act_objects.c.
 */
#include <string.h>

#include <pg_query/pg_query.pb-c.h>

#include "constant.h"
#include "handlers.h"
#include "span.h"

/* Field numbers of pg_query.proto. */
enum { RANGE_SCHEMA = 2, RANGE_NAME = 3, RANGE_PERSISTENCE = 5, RANGE_LOCATION = 7 };
enum {
	COLUMN_NAME = 1,
	COLUMN_TYPE = 2,
	COLUMN_USING = 9,
	COLUMN_COLLATE = 14,
	COLUMN_LOCATION = 18,
	TYPE_NAMES = 1,
	TYPE_MODIFIERS = 5,
	TYPE_BOUNDS = 7,
	TYPE_LOCATION = 8,
};
enum {
	CONSTRAINT_TYPE = 1,
	CONSTRAINT_NAME = 2,
	CONSTRAINT_LOCATION = 5,
	CONSTRAINT_EXPRESSION = 7,
	CONSTRAINT_INDEX = 15,
	CONSTRAINT_KEYS = 11,
	CONSTRAINT_PARENT = 20,
	CONSTRAINT_FOREIGN_KEYS = 21,
	CONSTRAINT_ON_DELETE = 25,
	CONSTRAINT_NOT_VALID = 29,
};
enum { PARTITION_BOUND = 2 };
enum { COMMAND_TYPE = 1, COMMAND_NAME = 2, COMMAND_DEF = 5, COMMAND_BEHAVIOR = 6,
	COMMAND_MISSING_OK = 7 };

void
act_name_relation(struct collector *facts, struct sql_act *act, struct slice range)
{
	act->schema = collect_text(facts, tree_body(range, RANGE_SCHEMA));
	act->table = collect_text(facts, tree_body(range, RANGE_NAME));
}

static void
place(const struct collector *facts, struct sql_act *act, struct slice span)
{
	if (span.length == 0)
		return;
	act->start = (int)(span.bytes - facts->text.bytes) + facts->statement->location;
	act->length = (int)span.length;
}

static bool
is_temporary(struct slice range)
{
	struct slice schema = tree_body(range, RANGE_SCHEMA);

	return slice_is(tree_body(range, RANGE_PERSISTENCE), "t") ||
	       (schema.length >= 7 && memcmp(schema.bytes, "pg_temp", 7) == 0);
}

static const struct target *
add_target(struct collector *facts, struct target target)
{
	struct target *kept = arena_zalloc(facts->arena, 1, sizeof(*kept));

	*kept = target;
	return kept;
}

const struct target *
act_target(struct collector *facts, struct slice range, bool creating)
{
	return add_target(facts, (struct target){ .schema = tree_body(range, RANGE_SCHEMA),
				     .name = tree_body(range, RANGE_NAME),
				     .creating = creating });
}

/* --- tables ------------------------------------------------------------------ */

void
act_create_table(struct collector *facts, struct slice body, struct context *context)
{
	struct slice range = tree_body(body, 1);
	struct target target = { .schema = tree_body(range, RANGE_SCHEMA),
		.name = tree_body(range, RANGE_NAME),
		.creating = true };
	struct tree_node element;
	struct sql_act *act;

	context->target = add_target(facts, target);
	act = collect_act(facts, context, SQL_ACT_CREATE_TABLE);
	if (is_temporary(range))
		act->flags |= SQL_ACT_TEMPORARY;
	if (tree_value(body, 12) != 0)
		act->flags |= SQL_ACT_GUARDED;
	if (tree_has(body, 3) || tree_has(body, 4) || tree_has(body, 6))
		act->flags |= SQL_ACT_PARTITION;
	for (struct slice rest = body; tree_next_child(&rest, 2, &element);)
		if (element.type == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)
			act->flags |= SQL_ACT_PRIMARY | SQL_ACT_LIKE; /* may bring its key along */
	target.table = context->named_only ? 0 : facts->statement->act_count;
	context->target = add_target(facts, target);
}

void
act_create_as(struct collector *facts, struct slice into, struct context *context)
{
	struct slice range = tree_body(into, 1);
	struct sql_act *act = collect_act(facts, context, SQL_ACT_CREATE_TABLE);

	act_name_relation(facts, act, range);
	act->flags |= SQL_ACT_AS_QUERY | (is_temporary(range) ? SQL_ACT_TEMPORARY : 0);
}

void
act_create(struct collector *facts, struct context *context, const char *noun,
    struct slice range, bool guarded)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_CREATE);

	act->type = noun;
	act_name_relation(facts, act, range);
	act->flags |= (guarded ? SQL_ACT_GUARDED : 0) |
		      (is_temporary(range) ? SQL_ACT_TEMPORARY : 0);
}

/* --- columns ----------------------------------------------------------------- */

static bool
is_serial(struct slice type)
{
	static const char *const names[] = { "serial", "serial2", "serial4", "serial8",
		"smallserial", "bigserial" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_is(type, names[i]))
			return true;
	return false;
}

/* Up to two whole numbers behind a type; anything else makes it odd. */
static void
tell_modifiers(struct sql_act *act, struct slice type)
{
	struct tree_node node;

	for (struct slice rest = type; tree_next_child(&rest, TYPE_MODIFIERS, &node);) {
		struct constant constant = constant_of(node);

		if (constant.kind != CONSTANT_INTEGER || act->modifier_count == 2 ||
		    constant.integer < 0 || constant.integer > INT32_MAX - 4) {
			act->flags |= SQL_ACT_ODD_TYPE;
			return;
		}
		act->modifiers[act->modifier_count++] = (int32_t)constant.integer;
	}
}

/* The names of a list, in the facts' memory. */
static void
tell_keys(struct collector *facts, struct sql_act *act, struct slice body, unsigned field)
{
	size_t count = tree_count(body, field);
	const char **keys = arena_zalloc(facts->arena, count, sizeof(*keys));
	struct tree_node node;
	size_t i = 0;

	for (struct slice rest = body; i < count && tree_next_child(&rest, field, &node); i++) {
		keys[i] = collect_text(facts, tree_string(node));
		if (keys[i] == NULL)
			return;
	}
	act->keys = keys;
	act->key_count = i;
}

static void
tell_type(struct collector *facts, struct sql_act *act, struct slice column)
{
	struct slice type = tree_body(column, COLUMN_TYPE);
	struct slice schema = { NULL, 0 };
	struct slice name = tree_name(type, TYPE_NAMES, &schema);

	act->type = collect_text(facts, name);
	act->type_text = collect_text(facts, span_type(facts, tree_value(type, TYPE_LOCATION)));
	if (tree_has(type, TYPE_MODIFIERS))
		act->flags |= SQL_ACT_LENGTH;
	if (tree_has(type, TYPE_BOUNDS) || (schema.length > 0 && !slice_is(schema, "pg_catalog")))
		act->flags |= SQL_ACT_ODD_TYPE;
	tell_modifiers(act, type);
	if (is_serial(name))
		act->flags |= SQL_ACT_SERIAL;
}

void
handle_column(struct collector *facts, struct slice body, struct context *context)
{
	struct target target;
	struct sql_act *act;

	if (context->target == NULL || !tree_has(body, COLUMN_NAME))
		return;
	target = *context->target;
	if (!target.creating &&
	    target.command != PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn)
		return;
	act = collect_act(
	    facts, context, target.creating ? SQL_ACT_NEW_COLUMN : SQL_ACT_ADD_COLUMN);
	act->name = collect_text(facts, tree_body(body, COLUMN_NAME));
	act->flags |= target.guarded ? SQL_ACT_GUARDED : 0;
	tell_type(facts, act, body);
	place(facts, act, span_element(facts, tree_value(body, COLUMN_LOCATION)));
	target.column = context->named_only ? 0 : facts->statement->act_count;
	context->target = add_target(facts, target);
}

/* --- constraints -------------------------------------------------------------- */

unsigned
act_constraint_flags(struct slice body)
{
	unsigned flags = 0;

	switch (tree_value(body, CONSTRAINT_TYPE)) {
	case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
		return SQL_ACT_NOT_NULL;
	case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
		return SQL_ACT_IDENTITY;
	case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
		return SQL_ACT_STORED;
	case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
		flags = SQL_ACT_CHECK;
		break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
		flags = SQL_ACT_PRIMARY;
		break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
		flags = SQL_ACT_UNIQUE;
		break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION:
		flags = SQL_ACT_EXCLUSION;
		break;
	case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
		flags = SQL_ACT_FOREIGN;
		if (slice_is(tree_body(body, CONSTRAINT_ON_DELETE), "c"))
			flags |= SQL_ACT_DELETE_CASCADE;
		break;
	}
	if (tree_value(body, CONSTRAINT_NOT_VALID) != 0)
		flags |= SQL_ACT_NOT_VALID;
	if (tree_has(body, CONSTRAINT_INDEX))
		flags |= SQL_ACT_USING_INDEX;
	return flags;
}

/* What a hint repeats of a constraint: its columns, or the table it points to. */
static char *
constraint_sql(struct collector *facts, struct slice body, unsigned flags)
{
	uint64_t at = tree_value(body, CONSTRAINT_LOCATION);
	struct slice parent = tree_body(body, CONSTRAINT_PARENT);
	struct slice span = { NULL, 0 };

	if ((flags & SQL_ACT_FOREIGN) != 0)
		span = span_reference(facts, tree_value(parent, RANGE_LOCATION));
	else if ((flags & (SQL_ACT_PRIMARY | SQL_ACT_UNIQUE | SQL_ACT_CHECK | SQL_ACT_STORED)) !=
		 0)
		span = span_group(facts, at);
	return collect_text(facts, span);
}

static void
tell_parent(struct collector *facts, struct sql_act *act, struct slice body)
{
	struct slice parent = tree_body(body, CONSTRAINT_PARENT);

	act->other_schema = collect_text(facts, tree_body(parent, RANGE_SCHEMA));
	act->other = collect_text(facts, tree_body(parent, RANGE_NAME));
}

/* A default of NULL is none. */
static void
tell_default(struct collector *facts, struct slice body, struct context *context,
    struct sql_act *act)
{
	struct tree_node value = tree_child(body, CONSTRAINT_EXPRESSION);
	struct target target = *context->target;

	if (value.type == PG_QUERY__NODE__NODE_A_CONST && tree_value(value.body, 10) != 0)
		return;
	act->flags |= SQL_ACT_DEFAULT;
	act->value = collect_text(
	    facts, span_default(facts, tree_value(body, CONSTRAINT_LOCATION)));
	target.in_default = true;
	context->target = add_target(facts, target);
}

static void
column_constraint(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_act *act = &facts->statement->acts[context->target->column - 1];
	unsigned flags = act_constraint_flags(body);
	char *name = collect_text(facts, tree_body(body, CONSTRAINT_NAME));

	if (tree_value(body, CONSTRAINT_TYPE) == PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT) {
		tell_default(facts, body, context, act);
		return;
	}
	act->flags |= flags;
	if ((flags & SQL_ACT_FOREIGN) != 0)
		tell_parent(facts, act, body);
	if ((flags & (SQL_ACT_FOREIGN | SQL_ACT_CHECK | SQL_ACT_STORED)) != 0)
		act->sql = constraint_sql(facts, body, flags);
	if (name != NULL)
		collect_act(facts, context, SQL_ACT_CONSTRAINT_NAME)->name = name;
}

static void
table_constraint(struct collector *facts, struct slice body, struct context *context)
{
	unsigned flags = act_constraint_flags(body);
	struct sql_act *act = collect_act(facts, context,
	    context->target->creating ? SQL_ACT_NEW_CONSTRAINT : SQL_ACT_ADD_CONSTRAINT);

	act->flags |= flags;
	act->name = collect_text(facts, tree_body(body, CONSTRAINT_NAME));
	act->sql = constraint_sql(facts, body, flags);
	place(facts, act, span_element(facts, tree_value(body, CONSTRAINT_LOCATION)));
	tell_keys(facts, act, body,
	    (flags & SQL_ACT_FOREIGN) != 0 ? CONSTRAINT_FOREIGN_KEYS : CONSTRAINT_KEYS);
	if ((flags & SQL_ACT_FOREIGN) != 0)
		tell_parent(facts, act, body);
	if ((flags & SQL_ACT_USING_INDEX) != 0)
		act->other = collect_text(facts, tree_body(body, CONSTRAINT_INDEX));
}

void
handle_constraint(struct collector *facts, struct slice body, struct context *context)
{
	const struct target *target = context->target;

	if (target == NULL || context->named_only)
		return;
	if (target->table != 0 &&
	    tree_value(body, CONSTRAINT_TYPE) == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY)
		facts->statement->acts[target->table - 1].flags |= SQL_ACT_PRIMARY;
	if (target->column != 0)
		column_constraint(facts, body, context);
	else if (target->creating ||
		 target->command == PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint)
		table_constraint(facts, body, context);
}

/*
 * Functions of which a default is evaluated once for all rows (they are stable or
 * immutable). Any other makes PostgreSQL write every row anew, or might.
 */
void
act_called(struct collector *facts, struct slice name, const struct context *context)
{
	static const char *const steady[] = { "now", "transaction_timestamp",
		"statement_timestamp", "timezone", "date_trunc", "make_date", "make_interval",
		"make_timestamp", "make_timestamptz", "to_date", "to_timestamp", "to_char",
		"lower", "upper", "md5", "concat", "length", "current_setting", "array_fill",
		"json_build_object", "jsonb_build_object", "json_build_array",
		"jsonb_build_array", "to_json", "to_jsonb", "int4range", "int8range",
		"tstzrange", "daterange", "decode", "encode", "abs", "floor", "ceil", "round",
		"date_part", "extract", "current_database", "current_schema", "version" };
	const struct target *target = context->target;

	if (target == NULL || !target->in_default || target->column == 0)
		return;
	for (size_t i = 0; i < sizeof(steady) / sizeof(steady[0]); i++)
		if (slice_is(name, steady[i]))
			return;
	facts->statement->acts[target->column - 1].flags |= SQL_ACT_VOLATILE;
}

/* --- ALTER TABLE --------------------------------------------------------------- */

/* Commands that rules ask for, by their type. Others are ALTER acts without a name. */
static const struct {
	uint64_t command;
	const char *words;
} commands[] = {
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn, "DROP COLUMN" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull, "DROP NOT NULL" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull, "SET NOT NULL" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType, "ALTER COLUMN TYPE" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint, "VALIDATE CONSTRAINT" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint, "DROP CONSTRAINT" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition, "ATTACH PARTITION" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition, "DETACH PARTITION" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetTableSpace, "SET TABLESPACE" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetAccessMethod, "SET ACCESS METHOD" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetLogged, "SET LOGGED" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetUnLogged, "SET UNLOGGED" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_GenericOptions, "OPTIONS" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnGenericOptions, "OPTIONS" },
};

static const char *
command_words(uint64_t command)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].command == command)
			return commands[i].words;
	return "";
}

/* ALTER TYPE … DROP ATTRIBUTE … CASCADE takes a column from each table of the type. */
static void
drop_attribute(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_act *act;

	if (tree_value(body, COMMAND_TYPE) != PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn ||
	    tree_value(body, COMMAND_BEHAVIOR) != PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
		return;
	act = collect_act(facts, context, SQL_ACT_ALTER);
	act->type = "DROP ATTRIBUTE";
	act->flags |= SQL_ACT_CASCADE;
}

void
act_alter_command(struct collector *facts, struct slice body, struct context *context)
{
	struct tree_node def = tree_child(body, COMMAND_DEF);
	struct target target;
	struct sql_act *act;

	if (context->target == NULL) {
		drop_attribute(facts, body, context);
		return;
	}
	target = *context->target;
	target.command = tree_value(body, COMMAND_TYPE);
	target.guarded = tree_value(body, COMMAND_MISSING_OK) != 0;
	target.subject = tree_body(body, COMMAND_NAME);
	context->target = add_target(facts, target);
	if (target.command == PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn ||
	    target.command == PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint)
		return; /* told at the column, at the constraint */
	act = collect_act(facts, context, SQL_ACT_ALTER);
	act->type = command_words(target.command);
	act->name = collect_text(facts, target.subject);
	if (target.guarded)
		act->flags |= SQL_ACT_GUARDED;
	if (tree_value(body, COMMAND_BEHAVIOR) == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
		act->flags |= SQL_ACT_CASCADE;
	if (def.type == PG_QUERY__NODE__NODE_PARTITION_CMD)
		act_partition(facts, act, def.body);
	if (target.command == PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition &&
	    !tree_has(def.body, PARTITION_BOUND))
		act->type = ""; /* of an index: nothing is read */
	if (def.type == PG_QUERY__NODE__NODE_COLUMN_DEF) {
		const char *words = act->type;

		tell_type(facts, act, def.body);
		act->sql = act->type; /* the new type's own name */
		act->type = words;
		if (tree_has(def.body, COLUMN_USING))
			act->flags |= SQL_ACT_USING;
		if (tree_has(def.body, COLUMN_COLLATE))
			act->flags |= SQL_ACT_COLLATE;
	}
}

void
act_rename(struct collector *facts, struct context *context, const char *noun,
    struct slice range, struct slice from, struct slice to)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_RENAME);

	act->type = noun;
	act_name_relation(facts, act, range);
	act->name = collect_text(facts, from);
	act->other = collect_text(facts, to);
}

void
act_set_schema(
    struct collector *facts, struct context *context, const char *noun, struct slice body)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_SET_SCHEMA);

	act->type = noun;
	act_name_relation(facts, act, tree_body(body, 2));
	act->other = collect_text(facts, tree_body(body, 4));
}

void
handle_move_all(struct collector *facts, struct slice body, struct context *context)
{
	collect_act(facts, context, SQL_ACT_ALTER)->type = "SET TABLESPACE";
	(void)body;
}
