/*
 * borrow.c - a client needs a server: at once, or in line, or not at all.
 *
 * The message that asked for it stays in client->in and is handled again when
 * there is one.
 */
#include "listens.h"
#include "sequences.h"
#include "session_internal.h"
#include "wire/frame.h"

/* Some messages want the very server that the client wrote on, if that can be had. */
static bool
find_own(const struct client *client, struct server **server)
{
	*server = NULL;
	if (client->sequence_wish & SEQUENCES_OWN)
		*server = pool_borrow_certain(client->pool, client->wrote_on);
	return *server != NULL;
}

bool
borrow_server(struct client *client)
{
	struct server *server;

	if (client->link != NULL)
		return listens_has_begun(client) && !restore_awaits(client->link);
	client->waiter.granted = borrow_granted;
	client->waiter.refused = borrow_refused;
	client->waiter.settings_hash = client->settings.hash;
	client->queue_us = 0;
	if (!find_own(client, &server) && !pool_borrow(client->pool, &client->waiter, &server)) {
		client_enter(client, CLIENT_WAITING);
		return false;
	}
	link_open(client, server);
	return listens_has_begun(client);
}

/* Is nothing to be put there, at a glance? */
static bool
is_in_step(const struct client *client)
{
	const struct link *link = client->link;

	return link->restore == RESTORE_NONE && client->listens == NULL && client->sequence_wish == 0 &&
	    link->server->settings.list == client->settings.list;
}

bool
borrow_bring_in_step(struct client *client, const struct judged *judged)
{
	return is_in_step(client) || restore_in_step(client, judged);
}

static void
lend(struct client *client, struct server *server)
{
	uint64_t excused_us = waiting_excused_us(client);

	link_open(client, server);
	client->link->excused_us = excused_us;
}

void
borrow_granted(struct waiter *waiter, struct server *server)
{
	struct client *client = (struct client *)waiter; /* its first member */

	client->queue_us =
	    loop_now_us(clients_loop(client->clients)) - waiter->ticket.since_us;
	client->pool->counters.wait_time_us += client->queue_us;
	histogram_record(&client->pool->wait_times, client->queue_us);
	if (client->state == CLIENT_GREETING)
		login_granted(client, server);
	else
		lend(client, server);
	client_resume(client);
}

void
borrow_refused(struct waiter *waiter, const struct error *err)
{
	struct client *client = (struct client *)waiter; /* its first member */

	if (client->state == CLIENT_GREETING) {
		login_refused(client, err);
		return;
	}
	borrow_give_up(client,
	    &(struct wire_error){ .severity = "ERROR",
		.sqlstate = err->sqlstate[0] != '\0' ? err->sqlstate : "08006",
		.message = err->text,
		.detail = "pgweir could not open a server connection." });
}

void
borrow_give_up(struct client *client, const struct wire_error *error)
{
	struct frame frame;
	uint8_t type = 'Q';
	bool waited = client->state == CLIENT_WAITING;

	if (waited)
		client_enter(client, CLIENT_READY);
	if (client->judged != NULL) {
		client->stmt++;
		if (waited)
			client->queue_us = loop_now_us(clients_loop(client->clients)) -
			    client->waiter.ticket.since_us;
		record_answered(client, client->judged, error->sqlstate);
		client->queue_us = 0;
	}
	judged_release(client->judged);
	client->judged = NULL;
	if (frame_read(buf_bytes(&client->in), buf_length(&client->in), &frame) == FRAME_GOOD) {
		size_t here = buf_length(&client->in) < frame.length ? buf_length(&client->in)
								     : frame.length;

		type = frame.type;
		buf_consume(&client->in, here);
		client->passing = frame.length - here;
		client->passing_on = false;
	}
	refuse_with(client, type, error);
	if (client->link != NULL)
		stream_flush(client->link->server->stream);
	client_flush(client);
	client_resume(client);
}
