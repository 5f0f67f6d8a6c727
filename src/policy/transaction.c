/*
 * transaction.c - see include/policy/transaction.h. Asked by the tests of
 * built-in rules; filled by judge.c within a text, by others between texts.
 */
#include <string.h>

#include "base/mem.h"
#include "policy_internal.h"

/* The names of the copy that a judgement makes are borrowed; those that stay are ours. */
static char *
keep(const struct policy_transaction *transaction, const char *text)
{
	return transaction->borrows ? (char *)text : mem_strdup(text);
}

static void
forget(const struct policy_transaction *transaction, const struct noted *noted)
{
	if (transaction->borrows)
		return;
	mem_free(noted->schema);
	mem_free(noted->name);
	mem_free(noted->part);
}

static void
note(struct policy_transaction *transaction, enum noted_kind kind, bool temporary,
    const char *schema, const char *name, const char *part)
{
	if (transaction->count == NOTED_MOST || name == NULL)
		return;
	transaction->items[transaction->count++] = (struct noted){ .kind = kind,
		.temporary = temporary,
		.schema = keep(transaction, schema),
		.name = keep(transaction, name),
		.part = keep(transaction, part) };
}

static void
cut_back(struct policy_transaction *transaction, unsigned count)
{
	while (transaction->count > count)
		forget(transaction, &transaction->items[--transaction->count]);
}

static void
take_out(struct policy_transaction *transaction, unsigned at)
{
	forget(transaction, &transaction->items[at]);
	transaction->count--;
	memmove(&transaction->items[at], &transaction->items[at + 1],
	    (transaction->count - at) * sizeof(transaction->items[0]));
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
is_of(const struct noted *noted, enum noted_kind kind, const char *schema, const char *name)
{
	return noted->kind == kind && same(noted->schema, schema) && same(noted->name, name);
}

/* A name without a schema may lead to any. */
static bool
may_be(const struct noted *noted, enum noted_kind kind, const char *schema, const char *name)
{
	return noted->kind == kind && same(noted->name, name) &&
	    (noted->schema == NULL || schema == NULL || strcmp(noted->schema, schema) == 0);
}

bool
transaction_dropped(
    const struct policy_transaction *transaction, const char *schema, const char *name)
{
	for (unsigned i = 0; transaction != NULL && i < transaction->count; i++)
		if (may_be(&transaction->items[i], NOTED_DROPPED, schema, name))
			return true;
	return false;
}

const struct noted *
transaction_find(const struct policy_transaction *transaction, enum noted_kind kind,
    const char *schema, const char *name)
{
	for (unsigned i = 0; transaction != NULL && i < transaction->count; i++)
		if (is_of(&transaction->items[i], kind, schema, name))
			return &transaction->items[i];
	return NULL;
}

bool
transaction_has(const struct policy_transaction *transaction, enum noted_kind kind)
{
	for (unsigned i = 0; transaction != NULL && i < transaction->count; i++)
		if (transaction->items[i].kind == kind)
			return true;
	return false;
}

bool
transaction_validates_own(const struct policy_transaction *transaction, const struct sql_act *act)
{
	for (unsigned i = 0; transaction != NULL && i < transaction->count; i++)
		if (may_be(&transaction->items[i], NOTED_NOT_VALID, act->schema, act->table) &&
		    same(transaction->items[i].part, act->name))
			return true;
	return false;
}

/* From here on another relation may answer to the name. */
static void
no_longer_new(struct policy_transaction *transaction, const char *schema, const char *name)
{
	for (unsigned i = transaction->count; i > 0; i--)
		if (is_of(&transaction->items[i - 1], NOTED_CREATED, schema, name))
			take_out(transaction, i - 1);
}

/* With another search_path bare names lead elsewhere; after code that says nothing, all do. */
static void
forget_created(struct policy_transaction *transaction, bool bare_only)
{
	for (unsigned i = transaction->count; i > 0; i--) {
		const struct noted *noted = &transaction->items[i - 1];

		if (noted->kind == NOTED_CREATED && (!bare_only || noted->schema == NULL))
			take_out(transaction, i - 1);
	}
}

static bool
locks_out(const struct sql_act *act)
{
	switch (act->kind) {
	case SQL_ACT_ADD_COLUMN:
	case SQL_ACT_RENAME:
	case SQL_ACT_SET_SCHEMA:
	case SQL_ACT_CLUSTER:
		return act->table != NULL;
	case SQL_ACT_ADD_CONSTRAINT:
		return (act->flags & SQL_ACT_FOREIGN) == 0;
	case SQL_ACT_ALTER:
		return strcmp(act->type, "VALIDATE CONSTRAINT") != 0;
	case SQL_ACT_DROP:
		return strcmp(act->type, "TABLE") == 0 || strcmp(act->type, "ROWS") == 0;
	case SQL_ACT_LOCK:
		return act->number == 8;
	default:
		return false;
	}
}

static void
note_created(struct policy_transaction *transaction, const struct sql_act *act)
{
	bool temporary = (act->flags & SQL_ACT_TEMPORARY) != 0;

	/* IF NOT EXISTS and OR REPLACE may have made nothing. */
	if ((act->flags & SQL_ACT_GUARDED) != 0)
		return;
	if (act->kind == SQL_ACT_CREATE_INDEX)
		note(transaction, NOTED_CREATED, false, act->schema, act->name, NULL);
	else
		note(transaction, NOTED_CREATED, temporary, act->schema, act->table, NULL);
}

/* A comment is on a table under whatever name it was said. */
static void
note_commented(struct policy_transaction *transaction, const struct sql_act *act)
{
	for (unsigned i = transaction->count; i > 0; i--) {
		const struct noted *noted = &transaction->items[i - 1];

		if (noted->kind == NOTED_UNCOMMENTED && act->table != NULL &&
		    strcmp(noted->name, act->table) == 0)
			take_out(transaction, i - 1);
	}
}

/* What was new takes nobody's data with it. */
static void
note_dropped(struct policy_transaction *transaction, const struct sql_act *act)
{
	bool new = transaction_is_new(transaction, act->schema, act->table, true);

	if (strcmp(act->type, "ROWS") == 0)
		return;
	no_longer_new(transaction, act->schema, act->table);
	note_commented(transaction, act); /* there is nothing left to say */
	if (strcmp(act->type, "TABLE") == 0 && !new)
		note(transaction, NOTED_DROPPED, false, act->schema, act->table, NULL);
}

static void
note_renamed(struct policy_transaction *transaction, const struct sql_act *act)
{
	bool was_new = transaction_is_new(transaction, act->schema, act->table, false);

	if (act->name != NULL || strcmp(act->type, "COLUMN") == 0)
		return;
	no_longer_new(transaction, act->schema, act->table);
	if (was_new)
		note(transaction, NOTED_CREATED, false, act->schema, act->other, NULL);
}

static void
note_act(struct policy_transaction *transaction, const struct sql_act *act)
{
	bool is_new = transaction_is_new(transaction, act->schema, act->table, false);

	if (!is_new && locks_out(act))
		note(transaction, NOTED_LOCKED, false, act->schema, act->table, NULL);
	switch (act->kind) {
	case SQL_ACT_COMMENT:
		if ((act->flags & SQL_ACT_GUARDED) == 0)
			note_commented(transaction, act);
		break;
	case SQL_ACT_CREATE_TABLE:
		if ((act->flags & (SQL_ACT_TEMPORARY | SQL_ACT_PARTITION)) == 0)
			note(transaction, NOTED_UNCOMMENTED, false, act->schema, act->table, NULL);
		/* fall through */
	case SQL_ACT_CREATE_INDEX:
	case SQL_ACT_CREATE:
		note_created(transaction, act);
		break;
	case SQL_ACT_DROP:
		note_dropped(transaction, act);
		break;
	case SQL_ACT_RENAME:
		note_renamed(transaction, act);
		break;
	case SQL_ACT_SET_SCHEMA:
		no_longer_new(transaction, act->schema, act->table);
		break;
	case SQL_ACT_ADD_CONSTRAINT:
		if ((act->flags & SQL_ACT_NOT_VALID) != 0)
			note(transaction, NOTED_NOT_VALID, false, act->schema, act->table, act->name);
		/* fall through */
	case SQL_ACT_ADD_COLUMN:
	case SQL_ACT_ALTER:
		if (transaction_find(transaction, NOTED_ALTERED, act->schema, act->table) == NULL)
			note(transaction, NOTED_ALTERED, false, act->schema, act->table, NULL);
		break;
	default:
		break;
	}
}

void
policy_transaction_relations(const struct policy_transaction *transaction,
    void (*tell)(void *arg, const char *name), void *arg)
{
	for (unsigned i = 0; i < transaction->count; i++) {
		const struct noted *noted = &transaction->items[i];

		if (noted->kind != NOTED_SAVEPOINT && !noted->temporary && noted->name != NULL)
			tell(arg, noted->name);
	}
}

bool
policy_transaction_is_full(const struct policy_transaction *transaction)
{
	return !transaction_has_room(transaction);
}

static void
roll_back_to(struct policy_transaction *transaction, const char *savepoint)
{
	for (unsigned i = transaction->count; i > 0; i--)
		if (is_of(&transaction->items[i - 1], NOTED_SAVEPOINT, NULL, savepoint)) {
			cut_back(transaction, i);
			return;
		}
	cut_back(transaction, 0);
}

static void
note_control(struct policy_transaction *transaction, const struct sql_statement *statement)
{
	switch (statement->transaction) {
	case SQL_TXN_BEGIN:
		transaction->open = true;
		break;
	case SQL_TXN_COMMIT:
	case SQL_TXN_ROLLBACK:
	case SQL_TXN_PREPARE:
		policy_transaction_end(transaction);
		transaction->open = statement->chain;
		break;
	case SQL_TXN_SAVEPOINT:
		note(transaction, NOTED_SAVEPOINT, false, NULL, statement->savepoint, NULL);
		break;
	case SQL_TXN_ROLLBACK_TO:
		roll_back_to(transaction, statement->savepoint);
		break;
	default:
		break;
	}
}

static void
note_settings(struct policy_transaction *transaction, const struct sql_statement *statement)
{
	for (size_t i = 0; i < statement->setting_name_count; i++) {
		const char *name = statement->setting_names[i];

		if (name[0] == '\0' || strcmp(name, "search_path") == 0)
			forget_created(transaction, true);
		if (strcmp(name, "lock_timeout") == 0)
			transaction->lock_timeout = true;
		if (strcmp(name, "statement_timeout") == 0)
			transaction->statement_timeout = true;
	}
}

void
policy_transaction_note(
    struct policy_transaction *transaction, const struct sql_statement *statement)
{
	if (statement->transaction != SQL_TXN_NOTHING)
		note_control(transaction, statement);
	if ((statement->effects & (SQL_DO | SQL_CALL)) != 0)
		forget_created(transaction, false);
	note_settings(transaction, statement);
	for (size_t i = 0; i < statement->act_count; i++)
		if ((statement->acts[i].flags & SQL_ACT_BODY) == 0)
			note_act(transaction, &statement->acts[i]);
}

bool
policy_transaction_cares(const struct sql_statement *statement)
{
	return statement->transaction != SQL_TXN_NOTHING ||
	    (statement->effects & (SQL_DDL | SQL_DO | SQL_CALL | SQL_LOCK | SQL_MAINTENANCE)) != 0 ||
	    statement->setting_name_count > 0;
}

bool
transaction_is_new(const struct policy_transaction *transaction, const char *schema,
    const char *name, bool for_good)
{
	const struct noted *noted;

	if (schema != NULL && strncmp(schema, "pg_temp", 7) == 0)
		return true;
	noted = transaction_find(transaction, NOTED_CREATED, schema, name);
	/* A search_path may put another relation before a temporary one of that name. */
	return noted != NULL && !(for_good && noted->temporary);
}

struct policy_transaction *
policy_transaction_new(void)
{
	return mem_zalloc(1, sizeof(struct policy_transaction));
}

void
policy_transaction_end(struct policy_transaction *transaction)
{
	cut_back(transaction, 0);
	transaction->open = false;
}

void
policy_transaction_free(struct policy_transaction *transaction)
{
	if (transaction == NULL)
		return;
	cut_back(transaction, 0);
	mem_free(transaction);
}

bool
transaction_has_room(const struct policy_transaction *transaction)
{
	return transaction->count < NOTED_MOST;
}

bool
policy_transaction_is_open(const struct policy_transaction *transaction)
{
	return transaction->open;
}

void
policy_transaction_open(struct policy_transaction *transaction)
{
	transaction->open = true;
}
