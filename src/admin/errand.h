/*
 * errand.h - one command on its way: to every worker in turn, and home.
 *
 * Pools, clients and servers belong to their worker's thread, so the command
 * goes to them: visit() runs on each worker, finish() on the one of the client that
 * asked. That client may be gone by then; what it asked is done nevertheless.
 */
#ifndef ADMIN_ERRAND_H
#define ADMIN_ERRAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "audit/audit.h"
#include "base/error.h"
#include "command.h"
#include "net/mailbox.h"
#include "rows.h"
#include "session/client.h"
#include "session/clients.h"
#include "tally.h"

/*
 * Made by errand_new(), freed by errand_free() once its answer was given. While
 * it is under way it belongs to the mailbox that it was posted to.
 */
struct errand {
	struct message message; /* first member */
	TAILQ_ENTRY(errand) in_resting;
	struct clients_shared *shared; /* borrowed */
	unsigned home, at;             /* workers */
	uint64_t client;               /* id of who asked */
	struct command command;
	uint64_t began_us;     /* monotonic */
	struct audit_who *who; /* ours: the client may be gone when it is recorded */
	char asker[CLIENT_LABEL_SIZE]; /* for the log */
	struct tally tally;
	struct rows rows;
	struct buf notices; /* NoticeResponse messages */
	struct buf holding; /* of PAUSE: who keeps a server for long, as text */
	unsigned holders;   /* how many those are */
	uint64_t suspend_us; /* of SUSPEND: when it began, on the machine's clock */
	unsigned round;     /* how often it went round before */
	bool unfinished;    /* go round again after a moment */
	bool found;         /* KILL_CLIENT, KILL_QUERY: there was such a client */
	bool failed;
	struct error err; /* when it failed */
};

struct errand *errand_new(struct client *client, const struct command *command);
void errand_free(struct errand *errand);
/* Send it round: visit() on each worker, then come home. */
void errand_send(struct errand *errand);
/* It is where it will not be taken further from: come home. From any thread. */
void errand_send_home(struct errand *errand);
/* All workers were asked, or need not be: make the answer. */
void errand_finish(struct errand *errand, struct clients *home);
/* It failed; the first failure is the one that is told. */
void errand_fail(struct errand *errand, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void errand_notice(struct errand *errand, const char *message, const char *detail);

/* console.c: it is home and done. */
void console_take(struct errand *errand, struct clients *clients);

#endif
