/* query.c - facts of SELECT, INSERT, UPDATE, DELETE, MERGE and what they are made of. */
#include <string.h>

#include <pg_query/pg_query.pb-c.h>

#include "constant.h"
#include "fold.h"
#include "handlers.h"

/* Field numbers of pg_query.proto. */
enum { RANGE_SCHEMA = 2, RANGE_NAME = 3, RANGE_PERSISTENCE = 5, RANGE_ALIAS = 6 };
enum {
	SELECT_INTO = 2,
	SELECT_TARGETS = 3,
	SELECT_FROM = 4,
	SELECT_WHERE = 5,
	SELECT_VALUES = 10,
	SELECT_WITH = 16,
	SELECT_OPERATION = 17,
};
enum {
	INSERT_RELATION = 1,
	INSERT_ON_CONFLICT = 4,
	INSERT_RETURNING = 5,
	INSERT_WITH = 6
};
enum { DELETE_RELATION = 1, DELETE_WHERE = 3, DELETE_RETURNING = 4, DELETE_WITH = 5 };
enum {
	UPDATE_RELATION = 1,
	UPDATE_TARGETS = 2,
	UPDATE_WHERE = 3,
	UPDATE_RETURNING = 5,
	UPDATE_WITH = 6
};
enum { MERGE_RELATION = 1, MERGE_CONDITION = 3, MERGE_WHENS = 4, MERGE_WITH = 5 };
enum { WHEN_COMMAND = 2, WHEN_CONDITION = 4 };
enum { WITH_CTES = 1, WITH_RECURSIVE = 2, CTE_NAME = 1, CTE_QUERY = 4 };
enum { INTO_ON_COMMIT = 5, CONFLICT_TARGETS = 3 };

static const struct cte *
add_cte(struct collector *facts, const struct cte *outer, struct slice body)
{
	struct cte *cte = arena_zalloc(facts->arena, 1, sizeof(*cte));

	*cte = (struct cte){ .outer = outer,
		.name = tree_body(body, CTE_NAME),
		.query = tree_child(body, CTE_QUERY) };
	return cte;
}

const struct cte *
handle_cte_seen(struct collector *facts, const struct cte *known, struct tree_node node)
{
	if (node.type != PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR)
		return known;
	return add_cte(facts, known, node.body);
}

/* All names of a WITH clause, and those known outside of it. */
static const struct cte *
all_ctes(struct collector *facts, const struct cte *outer, struct slice with)
{
	struct tree_node node;

	while (tree_next_child(&with, WITH_CTES, &node))
		outer = handle_cte_seen(facts, outer, node);
	return outer;
}

/* The statement of a WITH sees all its names; the clause itself is walked apart. */
static void
know_ctes(
    struct collector *facts, struct slice body, unsigned field, struct context *context)
{
	context->ctes = all_ctes(facts, context->ctes, tree_body(body, field));
}

void
handle_with(struct collector *facts, struct slice body, struct context *context)
{
	if (tree_value(body, WITH_RECURSIVE) != 0)
		context->ctes = all_ctes(facts, context->ctes, body);
}

static bool
is_cte(const struct cte *cte, struct slice name)
{
	for (; cte != NULL; cte = cte->outer)
		if (slices_are_equal(cte->name, name))
			return true;
	return false;
}

static bool
is_temporary(struct slice body)
{
	struct slice schema = tree_body(body, RANGE_SCHEMA);

	return slice_is(tree_body(body, RANGE_PERSISTENCE), "t") ||
	       (schema.length >= 7 && memcmp(schema.bytes, "pg_temp", 7) == 0);
}

void
handle_range_var(struct collector *facts, struct slice body, struct context *context)
{
	struct slice schema = tree_body(body, RANGE_SCHEMA);
	struct slice name = tree_body(body, RANGE_NAME);

	if (tree_has(body, RANGE_ALIAS))
		handle_alias(facts, tree_body(body, RANGE_ALIAS), context);
	/* What is written or made is never a name of WITH. */
	if (context->access == SQL_ACCESS_READ && schema.length == 0 &&
	    is_cte(context->ctes, name))
		return;
	collect_relation(facts, schema, name, context->access);
	collect_row_name(facts, name);
	if ((context->access & SQL_ACCESS_DDL) != 0 && !context->dropped_at_commit &&
	    is_temporary(body))
		collect_residue(facts, context, SQL_RESIDUE_TEMP);
	/* It is a view whose rule calls set_config() for each row. */
	if ((context->access & SQL_ACCESS_WRITE) != 0 && slice_is(name, "pg_settings")) {
		collect_setting_name(facts, slice_of(""));
		collect_residue(facts, context, SQL_RESIDUE_SETTING);
	}
}

/*
 * Is every column of the SELECT a constant or set_config(), so that it returns
 * exactly one row whatever the data?
 */
static bool
is_plain_call(struct slice body)
{
	struct tree_field field;
	bool plain = true;

	for (struct slice rest = body; plain && tree_next(&rest, &field);) {
		struct tree_node value;

		if (field.number != SELECT_TARGETS) {
			/* What else may be there are enums that say "nothing special". */
			plain = !field.has_body;
			continue;
		}
		value = tree_child(tree_node(field.body).body, 3);
		plain = value.type == PG_QUERY__NODE__NODE_A_CONST ||
			(value.type == PG_QUERY__NODE__NODE_FUNC_CALL &&
			    slice_is(tree_name(value.body, 1, NULL), "set_config"));
	}
	return plain &&
	       tree_value(body, SELECT_OPERATION) == PG_QUERY__SET_OPERATION__SETOP_NONE;
}

/*
 * The constant in a WHERE that is `name = 'constant'` and no more. pg_dump sets a setting
 * only where the server has it: set_config(name, …) FROM pg_settings WHERE name = '…'.
 */
static struct slice
name_of_where(struct slice body)
{
	const struct slice none = { NULL, 0 };
	struct tree_node where = tree_child(body, SELECT_WHERE);
	struct tree_node left = tree_child(where.body, 3);
	struct constant right;

	/* A join's own conditions may run before the WHERE. */
	if (tree_child(body, SELECT_FROM).type != PG_QUERY__NODE__NODE_RANGE_VAR ||
	    where.type != PG_QUERY__NODE__NODE_A_EXPR ||
	    tree_value(where.body, 1) != PG_QUERY__A__EXPR__KIND__AEXPR_OP ||
	    tree_count(where.body, 2) != 1 || tree_count(body, SELECT_FROM) != 1 ||
	    !slice_is(tree_name(where.body, 2, NULL), "=") ||
	    left.type != PG_QUERY__NODE__NODE_COLUMN_REF || tree_count(left.body, 1) != 1 ||
	    !slice_is(tree_name(left.body, 1, NULL), "name"))
		return none;
	right = constant_of(tree_child(where.body, 4));
	return right.kind == CONSTANT_STRING ? right.text : none;
}

void
handle_select(struct collector *facts, struct slice body, struct context *context)
{
	bool values = tree_has(body, SELECT_VALUES);

	context->name_is = name_of_where(body);
	context->once = context->top && is_plain_call(body);
	know_ctes(facts, body, SELECT_WITH, context);
	/* The rows of INSERT … VALUES are no reading. */
	if (values && !context->top)
		return;
	if (tree_has(body, SELECT_INTO))
		collect_verb(facts, "SELECT INTO");
	collect_verb(facts, "SELECT");
	collect_classes(facts, context, SQL_READ);
	reads_select(facts, body, context);
	reads_sorted(facts, body, context);
}

/* The target is named with what RETURNING shows of it. */
static void
collect_target(struct collector *facts, struct slice body, unsigned relation, bool shows,
    struct context *context)
{
	struct slice target = tree_body(body, relation);

	if (!shows)
		return;
	collect_classes(facts, context, SQL_READ);
	collect_relation(facts, tree_body(target, RANGE_SCHEMA),
	    tree_body(target, RANGE_NAME), SQL_ACCESS_READ);
}

void
handle_insert(struct collector *facts, struct slice body, struct context *context)
{
	bool shows =
	    tree_has(body, INSERT_RETURNING) && tree_has(body, INSERT_ON_CONFLICT);

	know_ctes(facts, body, INSERT_WITH, context);
	/* Without ON CONFLICT the rows returned are the ones the client sent. */
	collect_target(facts, body, INSERT_RELATION, shows, context);
	reads_insert(facts, body, context);
	reads_uncounted(facts, context);
}

static struct slice
target_name(struct slice body, unsigned relation)
{
	return tree_body(tree_body(body, relation), RANGE_NAME);
}

static enum sql_where
where_of(struct slice body, unsigned field, const struct context *context)
{
	struct tree_node where = tree_child(body, field);

	if (where.type == 0)
		return SQL_WHERE_ABSENT;
	return fold_is_tautology(where, context->ctes) ? SQL_WHERE_TAUTOLOGY : SQL_WHERE_PRESENT;
}

void
handle_update(struct collector *facts, struct slice body, struct context *context)
{
	know_ctes(facts, body, UPDATE_WITH, context);
	collect_target(
	    facts, body, UPDATE_RELATION, tree_has(body, UPDATE_RETURNING), context);
	collect_where(facts, context, where_of(body, UPDATE_WHERE, context),
	    target_name(body, UPDATE_RELATION));
	reads_assignments(facts, body, UPDATE_TARGETS, context);
	reads_uncounted(facts, context);
}

void
handle_delete(struct collector *facts, struct slice body, struct context *context)
{
	know_ctes(facts, body, DELETE_WITH, context);
	collect_target(
	    facts, body, DELETE_RELATION, tree_has(body, DELETE_RETURNING), context);
	collect_where(facts, context, where_of(body, DELETE_WHERE, context),
	    target_name(body, DELETE_RELATION));
	reads_uncounted(facts, context);
}

static bool
changes_rows(uint64_t command)
{
	return command == PG_QUERY__CMD_TYPE__CMD_UPDATE ||
	       command == PG_QUERY__CMD_TYPE__CMD_DELETE;
}

/* MERGE holds back rows by its ON and by the AND of the branch that changes them. */
void
handle_merge(struct collector *facts, struct slice body, struct context *context)
{
	struct tree_node condition = tree_child(body, MERGE_CONDITION);
	struct tree_node when;
	bool all_match;

	know_ctes(facts, body, MERGE_WITH, context);
	all_match = condition.type != 0 && fold_is_tautology(condition, context->ctes);
	reads_uncounted(facts, context);
	for (struct slice rest = body; tree_next_child(&rest, MERGE_WHENS, &when);) {
		enum sql_where where = SQL_WHERE_PRESENT;

		if (!changes_rows(tree_value(when.body, WHEN_COMMAND)))
			continue;
		if (all_match &&
		    where_of(when.body, WHEN_CONDITION, context) != SQL_WHERE_PRESENT)
			where = SQL_WHERE_TAUTOLOGY;
		collect_where(facts, context, where, target_name(body, MERGE_RELATION));
	}
}

void
handle_merge_when(struct collector *facts, struct slice body, struct context *context)
{
	static const char *const verbs[] = {
		[PG_QUERY__CMD_TYPE__CMD_UPDATE] = "UPDATE",
		[PG_QUERY__CMD_TYPE__CMD_INSERT] = "INSERT",
		[PG_QUERY__CMD_TYPE__CMD_DELETE] = "DELETE",
	};
	uint64_t command = tree_value(body, WHEN_COMMAND);

	if (command < sizeof(verbs) / sizeof(verbs[0]) && verbs[command] != NULL)
		collect_verb(facts, verbs[command]);
	(void)context;
}

void
handle_on_conflict(struct collector *facts, struct slice body, struct context *context)
{
	if (tree_value(body, 1) != PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE)
		return;
	collect_verb(facts, "UPDATE");
	reads_assignments(facts, body, CONFLICT_TARGETS, context);
}

void
handle_into(struct collector *facts, struct slice body, struct context *context)
{
	context->dropped_at_commit =
	    tree_value(body, INTO_ON_COMMIT) == PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_DROP;
	if (context->access == SQL_ACCESS_READ && !context->into_told)
		act_create_as(facts, body, context);
}

/* The sampling method is a function. */
void
handle_table_sample(struct collector *facts, struct slice body, struct context *context)
{
	collect_function(facts, tree_name(body, 2, NULL));
	(void)context;
}
