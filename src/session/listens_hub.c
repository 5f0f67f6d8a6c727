/*
 * listens_hub.c - what a client waits for that the database's hub has to answer: before a
 * LISTEN is sent, before it is committed, as a loan begins, as a transaction ends.
 */
#include "audience.h"
#include "base/mem.h"
#include "inbound.h"
#include "pool/owners.h"

/*
 * Then it goes on without the hub's answer. Longer than the hub waits for its own server, so
 * that nobody's notifications come late only because a machine is slow.
 */
enum { FENCE_MOST_US = 15 * 1000 * 1000 };

static uint64_t
now(const struct client *client)
{
	return loop_now_us(clients_loop(client->clients));
}

/* ---- asking the hub ---- */

static void on_answered(struct clients *clients, struct hub_request *request);

struct hub_request *
listens_request(struct client *client, enum hub_wish wish)
{
	struct hub_request *request = hub_request_new(client->clients, wish,
	    client->pool->database, client->listens == NULL ? NULL : client->listens->audience);

	request->role = mem_strdup(client->pool->role);
	request->keys = client->pool->keys;
	request->secret = mem_strdup(client->pool->secret);
	request->slot = client->slot;
	request->client = client->id;
	request->ticket = connection_new_id();
	request->answered = on_answered;
	return request;
}

/* Nothing of the client's goes on before the answer. */
static void
wait_for(struct listens *listens, enum listens_wait wait, struct hub_request *request)
{
	listens->wait = wait;
	listens->ticket = request->ticket;
	listens->since_us = now(listens->client);
	hub_send(request);
}

void
listens_ask(struct listens *listens, enum listens_wait wait)
{
	wait_for(listens, wait, listens_request(listens->client, HUB_FENCE));
}

/* ---- before something is sent ---- */

/* Each worker notes to whom its servers are lent now. */
static void
on_want(struct message *message, void *receiver)
{
	struct link *link;

	TAILQ_FOREACH(link, clients_links(receiver), in_links)
		if (link->client != NULL)
			link_note_owner(link);
	mem_free(message);
}

static void
want_owners(struct clients *clients)
{
	struct clients_shared *shared = clients_shared(clients);

	if (owners_wanted() || !owners_want())
		return;
	for (unsigned i = 0; i < shared->workers; i++) {
		struct message *message = mem_zalloc(1, sizeof(*message));

		message->deliver = on_want;
		mailbox_post(clients_mailbox(shared->of_worker[i]), message);
	}
}

bool
listens_subscribe(struct client *client, const struct judged *judged)
{
	struct hub_request *request = NULL;

	if (client->pool_mode == POOL_MODE_SESSION || judged->facts == NULL)
		return true;
	for (size_t i = 0; i < judged->facts->statement_count; i++) {
		const char *name = judged->facts->statements[i].listened;

		if (name == NULL || member_find(listens_make(client), name) != NULL)
			continue;
		if (request == NULL)
			request = listens_request(client, HUB_SUBSCRIBE);
		hub_request_add(request, name);
		member_add(client->listens, name);
	}
	if (request == NULL)
		return true;
	want_owners(client->clients);
	wait_for(client->listens, LISTENS_SUBSCRIBING, request);
	return false;
}

/* May what was sent commit what is open? */
static bool
may_commit(const struct client *client, const struct judged *judged)
{
	if (client->link == NULL || client->link->server->transaction != 'T')
		return true;
	if (judged == NULL)
		return false;
	if (judged->facts == NULL)
		return true;
	for (size_t i = 0; i < judged->facts->statement_count; i++)
		if (judged->facts->statements[i].transaction == SQL_TXN_COMMIT)
			return true;
	return false;
}

bool
listens_fence(struct client *client, const struct judged *judged)
{
	struct listens *listens = client->listens;

	if (HASH_COUNT(listens->members) == listens->active || !may_commit(client, judged))
		return true;
	/* It is committed already, perhaps: what came since may be its own. */
	if (judged == NULL && link_has_unanswered(client->link, SQL_TXN_COMMIT))
		return true;
	if (listens->fenced_us == now(client)) {
		listens->fenced_us = 0;
		items_drop_idle(listens);
		return true;
	}
	listens_ask(listens, LISTENS_COMMITTING);
	return false;
}

bool
listens_begin(struct client *client)
{
	struct link *link = client->link;
	struct listens *listens = client->listens;
	uint32_t pid = client_pid(client);

	if (listens->active == 0 || link->requests.count > 0 || link->unsynced ||
	    link->server->transaction != 'I' ||
	    owners_find(link->server->host_key, (uint32_t)link->server->pid) == pid) {
		link_note_owner(link);
		return true;
	}
	if (listens->wait == LISTENS_FREE)
		listens_ask(listens, LISTENS_BEGINNING);
	return false;
}

/* ---- the hub answered ---- */

static void
confirm(struct listens *listens, const struct hub_request *request)
{
	for (size_t i = 0; i < request->count; i++) {
		struct member *member = member_find(listens, request->channels[i]);

		if (member != NULL)
			member->confirmed = true;
	}
}

/* The transaction is over, and all that was notified until then has come. */
void
listens_tell_ready(struct client *client)
{
	struct listens *listens = client->listens;

	listens->wait = LISTENS_FREE;
	items_put(listens, true);
	build_ready(client_out(client), 'I');
}

static void
end_wait(struct client *client)
{
	listens_tell_ready(client);
	if (client->link != NULL)
		link_release(client->link);
	client_resume(client);
}

static void
refuse(struct client *client, const struct error *err)
{
	listens_give_up(client,
	    &(struct wire_error){ .severity = "ERROR",
		.sqlstate = err->sqlstate[0] != '\0' ? err->sqlstate : "08006",
		.message = err->text,
		.detail = "pgweir could not LISTEN for this client." });
}

bool
listens_give_up(struct client *client, const struct wire_error *error)
{
	struct listens *listens = client->listens;

	if (listens == NULL || listens->wait != LISTENS_SUBSCRIBING)
		return false;
	listens->wait = LISTENS_FREE;
	listens_sweep(listens, false);
	borrow_give_up(client, error);
	return true;
}

static void
take_answer(struct client *client, const struct hub_request *request)
{
	struct listens *listens = client->listens;
	enum listens_wait wait = listens->wait;

	if (wait == LISTENS_ENDING) {
		end_wait(client);
		return;
	}
	if (request->failed) {
		refuse(client, &request->err);
		return;
	}
	listens->wait = LISTENS_FREE;
	listens->fenced_us = now(client);
	if (wait == LISTENS_SUBSCRIBING)
		confirm(listens, request);
	if (wait == LISTENS_BEGINNING && client->link != NULL)
		link_note_owner(client->link);
	client_resume(client);
}

static void
on_answered(struct clients *clients, struct hub_request *request)
{
	struct client *client = clients_of_slot(clients, request->slot);

	if (client != NULL && client->id == request->client) {
		if (client->link != NULL && client->link->fencing == request->ticket) {
			client->link->fencing = 0;
			link_release(client->link);
		} else if (client->listens != NULL && client->listens->wait != LISTENS_FREE &&
		    client->listens->ticket == request->ticket) {
			take_answer(client, request);
		}
	}
	hub_request_free(request);
}

static void
check_wait(struct listens *listens)
{
	struct client *client = listens->client;
	uint64_t waited_us = now(client) - listens->since_us;
	uint64_t patience_us =
	    (uint64_t)clients_config(client->clients)->pool_wait_timeout_ms * 1000;
	struct error err;

	if (listens->wait == LISTENS_SUBSCRIBING) {
		if (patience_us == 0 || waited_us < patience_us)
			return;
		error_set_state(&err, ERROR_IO, "08006",
		    "no listening connection within pool.wait_timeout");
		refuse(client, &err);
	} else if (listens->wait != LISTENS_FREE && waited_us >= FENCE_MOST_US) {
		struct hub_request none = { 0 };

		take_answer(client, &none);
	}
}

void
listens_tick(struct clients *clients)
{
	struct listens *listens = TAILQ_FIRST(clients_listens(clients)), *next;

	for (; listens != NULL; listens = next) {
		next = TAILQ_NEXT(listens, in_worker);
		if (listens->wait != LISTENS_FREE)
			check_wait(listens);
	}
}

/* ---- while it waits, and what it keeps ---- */

bool
listens_hold_back(const struct client *client)
{
	const struct link *link = client->link;
	const struct request *last;

	if (client->listens->wait != LISTENS_FREE)
		return true;
	if (link == NULL || link->copy_in || link->requests.count == 0)
		return false;
	last = requests_at(&link->requests, link->requests.count - 1);
	return last->kind == REQUEST_QUERY || last->kind == REQUEST_FUNCTION ||
	    last->kind == REQUEST_SYNC;
}

bool
listens_keep_link(const struct client *client)
{
	return client->listens->wait != LISTENS_FREE;
}

void
listens_fence_link(struct link *link)
{
	struct hub_request *request;

	if (!owners_wanted())
		return;
	/* In place of one for an earlier transaction of this loan. */
	request = listens_request(link->client, HUB_FENCE);
	link->fencing = request->ticket;
	hub_send(request);
}
