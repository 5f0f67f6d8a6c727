/*
 * ahead.h - messages of ours in front of a client's, in the same write and without a Sync: its
 * settings (restore.c), statements that its Query EXECUTEs (place.c), a lock_timeout behind
 * these (guard_send.c).
 *
 * Where no transaction is open they are in one of their own, so the client's statement begins
 * as on a connection of its own. If one fails the server skips all up to the next Sync, a Query
 * included: nothing of the client's message runs. The client's next batch waits until the last
 * one was answered (link_awaits_ahead()), for it might have been skipped too.
 */
#ifndef SESSION_AHEAD_H
#define SESSION_AHEAD_H

#include "link.h"

/* Was nothing of the client's sent in this batch, so that what is put now is in front of it? */
bool ahead_is_first(const struct link *link);
/* What is put between these two goes ahead; the second is given what the first returned. */
size_t ahead_begin(struct link *link);
void ahead_end(struct link *link, size_t first);
/* Run this text, ahead or with a Sync behind it; where the client's own unnamed portal is not wanted. */
void ahead_run(struct link *link, const char *text);

/* answer.c: one was refused; the client is told. True: ahead_ask_ready() is wanted, see there. */
bool ahead_failed(
    struct link *link, const struct wire_report *report, const uint8_t *body, size_t length);
/* What was skipped was a message without a Sync: ask for the ReadyForQuery in its stead. */
void ahead_ask_ready(struct link *link);
/* The ReadyForQuery behind it came. False: another follows, which is the client's. */
bool ahead_ended(struct link *link, char status);

#endif
