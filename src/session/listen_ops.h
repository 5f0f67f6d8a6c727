/*
 * listen_ops.h - LISTEN and UNLISTEN in a transaction that is still open.
 *
 * They take effect at COMMIT; ROLLBACK undoes them, ROLLBACK TO those behind the savepoint.
 * Kept for clients that listen, or are about to.
 */
#ifndef SESSION_LISTEN_OPS_H
#define SESSION_LISTEN_OPS_H

#include "sql/facts.h"

struct listen_ops;

/* A statement was executed: note what it did to channels and savepoints. */
void listen_ops_note(struct listen_ops **ops, const struct sql_statement *statement);
/*
 * It was committed: `heed` is called in order; with NULL for UNLISTEN *. Nothing is left
 * afterwards.
 */
void listen_ops_commit(struct listen_ops **ops,
    void (*heed)(void *arg, const char *channel, bool listen), void *arg);
/* It was rolled back. */
void listen_ops_drop(struct listen_ops **ops);

#endif
