/*
 * named_functions.c - functions that a definition names without calling them: those of
 * an aggregate, operator, cast, type, language and the like. Who uses what is defined
 * calls them, and the text of that shows no name, so they count here.
 */
#include <string.h>

#include <pg_query/pg_query.pb-c.h>

#include "handlers.h"

/* Field numbers of pg_query.proto. */
enum { DEF_NAME = 2, DEF_ARG = 3, NAMES = 1, LIST_ITEMS = 1 };
enum { CAST_FUNCTION = 3, FROM_SQL = 4, TO_SQL = 5, ITEM_NAME = 2 };
enum { CONVERSION_FUNCTION = 4, METHOD_HANDLER = 2 };
enum { LANGUAGE_HANDLER = 3, LANGUAGE_INLINE = 4, LANGUAGE_VALIDATOR = 5 };

/* Options whose value is a function's name. */
static const char *const options[] = { "analyze", "canonical", "combinefunc", "deserialfunc", "end",
	"finalfunc", "function", "gettoken", "handler", "headline", "init", "input", "join", "lexize",
	"lextypes", "mfinalfunc", "minvfunc", "msfunc", "output", "procedure", "receive", "restrict",
	"send", "serialfunc", "sfunc", "sfunc1", "start", "subscript", "subtype_diff", "support",
	"typmod_in", "typmod_out", "validator" };

static void
named(struct collector *facts, struct slice name)
{
	collect_function(facts, name);
	/* Which setting it will change, nobody knows. */
	if (slice_is(name, "set_config"))
		collect_setting_name(facts, slice_of(""));
}

static void
named_in(struct collector *facts, struct slice body, unsigned field)
{
	named(facts, tree_name(body, field, NULL));
}

static bool
is_option(struct slice name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (slice_is(name, options[i]))
			return true;
	return false;
}

void
handle_option(struct collector *facts, struct slice body, struct context *context)
{
	struct slice name = tree_body(body, DEF_NAME);
	struct tree_node arg = tree_child(body, DEF_ARG);

	(void)context;
	if (!is_option(name))
		return;
	if (arg.type == PG_QUERY__NODE__NODE_TYPE_NAME)
		named_in(facts, arg.body, NAMES);
	else if (arg.type == PG_QUERY__NODE__NODE_LIST)
		named_in(facts, arg.body, LIST_ITEMS);
	else if (!slice_is(name, "analyze")) /* that of EXPLAIN is a word */
		named(facts, tree_string(arg));
}

void
handle_create_cast(struct collector *facts, struct slice body, struct context *context)
{
	named_in(facts, tree_body(body, CAST_FUNCTION), NAMES);
	(void)context;
}

void
handle_create_transform(
    struct collector *facts, struct slice body, struct context *context)
{
	named_in(facts, tree_body(body, FROM_SQL), NAMES);
	named_in(facts, tree_body(body, TO_SQL), NAMES);
	(void)context;
}

/* FUNCTION of an operator class; an operator is named by signs, which no rule asks for. */
void
handle_class_item(struct collector *facts, struct slice body, struct context *context)
{
	named_in(facts, tree_body(body, ITEM_NAME), NAMES);
	(void)context;
}

void
handle_create_conversion(
    struct collector *facts, struct slice body, struct context *context)
{
	named_in(facts, body, CONVERSION_FUNCTION);
	(void)context;
}

void
handle_create_method(struct collector *facts, struct slice body, struct context *context)
{
	named_in(facts, body, METHOD_HANDLER);
	(void)context;
}

void
handle_create_language(struct collector *facts, struct slice body, struct context *context)
{
	named_in(facts, body, LANGUAGE_HANDLER);
	named_in(facts, body, LANGUAGE_INLINE);
	named_in(facts, body, LANGUAGE_VALIDATOR);
	(void)context;
}
