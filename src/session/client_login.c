/*
 * client_login.c - from the first packet to the first ReadyForQuery.
 *
 * A name that does not exist, a password that is wrong and a database that is not
 * there look the same until the client has proved who it is.
 */
#include <string.h>
#include <strings.h>

#include "auth/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "census.h"
#include "learned.h"
#include "net/tls.h"
#include "pool/rendering.h"
#include "replication.h"
#include "session_internal.h"
#include "signals.h"
#include "wire/frame.h"

enum { PASSWORD_MESSAGE_MOST = STARTUP_MOST + 100 };

static const char *
startup_value(const struct startup *startup, const char *name)
{
	const char *value = "";

	for (size_t i = 0; i < startup->parameter_count; i++)
		if (strcasecmp(startup->parameters[i].name, name) == 0)
			value = startup->parameters[i].value;
	return value;
}

static void
set_identity(struct client *client)
{
	const struct startup *startup = client->startup;
	struct address peer = client_address(client);
	char address[ADDRESS_TEXT_SIZE] = "[local]";
	const struct tls_peer *tls = stream_tls_peer(client->stream);

	if (!address_is_unix(&peer))
		address_text(&peer, address);
	client->identity = gate_identity(clients_gate(client->clients),
	    &(struct subject){ .user = startup->user,
		.role = users_role(clients_users(client->clients), startup->user),
		.database = startup->database,
		.application = startup_value(startup, "application_name"),
		.client = address });
	client->database = mem_strdup(startup->database);
	audit_session_id(client->session_id);
	client->who = audit_who_new(&(struct audit_who_fields){ .session = client->session_id,
	    .client_address = address,
	    .client_port = address_port(&peer),
	    .user = client->identity->subject.user,
	    .role = client->identity->subject.role,
	    .database = client->database,
	    .application = client->identity->subject.application,
	    .tls_protocol = tls != NULL ? tls->protocol : NULL,
	    .tls_subject = tls != NULL ? tls->subject : NULL });
}

void
login_failed(struct client *client, const char *sqlstate, const char *why)
{
	char label[CLIENT_LABEL_SIZE];

	client_label(client, label);
	log_warning("%s login failed: %s", label, why);
	if (client->who != NULL)
		audit_session(clients_lane(client->clients), "session.fail", client->who, why,
		    sqlstate, 0, client->bytes_in, client->bytes_out);
}

void
login_reject(struct client *client, const char *sqlstate, const char *message, const char *why)
{
	login_failed(client, sqlstate, why);
	client_end(client, sqlstate, message);
}

void
login_wrong_password(struct client *client, const char *why)
{
	char *message = mem_printf(
	    "password authentication failed for user \"%s\"", client_user(client));

	login_reject(client, "28P01", message, why);
	mem_free(message);
}

/*
 * Clients with equal settings are told the same; application_name is told each its
 * own. 0: nothing was asked for.
 */
static uint64_t
settings_that_matter(const struct client *client)
{
	struct settings others = { 0 };
	uint64_t hash;

	settings_copy(&others, &client->defaults);
	settings_remove(&others, "application_name");
	hash = others.hash;
	settings_clear(&others);
	return hash;
}

void
login_greet(struct client *client, const struct parameters *parameters)
{
	struct buf *out = stream_out(client->stream);

	if (client->replication == REPLICATION_NONE)
		clients_set_welcome(
		    client->clients, client->pool, settings_that_matter(client), parameters);
	if (!client->ok_told)
		build_authentication(out, AUTH_CODE_OK, NULL, 0);
	for (size_t i = 0; i < parameters->count; i++) {
		bool own = strcmp(parameters->items[i].name, "application_name") == 0;

		build_parameter_status(out, parameters->items[i].name,
		    own ? client_application(client) : parameters->items[i].value);
	}
	cancel_key_give(client, out);
	signals_may_reach(client);
	startup_settings_welcome(client, out);
	build_ready(out, 'I');
	startup_free(client->startup);
	mem_free(client->startup);
	client->startup = NULL;
	auth_server_free(client->auth);
	client->auth = NULL;
	rendering_take(&client->defaults, parameters);
	rendering_take(&client->settings, parameters);
	if (client->replication == REPLICATION_NONE)
		second_line_put(client);
	clients_share_settings(client->clients, client);
	client->pool->counters.logins++;
	/* A link is given back by whoever called: relay.c may still be walking over it. */
	if (client->link == NULL)
		client_enter(client, CLIENT_READY);
}

void
login_granted(struct client *client, struct server *server)
{
	link_open(client, server);
	link_release(client->link);
	client_flush(client);
}

void
login_refused(struct client *client, const struct error *err)
{
	login_reject(client, err->sqlstate[0] != '\0' ? err->sqlstate : "08006", err->text, err->text);
}

/* Greet with what a server of the pool reported before; false if none did. */
static bool
greet_as_before(struct client *client)
{
	uint64_t hash = settings_that_matter(client);
	const struct parameters *known = clients_welcome(client->clients, client->pool, hash);
	struct parameters fresh = { 0 };

	if (known == NULL && hash == 0 && budget_welcome(client->pool->budget, &fresh)) {
		clients_set_welcome(client->clients, client->pool, hash, &fresh);
		parameters_free(&fresh);
		known = clients_welcome(client->clients, client->pool, hash);
	}
	if (known == NULL)
		return false;
	login_greet(client, known);
	return true;
}

/* What the server reports must be known before the client can be greeted. */
static void
begin_greeting(struct client *client)
{
	struct server *server;

	if (greet_as_before(client))
		return;
	client->waiter.granted = borrow_granted;
	client->waiter.refused = borrow_refused;
	client->waiter.settings_hash = client->settings.hash;
	if (pool_borrow(client->pool, &client->waiter, &server))
		login_granted(client, server);
	else
		client_enter(client, CLIENT_GREETING);
}

static void
greet_from_responder(struct client *client)
{
	struct buf *out = stream_out(client->stream);
	const char *const *parameter = client->responder->parameters();

	build_authentication(out, AUTH_CODE_OK, NULL, 0);
	for (; *parameter != NULL; parameter += 2)
		build_parameter_status(out, parameter[0], parameter[1]);
	cancel_key_give(client, out);
	build_ready(out, 'I');
	startup_free(client->startup);
	mem_free(client->startup);
	client->startup = NULL;
	audit_session(clients_lane(client->clients), "session.start", client->who, NULL, NULL, 0,
	    client->bytes_in, client->bytes_out);
	client_enter(client, CLIENT_READY);
}

static void
enter_console(struct client *client)
{
	if (client->replication != REPLICATION_NONE) {
		login_reject(client, "0A000", "the console has nothing to replicate", "replication asked for");
		return;
	}
	client->responder = clients_shared(client->clients)->console;
	if (client->responder->admits(client)) {
		greet_from_responder(client);
		return;
	}
	client->responder = NULL;
	login_reject(client, "28000", "this user may not use the console: see console.admins, "
	    "console.viewers and console.auditors", "not in console.admins, viewers or auditors");
}

/* What was asked about it told a secret: its role can log in with that, if not by SCRAM. */
static void
lend_secret(struct client *client)
{
	const char *secret = lookup_secret(client->lookup);
	struct pool *pool = client->pool;

	if (secret == NULL || secret_kind(secret) == SECRET_SCRAM ||
	    (pool->secret != NULL && digest_same_secret(pool->secret, secret)))
		return;
	mem_free_secret(pool->secret);
	pool->secret = mem_strdup(secret);
}

/*
 * A client whose role has its own name brought what that role can log in with: the keys of
 * its log-in by SCRAM, or the secret.
 */
static void
lend_keys(struct client *client)
{
	const struct scram_keys *keys =
	    client->auth == NULL ? NULL : auth_server_keys(client->auth);

	if (strcmp(client_user(client), client_role(client)) != 0)
		return;
	if (keys != NULL && keys->set)
		client->pool->keys = *keys;
	lend_secret(client);
}

void
login_proved(struct client *client)
{
	const struct config *config = clients_config(client->clients);
	const struct database_config *database = config_database(config, client->database);
	const struct responder *console = clients_shared(client->clients)->console;
	const struct tls_peer *tls = stream_tls_peer(client->stream);
	struct error err = { 0 };
	char label[CLIENT_LABEL_SIZE];
	char *message;

	client->log_in_done = true;
	census_authenticated(client);
	if (console->answers(client->database)) {
		lookup_drop(client);
		enter_console(client);
		return;
	}
	if (database == NULL) {
		message = mem_printf("database \"%s\" does not exist", client->database);
		login_reject(client, "3D000", message, "no such database in the configuration");
		mem_free(message);
		return;
	}
	if (clients_draining(client->clients) > CLIENTS_LEAVE) {
		login_reject(client, "57P01", "pgweir is shutting down", "shutting down");
		return;
	}
	if (pools_are_disabled(clients_pools(client->clients), client->database)) {
		message = mem_printf("database \"%s\" is disabled", client->database);
		login_reject(client, "57P03", message, "DISABLE was said at the console");
		mem_free(message);
		return;
	}
	if (!census_admit(client, &err)) {
		login_reject(client, err.sqlstate, err.text, err.text);
		return;
	}
	if (!startup_settings_permit(client))
		return;
	if (!startup_settings_take(client, &err)) {
		login_reject(client, err.sqlstate, err.text, err.text);
		return;
	}
	client->pool_mode = (uint8_t)config_pool_mode(
	    config, database, config_user(config, client_user(client)));
	client->pool =
	    pools_get(clients_pools(client->clients), client->database, client_role(client));
	client->learned = learned_of(clients_learned(client->clients), client->database);
	lend_keys(client);
	lookup_drop(client);
	client_label(client, label);
	if (config->log_connections)
		log_info("%s login attempt: db=%s user=%s tls=%s", label, client->database,
		    client_user(client), tls != NULL ? tls->protocol : "no");
	if (client->replication != REPLICATION_NONE)
		replication_begin(client);
	else
		begin_greeting(client);
}

/* Send what the conversation says next, or end it. */
static void
go_on(struct client *client, enum auth_step step, uint32_t code, struct buf *body,
    const struct error *err)
{
	if (step == AUTH_FAILED) {
		login_wrong_password(client, err->text);
		return;
	}
	if (step == AUTH_ASK) {
		proof_ask(client, auth_server_password(client->auth));
		auth_server_free(client->auth);
		client->auth = NULL;
		return;
	}
	if (code != AUTH_CODE_OK)
		build_authentication(stream_out(client->stream), code,
		    body->data == NULL ? NULL : buf_bytes(body), buf_length(body));
	if (step == AUTH_DONE)
		login_proved(client);
	else if (client->state != CLIENT_LOGIN)
		client_enter(client, CLIENT_LOGIN);
}

void
login_prove(struct client *client, enum auth_method method, const char *secret)
{
	struct buf body = { 0 };
	struct error err = { 0 };
	uint32_t code = AUTH_CODE_OK;
	uint8_t end_point[TLS_END_POINT_MOST];
	enum auth_step step;

	client->auth = auth_server_new(method, client_user(client), secret);
	auth_server_bind(client->auth, end_point, stream_tls_end_point(client->stream, end_point));
	step = auth_server_start(client->auth, &code, &body);
	go_on(client, step, code, &body, &err);
	buf_free(&body);
}

/* A client that asks for more than we speak, or for what we do not know, is told what it gets. */
static void
negotiate(struct client *client, const struct startup *startup)
{
	uint32_t minor =
	    startup->minor > STARTUP_MINOR_MOST ? STARTUP_MINOR_MOST : startup->minor;

	client->long_key = minor >= 2;
	if (startup->minor > minor || startup->unknown_count > 0)
		build_negotiate(stream_out(client->stream), minor,
		    (const char *const *)startup->unknown_options, startup->unknown_count);
}

static void
begin_login(struct client *client)
{
	struct startup *startup = client->startup;
	struct error err = { 0 };
	const char *fault;

	negotiate(client, startup);
	set_identity(client);
	client->replication = (uint8_t)startup->replication;
	suspend_newcomer(client);
	fault = client_tls_fault(client, &err);
	if (fault != NULL) {
		login_reject(client, err.sqlstate, err.text, fault);
		return;
	}
	admit_client(client);
}

/* A packet without a type byte: what a connection begins with. */
static size_t
take_first_packet(struct client *client, const uint8_t *bytes, size_t length)
{
	struct startup startup;
	struct error err = { 0 };
	size_t packet = 0;
	enum startup_status status = startup_length(bytes, length, &packet);

	if (client_tls_begins(client, bytes, length))
		return length;
	if (status == STARTUP_BAD) {
		client_close(client, "invalid length of startup packet");
		return length;
	}
	if (status == STARTUP_SHORT || length < packet)
		return 0;
	if (!startup_parse(bytes, packet, &startup, &err)) {
		if (startup.kind == STARTUP_CANCEL)
			client_close(client, err.text); /* as quietly as any */
		else
			client_end(client, err.sqlstate, err.text);
		return length;
	}
	switch (startup.kind) {
	case STARTUP_CANCEL:
		cancel_request(client, &startup);
		return length;
	case STARTUP_SSL:
	case STARTUP_GSSENC:
		return client_tls_asked(client, startup.kind, packet, length);
	case STARTUP_LOGIN:
		client->startup = mem_copy(&startup, sizeof(startup));
		begin_login(client);
		return packet;
	}
	return packet;
}

static size_t
take_answer(struct client *client, const uint8_t *bytes, size_t length)
{
	struct frame frame;
	struct buf body = { 0 };
	struct error err = { 0 };
	uint32_t code = AUTH_CODE_OK;
	enum auth_step step;

	switch (frame_read(bytes, length, &frame)) {
	case FRAME_SHORT:
		return 0;
	case FRAME_BAD:
		client_end(client, "08P01", "invalid message length");
		return length;
	case FRAME_GOOD:
		break;
	}
	if (frame.type != 'p' || frame.length > PASSWORD_MESSAGE_MOST) {
		client_end(client, "08P01", "expected a password message");
		return length;
	}
	if (length < frame.length)
		return 0;
	step = auth_server_step(client->auth, bytes + FRAME_HEADER, frame.length - FRAME_HEADER,
	    &code, &body, &err);
	/* It is used up, and may be a password: nobody shall find it in a buffer of ours later. */
	explicit_bzero((void *)(uintptr_t)(bytes + FRAME_HEADER), frame.length - FRAME_HEADER);
	go_on(client, step, code, &body, &err);
	buf_free(&body);
	return frame.length;
}

size_t
login_consume(struct client *client, const uint8_t *bytes, size_t length)
{
	size_t at = 0, used = 1;

	while (used > 0 && at < length) {
		if (client->state == CLIENT_STARTUP)
			used = take_first_packet(client, bytes + at, length - at);
		else if (client->state == CLIENT_LOGIN)
			used = take_answer(client, bytes + at, length - at);
		else
			break;
		at += used;
	}
	return at;
}
