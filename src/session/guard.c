/*
 * guard.c - what the server answers to a statement under limits: rows are counted, tags
 * looked into, and what is above a limit never reaches the client. See guard.h.
 *
 * Called by relay.c for each message of a link that has a guard.
 */
#include <assert.h>
#include <string.h>

#include "affected.h"
#include "base/mem.h"
#include "guard.h"
#include "session_internal.h"
#include "wire/frame.h"
#include "wire/read.h"
#include "wire/report.h"

bool
guard_is_ours(const struct link *link)
{
	return link->guard != NULL && link->guard->phase != GUARD_NONE &&
	    link->guard->ending != ENDING_FAIL;
}

bool
guard_is_committing(const struct link *link)
{
	return link->guard != NULL && link->guard->phase == GUARD_ENDING &&
	    link->guard->ending == ENDING_COMMIT;
}

void
guard_skipped(struct link *link)
{
	link->guard->phase = GUARD_NONE;
	if (link->guard->lock == LOCK_SESSION && link->guard->lock_batch == link->ahead_batch)
		link->guard->lock = LOCK_THEIRS;
}

void
guard_free(struct guard *guard)
{
	if (guard == NULL)
		return;
	assert(guard->next == NULL);
	ration_release(guard->ration);
	cursors_end(&guard->cursors, true);
	buf_free(&guard->held);
	mem_free(guard);
}

static const struct sql_statement *
statement_at(const struct request *request, size_t sub)
{
	const struct judged *judged = request->judged;

	if (judged == NULL || judged->facts == NULL || sub >= judged->facts->statement_count)
		return NULL;
	return &judged->facts->statements[sub];
}

/* The limits that count for the request, or NULL. */
static const struct request_limits *
limits_of(const struct link *link, const struct request *head)
{
	return link->client == NULL || head == NULL || head->answer != ANSWER_FORWARD
	    ? NULL
	    : head->limits;
}

static void
forget_ration(struct guard *guard)
{
	ration_release(guard->ration);
	guard->ration = NULL;
}

/* Take it in; while the client is not to hear more, it is swallowed. */
static enum fate
take_muted(struct link *link, uint8_t type, const uint8_t *body, size_t here)
{
	bool over = link->guard->over;
	enum fate fate = answer_take(link, type, body, here);

	return over && fate == FATE_FORWARD ? FATE_SWALLOW : fate;
}

/* Nothing more of it goes on. What it changed is undone when it has ended. */
static void
stop(struct link *link, const struct request *head, enum policy_limit_kind kind,
    const struct policy_limit *limit, int64_t affected,
    void (*say)(struct link *link, enum policy_limit_kind kind, const struct policy_limit *limit))
{
	link->guard->over = true;
	limits_note(link, kind, limit, head->ruling->policies);
	record_statement(link, head, link->sub, "53400", affected < 0 ? (int64_t)link->rows : -1,
	    affected, AUDIT_ERROR);
	say(link, kind, limit);
}

/* ---- rows ---- */

static struct ration *
ration_of_head(struct link *link, const struct request *head)
{
	struct guard *guard = link->guard;
	const struct sql_statement *statement = statement_at(head, link->sub);
	struct ration *ration = head->limits->ration;

	if (guard->ration != NULL)
		return guard->ration;
	if (ration == NULL && statement != NULL && statement->cursor != NULL)
		ration = cursors_find(&guard->cursors, statement->cursor);
	guard->ration = ration != NULL ? ration_reference(ration)
				       : ration_new(&head->ruling->verdict.limits);
	return guard->ration;
}

static enum fate
on_row(struct link *link, uint8_t type, const uint8_t *body, size_t here, size_t whole)
{
	const struct request *head = requests_head(&link->requests);
	const struct request_limits *limits = limits_of(link, head);
	const struct policy_limit *above;
	enum policy_limit_kind kind;

	if (limits != NULL && limits->counting)
		return FATE_SWALLOW;
	if (limits == NULL || (limits->kinds & GUARD_ROWS) == 0 || link->guard->over ||
	    request_match(head, type) == MATCH_VIOLATION)
		return take_muted(link, type, body, here);
	above = ration_take(
	    ration_of_head(link, head), whole, &head->ruling->verdict.limits, &kind);
	if (above != NULL)
		stop(link, head, kind, above, -1, limits_tell_exceeded);
	return take_muted(link, type, body, here);
}

/* ---- the end of a statement ---- */

/* Is its Sync on its way to the server? */
static bool
has_sync(const struct link *link)
{
	const struct request *request;

	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++)
		if (request->kind == REQUEST_SYNC)
			return true;
	return false;
}

/*
 * An Execute that was stopped was answered, and the client takes what it sends up to the
 * Sync for skipped: the server is to skip it too.
 */
static void
skip_with_client(struct link *link)
{
	struct guard *guard = link->guard;

	if (!guard->over || link->client == NULL || has_sync(link) ||
	    link->client->skipping)
		return;
	refuse_put_failing(stream_out(link->server->stream));
	link_expect(link, REQUEST_EXECUTE, ANSWER_REFUSE); /* with nothing in its place */
	link->client->skipping = true;
	link->unsynced = true;
	stream_flush(link->server->stream);
}

/* CommandComplete, EmptyQueryResponse; PortalSuspended, too. */
static enum fate
end_statement(struct link *link, uint8_t type, const uint8_t *body, size_t length)
{
	const struct request *head = requests_head(&link->requests);
	bool executed = head != NULL && head->kind == REQUEST_EXECUTE;
	enum fate fate;

	forget_ration(link->guard);
	fate = take_muted(link, type, body, length);
	if (fate != FATE_GONE && executed)
		skip_with_client(link);
	return fate;
}

/*
 * An INSERT … RETURNING that is fetched in parts was done as a whole before the first of them,
 * and its tag comes behind the last: so the rest is read too, and goes to nobody. The client
 * hears that there is more when it is known that it may have changed so many.
 */
static enum fate
on_suspended(struct link *link, const uint8_t *body, size_t length)
{
	struct request *head = requests_head(&link->requests);
	const struct request_limits *limits = limits_of(link, head);

	if (limits == NULL || limits->portal == NULL || limits->counting || link->guard->over)
		return end_statement(link, 's', body, length);
	head->limits->counting = true;
	build_execute(stream_out(link->server->stream), limits->portal);
	build_flush(stream_out(link->server->stream));
	stream_flush(link->server->stream);
	return FATE_SWALLOW;
}

/* It changed no more than it may: the client hears that it was suspended. */
static enum fate
tell_suspended(struct link *link, const struct request *head, int64_t affected)
{
	struct portal *portal = link_portal(link, head->limits->portal);
	enum fate fate;

	if (portal != NULL)
		portal->spent = affected != (int64_t)link->rows; /* else another Execute finds none, as it would */
	fate = end_statement(link, 's', NULL, 0);
	if (fate != FATE_FORWARD)
		return fate;
	build_end(relay_emit(link), build_begin(relay_emit(link), 's'));
	return FATE_SWALLOW;
}

static void
note_cursor(struct link *link, const struct request *head, const struct sql_statement *statement)
{
	const struct policy_limits *limits;

	if (head->ruling == NULL || statement == NULL || !statement->declares ||
	    statement->cursor == NULL)
		return;
	limits = &head->ruling->verdict.limits;
	if ((head->ruling->verdict.limited & GUARD_ROWS) != 0)
		cursors_declare(&link->guard->cursors, statement->cursor,
		    (statement->residue & SQL_RESIDUE_HOLD) != 0, limits);
}

/* Is it the answer to the last statement of a Query in our transaction? */
static bool
is_last_of_query(const struct link *link, const struct request *head)
{
	return link->guard->phase == GUARD_OPEN && head->kind == REQUEST_QUERY &&
	    head->judged != NULL && head->judged->facts != NULL &&
	    link->sub + 1 == head->judged->facts->statement_count;
}

static enum fate
on_tag(struct link *link, const uint8_t *body, size_t length)
{
	struct guard *guard = link->guard;
	struct request *head = requests_head(&link->requests);
	const struct request_limits *limits = limits_of(link, head);
	struct reader reader = reader_over(body, length);
	const char *tag = read_cstring(&reader);
	const struct sql_statement *statement = head == NULL ? NULL : statement_at(head, link->sub);
	int64_t affected;

	forget_ration(guard);
	if (limits == NULL || tag == NULL)
		return take_muted(link, 'C', body, length);
	note_cursor(link, head, statement);
	affected = affected_by_tag(tag, statement);
	if (limits->counting && affected >= 0)
		affected += (int64_t)link->rows; /* of the first part; the tag tells those behind it */
	if ((limits->kinds & GUARD_AFFECTED) != 0 && !guard->over &&
	    affected > head->ruling->verdict.limits.max_affected_rows.value)
		stop(link, head, POLICY_MAX_AFFECTED_ROWS,
		    &head->ruling->verdict.limits.max_affected_rows, affected,
		    limits_tell_exceeded);
	else if (limits->counting && !guard->over)
		return tell_suspended(link, head, affected);
	else if (!guard->over && is_last_of_query(link, head)) {
		/* PostgreSQL, too, says so only when it is committed. */
		buf_clear(&guard->held);
		buf_put(&guard->held, body, length);
		return FATE_SWALLOW;
	}
	return end_statement(link, 'C', body, length);
}

/* The lock_timeout that ended it was ours: say so. */
static bool
is_our_lock_timeout(const struct link *link, const struct request *head, const char *sqlstate)
{
	return link->client != NULL && link->guard->lock != LOCK_THEIRS && !link->guard->over &&
	    head != NULL && head->answer == ANSWER_FORWARD && head->ruling != NULL &&
	    (head->ruling->verdict.limited & GUARD_LOCK) != 0 && strcmp(sqlstate, "55P03") == 0;
}

static enum fate
on_error(struct link *link, const uint8_t *body, size_t length)
{
	const struct request *head = requests_head(&link->requests);
	struct wire_report report = report_read(body, length);
	struct ruling *ruling;
	enum fate fate;

	forget_ration(link->guard);
	if (!is_our_lock_timeout(link, head, report.sqlstate))
		return take_muted(link, 'E', body, length);
	ruling = ruling_reference(head->ruling);
	fate = take_muted(link, 'E', body, length); /* it records, before anything is told */
	if (fate != FATE_GONE)
		limits_tell_lock_timeout(link, &report, &ruling->verdict.limits.lock_timeout);
	ruling_release(ruling);
	return fate == FATE_FORWARD ? FATE_SWALLOW : fate;
}

/* ---- the end of a batch ---- */

/* A ReadyForQuery that the client hears: what was guarded has ended. */
static enum fate
finish(struct link *link, const uint8_t *body, size_t length)
{
	struct guard *guard = link->guard;
	enum fate fate;

	link->failed = link->failed || guard->over;
	guard->phase = GUARD_NONE;
	guard->over = false;
	guard->cancel_us = 0;
	buf_free(&guard->held);
	if (length == 1 && body[0] == 'I')
		cursors_end(&guard->cursors, false);
	fate = answer_take(link, 'Z', body, length);
	if (fate != FATE_GONE)
		guard_restore_lock(link);
	return fate;
}

static enum fate
on_ready(struct link *link, const uint8_t *body, size_t length)
{
	struct guard *guard = link->guard;
	const struct request *head = requests_head(&link->requests);
	char status = length == 1 ? (char)body[0] : '\0';
	bool open = guard->phase == GUARD_OPEN;

	forget_ration(guard);
	if (request_match(head, 'Z') != MATCH_LAST || strchr("ITE", status) == NULL ||
	    status == '\0')
		return answer_take(link, 'Z', body, length);
	if (link->client == NULL || (!open && (!guard->over || status != 'T')) ||
	    (open && status == 'I'))
		return finish(link, body, length);
	link->server->transaction = status;
	link->copy_in = false;
	if (open)
		guard_end(link, guard->over || status == 'E' ? ENDING_ROLLBACK : ENDING_COMMIT);
	else
		guard_end(link, ENDING_FAIL);
	return FATE_SWALLOW;
}

/* The answer to BEGIN, which the client knows nothing of. */
static enum fate
while_beginning(struct link *link, uint8_t type, const uint8_t *body, size_t length)
{
	const struct request *head = requests_head(&link->requests);

	if (head == NULL || head->kind != REQUEST_QUERY || head->answer != ANSWER_FORWARD)
		return answer_take(link, type, body, length); /* of what was sent before */
	if (type == 'C')
		return FATE_SWALLOW;
	if (type != 'Z' || length != 1 || body[0] != 'T') {
		link_violated(link, "the server did not begin a transaction");
		return FATE_GONE;
	}
	link->server->transaction = 'T';
	link->guard->phase = GUARD_OPEN;
	return FATE_SWALLOW;
}

/* Our COMMIT succeeded: the client hears the tag that was held back for it. */
static void
tell_held(struct link *link)
{
	struct buf *held = &link->guard->held;
	struct buf *out;

	if (buf_length(held) == 0 || link->client == NULL)
		return;
	if (answer_take(link, 'C', buf_bytes(held), buf_length(held)) != FATE_FORWARD) {
		buf_free(held); /* it was told by another tag */
		return;
	}
	out = relay_emit(link);
	buf_put_u8(out, 'C');
	buf_put_u32(out, (uint32_t)(buf_length(held) + 4));
	buf_put(out, buf_bytes(held), buf_length(held));
	buf_free(held);
}

static enum fate
while_ending(struct link *link, uint8_t type, const uint8_t *body, size_t length)
{
	struct guard *guard = link->guard;
	bool commits = guard->ending == ENDING_COMMIT;

	switch (type) {
	case 'E':
		link->failed = true;
		if (!commits)
			return FATE_SWALLOW;
		buf_free(&guard->held);
		return answer_take(link, 'E', body, length); /* a constraint that was deferred */
	case 'C':
		if (commits)
			tell_held(link);
		return FATE_SWALLOW;
	case 'Z':
		break;
	default:
		return FATE_SWALLOW;
	}
	if (length == 1 && body[0] == (guard->ending == ENDING_FAIL ? 'E' : 'I'))
		return finish(link, body, length);
	if (!commits) {
		link_violated(link, "the server did not end a transaction");
		return FATE_GONE;
	}
	guard_end(link, ENDING_ROLLBACK);
	return FATE_SWALLOW;
}

static enum fate
on_copy_in(struct link *link, const uint8_t *body, size_t length)
{
	if (link->guard->over) { /* its client will send nothing for it */
		build_copy_fail(stream_out(link->server->stream), "a limit was exceeded");
		stream_flush(link->server->stream);
	}
	return take_muted(link, 'G', body, length);
}

enum fate
guard_take(struct link *link, uint8_t type, const uint8_t *body, size_t here, size_t whole)
{
	struct guard *guard = link->guard;

	if (type == 'S' || type == 'N' || type == 'A')
		return answer_take(link, type, body, here);
	if (guard->phase == GUARD_ENDING)
		return while_ending(link, type, body, here);
	relay_settle(link);
	if (guard->phase == GUARD_BEGINNING)
		return while_beginning(link, type, body, here);
	switch (type) {
	case 'D':
	case 'd':
		return on_row(link, type, body, here, whole);
	case 'C':
		return on_tag(link, body, here);
	case 'I':
		return end_statement(link, type, body, here);
	case 's':
		return on_suspended(link, body, here);
	case 'E':
		return on_error(link, body, here);
	case 'Z':
		return on_ready(link, body, here);
	case 'G':
		return on_copy_in(link, body, here);
	default:
		return take_muted(link, type, body, here);
	}
}
