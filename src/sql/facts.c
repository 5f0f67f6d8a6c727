/*
 * facts.c - see include/sql/facts.h: from a text, by way of PostgreSQL's parser,
 * to what it does.
 */
#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "sql/facts.h"

#include "collect.h"
#include "handlers.h"
#include "lex.h"
#include "normalize.h"
#include "parse.h"
#include "precheck.h"
#include "walk.h"

enum { RESULT_STATEMENTS = 2, RAW_STATEMENT = 1, RAW_LOCATION = 2, RAW_LENGTH = 3 };
/* The parser's library leaves the arguments of CALL, EXECUTE and the queries of cursors.
 */
enum { NUMBERS_ARE_VALUES = SQL_CALL | SQL_PREPARE | SQL_CURSOR };
enum { ARENA_FIRST_BYTES = 1024, STACK_RESERVE_BYTES = 256 * 1024 };

static const char *const class_names[] = {
	"READ",
	"WRITE",
	"DDL",
	"ROLE",
	"TXN",
	"SESSION",
	"FUNCTION",
	"DO",
	"CALL",
	"COPY_IN",
	"COPY_OUT",
	"COPY_FILE",
	"COPY_PROGRAM",
	"MAINTENANCE",
	"LOCK",
	"LISTEN",
	"CURSOR",
	"PREPARE",
	"EXPLAIN",
	"REPLICATION",
	"OTHER",
};

enum { CLASS_COUNT = sizeof(class_names) / sizeof(class_names[0]) };
_Static_assert(SQL_OTHER == 1 << (CLASS_COUNT - 1), "a class has no name");

const char *
sql_class_name(unsigned class_bit)
{
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (class_bit == 1u << i)
			return class_names[i];
	return NULL;
}

unsigned
sql_class_by_name(const char *name)
{
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (strcmp(class_names[i], name) == 0)
			return 1u << i;
	return 0;
}

/* The lowest address of this thread's stack; asked once a thread. */
static const char *
stack_end(void)
{
	static _Thread_local void *lowest;
	pthread_attr_t attributes;
	size_t size;

	if (lowest == NULL && pthread_getattr_np(pthread_self(), &attributes) == 0) {
		pthread_attr_getstack(&attributes, &lowest, &size);
		pthread_attr_destroy(&attributes);
	}
	return lowest;
}

/* A caller on a thread with too small a stack is told so, instead of crashing. */
static bool
stack_suffices(size_t length)
{
	const char *here = __builtin_frame_address(0);
	const char *end = stack_end();

	return end == NULL || (size_t)(here - end) > sql_stack_size(length) - (1 << 20) +
							 STACK_RESERVE_BYTES;
}

/* Without white space and comments around it. */
static void
trim(const char *text, size_t start, size_t end, struct sql_statement *statement)
{
	struct lexer lexer = { .text = text, .length = end, .at = start };
	struct lex_token token;

	lex_next_real(&lexer, &token);
	statement->location = (int)token.start;
	statement->length = (int)(token.end - token.start);
	for (; token.kind != LEX_END; lex_next_real(&lexer, &token))
		statement->length = (int)token.end - statement->location;
}

/* The statements in the body of a function: done later, as parts of this one. */
static bool
walk_body(struct collector *facts, const struct collect_body *body, struct error *err)
{
	const struct context context = { .access = SQL_ACCESS_READ, .deferred = true };
	struct parsed parsed;
	struct slice tree;
	struct tree_field field;
	int position;
	bool good = true;

	if (!precheck(body->text, body->length, err, &position) ||
	    !parse(body->text, &parsed, err, &position))
		return false;
	tree = (struct slice){ parsed.memory, parsed.length };
	facts->in_body = true;
	while (good && tree_next(&tree, &field))
		if (field.number == RESULT_STATEMENTS)
			good = walk(
			    facts, tree_child(field.body, RAW_STATEMENT), context, err);
	parse_free(&parsed);
	return good;
}

/* A body may hold another; each is shorter than what it stands in. */
static bool
walk_bodies(struct collector *facts, struct error *err)
{
	while (facts->bodies != NULL) {
		const struct collect_body *body = facts->bodies;

		facts->bodies = body->next;
		if (!walk_body(facts, body, err))
			return false;
	}
	return true;
}

/* One RawStmt. */
static bool
fill_statement(struct arena *arena, const char *text, size_t length, struct slice raw,
    struct sql_statement *statement, struct error *err)
{
	const struct context context = {
		.access = SQL_ACCESS_READ, .top = true, .outermost = true
	};
	struct collector facts = { .arena = arena, .statement = statement };
	size_t start = (size_t)tree_value(raw, RAW_LOCATION);
	size_t bytes = (size_t)tree_value(raw, RAW_LENGTH);

	if (start > length)
		start = length;
	if (bytes == 0 || bytes > length - start)
		bytes = length - start;
	trim(text, start, start + bytes, statement);
	facts.text = (struct slice){ (const uint8_t *)text + statement->location,
		(size_t)statement->length };
	statement->stored = settings_stored(arena, tree_child(raw, RAW_STATEMENT));
	statement->asks_pid = function_is_all_of(tree_child(raw, RAW_STATEMENT), "pg_backend_pid");
	statement->signals =
	    function_of_number_is_all_of(tree_child(raw, RAW_STATEMENT), "pg_cancel_backend") ||
	    function_of_number_is_all_of(tree_child(raw, RAW_STATEMENT), "pg_terminate_backend");
	if (!walk(&facts, tree_child(raw, RAW_STATEMENT), context, err) ||
	    !walk_bodies(&facts, err))
		return false;
	collect_end(&facts);
	return true;
}

static bool
fill_statements(struct sql_facts *facts, const char *text, size_t length,
    struct slice tree, struct error *err, int *position)
{
	struct tree_field field;

	facts->statement_count = 0;
	facts->statements = arena_zalloc(facts->memory,
	    tree_count(tree, RESULT_STATEMENTS), sizeof(*facts->statements));
	while (tree_next(&tree, &field)) {
		struct sql_statement *statement =
		    &facts->statements[facts->statement_count];

		if (field.number != RESULT_STATEMENTS)
			continue;
		if (!fill_statement(
			facts->memory, text, length, field.body, statement, err)) {
			*position = statement->location + 1;
			return false;
		}
		facts->classes |= statement->classes;
		facts->statement_count++;
	}
	return true;
}

/* `text` is NUL-terminated and has passed the precheck. */
static struct sql_facts *
make_facts(const char *text, size_t length, struct error *err, int *position)
{
	struct parsed parsed;
	struct arena *arena;
	struct sql_facts *facts;
	bool good;

	if (!parse(text, &parsed, err, position))
		return NULL;
	arena = arena_new(ARENA_FIRST_BYTES + 2 * length);
	facts = arena_zalloc(arena, 1, sizeof(*facts));
	facts->memory = arena;
	good = fill_statements(facts, text, length,
	    (struct slice){ parsed.memory, parsed.length }, err, position);
	parse_free(&parsed);
	if (!good) {
		arena_free(arena);
		return NULL;
	}
	if (facts->statement_count > 0)
		parse_fingerprint(text, facts->fingerprint);
	facts->normalized =
	    normalize(arena, text, length, (facts->classes & NUMBERS_ARE_VALUES) != 0);
	return facts;
}

enum sql_outcome
sql_facts(const char *text, size_t length, size_t cap, struct sql_facts **facts,
    struct error *err, int *err_position)
{
	char *copy;

	*err_position = 0;
	if (cap > SQL_TEXT_MOST)
		cap = SQL_TEXT_MOST;
	if (length > cap) {
		error_set_state(err, ERROR_LIMIT, "54000",
		    "statement of %zu bytes is longer than the %zu that are analysed",
		    length, cap);
		return SQL_OVERSIZE;
	}
	if (!stack_suffices(length)) {
		error_set_state(err, ERROR_LIMIT, "54001",
		    "statement of %zu bytes is too long for the stack of this thread",
		    length);
		return SQL_OVERSIZE;
	}
	tree_init();
	if (!precheck(text, length, err, err_position))
		return SQL_UNPARSEABLE;
	copy = mem_strndup(text, length);
	*facts = make_facts(copy, length, err, err_position);
	mem_free(copy);
	return *facts != NULL ? SQL_KNOWN : SQL_UNPARSEABLE;
}

struct sql_facts *
sql_facts_of_call(void)
{
	static const char *const verbs[] = { "FUNCTION CALL", NULL };
	struct arena *arena = arena_new(ARENA_FIRST_BYTES);
	struct sql_facts *facts = arena_zalloc(arena, 1, sizeof(*facts));
	struct sql_statement *call = arena_zalloc(arena, 1, sizeof(*call));

	*call = (struct sql_statement){ .classes = SQL_FUNCTION,
		.effects = SQL_FUNCTION,
		.verb = verbs[0],
		.verbs = verbs,
		.residue = SQL_RESIDUE_OPAQUE,
		.by_message = true };
	*facts = (struct sql_facts){ .statements = call,
		.statement_count = 1,
		.classes = SQL_FUNCTION,
		.normalized = arena_zalloc(arena, 1, 1),
		.memory = arena };
	return facts;
}

void
sql_facts_free(struct sql_facts *facts)
{
	if (facts != NULL)
		arena_free(facts->memory);
}
