/* loops.h - the workers' loops, all of one kind. */
#ifndef DAEMON_LOOPS_H
#define DAEMON_LOOPS_H

#include "base/error.h"
#include "config/config.h"
#include "net/loop.h"

/*
 * Make `count` loops as event_loop says; the caller owns them. Streams move between
 * workers, so either all get io_uring or none. False only where io_uring is demanded and not to be had.
 */
bool loops_make(
    const struct config *config, struct loop **loops, unsigned count, struct error *err);
/* Free those that no worker got. */
void loops_free(struct loop **loops, unsigned count);

#endif
