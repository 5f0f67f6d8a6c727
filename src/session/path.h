/*
 * path.h - where a client's session looks for bare names, for rules that permit by schema.
 *
 * What is known of its settings tells it, while nothing is under way that may lead names
 * elsewhere: from the first statement that is not quiet on, nothing is known until the loan is
 * at rest, outside of transactions and with every answer there.
 */
#ifndef SESSION_PATH_H
#define SESSION_PATH_H

#include "policy/policy.h"

struct client;
struct judged;
struct link;

/* Is every statement of it, but for the functions that it calls? NULL is not. */
bool path_text_is_quiet(const struct sql_facts *facts);
/* The client's text goes to its server; NULL: something of which nothing is known. */
void path_sent(struct client *client, struct judged *judged);
/* A ReadyForQuery was handled, or the server was asked what was left. */
void path_settle(struct link *link);
/* What is known of it now; what it points to is good until the client or its server is heard. */
struct policy_path path_of(const struct client *client);
/* Of the same client the same as long as names lead to the same; never 0. */
uint64_t path_key(const struct client *client);

#endif
