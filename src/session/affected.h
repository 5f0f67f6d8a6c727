/* affected.h - how many rows a statement changed, as max_affected_rows counts them; for guard.c. */
#ifndef SESSION_AFFECTED_H
#define SESSION_AFFECTED_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct sql_statement;

/* "INSERT 0 3", "COPY 5" of a COPY FROM: how many rows it changed; -1 for every other tag. */
int64_t affected_by_tag(const char *tag, const struct sql_statement *statement);
/* May the client's statement (NULL: not known), or what it EXECUTEs, have a tag that tells? */
bool affected_may_be(const struct client *client, const struct sql_statement *statement);

#endif
