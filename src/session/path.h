/*
 * path.h - where a client's session looks for bare names, for rules that permit by schema.
 *
 * Known outside of transactions from what is known of its settings; within one, until something
 * ran that may lead names elsewhere.
 */
#ifndef SESSION_PATH_H
#define SESSION_PATH_H

#include "policy/policy.h"

struct client;
struct link;

/* A statement was answered, or failed, that may have changed where names lead. */
void path_note(struct link *link, const struct sql_statement *statement);
/* The transaction is over, or the server was asked what was left. */
void path_settle(struct link *link);
/* Code ran of which nothing is known. */
void path_lose(struct link *link);
/* What is known of it now; what it points to is good until the client or its server is heard. */
struct policy_path path_of(const struct client *client);
/* Of the same client the same as long as names lead to the same; never 0. */
uint64_t path_key(const struct client *client);

#endif
