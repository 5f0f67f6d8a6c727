/* listen_ops.c - see listen_ops.h. */
#include <string.h>

#include "base/mem.h"
#include "listen_ops.h"

enum op_kind { OP_LISTEN, OP_UNLISTEN, OP_UNLISTEN_ALL, OP_SAVEPOINT };

struct op {
	enum op_kind kind;
	char *name; /* of the channel or savepoint; NULL for UNLISTEN_ALL */
};

/* In the order in which they happened. Owned by the client's struct listens. */
struct listen_ops {
	struct op *items;
	size_t count;
};

static void
add(struct listen_ops **ops, enum op_kind kind, const char *name)
{
	struct listen_ops *list = *ops;

	if (list == NULL)
		list = *ops = mem_zalloc(1, sizeof(*list));
	list->items = mem_resize(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = (struct op){ .kind = kind, .name = mem_strdup(name) };
}

/* Forget all from the i-th on. */
static void
cut(struct listen_ops *ops, size_t from)
{
	for (size_t i = from; i < ops->count; i++)
		mem_free(ops->items[i].name);
	ops->count = from;
}

/* Behind the youngest savepoint of this name; one from before the first change is not known. */
static size_t
behind_savepoint(const struct listen_ops *ops, const char *name)
{
	for (size_t i = ops->count; i > 0; i--) {
		const struct op *op = &ops->items[i - 1];

		if (op->kind == OP_SAVEPOINT && strcmp(op->name, name) == 0)
			return i;
	}
	return 0;
}

/* RELEASE: the savepoint and those inside it are gone, the changes stay. */
static void
merge(struct listen_ops *ops, size_t from)
{
	size_t kept = from;

	for (size_t i = from; i < ops->count; i++) {
		struct op *op = &ops->items[i];

		if (op->kind == OP_SAVEPOINT)
			mem_free(op->name);
		else
			ops->items[kept++] = *op;
	}
	ops->count = kept;
}

static void
release(struct listen_ops *ops, const char *name)
{
	size_t behind = behind_savepoint(ops, name);

	merge(ops, behind > 0 ? behind - 1 : 0);
}

void
listen_ops_note(struct listen_ops **ops, const struct sql_statement *statement)
{
	if (statement->listened != NULL)
		add(ops, OP_LISTEN, statement->listened);
	else if (statement->discards_all ||
	    (statement->unlistened != NULL && *statement->unlistened == '\0'))
		add(ops, OP_UNLISTEN_ALL, NULL);
	else if (statement->unlistened != NULL)
		add(ops, OP_UNLISTEN, statement->unlistened);
	if (statement->savepoint == NULL)
		return;
	if (statement->transaction == SQL_TXN_SAVEPOINT)
		add(ops, OP_SAVEPOINT, statement->savepoint);
	else if (*ops != NULL && statement->transaction == SQL_TXN_RELEASE)
		release(*ops, statement->savepoint);
	else if (*ops != NULL && statement->transaction == SQL_TXN_ROLLBACK_TO)
		cut(*ops, behind_savepoint(*ops, statement->savepoint));
}

void
listen_ops_commit(struct listen_ops **ops,
    void (*heed)(void *arg, const char *channel, bool listen), void *arg)
{
	if (*ops == NULL)
		return;
	for (size_t i = 0; i < (*ops)->count; i++) {
		const struct op *op = &(*ops)->items[i];

		if (op->kind != OP_SAVEPOINT)
			heed(arg, op->name, op->kind == OP_LISTEN);
	}
	listen_ops_drop(ops);
}

void
listen_ops_drop(struct listen_ops **ops)
{
	if (*ops == NULL)
		return;
	cut(*ops, 0);
	mem_free((*ops)->items);
	mem_free(*ops);
	*ops = NULL;
}
