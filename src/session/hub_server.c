/* hub_server.c - see hub_server.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub_server.h"
#include "session_internal.h"
#include "wire/build.h"
#include "wire/report.h"

enum {
	HUB_MESSAGE_MOST = 1024 * 1024,
	HUB_RETRY_US = 100 * 1000,	  /* after the first failure; then twice that, … */
	HUB_SILENT_US = 10 * 1000 * 1000, /* without an answer it is taken for lost */
	HUB_LOOK_US = 30 * 1000 * 1000,	  /* quiet for so long: is it still there? */
};

static uint64_t
now(const struct hub_server *server)
{
	return loop_now_us(clients_loop(server->clients));
}

bool
hub_server_is_open(const struct hub_server *server)
{
	return server->talk.server != NULL;
}

bool
hub_server_is_asked(const struct hub_server *server)
{
	return hub_server_is_open(server) && server->talk.awaited > 0;
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

void
hub_server_ask(struct hub_server *server, const struct buf *statements)
{
	struct buf *out = stream_out(server->talk.server->stream);
	struct buf query = { 0 };

	if (!server->named)
		put_own_settings(server->talk.server, &query);
	server->named = true;
	buf_put(&query, buf_bytes(statements), buf_length(statements));
	if (buf_length(&query) > 0) {
		buf_put_u8(&query, 0);
		build_query(out, (const char *)buf_bytes(&query));
	} else {
		build_sync(out);
	}
	buf_free(&query);
	talk_await(&server->talk);
	server->failed = false;
	server->asked_us = now(server);
	stream_flush(server->talk.server->stream);
}

static void
on_message(void *arg, uint8_t type, const uint8_t *body, size_t length)
{
	struct hub_server *server = arg;
	struct wire_report report;

	server->heard_us = now(server);
	if (type == 'E') {
		report = report_read(body, length);
		server->failed = true;
		error_set_state(&server->err, ERROR_IO, report.sqlstate, "%s", report.message);
		return;
	}
	server->user->message(server->hub, type, body, length);
}

static void
lose(struct hub_server *server, const char *why)
{
	server->named = false;
	server->retry_us = now(server);
	server->user->lost(server->hub, why);
}

static void
on_answered(void *arg)
{
	struct hub_server *server = arg;
	bool failed = server->failed;

	server->heard_us = now(server);
	server->failed = false;
	if (server->talk.broken) {
		talk_close(&server->talk, server->talk.why);
		lose(server, server->talk.why);
		return;
	}
	if (failed)
		server->named = false; /* its SETs were rolled back too */
	server->user->answered(server->hub, failed ? &server->err : NULL);
}

static void
on_lost(void *arg, const char *why)
{
	struct hub_server *server = arg;

	/* Its last words say more than its silence. */
	lose(server, server->failed ? server->err.text : why);
}

static const struct talk_user hub_talk = {
	.message = on_message,
	.answered = on_answered,
	.lost = on_lost,
};

/* ---- opening ---- */

static void
on_granted(struct waiter *waiter, struct server *lent)
{
	struct hub_server *server = (struct hub_server *)waiter; /* its first member */

	server->opening = false;
	server->failed = false;
	server->pause_us = 0;
	server->heard_us = now(server);
	talk_begin(&server->talk, lent, HUB_MESSAGE_MOST, &hub_talk, server);
	server->user->opened(server->hub);
}

static void
on_refused(struct waiter *waiter, const struct error *err)
{
	struct hub_server *server = (struct hub_server *)waiter; /* its first member */
	uint64_t most_us =
	    4 * (uint64_t)clients_config(server->clients)->backend_connect_retry_ms * 1000;

	server->opening = false;
	server->pause_us = server->pause_us == 0 ? HUB_RETRY_US : 2 * server->pause_us;
	if (server->pause_us > most_us)
		server->pause_us = most_us;
	server->retry_us = now(server) + server->pause_us;
	server->user->refused(server->hub, err);
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

void
hub_server_open(struct hub_server *server, const struct hub_request *request)
{
	struct pool *pool;

	if (server->opening || now(server) < server->retry_us)
		return;
	if (request != NULL) {
		mem_free(server->role);
		server->role = mem_strdup(request->role);
	}
	pool = pools_get(clients_pools(server->clients), server->database, server->role);
	if (pool_is_held(pool))
		return;
	if (request != NULL)
		take_proof(pool, request);
	server->opening = true;
	pool_open_beside(pool, &server->waiter);
}

/* ---- its life ---- */

void
hub_server_init(struct hub_server *server, struct clients *clients, const char *database,
    const struct hub_server_user *user, struct hub *hub)
{
	server->waiter.granted = on_granted;
	server->waiter.refused = on_refused;
	server->clients = clients;
	server->database = database;
	server->user = user;
	server->hub = hub;
}

void
hub_server_free(struct hub_server *server)
{
	talk_free(&server->talk);
	mem_free(server->role);
}

void
hub_server_close(struct hub_server *server, const char *why)
{
	server->named = false;
	talk_close(&server->talk, why);
}

void
hub_server_tick(struct hub_server *server)
{
	const struct buf nothing = { 0 };

	if (hub_server_is_asked(server)) {
		if (now(server) - server->asked_us <= HUB_SILENT_US)
			return;
		talk_close(&server->talk, "no answer to a statement of pgweir's own");
		lose(server, "no answer for 10 s");
	} else if (now(server) - server->heard_us > HUB_LOOK_US) {
		hub_server_ask(server, &nothing);
	}
}
