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
#include "folder.h"

enum { STACK_AT_FIRST = 32, ARENA_AT_FIRST = 512 };
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
enum { CALL_NAME = 1, CALL_ARGS = 2, COLLATE_ARG = 1, LIST_ITEMS = 1, ROW_ITEMS = 2 };
enum { LINK_KIND = 2, LINK_SELECT = 6 };

void
folder_add(struct folder *folder, enum task_kind kind, struct tree_node node, size_t count)
{
	if (folder->task_count == folder->task_room) {
		folder->task_room =
		    folder->task_room == 0 ? STACK_AT_FIRST : 2 * folder->task_room;
		folder->tasks =
		    mem_resize(folder->tasks, folder->task_room, sizeof(*folder->tasks));
	}
	folder->tasks[folder->task_count++] =
	    (struct task){ .kind = kind, .node = node, .count = count };
}

void
folder_visit(struct folder *folder, struct tree_node node)
{
	if (node.type != 0)
		folder_add(folder, TASK_VISIT, node, 0);
}

void
folder_give(struct folder *folder, struct value value)
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
void
folder_turn(struct folder *folder, size_t first)
{
	for (size_t low = first, high = folder->task_count; low + 1 < high; low++) {
		struct task task = folder->tasks[low];

		folder->tasks[low] = folder->tasks[--high];
		folder->tasks[high] = task;
	}
}

static void
add_nodes(struct folder *folder, struct slice body, unsigned field)
{
	struct tree_node node;

	while (tree_next_child(&body, field, &node))
		folder_visit(folder, node);
}

static void
add_whens(struct folder *folder, struct slice body)
{
	struct tree_node when;

	while (tree_next_child(&body, CASE_WHENS, &when)) {
		folder_visit(folder, tree_child(when.body, WHEN_CONDITION));
		folder_visit(folder, tree_child(when.body, WHEN_RESULT));
	}
}

static bool
is_of_array(struct slice expression)
{
	uint64_t kind = tree_value(expression, EXPR_KIND);

	return kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY ||
	       kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL;
}

/* What stands behind = ANY and = ALL, of ARRAY[…]::int[] what is cast. */
static struct tree_node
array_of(struct slice expression)
{
	struct tree_node right = tree_child(expression, EXPR_RIGHT);

	if (right.type == PG_QUERY__NODE__NODE_TYPE_CAST)
		right = tree_child(right.body, CAST_ARG);
	return right;
}

static bool
has_array(struct slice expression)
{
	return is_of_array(expression) &&
	       array_of(expression).type == PG_QUERY__NODE__NODE_A_ARRAY_EXPR;
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

	if (right.type == PG_QUERY__NODE__NODE_LIST)
		add_nodes(folder, right.body, LIST_ITEMS);
	else if (has_array(expression))
		add_nodes(folder, array_of(expression).body, LIST_ITEMS);
	else if (is_of_array(expression))
		folder_visit(folder, array_of(expression));
	else
		folder_visit(folder, has_pattern(expression) ? pattern_of(right) : right);
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
		folder_visit(folder, tree_child(node.body, EXPR_LEFT));
		add_right(folder, node.body);
		return true;
	case PG_QUERY__NODE__NODE_NULL_TEST:
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
		folder_visit(folder, tree_child(node.body, TEST_ARG));
		return true;
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		folder_visit(folder, tree_child(node.body, CAST_ARG));
		return true;
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
		folder_visit(folder, tree_child(node.body, COLLATE_ARG));
		return true;
	case PG_QUERY__NODE__NODE_CASE_EXPR:
		folder_visit(folder, tree_child(node.body, CASE_ARG));
		add_whens(folder, node.body);
		folder_visit(folder, tree_child(node.body, CASE_DEFAULT));
		return true;
	case PG_QUERY__NODE__NODE_COALESCE_EXPR:
		add_nodes(folder, node.body, COALESCE_ARGS);
		return true;
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
		add_nodes(folder, node.body, MIN_MAX_ARGS);
		return true;
	case PG_QUERY__NODE__NODE_ROW_EXPR:
		add_nodes(folder, node.body, ROW_ITEMS);
		return true;
	case PG_QUERY__NODE__NODE_LIST: /* of VALUES */
		add_nodes(folder, node.body, LIST_ITEMS);
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
		folder_give(folder, value_of_constant(node));
		return;
	}
	if (node.type == PG_QUERY__NODE__NODE_SUB_LINK) {
		fold_visit_link(folder, node);
		return;
	}
	folder_add(folder, TASK_COMBINE, node, 0);
	if (!add_parts(folder, node)) {
		folder->task_count = first;
		folder_give(folder,
		    tree_is_fixed(node) ? value_opaque(node, NULL, 0) : value_data(node));
		return;
	}
	folder->tasks[first].count = folder->task_count - first - 1;
	folder_turn(folder, first + 1);
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

	if (count < 2) /* of no element at all */
		return value_truth(join == value_or ? VALUE_FALSE : VALUE_TRUE);
	sum = value_compare(op, &values[0], &values[1]);
	for (size_t i = 2; i < count; i++) {
		pair[0] = sum;
		pair[1] = value_compare(op, &values[0], &values[i]);
		sum = join(pair, 2);
	}
	return sum;
}

/* The same with an array in quotes; elements nobody reads here may be anything. */
static struct value
combine_quoted(struct tree_node node, struct slice op, const struct value *values,
    struct value (*join)(const struct value *, size_t))
{
	struct value pair[2] = { value_truth(join == value_or ? VALUE_FALSE : VALUE_TRUE) };
	struct value element;
	struct slice rest;

	if (values[1].kind != VALUE_TEXT || !value_is_array(values[1].text, &rest))
		return value_opaque(node, values, 2);
	while (value_next_element(&rest, &element)) {
		pair[1] = value_compare(op, &values[0], &element);
		pair[0] = join(pair, 2);
	}
	return pair[0];
}

static struct value
combine_array(struct tree_node node, struct slice op, const struct value *values, size_t count,
    struct value (*join)(const struct value *, size_t))
{
	if (has_array(node.body))
		return combine_each(op, values, count, join);
	return count == 2 ? combine_quoted(node, op, values, join) : value_data(node);
}

/*
 * LIKE and SIMILAR TO by a pattern that is read otherwise than LIKE's own is known to be
 * fitted only where that is by everything.
 */
static struct value
combine_pattern(struct arena *arena, struct tree_node node, struct slice op,
    const struct value *values)
{
	bool own = tree_child(node.body, EXPR_RIGHT).type != PG_QUERY__NODE__NODE_FUNC_CALL;

	if (!own && values[1].kind == VALUE_TEXT && !value_fits_all(values[1].text, true))
		return value_opaque(node, values, 2);
	if (slice_is(op, "~"))
		op = slice_of("~~");
	else if (slice_is(op, "!~"))
		op = slice_of("!~~");
	return value_operate(arena, op, &values[0], &values[1], node);
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
combine_expr(
    struct arena *arena, struct tree_node node, const struct value *values, size_t count)
{
	struct slice op = tree_name(node.body, EXPR_NAME, NULL);
	uint64_t kind = tree_value(node.body, EXPR_KIND);
	struct value both[2];

	switch (kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
		if (count > 2)
			return value_data(node);
		return count == 1 ? value_sign(op, &values[0], node)
				  : value_operate(arena, op, &values[0], &values[1], node);
	case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
	case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
	case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
		return count == 2 ? combine_pattern(arena, node, op, values) : value_data(node);
	case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
		return combine_each(
		    op, values, count, slice_is(op, "=") ? value_or : value_and);
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
		return combine_array(node, op, values, count, value_or);
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
		return combine_array(node, op, values, count, value_and);
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

static struct value
combine_one(
    struct arena *arena, struct tree_node node, const struct value *value)
{
	switch (node.type) {
	case PG_QUERY__NODE__NODE_NULL_TEST:
		return value_null_test(value, tree_value(node.body, TEST_KIND) ==
						  PG_QUERY__NULL_TEST_TYPE__IS_NULL);
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
		return value_test(value, tree_value(node.body, TEST_KIND));
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
		return *value;
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		return value_cast(arena, value, tree_body(node.body, CAST_TYPE), node);
	default:
		return value_data(node);
	}
}

static struct value
combine(struct arena *arena, struct tree_node node, const struct value *values, size_t count)
{
	switch (node.type) {
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
		return combine_bool(node, values, count);
	case PG_QUERY__NODE__NODE_A_EXPR:
		return combine_expr(arena, node, values, count);
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
		return fold_combine_link(node, values, count);
	case PG_QUERY__NODE__NODE_ROW_EXPR:
		return value_row(arena, values, count, node);
	case PG_QUERY__NODE__NODE_LIST:
		return count == 1 ? values[0] : value_row(arena, values, count, node);
	default:
		return count == 1 ? combine_one(arena, node, &values[0]) : value_data(node);
	}
}

static void
take(struct folder *folder, const struct task *task)
{
	const struct value *values;
	struct value sum;

	if (task->kind == TASK_VISIT) {
		visit(folder, task->node);
		return;
	}
	if (task->kind == TASK_ROWS) {
		fold_visit_rows(folder, task->node);
		return;
	}
	folder->value_count -= task->count;
	values = &folder->values[folder->value_count];
	if (task->kind == TASK_COMBINE)
		sum = combine(folder->arena, task->node, values, task->count);
	else if (task->kind == TASK_ROW && task->count != 1)
		sum = value_row(folder->arena, values, task->count, task->node);
	else
		sum = fold_combine_rows(task->kind, values, task->count);
	folder_give(folder, sum);
}

static bool
is_null(const struct value *value)
{
	return value->kind == VALUE_NULL;
}

/* Is what it folds to like that? */
static bool
folds_to(struct tree_node expression, const struct cte *ctes,
    bool (*is_like_that)(const struct value *value))
{
	struct folder folder = { .ctes = ctes, .value_room = STACK_AT_FIRST };
	bool so;

	folder.values = mem_alloc(folder.value_room * sizeof(*folder.values));
	folder.arena = arena_new(ARENA_AT_FIRST);
	folder_visit(&folder, expression);
	while (folder.task_count > 0) {
		struct task task = folder.tasks[--folder.task_count];

		if (task.count > folder.value_count) /* a tree that no text has */
			break;
		take(&folder, &task);
	}
	so = folder.task_count == 0 && folder.value_count == 1 &&
	    is_like_that(&folder.values[0]);
	mem_free(folder.tasks);
	mem_free(folder.values);
	arena_free(folder.arena);
	return so;
}

bool
fold_is_tautology(struct tree_node condition, const struct cte *ctes)
{
	return folds_to(condition, ctes, value_is_tautology);
}

bool
fold_is_null(struct tree_node expression, const struct cte *ctes)
{
	return folds_to(expression, ctes, is_null);
}
