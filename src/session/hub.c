/*
 * hub.c - see hub.h.
 *
 * What is asked is gathered while a question is under way: one round is one Query of LISTENs
 * and UNLISTENs, or a Sync where nothing changes. PostgreSQL sends what was notified before a
 * round in front of that round's ReadyForQuery, so its end answers all that was asked before.
 */
#include <string.h>
#include <uthash.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/mem.h"
#include "hub.h"
#include "hub_channels.h"
#include "hub_server.h"
#include "listens.h"
#include "pool/owners.h"
#include "session_internal.h"
#include "wire/read.h"

enum { HUB_UNUSED_US = 10 * 1000 * 1000 }; /* kept so long when nobody listens any more */

STAILQ_HEAD(hub_requests, hub_request);

/* Made when its database is first listened in. Owned by its worker, kept to its end. */
struct hub {
	UT_hash_handle hh;
	struct clients *clients; /* borrowed */
	char *database;
	struct hub_server server;
	struct hub_channels channels;
	struct hub_requests waiting, asked; /* for the next round; in this one */
	uint64_t unused_us;		    /* since when nobody listens; 0: somebody does */
	uint64_t notifications, losses;
	bool deaf; /* what was listened to is lost, and not listened to again */
	struct audience *audiences[]; /* borrowed: of each worker; NULL: it never asked */
};

static unsigned
workers_of(const struct hub *hub)
{
	return clients_shared(hub->clients)->workers;
}

/* ---- rounds ---- */

static void
answer_all(struct hub_requests *requests, const struct error *err)
{
	while (!STAILQ_EMPTY(requests)) {
		struct hub_request *request = STAILQ_FIRST(requests);

		STAILQ_REMOVE_HEAD(requests, in_hub);
		hub_answer(request, request->wish == HUB_SUBSCRIBE ? err : NULL);
	}
}

static void
ask(struct hub *hub)
{
	struct buf statements = { 0 };

	hub_channels_put(&hub->channels, &statements);
	STAILQ_CONCAT(&hub->asked, &hub->waiting);
	hub_server_ask(&hub->server, &statements);
	buf_free(&statements);
}

/* One that failed before is to be told again for those who ask for it now. */
static void
settle_waiting(struct hub *hub)
{
	struct hub_request *request;

	STAILQ_FOREACH(request, &hub->waiting, in_hub)
		for (size_t i = 0; i < request->count; i++)
			hub_channels_retry(&hub->channels, request->channels[i]);
}

static const struct hub_request *
first_subscriber(const struct hub *hub)
{
	const struct hub_request *request;

	STAILQ_FOREACH(request, &hub->waiting, in_hub)
		if (request->wish == HUB_SUBSCRIBE)
			return request;
	return NULL;
}

/* With the role of whoever waits longest. */
static void
open_server(struct hub *hub)
{
	const struct hub_request *request = first_subscriber(hub);

	if (clients_draining(hub->clients) != CLIENTS_END &&
	    (request != NULL || hub_channels_count(&hub->channels) > 0))
		hub_server_open(&hub->server, request);
}

static void
go_on(struct hub *hub)
{
	if (!hub_server_is_open(&hub->server)) {
		open_server(hub);
		return;
	}
	if (hub_server_is_asked(&hub->server))
		return;
	settle_waiting(hub);
	if (!STAILQ_EMPTY(&hub->waiting) || hub_channels_are_due(&hub->channels))
		ask(hub);
}

/* ---- what comes ---- */

static void
tell(struct audience *audience, struct clients *clients, enum hub_event_kind kind, uint32_t pid,
    const char *channel, const char *payload)
{
	size_t first = strlen(channel) + 1, second = strlen(payload) + 1;
	struct hub_event *event = mem_zalloc(1, sizeof(*event) + first + second);

	memcpy(event->text, channel, first);
	memcpy(event->text + first, payload, second);
	event->audience = audience;
	event->kind = kind;
	event->pid = pid;
	event->channel = event->text;
	event->payload = event->text + first;
	event->message.deliver = listens_on_event;
	mailbox_post(clients_mailbox(clients), &event->message);
}

static void
tell_all(struct hub *hub, enum hub_event_kind kind, const char *why)
{
	struct clients_shared *shared = clients_shared(hub->clients);

	for (unsigned i = 0; i < workers_of(hub); i++)
		if (hub->audiences[i] != NULL)
			tell(hub->audiences[i], shared->of_worker[i], kind, 0, "", why);
}

/* The first round of a new connection has all that was lost with the one before. */
static void
end_deafness(struct hub *hub, const struct error *err)
{
	if (!hub->deaf)
		return;
	hub->deaf = false;
	tell_all(hub, err == NULL ? HUB_REGAINED : HUB_FORSAKEN, err == NULL ? "" : err->text);
}

/* ReadyForQuery: what was asked in this round is so, or none of it. */
static void
on_answered(struct hub *hub, const struct error *err)
{
	hub_channels_confirm(&hub->channels, err == NULL);
	answer_all(&hub->asked, err);
	end_deafness(hub, err);
	go_on(hub);
}

static void
take_notification(struct hub *hub, const uint8_t *body, size_t length)
{
	struct reader reader = reader_over(body, length);
	uint32_t pid = read_u32(&reader);
	const char *name = read_cstring(&reader);
	const char *payload = read_cstring(&reader);
	struct clients_shared *shared = clients_shared(hub->clients);
	const struct hub_channel *channel;
	uint32_t owner;

	if (!reader_done(&reader))
		return;
	hub->notifications++;
	channel = hub_channels_find(&hub->channels, name);
	if (channel == NULL)
		return;
	owner = owners_find(hub->server.talk.server->host_key, pid);
	for (unsigned i = 0; i < workers_of(hub); i++)
		if (channel->of_worker[i] > 0)
			tell(hub->audiences[i], shared->of_worker[i], HUB_NOTIFIED,
			    owner != 0 ? owner : pid, name, payload);
}

static void
on_message(struct hub *hub, uint8_t type, const uint8_t *body, size_t length)
{
	if (type == 'A')
		take_notification(hub, body, length);
}

/* ---- its server ---- */

/* Without its connection: whoever has a channel may miss something from now on. */
static void
on_lost(struct hub *hub, const char *why)
{
	struct hub_request *request;

	hub->losses++;
	if (clients_draining(hub->clients) == CLIENTS_END)
		return;
	log_warning("%s: the connection that listens for notifications was lost: %s",
	    hub->database, why);
	hub_channels_lose(&hub->channels);
	hub->deaf = true;
	tell_all(hub, HUB_LOST, why);
	STAILQ_CONCAT(&hub->asked, &hub->waiting);
	while ((request = STAILQ_FIRST(&hub->asked)) != NULL) {
		STAILQ_REMOVE_HEAD(&hub->asked, in_hub);
		if (request->wish == HUB_FENCE)
			hub_answer(request, NULL);
		else
			STAILQ_INSERT_TAIL(&hub->waiting, request, in_hub);
	}
}

/* Waiting will not mend it for this role: wrong password, no such database, no right to it. */
static bool
is_final(const struct error *err)
{
	return strncmp(err->sqlstate, "28", 2) == 0 || strncmp(err->sqlstate, "3D", 2) == 0 ||
	    strcmp(err->sqlstate, "42501") == 0;
}

/* Its role cannot have it: those who ask as this role are told so, or let others try first. */
static void
refuse_role(struct hub *hub, const struct error *err)
{
	struct hub_requests others = STAILQ_HEAD_INITIALIZER(others);
	struct hub_requests same = STAILQ_HEAD_INITIALIZER(same);
	struct hub_request *request;

	while ((request = STAILQ_FIRST(&hub->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&hub->waiting, in_hub);
		if (request->wish != HUB_SUBSCRIBE || strcmp(request->role, hub->server.role) != 0)
			STAILQ_INSERT_TAIL(&others, request, in_hub);
		else if (is_final(err))
			hub_answer(request, err);
		else
			STAILQ_INSERT_TAIL(&same, request, in_hub);
	}
	STAILQ_CONCAT(&hub->waiting, &others);
	STAILQ_CONCAT(&hub->waiting, &same);
}

static void
on_refused(struct hub *hub, const struct error *err)
{
	if (clients_draining(hub->clients) == CLIENTS_END)
		return;
	refuse_role(hub, err);
	if (is_final(err))
		end_deafness(hub, err);
}

static const struct hub_server_user server_user = {
	.opened = go_on,
	.refused = on_refused,
	.message = on_message,
	.answered = on_answered,
	.lost = on_lost,
};

/* ---- a worker's hubs ---- */

static struct hub *
hub_of(struct clients *clients, const char *database)
{
	struct hub **hubs = clients_hubs(clients);
	struct hub *hub;

	HASH_FIND_STR(*hubs, database, hub);
	if (hub != NULL)
		return hub;
	hub = mem_zalloc(1, sizeof(*hub) + clients_shared(clients)->workers * sizeof(struct audience *));
	hub->clients = clients;
	hub->database = mem_strdup(database);
	hub_server_init(&hub->server, clients, hub->database, &server_user, hub);
	hub_channels_init(&hub->channels, clients_shared(clients)->workers);
	STAILQ_INIT(&hub->waiting);
	STAILQ_INIT(&hub->asked);
	HASH_ADD_KEYPTR(hh, *hubs, hub->database, strlen(hub->database), hub);
	return hub;
}

static void
subscribe(struct hub *hub, struct hub_request *request, unsigned worker)
{
	hub->audiences[worker] = request->audience;
	hub->unused_us = 0;
	for (size_t i = 0; i < request->count; i++)
		hub_channels_join(&hub->channels, request->channels[i], worker);
	STAILQ_INSERT_TAIL(&hub->waiting, request, in_hub);
}

/* It has gone or waits no longer: what it asked for is answered, should it be there still. */
static void
end_waiting_of(struct hub *hub, uint64_t client)
{
	struct hub_request *request = STAILQ_FIRST(&hub->waiting), *next;

	for (; request != NULL; request = next) {
		next = STAILQ_NEXT(request, in_hub);
		if (request->wish != HUB_SUBSCRIBE || request->client != client)
			continue;
		STAILQ_REMOVE(&hub->waiting, request, hub_request, in_hub);
		hub_answer(request, NULL);
	}
}

static void
unsubscribe(struct hub *hub, struct hub_request *request, unsigned worker)
{
	end_waiting_of(hub, request->client);
	for (size_t i = 0; i < request->count; i++)
		hub_channels_leave(&hub->channels, request->channels[i], worker);
	hub_request_free(request);
}

static void
on_request(struct message *message, void *receiver)
{
	struct hub_request *request = (struct hub_request *)message; /* its first member */
	struct hub *hub = hub_of(receiver, request->database);
	unsigned worker = clients_worker(request->from);

	switch (request->wish) {
	case HUB_SUBSCRIBE:
		subscribe(hub, request, worker);
		break;
	case HUB_UNSUBSCRIBE:
		unsubscribe(hub, request, worker);
		break;
	case HUB_FENCE:
		if (!hub_server_is_open(&hub->server)) {
			hub_answer(request, NULL); /* there is nothing on its way */
			return;
		}
		STAILQ_INSERT_TAIL(&hub->waiting, request, in_hub);
		break;
	}
	go_on(hub);
}

void
hub_send(struct hub_request *request)
{
	struct clients_shared *shared = clients_shared(request->from);
	uint64_t hash = XXH3_64bits(request->database, strlen(request->database));
	struct clients *to = shared->of_worker[hash % shared->workers];

	request->message.deliver = on_request;
	mailbox_post(clients_mailbox(to), &request->message);
}

static void
tick(struct hub *hub)
{
	uint64_t now_us = loop_now_us(clients_loop(hub->clients));
	bool unused = hub_channels_count(&hub->channels) == 0;

	if (!hub_server_is_open(&hub->server)) {
		go_on(hub);
		return;
	}
	if (unused && hub->unused_us == 0)
		hub->unused_us = now_us;
	if (unused && !hub_server_is_asked(&hub->server) && now_us - hub->unused_us > HUB_UNUSED_US)
		hub_server_close(&hub->server, "nobody listens");
	else
		hub_server_tick(&hub->server);
}

void
hubs_tick(struct clients *clients)
{
	struct hub *hub, *next;

	HASH_ITER(hh, *clients_hubs(clients), hub, next)
		tick(hub);
}

void
clients_each_listener(const struct clients *clients,
    void (*each)(void *arg, const struct listener_state *state), void *arg)
{
	struct hub *hub, *next;

	HASH_ITER(hh, *clients_hubs((struct clients *)clients), hub, next) {
		const struct listener_state state = { .database = hub->database,
			.connected = hub_server_is_open(&hub->server),
			.channels = hub_channels_count(&hub->channels),
			.notifications = hub->notifications,
			.losses = hub->losses };

		each(arg, &state);
	}
}

static void
free_requests(struct hub_requests *requests)
{
	while (!STAILQ_EMPTY(requests)) {
		struct hub_request *request = STAILQ_FIRST(requests);

		STAILQ_REMOVE_HEAD(requests, in_hub);
		hub_request_free(request);
	}
}

void
hubs_free(struct clients *clients)
{
	struct hub **hubs = clients_hubs(clients);
	struct hub *hub, *next;

	HASH_ITER(hh, *hubs, hub, next) {
		hub_channels_free(&hub->channels);
		free_requests(&hub->waiting);
		free_requests(&hub->asked);
		hub_server_free(&hub->server);
		HASH_DEL(*hubs, hub);
		mem_free(hub->database);
		mem_free(hub);
	}
}
