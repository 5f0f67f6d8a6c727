/*
 * hub.h - the one connection of this process that listens in a database.
 *
 * It lives on the worker that the database's name picks, with a server beside that worker's
 * pool. Workers ask it by mailbox to subscribe and to tell how far it has heard; it tells each
 * worker whose clients listen what came.
 */
#ifndef SESSION_HUB_H
#define SESSION_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "auth/conversation.h"
#include "base/error.h"
#include "net/mailbox.h"

struct audience; /* the clients of one worker that listen in a database: listens.h */
struct clients;
struct hub;

enum hub_wish {
	HUB_SUBSCRIBE,	 /* answered when the server has confirmed every channel */
	HUB_UNSUBSCRIBE, /* not answered */
	HUB_FENCE,	 /* answered when all has come that was sent before it was asked */
};

/*
 * On its way to a hub, and back to the worker that asked. Made by hub_request_new(), freed by
 * hub_request_free(): by the hub where there is no answer, else by the worker.
 */
struct hub_request {
	struct message message; /* first member */
	STAILQ_ENTRY(hub_request) in_hub;
	enum hub_wish wish;
	struct clients *from;
	struct audience *audience; /* of that worker */
	char *database;
	char *role;	/* of whoever asks: the connection may be opened with it, … */
	struct scram_keys keys; /* … and with this proof of the client's, … */
	char *secret;	/* … or what was told of it; or NULL */
	uint32_t slot;	/* for whom: a client … */
	uint64_t client;
	uint64_t ticket; /* … and which of its questions */
	char **channels;
	size_t count;
	bool failed; /* in the answer: `err` says why */
	struct error err;
	/* The answer is here, on the thread that asked. */
	void (*answered)(struct clients *clients, struct hub_request *request);
};

enum hub_event_kind {
	HUB_NOTIFIED,
	HUB_LOST,     /* the connection, and with it perhaps events; `payload` is why */
	HUB_REGAINED, /* all that was listened to is listened to again */
	HUB_FORSAKEN, /* it cannot be; `payload` is why */
};

/* What a hub tells a worker. The receiver frees it. */
struct hub_event {
	struct message message; /* first member */
	struct audience *audience;
	enum hub_event_kind kind;
	uint32_t pid;	     /* as clients know the sender */
	const char *channel; /* in `text`, like the payload */
	const char *payload;
	char text[];
};

struct hub_request *hub_request_new(struct clients *from, enum hub_wish wish,
    const char *database, struct audience *audience);
void hub_request_add(struct hub_request *request, const char *channel);
void hub_request_free(struct hub_request *request);
/* hub.c: back to who asked, on that thread; `err` is NULL where all went well. */
void hub_answer(struct hub_request *request, const struct error *err);
/* Give it to the database's hub, on whichever worker that is. */
void hub_send(struct hub_request *request);

/* All of one worker: each tick, and when the worker ends. */
void hubs_tick(struct clients *clients);
void hubs_free(struct clients *clients);

#endif
