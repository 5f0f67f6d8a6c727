/*
 * fixed.c - what is within a part of a condition: see tree_is_fixed() and
 * those behind it in tree.h. Called by fold.c, fold_rows.c and reads.c.
 */
#include <pg_query/pg_query.pb-c.h>

#include "base/mem.h"

#include "tree.h"

enum { PARTS_AT_FIRST = 32, CALL_NAME = 1, CALL_OVER = 5 };

struct part {
	unsigned type;
	struct slice body;
};

enum looked { LOOK_WITHIN, LOOK_PAST, LOOK_FOUND };

/* On the stack of find(); the array is ours. */
struct parts {
	struct part *items;
	size_t count, room;
};

/*
 * Functions of PostgreSQL's that tell the same for the same arguments all through a
 * statement, and that people write. Anything else may read a table.
 */
static const char *const functions[] = { "abs", "age", "ascii", "btrim", "cardinality",
	"ceil", "ceiling", "char_length", "character_length", "chr", "concat", "concat_ws",
	"date_part", "date_trunc", "div", "exp", "extract", "factorial", "floor", "format",
	"initcap", "left", "length", "ln", "log", "lower", "lpad", "ltrim", "make_date",
	"md5", "mod", "now", "octet_length", "overlay", "pi", "position", "power", "repeat",
	"replace", "reverse", "right", "round", "rpad", "rtrim", "sign", "split_part", "sqrt",
	"starts_with", "statement_timestamp", "strpos", "substr", "substring", "timezone",
	"to_char", "to_date", "to_hex", "to_number", "to_timestamp", "transaction_timestamp",
	"translate", "trunc", "upper" };

static bool
is_known_call(struct slice call)
{
	struct slice schema, name = tree_name(call, CALL_NAME, &schema);

	if (schema.length > 0 && !slice_is(schema, "pg_catalog"))
		return false;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (slice_is(name, functions[i]))
			return true;
	return false;
}

static enum looked
is_of_a_row(struct tree_node node)
{
	switch (node.type) {
	case PG_QUERY__NODE__NODE_COLUMN_REF:
	case PG_QUERY__NODE__NODE_PARAM_REF:
	case PG_QUERY__NODE__NODE_SUB_LINK:
	case PG_QUERY__NODE__NODE_CURRENT_OF_EXPR:
	case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
	case PG_QUERY__NODE__NODE_GROUPING_FUNC:
		return LOOK_FOUND;
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		return is_known_call(node.body) ? LOOK_WITHIN : LOOK_FOUND;
	default:
		return LOOK_WITHIN;
	}
}

static enum looked
is_call(struct tree_node node)
{
	if (node.type == PG_QUERY__NODE__NODE_SUB_LINK)
		return LOOK_PAST;
	return node.type == PG_QUERY__NODE__NODE_FUNC_CALL ? LOOK_FOUND : LOOK_WITHIN;
}

/* Of all rows: with OVER it is of each. */
static enum looked
is_aggregate(struct tree_node node)
{
	static const char *const names[] = { "count", "sum", "min", "max", "avg",
		"bool_and", "bool_or", "every", "array_agg", "string_agg", "json_agg",
		"jsonb_agg" };

	if (node.type == PG_QUERY__NODE__NODE_SUB_LINK)
		return LOOK_PAST;
	if (node.type != PG_QUERY__NODE__NODE_FUNC_CALL || tree_has(node.body, CALL_OVER))
		return LOOK_WITHIN;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_is(tree_name(node.body, CALL_NAME, NULL), names[i]))
			return LOOK_FOUND;
	return LOOK_WITHIN;
}

bool
tree_names_random(struct slice name)
{
	static const char *const names[] = { "random", "gen_random_uuid", "uuid_generate_v4" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_is(name, names[i]))
			return true;
	return false;
}

static enum looked
is_random(struct tree_node node)
{
	return node.type == PG_QUERY__NODE__NODE_FUNC_CALL &&
		       tree_names_random(tree_name(node.body, CALL_NAME, NULL))
		   ? LOOK_FOUND
		   : LOOK_WITHIN;
}

static void
add(struct parts *parts, unsigned type, struct slice body)
{
	if (parts->count == parts->room) {
		parts->room = parts->room == 0 ? PARTS_AT_FIRST : 2 * parts->room;
		parts->items = mem_resize(parts->items, parts->room, sizeof(*parts->items));
	}
	parts->items[parts->count++] = (struct part){ type, body };
}

/* True: it is what is looked for. */
static bool
add_node(struct parts *parts, struct tree_node node, enum looked (*look)(struct tree_node))
{
	enum looked looked = look(node);

	if (looked == LOOK_WITHIN && node.type != 0)
		add(parts, node.type, node.body);
	return looked == LOOK_FOUND;
}

/* All that is within the part on top. */
static bool
step(struct parts *parts, enum looked (*look)(struct tree_node))
{
	struct part part = parts->items[--parts->count];
	struct tree_field field;

	while (tree_next(&part.body, &field)) {
		unsigned type = tree_field_type(part.type, field.number);

		if (!field.has_body || type == TREE_FIELD_PLAIN)
			continue;
		if (type == TREE_FIELD_STRANGE)
			return true;
		if (type != TREE_FIELD_NODE)
			add(parts, type, field.body);
		else if (add_node(parts, tree_node(field.body), look))
			return true;
	}
	return false;
}

static bool
find(struct tree_node node, enum looked (*look)(struct tree_node))
{
	struct parts parts = { 0 };
	bool found = add_node(&parts, node, look);

	while (!found && parts.count > 0)
		found = step(&parts, look);
	mem_free(parts.items);
	return found;
}

bool
tree_is_fixed(struct tree_node node)
{
	return !find(node, is_of_a_row);
}

bool
tree_has_call(struct tree_node node)
{
	return find(node, is_call);
}

bool
tree_has_aggregate(struct tree_node node)
{
	return find(node, is_aggregate);
}

bool
tree_has_random(struct tree_node node)
{
	return find(node, is_random);
}
