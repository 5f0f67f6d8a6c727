/*
 * cancel_request.c - CancelRequests: from any connection to the worker of the client
 * it is for, and from there to that client's server.
 *
 * The key that a client gets is its own, not its server's, and tells where to go:
 * auth/cancel_key.h.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "cancel_errand.h"
#include "cancel_guesses.h"
#include "listens.h"
#include "session_internal.h"

/* Owned by the worker where it came in. */
struct asked {
	struct cancel_errand errand; /* first member */
	LIST_ENTRY(asked) in_list;
	uint64_t asker; /* id of the connection it came by */
	uint32_t asker_slot;
};

static struct cancel_target
target_of(const struct client *client)
{
	return (struct cancel_target){ .process = clients_shared(client->clients)->process,
		.worker = clients_worker(client->clients),
		.slot = client->slot,
		.epoch = client->epoch };
}

uint32_t
client_pid(const struct client *client)
{
	const struct cancel_target target = target_of(client);

	return cancel_pid(&target);
}

void
cancel_key_give(struct client *client, struct buf *out)
{
	const struct cancel_target target = target_of(client);
	size_t length = client->long_key ? CANCEL_KEY_LONG : CANCEL_KEY_SHORT;
	uint8_t key[CANCEL_KEY_LONG];

	cancel_key_make(clients_shared(client->clients)->secret, &target, length, key);
	build_key_data(out, cancel_pid(&target), key, length);
}

void
cancel_errand_return(struct cancel_errand *errand, bool found)
{
	errand->found = found;
	errand->message.deliver = errand->returned;
	mailbox_post(errand->home, &errand->message);
}

static void
on_done(void *arg)
{
	cancel_errand_return(arg, true);
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

/* A long key's 128 bits are not to be had for a guess at 32. */
static bool
is_key_of(const struct client *client, const struct cancel_errand *errand)
{
	const struct cancel_target target = target_of(client);

	return client->who != NULL &&
	    client->long_key == (errand->key_length == CANCEL_KEY_LONG) &&
	    cancel_key_fits(clients_shared(client->clients)->secret, &target, errand->key,
		errand->key_length);
}

static void
on_arrival(struct message *message, void *receiver)
{
	struct cancel_errand *errand = (struct cancel_errand *)message;
	struct client *client = clients_of_slot(receiver, errand->target.slot);

	if (client == NULL || !is_key_of(client, errand))
		cancel_errand_return(errand, false);
	else
		cancel_client(client, "client", on_done, errand);
}

void
cancel_errand_send(struct clients_shared *shared, struct cancel_errand *errand)
{
	if (errand->target.worker >= shared->workers) {
		cancel_errand_return(errand, false);
		return;
	}
	errand->message.deliver = on_arrival;
	mailbox_post(
	    clients_mailbox(shared->of_worker[errand->target.worker]), &errand->message);
}

/* Whom guesses are counted for: an address, or a user of this machine. */
static void
name_asker(const struct client *asker, char name[GUESSER_SIZE])
{
	struct address peer = client_address(asker);
	struct ucred user = { 0 };
	socklen_t size = sizeof(user);

	if (!address_is_unix(&peer)) {
		address_text(&peer, name);
		return;
	}
	getsockopt(stream_fd(asker->stream), SOL_SOCKET, SO_PEERCRED, &user, &size);
	snprintf(name, GUESSER_SIZE, "[local] uid %lu", (unsigned long)user.uid);
}

/* The connection that asked is closed without a word, as PostgreSQL does; it is noted if it guessed. */
static void
end_asker(struct client *asker, bool found)
{
	char name[GUESSER_SIZE];

	if (!found) {
		name_asker(asker, name);
		guesses_note(clients_shared(asker->clients)->guesses, name,
		    loop_now_us(clients_loop(asker->clients)));
	}
	client_close(asker, found ? "cancel request done" : "cancel request for nobody");
}

static void
on_return(struct message *message, void *receiver)
{
	struct asked *asked = (struct asked *)message; /* its first member's first */
	struct client *asker = clients_of_slot(receiver, asked->asker_slot);
	/* A long key was seen to be good before it was sent: its client has left meanwhile. */
	bool given = asked->errand.key_length == CANCEL_KEY_LONG;

	if (asker != NULL && asker->id == asked->asker)
		end_asker(asker, asked->errand.found || given);
	LIST_REMOVE(asked, in_list);
	mem_free(asked);
}

void
cancel_request(struct client *asker, const struct startup *startup)
{
	struct clients_shared *shared = clients_shared(asker->clients);
	struct cancel_target target;
	struct asked *asked;
	char name[GUESSER_SIZE];

	name_asker(asker, name);
	if (!guesses_permit(shared->guesses, name, loop_now_us(clients_loop(asker->clients)))) {
		client_close(asker, "too many cancel requests with wrong keys");
		return;
	}
	if (!cancel_key_read(
		shared->secret, startup->pid, startup->key, startup->key_length, &target) ||
	    (target.process != shared->process && shared->siblings == NULL)) {
		end_asker(asker, false);
		return;
	}
	asked = mem_zalloc(1, sizeof(*asked));
	*asked = (struct asked){ .errand = { .home = clients_mailbox(asker->clients),
				     .returned = on_return,
				     .target = target,
				     .pid = startup->pid,
				     .key_length = startup->key_length,
				     .patience_ms = (uint32_t)clients_config(asker->clients)
							->timeouts_cancel_ms },
		.asker = asker->id,
		.asker_slot = asker->slot };
	memcpy(asked->errand.key, startup->key, startup->key_length);
	LIST_INSERT_HEAD(clients_asked(asker->clients), asked, in_list);
	if (target.process == shared->process)
		cancel_errand_send(shared, &asked->errand);
	else
		siblings_forward(shared->siblings, &asked->errand);
}

void
cancel_requests_free(struct asked_list *list)
{
	while (!LIST_EMPTY(list)) {
		struct asked *asked = LIST_FIRST(list);

		LIST_REMOVE(asked, in_list);
		mem_free(asked);
	}
}
