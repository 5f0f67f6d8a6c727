/*
 * lost.c - the server is gone in the middle of a loan.
 *
 * The client is told and stays connected, unless what it kept in that server's
 * session is lost with it.
 */
#include <stdio.h>

#include "base/mem.h"
#include "doings.h"
#include "frames.h"
#include "guard.h"
#include "listens.h"
#include "session_internal.h"

bool
link_has_unanswered(const struct link *link, enum sql_transaction verb)
{
	for (size_t i = 0; i < link->requests.count; i++) {
		const struct judged *judged = requests_at(&link->requests, i)->judged;

		for (size_t s = 0; judged != NULL && judged->facts != NULL &&
		     s < judged->facts->statement_count;
		     s++)
			if (judged->facts->statements[s].transaction == verb)
				return true;
	}
	return false;
}

/* What the server said last, or what its silence means. */
static const char *
last_words(const struct link *link)
{
	return link->fatal && link->last_message != NULL
	    ? link->last_message
	    : "server closed the connection unexpectedly";
}

static void
put_error(struct link *link, const char *sqlstate, const char *why)
{
	build_error(relay_emit(link),
	    &(struct wire_error){ .severity = "ERROR",
		.sqlstate = sqlstate,
		.message = last_words(link),
		.detail = why,
		.constraint = link->broken_rule });
}

/* An error and a ReadyForQuery for each request group that waits for one. */
static void
answer_all(struct link *link, const char *sqlstate, const char *why, char status)
{
	bool told = link->ahead_failed; /* of that */

	for (size_t i = 0; i < link->requests.count; i++) {
		const struct request *request = requests_at(&link->requests, i);

		if (request->answer == ANSWER_SWALLOW || request->kind == REQUEST_COPY_END ||
		    request->kind == REQUEST_NOTICE)
			continue; /* nobody waits for these */
		if (!told)
			put_error(link, sqlstate, why);
		told = true;
		if (request->kind == REQUEST_QUERY || request->kind == REQUEST_FUNCTION ||
		    request->kind == REQUEST_SYNC) {
			build_ready(client_out(link->client), status);
			told = false;
		}
	}
	/* A batch whose Sync has not come yet: the client skips up to it. */
	if (told || (link->requests.count == 0 && link->unsynced)) {
		if (!told)
			put_error(link, sqlstate, why);
		link->client->skipping = true;
	}
}

/* Has every statement of the message at the head its answer? Only ReadyForQuery is missing. */
static bool
is_answered(const struct link *link, const struct request *head)
{
	return head->judged != NULL && head->judged->facts != NULL && link->sub > 0 &&
	    link->sub >= head->judged->facts->statement_count;
}

static void
record_all(struct link *link)
{
	for (size_t i = 0; i < link->requests.count; i++) {
		const struct request *request = requests_at(&link->requests, i);

		if (request_is_statement(request) && (i > 0 || !is_answered(link, request)))
			record_statement(link, request, i == 0 ? link->sub : 0,
			    link->fatal ? link->last_state : "08006", -1, -1, AUDIT_UNKNOWN);
	}
}

static const char *
sqlstate_of(const struct link *link)
{
	if (link_has_unanswered(link, SQL_TXN_COMMIT) || guard_is_committing(link))
		return "08007";
	return link->fatal ? link->last_state : "08006";
}

/* As PostgreSQL ends a session: its state was in that server, and there is no going on. */
static void
end_with_server(struct link *link)
{
	struct client *client = link->client;
	char *words = mem_strdup(last_words(link));
	char sqlstate[6];

	snprintf(sqlstate, sizeof(sqlstate), "%s", sqlstate_of(link));
	link_free(link);
	client_end(client, sqlstate, words);
	mem_free(words);
}

static void
tell_client(struct link *link, const char *why)
{
	struct client *client = link->client;
	bool committing = link_has_unanswered(link, SQL_TXN_COMMIT) || guard_is_committing(link);
	bool beginning = link_has_unanswered(link, SQL_TXN_BEGIN);
	bool rolling_back = link_has_unanswered(link, SQL_TXN_ROLLBACK) && !beginning;
	bool open = (link->server->transaction != 'I' && !guard_is_ours(link)) || beginning;

	if (open && !committing && !rolling_back)
		/* Lost between two statements: no error can be sent now, so the next one gets it. */
		client->lost = link->requests.count == 0 && !link->unsynced ? LOST_UNTOLD : LOST_TOLD;
	answer_all(link, sqlstate_of(link), why, aborted_is(client) ? 'E' : 'I');
}

/*
 * Without a server. The rest of a message that was on its way is dropped as it comes. A
 * message that waited for the restore, or waits for a parser thread, is handled when its time
 * has come.
 */
static void
go_on(struct client *client)
{
	if (client->paused_for_server) {
		client->paused_for_server = false;
		stream_resume(client->stream);
	}
	if (client->state != CLIENT_JUDGING)
		client_enter(client, CLIENT_READY);
	client_flush(client);
	client_resume(client);
}

void
link_lost(struct server *server, const char *why)
{
	struct link *link = server->user_arg;
	struct client *client = link->client;
	bool restoring = link->restore == RESTORE_SENT;
	bool keeps_state;

	if (client == NULL) {
		link_free(link);
		return;
	}
	relay_emit(link); /* what the server said before is the client's all the same */
	if (client->listens != NULL) {
		listens_let_go(client);
		listens_rollback(client);
	}
	if (link->passing > 0 && link->passing_forward) {
		/* The client waits for the rest of a message: nothing can be said in between. */
		record_all(link);
		link_free(link);
		stream_flush(client->stream);
		client_close(client, "the server was lost in the middle of a message");
		return;
	}
	if (repeat_begin(link, why)) {
		link_free(link);
		go_on(client);
		return;
	}
	if (!repeat_tell(link))
		return;
	keeps_state = client->pool_mode == POOL_MODE_SESSION || client->pin != NULL;
	frames_drop(&client->frames);
	doings_forget(client);
	if (client->startup != NULL) {
		link_free(link);
		client_end(client, "08006", "server closed the connection during log-in");
		return;
	}
	if (!restoring)
		record_all(link);
	if (keeps_state) {
		end_with_server(link);
		return;
	}
	if (!restoring)
		tell_client(link, why);
	link_free(link);
	go_on(client);
}
