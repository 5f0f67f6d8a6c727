/* leaving.c - see leaving.h and clients_drain(). */
#include "leaving.h"
#include "listens.h"
#include "session_internal.h"

/* May this client be ended without anyone losing an answer? */
static bool
is_between_transactions(const struct client *client)
{
	const struct server *server = client_server(client);

	if (client->hold != NULL ||
	    (client->listens != NULL && client->listens->wait != LISTENS_FREE))
		return false;
	if (client->link != NULL && client->link->copying == 'W')
		return true; /* it goes on where it was, and never ends by itself */
	return client->state <= CLIENT_READY ||
	    (client->state == CLIENT_ACTIVE && client->link->requests.count == 0 &&
		!client->link->unsynced && server->transaction == 'I');
}

/* At most so many. */
static void
end_some(struct clients *clients, size_t most)
{
	const struct leaving *leaving = clients_leaving(clients);
	struct client *client = clients_first(clients);

	while (client != NULL && most > 0) {
		struct client *next = clients_next(client);

		if (leaving->drain == CLIENTS_END || is_between_transactions(client)) {
			client_end(client, "57P01", leaving->why);
			most--;
		}
		client = next;
	}
}

void
clients_drain(struct clients *clients, enum clients_drain drain, const char *why)
{
	*clients_leaving(clients) = (struct leaving){ .drain = drain, .why = why };
	if (drain == CLIENTS_FINISH || drain == CLIENTS_END)
		end_some(clients, SIZE_MAX);
}

void
clients_drain_within(struct clients *clients, const char *why, uint64_t within_us)
{
	uint64_t now_us = loop_now_us(clients_loop(clients));

	*clients_leaving(clients) = (struct leaving){ .drain = CLIENTS_FINISH,
		.why = why,
		.until_us = now_us + within_us,
		.looked_us = now_us };
}

/* A part of the time that is left has passed: the same part of the clients. */
size_t
leaving_due(struct leaving *leaving, size_t ready, uint64_t now_us)
{
	uint64_t left_us;
	size_t due;

	if (now_us >= leaving->until_us)
		return ready;
	left_us = leaving->until_us - now_us;
	leaving->owed += ready * (now_us - leaving->looked_us);
	leaving->looked_us = now_us;
	due = (size_t)(leaving->owed / left_us);
	leaving->owed %= left_us;
	return due < ready ? due : ready;
}

static size_t
count_ready(const struct clients *clients)
{
	const struct client *client = clients_first(clients);
	size_t ready = 0;

	for (; client != NULL; client = clients_next(client))
		ready += is_between_transactions(client);
	return ready;
}

void
leaving_tick(struct clients *clients)
{
	struct leaving *leaving = clients_leaving(clients);

	if (leaving->drain != CLIENTS_FINISH)
		return;
	end_some(clients,
	    leaving_due(leaving, count_ready(clients), loop_now_us(clients_loop(clients))));
}
