/* signals.h - signals as messages to the supervisor's loop. */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

#include "net/mailbox.h"

/* Block them in this thread and in all that it starts from now on. */
void signals_block(void);
/* Begin to wait for them; `handle` runs on the mailbox's loop, with its receiver. */
void signals_start(struct mailbox *mailbox, void (*handle)(int signal, void *receiver));

#endif
