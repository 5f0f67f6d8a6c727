/*
 * restore.c - a client's settings on the server that it was lent.
 *
 * They go in the same write as the client's first message, in front of it and without a Sync:
 * BEGIN, what makes the server's settings the client's, COMMIT. So the client's statement
 * begins as on a connection of its own, whatever it is, and rolls nothing of this back. If one
 * of them fails the server skips all up to the next Sync, a Query included: the client's
 * statement cannot run under settings that are not its own. Called by borrow.c and answer.c.
 */
#include "base/mem.h"
#include "listens.h"
#include "pool/rendering.h"
#include "prepared.h"
#include "session_internal.h"

/* The server's unnamed statement is the client's own in session mode: it is left alone there. */
static const char own_name[] = "pgweir_restore";

static void
put_ours(struct link *link, const char *text)
{
	struct buf *out = stream_out(link->server->stream);
	bool apart = link->client->pool_mode == POOL_MODE_SESSION;
	const char *name = apart ? own_name : "";

	build_parse(out, name, text);
	build_bind(out, name);
	build_execute(out, "");
	link_expect(link, REQUEST_PARSE, ANSWER_SWALLOW)->restores = true;
	link_expect(link, REQUEST_BIND, ANSWER_SWALLOW)->restores = true;
	link_expect(link, REQUEST_EXECUTE, ANSWER_SWALLOW)->restores = true;
	if (apart) {
		build_close(out, 'S', name);
		link_expect(link, REQUEST_CLOSE, ANSWER_SWALLOW)->restores = true;
		return;
	}
	statement_release(link->unnamed);
	link->unnamed = NULL;
}

static void
put_each(const char *statement, void *arg)
{
	put_ours(arg, statement);
}

static void
put_difference(struct link *link)
{
	settings_copy(&link->restoring, &link->client->settings);
	settings_difference(&link->server->settings, &link->restoring, put_each, link);
	if (listens_want_shown(link))
		listens_show(link, put_ours);
}

static void
put_ahead(struct link *link)
{
	size_t last;

	put_ours(link, "BEGIN");
	put_difference(link);
	last = link->requests.count;
	put_ours(link, "COMMIT");
	for (; last < link->requests.count; last++)
		requests_at(&link->requests, last)->settles =
		    requests_at(&link->requests, last)->kind == REQUEST_EXECUTE;
	link->unsynced = true;
	link->restore = RESTORE_AHEAD;
	link->restore_batch = link->server->batch;
}

void
restore_settled(struct link *link)
{
	settings_copy(&link->server->settings, &link->restoring);
	settings_clear(&link->restoring);
	link->restore = RESTORE_NONE;
}

/* The first of the client's that will not run now has the error in its record. */
static void
record_failed(struct link *link, const char *sqlstate)
{
	for (size_t i = 0; i < link->requests.count; i++) {
		const struct request *request = requests_at(&link->requests, i);

		if (request->judged == NULL)
			continue;
		record_statement(link, request, 0, sqlstate, -1, -1, AUDIT_ERROR);
		return;
	}
}

bool
restore_failed(struct link *link, const struct wire_report *report)
{
	const struct request *last = requests_at(&link->requests, link->requests.count - 1);
	bool alone = last->kind == REQUEST_QUERY || last->kind == REQUEST_FUNCTION;

	record_failed(link, report->sqlstate);
	build_error(relay_emit(link),
	    &(struct wire_error){ .severity = "ERROR",
		.sqlstate = report->sqlstate,
		.message = report->message,
		.detail = "while restoring this session's settings on a server connection" });
	settings_clear(&link->restoring);
	link->restore = RESTORE_FAILED;
	link->shown = false;
	return alone;
}

void
restore_ask_ready(struct link *link)
{
	link->client->skipping = false;
	build_sync(stream_out(link->server->stream));
	link_expect(link, REQUEST_SYNC, ANSWER_FORWARD);
	stream_flush(link->server->stream);
}

bool
restore_ended(struct link *link, char status)
{
	struct buf *out = stream_out(link->server->stream);

	link->restore = RESTORE_DUE;
	if (status == 'I')
		return true;
	build_query(out, "ROLLBACK");
	link_expect(link, REQUEST_QUERY, ANSWER_SWALLOW);
	build_sync(out);
	link_expect(link, REQUEST_SYNC, ANSWER_FORWARD);
	link->server->batch++;
	stream_flush(link->server->stream);
	return false;
}

void
restore_apart(struct link *link)
{
	client_enter(link->client, CLIENT_RESTORING);
	put_difference(link);
	build_sync(stream_out(link->server->stream));
	link_expect(link, REQUEST_SYNC, ANSWER_SWALLOW);
	link->restore = RESTORE_SENT;
	stream_flush(link->server->stream);
}

static void
tell_refused(struct link *link)
{
	struct client *client = link->client;
	struct wire_error error = { .severity = "ERROR", .sqlstate = link->last_state };

	/* Some of it may be set, some not: only a reset knows. */
	link->server->residue |= SQL_RESIDUE_SETTING;
	link->failed = false;
	error.message = link->last_message != NULL ? link->last_message : "a setting was refused";
	error.detail = "while restoring this session's settings on a server connection";
	client_enter(client, CLIENT_ACTIVE);
	if (client->startup != NULL)
		client_end(client, error.sqlstate, error.message);
	else
		borrow_give_up(client, &error);
}

void
restore_answered(struct link *link)
{
	struct client *client = link->client;

	/* The client has been told nothing yet. */
	link->hearing = LINK_KEEPING;
	if (link->failed) {
		link->restore = RESTORE_DUE;
		link->shown = false;
		settings_clear(&link->restoring);
		tell_refused(link);
		return;
	}
	restore_settled(link);
	link->restore = RESTORE_ANSWERED;
	client_enter(client, CLIENT_ACTIVE);
	if (client->startup == NULL)
		return;
	rendering_take(&link->server->settings, &link->server->parameters);
	login_greet(client, &link->server->parameters);
}

/*
 * Nothing is under way, and what it has is not what the client has: after a RESET it has its
 * own defaults, and not those that the client logged in with.
 */
static bool
is_out_of_step(const struct link *link)
{
	return link->restore == RESTORE_DUE ||
	    (link->requests.count == 0 && !link->unsynced && link->server->transaction == 'I' &&
		(!settings_are_equal(&link->server->settings, &link->client->settings) ||
		    listens_want_shown(link)));
}

bool
restore_in_step(struct link *link, bool ahead)
{
	if (!is_out_of_step(link))
		return true;
	if (ahead && link->guard == NULL) {
		put_ahead(link);
		return true;
	}
	/* What was refused before it is answered first. */
	if (link->requests.count == 0 && !link->unsynced)
		restore_apart(link);
	return false;
}
