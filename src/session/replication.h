/*
 * replication.h - replication connections: clients with a walsender of their own.
 *
 * Such a client keeps the server that was opened for it (pool/own.h) until it leaves, whatever
 * the pool mode. Commands of the replication protocol are no SQL: they are judged as class
 * REPLICATION, recorded, and passed on; their streams go both ways as they come.
 */
#ifndef SESSION_REPLICATION_H
#define SESSION_REPLICATION_H

#include "inbound.h"

/* It has logged in: ask the policies, then stand in line for a server. */
void replication_begin(struct client *client);
/* Is this Query for replication_query(), and not SQL? */
bool replication_takes(const struct client *client, const char *text);
enum step replication_query(
    struct client *client, const struct inbound *message, const char *text, size_t length);
/* A message that no walsender takes: it is told so. */
enum step replication_refuse(struct client *client, uint8_t type);
/* It takes its leave: so hears its server, which may still have a command to read. */
enum step replication_terminate(struct client *client, const struct inbound *message);
/* Its client is gone, in whatever way: so goes the server, and the link. */
void replication_abandon(struct link *link, bool left);

#endif
