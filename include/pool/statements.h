/*
 * statements.h - the prepared statements that a server connection has, under the
 * names we gave them, least recently used last.
 */
#ifndef POOL_STATEMENTS_H
#define POOL_STATEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATEMENT_NAME_SIZE = 40 }; /* "pgweir_" and 32 hex digits, with NUL */

/*
 * 128 bits of SHA-256 over text and parameter types: the same in every process, and
 * no two texts that a client could craft have the same.
 */
struct statement_id {
	uint64_t high, low;
};

struct statements;

/* Where a statement is on its way to or on the server. */
enum statement_place {
	STATEMENT_ABSENT,
	STATEMENT_SENT,	   /* Parse went out in the batch `batch`, not yet confirmed */
	STATEMENT_PRESENT, /* ParseComplete came */
};

struct statements *statements_new(void);
void statements_free(struct statements *statements);
/*
 * Where it is; for SENT, *batch is the batch of its Parse, or 0 when it is not known
 * whether the server has it. Marks it as used.
 */
enum statement_place statements_find(
    struct statements *statements, const struct statement_id *id, uint64_t *batch);
/* A Parse for it goes out now. */
void statements_sent(
    struct statements *statements, const struct statement_id *id, uint64_t batch);
/* ParseComplete came. */
void statements_confirm(struct statements *statements, const struct statement_id *id);
/* Its Parse or Close failed or was skipped: the server may have it or not. */
void statements_doubt(struct statements *statements, const struct statement_id *id);
/* A Close for it goes out now. */
void statements_closing(struct statements *statements, const struct statement_id *id);
/* CloseComplete came: it is gone, unless a Parse for it went out since. */
void statements_forget(struct statements *statements, const struct statement_id *id);
void statements_clear(struct statements *statements);
/* Those that are being closed do not count. */
size_t statements_count(const struct statements *statements);
/* The least recently used one that is there, or may be, and is not used in this batch; false if none. */
bool statements_oldest(
    const struct statements *statements, uint64_t batch, struct statement_id *id);
/* Is it, or could it be, one of those names? */
bool statement_name_is_ours(const char *name);
void statement_name(const struct statement_id *id, char name[STATEMENT_NAME_SIZE]);

#endif
