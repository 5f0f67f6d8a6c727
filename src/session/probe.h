/*
 * probe.h - asking a server what code that cannot be looked into has left behind in it.
 *
 * After a loan with a DO, a CALL, a text that was not parsed or a function that is not known
 * to be harmless, one query goes to the server before it is given back. The client has its
 * answer already; what it sends next waits until the server is free, or is the client's again.
 */
#ifndef SESSION_PROBE_H
#define SESSION_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/facts.h"

struct judged;
struct link;
struct probe;

/* A statement of this text was answered, or failed: does what it called have to be asked about? */
void probe_note(struct link *link, struct judged *judged, const struct sql_statement *statement);
/* One of which nothing is known. */
void probe_note_unknown(struct link *link, struct judged *judged);
/* A setting was changed in a way that cannot be followed: what is it now? */
void probe_note_settings(
    struct link *link, struct judged *judged, const struct sql_statement *statement);
/* A pin began, or may have ended. */
void probe_want(struct link *link, struct judged *judged);
/* The server is about to go back: ask it, if there is a reason. True: it was asked. */
bool probe_begin(struct link *link);
/* A row of its answer; the end of it. */
void probe_row(struct link *link, const uint8_t *body, size_t length);
void probe_end(struct link *link, bool failed);
void probe_free(struct probe *probe); /* NULL is fine */

#endif
