/*
 * messages.h - a server's messages, each handled when it has wholly come.
 *
 * For what pgweir reads itself: log-ins and the answers to statements of its own. What goes on
 * to clients is not gathered: session/relay.c walks over it. Pure.
 */
#ifndef POOL_MESSAGES_H
#define POOL_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum messages_status {
	MESSAGES_TAKEN, /* all that have wholly come; the beginning of the next one is kept */
	MESSAGES_ENDED, /* the handler wants no more; whoever owns the buffer may be gone */
	MESSAGES_BAD,	/* a length that cannot be, or is more than `most` */
};

/* `body` is valid until it returns. False: no more; it may have freed the buffer. */
typedef bool message_handler(void *arg, uint8_t type, const uint8_t *body, size_t length);

/* These bytes came behind what is in `in`. */
enum messages_status messages_take(struct buf *in, const uint8_t *bytes, size_t length,
    size_t most, message_handler *handler, void *arg);

#endif
