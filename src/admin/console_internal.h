/* console_internal.h - what console.c tells the other files of admin. */
#ifndef ADMIN_CONSOLE_INTERNAL_H
#define ADMIN_CONSOLE_INTERNAL_H

#include "admin/console.h"
#include "errand.h"

/* The PgBouncer whose tables and commands these are. */
#define CONSOLE_VERSION "1.25.2"

const struct admin_setup *console_setup(void);
/* show_state.c: what a client is told at log-in: name, value, …, NULL. */
const char *const *console_parameters(void);
/* Tell a client that still waits for its answer. */
void console_notice(struct client *client, const char *message, const char *detail);

#endif
