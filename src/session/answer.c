/*
 * answer.c - what a message of the server means: whose it is, what it ends, what is
 * learnt from it. Only errors, tags, ParameterStatus, ReadyForQuery are looked into.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "base/mem.h"
#include "copy_in.h"
#include "doings.h"
#include "frames.h"
#include "guard.h"
#include "listens.h"
#include "path.h"
#include "pin.h"
#include "pool/rendering.h"
#include "prepared.h"
#include "probe.h"
#include "rewrite.h"
#include "session_internal.h"
#include "signals.h"
#include "wire/names.h"
#include "wire/read.h"
#include "wire/report.h"

static enum fate
violation(struct link *link, uint8_t type)
{
	const struct request *head = requests_head(&link->requests);
	char what[120];

	snprintf(what, sizeof(what), "the server sent %s ('%c') where %s", message_name_from_server(type),
	    type >= 0x20 && type < 0x7f ? type : '?',
	    head == NULL ? "nothing was asked" : "another answer was due");
	link_violated(link, what);
	return FATE_GONE;
}

static uint64_t
now(const struct link *link)
{
	return loop_now_us(clients_loop(link->clients));
}

static void
next_head(struct link *link)
{
	requests_pop(&link->requests);
	link->sub = 0;
	link->rows = link->bytes_out = 0;
	link->head_us = now(link);
	link->stopped = false;
}

/* "SELECT 5", "INSERT 0 3": the number at the end, or -1. */
static int64_t
count_in_tag(const char *tag)
{
	const char *space = strrchr(tag, ' ');

	if (space == NULL || space[1] < '0' || space[1] > '9')
		return -1;
	return strtoll(space + 1, NULL, 10);
}

static bool
tag_tells_rows_returned(const char *tag)
{
	return strncmp(tag, "SELECT", 6) == 0 || strncmp(tag, "FETCH", 5) == 0;
}

static const struct sql_statement *
statement_at(const struct request *request, size_t sub)
{
	const struct judged *judged = request->judged;

	if (judged == NULL || judged->facts == NULL || sub >= judged->facts->statement_count)
		return NULL;
	return &judged->facts->statements[sub];
}

/* A statement was answered: CommandComplete, EmptyQueryResponse or PortalSuspended. */
static void
complete(struct link *link, struct request *head, const char *tag)
{
	const struct sql_statement *statement = statement_at(head, link->sub);
	int64_t count = tag == NULL ? -1 : count_in_tag(tag);
	bool returned = tag == NULL || tag_tells_rows_returned(tag);

	if (head->restores)
		restore_advanced(link, head);
	if (head->answer != ANSWER_FORWARD || head->replicates) /* that one has several results */
		return;
	if (link->inspected && head->judged != NULL) {
		judged_release(link->ran);
		link->ran = judged_reference(head->judged);
	}
	if (statement != NULL)
		residue_of(link, head, statement, tag);
	else if (head->judged != NULL && head->judged->facts == NULL)
		residue_of_unknown(link, head->judged);
	if (head->rewrite != NULL)
		signals_send(link, &head->rewrite->signal);
	if (!guard_is_over(link)) /* else it was recorded as what it is */
		record_statement(link, head, link->sub, "00000",
		    returned || link->rows > 0 ? (int64_t)link->rows : -1,
		    returned ? -1 : count, AUDIT_OK);
	link->sub++;
	link->rows = link->bytes_out = 0;
	link->head_us = now(link);
}

static void
confirm_name(struct link *link, const struct request *head, const struct rewrite_name *name)
{
	struct client *client = link->client;
	/* What was sent behind it has had its say about the name. */
	bool settled = client != NULL && !requests_name_behind(&link->requests, name->name);

	if (name->change == REWRITE_ADDS) {
		statements_sent(link->server->statements, &name->statement->id, head->batch);
		statements_confirm(link->server->statements, &name->statement->id);
		if (settled && prepared_find(&client->prepared, name->name) == NULL)
			prepared_add(&client->prepared, name->name, name->statement);
	} else if (name->change == REWRITE_TAKES && settled) {
		prepared_remove(&client->prepared, name->name);
	}
}

/*
 * This statement of the text did with names what was taken for done when it was sent; others of
 * the text may have undone that then, or now.
 */
static void
confirm_names(struct link *link, const struct request *head, size_t sub)
{
	for (size_t i = 0; i < head->rewrite->name_count; i++)
		if (head->rewrite->names[i].sub == sub)
			confirm_name(link, head, &head->rewrite->names[i]);
}

/* A CommandComplete: of ours that nobody hears, or with the tag of what the client wrote. */
static enum fate
on_tag(struct link *link, struct request *head, const uint8_t *body, size_t length)
{
	const struct sql_statement *statement = statement_at(head, link->sub);
	enum fate fate = head->answer == ANSWER_FORWARD ? FATE_FORWARD : FATE_SWALLOW;
	struct reader reader = reader_over(body, length);
	const char *tag = read_cstring(&reader), *told;
	size_t sub = link->sub;

	if (link->ours_due > 0) {
		link->ours_due--;
		return FATE_SWALLOW;
	}
	complete(link, head, tag);
	if (head->has_id)
		statements_confirm(link->server->statements, &head->id);
	if (head->rewrite != NULL)
		confirm_names(link, head, sub);
	if (!head->edited || statement == NULL || link->client == NULL)
		return fate;
	if (head->rewrite != NULL && rewrite_resets_all(statement))
		link->ours_due = head->rewrite->behind_reset_all;
	told = rewrite_tag(statement, tag);
	if (told == NULL)
		return fate;
	build_command_complete(relay_emit(link), told);
	return FATE_SWALLOW;
}

/* After an error the server skips everything up to the next Sync. */
static void
skip_to_sync(struct link *link)
{
	const struct request *request;
	size_t skipped = 0;

	while ((request = requests_at(&link->requests, skipped)) != NULL &&
	    request->kind != REQUEST_SYNC)
		skipped++;
	skipped_undo_all(link, skipped);
	for (; skipped > 0; skipped--)
		requests_pop(&link->requests);
	/* Its Sync is still to come: what the client sends before that is not for the server. */
	if (request == NULL && link->client != NULL)
		link->client->skipping = true;
	link->sub = 0;
	link->rows = link->bytes_out = 0;
	link->head_us = now(link);
}

static void
remember_error(struct link *link, const struct wire_report *report)
{
	snprintf(link->last_state, sizeof(link->last_state), "%s", report->sqlstate);
	mem_free(link->last_message);
	link->last_message = mem_strdup(report->message);
}

/* Is all up to the next Sync ours? What the client sent is behind it, and has an answer of its own. */
static bool
is_ours_alone(const struct link *link)
{
	const struct request *request;

	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++)
		if (request->answer != ANSWER_SWALLOW || request->kind == REQUEST_SYNC)
			return request->answer == ANSWER_SWALLOW;
	return false;
}

/* The server refuses what we made it refuse, or fails what the client asked for. */
static enum fate
fate_of_error(struct link *link, struct request *head, const struct wire_report *report,
    const uint8_t *body, size_t length)
{
	bool swallowed = head->answer == ANSWER_SWALLOW &&
	    (link->restore == RESTORE_SENT || link->asking || is_ours_alone(link));
	enum fate fate = swallowed ? FATE_SWALLOW : FATE_FORWARD;
	bool ours = !swallowed && limits_have_hit(link, head, report);

	if (link->client == NULL)
		return FATE_SWALLOW;
	if (head->answer == ANSWER_REFUSE) {
		buf_put(relay_emit(link), head->reply, head->reply_length);
		return FATE_SWALLOW;
	}
	if (guard_is_over(link))
		return FATE_SWALLOW;
	if (head->judged != NULL && (head->kind == REQUEST_QUERY || head->kind == REQUEST_EXECUTE))
		residue_of_failed(link, head);
	if (head->kind == REQUEST_FUNCTION)
		residue_of_unknown(link, NULL);
	/* Before the error is told, which may have to wait for this. */
	if (head->kind != REQUEST_SYNC)
		record_statement(link, head, link->sub, report->sqlstate, -1, -1, AUDIT_ERROR);
	if (ours) {
		limits_tell(link);
		fate = FATE_SWALLOW;
	}
	if (fate == FATE_FORWARD && copy_in_broken(link, report))
		return FATE_SWALLOW;
	if (fate == FATE_FORWARD && head->rewrite != NULL) {
		rewrite_put_report(head->rewrite, relay_emit(link), 'E', body, length);
		fate = FATE_SWALLOW;
	}
	return fate;
}

/* What was cancelled has ended; by the cancel, if that is the error. */
static void
spend_cancel(struct link *link, const struct wire_report *report)
{
	link->stopped = false;
	if (strcmp(report->sqlstate, "57014") == 0)
		link->stray_batch = 0;
}

/* What goes ahead of the client's message was refused: nothing of that runs. */
static enum fate
fail_ahead(
    struct link *link, const struct wire_report *report, const uint8_t *body, size_t length)
{
	bool alone = ahead_failed(link, report, body, length);

	spend_cancel(link, report);
	skip_to_sync(link);
	if (alone)
		ahead_ask_ready(link);
	return FATE_SWALLOW;
}

static enum fate
on_error(struct link *link, const uint8_t *body, size_t length)
{
	struct wire_report report = report_read(body, length);
	struct request *head;
	enum fate fate;

	relay_settle(link);
	head = requests_head(&link->requests);
	link->failed = true;
	link->copy_in = false;
	link->ours_due = 0;
	remember_error(link, &report);
	if (strcmp(report.sqlstate, "25006") == 0) /* read_only_sql_transaction */
		server_doubt_role(link->server);
	if (strcmp(report.severity, "FATAL") == 0 || strcmp(report.severity, "PANIC") == 0) {
		/* The connection ends behind it; link_lost() tells the client. */
		link->fatal = true;
		return FATE_SWALLOW;
	}
	if (head == NULL)
		return violation(link, 'E');
	link->portal_lost |= link->unnamed_portal.batch <= head->batch;
	if (head->ahead && link->client != NULL)
		return fail_ahead(link, &report, body, length);
	if (repeat_stale(link, &report)) {
		skip_to_sync(link);
		requests_head(&link->requests)->answer = ANSWER_SWALLOW;
		return FATE_SWALLOW;
	}
	fate = fate_of_error(link, head, &report, body, length);
	spend_cancel(link, &report);
	if (head->kind == REQUEST_QUERY || head->kind == REQUEST_FUNCTION)
		skipped_undo(link, head); /* ReadyForQuery follows */
	else
		skip_to_sync(link);
	return fate;
}

static void
count_ready(struct link *link, char status)
{
	struct pool_counters *counters = &link->server->pool->counters;
	uint64_t at_us = now(link);

	counters->query_count++;
	counters->query_time_us += at_us - link->request_us;
	histogram_record(&link->server->pool->query_times, at_us - link->request_us);
	if (link->transaction_us == 0)
		link->transaction_us = link->request_us;
	link->request_us = at_us; /* of those behind it in a pipeline */
	if (status != 'I') {
		link->idle_us = link->requests.count == 0 ? at_us : 0;
		return;
	}
	counters->xact_count++;
	counters->xact_time_us += at_us - link->transaction_us;
	link->transaction_us = 0;
	link->idle_us = 0;
}

/* What was set outside a transaction block, too, counts from its ReadyForQuery. */
static void
keep_settings(struct link *link)
{
	struct client *client = link->client;

	link->set |= client->frames != NULL;
	frames_commit(
	    &client->frames, &client->defaults, &client->settings, &link->server->settings);
}

/* Nothing local to a transaction is in force now: what is reported is the session's. */
static void
take_reported(struct link *link)
{
	link->set = false;
	rendering_take_both(
	    &link->client->settings, &link->server->settings, &link->server->parameters);
}

static enum fate
on_ready(struct link *link, const uint8_t *body, size_t length)
{
	struct server *server = link->server;
	struct client *client = link->client;
	uint64_t batch;
	enum fate fate;

	relay_settle(link);
	if (length != 1 || request_match(requests_head(&link->requests), 'Z') != MATCH_LAST ||
	    strchr("ITE", body[0]) == NULL || body[0] == 0)
		return violation(link, 'Z');
	server->transaction = (char)body[0];
	link->copy_in = false;
	link->copying = 0;
	fate = requests_head(&link->requests)->answer == ANSWER_SWALLOW ? FATE_SWALLOW
									: FATE_FORWARD;
	if (link->requests.count == 1)
		link->unsynced = false;
	if (requests_head(&link->requests)->replicates && !link->failed)
		record_statement(link, requests_head(&link->requests), 0, "00000",
		    (int64_t)link->rows, -1, AUDIT_OK);
	batch = requests_head(&link->requests)->batch;
	next_head(link);
	if (link->path_doubted)
		path_settle(link);
	if (client == NULL) {
		link->failed = false;
		return FATE_SWALLOW;
	}
	if (link->asking) {
		probe_end(link, link->failed);
		link->failed = false;
		return FATE_SWALLOW;
	}
	if (link->restore == RESTORE_SENT) {
		restore_answered(link);
		return client->state == CLIENT_CLOSING ? FATE_GONE : FATE_SWALLOW;
	}
	if (link->ahead_failed && !ahead_ended(link, (char)body[0])) {
		link->failed = false;
		return FATE_SWALLOW;
	}
	if (fate == FATE_FORWARD) {
		link->told = true;
		count_ready(link, (char)body[0]);
	}
	if (body[0] == 'I') {
		link->misreads = link->misreads && link->requests.count > 0;
		doings_forget(client);
		if (link->failed)
			frames_drop(&client->frames);
		else
			keep_settings(link);
		if (link->set)
			take_reported(link);
		link_forget_portals(link, batch);
		client->txn += fate == FATE_FORWARD;
	}
	if (link->pins_due != 0 && fate == FATE_FORWARD)
		pin_tell(link);
	if (body[0] == 'I' && client->listens != NULL &&
	    listens_end(client, link->failed, fate == FATE_FORWARD))
		fate = FATE_SWALLOW; /* it comes behind what was notified */
	else if (body[0] == 'I' && link->notified)
		listens_fence_link(link);
	link->notified = link->notified && body[0] != 'I';
	link->failed = false;
	return fate;
}

/* Any other message: it belongs to the head of the queue, or the server is discarded. */
static enum fate
on_answer(struct link *link, uint8_t type, const uint8_t *body, size_t length)
{
	struct request *head;
	enum request_match match;
	enum fate fate;

	relay_settle(link);
	head = requests_head(&link->requests);
	match = request_match(head, type);
	if (match == MATCH_VIOLATION || (type == 'W' && !head->replicates))
		return violation(link, type);
	fate = head->answer == ANSWER_FORWARD ? FATE_FORWARD : FATE_SWALLOW;
	switch (type) {
	case 'D':
		link->rows++;
		if (link->asking)
			probe_row(link, body, length);
		break;
	case 'C':
		link->copy_in = false;
		fate = on_tag(link, head, body, length);
		break;
	case 'I':
	case 's':
		complete(link, head, NULL);
		break;
	case 'V':
		residue_of_unknown(link, NULL);
		record_statement(link, head, 0, "00000", -1, -1, AUDIT_OK);
		break;
	case 'G':
		if (!copy_in_begin(link))
			return violation(link, type);
		break;
	case 'H':
	case 'W':
		if (head->replicates)
			link->copying = (char)type;
		break;
	case '1':
		if (head->has_id)
			statements_confirm(link->server->statements, &head->id);
		else if (head->name != NULL)
			residue_of_name(link, head);
		break;
	case '3':
		if (head->has_id)
			statements_forget(link->server->statements, &head->id);
		else if (head->name != NULL)
			residue_of_name(link, head);
		break;
	}
	if (match == MATCH_LAST) {
		link->told |= fate == FATE_FORWARD;
		if (head->ahead)
			link->ahead--;
		requests_pop(&link->requests);
		link->sub = 0;
	}
	return fate;
}

enum fate
answer_take(struct link *link, uint8_t type, const uint8_t *body, size_t length)
{
	switch (type) {
	case 'E':
		return on_error(link, body, length);
	case 'Z':
		return on_ready(link, body, length);
	case 'S':
		if (!server_note_parameter(link->server, body, length))
			return violation(link, type);
		return reported_take(link, body, length);
	case 'A':
		relay_settle(link);
		return link->client != NULL && link->client->listens != NULL &&
			listens_swallow(link->client, body, length)
		    ? FATE_SWALLOW
		    : FATE_FORWARD;
	case 'N':
		/* What it is about was asked behind what we have to answer. */
		relay_settle(link);
		return FATE_FORWARD;
	default:
		return on_answer(link, type, body, length);
	}
}
