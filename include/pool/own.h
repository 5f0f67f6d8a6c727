/*
 * own.h - a server connection for one client alone: of a replication connection.
 *
 * It logs in with what its client gave at start, is counted in the pool's budget as any
 * other, and is never lent again: whoever borrowed it closes it. Its client stands in the
 * pool's line until there is room. A failure to log in is told to that client, in the
 * server's own words, and to nobody else.
 */
#ifndef POOL_OWN_H
#define POOL_OWN_H

#include "pool/pool.h"
#include "wire/startup.h"

/* Made by own_new(). Owned by the client whose waiter it hangs at. */
struct own {
	TAILQ_ENTRY(own) in_unnamed; /* of its pool, while a host's name is looked up */
	bool unnamed;		     /* it is in that list */
	struct deferred ready;
	struct waiter *waiter;		/* borrowed: its owner's */
	const struct startup *startup;	/* borrowed: its owner's, who keeps it until `granted` */
	struct server *server;		/* being opened; NULL: not yet, not any more */
	unsigned tries;			/* hosts that could not be reached */
	bool plain_startup;		/* try without the settings that old servers do not know */
	const uint8_t *report;		/* in `refused`: body of the server's ErrorResponse, or NULL */
	size_t report_length;
};

/* For this waiter, which then joins the line; pool_leave() as ever, also while it is opened. */
void own_borrow(struct pool *pool, struct waiter *waiter, const struct startup *startup);
void own_free(struct own *own); /* NULL is fine; the waiter has left */

#endif
