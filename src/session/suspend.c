/*
 * suspend.c - SUSPEND: nothing more is read from clients and servers, what pgweir has for
 * them is sent, and no time limit passes. RESUME goes on as if no time had passed.
 *
 * The console, and whoever has not told yet what it comes for, is heard as ever.
 */
#include "net/stream.h"
#include "session_internal.h"

bool
clients_are_suspended(const struct clients *clients)
{
	return pools_are_suspended(clients_pools(clients));
}

void
suspend_newcomer(struct client *client)
{
	if (clients_are_suspended(client->clients) &&
	    !clients_shared(client->clients)->console->answers(client->database))
		stream_suspend(client->stream);
}

/* Is it one that SUSPEND is for? */
static bool
is_concerned(const struct client *client)
{
	return client->state != CLIENT_STARTUP &&
	    !clients_shared(client->clients)->console->answers(client->database);
}

void
clients_suspend(struct clients *clients)
{
	struct client *client = clients_first(clients);

	if (clients_are_suspended(clients))
		return;
	loop_hold_clock(clients_loop(clients));
	pools_suspend(clients_pools(clients), true);
	for (; client != NULL; client = clients_next(client))
		if (is_concerned(client))
			stream_suspend(client->stream);
}

bool
clients_settle(struct clients *clients, bool impatient)
{
	struct client *client = clients_first(clients);
	bool still = true;

	while (client != NULL) {
		struct client *next = clients_next(client);
		bool judging = client->state == CLIENT_JUDGING;
		bool waits = is_concerned(client) &&
		    (judging || !stream_is_flushed(client->stream));

		still = still && !waits;
		if (waits && impatient && !judging)
			client_close(client, "did not take what was sent to it within timeouts.suspend");
		client = next;
	}
	return pools_settle(clients_pools(clients), impatient) && still;
}

void
clients_wake(struct clients *clients)
{
	struct client *client = clients_first(clients);

	if (!clients_are_suspended(clients))
		return;
	loop_release_clock(clients_loop(clients));
	for (; client != NULL; client = clients_next(client))
		stream_wake(client->stream);
	pools_suspend(clients_pools(clients), false);
}
