/*
 * reads.c - facts for rules of dml-safety: which columns, how many rows, what no
 * index can serve.
 */
#include <limits.h>
#include <string.h>

#include <pg_query/pg_query.pb-c.h>

#include "constant.h"
#include "fold.h"
#include "handlers.h"

enum {
	SELECT_TARGETS = 3,
	SELECT_FROM = 4,
	SELECT_WHERE = 5,
	SELECT_GROUP = 6,
	SELECT_VALUES = 10,
	SELECT_SORT = 11,
	SELECT_LIMIT = 13,
	SELECT_OPERATION = 17,
	SELECT_LEFT = 19,
};
enum { CONST_LOCATION = 11, CAST_ARG = 1, INDIRECTION_PARTS = 2 };
enum { TARGET_NAME = 1, TARGET_VALUE = 3, COLUMN_FIELDS = 1, CALL_NAME = 1, CALL_ARGS = 2 };
enum { EXPRESSION_NAME = 2, ARRAY_ELEMENTS = 1, SUB_LINK_OPERATOR = 5, SORT_BY = 1, SORT_OPERATOR = 4 };
enum { COALESCE_ARGS = 4, SORTS_MOST = 16 /* looked at: each looks at every target */ };

static bool
is_star(struct tree_node value)
{
	struct tree_node field = { 0 };
	bool star = false;

	/* t.*, and (t).* */
	if (value.type != PG_QUERY__NODE__NODE_COLUMN_REF &&
	    value.type != PG_QUERY__NODE__NODE_A_INDIRECTION)
		return false;
	while (tree_next_child(&value.body,
	    value.type == PG_QUERY__NODE__NODE_COLUMN_REF ? COLUMN_FIELDS : INDIRECTION_PARTS,
	    &field))
		star = field.type == PG_QUERY__NODE__NODE_A_STAR;
	return star;
}

/* A call that makes one row of many. */
static bool
is_aggregate(struct tree_node value)
{
	static const char *const names[] = { "count", "sum", "min", "max", "avg", "bool_and",
		"bool_or", "every" };
	struct slice name;

	if (value.type != PG_QUERY__NODE__NODE_FUNC_CALL || tree_has(value.body, 5))
		return false;
	name = tree_name(value.body, CALL_NAME, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_is(name, names[i]))
			return true;
	return false;
}

/* Is the answer one row, whatever the data? */
static bool
is_one_row(struct slice body)
{
	struct tree_node target;
	bool all = tree_has(body, SELECT_TARGETS) && !tree_has(body, SELECT_GROUP);

	for (struct slice rest = body; all && tree_next_child(&rest, SELECT_TARGETS, &target);)
		all = is_aggregate(tree_child(target.body, TARGET_VALUE));
	return all;
}

/* Does the FROM name a relation, a subquery, a join: more than functions? */
static bool
has_relations(struct slice body)
{
	struct tree_node item;

	for (struct slice rest = body; tree_next_child(&rest, SELECT_FROM, &item);)
		if (item.type != PG_QUERY__NODE__NODE_RANGE_FUNCTION)
			return true;
	return false;
}

static bool
has_limit(struct slice body, const struct context *context)
{
	struct tree_node limit = tree_child(body, SELECT_LIMIT);

	while (limit.type == PG_QUERY__NODE__NODE_TYPE_CAST)
		limit = tree_child(limit.body, CAST_ARG);
	/* LIMIT ALL and LIMIT NULL are none, nor is NULL::bigint or NULLIF(1, 1). */
	switch (limit.type) {
	case 0:
		return false;
	case PG_QUERY__NODE__NODE_PARAM_REF:
		return true;
	case PG_QUERY__NODE__NODE_A_CONST:
		return constant_of(limit).kind != CONSTANT_NULL;
	default:
		return !fold_is_null(limit, context->ctes);
	}
}

/* Where the literal of the LIMIT stands, so that who asks can read it: see facts.h. */
static int
limit_location(const struct collector *facts, struct slice body)
{
	struct tree_node limit = tree_child(body, SELECT_LIMIT);
	uint64_t location;

	if (limit.type == PG_QUERY__NODE__NODE_PARAM_REF)
		return 0;
	location = tree_value(limit.body, CONST_LOCATION);
	if (limit.type != PG_QUERY__NODE__NODE_A_CONST || facts->in_body || location == 0 ||
	    location > INT_MAX)
		return -1;
	return (int)location;
}

void
reads_select(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_statement *statement = facts->statement;
	bool set = tree_value(body, SELECT_OPERATION) > PG_QUERY__SET_OPERATION__SETOP_NONE;
	struct tree_node target;
	bool tables, limited;

	for (struct slice rest = body; tree_next_child(&rest, SELECT_TARGETS, &target);)
		if (is_star(tree_child(target.body, TARGET_VALUE)) && !context->exists &&
		    !context->named_only)
			statement->selects_star = true;
	if (!context->outermost || context->named_only)
		return;
	tables = set || has_relations(body);
	statement->reads_tables |= tables;
	limited = has_limit(body, context);
	if (tables && limited)
		statement->limit_location = limit_location(facts, body);
	statement->reads_unlimited |= tables && !limited && (set || !is_one_row(body));
	statement->reads_all |= !set && tables && !tree_has(body, SELECT_WHERE) && !limited &&
				!is_one_row(body);
}

/* COPY t TO is a read of the whole table, as TABLE t is. */
void
reads_copied(struct collector *facts, const struct context *context)
{
	struct sql_statement *statement = facts->statement;

	if (context->named_only || context->deferred)
		return;
	statement->reads_tables = true;
	statement->reads_unlimited = true;
	statement->reads_all = true;
}

/* Kept until it is known whether FROM has a function of the qualifier's name. */
static void
keep_qualified(struct collector *facts, struct slice qualifier, struct slice name,
    const struct context *context)
{
	struct qualified *column = arena_zalloc(facts->arena, 1, sizeof(*column));

	*column = (struct qualified){ .next = facts->qualified,
		.qualifier = qualifier,
		.name = name,
		.named_only = context->named_only,
		.deferred = context->deferred };
	facts->qualified = column;
}

void
handle_column_ref(struct collector *facts, struct slice body, struct context *context)
{
	struct tree_node field;
	struct slice last = { NULL, 0 }, before = { NULL, 0 };

	while (tree_next_child(&body, COLUMN_FIELDS, &field)) {
		before = last;
		last = field.type == PG_QUERY__NODE__NODE_A_STAR ? slice_of("*")
								 : tree_string(field);
	}
	if (before.length > 0 && !slice_is(last, "*"))
		keep_qualified(facts, before, last, context);
	/* EXISTS (SELECT * …) reads no column. */
	if (!context->unread || !slice_is(last, "*"))
		collect_column(facts, last);
}

void
handle_alias(struct collector *facts, struct slice body, struct context *context)
{
	collect_row_name(facts, tree_body(body, 1));
	if (tree_has(body, 2)) /* columns under other names */
		collect_column(facts, slice_of("*"));
	(void)context;
}

void
handle_join(struct collector *facts, struct slice body, struct context *context)
{
	struct tree_node name;

	for (struct slice rest = body; tree_next_child(&rest, 5, &name);)
		collect_column(facts, tree_string(name));
	(void)context;
}

/* OPERATOR(schema.sign) with a schema of a user's calls a function that no name tells. */
static void
operated(struct collector *facts, struct slice body, unsigned field, const struct context *context)
{
	struct slice schema = { NULL, 0 };

	tree_name(body, field, &schema);
	if (schema.length > 0 && !slice_is(schema, "pg_catalog"))
		collect_residue(facts, context, SQL_RESIDUE_OPAQUE);
}

void
handle_sub_link(struct collector *facts, struct slice body, struct context *context)
{
	context->exists =
	    tree_value(body, 2) == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK;
	operated(facts, body, SUB_LINK_OPERATOR, context);
}

/* --- writes ------------------------------------------------------------------- */

void
reads_assignments(struct collector *facts, struct slice body, unsigned field,
    const struct context *context)
{
	struct collect_names seen = { 0 };
	struct tree_node target;

	for (struct slice rest = body; tree_next_child(&rest, field, &target);) {
		struct slice name = tree_body(target.body, TARGET_NAME);

		collect_column(facts, name);
		/* a[1] = …, a[2] = … are two parts of one column. */
		if (tree_has(target.body, 2) || !collect_seen(facts, &seen, name))
			continue;
		collect_act(facts, context, SQL_ACT_ASSIGN_TWICE)->name =
		    collect_text(facts, name);
	}
}

void
reads_insert(struct collector *facts, struct slice body, const struct context *context)
{
	struct sql_act *act = collect_act(facts, context, SQL_ACT_INSERT);
	struct slice range = tree_body(body, 1);
	struct tree_node source = tree_child(body, 3);

	act->schema = collect_text(facts, tree_body(range, 2));
	act->table = collect_text(facts, tree_body(range, 3));
	reads_assignments(facts, body, 2, context);
	if (tree_has(body, 2))
		act->flags |= SQL_ACT_COLUMNS;
	else if (source.type == 0)
		act->flags |= SQL_ACT_COLUMNS; /* DEFAULT VALUES */
	else
		collect_column(facts, slice_of("*"));
	if (source.type == PG_QUERY__NODE__NODE_SELECT_STMT)
		act->number = (int64_t)tree_count(source.body, SELECT_VALUES);
	if (source.type == PG_QUERY__NODE__NODE_SELECT_STMT && act->number == 0)
		act->flags |= SQL_ACT_AS_QUERY;
}

void
reads_uncounted(struct collector *facts, const struct context *context)
{
	if (!context->named_only && !context->deferred &&
	    (!context->outermost || context->explains))
		facts->statement->writes_uncounted = true;
}

/* --- what no index serves ------------------------------------------------------- */

static struct slice
column_name(struct tree_node node)
{
	if (node.type != PG_QUERY__NODE__NODE_COLUMN_REF)
		return (struct slice){ NULL, 0 };
	return tree_name(node.body, COLUMN_FIELDS, NULL);
}

/* LIKE, NOT LIKE, ILIKE, LIKE ANY, and the operators that they stand for. */
static bool
is_like(uint64_t kind, struct slice body)
{
	static const char *const operators[] = { "~~", "~~*", "!~~", "!~~*" };
	struct slice name;

	if (kind == PG_QUERY__A__EXPR__KIND__AEXPR_LIKE ||
	    kind == PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE)
		return true;
	name = tree_name(body, EXPRESSION_NAME, NULL);
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (slice_is(name, operators[i]))
			return true;
	return false;
}

static bool
begins_wild(struct tree_node node)
{
	struct constant pattern = constant_of(node);

	return pattern.kind == CONSTANT_STRING && pattern.text.length >= 2 &&
	    (pattern.text.bytes[0] == '%' || pattern.text.bytes[0] == '_');
}

/* One of the patterns of LIKE ANY (ARRAY[…]) is enough. */
static bool
has_wild(struct tree_node right)
{
	struct tree_node element;

	if (right.type != PG_QUERY__NODE__NODE_A_ARRAY_EXPR)
		return begins_wild(right);
	while (tree_next_child(&right.body, ARRAY_ELEMENTS, &element))
		if (begins_wild(element))
			return true;
	return false;
}

static void
like(struct collector *facts, struct tree_node left, struct tree_node right,
    const struct context *context)
{
	struct sql_act *act;

	if (column_name(left).length == 0 || !has_wild(right))
		return;
	act = collect_act(facts, context, SQL_ACT_LIKE_WILDCARD);
	act->name = collect_text(facts, column_name(left));
}

/* The first of the arguments that is a column. */
static struct slice
column_within(struct slice call, unsigned field)
{
	struct tree_node arg;

	while (tree_next_child(&call, field, &arg))
		if (column_name(arg).length > 0)
			return column_name(arg);
	return (struct slice){ NULL, 0 };
}

/* f(c) = 5 in a WHERE, and coalesce(c, 0) = 5. */
static void
compared_call(struct collector *facts, struct tree_node side, const struct context *context)
{
	struct slice column, name = slice_of("coalesce");
	struct sql_act *act;

	if (side.type == PG_QUERY__NODE__NODE_COALESCE_EXPR) {
		column = column_within(side.body, COALESCE_ARGS);
	} else if (side.type == PG_QUERY__NODE__NODE_FUNC_CALL && !is_aggregate(side)) {
		column = column_within(side.body, CALL_ARGS);
		name = tree_name(side.body, CALL_NAME, NULL);
	} else {
		return;
	}
	if (column.length == 0)
		return;
	act = collect_act(facts, context, SQL_ACT_FUNCTION_ON_COLUMN);
	act->name = collect_text(facts, column);
	act->other = collect_text(facts, name);
}

/* Comparisons that an index on the column would serve, if it were the column alone. */
static bool
is_comparison(uint64_t kind)
{
	return kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP ||
	       kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY ||
	       kind == PG_QUERY__A__EXPR__KIND__AEXPR_IN ||
	       kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN;
}

void
handle_expression(struct collector *facts, struct slice body, struct context *context)
{
	uint64_t kind = tree_value(body, 1);
	struct tree_node left = tree_child(body, 3), right = tree_child(body, 4);

	operated(facts, body, EXPRESSION_NAME, context);
	if (is_like(kind, body)) {
		like(facts, left, right, context);
	} else if (is_comparison(kind) && context->filters) {
		compared_call(facts, left, context);
		compared_call(facts, right, context);
	}
}

void
handle_sort(struct collector *facts, struct slice body, struct context *context)
{
	context->sorts = true;
	operated(facts, body, SORT_OPERATOR, context);
}

/* ORDER BY 2 and ORDER BY its name: the target that is meant; type 0: it is no target. */
static struct tree_node
sorted_target(struct slice select, struct tree_node by)
{
	struct constant position = constant_of(by);
	struct slice name = tree_count(by.body, COLUMN_FIELDS) == 1 ? column_name(by)
								    : (struct slice){ NULL, 0 };
	struct tree_node target;

	for (int64_t i = 1; tree_next_child(&select, SELECT_TARGETS, &target); i++)
		if ((position.kind == CONSTANT_INTEGER && position.integer == i) ||
		    (name.length > 0 &&
			slices_are_equal(tree_body(target.body, TARGET_NAME), name)))
			return tree_child(target.body, TARGET_VALUE);
	return (struct tree_node){ 0 };
}

void
reads_sorted(struct collector *facts, struct slice select, const struct context *context)
{
	struct slice rest = select;
	struct tree_node sort;

	for (int i = 0; i < SORTS_MOST && tree_next_child(&rest, SELECT_SORT, &sort); i++) {
		if (!tree_has_random(sorted_target(select, tree_child(sort.body, SORT_BY))))
			continue;
		collect_act(facts, context, SQL_ACT_ORDER_BY_RANDOM);
		return;
	}
}

void
reads_called(struct collector *facts, struct slice name, const struct context *context)
{
	if (context->sorts && tree_names_random(name))
		collect_act(facts, context, SQL_ACT_ORDER_BY_RANDOM);
}
