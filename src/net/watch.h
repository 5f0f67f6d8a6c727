/*
 * watch.h - be told that a descriptor can be read, on either engine.
 *
 * For what is no stream: listening sockets, eventfds. Level-triggered: told in
 * each turn as long as something is there.
 */
#ifndef NET_WATCH_H
#define NET_WATCH_H

#include "net/loop.h"

struct watch;

typedef void watch_callback(void *arg);

/* Watch it, from now on; the descriptor stays the caller's. */
struct watch *watch_new(struct loop *loop, int fd, watch_callback *callback, void *arg);
/* Stop watching. Before the descriptor is closed. */
void watch_free(struct watch *watch);
/* Be told nothing for so many ticks of the loop, LOOP_TICK_MS each. Out of the callback
 * only. */
void watch_rest(struct watch *watch, unsigned ticks);

#endif
