/*
 * server_task.c - statements of our own on a server that nobody has borrowed:
 * is it alive (Sync, or backend.check_query), make it as new (DISCARD ALL), let it hear nothing
 * (UNLISTEN *), do what its database's connect_query says, is it as it is taken for (inspect.c).
 */
#include <string.h>

#include "base/log.h"
#include "pool/inspect.h"
#include "pool_internal.h"
#include "wire/build.h"
#include "wire/names.h"
#include "wire/report.h"

enum { TASK_TIMEOUT_MS = 10 * 1000 };

static const char *const task_names[] = {
	[SERVER_TASK_NONE] = "",
	[SERVER_TASK_CHECK] = "check",
	[SERVER_TASK_RESET] = "reset",
	[SERVER_TASK_UNLISTEN] = "UNLISTEN",
	[SERVER_TASK_CONNECT] = "connect_query",
	[SERVER_TASK_ROLE] = "asking for its role",
	[SERVER_TASK_INSPECT] = "self-audit",
};

static void
begin(struct server *server, enum server_task task)
{
	server_enter(server, SERVER_TESTED);
	server->task = task;
	server->doubted = false;
	server->deadline_us = loop_now_us(server->loop) + (uint64_t)TASK_TIMEOUT_MS * 1000;
	/* While it runs, the line knows that a server is coming. */
	budget_checking(server->pool->budget, 1);
	stream_flush(server->stream);
}

void
server_check(struct server *server)
{
	const char *query = pools_config(server->pool->pools)->backend_check_query;

	if (query[0] == '\0')
		build_sync(stream_out(server->stream));
	else
		build_query(stream_out(server->stream), query);
	begin(server, SERVER_TASK_CHECK);
}

void
server_reset(struct server *server)
{
	build_query(stream_out(server->stream), "DISCARD ALL");
	server->residue = 0;
	server->unintroduced = false;
	server->listens = false;
	server->writer = 0;
	server->writers_mixed = false;
	settings_clear(&server->settings);
	statements_clear(server->statements);
	begin(server, SERVER_TASK_RESET);
}

void
server_unlisten(struct server *server)
{
	build_query(stream_out(server->stream), "UNLISTEN *");
	server->listens = false;
	begin(server, SERVER_TASK_UNLISTEN);
}

void
server_inspect(struct server *server)
{
	inspect_begin(server);
	begin(server, SERVER_TASK_INSPECT);
}

bool
server_introduce(struct server *server)
{
	const struct pool *pool = server->pool;
	const struct database_config *database =
	    config_database(pools_config(pool->pools), pool->database);

	if (!pool->introduces || server->own != NULL || server->beside)
		return false;
	server->task = SERVER_TASK_CONNECT;
	build_query(stream_out(server->stream), database->connect_query);
	stream_flush(server->stream);
	return true;
}

/* Errors that waiting does not mend: what the query says is wrong, or not allowed. */
static bool
is_fault_of_query(const char *sqlstate)
{
	return strncmp(sqlstate, "42", 2) == 0;
}

static bool
connect_failed(struct server *server, const char *sqlstate, const char *why)
{
	struct error err;

	error_set_state(&err, ERROR_IO, sqlstate, "connect_query failed: %s", why);
	pool_open_failed(server->pool, server, &err, is_fault_of_query(sqlstate));
	return false;
}

bool
server_connect_message(struct server *server, uint8_t type, const uint8_t *body, size_t length)
{
	struct wire_report report;

	switch (type) {
	case 'S':
		if (server_note_parameter(server, body, length))
			return true;
		break;
	case 'N':
	case 'A':
	case 'C':
	case 'T':
	case 'D':
	case 'I':
		return true;
	case 'E':
		report = report_read(body, length);
		return connect_failed(server, report.sqlstate, report.message);
	case 'Z':
		if (length != 1 || body[0] != 'I')
			return connect_failed(server, "25001", "it leaves a transaction open");
		server->task = SERVER_TASK_NONE;
		pool_server_ready(server);
		return server->state != SERVER_CLOSING;
	}
	return connect_failed(server, "0A000", "it may not copy");
}

/* Of what was asked in a configured text rows may come, and the self-audit is about them. */
static bool
may_tell_rows(const struct server *server)
{
	return server->task == SERVER_TASK_CHECK || server->task == SERVER_TASK_CONNECT ||
	    server->task == SERVER_TASK_INSPECT;
}

void
server_ask_role(struct server *server)
{
	server->role_doubted = false;
	role_ask(server);
	begin(server, SERVER_TASK_ROLE);
}

/* It has said what it is. */
static void
judge_again(struct server *server)
{
	const char *why;

	server->role_asked = false;
	if (role_judge(server, &why) == ROLE_UNFIT)
		server->retired = true;
}

/* What it was asked is done; a server that is as new is told its connect_query again. */
static bool
task_done(struct server *server)
{
	enum server_task done = server->task;

	if (done == SERVER_TASK_RESET && server_introduce(server))
		return true;
	if (done == SERVER_TASK_INSPECT)
		server->retired |= !inspect_end(server);
	server->task = SERVER_TASK_NONE;
	if (done == SERVER_TASK_ROLE)
		judge_again(server);
	if (server->role_doubted)
		server_ask_role(server);
	else
		pool_server_fit(server);
	if (server->state == SERVER_CLOSING)
		return false; /* server_close() has counted it off */
	budget_checking(server->pool->budget, -1);
	return true;
}

bool
server_task_message(struct server *server, uint8_t type, const uint8_t *body, size_t length)
{
	struct wire_report report;
	char label[SERVER_LABEL_SIZE];

	switch (type) {
	case 'S':
		if (server_note_parameter(server, body, length))
			return true;
		break;
	case 'N':
	case 'A':
	case 'C':
		return true;
	case 'T':
	case 'D':
	case 'I':
		if (type == 'D' && server->task == SERVER_TASK_INSPECT)
			inspect_row(server, body, length);
		if (may_tell_rows(server) || (server->task == SERVER_TASK_ROLE && type == 'T'))
			return true;
		if (type == 'D' && role_take_row(server, body, length))
			return true;
		break;
	case 'E':
		report = report_read(body, length);
		if (server->task == SERVER_TASK_INSPECT) {
			inspect_failed(server, report.sqlstate, report.message);
			return true;
		}
		server_label(server, label);
		log_warning("%s %s failed: %s", label, task_names[server->task], report.message);
		server_close(server, "a statement of pgweir's own failed");
		return false;
	case 'Z':
		if (length != 1 || body[0] != 'I')
			break;
		return task_done(server);
	}
	server_close(server, "unexpected answer to a statement of pgweir's own");
	return false;
}

bool
server_idle_message(struct server *server, uint8_t type, const uint8_t *body, size_t length)
{
	char label[SERVER_LABEL_SIZE];

	if (type == 'N' || type == 'A')
		return true;
	if (type == 'S' && server_note_parameter(server, body, length))
		return true;
	if (type == 'E')
		server_close(server, report_read(body, length).message);
	else {
		server_label(server, label);
		log_warning("%s unexpected %s from an idle server", label,
		    message_name_from_server(type));
		server_close(server, "unexpected message from an idle server");
	}
	return false;
}
