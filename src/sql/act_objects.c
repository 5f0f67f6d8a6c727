/*
 * act_objects.c - what a statement does to indexes, types, domains and functions, and
 * which locks it asks for. See include/sql/act.h; the rows are in nodes.c.
 */
#include <pg_query/pg_query.pb-c.h>

#include "handlers.h"
#include "span.h"

/* Field numbers of pg_query.proto. */
enum { RANGE_LOCATION = 7, CONSTRAINT_NAME = 2, CONSTRAINT_LOCATION = 5 };
enum { DEF_NAME = 2, DEF_ARG = 3 };

/* --- indexes, maintenance, locks ------------------------------------------------ */

void
act_create_index(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_CREATE_INDEX);
	struct slice parameters = span_group(
	    facts, tree_value(tree_body(body, 2), RANGE_LOCATION));

	act_name_relation(facts, act, tree_body(body, 2));
	act->name = collect_text(facts, tree_body(body, 1));
	act->sql = collect_text(facts, parameters);
	act->flags |= (tree_value(body, 22) != 0 ? SQL_ACT_CONCURRENTLY : 0) |
		      (tree_value(body, 15) != 0 ? SQL_ACT_UNIQUE : 0) |
		      (tree_value(body, 23) != 0 ? SQL_ACT_GUARDED : 0);
}

void
act_drop(struct collector *facts, const struct context *context, const char *noun,
    struct slice schema, struct slice name, unsigned flags)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_DROP);

	act->type = noun;
	act->schema = collect_text(facts, schema);
	act->table = collect_text(facts, name);
	act->flags |= flags;
}

/* Is the option there, and not turned off? */
static bool
has_option(struct slice body, unsigned field, const char *name)
{
	struct tree_node option;
	bool on = false;

	while (tree_next_child(&body, field, &option)) {
		struct tree_node value = tree_child(option.body, DEF_ARG);

		if (!slice_is(tree_body(option.body, DEF_NAME), name))
			continue;
		on = !slice_is(tree_string(value), "false") &&
		     !slice_is(tree_string(value), "off") &&
		     !(value.type == PG_QUERY__NODE__NODE_INTEGER &&
			 tree_value(value.body, 1) == 0);
	}
	return on;
}

void
handle_reindex(struct collector *facts, struct slice body, struct context *context)
{
	static const char *const nouns[] = { "", "INDEX", "TABLE", "SCHEMA", "SYSTEM",
		"DATABASE" };
	struct sql_act *act = collect_act(facts, context, SQL_ACT_REINDEX);
	uint64_t kind = tree_value(body, 1);

	act_name_relation(facts, act, tree_body(body, 2));
	act->type = kind < sizeof(nouns) / sizeof(nouns[0]) ? nouns[kind] : "";
	act->name = collect_text(facts, tree_body(body, 3));
	if (has_option(body, 4, "concurrently"))
		act->flags |= SQL_ACT_CONCURRENTLY;
}

void
handle_cluster(struct collector *facts, struct slice body, struct context *context)
{
	act_name_relation(facts, collect_act(facts, context, SQL_ACT_CLUSTER), tree_body(body, 1));
}

void
act_vacuum(struct collector *facts, struct slice body, struct context *context)
{
	struct tree_node relation = { 0 };

	if (tree_value(body, 3) == 0 || !has_option(body, 1, "full"))
		return;
	for (struct slice rest = body; tree_next_child(&rest, 2, &relation);)
		act_name_relation(facts, collect_act(facts, context, SQL_ACT_VACUUM_FULL),
		    tree_body(relation.body, 1));
	if (!tree_has(body, 2))
		collect_act(facts, context, SQL_ACT_VACUUM_FULL);
}

void
handle_refresh(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_REFRESH);

	act_name_relation(facts, act, tree_body(body, 3));
	if (tree_value(body, 1) != 0)
		act->flags |= SQL_ACT_CONCURRENTLY;
}

void
handle_lock(struct collector *facts, struct slice body, struct context *context)
{
	struct tree_node range;

	for (struct slice rest = body; tree_next_child(&rest, 1, &range);) {
		struct sql_act *act = collect_act(facts, context, SQL_ACT_LOCK);

		act_name_relation(facts, act, range.body);
		act->number = (int64_t)tree_value(body, 2);
	}
}

void
act_truncate(struct collector *facts, struct slice body, struct context *context)
{
	bool cascade = tree_value(body, 3) == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
	struct tree_node range;

	for (struct slice rest = body; tree_next_child(&rest, 1, &range);) {
		struct sql_act *act = collect_act(facts, context, SQL_ACT_DROP);

		act->type = "ROWS";
		act_name_relation(facts, act, range.body);
		act->flags |= cascade ? SQL_ACT_CASCADE : 0;
	}
}

/* --- types, domains, functions -------------------------------------------------- */

void
handle_create_enum(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_ENUM_TYPE);
	struct slice schema;

	act->table = collect_text(facts, tree_name(body, 1, &schema));
	act->schema = collect_text(facts, schema);
}

void
handle_alter_enum(struct collector *facts, struct slice body, struct context *context)
{
	bool renames = tree_has(body, 2);
	struct sql_act *act =
	    collect_act(facts, context, renames ? SQL_ACT_RENAME : SQL_ACT_ENUM_VALUE);
	struct slice schema;

	act->table = collect_text(facts, tree_name(body, 1, &schema));
	act->schema = collect_text(facts, schema);
	act->type = "VALUE";
	act->name = collect_text(facts, tree_body(body, renames ? 2 : 3));
	if (renames)
		act->other = collect_text(facts, tree_body(body, 3));
	if (tree_has(body, 4))
		act->flags |= SQL_ACT_PLACED;
	if (tree_value(body, 6) != 0)
		act->flags |= SQL_ACT_GUARDED;
}

static void
domain_constraint(struct collector *facts, struct context *context, struct slice domain,
    unsigned field, struct slice constraint)
{
	unsigned flags = act_constraint_flags(constraint);
	struct sql_act *act;
	struct slice schema;

	if ((flags & (SQL_ACT_CHECK | SQL_ACT_NOT_NULL)) == 0)
		return;
	act = collect_act(facts, context, SQL_ACT_DOMAIN_CONSTRAINT);
	act->table = collect_text(facts, tree_name(domain, field, &schema));
	act->schema = collect_text(facts, schema);
	act->flags |= flags;
	act->name = collect_text(facts, tree_body(constraint, CONSTRAINT_NAME));
	act->sql = collect_text(
	    facts, span_group(facts, tree_value(constraint, CONSTRAINT_LOCATION)));
}

void
handle_create_domain(struct collector *facts, struct slice body, struct context *context)
{
	struct tree_node constraint;

	for (struct slice rest = body; tree_next_child(&rest, 4, &constraint);)
		domain_constraint(facts, context, body, 1, constraint.body);
}

/* Of the domain, which is told where others have their table. */
static struct sql_act *
domain_act(
    struct collector *facts, struct context *context, struct slice body, enum sql_act_kind kind)
{
	struct sql_act *act = collect_act(facts, context, kind);
	struct slice schema;

	act->table = collect_text(facts, tree_name(body, 2, &schema));
	act->schema = collect_text(facts, schema);
	return act;
}

void
handle_alter_domain(struct collector *facts, struct slice body, struct context *context)
{
	struct slice subtype = tree_body(body, 1);
	struct tree_node constraint = tree_child(body, 4);

	if (slice_is(subtype, "C"))
		domain_constraint(facts, context, body, 2, constraint.body);
	else if (slice_is(subtype, "O"))
		domain_act(facts, context, body, SQL_ACT_DOMAIN_CONSTRAINT)->flags |=
		    SQL_ACT_NOT_NULL;
	else if (slice_is(subtype, "N"))
		domain_act(facts, context, body, SQL_ACT_ALTER)->type = "DROP NOT NULL";
}

/* One option of CREATE or ALTER FUNCTION. */
static void
function_option(struct collector *facts, struct sql_act *act, struct slice option)
{
	struct slice name = tree_body(option, DEF_NAME);
	struct tree_node arg = tree_child(option, DEF_ARG);

	if (slice_is(name, "language"))
		act->type = collect_text(facts, tree_string(arg));
	else if (slice_is(name, "security") && arg.type == PG_QUERY__NODE__NODE_BOOLEAN &&
		 tree_value(arg.body, 1) != 0)
		act->flags |= SQL_ACT_DEFINER;
	else if (slice_is(name, "set") &&
		 arg.type == PG_QUERY__NODE__NODE_VARIABLE_SET_STMT &&
		 slice_is(tree_body(arg.body, 2), "search_path"))
		act->flags |= SQL_ACT_PATH_PINNED;
}

void
act_function(struct collector *facts, struct slice body, unsigned name, unsigned options,
    struct context *context)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_FUNCTION);
	struct tree_node option;
	struct slice schema;

	act->table = collect_text(facts, tree_name(body, name, &schema));
	act->schema = collect_text(facts, schema);
	for (struct slice rest = body; tree_next_child(&rest, options, &option);)
		function_option(facts, act, option.body);
}

void
handle_alter_function(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_FUNCTION);
	struct tree_node option;
	struct slice schema;

	act->name = "ALTER";
	act->table = collect_text(facts, tree_name(tree_body(body, 2), 1, &schema));
	act->schema = collect_text(facts, schema);
	for (struct slice rest = body; tree_next_child(&rest, 3, &option);)
		function_option(facts, act, option.body);
}

void
handle_extension(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_EXTENSION);

	act->name = collect_text(facts, tree_body(body, 1));
}

void
handle_create_extension(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_EXTENSION);

	act->name = collect_text(facts, tree_body(body, 1));
	if (has_option(body, 3, "cascade"))
		act->flags |= SQL_ACT_CASCADE;
}

void
handle_create_schema(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_CREATE);

	act->type = "SCHEMA";
	act->name = collect_text(facts, tree_body(body, 1));
	if (tree_value(body, 4) != 0)
		act->flags |= SQL_ACT_GUARDED;
}

void
act_comment(struct collector *facts, struct context *context, const char *noun,
    struct tree_node list, bool given)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_COMMENT);
	struct slice schema;

	act->type = noun;
	act->table = collect_text(facts, tree_name(list.body, 1, &schema));
	act->schema = collect_text(facts, schema);
	act->flags |= given ? 0 : SQL_ACT_GUARDED;
}
