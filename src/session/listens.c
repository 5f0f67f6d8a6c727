/*
 * listens.c - see listens.h. Channels of clients, transactions that change them, and what is
 * notified on its way to them.
 */
#include <string.h>

#include "audience.h"
#include "base/mem.h"
#include "hub_channels.h"
#include "listen_ops.h"
#include "session_internal.h"
#include "wire/read.h"

enum { ITEMS_MOST = 1024 * 1024 }; /* bytes that wait for a client */

struct listens *
listens_make(struct client *client)
{
	struct listens *listens = client->listens;

	if (listens != NULL)
		return listens;
	listens = client->listens = mem_zalloc(1, sizeof(*listens));
	listens->client = client;
	listens->audience = audience_of(client->clients, client->pool->database);
	STAILQ_INIT(&listens->items);
	TAILQ_INSERT_TAIL(clients_listens(client->clients), listens, in_worker);
	return listens;
}

bool
listens_has(const struct client *client, const char *channel)
{
	const struct member *member =
	    client->listens == NULL ? NULL : member_find(client->listens, channel);

	return member != NULL && member->active;
}

/* All that are not in force go; or those alone that the hub has not confirmed. */
void
listens_sweep(struct listens *listens, bool confirmed_too)
{
	struct hub_request *request = NULL;
	struct member *member, *next;

	if (confirmed_too)
		items_drop_idle(listens);
	HASH_ITER(hh, listens->members, member, next) {
		if (member->active || (member->confirmed && !confirmed_too))
			continue;
		if (request == NULL)
			request = listens_request(listens->client, HUB_UNSUBSCRIBE);
		hub_request_add(request, member->channel->name);
		member_remove(listens, member);
	}
	if (request == NULL)
		return;
	if (clients_draining(listens->client->clients) == CLIENTS_END)
		hub_request_free(request);
	else
		hub_send(request);
}

static void
free_listens(struct listens *listens)
{
	struct client *client = listens->client;

	items_drop(listens);
	listen_ops_drop(&listens->ops);
	mem_free(listens->gap);
	TAILQ_REMOVE(clients_listens(client->clients), listens, in_worker);
	client->listens = NULL;
	mem_free(listens);
}

void
listens_drop(struct client *client)
{
	struct listens *listens = client->listens;
	struct member *member, *next;

	if (listens == NULL)
		return;
	HASH_ITER(hh, listens->members, member, next)
		member->active = false;
	listens_sweep(listens, true);
	free_listens(listens);
}

/* ---- transactions ---- */

void
listens_note(struct client *client, const struct sql_statement *statement)
{
	listen_ops_note(&client->listens->ops, statement);
}

static void
heed(void *arg, const char *name, bool listen)
{
	struct listens *listens = arg;
	struct member *member, *next;

	if (name != NULL) {
		member = member_find(listens, name);
		if (member != NULL)
			member->active = listen;
		return;
	}
	HASH_ITER(hh, listens->members, member, next)
		member->active = listen;
}

static void
count_active(struct listens *listens)
{
	struct member *member, *next;

	listens->active = 0;
	HASH_ITER(hh, listens->members, member, next)
		listens->active += member->active;
}

void
listens_commit(struct client *client)
{
	struct listens *listens = client->listens;

	if (listens->ops == NULL)
		return;
	listen_ops_commit(&listens->ops, heed, listens);
	count_active(listens);
}

void
listens_rollback(struct client *client)
{
	listen_ops_drop(&client->listens->ops);
}

bool
listens_end(struct client *client, bool failed, bool told)
{
	struct listens *listens = client->listens;

	if (failed)
		listens_rollback(client);
	else
		listens_commit(client);
	if (HASH_COUNT(listens->members) > listens->active)
		listens_sweep(listens, true);
	if (listens->active == 0)
		listens_forget_gap(listens);
	listens->shows = false;
	if (!told || listens->active == 0 || listens->gap != NULL ||
	    client->link->requests.count > 0)
		return false;
	listens_ask(listens, LISTENS_ENDING);
	return true;
}

/* ---- telling ---- */

/* Between transactions, and in no message to the client? */
static bool
is_idle(const struct client *client)
{
	const struct link *link = client->link;

	if (client->listens->wait == LISTENS_ENDING || aborted_is(client))
		return false;
	if (link == NULL)
		return client->state == CLIENT_READY || client->state == CLIENT_WAITING ||
		    client->state == CLIENT_JUDGING;
	return link->requests.count == 0 && !link->unsynced && link->passing == 0 &&
	    link->server->transaction == 'I' && link->restore != RESTORE_SENT;
}

void
listens_pump(struct client *client)
{
	struct listens *listens = client->listens;

	if (client->state == CLIENT_CLOSING || !is_idle(client))
		return;
	if (listens->gap != NULL && listens->active > 0 && !listens_tell_gap(client))
		return;
	/* A LISTEN that was not run after all. */
	if (client->state == CLIENT_READY && listens->wait == LISTENS_FREE &&
	    client->judged == NULL && HASH_COUNT(listens->members) > listens->active)
		listens_sweep(listens, true);
	if (!STAILQ_EMPTY(&listens->items)) {
		items_put(listens, false);
		client_flush(client);
	}
	if (listens->members == NULL && listens->wait == LISTENS_FREE && client->link == NULL)
		free_listens(listens);
}

void
listens_let_go(struct client *client)
{
	if (client->listens->wait == LISTENS_ENDING)
		listens_tell_ready(client);
	if (client->listens->wait == LISTENS_BEGINNING)
		client->listens->wait = LISTENS_FREE;
}

/* A notification for one client: not told before its transaction is over. */
static void
take_event(struct member *member, const struct hub_event *event)
{
	struct listens *listens = member->listens;

	if (listens->gap != NULL || !member->confirmed)
		return;
	item_add(listens, member, event);
	if (listens->item_bytes > ITEMS_MOST)
		listens_note_gap(listens, "too many waited for this client to read them");
	listens_pump(listens->client);
}

void
listens_on_event(struct message *message, void *receiver)
{
	struct hub_event *event = (struct hub_event *)message; /* its first member */
	struct channel *channel = audience_channel(event->audience, event->channel);
	struct member *member = channel == NULL ? NULL : LIST_FIRST(&channel->members), *next;

	if (event->kind != HUB_NOTIFIED)
		listens_on_gap(event);
	for (; member != NULL && event->kind == HUB_NOTIFIED; member = next) {
		next = LIST_NEXT(member, in_channel);
		take_event(member, event);
	}
	mem_free(event);
	(void)receiver;
}

bool
listens_swallow(const struct client *client, const uint8_t *body, size_t length)
{
	struct reader reader = reader_over(body, length);
	const char *name;

	read_u32(&reader);
	name = read_cstring(&reader);
	return reader_ok(&reader) && member_find(client->listens, name) != NULL;
}

void
listens_show(struct link *link, void (*put)(struct link *link, const char *statement))
{
	struct listens *listens = link->client->listens;
	struct member *member, *next;

	HASH_ITER(hh, listens->members, member, next) {
		struct buf statement = { 0 };

		if (!member->active)
			continue;
		hub_put_statement(&statement, "LISTEN", member->channel->name);
		buf_put_u8(&statement, 0);
		put(link, (const char *)buf_bytes(&statement));
		buf_free(&statement);
	}
	listens->shows = false;
	link->shown = true;
	link->server->listens = true;
}
