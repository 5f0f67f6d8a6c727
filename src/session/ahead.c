/* ahead.c - see ahead.h. */
#include <string.h>

#include "ahead.h"
#include "guard.h"
#include "prepared.h"
#include "rewrite.h"
#include "session_internal.h"

/*
 * The server's unnamed statement is the client's own in session mode: it is left alone there. The
 * Close in front makes way where the one behind was skipped after an error.
 */
static const char own_name[] = "pgweir_restore";

void
ahead_run(struct link *link, const char *text)
{
	struct buf *out = stream_out(link->server->stream);
	bool apart = link->client->pool_mode == POOL_MODE_SESSION;
	const char *name = apart ? own_name : "";

	if (apart) {
		build_close(out, 'S', name);
		link_expect(link, REQUEST_CLOSE, ANSWER_SWALLOW);
	}
	build_parse(out, name, text);
	build_bind(out, name);
	build_execute(out, "");
	link_expect(link, REQUEST_PARSE, ANSWER_SWALLOW);
	link_expect(link, REQUEST_BIND, ANSWER_SWALLOW);
	link_expect(link, REQUEST_EXECUTE, ANSWER_SWALLOW);
	if (apart) {
		build_close(out, 'S', name);
		link_expect(link, REQUEST_CLOSE, ANSWER_SWALLOW);
		return;
	}
	statement_release(link->unnamed);
	link->unnamed = NULL;
}

bool
ahead_is_first(const struct link *link)
{
	bool ours = false;

	for (size_t i = link->requests.count; i > 0; i--) {
		const struct request *request = requests_at(&link->requests, i - 1);

		if (request->batch != link->server->batch)
			return !ours || link->ahead > 0;
		if (request->kind == REQUEST_NOTICE)
			continue; /* of what it will send */
		if (request->answer != ANSWER_SWALLOW)
			return false;
		ours = true;
	}
	return ours ? link->ahead > 0 : !link->unsynced;
}

size_t
ahead_begin(struct link *link)
{
	size_t first = link->requests.count;

	if (link->server->transaction == 'I')
		ahead_run(link, "BEGIN");
	return first;
}

void
ahead_end(struct link *link, size_t first)
{
	if (link->server->transaction == 'I')
		ahead_run(link, "COMMIT");
	for (size_t i = first; i < link->requests.count; i++)
		requests_at(&link->requests, i)->ahead = true;
	link->ahead += link->requests.count - first;
	link->ahead_batch = link->server->batch;
	link->unsynced = true;
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

/* The client's statement could not be prepared anew: what PostgreSQL tells of an EXECUTE, too. */
static bool
tell_unprepared(struct link *link, const uint8_t *body, size_t length)
{
	const struct request *head = requests_head(&link->requests);

	for (size_t i = 0; head->has_id && i < link->requests.count; i++) {
		const struct rewrite *rewrite = requests_at(&link->requests, i)->rewrite;
		const struct rewrite_name *prepared = rewrite_executed(rewrite, &head->id);

		if (prepared == NULL)
			continue;
		rewrite_put_prepare_error(rewrite, prepared, relay_emit(link), body, length);
		return true;
	}
	return false;
}

static void
tell_failed(
    struct link *link, const struct wire_report *report, const uint8_t *body, size_t length)
{
	const struct request *head = requests_head(&link->requests);

	if (limits_have_hit(link, head, report))
		limits_tell(link);
	else if (head->restores)
		restore_tell(link, report);
	else if (!tell_unprepared(link, body, length))
		build_error(relay_emit(link),
		    &(struct wire_error){ .severity = "ERROR",
			.sqlstate = report->sqlstate,
			.message = report->message,
			.detail = "while preparing the statement on a server connection" });
}

/* Is what they went ahead of one message, and no batch whose Sync is still to come? */
static bool
is_of_one_message(const struct link *link)
{
	const struct request *request;

	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++)
		if (request->answer != ANSWER_SWALLOW && request->kind != REQUEST_NOTICE)
			return request->kind == REQUEST_QUERY || request->kind == REQUEST_FUNCTION;
	return false;
}

bool
ahead_failed(
    struct link *link, const struct wire_report *report, const uint8_t *body, size_t length)
{
	const struct request *last = requests_at(&link->requests, link->requests.count - 1);
	bool alone = is_of_one_message(link);

	record_failed(link, report->sqlstate);
	tell_failed(link, report, body, length);
	if (link->restore == RESTORE_AHEAD)
		restore_failed(link);
	if (link->guard != NULL)
		guard_skipped(link);
	link->ahead = 0;
	/* In a transaction of the client's it is that which has failed. */
	link->ahead_failed = link->server->transaction == 'I';
	if (!alone && last->kind != REQUEST_SYNC)
		link->ahead_batch = link->server->batch; /* the Query behind others of a batch ended none */
	return alone;
}

void
ahead_ask_ready(struct link *link)
{
	link->client->skipping = false;
	build_sync(stream_out(link->server->stream));
	link_expect(link, REQUEST_SYNC, ANSWER_FORWARD);
	stream_flush(link->server->stream);
}

bool
ahead_ended(struct link *link, char status)
{
	struct buf *out = stream_out(link->server->stream);

	link->ahead_failed = false;
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
