/* client.c - see client.h. States, events and the end of a client. */
#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "doings.h"
#include "frames.h"
#include "inbound.h"
#include "listens.h"
#include "lookup.h"
#include "net/tls.h"
#include "pool/own.h"
#include "prepared.h"
#include "session_internal.h"
#include "wire/frame.h"

#define TO(state) (1u << (state))
static const struct client_state_info {
	const char *name; /* as SHOW CLIENTS prints it */
	unsigned next;	  /* states that may follow; CLOSING always may */
	bool timed;	  /* does limits.c look after it? */
} client_states[] = {
	[CLIENT_STARTUP] = { "login", TO(CLIENT_LOOKUP) | TO(CLIENT_LOGIN) | TO(CLIENT_GREETING) | TO(CLIENT_READY) |
		    TO(CLIENT_RESTORING) | TO(CLIENT_ACTIVE),
	    true },
	[CLIENT_LOOKUP] = { "login", TO(CLIENT_LOGIN) | TO(CLIENT_GREETING) | TO(CLIENT_READY) |
		    TO(CLIENT_RESTORING) | TO(CLIENT_ACTIVE),
	    true },
	[CLIENT_LOGIN] = { "login", TO(CLIENT_PROVING) | TO(CLIENT_GREETING) | TO(CLIENT_READY) |
		    TO(CLIENT_RESTORING) | TO(CLIENT_ACTIVE),
	    true },
	[CLIENT_PROVING] = { "login",
	    TO(CLIENT_GREETING) | TO(CLIENT_READY) | TO(CLIENT_RESTORING) | TO(CLIENT_ACTIVE),
	    true },
	[CLIENT_GREETING] = { "waiting",
	    TO(CLIENT_READY) | TO(CLIENT_RESTORING) | TO(CLIENT_ACTIVE), true },
	[CLIENT_READY] = { "idle", TO(CLIENT_JUDGING) | TO(CLIENT_WAITING) | TO(CLIENT_ACTIVE) | TO(CLIENT_ANSWERED) | TO(CLIENT_READY),
	    false },
	[CLIENT_JUDGING] = { "active", TO(CLIENT_READY) | TO(CLIENT_ACTIVE), false },
	[CLIENT_WAITING] = { "waiting", TO(CLIENT_READY) | TO(CLIENT_ACTIVE), true },
	[CLIENT_RESTORING] = { "active", TO(CLIENT_READY) | TO(CLIENT_ACTIVE), false },
	[CLIENT_ACTIVE] = { "active", TO(CLIENT_READY) | TO(CLIENT_JUDGING), false },
	[CLIENT_ANSWERED] = { "active", TO(CLIENT_READY), false },
	[CLIENT_CLOSING] = { "closing", 0, false },
};

const char *
client_state_name(const struct client *client)
{
	return client_states[client->state].name;
}

void
client_enter(struct client *client, enum client_state state)
{
	struct client_list *timed = clients_timed(client->clients);

	assert(state == CLIENT_CLOSING || (client_states[client->state].next & TO(state)));
	if (client_states[client->state].timed) {
		TAILQ_REMOVE(timed, client, in_timed);
		waiting_end(client);
	}
	client->state = state;
	if (client_states[state].timed)
		TAILQ_INSERT_TAIL(timed, client, in_timed);
	client->since_us = loop_now_us(clients_loop(client->clients));
}

struct address
client_address(const struct client *client)
{
	return address_unpack(&client->peer);
}

void
client_label(const struct client *client, char text[CLIENT_LABEL_SIZE])
{
	struct address peer = client_address(client);
	char address[ADDRESS_TEXT_SIZE] = "unix";

	if (!address_is_unix(&peer))
		address_text(&peer, address);
	snprintf(text, CLIENT_LABEL_SIZE, "C-0x%llx: %.100s/%.100s@%.64s:%d",
	    (unsigned long long)client->id,
	    client->database != NULL ? client->database : "(nodb)",
	    client->identity != NULL ? client_user(client) : "(nouser)", address,
	    address_port(&peer));
}

const char *
client_user(const struct client *client)
{
	return client->identity == NULL ? "" : client->identity->subject.user;
}

const char *
client_role(const struct client *client)
{
	return client->identity == NULL ? "" : client->identity->subject.role;
}

const char *
client_application(const struct client *client)
{
	return client->identity == NULL ? "" : client->identity->subject.application;
}

struct server *
client_server(const struct client *client)
{
	return client->link == NULL ? NULL : client->link->server;
}

size_t
client_prepared_count(const struct client *client)
{
	return prepared_count(&client->prepared);
}

struct client *
server_client(const struct server *server)
{
	const struct link *link = link_of(server);

	return server->state == SERVER_ACTIVE && link != NULL ? link->client : NULL;
}

void
client_flush(struct client *client)
{
	if (client->state != CLIENT_CLOSING)
		stream_flush(client->stream);
}

static bool
is_logged_in(const struct client *client)
{
	return client->state >= CLIENT_READY;
}

static size_t
consume(struct client *client, const uint8_t *bytes, size_t length)
{
	size_t used = 0;

	/* The end of a log-in may have the first statement behind it. */
	if (!is_logged_in(client))
		used = login_consume(client, bytes, length);
	if (client->startup == NULL && is_logged_in(client) && client->state != CLIENT_CLOSING &&
	    used < length)
		used += inbound_consume(client, bytes + used, length - used);
	return used;
}

/* Is it read while it waits? Up to a bound, so that its end is seen. */
static void
adjust_reading(struct client *client)
{
	bool waits = (client->state != CLIENT_READY && client->state != CLIENT_ACTIVE) ||
	    (client->link != NULL && (client->link->discarding || client->link->unsettled ||
				client->link->canceling || client->link->asking || link_awaits_ahead(client->link))) ||
	    client->intent != 0 || (client->listens != NULL && listens_hold_back(client));
	bool full = waits && buf_length(&client->in) > WAITING_INPUT_MOST;

	if (client->presence == CLIENT_LEFT || full ||
	    (client->paused_for_server && client->presence == CLIENT_PRESENT))
		stream_pause(client->stream);
	else
		stream_resume(client->stream);
}

void
client_resume(struct client *client)
{
	size_t used;

	if (client->state == CLIENT_CLOSING)
		return;
	if (buf_length(&client->in) > 0) {
		used = consume(client, buf_bytes(&client->in), buf_length(&client->in));
		if (client->state == CLIENT_CLOSING)
			return;
		buf_consume(&client->in, used);
		if (buf_length(&client->in) == 0)
			buf_free(&client->in);
	}
	/* Also when nothing is left: what filled it up may have been refused meanwhile. */
	adjust_reading(client);
	if (client->listens != NULL)
		listens_pump(client);
	client_flush(client);
}

static void
on_data(struct client *client)
{
	size_t length, used;
	const uint8_t *bytes = stream_data(client->stream, &length);

	client->bytes_in += length;
	if (client->pool != NULL)
		client->pool->counters.bytes_received += length;
	if (buf_length(&client->in) > 0) {
		buf_put(&client->in, bytes, length);
		client_resume(client);
		return;
	}
	used = consume(client, bytes, length);
	if (client->state == CLIENT_CLOSING)
		return;
	if (used < length) {
		buf_put(&client->in, bytes + used, length - used);
		adjust_reading(client);
	}
	client_flush(client);
}

/* Its socket took everything: its server may be read again. */
void
client_drained(struct client *client)
{
	struct link *link = client->link;

	if (link == NULL || !link->paused_for_client)
		return;
	link->paused_for_client = false;
	stream_resume(link->server->stream);
}

/* Does a Terminate wait among what it sent? */
static bool
awaits_terminate(const struct client *client)
{
	size_t length = buf_length(&client->in);
	size_t at = client->passing;
	struct frame frame;

	while (at < length && frame_read(buf_bytes(&client->in) + at, length - at, &frame) == FRAME_GOOD) {
		if (frame.type == 'X')
			return true;
		at += frame.length;
	}
	return false;
}

/*
 * Its connection has ended. A client that took its leave wants done what it sent before, and
 * hears the answers if it still listens.
 */
static void
on_closed(struct client *client)
{
	char label[CLIENT_LABEL_SIZE];

	if (stream_is_untrusted(client->stream) && !is_logged_in(client)) {
		client_label(client, label);
		log_warning("%s %s", label, stream_why(client->stream));
	}
	if (!is_logged_in(client) || client->responder != NULL || !awaits_terminate(client)) {
		client_close(client, stream_why(client->stream));
		return;
	}
	client->presence = CLIENT_LEFT;
	adjust_reading(client);
	client_drained(client); /* what is not taken now never will be */
}

void
client_look_for_end(struct client *client)
{
	if (!client->paused_for_server || client->presence != CLIENT_PRESENT ||
	    !stream_is_hung_up(client->stream))
		return;
	client->presence = CLIENT_HUNG_UP;
	adjust_reading(client);
}

static void
on_event(struct stream *stream, enum stream_event event, void *arg)
{
	struct client *client = arg;

	(void)stream;
	switch (event) {
	case STREAM_OPENED:
		break;
	case STREAM_DATA:
		on_data(client);
		break;
	case STREAM_DRAINED:
		client_drained(client);
		if (client->listens != NULL)
			listens_pump(client);
		break;
	case STREAM_CLOSED:
		on_closed(client);
		break;
	}
}

void
client_encrypt(struct client *client, struct tls_context *context, const uint8_t *first,
    size_t length, bool direct)
{
	client->stream =
	    tls_accept(client->stream, context, first, length, direct, on_event, client);
}

struct client *
client_new(struct clients *clients, int fd, const struct address *peer)
{
	struct client *client = mem_zalloc(1, sizeof(*client));
	struct loop *loop = clients_loop(clients);

	client->clients = clients;
	client->peer = address_pack(peer);
	client->id = connection_new_id();
	client->epoch = clients_next_epoch(clients);
	client->slot = clients_take_slot(clients, client);
	client->connected_us = client->since_us = loop_now_us(loop);
	client->connected_wall_us = loop_wall_us(loop);
	client->state = CLIENT_STARTUP;
	TAILQ_INSERT_TAIL(clients_timed(clients), client, in_timed);
	client->stream = stream_accepted(loop, fd, on_event, client);
	clients_add(clients, client);
	return client;
}

static void
client_die(struct deferred *deferred)
{
	struct client *client =
	    (struct client *)((char *)deferred - offsetof(struct client, death));

	identity_release(clients_gate(client->clients), client->identity);
	if (client->startup != NULL)
		startup_free(client->startup);
	mem_free(client->startup);
	auth_server_free(client->auth);
	settings_clear(&client->defaults);
	settings_clear(&client->settings);
	frames_drop(&client->frames);
	doings_forget(client);
	prepared_clear(&client->prepared);
	statement_release(client->unnamed);
	judged_release(client->judged);
	audit_who_free(clients_lane(client->clients), client->who);
	buf_free(&client->in);
	own_free(client->waiter.own);
	mem_free(client->lost_detail);
	judged_release(client->ending);
	mem_free(client->database);
	mem_free(client);
}

static void
say_goodbye(struct client *client, const char *why)
{
	uint64_t age_us = loop_now_us(clients_loop(client->clients)) - client->connected_us;
	char label[CLIENT_LABEL_SIZE];

	if (client->who != NULL && client->log_in_done)
		audit_session(clients_lane(client->clients), "session.end", client->who, why, NULL,
		    client->statements, client->bytes_in, client->bytes_out);
	if (!clients_config(client->clients)->log_connections)
		return;
	client_label(client, label);
	log_info("%s closing because: %s (age=%llus)", label, why,
	    (unsigned long long)(age_us / 1000000));
}

void
client_close(struct client *client, const char *why)
{
	enum client_state was = client->state;

	if (was == CLIENT_CLOSING)
		return;
	client_enter(client, CLIENT_CLOSING);
	hold_drop(client);
	lookup_drop(client);
	proof_drop(client);
	say_goodbye(client, why);
	if (was == CLIENT_WAITING || was == CLIENT_GREETING)
		pool_leave(client->pool, &client->waiter);
	if (client->job != NULL)
		gate_abandon(client->job);
	if (client->responder != NULL && client->responder->closed != NULL)
		client->responder->closed(client);
	listens_drop(client);
	if (client->link != NULL)
		link_abandon(client->link);
	stream_close(client->stream);
	clients_remove(client->clients, client);
	loop_defer(clients_loop(client->clients), &client->death, client_die);
}

void
client_end_with(struct client *client, const struct wire_error *error)
{
	if (client->state == CLIENT_CLOSING)
		return;
	hold_drop(client); /* it hears that it is ended, and not what it cannot be told yet */
	/* In the middle of a row an error would be read as a part of it. */
	if (client->link != NULL && client->link->passing > 0 && client->link->passing_forward) {
		client_close(client, error->message);
		return;
	}
	build_error(client->link != NULL ? relay_emit(client->link) : client_out(client), error);
	stream_flush(client->stream);
	client_close(client, error->message);
}

void
client_end(struct client *client, const char *sqlstate, const char *message)
{
	client_end_with(client,
	    &(struct wire_error){
		.severity = "FATAL", .sqlstate = sqlstate, .message = message });
}

void
client_answered(struct client *client)
{
	client_enter(client, CLIENT_READY);
	client_resume(client);
}

void
gate_answered(struct client *client, struct judged *judged)
{
	client->job = NULL;
	client->judged = judged;
	permit_count(client, judged);
	client_enter(client, client->link != NULL ? CLIENT_ACTIVE : CLIENT_READY);
	client_resume(client);
}
