/*
 * server_login.c - logging in to PostgreSQL.
 *
 * From the open socket to the first ReadyForQuery. Everything the server says is
 * checked; what is not expected here ends the connection.
 */
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/tls.h"
#include "pool/own.h"
#include "pool_internal.h"
#include "wire/build.h"
#include "wire/names.h"
#include "wire/read.h"
#include "wire/report.h"

/*
 * Asked for at start, so that they are the session's defaults and survive RESET and
 * DISCARD. The last one makes a backend notice within a second that pgweir is gone
 * (PostgreSQL 14 and later).
 */
static const char *const startup_settings[] = {
	"client_encoding",
	"UTF8",
	"standard_conforming_strings", /* as policies read texts */
	"on",
	"client_connection_check_interval",
	"1s",
};

/*
 * Of servers that ask about users: whatever their role or database has set, names in their
 * question mean PostgreSQL's own, or what is named with its schema.
 */
static const char *const asking_settings[] = { "search_path", "pg_catalog, pg_temp" };

/* Errors that waiting does not mend: everyone in line is told. */
static const char *const fatal_states[] = {
	"28P01", /* invalid_password */
	"28000", /* invalid_authorization_specification */
	"3D000", /* invalid_catalog_name */
	"42501", /* insufficient_privilege */
};

/* What its client asked for, behind what every server is asked for. */
static void
put_own_startup(struct server *server, const char *const *pairs, size_t count)
{
	const struct startup *startup = server->own->startup;
	const char **own =
	    mem_zalloc(2 * (count + 1 + startup->parameter_count), sizeof(*own));
	size_t all;

	memcpy(own, pairs, 2 * count * sizeof(*own));
	own[2 * count] = "replication";
	own[2 * count + 1] =
	    startup->replication == REPLICATION_LOGICAL ? "database" : "true";
	all = count + 1;
	for (size_t i = 0; i < startup->parameter_count; i++) {
		if (strcasecmp(startup->parameters[i].name, "client_encoding") == 0)
			continue; /* the same, or no conversion */
		own[2 * all] = startup->parameters[i].name;
		own[2 * all + 1] = startup->parameters[i].value;
		all++;
	}
	build_startup(stream_out(server->stream), own, all);
	mem_free(own);
}

void
server_login_begin(struct server *server)
{
	const struct pool *pool = server->pool;
	const struct config *config = pools_config(pool->pools);
	const struct database_config *database = config_database(config, pool->database);
	const char *dbname = pool->database;
	uint8_t end_point[TLS_END_POINT_MOST];
	const char *pairs[12];
	const char *secret = users_role_secret(pools_users(pool->pools), pool->role);
	size_t count;

	if (database != NULL && database->dbname != NULL)
		dbname = database->dbname;
	server_enter(server, SERVER_LOGIN);
	server->plain_startup =
	    pool->plain_startup || (server->own != NULL && server->own->plain_startup);
	pairs[0] = "user";
	pairs[1] = pool->role;
	pairs[2] = "database";
	pairs[3] = dbname;
	memcpy(pairs + 4, startup_settings, sizeof(startup_settings));
	count = server->plain_startup ? 4 : 5;
	if (pool->asks)
		memcpy(pairs + 2 * count++, asking_settings, sizeof(asking_settings));
	if (server->own != NULL)
		put_own_startup(server, pairs, count);
	else
		build_startup(stream_out(server->stream), pairs, count);
	server->auth = auth_client_new(pool->role, secret != NULL ? secret : pool->secret,
	    pool->keys.set ? &pool->keys : NULL);
	auth_client_bind(server->auth, end_point, stream_tls_end_point(server->stream, end_point));
	stream_flush(server->stream);
}

static bool
fail(struct server *server, const struct error *err, bool fatal)
{
	pool_open_failed(server->pool, server, err, fatal);
	return false;
}

static bool
on_authentication(struct server *server, const uint8_t *body, size_t length)
{
	struct reader reader = reader_over(body, length);
	uint32_t code = read_u32(&reader);
	struct buf reply = { 0 };
	struct error err = { 0 };
	bool send = false;
	enum auth_step step = AUTH_FAILED;

	if (reader_ok(&reader))
		step = auth_client_step(
		    server->auth, code, reader.at, reader.left, &send, &reply, &err);
	else
		error_set(&err, ERROR_PROTOCOL, "the server's authentication message is cut short");
	if (step != AUTH_FAILED && send) {
		build_password(stream_out(server->stream),
		    reply.data == NULL ? NULL : buf_bytes(&reply), buf_length(&reply));
		stream_flush(server->stream);
	}
	buf_free(&reply);
	server->authenticated = step == AUTH_DONE;
	if (step != AUTH_FAILED)
		return true;
	if (err.sqlstate[0] == '\0')
		memcpy(err.sqlstate, "08001", sizeof("08001"));
	return fail(server, &err, true);
}

/* Under tls.server.mode: allow it may refuse who comes without; the next one asks for TLS. */
static bool
wants_tls(struct server *server, const char *sqlstate)
{
	const struct security *security = pools_security(server->pool->pools);
	bool first = !server->pool->wants_tls;

	if (security == NULL || security->server_mode != TLS_MODE_ALLOW || server->tls != NULL ||
	    address_is_unix(&server->address) || strcmp(sqlstate, "28000") != 0)
		return false;
	server->pool->wants_tls = true;
	return first;
}

/* A client's own settings go along in its own startup packet: those say nothing of the pool. */
static void
ask_plainly(struct server *server)
{
	if (server->own != NULL)
		server->own->plain_startup = true;
	else
		server->pool->plain_startup = true;
}

static bool
on_error(struct server *server, const uint8_t *body, size_t length)
{
	struct wire_report report = report_read(body, length);
	bool fatal = false;
	struct error err;

	/* An old server that does not know a setting of ours: ask again without it. */
	if (strcmp(report.sqlstate, "42704") == 0 && !server->plain_startup)
		ask_plainly(server);
	for (size_t i = 0; i < sizeof(fatal_states) / sizeof(fatal_states[0]); i++)
		fatal |= strcmp(report.sqlstate, fatal_states[i]) == 0;
	server->refused = strcmp(report.sqlstate, "57P03") == 0; /* it starts, or stops */
	error_set_state(&err, ERROR_IO, report.sqlstate, "%s", report.message);
	if (server->own != NULL) {
		server->own->report = body;
		server->own->report_length = length;
	}
	return fail(server, &err, fatal && !wants_tls(server, report.sqlstate));
}

static bool
on_key(struct server *server, const uint8_t *body, size_t length)
{
	struct reader reader = reader_over(body, length);

	server->pid = (int)read_u32(&reader);
	server->key_length = reader.left;
	if (!reader_ok(&reader) || reader.left > sizeof(server->key)) {
		server_close(server, "the server sent a cancel key of an impossible length");
		return false;
	}
	memcpy(server->key, reader.at, reader.left);
	return true;
}

/* It is ready; is it what is wanted? That may have to be asked. */
static bool
take_role(struct server *server)
{
	const char *why;

	switch (role_judge(server, &why)) {
	case ROLE_TO_BE_ASKED:
		role_ask(server);
		stream_flush(server->stream);
		return true;
	case ROLE_UNFIT:
		pool_open_unfit(server, why);
		return false;
	case ROLE_FITS:
		server->role_asked = false;
		if (server_introduce(server))
			return true;
		pool_server_ready(server);
		break;
	}
	return server->state != SERVER_CLOSING;
}

static bool
on_ready(struct server *server, size_t length)
{
	struct error err;

	if (length != 1 || server->pid == 0) {
		error_set_state(&err, ERROR_PROTOCOL, "08P01",
		    "the server was ready before it had sent a cancel key");
		return fail(server, &err, false);
	}
	if (!server->authenticated) {
		error_set_state(&err, ERROR_PROTOCOL, "08P01",
		    "the server was ready before it had let us in");
		return fail(server, &err, false);
	}
	auth_client_free(server->auth);
	server->auth = NULL;
	return take_role(server);
}

bool
server_login_message(struct server *server, uint8_t type, const uint8_t *body, size_t length)
{
	struct error err;

	if (server->task == SERVER_TASK_CONNECT)
		return server_connect_message(server, type, body, length);
	/* It is ready already, and lent at the end of this turn to whom it was opened for. */
	if (server->auth == NULL && !server->role_asked)
		return server_idle_message(server, type, body, length);
	switch (type) {
	case 'R':
		return on_authentication(server, body, length);
	case 'S':
		if (server_note_parameter(server, body, length))
			return true;
		break;
	case 'K':
		return on_key(server, body, length);
	case 'N':
		return true;
	case 'E':
		return on_error(server, body, length);
	case 'Z':
		return on_ready(server, length);
	case 'T':
	case 'C':
		if (server->role_asked)
			return true;
		break;
	case 'D':
		if (role_take_row(server, body, length))
			return true;
		break;
	}
	error_set_state(&err, ERROR_PROTOCOL, "08P01",
	    "the server sent an unexpected %s message during login", message_name_from_server(type));
	return fail(server, &err, false);
}
