/*
 * frames.h - settings changed in a transaction that is still open.
 *
 * COMMIT keeps them, ROLLBACK undoes them, ROLLBACK TO undoes those behind the
 * savepoint, RELEASE merges. A client without an open change has none.
 */
#ifndef SESSION_FRAMES_H
#define SESSION_FRAMES_H

#include "pool/settings.h"
#include "sql/facts.h"

struct frames;

/*
 * A statement was executed: note what it did to settings and savepoints. `edited`: its text went
 * to the server so that a RESET gives the client's own default there, see rewrite.h.
 */
void frames_note(struct frames **frames, const struct sql_statement *statement, bool edited);
/*
 * The transaction was committed: bring the client's and the server's settings up
 * to date. A RESET returns the client to its defaults.
 */
void frames_commit(struct frames **frames, const struct settings *defaults,
    struct settings *client, struct settings *server);
/* It was rolled back. */
void frames_drop(struct frames **frames);

#endif
