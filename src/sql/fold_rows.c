/*
 * fold_rows.c - queries within a condition: is there a row, whatever the data, and what is
 * in it? Called by fold.c.
 */
#include <pg_query/pg_query.pb-c.h>

#include "constant.h"
#include "folder.h"

/* Names of WITH can be followed in circles, and twice as often at each step. */
enum { LOOKED_UP_MOST = 8 };
enum { LINK_KIND = 2, LINK_TEST = 4, LINK_OPERATOR = 5, LINK_SELECT = 6 };
enum {
	SELECT_TARGETS = 3,
	SELECT_FROM = 4,
	SELECT_WHERE = 5,
	SELECT_GROUP = 6,
	SELECT_HAVING = 8,
	SELECT_VALUES = 10,
	SELECT_OFFSET = 12,
	SELECT_COUNT = 13,
	SELECT_WITH = 16,
	SELECT_OPERATION = 17,
	SELECT_LEFT = 19,
	SELECT_RIGHT = 20,
	TARGET_VALUE = 3,
};
enum { JOIN_KIND = 1, JOIN_NATURAL, JOIN_LEFT, JOIN_RIGHT, JOIN_USING, JOIN_ON = 7 };
enum { RANGE_SCHEMA = 2, RANGE_NAME = 3, RANGE_QUERY = 2, RANGE_FUNCTIONS = 4 };
enum { CTE_NAME = 1, CTE_QUERY = 4, WITH_CTES = 1 };
enum { CALL_NAME = 1, CALL_ARGS = 2, LIST_ITEMS = 1 };

static struct tree_node
select_of(struct slice body)
{
	return (struct tree_node){ PG_QUERY__NODE__NODE_SELECT_STMT, body };
}

static bool
is_set_operation(struct slice select)
{
	return tree_value(select, SELECT_OPERATION) != PG_QUERY__SET_OPERATION__SETOP_NONE;
}

/* --- names of WITH ---------------------------------------------------------- */

static void
know_ctes(struct folder *folder, struct slice select)
{
	struct slice with = tree_body(select, SELECT_WITH);
	struct tree_node node;

	while (tree_next_child(&with, WITH_CTES, &node)) {
		struct cte *cte = arena_zalloc(folder->arena, 1, sizeof(*cte));

		*cte = (struct cte){ .outer = folder->ctes,
			.name = tree_body(node.body, CTE_NAME),
			.query = tree_child(node.body, CTE_QUERY) };
		folder->ctes = cte;
	}
}

static struct tree_node
find_cte(struct folder *folder, struct slice range)
{
	const struct cte *cte = folder->ctes;

	if (tree_has(range, RANGE_SCHEMA))
		return (struct tree_node){ 0 };
	while (cte != NULL && !slices_are_equal(cte->name, tree_body(range, RANGE_NAME)))
		cte = cte->outer;
	if (cte == NULL || cte->query.type != PG_QUERY__NODE__NODE_SELECT_STMT ||
	    folder->looked_up++ == LOOKED_UP_MOST)
		return (struct tree_node){ 0 };
	return cte->query;
}

/* --- is there a row? -------------------------------------------------------- */

static bool
has_target(struct slice select, bool (*has)(struct tree_node))
{
	struct tree_node target;

	while (tree_next_child(&select, SELECT_TARGETS, &target))
		if (has(tree_child(target.body, TARGET_VALUE)))
			return true;
	return false;
}

/* An aggregate or a HAVING without a GROUP BY is one row, also when there is none. */
static bool
is_whole_aggregate(struct slice select)
{
	return !tree_has(select, SELECT_GROUP) &&
	       (tree_has(select, SELECT_HAVING) || has_target(select, tree_has_aggregate));
}

static size_t
add_all_rows(struct folder *folder, struct slice select)
{
	struct tree_node item;
	size_t count = 0;

	for (; tree_next_child(&select, SELECT_FROM, &item); count++)
		folder_add(folder, TASK_ROWS, item, 0);
	return count;
}

/* The parts of a query that has a row where all of them are true. */
static size_t
add_conditions(struct folder *folder, struct slice select)
{
	size_t count = 0;

	if (is_set_operation(select)) {
		folder_add(folder, TASK_ANY, (struct tree_node){ 0 }, 2);
		folder_add(folder, TASK_ROWS, select_of(tree_body(select, SELECT_LEFT)), 0);
		folder_add(folder, TASK_ROWS, select_of(tree_body(select, SELECT_RIGHT)), 0);
		return 1;
	}
	if (!is_whole_aggregate(select)) {
		count += add_all_rows(folder, select);
		folder_visit(folder, tree_child(select, SELECT_WHERE));
		count += tree_has(select, SELECT_WHERE);
	}
	folder_visit(folder, tree_child(select, SELECT_HAVING));
	return count + tree_has(select, SELECT_HAVING);
}

static size_t
add_bound(struct folder *folder, struct slice select, unsigned field, enum task_kind kind)
{
	struct tree_node bound = tree_child(select, field);

	if (bound.type == 0)
		return 0;
	folder_add(folder, kind, bound, 1);
	folder_visit(folder, bound);
	return 1;
}

static void
visit_select(struct folder *folder, struct slice select)
{
	uint64_t operation = tree_value(select, SELECT_OPERATION);
	size_t task = folder->task_count, count;

	if (operation != PG_QUERY__SET_OPERATION__SETOP_NONE &&
	    operation != PG_QUERY__SET_OPERATION__SETOP_UNION) {
		folder_give(folder, value_truth(VALUE_ANY));
		return;
	}
	know_ctes(folder, select);
	/* A function may be an aggregate that nobody here knows. */
	folder_add(folder, has_target(select, tree_has_call) ? TASK_PERHAPS : TASK_ALL,
	    (struct tree_node){ 0 }, 0);
	count = add_conditions(folder, select);
	count += add_bound(folder, select, SELECT_COUNT, TASK_LIMIT);
	count += add_bound(folder, select, SELECT_OFFSET, TASK_OFFSET);
	folder->tasks[task].count = count;
}

static void
visit_join(struct folder *folder, struct slice join)
{
	struct tree_node left = tree_child(join, JOIN_LEFT), right = tree_child(join, JOIN_RIGHT);
	uint64_t kind = tree_value(join, JOIN_KIND);

	if (kind == PG_QUERY__JOIN_TYPE__JOIN_LEFT) {
		folder_add(folder, TASK_ROWS, left, 0);
	} else if (kind == PG_QUERY__JOIN_TYPE__JOIN_RIGHT) {
		folder_add(folder, TASK_ROWS, right, 0);
	} else if (kind == PG_QUERY__JOIN_TYPE__JOIN_FULL) {
		folder_add(folder, TASK_ANY, (struct tree_node){ 0 }, 2);
		folder_add(folder, TASK_ROWS, left, 0);
		folder_add(folder, TASK_ROWS, right, 0);
	} else if (tree_value(join, JOIN_NATURAL) != 0 || tree_has(join, JOIN_USING)) {
		folder_give(folder, value_truth(VALUE_ANY));
	} else {
		folder_add(folder, TASK_ALL, (struct tree_node){ 0 }, 2 + tree_has(join, JOIN_ON));
		folder_add(folder, TASK_ROWS, left, 0);
		folder_add(folder, TASK_ROWS, right, 0);
		folder_visit(folder, tree_child(join, JOIN_ON));
	}
}

/* generate_series(1, 3), unnest(ARRAY[1]), and any function that returns one value. */
static bool
returns_a_row(struct tree_node function)
{
	struct tree_node from = { 0 }, to = { 0 };
	struct slice rest = function.body, name = tree_name(function.body, CALL_NAME, NULL);

	if (function.type != PG_QUERY__NODE__NODE_FUNC_CALL)
		return tree_is_fixed(function);
	tree_next_child(&rest, CALL_ARGS, &from);
	if (slice_is(name, "unnest"))
		return from.type == PG_QUERY__NODE__NODE_A_ARRAY_EXPR &&
		       tree_has(from.body, LIST_ITEMS);
	if (!slice_is(name, "generate_series"))
		return tree_is_fixed(function);
	return tree_next_child(&rest, CALL_ARGS, &to) &&
	       constant_of(from).kind == CONSTANT_INTEGER &&
	       constant_of(to).kind == CONSTANT_INTEGER && tree_count(function.body, CALL_ARGS) == 2 &&
	       constant_of(from).integer <= constant_of(to).integer;
}

static void
visit_function(struct folder *folder, struct slice range)
{
	struct tree_node list = tree_child(range, RANGE_FUNCTIONS);
	bool known = tree_count(range, RANGE_FUNCTIONS) == 1 &&
		     returns_a_row(tree_child(list.body, LIST_ITEMS));

	folder_give(folder, value_truth(known ? VALUE_TRUE : VALUE_ANY));
}

void
fold_visit_rows(struct folder *folder, struct tree_node node)
{
	struct tree_node query;

	switch (node.type) {
	case PG_QUERY__NODE__NODE_SELECT_STMT:
		visit_select(folder, node.body);
		return;
	case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
		folder_add(folder, TASK_ROWS, tree_child(node.body, RANGE_QUERY), 0);
		return;
	case PG_QUERY__NODE__NODE_JOIN_EXPR:
		visit_join(folder, node.body);
		return;
	case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
		visit_function(folder, node.body);
		return;
	case PG_QUERY__NODE__NODE_RANGE_VAR:
		query = find_cte(folder, node.body);
		if (query.type != 0) {
			folder_add(folder, TASK_ROWS, query, 0);
			return;
		}
		break;
	default:
		break;
	}
	folder_give(folder, value_truth(VALUE_ANY));
}

/* LIMIT NULL and ALL are none. */
static struct value
truth_of_bound(enum task_kind kind, const struct value *value)
{
	struct value number = *value;
	bool leaves;

	if (value->kind == VALUE_NULL)
		return value_truth(VALUE_TRUE);
	if (value->kind == VALUE_TEXT && !value_read_number(value->text, &number))
		number.kind = VALUE_FIXED;
	if (number.kind != VALUE_NUMBER)
		return value_truth(value_is_fixed(&number) ? VALUE_EITHER : VALUE_ANY);
	leaves = kind == TASK_LIMIT ? number.number > 0 : number.number == 0;
	if (kind == TASK_OFFSET && !leaves) /* how many rows there are nobody counts */
		return value_truth(VALUE_ANY);
	return value_truth(leaves ? VALUE_TRUE : VALUE_FALSE);
}

struct value
fold_combine_rows(enum task_kind kind, const struct value *values, size_t count)
{
	struct value sum;

	if (kind == TASK_ROW)
		return values[0];
	if (kind == TASK_LIMIT || kind == TASK_OFFSET)
		return truth_of_bound(kind, &values[0]);
	sum = kind == TASK_ANY ? value_or(values, count) : value_and(values, count);
	/* A condition that is not known to hold leaves no row. */
	if ((sum.truth & VALUE_UNKNOWN) != 0)
		sum.truth = (sum.truth & ~(unsigned)VALUE_UNKNOWN) | VALUE_FALSE;
	if (kind == TASK_PERHAPS && (sum.truth & VALUE_FALSE) != 0)
		sum.truth |= VALUE_TRUE;
	return value_truth(sum.truth);
}

/* --- (SELECT …), IN (SELECT …), EXISTS -------------------------------------- */

/* Leaves the values of what the query gives, one for each row of a VALUES, and says how many. */
static size_t
add_given(struct folder *folder, struct slice select)
{
	size_t task = folder->task_count, count = 0;
	struct slice rest = select;
	struct tree_node item;

	for (; tree_next_child(&rest, SELECT_VALUES, &item); count++)
		folder_visit(folder, item);
	if (count > 0)
		return count;
	folder_add(folder, TASK_ROW, select_of(select), 0);
	for (; tree_next_child(&select, SELECT_TARGETS, &item); count++)
		folder_visit(folder, tree_child(item.body, TARGET_VALUE));
	folder->tasks[task].count = count;
	folder_turn(folder, task + 1);
	return 1;
}

/* Values in the order of fold_combine_link(): is there a row, what it is given, the test. */
void
fold_visit_link(struct folder *folder, struct tree_node link)
{
	uint64_t kind = tree_value(link.body, LINK_KIND);
	struct tree_node select = tree_child(link.body, LINK_SELECT);
	struct tree_node test = tree_child(link.body, LINK_TEST);
	size_t task = folder->task_count, count;

	if (select.type != PG_QUERY__NODE__NODE_SELECT_STMT) {
		folder_give(folder, value_data(link));
	} else if (kind == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK) {
		folder_add(folder, TASK_ROWS, select, 0);
	} else if (is_set_operation(select.body) ||
	    (kind != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK &&
		kind != PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK &&
		kind != PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK)) {
		folder_give(folder, value_data(link));
	} else {
		folder_add(folder, TASK_COMBINE, link, 0);
		folder_visit(folder, test);
		count = (test.type != 0) + add_given(folder, select.body);
		folder_add(folder, TASK_ROWS, select, 0);
		folder->tasks[task].count = count + 1;
	}
}

/* Within a query with a FROM a name may be that of another column than outside. */
static struct value
given(struct tree_node link, const struct value *value)
{
	struct value result = *value;

	if (!tree_has(tree_child(link.body, LINK_SELECT).body, SELECT_FROM))
		return result;
	if (result.kind == VALUE_DATA || result.kind == VALUE_ROW)
		return value_data(link);
	result.claim = CLAIM_NOTHING;
	return result;
}

/* The one value of the one row, or NULL. */
static struct value
combine_scalar(struct tree_node link, const struct value *values, size_t count)
{
	unsigned rows = values[0].truth;

	if (rows == VALUE_FALSE)
		return (struct value){ .kind = VALUE_NULL };
	if (count != 2 || rows != VALUE_TRUE)
		return value_data(link);
	return given(link, &values[1]);
}

struct value
fold_combine_link(struct tree_node link, const struct value *values, size_t count)
{
	bool is_all = tree_value(link.body, LINK_KIND) == PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK;
	struct slice op = tree_has(link.body, LINK_OPERATOR)
			      ? tree_name(link.body, LINK_OPERATOR, NULL)
			      : slice_of("=");
	struct value pair[2];

	if (tree_value(link.body, LINK_KIND) == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK)
		return combine_scalar(link, values, count);
	/* ANY: there is a row and it fits one; ALL: there is none, or it fits all. */
	pair[0] = value_truth(is_all ? VALUE_TRUE : VALUE_FALSE);
	for (size_t i = 1; i + 1 < count; i++) {
		struct value item = given(link, &values[i]);

		pair[1] = value_compare(op, &values[count - 1], &item);
		pair[0] = is_all ? value_and(pair, 2) : value_or(pair, 2);
	}
	pair[1] = is_all ? value_not(&values[0]) : values[0];
	pair[0] = is_all ? value_or(pair, 2) : value_and(pair, 2);
	return value_truth(pair[0].truth);
}
