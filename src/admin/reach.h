/*
 * reach.h - can a server be reached? Asked by trying to connect, where no pool has a
 * connection from which it is known.
 */
#ifndef ADMIN_REACH_H
#define ADMIN_REACH_H

#include <stdbool.h>

#include "config/config.h"
#include "net/mailbox.h"
#include "net/resolve.h"

struct reach;

/* The mailbox is of that loop; all borrowed. */
struct reach *reach_new(struct loop *loop, struct mailbox *mailbox, struct resolver *resolver);
void reach_free(struct reach *reach);
/*
 * Find out, unless that is under way: connect to each address of the configuration and close again.
 * `done` is called on the loop when one is open, when all have failed, or after a second.
 */
void reach_ask(struct reach *reach, const struct config *config,
    void (*done)(bool reachable, void *arg), void *arg);

#endif
