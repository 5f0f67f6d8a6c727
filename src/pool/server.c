/* server.c - see server.h. States, events and the end of a server connection. */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/keepalive.h"
#include "net/tls.h"
#include "pool/inspect.h"
#include "pool/messages.h"
#include "pool/own.h"
#include "pool/owners.h"
#include "pool_internal.h"
#include "wire/read.h"

enum { OWN_MESSAGE_MOST = 1024 * 1024 }; /* of a server that nobody has borrowed */

#define TO(state) (1u << (state))
static const struct server_state_info {
	const char *name; /* as SHOW SERVERS prints it */
	unsigned next;	  /* states that may follow; CLOSING always may */
} server_states[] = {
	[SERVER_CONNECTING] = { "new", TO(SERVER_LOGIN) },
	[SERVER_LOGIN] = { "new", TO(SERVER_IDLE) | TO(SERVER_ACTIVE) },
	[SERVER_IDLE] = { "idle", TO(SERVER_ACTIVE) | TO(SERVER_TESTED) },
	[SERVER_ACTIVE] = { "active", TO(SERVER_IDLE) | TO(SERVER_TESTED) | TO(SERVER_CANCELED) },
	[SERVER_TESTED] = { "tested", TO(SERVER_IDLE) | TO(SERVER_TESTED) },
	[SERVER_CANCELED] = { "being_canceled", TO(SERVER_IDLE) | TO(SERVER_TESTED) },
	[SERVER_CLOSING] = { "closing", 0 },
};

void
server_label(const struct server *server, char text[SERVER_LABEL_SIZE])
{
	char address[ADDRESS_TEXT_SIZE];

	address_text(&server->address, address);
	snprintf(text, SERVER_LABEL_SIZE, "S-0x%llx: %s/%s@%s:%d", (unsigned long long)server->id,
	    server->pool->database, server->pool->role, address, address_port(&server->address));
}

const char *
server_state_name(const struct server *server)
{
	if (server->beside && server->state == SERVER_ACTIVE)
		return "listener";
	return server_states[server->state].name;
}

void
server_enter(struct server *server, enum server_state state)
{
	assert(state == SERVER_CLOSING || (server_states[server->state].next & TO(state)));
	server->state = state;
	server->since_us = loop_now_us(server->loop);
}

bool
server_note_parameter(struct server *server, const uint8_t *body, size_t length)
{
	struct reader reader = reader_over(body, length);
	const char *name = read_cstring(&reader);
	const char *value = read_cstring(&reader);

	if (!reader_done(&reader))
		return false;
	parameters_set(&server->parameters, name, value);
	if (server->state > SERVER_LOGIN && strcmp(name, "in_hot_standby") == 0)
		role_reported(server, value);
	return true;
}

/* Who reads it: by what a message before it in the same bytes has made of the server. */
static bool
take_message(void *arg, uint8_t type, const uint8_t *body, size_t length)
{
	static server_handler *const handlers[] = {
		[SERVER_LOGIN] = server_login_message,
		[SERVER_TESTED] = server_task_message,
		[SERVER_IDLE] = server_idle_message,
		[SERVER_CANCELED] = server_idle_message,
	};
	struct server *server = arg;

	return handlers[server->state](server, type, body, length);
}

/* Of a server that nobody has borrowed. */
static void
take_messages(struct server *server, const uint8_t *bytes, size_t length)
{
	enum messages_status status =
	    messages_take(&server->in, bytes, length, OWN_MESSAGE_MOST, take_message, server);

	if (status == MESSAGES_BAD)
		server_close(server, "the server sent a message of an impossible length");
	else if (status == MESSAGES_TAKEN && buf_length(&server->in) == 0)
		buf_free(&server->in);
}

static void on_event(struct stream *stream, enum stream_event event, void *arg);

static void
on_tls_answer(struct server *server)
{
	enum encrypt_answer answer = encrypt_answer(server->stream);
	struct error err;

	if (answer == ENCRYPT_YES) {
		server->stream = tls_connect(
		    server->stream, server->tls, server->host, on_event, server);
		return;
	}
	if (answer == ENCRYPT_NO && !encrypt_is_required(server->pool)) {
		server_login_begin(server);
		return;
	}
	if (answer == ENCRYPT_NO)
		error_set_state(&err, ERROR_IO, "08001",
		    "the server %s speaks no TLS, and tls.server.mode wants it", server->host);
	else
		error_set_state(&err, ERROR_PROTOCOL, "08P01",
		    "the server %s did not answer the question for TLS with one byte, S or N",
		    server->host);
	pool_open_failed(server->pool, server, &err, answer == ENCRYPT_NO);
}

static void
on_data(struct server *server)
{
	size_t length;
	const uint8_t *bytes = stream_data(server->stream, &length);

	switch (server->state) {
	case SERVER_ACTIVE:
		server->user->data(server, bytes, length);
		break;
	case SERVER_LOGIN:
	case SERVER_TESTED:
	case SERVER_IDLE:
	case SERVER_CANCELED:
		take_messages(server, bytes, length);
		break;
	case SERVER_CONNECTING:
		if (server->tls_asked)
			on_tls_answer(server);
		break;
	case SERVER_CLOSING:
		break;
	}
}

/* Does this end of a connection say that no PostgreSQL is there, or that it is just going? */
static bool
is_refusal(int error)
{
	return error == 0 || error == ECONNREFUSED || error == ECONNRESET || error == EPIPE ||
	    error == ENOENT; /* a unix socket that is gone */
}

static void
on_lost(struct server *server)
{
	const char *why = stream_why(server->stream);
	bool untrusted = stream_is_untrusted(server->stream);
	struct error err;

	switch (server->state) {
	case SERVER_CONNECTING:
	case SERVER_LOGIN:
		server->refused = is_refusal(stream_error(server->stream));
		if (untrusted)
			error_set_state(&err, ERROR_IO, "08001",
			    "no encrypted connection to the server %s, port %d: %s", server->host,
			    address_port(&server->address), why);
		else
			error_set_state(&err, ERROR_IO, "08006", "%s: %s",
			    server->state == SERVER_CONNECTING
				? "cannot connect to the server"
				: "the server closed the connection during login",
			    why);
		pool_open_failed(server->pool, server, &err, untrusted);
		break;
	case SERVER_ACTIVE:
		server->user->lost(server, why);
		server_close(server, why);
		break;
	default:
		server_close(server, why);
	}
}

static void
on_event(struct stream *stream, enum stream_event event, void *arg)
{
	struct server *server = arg;

	(void)stream;
	switch (event) {
	case STREAM_OPENED:
		if (server->tls != NULL && !server->tls_asked) {
			server->tls_asked = true;
			encrypt_ask(server->stream);
		} else {
			server_login_begin(server);
		}
		break;
	case STREAM_DATA:
		on_data(server);
		break;
	case STREAM_DRAINED:
		if (server->state == SERVER_ACTIVE)
			server->user->drained(server);
		break;
	case STREAM_CLOSED:
		on_lost(server);
		break;
	}
}

uint64_t
connection_new_id(void)
{
	static atomic_uint_fast64_t last_id;

	return atomic_fetch_add(&last_id, 1) + 1;
}

static void
keep_alive(const struct server *server)
{
	const struct config *config = pools_config(server->pool->pools);
	const struct keepalive keepalive = { .idle_ms = config->tcp_keepalive_idle_ms,
		.interval_ms = config->tcp_keepalive_interval_ms,
		.count = (int)config->tcp_keepalive_count,
		.user_timeout_ms = config->backend_tcp_user_timeout_ms };

	if (!address_is_unix(&server->address))
		keepalive_set(stream_fd(server->stream), &keepalive);
}

struct server *
server_open(
    struct pool *pool, const struct address *to, const char *host, struct own *own)
{
	struct server *server = mem_zalloc(1, sizeof(*server));
	struct loop *loop = pools_loop(pool->pools);
	uint64_t now_us = loop_now_us(loop);

	LIST_INIT(&server->cancels);
	server->state = SERVER_CONNECTING;
	server->own = own;
	if (own != NULL) {
		own->server = server;
		server->replication = (uint8_t)own->startup->replication;
	}
	server->pool = pool;
	server->loop = loop;
	server->address = *to;
	server->host_key = owners_host(host, address_port(to));
	server->tls = encrypt_context(pool, to);
	server->host = mem_strdup(host);
	server->statements = statements_new();
	server->transaction = 'I';
	server->id = connection_new_id();
	server->since_us = server->connected_us = now_us;
	server->connected_wall_us = loop_wall_us(loop);
	server->deadline_us =
	    now_us + (uint64_t)pools_config(pool->pools)->backend_connect_timeout_ms * 1000;
	TAILQ_INSERT_TAIL(&pool->servers, server, in_pool);
	server->stream = stream_connect(loop, to, on_event, server);
	keep_alive(server);
	return server;
}

void
server_adopt(struct server *server, struct pool *pool)
{
	server->pool = pool;
	server->loop = pools_loop(pool->pools);
	TAILQ_INSERT_TAIL(&pool->servers, server, in_pool);
	stream_attach(server->stream, server->loop, on_event, server);
}

static void
server_die(struct deferred *deferred)
{
	struct server *server =
	    (struct server *)((char *)deferred - offsetof(struct server, death));

	auth_client_free(server->auth);
	tls_context_release(server->tls);
	mem_free(server->host);
	buf_free(&server->in);
	parameters_free(&server->parameters);
	settings_clear(&server->settings);
	statements_free(server->statements);
	inspection_free(server->inspection);
	mem_free(server);
}

static void
log_closing(const struct server *server, const char *why)
{
	uint64_t age_us = loop_now_us(server->loop) - server->connected_us;
	char label[SERVER_LABEL_SIZE];

	server_label(server, label);
	log_info("%s closing because: %s (age=%llus)", label, why,
	    (unsigned long long)(age_us / 1000000));
}

void
server_close(struct server *server, const char *why)
{
	struct pool *pool = server->pool;
	enum server_state was = server->state;
	struct error err;

	if (was == SERVER_CLOSING)
		return;
	if (pools_config(pool->pools)->log_connections && was > SERVER_LOGIN)
		log_closing(server, why);
	if (pool->ready_beside == server)
		pool->ready_beside = NULL;
	if (was == SERVER_IDLE && !server->beside) {
		TAILQ_REMOVE(&pool->idle, server, in_idle);
		budget_set_idle(pool->budget, pools_worker(pool->pools), --pool->idle_count);
	}
	if (server->own != NULL)
		own_lost(server, why);
	else if (was <= SERVER_LOGIN && server->replication == REPLICATION_NONE && !server->beside)
		pool_note_failure(pool, server);
	if (was == SERVER_TESTED)
		budget_checking(pool->budget, -1);
	server_enter(server, SERVER_CLOSING);
	TAILQ_REMOVE(&pool->servers, server, in_pool);
	cancels_forget(server);
	owners_forget(server);
	stream_close(server->stream);
	if (!server->succeeded && !server->beside)
		budget_closed(pool->budget);
	loop_defer(server->loop, &server->death, server_die);
	if (server->beside_for != NULL) {
		error_set_state(&err, ERROR_IO, "08006", "%s", why);
		pool_refuse_beside(pool, server->beside_for, &err);
	}
}
