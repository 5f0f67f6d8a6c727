/* statements.c - see statements.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

#include "base/mem.h"
#include "pool/statements.h"

enum entry_state {
	ENTRY_SENT,    /* its Parse is under way */
	ENTRY_PRESENT,
	ENTRY_DOUBTED, /* a Parse or Close of it failed or was skipped */
	ENTRY_CLOSING, /* its Close is under way */
};

struct entry {
	UT_hash_handle hh;
	TAILQ_ENTRY(entry) in_use; /* most recently used first */
	struct statement_id id;
	enum entry_state state; /* written by enter() alone */
	uint64_t batch;		/* of its Parse or last use; 0 when doubted or closing */
};

TAILQ_HEAD(entry_list, entry);

struct statements {
	struct entry *table;
	struct entry_list used;
	size_t closing;
};

struct statements *
statements_new(void)
{
	struct statements *statements = mem_zalloc(1, sizeof(*statements));

	TAILQ_INIT(&statements->used);
	return statements;
}

static struct entry *
find(const struct statements *statements, const struct statement_id *id)
{
	struct entry *entry;

	HASH_FIND(hh, statements->table, id, sizeof(*id), entry);
	return entry;
}

static void
enter(struct statements *statements, struct entry *entry, enum entry_state state, uint64_t batch)
{
	statements->closing -= entry->state == ENTRY_CLOSING;
	statements->closing += state == ENTRY_CLOSING;
	entry->state = state;
	entry->batch = batch;
}

static void
drop(struct statements *statements, struct entry *entry)
{
	statements->closing -= entry->state == ENTRY_CLOSING;
	HASH_DEL(statements->table, entry);
	TAILQ_REMOVE(&statements->used, entry, in_use);
	mem_free(entry);
}

void
statements_clear(struct statements *statements)
{
	while (!TAILQ_EMPTY(&statements->used))
		drop(statements, TAILQ_FIRST(&statements->used));
}

void
statements_free(struct statements *statements)
{
	statements_clear(statements);
	mem_free(statements);
}

enum statement_place
statements_find(
    struct statements *statements, const struct statement_id *id, uint64_t *batch)
{
	struct entry *entry = find(statements, id);

	if (entry == NULL)
		return STATEMENT_ABSENT;
	if (entry != TAILQ_FIRST(&statements->used)) {
		TAILQ_REMOVE(&statements->used, entry, in_use);
		TAILQ_INSERT_HEAD(&statements->used, entry, in_use);
	}
	if (entry->state != ENTRY_PRESENT) {
		*batch = entry->batch;
		return STATEMENT_SENT;
	}
	entry->batch = *batch;
	return STATEMENT_PRESENT;
}

void
statements_sent(struct statements *statements, const struct statement_id *id, uint64_t batch)
{
	struct entry *entry = find(statements, id);

	if (entry == NULL) {
		entry = mem_zalloc(1, sizeof(*entry));
		entry->id = *id;
		HASH_ADD(hh, statements->table, id, sizeof(*id), entry);
		TAILQ_INSERT_HEAD(&statements->used, entry, in_use);
	}
	enter(statements, entry, ENTRY_SENT, batch);
}

void
statements_confirm(struct statements *statements, const struct statement_id *id)
{
	struct entry *entry = find(statements, id);

	/* One that is being closed was confirmed too late: the Close goes behind that Parse. */
	if (entry != NULL && entry->state != ENTRY_CLOSING)
		enter(statements, entry, ENTRY_PRESENT, entry->batch);
}

void
statements_doubt(struct statements *statements, const struct statement_id *id)
{
	struct entry *entry = find(statements, id);

	if (entry != NULL)
		enter(statements, entry, ENTRY_DOUBTED, 0);
}

void
statements_closing(struct statements *statements, const struct statement_id *id)
{
	struct entry *entry = find(statements, id);

	if (entry != NULL)
		enter(statements, entry, ENTRY_CLOSING, 0);
}

void
statements_forget(struct statements *statements, const struct statement_id *id)
{
	struct entry *entry = find(statements, id);

	if (entry != NULL && entry->state != ENTRY_SENT)
		drop(statements, entry);
}

size_t
statements_count(const struct statements *statements)
{
	return HASH_COUNT(statements->table) - statements->closing;
}

bool
statements_oldest(
    const struct statements *statements, uint64_t batch, struct statement_id *id)
{
	const struct entry *entry;

	TAILQ_FOREACH_REVERSE(entry, &statements->used, entry_list, in_use)
		if ((entry->state == ENTRY_PRESENT && entry->batch != batch) ||
		    entry->state == ENTRY_DOUBTED) {
			*id = entry->id;
			return true;
		}
	return false;
}

bool
statement_name_is_ours(const char *name)
{
	return strncmp(name, "pgweir_", sizeof("pgweir_") - 1) == 0;
}

void
statement_name(const struct statement_id *id, char name[STATEMENT_NAME_SIZE])
{
	snprintf(name, STATEMENT_NAME_SIZE, "pgweir_%016" PRIx64 "%016" PRIx64, id->high, id->low);
}
