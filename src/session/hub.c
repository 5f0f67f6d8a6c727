/*
 * hub.c - see hub.h.
 *
 * What is asked is gathered while a question is under way: one round is one Query of LISTENs
 * and UNLISTENs, or a Sync where nothing changes. PostgreSQL sends what was notified before a
 * round in front of that round's ReadyForQuery, so its end answers all that was asked before.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/mem.h"
#include "hub.h"
#include "hub_channels.h"
#include "listens.h"
#include "pool/owners.h"
#include "session_internal.h"
#include "wire/frame.h"
#include "wire/read.h"

enum {
	HUB_MESSAGE_MOST = 1024 * 1024,
	HUB_RETRY_US = 100 * 1000,	 /* after the first failure; then twice that, … */
	HUB_SILENT_US = 10 * 1000 * 1000, /* without an answer it is taken for lost */
	HUB_LOOK_US = 30 * 1000 * 1000,	 /* quiet for so long: is it still there? */
	HUB_UNUSED_US = 10 * 1000 * 1000, /* kept so long when nobody listens any more */
};

STAILQ_HEAD(hub_requests, hub_request);

/* Made when its database is first listened in. Owned by its worker, kept to its end. */
struct hub {
	struct waiter waiter; /* first member: of a server */
	UT_hash_handle hh;
	struct clients *clients; /* borrowed */
	char *database, *role;	 /* role: of the pool that was asked last */
	struct server *server;	 /* ours; NULL: none */
	bool opening;
	bool named;   /* the server was told what the connection is called */
	bool asking;  /* a round is under way, … */
	bool failed;  /* … and failed with `err` */
	struct error err;
	struct hub_channels channels;
	struct hub_requests waiting, asked; /* for the next round; in this one */
	struct buf in;			    /* a message that has not wholly come */
	uint64_t retry_us, pause_us;	    /* not to be opened before; and how long next time */
	uint64_t asked_us, heard_us;
	uint64_t unused_us; /* since when nobody listens; 0: somebody does */
	uint64_t notifications, losses;
	struct audience *audiences[]; /* borrowed: of each worker; NULL: it never asked */
};

static uint64_t
now(const struct hub *hub)
{
	return loop_now_us(clients_loop(hub->clients));
}

static unsigned
workers_of(const struct hub *hub)
{
	return clients_shared(hub->clients)->workers;
}

/* ---- requests ---- */
static void
answer_all(struct hub_requests *requests, const struct error *err)
{
	while (!STAILQ_EMPTY(requests)) {
		struct hub_request *request = STAILQ_FIRST(requests);

		STAILQ_REMOVE_HEAD(requests, in_hub);
		hub_answer(request, request->wish == HUB_SUBSCRIBE ? err : NULL);
	}
}

/* ---- rounds ---- */

/* It is idle most of the time, and no limit of its role or database shall end it for that. */
static void
put_own_settings(const struct server *server, struct buf *query)
{
	const char *version = parameters_get(&server->parameters, "server_version");

	buf_put_text(query, "SET application_name TO 'pgweir listener'; ");
	if (version != NULL && strtol(version, NULL, 10) >= 14)
		buf_put_text(query, "SET idle_session_timeout TO 0; ");
}

static void
ask(struct hub *hub)
{
	struct buf *out = stream_out(hub->server->stream);
	struct buf query = { 0 };

	if (!hub->named)
		put_own_settings(hub->server, &query);
	hub->named = true;
	hub_channels_put(&hub->channels, &query);
	if (buf_length(&query) > 0) {
		buf_put_u8(&query, 0);
		build_query(out, (const char *)buf_bytes(&query));
	} else {
		build_sync(out);
	}
	buf_free(&query);
	STAILQ_CONCAT(&hub->asked, &hub->waiting);
	hub->asking = true;
	hub->failed = false;
	hub->asked_us = now(hub);
	stream_flush(hub->server->stream);
}

static void open_server(struct hub *hub);

/* One that failed before is to be told again for those who ask for it now. */
static void
settle_waiting(struct hub *hub)
{
	struct hub_request *request;

	STAILQ_FOREACH(request, &hub->waiting, in_hub)
		for (size_t i = 0; i < request->count; i++)
			hub_channels_retry(&hub->channels, request->channels[i]);
}

static void
go_on(struct hub *hub)
{
	if (hub->server == NULL) {
		open_server(hub);
		return;
	}
	if (hub->asking)
		return;
	settle_waiting(hub);
	if (!STAILQ_EMPTY(&hub->waiting) || hub_channels_are_due(&hub->channels))
		ask(hub);
}

/* ReadyForQuery: what was asked in this round is so, or none of it. */
static void
end_round(struct hub *hub)
{
	hub->asking = false;
	if (hub->failed)
		hub->named = false; /* its SETs were rolled back too */
	hub_channels_confirm(&hub->channels, !hub->failed);
	answer_all(&hub->asked, hub->failed ? &hub->err : NULL);
	go_on(hub);
}

/* ---- what comes ---- */

static void
tell(struct audience *audience, struct clients *clients, bool lost, uint32_t pid,
    const char *channel, const char *payload)
{
	size_t first = strlen(channel) + 1, second = strlen(payload) + 1;
	struct hub_event *event = mem_zalloc(1, sizeof(*event) + first + second);

	memcpy(event->text, channel, first);
	memcpy(event->text + first, payload, second);
	event->audience = audience;
	event->lost = lost;
	event->pid = pid;
	event->channel = event->text;
	event->payload = event->text + first;
	event->message.deliver = listens_on_event;
	mailbox_post(clients_mailbox(clients), &event->message);
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
	owner = owners_find(&hub->server->address, pid);
	for (unsigned i = 0; i < workers_of(hub); i++)
		if (channel->of_worker[i] > 0)
			tell(hub->audiences[i], shared->of_worker[i], false,
			    owner != 0 ? owner : pid, name, payload);
}

static void
take_message(struct hub *hub, uint8_t type, const uint8_t *body, size_t length)
{
	struct wire_report report;

	switch (type) {
	case 'A':
		take_notification(hub, body, length);
		break;
	case 'E':
		report = report_read(body, length);
		hub->failed = true;
		error_set_state(&hub->err, ERROR_IO, report.sqlstate, "%s", report.message);
		break;
	case 'S':
		server_note_parameter(hub->server, body, length);
		break;
	case 'Z':
		if (hub->asking)
			end_round(hub);
		break;
	}
}

/* Without its connection: whoever has a channel may miss something from now on. */
static void
lose(struct hub *hub, const char *why)
{
	struct clients_shared *shared = clients_shared(hub->clients);
	struct hub_request *request;

	hub->server = NULL;
	hub->asking = hub->named = false;
	hub->losses++;
	hub->retry_us = now(hub);
	buf_free(&hub->in);
	if (clients_draining(hub->clients) == CLIENTS_END)
		return;
	log_warning("%s: the connection that listens for notifications was lost: %s",
	    hub->database, why);
	hub_channels_lose(&hub->channels);
	for (unsigned i = 0; i < workers_of(hub); i++)
		if (hub->audiences[i] != NULL)
			tell(hub->audiences[i], shared->of_worker[i], true, 0, "", why);
	STAILQ_CONCAT(&hub->asked, &hub->waiting);
	while ((request = STAILQ_FIRST(&hub->asked)) != NULL) {
		STAILQ_REMOVE_HEAD(&hub->asked, in_hub);
		if (request->wish == HUB_FENCE)
			hub_answer(request, NULL);
		else
			STAILQ_INSERT_TAIL(&hub->waiting, request, in_hub);
	}
}

static void
on_data(struct server *server, const uint8_t *bytes, size_t length)
{
	struct hub *hub = server->user_arg;
	struct frame frame;
	enum frame_status status;

	hub->heard_us = now(hub);
	buf_put(&hub->in, bytes, length);
	while ((status = frame_read(buf_bytes(&hub->in), buf_length(&hub->in), &frame)) ==
	    FRAME_GOOD) {
		if (frame.length > HUB_MESSAGE_MOST)
			break;
		if (buf_length(&hub->in) < frame.length)
			return;
		take_message(hub, frame.type, buf_bytes(&hub->in) + FRAME_HEADER,
		    frame.length - FRAME_HEADER);
		buf_consume(&hub->in, frame.length);
	}
	if (status == FRAME_SHORT)
		return;
	lose(hub, "a message of an impossible length");
	server_close(server, "the server sent a message of an impossible length");
}

static void
on_drained(struct server *server)
{
	(void)server;
}

static void
on_lost(struct server *server, const char *why)
{
	struct hub *hub = server->user_arg;

	/* Its last words say more than its silence. */
	lose(hub, hub->failed ? hub->err.text : why);
}

static const struct server_user hub_user = {
	.data = on_data,
	.drained = on_drained,
	.lost = on_lost,
};

/* ---- its server ---- */

static void
on_granted(struct waiter *waiter, struct server *server)
{
	struct hub *hub = (struct hub *)waiter; /* its first member */

	hub->opening = false;
	hub->failed = false;
	hub->pause_us = 0;
	hub->server = server;
	hub->heard_us = now(hub);
	server->user = &hub_user;
	server->user_arg = hub;
	hub->in = server->in;
	server->in = (struct buf){ 0 };
	go_on(hub);
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
		if (request->wish != HUB_SUBSCRIBE || strcmp(request->role, hub->role) != 0)
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
on_refused(struct waiter *waiter, const struct error *err)
{
	struct hub *hub = (struct hub *)waiter; /* its first member */
	uint64_t most_us =
	    4 * (uint64_t)clients_config(hub->clients)->backend_connect_retry_ms * 1000;

	hub->opening = false;
	hub->pause_us = hub->pause_us == 0 ? HUB_RETRY_US : 2 * hub->pause_us;
	if (hub->pause_us > most_us)
		hub->pause_us = most_us;
	hub->retry_us = now(hub) + hub->pause_us;
	if (clients_draining(hub->clients) != CLIENTS_END)
		refuse_role(hub, err);
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

/* What its client logged in with last: the password may be another since this pool heard of it. */
static void
take_proof(struct pool *pool, const struct hub_request *request)
{
	if (request->keys.set)
		pool->keys = request->keys;
	if (request->secret == NULL)
		return;
	mem_free_secret(pool->secret);
	pool->secret = mem_strdup(request->secret);
}

/* With the role of whoever waits longest, else the one that it had: LISTEN needs no privilege. */
static void
open_server(struct hub *hub)
{
	const struct hub_request *request = first_subscriber(hub);
	struct pool *pool;

	if (hub->opening || now(hub) < hub->retry_us ||
	    (request == NULL && hub_channels_count(&hub->channels) == 0) ||
	    clients_draining(hub->clients) == CLIENTS_END)
		return;
	if (request != NULL) {
		mem_free(hub->role);
		hub->role = mem_strdup(request->role);
	}
	pool = pools_get(clients_pools(hub->clients), hub->database, hub->role);
	if (pool->paused)
		return;
	if (request != NULL)
		take_proof(pool, request);
	hub->opening = true;
	pool_open_beside(pool, &hub->waiter);
}

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
	hub->waiter.granted = on_granted;
	hub->waiter.refused = on_refused;
	hub->database = mem_strdup(database);
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
		if (hub->server == NULL) {
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
close_server(struct hub *hub, const char *why)
{
	struct server *server = hub->server;

	hub->server = NULL;
	hub->named = false;
	buf_free(&hub->in);
	server_close(server, why);
}

static void
tick(struct hub *hub)
{
	uint64_t now_us = now(hub);
	struct server *server = hub->server;

	if (server == NULL) {
		go_on(hub);
		return;
	}
	if (hub->asking && now_us - hub->asked_us > HUB_SILENT_US) {
		lose(hub, "no answer for 10 s");
		server_close(server, "no answer to a statement of pgweir's own");
		return;
	}
	if (hub->asking)
		return;
	if (hub_channels_count(&hub->channels) == 0 && hub->unused_us == 0)
		hub->unused_us = now_us;
	else if (hub_channels_count(&hub->channels) == 0 && now_us - hub->unused_us > HUB_UNUSED_US)
		close_server(hub, "nobody listens");
	else if (now_us - hub->heard_us > HUB_LOOK_US)
		ask(hub);
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
			.connected = hub->server != NULL,
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
		buf_free(&hub->in);
		HASH_DEL(*hubs, hub);
		mem_free(hub->database);
		mem_free(hub->role);
		mem_free(hub);
	}
}
