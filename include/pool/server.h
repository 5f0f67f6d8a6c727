/*
 * server.h - one connection to PostgreSQL.
 */
#ifndef POOL_SERVER_H
#define POOL_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "auth/conversation.h"
#include "net/address.h"
#include "net/mailbox.h"
#include "net/stream.h"
#include "pool/parameters.h"
#include "pool/settings.h"
#include "pool/statements.h"
#include "wire/startup.h"

struct inspection;
struct own;
struct pool;
struct server;
struct tls_context;
struct waiter;

enum server_state {
	SERVER_CONNECTING, /* the socket is not open yet */
	SERVER_LOGIN,	   /* startup packet sent */
	SERVER_IDLE,	   /* in the pool's idle list */
	SERVER_ACTIVE,	   /* lent to a client */
	SERVER_TESTED,	   /* running a statement of ours: check or reset */
	SERVER_CANCELED,   /* given back while a cancel for it is under way */
	SERVER_CLOSING,
};

/* What we run on a server that nobody has. */
enum server_task {
	SERVER_TASK_NONE,
	SERVER_TASK_CHECK,    /* is it alive? */
	SERVER_TASK_RESET,    /* DISCARD ALL */
	SERVER_TASK_UNLISTEN,
	SERVER_TASK_CONNECT,  /* its database's connect_query, in LOGIN too */
	SERVER_TASK_ROLE,     /* is it still what its database wants? */
	SERVER_TASK_INSPECT,  /* is it as it is taken for? */
};

/* What the borrower of a server hears. */
struct server_user {
	/* Bytes came; valid until it returns. */
	void (*data)(struct server *server, const uint8_t *bytes, size_t length);
	/* What was written has gone out. */
	void (*drained)(struct server *server);
	/* The connection is gone; the server closes itself when this returns. */
	void (*lost)(struct server *server, const char *why);
	/* No cancel aimed at it is under way any more; may be NULL. */
	void (*spared)(struct server *server);
};

/*
 * Created by server_open(). Owned by its pool, until it is handed over to
 * another worker and then by that worker's pool. Freed at the end of the loop turn
 * in which it entered SERVER_CLOSING.
 */
struct server {
	struct message message; /* embedded: giving us away needs no memory */
	struct deferred death;
	TAILQ_ENTRY(server) in_pool;   /* the list of all */
	TAILQ_ENTRY(server) in_idle;   /* only while SERVER_IDLE */
	LIST_HEAD(, cancel) cancels;   /* under way, aimed at us */
	enum server_state state;       /* written by server_enter() alone */
	enum server_task task;	       /* while TESTED, and at the end of LOGIN */
	struct pool *pool;	       /* borrowed; outlives us */
	struct loop *loop;	       /* borrowed */
	struct stream *stream;	       /* ours */
	const struct server_user *user; /* borrowed; NULL unless ACTIVE */
	void *user_arg;		       /* the borrower's */
	struct auth_client *auth;      /* ours; NULL after login */
	bool authenticated;	       /* it has said AuthenticationOk, last of all */
	struct buf in;		       /* an incomplete message, in LOGIN and TESTED */
	struct parameters parameters;  /* as last reported */
	struct settings settings;      /* as last put on it */
	struct statements *statements; /* ours; prepared on it */
	uint64_t batch; /* counts Syncs, over all loans: what was sent before the last is older */
	unsigned residue;	       /* enum sql_residue bits left by borrowers */
	char transaction;	       /* of the last ReadyForQuery: I, T or E */
	bool retired;		       /* close at the next return */
	bool listens;		       /* a LISTEN was run on it: UNLISTEN before the next loan */
	bool writers_mixed; /* its sequences may have values older than those of its writer */
	uint64_t writer; /* id of the client that wrote on it last; 0: nobody since it was as new */
	bool beside;		       /* the budget does not count it: pool_open_beside() */
	struct waiter *beside_for;     /* borrowed: who asked for that, until it is lent */
	bool scouts;		       /* it is opened to ask what is there, and closed: scout.c */
	uint64_t born;		       /* of a scout: when PostgreSQL started there, as a hash */
	bool unintroduced;	       /* what its connect_query set is gone in part: run it again */
	bool doubted;		       /* to be checked before it is lent again */
	uint8_t role;		       /* enum host_role: what it said it is */
	bool reads_only;	       /* default_transaction_read_only as its sessions begin with it */
	bool role_asked, role_doubted; /* it was asked; it is to be asked before it is lent again */
	bool host_rests;	       /* logging in failed, and its host is left alone for that */
	bool plain_startup;	       /* without the settings that old servers do not know */
	bool refused;		       /* PostgreSQL is not there, or not yet: it restarts */
	bool succeeded;		       /* another connection takes its place in the budget */
	uint8_t replication;	       /* enum replication; other than NONE: never lent again */
	struct inspection *inspection; /* ours: to be inspected when it comes back; or NULL */
	struct own *own;	       /* borrowed: for whom alone it is opened; NULL, and once lent */
	struct address address;
	uint64_t host_key;	 /* of its host's name: owners.h */
	struct tls_context *tls; /* referenced: it speaks TLS, or asks for it; NULL: plain */
	char *host;		 /* as configured */
	bool tls_asked;
	int pid;
	uint8_t key[256]; /* for cancel requests */
	size_t key_length;
	uint64_t id;
	uint64_t connected_us, connected_wall_us, since_us, deadline_us, retire_us, loan;
};

/* A number that no client and no server of this process had before. */
uint64_t connection_new_id(void);
enum { SERVER_LABEL_SIZE = 320 };
/* "S-0x2a: shop/app_rw@10.0.0.7:5432", with which its lines of the main log begin. */
void server_label(const struct server *server, char text[SERVER_LABEL_SIZE]);
const char *server_state_name(const struct server *server);
/* Its client was told 25006: is it the primary that its database wants? Asked when it comes back. */
void server_doubt_role(struct server *server);
/* Change the state; the only place that does. */
void server_enter(struct server *server, enum server_state state);
/* Close it, whatever it is doing; counted off the budget; freed at the end of the turn. */
void server_close(struct server *server, const char *why);
/*
 * Ask PostgreSQL to cancel what this server runs. The server is not lent again
 * before the cancel connection is closed. `done` (may be NULL) is called once, on
 * this loop, when it is.
 */
void server_cancel(struct server *server, void (*done)(void *arg), void *arg);
bool server_is_being_canceled(const struct server *server);
/*
 * Its connection is gone: is it sure that it has not read these last bytes, sent by so many
 * writes? `said_farewell`: it told why it goes.
 */
bool server_left_unread(
    const struct server *server, size_t bytes, unsigned writes, bool said_farewell);
/* A ParameterStatus message came in (its body): remember it. False: malformed. */
bool server_note_parameter(struct server *server, const uint8_t *body, size_t length);

#endif
