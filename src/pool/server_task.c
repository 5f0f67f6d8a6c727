/*
 * server_task.c - statements of our own on a server that nobody has borrowed:
 * is it alive (Sync), make it as new (DISCARD ALL), let it hear nothing (UNLISTEN *).
 */
#include <string.h>

#include "base/log.h"
#include "pool_internal.h"
#include "wire/build.h"
#include "wire/names.h"
#include "wire/report.h"

enum { TASK_TIMEOUT_MS = 10 * 1000 };

static void
begin(struct server *server)
{
	server_enter(server, SERVER_TESTED);
	server->doubted = false;
	server->deadline_us = loop_now_us(server->loop) + (uint64_t)TASK_TIMEOUT_MS * 1000;
	/* While it runs, the line knows that a server is coming. */
	budget_checking(server->pool->budget, 1);
	stream_flush(server->stream);
}

void
server_check(struct server *server)
{
	build_sync(stream_out(server->stream));
	begin(server);
}

void
server_reset(struct server *server)
{
	build_query(stream_out(server->stream), "DISCARD ALL");
	server->residue = 0;
	server->listens = false;
	settings_clear(&server->settings);
	statements_clear(server->statements);
	begin(server);
}

void
server_unlisten(struct server *server)
{
	build_query(stream_out(server->stream), "UNLISTEN *");
	server->listens = false;
	begin(server);
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
	case 'E':
		report = report_read(body, length);
		server_label(server, label);
		log_warning("%s reset failed: %s", label, report.message);
		server_close(server, "a statement of pgweir's own failed");
		return false;
	case 'Z':
		if (length != 1 || body[0] != 'I')
			break;
		budget_checking(server->pool->budget, -1);
		pool_server_fit(server);
		return server->state != SERVER_CLOSING;
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
