/* same.c - tree_is_same() of tree.h, for conditions that compare a thing with itself. */
#include <pg_query/pg_query.pb-c.h>

#include "base/mem.h"

#include "tree.h"

enum { PAIRS_AT_FIRST = 32, COLUMN_FIELDS = 1 };

/* Two nodes of one type, still to be compared from here on. */
struct pair {
	unsigned type;
	struct slice a, b;
};

/* On the stack of tree_is_same(); the array is ours. */
struct pairs {
	struct pair *items;
	size_t count, room;
};

static void
add(struct pairs *pairs, unsigned type, struct slice a, struct slice b)
{
	if (pairs->count == pairs->room) {
		pairs->room = pairs->room == 0 ? PAIRS_AT_FIRST : 2 * pairs->room;
		pairs->items =
		    mem_resize(pairs->items, pairs->room, sizeof(*pairs->items));
	}
	pairs->items[pairs->count++] = (struct pair){ type, a, b };
}

/* t.id and id are one column, or the statement is an error: one ends in the other. */
static bool
is_same_column(struct slice a, struct slice b)
{
	size_t count_a = tree_count(a, COLUMN_FIELDS),
	       count_b = tree_count(b, COLUMN_FIELDS);
	struct tree_node part_a, part_b;

	for (; count_a > count_b; count_a--)
		tree_next_child(&a, COLUMN_FIELDS, &part_a);
	for (; count_b > count_a; count_b--)
		tree_next_child(&b, COLUMN_FIELDS, &part_b);
	while (tree_next_child(&a, COLUMN_FIELDS, &part_a) &&
	       tree_next_child(&b, COLUMN_FIELDS, &part_b))
		if (part_a.type != part_b.type ||
		    !slices_are_equal(part_a.body, part_b.body))
			return false;
	return true;
}

static bool
compare_nodes(struct pairs *pairs, struct tree_node a, struct tree_node b)
{
	if (a.type != b.type || a.type == PG_QUERY__NODE__NODE_FUNC_CALL)
		return false;
	if (a.type == PG_QUERY__NODE__NODE_COLUMN_REF)
		return is_same_column(a.body, b.body);
	if (a.type != 0)
		add(pairs, a.type, a.body, b.body);
	return true;
}

/* The next field that says something; false at the end. */
static bool
next_telling(unsigned type, struct slice *rest, struct tree_field *field)
{
	while (tree_next(rest, field))
		if (tree_field_type(type, field->number) != TREE_FIELD_LOCATION)
			return true;
	return false;
}

static bool
compare_fields(struct pairs *pairs, unsigned owner, const struct tree_field *a,
    const struct tree_field *b)
{
	unsigned type = tree_field_type(owner, a->number);

	if (a->number != b->number || a->has_body != b->has_body || a->value != b->value)
		return false;
	if (!a->has_body || type == TREE_FIELD_PLAIN)
		return slices_are_equal(a->body, b->body);
	if (type == TREE_FIELD_NODE)
		return compare_nodes(pairs, tree_node(a->body), tree_node(b->body));
	return compare_nodes(pairs, (struct tree_node){ type, a->body },
	    (struct tree_node){ type, b->body });
}

/* One field of the pair on top, or its end. */
static bool
step(struct pairs *pairs)
{
	struct pair *top = &pairs->items[pairs->count - 1];
	struct tree_field a, b;
	unsigned type = top->type;
	bool more_a = next_telling(type, &top->a, &a),
	     more_b = next_telling(type, &top->b, &b);

	if (more_a != more_b)
		return false;
	if (more_a)
		return compare_fields(pairs, type, &a, &b);
	pairs->count--;
	return true;
}

bool
tree_is_same(struct tree_node a, struct tree_node b)
{
	struct pairs pairs = { 0 };
	bool same = a.type != 0 && compare_nodes(&pairs, a, b);

	while (same && pairs.count > 0)
		same = step(&pairs);
	mem_free(pairs.items);
	return same;
}
