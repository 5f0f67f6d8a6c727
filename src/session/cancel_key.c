/*
 * cancel_key.c - CancelRequests: from any connection to the worker of the client
 * it is for, and from there to that client's server.
 *
 * The key that a client gets is its own, not its server's. The pid (above 2^30, so
 * never that of a real process) names worker and slot; the key is random.
 */
#include "base/mem.h"
#include "listens.h"
#include "session_internal.h"

enum { PID_BASE = 1 << 30, WORKER_SHIFT = 22, SLOT_MASK = (1 << WORKER_SHIFT) - 1 };

/* A CancelRequest on its way to the worker that knows the client, and back. */
struct errand {
	struct message message; /* first member */
	struct clients *from;	/* where the request came in */
	uint64_t asker;		/* id of the connection it came by */
	uint32_t asker_slot, slot, key;
};

void
cancel_key_give(struct client *client, uint32_t *pid, uint32_t *key)
{
	*pid = PID_BASE | clients_worker(client->clients) << WORKER_SHIFT | client->slot;
	*key = client->key;
}

/* Back where it came from: the connection that asked is closed now, as PostgreSQL does. */
static void
on_return(struct message *message, void *receiver)
{
	struct errand *errand = (struct errand *)message;
	struct client *asker = clients_of_slot(receiver, errand->asker_slot);

	if (asker != NULL && asker->id == errand->asker)
		client_close(asker, "cancel request done");
	mem_free(errand);
}

static void
send_back(void *arg)
{
	struct errand *errand = arg;

	errand->message.deliver = on_return;
	mailbox_post(clients_mailbox(errand->from), &errand->message);
}

void
cancel_client(struct client *client, const char *origin, void (*done)(void *arg), void *arg)
{
	static const struct wire_error canceled = { .severity = "ERROR",
		.sqlstate = "57014",
		.message = "canceling statement due to user request" };

	audit_cancel(clients_lane(client->clients), client->who, origin);
	if (client->state == CLIENT_WAITING) {
		pool_leave(client->pool, &client->waiter);
		borrow_give_up(client, &canceled);
	} else if (listens_give_up(client, &canceled)) {
		; /* it waited for the hub */
	} else if ((client->state == CLIENT_ACTIVE || client->state == CLIENT_JUDGING) &&
	    client->link != NULL && client->link->requests.count > 0) {
		server_cancel(client->link->server, done, arg);
		return;
	}
	if (done != NULL)
		done(arg);
}

/* It has sent a query that neither waits nor runs yet, or another of ours runs in front of it. */
static bool
is_on_its_way(const struct client *client)
{
	if (client->responder != NULL || client->who == NULL || buf_length(&client->in) == 0)
		return false;
	return client->state == CLIENT_JUDGING || client->state == CLIENT_RESTORING ||
	    (client->state == CLIENT_ACTIVE && client->link->asking);
}

enum client_cancel
client_cancel_query(struct client *client)
{
	bool runs = client->state == CLIENT_WAITING ||
	    (client->listens != NULL && client->listens->wait == LISTENS_SUBSCRIBING) ||
	    ((client->state == CLIENT_ACTIVE || client->state == CLIENT_JUDGING) &&
		client->link != NULL && client->link->requests.count > 0 &&
		!client->link->asking);

	if (!runs)
		return is_on_its_way(client) ? CLIENT_CANCELED_LATER : CLIENT_RUNS_NOTHING;
	cancel_client(client, "console", NULL, NULL);
	return CLIENT_CANCELED;
}

static void
on_arrival(struct message *message, void *receiver)
{
	struct errand *errand = (struct errand *)message;
	struct client *client = clients_of_slot(receiver, errand->slot);

	/* One compare of one word: it takes as long whichever bit differs. */
	if (client == NULL || client->who == NULL || (client->key ^ errand->key) != 0)
		send_back(errand);
	else
		cancel_client(client, "client", send_back, errand);
}

void
cancel_request(struct client *asker, uint32_t pid, uint32_t key)
{
	struct clients_shared *shared = clients_shared(asker->clients);
	unsigned worker = (pid & ~(uint32_t)PID_BASE) >> WORKER_SHIFT;
	struct errand *errand;

	if ((pid & PID_BASE) == 0 || worker >= shared->workers) {
		client_close(asker, "cancel request for an unknown process");
		return;
	}
	errand = mem_zalloc(1, sizeof(*errand));
	*errand = (struct errand){ .message = { .deliver = on_arrival },
		.from = asker->clients,
		.asker = asker->id,
		.asker_slot = asker->slot,
		.slot = pid & SLOT_MASK,
		.key = key };
	mailbox_post(clients_mailbox(shared->of_worker[worker]), &errand->message);
}
