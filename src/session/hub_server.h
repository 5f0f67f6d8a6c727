/*
 * hub_server.h - the connection of a hub: opened beside a pool of its worker with the role of
 * somebody who listens, asked in rounds, opened again when it is lost.
 */
#ifndef SESSION_HUB_SERVER_H
#define SESSION_HUB_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "hub.h"
#include "pool/pool.h"
#include "pool/talk.h"

/* What its hub hears; `hub` is the hub. */
struct hub_server_user {
	void (*opened)(struct hub *hub);
	/* As whom it was asked for, it cannot be had now. */
	void (*refused)(struct hub *hub, const struct error *err);
	void (*message)(struct hub *hub, uint8_t type, const uint8_t *body, size_t length);
	/* The round is over; `err` is NULL if all is done that was asked. */
	void (*answered)(struct hub *hub, const struct error *err);
	void (*lost)(struct hub *hub, const char *why);
};

/* Part of its hub. */
struct hub_server {
	struct waiter waiter; /* first member */
	struct hub *hub;      /* borrowed */
	const struct hub_server_user *user;
	struct clients *clients; /* borrowed */
	const char *database;	 /* borrowed: the hub's */
	char *role;		 /* of the pool that was asked last */
	struct talk talk;	 /* without a server: there is none */
	bool opening;
	bool named;	  /* it was told what the connection is called */
	bool failed;	  /* the round that is under way, with `err` */
	struct error err;
	uint64_t retry_us, pause_us; /* not to be opened before; and how long next time */
	uint64_t asked_us, heard_us;
};

void hub_server_init(struct hub_server *server, struct clients *clients, const char *database,
    const struct hub_server_user *user, struct hub *hub);
void hub_server_free(struct hub_server *server);
bool hub_server_is_open(const struct hub_server *server);
/* Is a round under way? */
bool hub_server_is_asked(const struct hub_server *server);
/*
 * Open it, unless it is being opened or it is too early, with the role of who asks; with the
 * one that it had if that is NULL: LISTEN needs no privilege.
 */
void hub_server_open(struct hub_server *server, const struct hub_request *request);
/* A round of these statements, or of a Sync where there are none. */
void hub_server_ask(struct hub_server *server, const struct buf *statements);
void hub_server_close(struct hub_server *server, const char *why);
/* Too long without an answer, or without a word: ended, or asked if it is still there. */
void hub_server_tick(struct hub_server *server);

#endif
