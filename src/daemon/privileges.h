/* privileges.h - giving up what is not needed once the sockets are bound. */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include <stdbool.h>

#include "base/error.h"

/* As many descriptors as the hard limit allows. */
void privileges_raise_limits(void);
/* Become `user` (NULL: stay), never gain anything again, leave no core with secrets. */
bool privileges_drop(const char *user, struct error *err);

#endif
