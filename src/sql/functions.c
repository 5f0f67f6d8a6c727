/* functions.c - calls of functions, and what known ones leave in the server connection.
 */
#include <stdlib.h>
#include <string.h>

#include <pg_query/pg_query.pb-c.h>

#include "constant.h"
#include "handlers.h"

enum { CALL_NAME = 1, CALL_ARGS = 2, CALL_STAR = 7 };
enum { INDIRECTIONS = 2, LIST_ITEMS = 1, RANGE_FUNCTIONS = 4, RANGE_ALIAS = 5 };
enum { SELECT_TARGETS = 3, TARGET_NAME = 1, TARGET_VALUE = 3 };

/* A built-in function (or one of a well-known extension) that outlives its transaction.
 */
struct known_function {
	const char *name;
	unsigned residue;
};

/*
 * Sorted by name. OPAQUE: it runs a text given to it, or makes something of the
 * session's that has no kind of its own here.
 */
static const struct known_function known_functions[] = {
	{ "connectby", SQL_RESIDUE_OPAQUE },
	{ "crosstab", SQL_RESIDUE_OPAQUE },
	{ "crosstab2", SQL_RESIDUE_OPAQUE },
	{ "crosstab3", SQL_RESIDUE_OPAQUE },
	{ "crosstab4", SQL_RESIDUE_OPAQUE },
	{ "crosstab_hash", SQL_RESIDUE_OPAQUE },
	{ "database_to_xml", SQL_RESIDUE_OPAQUE },
	{ "dblink_connect", SQL_RESIDUE_DBLINK },
	{ "dblink_connect_u", SQL_RESIDUE_DBLINK },
	{ "pg_advisory_lock", SQL_RESIDUE_ADVISORY },
	{ "pg_advisory_lock_shared", SQL_RESIDUE_ADVISORY },
	{ "pg_backup_start", SQL_RESIDUE_OPAQUE },
	{ "pg_copy_logical_replication_slot", SQL_RESIDUE_OPAQUE },
	{ "pg_copy_physical_replication_slot", SQL_RESIDUE_OPAQUE },
	{ "pg_create_logical_replication_slot", SQL_RESIDUE_OPAQUE },
	{ "pg_create_physical_replication_slot", SQL_RESIDUE_OPAQUE },
	{ "pg_replication_origin_session_setup", SQL_RESIDUE_OPAQUE },
	{ "pg_start_backup", SQL_RESIDUE_OPAQUE },
	{ "pg_try_advisory_lock", SQL_RESIDUE_ADVISORY },
	{ "pg_try_advisory_lock_shared", SQL_RESIDUE_ADVISORY },
	{ "query_to_xml", SQL_RESIDUE_OPAQUE },
	{ "query_to_xml_and_xmlschema", SQL_RESIDUE_OPAQUE },
	{ "query_to_xmlschema", SQL_RESIDUE_OPAQUE },
	{ "set_limit", SQL_RESIDUE_SETTING },
	{ "setseed", SQL_RESIDUE_SEED },
	{ "ts_rewrite", SQL_RESIDUE_OPAQUE },
	{ "ts_stat", SQL_RESIDUE_OPAQUE },
	{ "xpath_table", SQL_RESIDUE_OPAQUE },
};

static int
compare(const void *key, const void *element)
{
	const struct slice *name = key;
	const char *known = ((const struct known_function *)element)->name;
	size_t length = strlen(known);
	size_t common = name->length < length ? name->length : length;
	int order = memcmp(name->bytes, known, common);

	if (order != 0)
		return order;
	return (name->length > length) - (name->length < length);
}

static void
called_of_sequences(struct sql_statement *statement, struct slice name)
{
	statement->asks_sequence |= slice_is(name, "currval") || slice_is(name, "lastval");
	statement->advances_sequence |= slice_is(name, "nextval") || slice_is(name, "setval");
}

/* A function of the same name in a schema of the user's is taken for the known one. */
static void
called(struct collector *facts, struct slice name, const struct context *context)
{
	const struct known_function *known;

	collect_function(facts, name);
	facts->statement->notifies |= slice_is(name, "pg_notify");
	facts->statement->asks_channels |= slice_is(name, "pg_listening_channels");
	if (!context->named_only && !context->deferred)
		called_of_sequences(facts->statement, name);
	act_called(facts, name, context);
	reads_called(facts, name, context);
	known = bsearch(&name, known_functions,
	    sizeof(known_functions) / sizeof(known_functions[0]),
	    sizeof(known_functions[0]), compare);
	if (known != NULL)
		collect_residue(facts, context, known->residue);
}

void
handle_call(struct collector *facts, struct slice body, struct context *context)
{
	struct slice schema = { NULL, 0 };
	struct slice name = tree_name(body, CALL_NAME, &schema);
	struct context unsure = *context;

	if (name.length == 0)
		return;
	called(facts, name, context);
	if (!slice_is(name, "set_config"))
		return;
	/* One of a user's own may set something else, or nothing. */
	unsure.once = context->once && (schema.length == 0 || slice_is(schema, "pg_catalog"));
	handle_set_config(facts, body, &unsure);
}

/* (x).f is f(x) where x has no such field. */
void
handle_indirection(struct collector *facts, struct slice body, struct context *context)
{
	struct tree_node node;

	while (tree_next_child(&body, INDIRECTIONS, &node))
		if (tree_string(node).length > 0)
			called(facts, tree_string(node), context);
}

/* The name by which rows of FROM f() are known when there is no alias. */
static struct slice
name_of_item(struct tree_node item)
{
	struct tree_node call = tree_child(item.body, LIST_ITEMS);

	/* COALESCE and the like are known by their word. */
	return call.type == PG_QUERY__NODE__NODE_FUNC_CALL
		   ? tree_name(call.body, CALL_NAME, NULL)
		   : slice_of("*");
}

void
handle_range_function(struct collector *facts, struct slice body, struct context *context)
{
	struct slice alias = tree_body(tree_body(body, RANGE_ALIAS), 1);
	struct tree_node item;

	(void)context;
	if (alias.length > 0) {
		collect_seen(facts, &facts->function_rows, alias);
		return;
	}
	while (tree_next_child(&body, RANGE_FUNCTIONS, &item))
		collect_seen(facts, &facts->function_rows, name_of_item(item));
}

/* In `FROM unnest(a) x` is x.f a call of f(x): x is the value itself. */
void
functions_of_rows(struct collector *facts)
{
	const struct qualified *column = facts->qualified;
	bool any = collect_has(&facts->function_rows, slice_of("*"));

	facts->qualified = NULL;
	if (facts->function_rows.count == 0)
		return;
	for (; column != NULL; column = column->next) {
		const struct context context = { .named_only = column->named_only,
			.deferred = column->deferred };

		if (any || collect_has(&facts->function_rows, column->qualifier))
			called(facts, column->name, &context);
	}
}

/* Has the message no lists, names and parts but these two? Both may be the same. */
static bool
has_only(struct slice message, unsigned number, unsigned other)
{
	struct tree_field field;

	while (tree_next(&message, &field))
		if (field.has_body && field.number != number && field.number != other)
			return false;
	return true;
}

/* With lists of its own in this field only: its arguments, or its name. */
static bool
is_all_of(struct tree_node statement, const char *function, unsigned lists, struct slice *found)
{
	struct slice target = tree_child(statement.body, SELECT_TARGETS).body;
	struct tree_node call = tree_child(target, TARGET_VALUE);
	struct slice schema = { NULL, 0 };

	*found = call.body;
	if (statement.type != PG_QUERY__NODE__NODE_SELECT_STMT ||
	    call.type != PG_QUERY__NODE__NODE_FUNC_CALL ||
	    tree_count(statement.body, SELECT_TARGETS) != 1 ||
	    !has_only(statement.body, SELECT_TARGETS, SELECT_TARGETS) ||
	    !has_only(target, TARGET_NAME, TARGET_VALUE) ||
	    !has_only(call.body, CALL_NAME, lists) || tree_value(call.body, CALL_STAR) != 0 ||
	    !slice_is(tree_name(call.body, CALL_NAME, &schema), function))
		return false;
	return tree_count(call.body, CALL_NAME) == 1 ||
	    (tree_count(call.body, CALL_NAME) == 2 && slice_is(schema, "pg_catalog"));
}

bool
function_is_all_of(struct tree_node statement, const char *function)
{
	struct slice call;

	return is_all_of(statement, function, CALL_NAME, &call);
}

bool
function_of_number_is_all_of(struct tree_node statement, const char *function)
{
	struct slice call;

	return is_all_of(statement, function, CALL_ARGS, &call) && tree_count(call, CALL_ARGS) == 1 &&
	    constant_of(tree_child(call, CALL_ARGS)).kind == CONSTANT_INTEGER;
}
