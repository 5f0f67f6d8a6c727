/*
 * session.c - facts of transactions, prepared statements, cursors, EXPLAIN,
 * COPY, LISTEN and of code that shows nothing of what it does.
 *
 * What stands in the body of a function is done when somebody calls it: its verbs and classes
 * are judged, but this session's transaction, statements, cursors and channels stay as they are.
 */
#include <pg_query/pg_query.pb-c.h>

#include "constant.h"
#include "handlers.h"

enum { TXN_KIND = 1, TXN_OPTIONS = 2, TXN_SAVEPOINT = 3, TXN_CHAIN = 5 };
enum { PREPARE_NAME = 1, DECLARE_NAME = 1, DECLARE_OPTIONS = 2, FETCH_NAME = 3, FETCH_IS_MOVE = 4 };
enum { CURSOR_HOLD = 0x20 }; /* CURSOR_OPT_HOLD of PostgreSQL's parsenodes.h */
enum { EXPLAIN_OPTIONS = 2, DEF_NAME = 2, DEF_ARG = 3 };
enum { COPY_RELATION = 1, COPY_COLUMNS = 3, COPY_FROM = 4, COPY_PROGRAM = 5, COPY_FILE = 6 };
enum { RANGE_SCHEMA = 2, RANGE_NAME = 3 };
enum { CHANNEL_NAME = 1 };

/* By PgQuery__TransactionStmtKind. */
static const struct {
	const char *verb;
	enum sql_transaction effect;
} transactions[] = {
	[PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN] = { "BEGIN", SQL_TXN_BEGIN },
	[PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START] = { "START TRANSACTION",
	    SQL_TXN_BEGIN },
	[PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT] = { "COMMIT",
	    SQL_TXN_COMMIT },
	[PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK] = { "ROLLBACK",
	    SQL_TXN_ROLLBACK },
	[PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT] = { "SAVEPOINT",
	    SQL_TXN_SAVEPOINT },
	[PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE] = { "RELEASE",
	    SQL_TXN_RELEASE },
	[PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO] = { "ROLLBACK",
	    SQL_TXN_ROLLBACK_TO },
	[PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE] = { "PREPARE TRANSACTION",
	    SQL_TXN_PREPARE },
	[PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT_PREPARED] = { "COMMIT "
									  "PREPARED",
	    SQL_TXN_COMMIT_PREPARED },
	[PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_PREPARED] = { "ROLLBACK "
									    "PREPARED",
	    SQL_TXN_COMMIT_PREPARED },
};

void
handle_transaction(struct collector *facts, struct slice body, struct context *context)
{
	struct sql_statement *statement = facts->statement;
	uint64_t kind = tree_value(body, TXN_KIND);

	if (kind >= sizeof(transactions) / sizeof(transactions[0]))
		return;
	collect_verb(facts, transactions[kind].verb);
	settings_of_transaction(facts, body, TXN_OPTIONS);
	if (context->deferred)
		return;
	statement->transaction = transactions[kind].effect;
	statement->chain = tree_value(body, TXN_CHAIN) != 0;
	statement->savepoint = collect_text(facts, tree_body(body, TXN_SAVEPOINT));
}

/* Never NULL: "" stands for all. */
static void
note_prepared(struct collector *facts, struct slice body, const struct context *context)
{
	struct slice name = tree_body(body, PREPARE_NAME);

	if (!context->deferred)
		facts->statement->prepared_name =
		    arena_strndup(facts->arena, name.bytes, name.length);
}

void
handle_prepare(struct collector *facts, struct slice body, struct context *context)
{
	note_prepared(facts, body, context);
	collect_residue(facts, context, SQL_RESIDUE_PREPARE);
}

void
handle_execute(struct collector *facts, struct slice body, struct context *context)
{
	note_prepared(facts, body, context);
}

void
handle_deallocate(struct collector *facts, struct slice body, struct context *context)
{
	note_prepared(facts, body, context);
	facts->statement->deallocates |= !context->deferred;
}

void
handle_declare(struct collector *facts, struct slice body, struct context *context)
{
	if (context->deferred)
		return;
	facts->statement->cursor = collect_text(facts, tree_body(body, DECLARE_NAME));
	facts->statement->declares = true;
	if ((tree_value(body, DECLARE_OPTIONS) & CURSOR_HOLD) != 0)
		collect_residue(facts, context, SQL_RESIDUE_HOLD);
}

void
handle_fetch(struct collector *facts, struct slice body, struct context *context)
{
	collect_verb(facts, tree_value(body, FETCH_IS_MOVE) != 0 ? "MOVE" : "FETCH");
	if (!context->deferred)
		facts->statement->cursor = collect_text(facts, tree_body(body, FETCH_NAME));
}

/* As defGetBoolean(): a bare option is true, and what cannot be read is taken for true.
 */
static bool
is_on(struct tree_node value)
{
	struct constant constant = constant_of(value);
	bool on = true;

	if (value.type == PG_QUERY__NODE__NODE_STRING)
		return !constant_text_to_bool(tree_string(value), &on) || on;
	if (value.type == PG_QUERY__NODE__NODE_INTEGER)
		return tree_value(value.body, 1) != 0;
	return !constant_to_bool(&constant, &on) || on;
}

void
handle_explain(struct collector *facts, struct slice body, struct context *context)
{
	bool executes = false;
	struct tree_node option;

	while (tree_next_child(&body, EXPLAIN_OPTIONS, &option))
		if (slice_is(tree_body(option.body, DEF_NAME), "analyze"))
			executes = is_on(tree_child(option.body, DEF_ARG));
	collect_classes(facts, context, SQL_EXPLAIN);
	context->named_only = context->named_only || !executes;
	context->explains = true;
}

void
handle_copy(struct collector *facts, struct slice body, struct context *context)
{
	struct slice relation = tree_body(body, COPY_RELATION);
	bool from = tree_value(body, COPY_FROM) != 0;
	struct tree_node column;

	collect_classes(
	    facts, context, from ? SQL_COPY_IN | SQL_WRITE : SQL_COPY_OUT | SQL_READ);
	if (tree_value(body, COPY_PROGRAM) != 0)
		collect_classes(facts, context, SQL_COPY_PROGRAM);
	else if (tree_has(body, COPY_FILE))
		collect_classes(facts, context, SQL_COPY_FILE);
	/* Seen here, because whether it is read or written is beside the relation. */
	collect_relation(facts, tree_body(relation, RANGE_SCHEMA),
	    tree_body(relation, RANGE_NAME), from ? SQL_ACCESS_WRITE : SQL_ACCESS_READ);
	if (relation.length == 0)
		return;
	if (!from)
		reads_copied(facts, context);
	if (!tree_has(body, COPY_COLUMNS))
		collect_column(facts, slice_of("*"));
	while (tree_next_child(&body, COPY_COLUMNS, &column))
		collect_column(facts, tree_string(column));
}

void
handle_listen(struct collector *facts, struct slice body, struct context *context)
{
	if (context->deferred)
		return;
	facts->statement->listened = collect_text(facts, tree_body(body, CHANNEL_NAME));
	collect_residue(facts, context, SQL_RESIDUE_LISTEN);
}

/* UNLISTEN * has no name in the tree. */
void
handle_unlisten(struct collector *facts, struct slice body, struct context *context)
{
	struct slice name = tree_body(body, CHANNEL_NAME);

	if (!context->deferred)
		facts->statement->unlistened =
		    arena_strndup(facts->arena, name.bytes, name.length);
}

void
handle_notify(struct collector *facts, struct slice body, struct context *context)
{
	facts->statement->notifies |= !context->deferred;
	(void)body;
}

void
handle_load(struct collector *facts, struct slice body, struct context *context)
{
	collect_residue(facts, context, SQL_RESIDUE_LOAD);
	(void)body;
}

void
handle_opaque(struct collector *facts, struct slice body, struct context *context)
{
	collect_residue(facts, context, SQL_RESIDUE_OPAQUE);
	(void)body;
}
