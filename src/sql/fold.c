/*
 * fold.c - see fold.h. Called by query.c for each WHERE of an UPDATE or DELETE.
 *
 * A condition is worked out on two stacks: what is still to be done, and the
 * values of what is done. So a condition of any depth needs no recursion.
 */
#include <pg_query/pg_query.pb-c.h>

#include "base/mem.h"

#include "constant.h"
#include "fold.h"
#include "value.h"

enum { STACK_AT_FIRST = 32 };
enum { EXPR_KIND = 1, EXPR_NAME = 2, EXPR_LEFT = 3, EXPR_RIGHT = 4 };
enum { BOOL_KIND = 2, BOOL_ARGS = 3, TEST_ARG = 2, TEST_KIND = 3 };
enum {
	CASE_ARG = 4,
	CASE_WHENS = 5,
	CASE_DEFAULT = 6,
	WHEN_CONDITION = 2,
	WHEN_RESULT = 3
};
enum {
	COALESCE_ARGS = 4,
	MIN_MAX_KIND = 5,
	MIN_MAX_ARGS = 6,
	CAST_ARG = 1,
	CAST_TYPE = 2
};
enum { LINK_KIND = 2, LINK_TEST = 4, LINK_OPERATOR = 5, LINK_SELECT = 6, LIST_ITEMS = 1 };
enum { CALL_NAME = 1, CALL_ARGS = 2, COLLATE_ARG = 1, RANGE_QUERY = 2 };
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
	TARGET_VALUE = 3,
};

/* Something to do: look at a node, or put the last `count` values together. */
struct task {
	struct tree_node node;
	bool combine;
	size_t count;
};

/* On the stack of fold_is_tautology(); the arrays are ours. */
struct folder {
	struct task *tasks;
	size_t task_count, task_room;
	struct value *values;
	size_t value_count, value_room;
};

static void
add_task(struct folder *folder, struct task task)
{
	if (folder->task_count == folder->task_room) {
		folder->task_room =
		    folder->task_room == 0 ? STACK_AT_FIRST : 2 * folder->task_room;
		folder->tasks =
		    mem_resize(folder->tasks, folder->task_room, sizeof(*folder->tasks));
	}
	folder->tasks[folder->task_count++] = task;
}

static void
add_value(struct folder *folder, struct value value)
{
	if (folder->value_count == folder->value_room) {
		folder->value_room *= 2;
		folder->values = mem_resize(
		    folder->values, folder->value_room, sizeof(*folder->values));
	}
	folder->values[folder->value_count++] = value;
}

/* --- looking at a node ------------------------------------------------------ */

/*
 * Tasks are done last first. So that values end up in the order of the text,
 * the nodes added since `first` are turned round.
 */
static void
turn_round(struct folder *folder, size_t first)
{
	for (size_t low = first, high = folder->task_count; low + 1 < high; low++) {
		struct task task = folder->tasks[low];

		folder->tasks[low] = folder->tasks[--high];
		folder->tasks[high] = task;
	}
}

static void
add_node(struct folder *folder, struct tree_node node)
{
	if (node.type != 0)
		add_task(folder, (struct task){ .node = node });
}

static void
add_nodes(struct folder *folder, struct slice body, unsigned field)
{
	struct tree_node node;

	while (tree_next_child(&body, field, &node))
		add_node(folder, node);
}

static void
add_whens(struct folder *folder, struct slice body)
{
	struct tree_node when;

	while (tree_next_child(&body, CASE_WHENS, &when)) {
		add_node(folder, tree_child(when.body, WHEN_CONDITION));
		add_node(folder, tree_child(when.body, WHEN_RESULT));
	}
}

/* The array behind = ANY and = ALL, of ARRAY[…]::int[] what is cast; type 0: it is no ARRAY[…]. */
static struct tree_node
array_of(struct slice expression)
{
	struct tree_node right = tree_child(expression, EXPR_RIGHT);
	uint64_t kind = tree_value(expression, EXPR_KIND);

	if (kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY &&
	    kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL)
		return (struct tree_node){ 0 };
	if (right.type == PG_QUERY__NODE__NODE_TYPE_CAST)
		right = tree_child(right.body, CAST_ARG);
	return right.type == PG_QUERY__NODE__NODE_A_ARRAY_EXPR ? right : (struct tree_node){ 0 };
}

/* Of a pattern with its ESCAPE, or of SIMILAR TO, the pattern itself. */
static struct tree_node
pattern_of(struct tree_node right)
{
	struct tree_node pattern, escape;
	struct slice rest = right.body;
	struct slice name;

	if (right.type != PG_QUERY__NODE__NODE_FUNC_CALL)
		return right;
	name = tree_name(right.body, CALL_NAME, NULL);
	if ((!slice_is(name, "like_escape") && !slice_is(name, "similar_to_escape")) ||
	    !tree_next_child(&rest, CALL_ARGS, &pattern))
		return right;
	if (tree_next_child(&rest, CALL_ARGS, &escape) &&
	    (constant_of(escape).kind != CONSTANT_STRING || slice_is(constant_of(escape).text, "%")))
		return right;
	return pattern;
}

static bool
has_pattern(struct slice expression)
{
	uint64_t kind = tree_value(expression, EXPR_KIND);

	return kind == PG_QUERY__A__EXPR__KIND__AEXPR_LIKE ||
	       kind == PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE ||
	       kind == PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR;
}

/* The right side of IN, BETWEEN, = ANY (ARRAY[…]) is several. */
static void
add_right(struct folder *folder, struct slice expression)
{
	struct tree_node right = tree_child(expression, EXPR_RIGHT);
	struct tree_node array = array_of(expression);

	if (right.type == PG_QUERY__NODE__NODE_LIST)
		add_nodes(folder, right.body, LIST_ITEMS);
	else if (array.type != 0)
		add_nodes(folder, array.body, LIST_ITEMS);
	else
		add_node(folder, has_pattern(expression) ? pattern_of(right) : right);
}

/* Is it an aggregate of all rows, which returns a row also when there is none? */
static bool
is_whole_aggregate(struct slice select)
{
	static const char *const names[] = { "count", "sum", "min", "max", "avg",
		"bool_and", "bool_or", "every", "array_agg", "string_agg" };
	struct tree_node target = tree_child(select, SELECT_TARGETS);
	struct tree_node call = tree_child(target.body, TARGET_VALUE);

	if (tree_has(select, SELECT_GROUP) || tree_has(select, SELECT_HAVING) ||
	    call.type != PG_QUERY__NODE__NODE_FUNC_CALL || tree_has(call.body, 5))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_is(tree_name(call.body, 1, NULL), names[i]))
			return true;
	return false;
}

/* A LIMIT that leaves the first row, an OFFSET that skips none; or neither. */
static bool
keeps_a_row(struct slice select)
{
	struct constant count = constant_of(tree_child(select, SELECT_COUNT));
	struct constant offset = constant_of(tree_child(select, SELECT_OFFSET));

	return (!tree_has(select, SELECT_COUNT) || count.kind == CONSTANT_NULL ||
		   (count.kind == CONSTANT_INTEGER && count.integer > 0)) &&
	       (!tree_has(select, SELECT_OFFSET) || offset.kind == CONSTANT_NULL ||
		   (offset.kind == CONSTANT_INTEGER && offset.integer == 0));
}

static bool
is_plain_select(struct slice select)
{
	return tree_value(select, SELECT_OPERATION) ==
		   PG_QUERY__SET_OPERATION__SETOP_NONE &&
	       keeps_a_row(select) && !tree_has(select, SELECT_WITH);
}

/* FROM nothing but one VALUES, or one query of no table without a WHERE. */
static bool
is_from_rows(struct slice select)
{
	struct tree_node from = tree_child(select, SELECT_FROM);
	struct tree_node inner = from.type == PG_QUERY__NODE__NODE_RANGE_SUBSELECT
				     ? tree_child(from.body, RANGE_QUERY)
				     : (struct tree_node){ 0 };

	return inner.type == PG_QUERY__NODE__NODE_SELECT_STMT && is_plain_select(inner.body) &&
	       tree_count(select, SELECT_FROM) == 1 && !tree_has(inner.body, SELECT_FROM) &&
	       !tree_has(inner.body, SELECT_WHERE) && !tree_has(inner.body, SELECT_HAVING) &&
	       !tree_has(select, SELECT_HAVING);
}

/* EXISTS and (SELECT …) of queries that need no table's row. */
static void
visit_sublink(struct folder *folder, struct tree_node node)
{
	uint64_t kind = tree_value(node.body, LINK_KIND);
	struct tree_node select = tree_child(node.body, LINK_SELECT);
	bool plain = select.type == PG_QUERY__NODE__NODE_SELECT_STMT &&
		     is_plain_select(select.body);
	bool no_table = plain && !tree_has(select.body, SELECT_FROM) &&
			!tree_has(select.body, SELECT_HAVING);
	bool one_value = no_table && !tree_has(select.body, SELECT_WHERE) &&
			 tree_count(select.body, SELECT_TARGETS) == 1;
	struct tree_node target = tree_child(
	    tree_child(select.body, SELECT_TARGETS).body, TARGET_VALUE);

	if (kind == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK && plain &&
	    (tree_has(select.body, SELECT_VALUES) || is_whole_aggregate(select.body)))
		add_value(folder, value_truth(VALUE_TRUE));
	else if (kind == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK && plain &&
		 (no_table || is_from_rows(select.body))) {
		size_t count = tree_has(select.body, SELECT_WHERE);

		add_task(folder,
		    (struct task){ .node = node, .combine = true, .count = count });
		add_node(folder, tree_child(select.body, SELECT_WHERE));
	} else if (kind == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK && one_value) {
		add_node(folder, target);
	} else if (one_value && target.type != 0 && tree_has(node.body, LINK_TEST) &&
		   (kind == PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK ||
		       kind == PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK)) {
		add_task(folder, (struct task){ .node = node, .combine = true, .count = 2 });
		add_node(folder, target);
		add_node(folder, tree_child(node.body, LINK_TEST));
	} else
		add_value(folder, value_data(node));
}

/* The nodes within `node` whose values make its own. False: it cannot be worked out. */
static bool
add_parts(struct folder *folder, struct tree_node node)
{
	switch (node.type) {
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
		add_nodes(folder, node.body, BOOL_ARGS);
		return true;
	case PG_QUERY__NODE__NODE_A_EXPR:
		add_node(folder, tree_child(node.body, EXPR_LEFT));
		add_right(folder, node.body);
		return true;
	case PG_QUERY__NODE__NODE_NULL_TEST:
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
		add_node(folder, tree_child(node.body, TEST_ARG));
		return true;
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		add_node(folder, tree_child(node.body, CAST_ARG));
		return true;
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
		add_node(folder, tree_child(node.body, COLLATE_ARG));
		return true;
	case PG_QUERY__NODE__NODE_CASE_EXPR:
		add_node(folder, tree_child(node.body, CASE_ARG));
		add_whens(folder, node.body);
		add_node(folder, tree_child(node.body, CASE_DEFAULT));
		return true;
	case PG_QUERY__NODE__NODE_COALESCE_EXPR:
		add_nodes(folder, node.body, COALESCE_ARGS);
		return true;
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
		add_nodes(folder, node.body, MIN_MAX_ARGS);
		return true;
	default:
		return false;
	}
}

static void
visit(struct folder *folder, struct tree_node node)
{
	size_t first = folder->task_count;

	if (node.type == PG_QUERY__NODE__NODE_A_CONST) {
		add_value(folder, value_of_constant(node));
		return;
	}
	if (node.type == PG_QUERY__NODE__NODE_SUB_LINK) {
		visit_sublink(folder, node);
		return;
	}
	add_task(folder, (struct task){ .node = node, .combine = true });
	if (!add_parts(folder, node)) {
		folder->task_count = first;
		add_value(folder, value_data(node));
		return;
	}
	folder->tasks[first].count = folder->task_count - first - 1;
	turn_round(folder, first + 1);
}

/* --- putting values together ------------------------------------------------- */

static struct value
combine_bool(struct tree_node node, const struct value *values, size_t count)
{
	switch (tree_value(node.body, BOOL_KIND)) {
	case PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR:
		return value_and(values, count);
	case PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR:
		return value_or(values, count);
	default:
		return count == 1 ? value_not(&values[0]) : value_data(node);
	}
}

/* `values` is the left side and all on the right, joined by `join`. */
static struct value
combine_each(struct slice op, const struct value *values, size_t count,
    struct value (*join)(const struct value *, size_t))
{
	struct value sum, pair[2];

	if (count < 2)
		return value_data((struct tree_node){ 0 });
	sum = value_compare(op, &values[0], &values[1]);
	for (size_t i = 2; i < count; i++) {
		pair[0] = sum;
		pair[1] = value_compare(op, &values[0], &values[i]);
		sum = join(pair, 2);
	}
	return sum;
}

static struct value
combine_between(const struct value *values, size_t low, size_t high)
{
	struct value bounds[2] = {
		value_compare(slice_of(">="), &values[0], &values[low]),
		value_compare(slice_of("<="), &values[0], &values[high]),
	};

	return value_and(bounds, 2);
}

static struct value
combine_expr(struct tree_node node, const struct value *values, size_t count)
{
	struct slice op = tree_name(node.body, EXPR_NAME, NULL);
	uint64_t kind = tree_value(node.body, EXPR_KIND);
	bool is_array = array_of(node.body).type != 0;
	struct value both[2];

	switch (kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
	case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
	case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
		if (count > 2)
			return value_data(node);
		return count == 1 ? value_sign(op, &values[0], node)
				  : value_operate(op, &values[0], &values[1], node);
	case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR: /* of its patterns % alone stands for all */
		return count != 2 ? value_data(node)
				  : value_compare(slice_of(slice_is(op, "~") ? "~~" : "!~~"),
					&values[0], &values[1]);
	case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
		return combine_each(
		    op, values, count, slice_is(op, "=") ? value_or : value_and);
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
		return is_array ? combine_each(op, values, count, value_or)
				: value_data(node);
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
		return is_array ? combine_each(op, values, count, value_and)
				: value_data(node);
	default:
		break;
	}
	if (count == 2 && kind == PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT)
		return value_distinct(&values[0], &values[1]);
	if (count == 2 && kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT) {
		both[0] = value_distinct(&values[0], &values[1]);
		return value_not(&both[0]);
	}
	if (count == 2 && kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF)
		return value_null_if(&values[0], &values[1], node);
	if (count != 3)
		return value_data(node);
	both[0] = combine_between(values, 1, 2);
	both[1] = combine_between(values, 2, 1);
	switch (kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
		return both[0];
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
		return value_not(&both[0]);
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
		return value_or(both, 2);
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
		both[0] = value_or(both, 2);
		return value_not(&both[0]);
	default:
		return value_data(node);
	}
}

/* Each branch that may be taken adds what it may give. */
static struct value
combine_case(struct tree_node node, const struct value *values, size_t count)
{
	bool has_arg = tree_has(node.body, CASE_ARG);
	bool has_default = tree_has(node.body, CASE_DEFAULT);
	struct value_branches branches = { 0 };

	for (size_t i = has_arg; i + 2 <= count - has_default; i += 2) {
		struct value test = values[i];

		if (has_arg)
			test = value_compare(slice_of("="), &values[0], &values[i]);
		if (value_branch(&branches, &test, &values[i + 1]))
			return value_of_branches(&branches, node);
	}
	if (has_default)
		value_branch(&branches, NULL, &values[count - 1]);
	else
		value_branch(&branches, NULL, &(struct value){ .kind = VALUE_NULL });
	return value_of_branches(&branches, node);
}

/* EXISTS: its WHERE, or nothing. IN, = ANY, = ALL of one value: the two. */
static struct value
combine_link(struct tree_node node, const struct value *values, size_t count)
{
	struct slice op = tree_has(node.body, LINK_OPERATOR)
			      ? tree_name(node.body, LINK_OPERATOR, NULL)
			      : slice_of("=");

	if (count == 0)
		return value_truth(VALUE_TRUE);
	if (count == 2)
		return value_compare(op, &values[0], &values[1]);
	return value_test(&values[0], PG_QUERY__BOOL_TEST_TYPE__IS_TRUE);
}

static struct value
combine(const struct task *task, const struct value *values, size_t count)
{
	struct tree_node node = task->node;

	switch (node.type) {
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
		return combine_bool(node, values, count);
	case PG_QUERY__NODE__NODE_A_EXPR:
		return combine_expr(node, values, count);
	case PG_QUERY__NODE__NODE_CASE_EXPR:
		return combine_case(node, values, count);
	case PG_QUERY__NODE__NODE_COALESCE_EXPR:
		return value_coalesce(values, count, node);
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
		return value_extreme(values, count,
		    tree_value(node.body, MIN_MAX_KIND) ==
			PG_QUERY__MIN_MAX_OP__IS_GREATEST,
		    node);
	case PG_QUERY__NODE__NODE_SUB_LINK:
		return combine_link(node, values, count);
	default:
		break;
	}
	if (count != 1)
		return value_data(node);
	switch (node.type) {
	case PG_QUERY__NODE__NODE_NULL_TEST:
		return value_null_test(&values[0], tree_value(node.body, TEST_KIND) ==
						       PG_QUERY__NULL_TEST_TYPE__IS_NULL);
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
		return value_test(&values[0], tree_value(node.body, TEST_KIND));
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
		return values[0].kind == VALUE_TEXT ? values[0] : value_data(node);
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		return value_cast(&values[0],
		    tree_name(tree_body(node.body, CAST_TYPE), 1, NULL), node);
	default:
		return value_data(node);
	}
}

bool
fold_is_tautology(struct tree_node condition)
{
	struct folder folder = { 0 };
	bool tautology;

	folder.value_room = STACK_AT_FIRST;
	folder.values = mem_alloc(folder.value_room * sizeof(*folder.values));
	add_node(&folder, condition);
	while (folder.task_count > 0) {
		struct task task = folder.tasks[--folder.task_count];
		struct value sum;

		if (!task.combine) {
			visit(&folder, task.node);
			continue;
		}
		if (task.count > folder.value_count) /* a tree that no text has */
			break;
		folder.value_count -= task.count;
		sum = combine(&task, &folder.values[folder.value_count], task.count);
		add_value(&folder, sum);
	}
	tautology = folder.task_count == 0 && folder.value_count == 1 &&
		    value_is_tautology(&folder.values[0]);
	mem_free(folder.tasks);
	mem_free(folder.values);
	return tautology;
}
