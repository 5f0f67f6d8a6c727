/* peer.h - which user of this machine is at the other end of a unix socket. */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { PEER_NAME_SIZE = 256 };

/*
 * Its name, as the kernel and the table of users say. Asks the table at most once a minute
 * for each user, on the caller's thread.
 */
bool peer_user_name(int fd, char name[PEER_NAME_SIZE], struct error *err);

#endif
