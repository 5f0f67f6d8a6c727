/*
 * signals.h - pg_cancel_backend() and pg_terminate_backend() of the pid that a client was given.
 *
 * PostgreSQL has no process with such a pid. A SELECT of the function with one as a literal goes
 * to the server as a SELECT of true (rewrite.h); when that was answered, the client is cancelled
 * or ended by its own worker, as by a CancelRequest or the console.
 */
#ifndef SESSION_SIGNALS_H
#define SESSION_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/mailbox.h"
#include "rewrite.h"

struct client;
struct judged;
struct link;

/* It is logged in: others may signal it. */
void signals_may_reach(struct client *client);
/* Whom the text of such a SELECT is about, if `asker` may do that. */
struct backend_signal signals_look(const struct client *asker, const char *text);
/*
 * False: what the text sends is not for `asker` to send, and it was told, in place of the answer to
 * a message of this type. NULL for `rewrite` is fine.
 */
bool signals_permit(struct client *asker, struct judged *judged, const struct rewrite *rewrite,
    uint8_t type);
/* The server has run what stood for it. One about nobody is fine. */
void signals_send(struct link *link, const struct backend_signal *signal);
/* On the worker that is told of wishes: carry them out. A message's deliver(). */
void signals_take(struct message *message, void *receiver);

#endif
