/*
 * show_peers.c - a row for each client or server: CLIENTS, SERVERS, SOCKETS,
 * ACTIVE_SOCKETS, PINS, LISTENERS. Each worker writes the rows of its own.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "errand.h"
#include "net/tls.h"
#include "pool/pool.h"
#include "session/client.h"
#include "show.h"

/* clang-format off */
#define PEER_COLUMNS \
	{ "type", 't' }, { "user", 't' }, { "database", 't' }, { "replication", 't' }, \
	{ "state", 't' }, { "addr", 't' }, { "port", 'i' }, { "local_addr", 't' }, \
	{ "local_port", 'i' }, { "connect_time", 't' }, { "request_time", 't' }, \
	{ "wait", 'i' }, { "wait_us", 'i' }, { "close_needed", 'i' }, { "ptr", 't' }, \
	{ "link", 't' }, { "remote_pid", 'i' }, { "tls", 't' }, \
	{ "application_name", 't' }, { "prepared_statements", 'i' }, { "id", 'i' }
#define OUR_COLUMNS { "worker", 'i' }, { "pin", 't' }, { "settings_hash", 't' }
/* clang-format on */

static const struct wire_column peer_columns[] = { PEER_COLUMNS, OUR_COLUMNS };
static const struct wire_column socket_columns[] = { PEER_COLUMNS, { "recv_pos", 'i' },
	{ "pkt_pos", 'i' }, { "pkt_remain", 'i' }, { "send_pos", 'i' },
	{ "send_remain", 'i' }, { "pkt_avail", 'i' }, { "send_avail", 'i' },
	OUR_COLUMNS };
static const struct wire_column pins_columns[] = { { "client", 'i' }, { "server", 'i' },
	{ "reason", 't' }, { "since", 't' }, { "database", 't' }, { "user", 't' },
	{ "worker", 'i' }, { "statement", 't' } };
static const struct wire_column listeners_columns[] = { { "database", 't' },
	{ "connected", 'i' }, { "channels", 'q' }, { "notifications", 'q' }, { "losses", 'q' },
	{ "worker", 'i' } };

/* When it was, by the wall's clock, that the monotonic clock said this. */
static uint64_t
wall_of(struct loop *loop, uint64_t monotonic_us)
{
	return loop_wall_us(loop) - (loop_now_us(loop) - monotonic_us);
}

static void
put_address(struct rows *rows, const struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];

	if (address->length == 0 || address_is_unix(address)) {
		row_text(rows, "unix");
		row_int(rows, 0);
		return;
	}
	address_text(address, text);
	row_text(rows, text);
	row_int(rows, address_port(address));
}

static void
put_addresses(struct rows *rows, const struct address *peer, const struct stream *stream)
{
	struct address own = { .length = sizeof(own.storage) };

	put_address(rows, peer);
	if (getsockname(
		stream_fd(stream), (struct sockaddr *)&own.storage, &own.length) != 0)
		own.length = 0;
	put_address(rows, &own);
}

/* "TLSv1.3/TLS_AES_256_GCM_SHA384"; empty when it is plain. */
static void
put_tls(struct rows *rows, const struct stream *stream)
{
	const struct tls_peer *tls = stream_tls_peer(stream);
	char text[128] = "";

	if (tls != NULL)
		snprintf(text, sizeof(text), "%s/%s", tls->protocol, tls->cipher);
	row_text(rows, text);
}

/* What a socket holds now. What we have handled is not kept, so positions are 0. */
static void
put_buffers(
    struct rows *rows, size_t incoming, size_t passing, const struct stream *stream)
{
	row_int(rows, 0);
	row_int(rows, 0);
	row_int(rows, (int64_t)passing);
	row_int(rows, 0);
	row_int(rows, 0);
	row_int(rows, (int64_t)incoming);
	row_int(rows, (int64_t)stream_pending(stream));
}

static bool
is_logged_in(const struct client *client)
{
	return client->pool != NULL || client->responder != NULL;
}

static void
put_client(
    struct rows *rows, struct clients *clients, const struct client *client, bool buffers)
{
	struct loop *loop = clients_loop(clients);
	const struct server *server = client_server(client);
	uint64_t wait_us = tally_wait_us(client, loop_now_us(loop));
	struct address peer = client_address(client);

	row_begin(rows);
	row_text(rows, "C");
	row_text(rows, client_user(client));
	row_text(rows, client->database);
	row_text(rows, replication_name(client->replication));
	row_text(rows, client_state_name(client));
	put_addresses(rows, &peer, client->stream);
	row_time(rows, client->connected_wall_us);
	row_time(rows, wall_of(loop, client->since_us));
	row_int(rows, (int64_t)(wait_us / 1000000));
	row_int(rows, (int64_t)(wait_us % 1000000));
	row_int(rows, 0);
	row_hex(rows, client->id);
	if (server != NULL)
		row_hex(rows, server->id);
	else
		row_text(rows, "");
	row_int(rows, 0);
	put_tls(rows, client->stream);
	row_text(rows, client_application(client));
	row_int(rows, (int64_t)client_prepared_count(client));
	row_int(rows, (int64_t)client->id);
	if (buffers)
		put_buffers(
		    rows, buf_length(&client->in), client->passing, client->stream);
	row_int(rows, clients_worker(clients));
	row_text(rows, client->pin != NULL ? client->pin : "");
	row_hex(rows, client->settings.hash);
	row_end(rows);
}

static void
put_server(
    struct rows *rows, struct clients *clients, const struct server *server, bool buffers)
{
	const struct client *client = server_client(server);
	const char *application = parameters_get(&server->parameters, "application_name");

	row_begin(rows);
	row_text(rows, "S");
	row_text(rows, server->pool->role);
	row_text(rows, server->pool->database);
	row_text(rows, replication_name(server->replication));
	row_text(rows, tally_server_state(server, clients_config(clients)));
	put_addresses(rows, &server->address, server->stream);
	row_time(rows, server->connected_wall_us);
	row_time(rows, wall_of(server->loop, server->since_us));
	row_int(rows, 0);
	row_int(rows, 0);
	row_int(
	    rows, server->retired || server->connected_us < server->pool->reconnect_us);
	row_hex(rows, server->id);
	if (client != NULL)
		row_hex(rows, client->id);
	else
		row_text(rows, "");
	row_int(rows, server->pid);
	put_tls(rows, server->stream);
	row_text(rows, application != NULL ? application : "");
	row_int(rows, (int64_t)statements_count(server->statements));
	row_int(rows, (int64_t)server->id);
	if (buffers)
		put_buffers(rows, buf_length(&server->in), 0, server->stream);
	row_int(rows, clients_worker(clients));
	row_text(rows, client != NULL && client->pin != NULL ? client->pin : "");
	row_hex(rows, server->settings.hash);
	row_end(rows);
}

static void
put_clients(
    struct errand *errand, struct clients *clients, bool buffers, bool active_only)
{
	const struct client *client = clients_first(clients);

	for (; client != NULL; client = clients_next(client))
		if (is_logged_in(client) &&
		    (!active_only || strcmp(client_state_name(client), "active") == 0))
			put_client(&errand->rows, clients, client, buffers);
}

static void
put_servers(
    struct errand *errand, struct clients *clients, bool buffers, bool active_only)
{
	struct pool *pool = pools_first(clients_pools(clients));

	for (; pool != NULL; pool = pools_next(pool)) {
		const struct server *server;

		TAILQ_FOREACH(server, &pool->servers, in_pool)
		if (!active_only || server->state == SERVER_ACTIVE)
			put_server(&errand->rows, clients, server, buffers);
	}
}

static void
visit_clients(struct errand *errand, struct clients *clients)
{
	put_clients(errand, clients, false, false);
}

static void
visit_servers(struct errand *errand, struct clients *clients)
{
	put_servers(errand, clients, false, false);
}

static void
visit_sockets(struct errand *errand, struct clients *clients)
{
	put_clients(errand, clients, true, false);
	put_servers(errand, clients, true, false);
}

static void
visit_active_sockets(struct errand *errand, struct clients *clients)
{
	put_clients(errand, clients, true, true);
	put_servers(errand, clients, true, true);
}

static void
visit_pins(struct errand *errand, struct clients *clients)
{
	struct rows *rows = &errand->rows;
	const struct client *client = clients_first(clients);

	for (; client != NULL; client = clients_next(client)) {
		const struct server *server = client_server(client);
		struct client_pin pin;

		if (!client_pinned(client, &pin))
			continue;
		row_begin(rows);
		row_int(rows, (int64_t)client->id);
		row_int(rows, (int64_t)server->id);
		row_text(rows, pin.reason);
		row_time(rows, wall_of(clients_loop(clients), pin.since_us));
		row_text(rows, client->database);
		row_text(rows, client_user(client));
		row_int(rows, clients_worker(clients));
		row_text(rows, pin.statement != NULL ? pin.statement : "");
		row_end(rows);
	}
}

struct listeners_visit {
	struct rows *rows;
	unsigned worker;
};

static void
put_listener(void *arg, const struct listener_state *state)
{
	struct listeners_visit *visit = arg;

	row_begin(visit->rows);
	row_text(visit->rows, state->database);
	row_int(visit->rows, state->connected);
	row_int(visit->rows, (int64_t)state->channels);
	row_int(visit->rows, (int64_t)state->notifications);
	row_int(visit->rows, (int64_t)state->losses);
	row_int(visit->rows, visit->worker);
	row_end(visit->rows);
}

static void
visit_listeners(struct errand *errand, struct clients *clients)
{
	struct listeners_visit visit = { &errand->rows, clients_worker(clients) };

	clients_each_listener(clients, put_listener, &visit);
}

const struct table tables_of_peers[] = {
	{ "ACTIVE_SOCKETS", COLUMNS(socket_columns), visit_active_sockets, NULL,
	    ACCESS_VIEWER, false, false },
	{ "CLIENTS", COLUMNS(peer_columns), visit_clients, NULL, ACCESS_VIEWER, false,
	    false },
	{ "LISTENERS", COLUMNS(listeners_columns), visit_listeners, NULL, ACCESS_VIEWER, false,
	    false },
	{ "PINS", COLUMNS(pins_columns), visit_pins, NULL, ACCESS_VIEWER, false, false },
	{ "SERVERS", COLUMNS(peer_columns), visit_servers, NULL, ACCESS_VIEWER, false,
	    false },
	{ "SOCKETS", COLUMNS(socket_columns), visit_sockets, NULL, ACCESS_VIEWER, false,
	    false },
};
const size_t tables_of_peers_count = sizeof(tables_of_peers) / sizeof(tables_of_peers[0]);
