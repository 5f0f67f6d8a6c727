/*
 * sequences.h - currval() and lastval() of a client that shares its servers.
 *
 * What they tell stands in the server's session, and is the client's own only where it wrote
 * last. So each server knows whose writes it had last, each client where it wrote last.
 */
#ifndef SESSION_SEQUENCES_H
#define SESSION_SEQUENCES_H

#include <stdbool.h>

#include "gate.h"
#include "link.h"
#include "session/client.h"

/* What was done in a loan. */
enum {
	SEQUENCES_WROTE = 1,	/* a trigger or default may have advanced a sequence */
	SEQUENCES_ADVANCED = 2, /* it is taken for sure */
	SEQUENCES_CALLED = 4,	/* a function that is not known yet may have */
	SEQUENCES_CLEANING = 8, /* DISCARD SEQUENCES was sent in front of the client's message */
};

/* What a client's message wants of its server. */
enum {
	SEQUENCES_OWN = 1,   /* the one it wrote on last, if it is idle */
	SEQUENCES_CLEAN = 2, /* nobody else's values on it */
};

/* Is sequences_look() to be asked? `judged` may be NULL. */
static inline bool
sequences_concern(const struct client *client, const struct judged *judged)
{
	return judged != NULL && client->pool != NULL &&
	    (client->pool->asks_sequence || judged->asks_sequence);
}
/* This text is about to be sent: which server should it have? */
void sequences_look(struct client *client, const struct judged *judged);
/* Does an answer decide what it would be told? Then its message waits. */
bool sequences_await(struct client *client, const struct judged *judged);
/* False: it would be told another client's value, and was told so. */
bool sequences_permit(struct client *client, struct judged *judged, uint8_t type);

/* restore.c: is DISCARD SEQUENCES to be put in front of the message? That was done. */
bool sequences_want_clean(const struct link *link);
void sequences_cleaned(struct link *link);

/* residue.c: this was answered, or failed; an EXECUTE or EXPLAIN EXECUTE ran this. */
void sequences_note(struct link *link, const struct sql_statement *statement);
void sequences_note_run(struct link *link, const struct sql_statement *statement);
void sequences_note_unknown(struct link *link);
/* DISCARD ALL, DISCARD SEQUENCES */
void sequences_forget(struct link *link);
/* probe.c: all functions that were not known are PostgreSQL's own. */
void sequences_clear_calls(struct link *link);

/* link.c: the loan ends; its client is gone and what it did is not known. */
void sequences_keep(struct link *link);
void sequences_abandon(struct link *link);

#endif
