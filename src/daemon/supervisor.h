/*
 * supervisor.h - the main thread: starts workers, reloads, drains, ends.
 */
#ifndef DAEMON_SUPERVISOR_H
#define DAEMON_SUPERVISOR_H

#include "options.h"
#include "snapshot.h"

/*
 * Run with this first snapshot (taken over) until told to stop. Returns the exit code.
 */
int supervisor_run(const struct options *options, struct snapshot *snapshot);

#endif
