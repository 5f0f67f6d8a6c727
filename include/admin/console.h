/*
 * console.h - the admin console: databases "pgweir" and "pgbouncer".
 *
 * A responder that session is given by daemon. What belongs to the daemon (reload,
 * shutdown) is asked of the supervisor's thread by message.
 */
#ifndef ADMIN_CONSOLE_H
#define ADMIN_CONSOLE_H

#include "audit/audit.h"
#include "base/error.h"
#include "net/mailbox.h"
#include "session/responder.h"

extern const struct responder admin_console;

/*
 * A RELOAD on its way to the supervisor and back. Made by the console, given away
 * to the supervisor, who gives it back with one of the two calls below.
 */
struct admin_reload;

/* What daemon tells admin before the first client comes. All borrowed, for the process' life. */
struct admin_setup {
	struct mailbox *supervisor;
	struct audit *audit; /* for SHOW AUDIT */
	/* Runs on the supervisor's thread; the message is that of an admin_reload. */
	void (*reload)(struct message *message, void *receiver);
	/* Runs on the supervisor's thread: as if SIGTERM, SIGINT or SIGQUIT had come. */
	void (*shut_down)(int signal, void *receiver);
	void *receiver; /* the supervisor mailbox's receiver */
};
void admin_start(const struct admin_setup *setup);

/* The reload that a message belongs to. */
struct admin_reload *admin_reload_of(struct message *message);
/* Where to say why it failed; left alone when it succeeded. */
struct error *admin_reload_error(struct admin_reload *reload);
/* Who said RELOAD; the reload's, until it is answered. */
const struct audit_who *admin_reload_who(const struct admin_reload *reload);
/* It is done on every worker, or failed with the error set: the console answers its client. */
void admin_reload_done(struct admin_reload *reload);
/* It was not even tried. */
void admin_reload_refuse(struct admin_reload *reload, const char *why);

#endif
