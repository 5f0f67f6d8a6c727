/*
 * clients.h - all clients of one worker, and what they share.
 */
#ifndef SESSION_CLIENTS_H
#define SESSION_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "audit/audit.h"
#include "auth/users.h"
#include "config/config.h"
#include "net/address.h"
#include "net/mailbox.h"
#include "policy/policy.h"
#include "pool/pool.h"
#include "session/responder.h"

struct clients;
struct client;
struct parsers; /* threads that parse long texts */
struct guardrails;
struct guesses;	/* who sends cancel keys that are nobody's */
struct cancel_secret;
struct siblings;	/* other processes on the same addresses */
struct pam_threads;
struct quotas;	/* what runs under limits that count over all workers */

enum { CLIENTS_WORKERS_MOST = 128 };

/*
 * What all workers share. Owned by daemon; lives longer than every worker. The
 * counts are those of the process, changed only when clients come and go.
 */
struct clients_shared {
	unsigned workers;
	struct clients *of_worker[CLIENTS_WORKERS_MOST];
	struct parsers *parsers;
	struct pam_threads *pam;
	struct quotas *quotas;
	struct guardrails *guardrails;
	struct guesses *guesses;
	struct cancel_secret *secret; /* of cancel keys */
	struct siblings *siblings;    /* or NULL */
	unsigned process;	      /* among them, in cancel keys; 0: it has none */
	struct catalogs *catalogs; /* what is known of databases; or NULL */
	const struct responder *console;
	_Atomic int connected, unauthenticated; /* clients now */
};

struct parsers *parsers_new(unsigned threads);
void parsers_free(struct parsers *parsers);
struct quotas *quotas_new(void);
void quotas_free(struct quotas *quotas);
struct guesses *guesses_new(void);
void guesses_free(struct guesses *guesses);
struct guardrails *guardrails_new(void);
void guardrails_free(struct guardrails *guardrails);

/* The snapshots are referenced; the rest is borrowed and outlives the clients. */
struct clients *clients_new(struct clients_shared *shared, unsigned worker, struct loop *loop,
    struct pools *pools, struct audit_lane *lane, struct config *config, struct users *users,
    struct policies *policies);
void clients_free(struct clients *clients);

/* A socket was accepted on this worker. */
void clients_accept(struct clients *clients, int fd, const struct address *peer);
/* A reload: new snapshots; running statements end under the old ones. */
void clients_configure(struct clients *clients, struct config *config, struct users *users,
    struct policies *policies);

/* How a worker's clients end when the process does. */
enum clients_drain {
	CLIENTS_SERVE,	 /* as usual */
	CLIENTS_LEAVE,	 /* finish at will; nobody new is taken in, who is logging in may */
	CLIENTS_FINISH,	 /* end each as soon as it is between transactions */
	CLIENTS_END,	 /* end all now */
};
void clients_drain(struct clients *clients, enum clients_drain drain, const char *why);
/* CLIENTS_FINISH, but not all of them at once: spread over this time. */
void clients_drain_within(struct clients *clients, const char *why, uint64_t within_us);
enum clients_drain clients_draining(const struct clients *clients);
size_t clients_count(const struct clients *clients);

/* SUSPEND: read nothing more, of new clients neither, until clients_wake(). No time passes. */
void clients_suspend(struct clients *clients);
bool clients_are_suspended(const struct clients *clients);
/*
 * True: clients and servers have taken all that pgweir had for them. `impatient`: those that
 * have not are ended.
 */
bool clients_settle(struct clients *clients, bool impatient);
void clients_wake(struct clients *clients);

/* A connection of this worker that listens for the clients of all. */
struct listener_state {
	const char *database;
	bool connected;
	size_t channels;
	uint64_t notifications, losses; /* since the start */
};
void clients_each_listener(const struct clients *clients,
    void (*each)(void *arg, const struct listener_state *state), void *arg);

struct client *clients_first(const struct clients *clients);
struct client *clients_next(const struct client *client);
struct mailbox *clients_mailbox(const struct clients *clients);
struct pools *clients_pools(const struct clients *clients);
struct loop *clients_loop(const struct clients *clients);
const struct config *clients_config(const struct clients *clients);
const struct users *clients_users(const struct clients *clients);
struct policies *clients_policies(const struct clients *clients);
struct audit_lane *clients_lane(const struct clients *clients);
/* What the statements of this worker have cost, by fingerprint. */
struct queries *clients_queries(struct clients *clients);
struct clients_shared *clients_shared(const struct clients *clients);
unsigned clients_worker(const struct clients *clients);

#endif
