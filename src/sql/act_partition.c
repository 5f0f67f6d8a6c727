/*
 * act_partition.c - which partition is attached or detached, and what it is to hold.
 * Called by acts.c.
 */
#include <stdio.h>
#include <string.h>

#include <pg_query/pg_query.pb-c.h>

#include "constant.h"
#include "handlers.h"

/* Field numbers of pg_query.proto. */
enum { RANGE_SCHEMA = 2, RANGE_NAME = 3 };
enum { PARTITION_NAME = 1, PARTITION_BOUND = 2, PARTITION_CONCURRENT = 3 };
enum { BOUND_STRATEGY = 1, BOUND_DEFAULT = 2, BOUND_LIST = 5, BOUND_LOWER = 6, BOUND_UPPER = 7 };

/* A literal as it is written, but without its quotes and a cast; empty when it is none. */
static struct slice
bound_text(struct collector *facts, struct tree_node node)
{
	struct constant constant;

	if (node.type == PG_QUERY__NODE__NODE_TYPE_CAST)
		node = tree_child(node.body, 1);
	constant = constant_of(node);
	if (constant.kind == CONSTANT_INTEGER) {
		char digits[24];

		snprintf(digits, sizeof(digits), "%lld", (long long)constant.integer);
		return slice_of(arena_strndup(facts->arena, digits, strlen(digits)));
	}
	return constant.kind == CONSTANT_STRING || constant.kind == CONSTANT_DECIMAL
	    ? constant.text
	    : (struct slice){ NULL, 0 };
}

static bool
tell_bounds(
    struct collector *facts, const char **keys, size_t *count, struct slice bound, unsigned field)
{
	struct tree_node node;

	for (struct slice rest = bound; tree_next_child(&rest, field, &node);) {
		keys[*count] = collect_text(facts, bound_text(facts, node));
		if (keys[(*count)++] == NULL)
			return false;
	}
	return true;
}

/* What a partition is to hold, when that is said by literals. */
static void
tell_bound(struct collector *facts, struct sql_act *act, struct slice bound)
{
	static const unsigned fields[] = { BOUND_LIST, BOUND_LOWER, BOUND_UPPER };
	struct slice strategy = tree_body(bound, BOUND_STRATEGY);
	size_t most = 0, count = 0;
	const char **keys;

	for (size_t i = 0; i < 3; i++)
		most += tree_count(bound, fields[i]);
	keys = arena_zalloc(facts->arena, most, sizeof(*keys));
	if (tree_value(bound, BOUND_DEFAULT) != 0 || strategy.length != 1)
		return;
	for (size_t i = 0; i < 3; i++)
		if (!tell_bounds(facts, keys, &count, bound, fields[i]))
			return;
	act->keys = keys;
	act->key_count = count;
	act->number = strategy.bytes[0];
}

void
act_partition(struct collector *facts, struct sql_act *act, struct slice command)
{
	struct slice range = tree_body(command, PARTITION_NAME);

	act->other_schema = collect_text(facts, tree_body(range, RANGE_SCHEMA));
	act->other = collect_text(facts, tree_body(range, RANGE_NAME));
	if (tree_value(command, PARTITION_CONCURRENT) != 0)
		act->flags |= SQL_ACT_CONCURRENTLY;
	tell_bound(facts, act, tree_body(command, PARTITION_BOUND));
}
