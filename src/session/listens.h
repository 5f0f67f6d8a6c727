/*
 * listens.h - a client that listens without keeping its server.
 *
 * Its LISTENs run on the servers that it is lent, where they last as long as the loan; what
 * is notified comes from the database's hub, which is subscribed before a LISTEN is sent. All
 * this is for pools of transactions and statements.
 */
#ifndef SESSION_LISTENS_H
#define SESSION_LISTENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "gate.h"
#include "hub.h"
#include "link.h"
#include "session/client.h"

struct channel;
struct item;
struct listen_ops;
struct member;
struct message;
struct wire_error;

/* What a client waits for that the hub has to answer. */
enum listens_wait {
	LISTENS_FREE,
	LISTENS_SUBSCRIBING, /* before its LISTEN is sent */
	LISTENS_COMMITTING,  /* before a commit: what was notified until now is not for it */
	LISTENS_BEGINNING,   /* a loan: what its server's last owner notified is not its own */
	LISTENS_ENDING,	     /* a transaction: its own notifications, before ReadyForQuery */
};

/* The clients of a worker that listen in a database. Owned by the worker, kept to its end. */
struct audience {
	UT_hash_handle hh;
	struct clients *clients; /* borrowed */
	char *database;
	struct channel *channels; /* by name */
};

/* Made at a client's first LISTEN, freed when it listens to nothing. Owned by the client. */
struct listens {
	TAILQ_ENTRY(listens) in_worker;
	struct client *client;	   /* borrowed */
	struct audience *audience; /* borrowed */
	struct member *members;	   /* channels that it has, or may have at COMMIT, by name */
	size_t active;		   /* of them in force */
	struct listen_ops *ops;	   /* of the open transaction; NULL: none */
	STAILQ_HEAD(, item) items; /* notified and not told yet */
	size_t item_bytes;
	enum listens_wait wait;
	uint64_t ticket, since_us; /* of that */
	uint64_t fenced_us;	   /* when the hub answered last: it holds for that turn of the loop */
	bool shows;		   /* pg_listening_channels() will be asked: its server shall know */
	char *gap;		   /* ours: it has to hear that events may be lost, and why; or NULL */
	bool deaf;		   /* with a gap: the hub does not listen again yet */
	bool forsaken;		   /* and will not */
};
TAILQ_HEAD(listens_list, listens);

/* Subscribe to what the text LISTENs to. False: not yet, ask again. */
bool listens_subscribe(struct client *client, const struct judged *judged);
/* It may commit a LISTEN: has all come that was notified before? `judged` NULL: a Sync. */
bool listens_fence(struct client *client, const struct judged *judged);
/* Has its server nothing on its way that its last owner notified? */
bool listens_begin(struct client *client);
static inline bool
listens_is_subscribed(struct client *client, const struct judged *judged)
{
	return (judged->residue & SQL_RESIDUE_LISTEN) == 0 || listens_subscribe(client, judged);
}
static inline bool
listens_is_fenced(struct client *client, const struct judged *judged)
{
	return client->listens == NULL || listens_fence(client, judged);
}
/* An Execute commits only in a transaction; else its Sync does. */
static inline bool
listens_is_executable(struct client *client, const struct judged *judged)
{
	return client->listens == NULL || client->link->server->transaction != 'T' ||
	    listens_fence(client, judged);
}
static inline bool
listens_has_begun(struct client *client)
{
	return client->listens == NULL || client->link->begun || listens_begin(client);
}

/* Is its next message to wait? */
bool listens_hold_back(const struct client *client);
/* Does it keep its server for the hub's answer? */
bool listens_keep_link(const struct client *client);

/* A statement was executed; a transaction was committed by one; or rolled back. */
void listens_note(struct client *client, const struct sql_statement *statement);
void listens_commit(struct client *client);
void listens_rollback(struct client *client);
/* Outside of transactions now. True: the ReadyForQuery is held until all has come. */
bool listens_end(struct client *client, bool failed, bool told);
/* A transaction that notified is over: its server stays until the hub has heard of it. */
void listens_fence_link(struct link *link);
/* Tell it what can be told now. The client may be closing afterwards. */
void listens_pump(struct client *client);
/* Its server is lost: what is held is told at once. */
void listens_let_go(struct client *client);
/* What waits for the hub is answered with this instead. False: nothing does. */
bool listens_give_up(struct client *client, const struct wire_error *error);
/* The client goes. */
void listens_drop(struct client *client);
/* A NotificationResponse from the server that it has: is it the hub's to tell? */
bool listens_swallow(const struct client *client, const uint8_t *body, size_t length);
/* Is this one of its channels in force? */
bool listens_has(const struct client *client, const char *channel);

/* listens_show.c: does the text ask pg_listening_channels()? Then its server shall know them. */
void listens_look(struct client *client, const struct judged *judged);
/* Are they to be put on this server? Then by listens_show(), a statement each. */
bool listens_want_shown(const struct link *link);
void listens_show(struct link *link, void (*put)(struct link *link, const char *statement));
/* May this be asked now? False: it was told why not. */
bool listens_can_show(struct client *client, struct judged *judged, uint8_t type);

/* listens_gap.c: it may have missed something, from now on until it is told. */
void listens_note_gap(struct listens *listens, const char *why);
/* What the hub says of its connection. */
void listens_on_gap(const struct hub_event *event);
/* It is idle, and may hear of it. False: its session ends. */
bool listens_tell_gap(struct client *client);
void listens_forget_gap(struct listens *listens);

/* listens.c, for listens_hub.c, and the other way round */
struct listens *listens_make(struct client *client);
/* All channels that are not in force go; or those alone that the hub has not confirmed. */
void listens_sweep(struct listens *listens, bool confirmed_too);
/* A transaction is over, and all that was notified until then has come. */
void listens_tell_ready(struct client *client);
struct hub_request *listens_request(struct client *client, enum hub_wish wish);
/* A fence, for which the client waits. */
void listens_ask(struct listens *listens, enum listens_wait wait);

/* hub.c: an event of a hub came; `receiver` is a worker's clients. */
void listens_on_event(struct message *message, void *receiver);
void listens_tick(struct clients *clients);
void audiences_free(struct clients *clients);

/* clients.c */
struct hub **clients_hubs(struct clients *clients);
struct audience **clients_audiences(struct clients *clients);
struct listens_list *clients_listens(struct clients *clients);

#endif
