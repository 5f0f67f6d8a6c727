/*
 * responder.h - who answers a client that is not to reach PostgreSQL: the console.
 *
 * A table of functions that `daemon` plugs into `session`, so that session need not
 * know admin.
 */
#ifndef SESSION_RESPONDER_H
#define SESSION_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;

struct responder {
	/* Does it answer for this database name? */
	bool (*answers)(const char *database);
	/* May this user come in? */
	bool (*admits)(const struct client *client);
	/* What ParameterStatus messages the client gets: name, value, …, NULL. */
	const char *const *(*parameters)(void);
	/*
	 * A whole message of the client (simple or extended protocol, Sync and
	 * Flush included). Answers go to stream_out(client->stream). False: it is not
	 * finished, and client_answered() will be called later, on the client's
	 * thread; no other message comes before. It is not told if the client goes, and finds
	 * it by client_find().
	 */
	bool (*message)(
	    struct client *client, uint8_t type, const uint8_t *body, size_t length);
	/* The client goes: free client->responder_state. */
	void (*closed)(struct client *client);
};

#endif
