/*
 * client.h - one application connected to pgweir.
 */
#ifndef SESSION_CLIENT_H
#define SESSION_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "audit/audit.h"
#include "auth/conversation.h"
#include "net/stream.h"
#include "pool/pool.h"
#include "session/clients.h"
#include "wire/startup.h"

enum client_state {
	CLIENT_STARTUP,	  /* the first packet is awaited */
	CLIENT_LOOKUP,	  /* a database is asked about its user */
	CLIENT_LOGIN,	  /* proving who it is */
	CLIENT_PROVING,	  /* PAM is asked whether its password is right */
	CLIENT_GREETING,  /* waits for what a server reports, to be told it */
	CLIENT_READY,	  /* between transactions, no server */
	CLIENT_JUDGING,	  /* a long text is with a parser thread */
	CLIENT_WAITING,	  /* in line for a server */
	CLIENT_RESTORING, /* those it asked for at log-in are being put on a server */
	CLIENT_ACTIVE,	  /* has a server */
	CLIENT_ANSWERED,  /* a responder is at work for it */
	CLIENT_CLOSING,
};

/* A transaction that was lost with its server, until the client ends it. */
enum client_lost {
	LOST_NOTHING,
	LOST_UNTOLD, /* no error has told the client yet */
	LOST_TOLD,
	LOST_ENDING, /* what it bound last ends that transaction */
};

/* Its end of the connection. */
enum client_presence {
	CLIENT_PRESENT,
	CLIENT_HUNG_UP, /* it closed while it was not read: what it sent is read all the same */
	CLIENT_LEFT,	/* it closed behind a Terminate that waits in `in` */
};

/* Names and the address of a client as the policies see them; shared by equal clients of a worker. */
struct identity;
struct link;
struct prepared;
struct frames;
struct learned;
struct lookup;
struct proof;
struct hold;
struct waiting;
struct listens;
struct policy_transaction;
struct statement;
struct judged;

/*
 * Created when a socket is accepted. Owned by its worker's clients; freed at the
 * end of the loop turn in which it entered CLIENT_CLOSING.
 */
struct client {
	struct waiter waiter; /* first member: a place in the line for a server */
	struct deferred death;
	TAILQ_ENTRY(client) in_clients;
	TAILQ_ENTRY(client) in_timed; /* while STARTUP … GREETING, WAITING or RESTORING */
	struct clients *clients;      /* borrowed */
	struct stream *stream;	      /* ours */
	enum client_state state;      /* written by client_enter() alone */
	uint8_t pool_mode;	      /* enum pool_mode */
	uint8_t replication;	      /* enum replication: its server is its own then */
	bool skipping;		      /* an error was sent: everything up to Sync is ignored */
	bool broke_copy;	      /* its next message came among the rows of a COPY */
	bool asks_sequence;	      /* it asked currval() or lastval() before */
	bool wrote_alone;	      /* it never wrote elsewhere than on `wrote_on`: see sequences.c */
	uint8_t sequence_wish;	      /* what its message wants of its server, as in sequences.h */
	bool log_in_done;	      /* counted as authenticated */
	bool counted;		      /* in the census, under its names */
	bool startup_remarked;	      /* something is to be told of a setting of its first packet */
	bool paused_for_server;	      /* its server is slow to read */
	bool redefines;		      /* its transaction changes what a catalog tells of, … */
	bool path_doubted;	      /* while what an EXECUTE runs beside others is judged: path.h */
	bool renames_unseen;	      /* … and names that are not told one by one */
	bool ok_told;		      /* that it is authenticated, before its greeting */
	bool unrestorable;	      /* a server took its settings no more when it was last lent */
	bool unrecorded;	      /* it takes its transaction for failed, which is still open: see hold.c */
	uint8_t repeats;	      /* of the statement that waits for its answer: see repeat.c */
	enum client_presence presence;
	enum client_lost lost;	      /* its transaction, with its server; see aborted.c */
	char *lost_detail;	      /* ours: the limit that ended it; NULL: its server was lost */
	struct judged *ending;	      /* referenced: what it bound, while LOST_ENDING */
	bool ssl_asked, gss_asked;    /* once each */
	bool long_key;		      /* its cancel key is one of protocol 3.2 */
	uint32_t slot, epoch;	      /* in its cancel key */
	struct packed_address peer;
	const uint8_t *coming;	    /* while unrestorable: its messages from the one at hand on, … */
	size_t coming_length;	    /* … as many bytes of them as are here */
	char *database;		    /* as it asked for it */
	struct identity *identity;  /* referenced; NULL before the startup packet */
	struct learned *learned;    /* borrowed; of the pool's database */
	struct pool *pool;	    /* borrowed; NULL for the console and before GREETING */
	uint64_t wrote_on;	    /* id of the server on which it last may have advanced a sequence; or 0 */
	struct link *link;	    /* ours; NULL without a server */
	struct hold *hold;	    /* ours; NULL when no answer waits for its record */
	struct listens *listens;    /* ours; NULL: it listens to nothing */
	uint64_t intent; /* record that the message in `in` waits for; 0: none was made */
	struct buf in;		    /* bytes not yet handled */
	size_t passing;		    /* bytes of a message whose beginning was dealt with */
	bool passing_on;	    /* they go to the server, else to nobody */
	bool passing_rows;	    /* they are of a CopyData, and go there in messages of their own */
	struct startup *startup;    /* ours; until READY */
	struct auth_server *auth;   /* ours; while LOGIN */
	struct waiting *waiting;    /* ours; NULL unless it has waited for longer than a tick */
	struct lookup *lookup;	    /* ours; from LOOKUP to the end of LOGIN, else NULL */
	struct proof *proof;	    /* ours; for PAM, to the end of PROVING, else NULL */
	struct settings defaults;   /* asked for at start: what RESET returns to */
	struct settings settings;   /* in force */
	struct frames *frames;	    /* settings changed in the open transaction; NULL if none */
	struct sql_stored *stored; /* ours; what its transaction stored for later sessions; or NULL */
	struct policy_transaction *doings; /* DDL of the open transaction; NULL if none */
	struct prepared *prepared;  /* named statements; NULL if none */
	struct statement *unnamed;  /* referenced; NULL if none */
	struct judged *judged;	    /* referenced: of the message that waits in `in` */
	struct parse_job *job;	    /* while JUDGING; belongs to the parser threads */
	const char *pin;	    /* why it keeps its server; NULL: it does not */
	unsigned pins_told;	    /* reasons of pins it was told of, as enum sql_residue */
	struct audit_who *who;	    /* ours; NULL before login */
	char session_id[16];
	const struct responder *responder; /* NULL: PostgreSQL answers */
	void *responder_state;
	uint64_t id, txn, stmt;
	uint64_t statements, bytes_in, bytes_out;
	uint64_t connected_us, connected_wall_us, since_us, request_us, queue_us;
};

const char *client_state_name(const struct client *client);
enum { CLIENT_LABEL_SIZE = 400 };
/* "C-0x2a: shop/orders-svc@10.1.2.3:51514", with which its lines of the main log begin. */
void client_label(const struct client *client, char text[CLIENT_LABEL_SIZE]);
/* "type" columns of SHOW CLIENTS. Never NULL. */
const char *client_user(const struct client *client);
const char *client_role(const struct client *client);
const char *client_application(const struct client *client);
/* Where it is connected from. */
struct address client_address(const struct client *client);
/* The server it has now, or NULL. */
struct server *client_server(const struct client *client);
size_t client_prepared_count(const struct client *client);
/* Why a client keeps its server outside transactions. */
struct client_pin {
	const char *reason;
	const char *statement; /* without its values; NULL when it is not known */
	uint64_t since_us;     /* on the loop's clock */
};
/* False: it does not. What is told is borrowed, and good until the loop turns. */
bool client_pinned(const struct client *client, struct client_pin *pin);
/* Reasons in their order; NULL behind the last. */
const char *pin_reason(size_t index);
/* The client with this id on this worker, or NULL. */
struct client *client_find(const struct clients *clients, uint64_t id);
/* A responder finished what it returned false for: go on with the next message. */
void client_answered(struct client *client);
/* What became of the wish to cancel a client's query. */
enum client_cancel {
	CLIENT_CANCELED,       /* as its own CancelRequest would have: 57014, the session stays */
	CLIENT_CANCELED_LATER, /* its query is not where it can be cancelled yet: ask again */
	CLIENT_RUNS_NOTHING,
};
/* For an admin: cancel what this client runs. */
enum client_cancel client_cancel_query(struct client *client);
/* End it: a FATAL error with this SQLSTATE and message, then close. */
void client_end(struct client *client, const char *sqlstate, const char *message);
/* Close it without a word. Its server is cleaned and kept. */
void client_close(struct client *client, const char *why);
/* "none", "physical" or "logical", as SHOW prints it. */
const char *replication_name(enum replication replication);
/* The client a server is lent to, or NULL (its client is gone and it is being cleaned). */
struct client *server_client(const struct server *server);

#endif
