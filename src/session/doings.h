/*
 * doings.h - what the open transaction has done to objects, for rules that ask: what it
 * made is new, and nobody waits for its locks. A client has none before its first DDL.
 */
#ifndef SESSION_DOINGS_H
#define SESSION_DOINGS_H

#include "sql/facts.h"

struct client;
struct gate;
struct judged;
struct link;
struct ruling;

/* A statement was answered: note it, from the transaction's first DDL on. */
void doings_note(struct client *client, const struct sql_statement *statement);
/* The transaction is over, or something ran in it of which nothing is known. NULL is fine. */
void doings_forget(struct client *client);
/* The ruling in the light of them; NULL when there are none, or not all is answered yet. */
struct ruling *doings_rule(struct client *client, const struct judged *judged);

#endif
