/* hold.c - see hold.h. */
#include "hold.h"

#include <string.h>

#include "base/mem.h"
#include "inbound.h"
#include "listens.h"
#include "wire/frame.h"

static const struct wire_error not_kept = { .severity = "ERROR",
	.sqlstate = "58030",
	.message = "the record of this statement cannot be written to the access log",
	.detail = "The statement was run; without its record its result is not told "
		  "(audit.on_failure: refuse).",
	.hint = "See the main log of pgweir, SHOW AUDIT or /readyz." };
static const struct wire_error not_begun = { .severity = "ERROR",
	.sqlstate = "58030",
	.message = "the access log cannot be written",
	.detail = "The statement was not run, because no record of it could be kept "
		  "(audit.on_failure: refuse).",
	.hint = "See the main log of pgweir, SHOW AUDIT or /readyz." };
/* The same of what break_glass let pass. */
static const struct wire_error not_kept_glass = { .severity = "ERROR",
	.sqlstate = "58030",
	.message = "the record of this statement cannot be written to the access log",
	.detail = "The statement was run; without its record its result is not told (break_glass).",
	.hint = "See the main log of pgweir, SHOW AUDIT or /readyz." };
static const struct wire_error not_begun_glass = { .severity = "ERROR",
	.sqlstate = "58030",
	.message = "the access log cannot be written",
	.detail = "The statement was not run: an exception with break_glass lets nothing pass of "
		  "which no record can be kept, whatever audit.on_failure says.",
	.hint = "See the main log of pgweir, SHOW AUDIT or /readyz." };
static const struct wire_error in_failed_transaction = { .severity = "ERROR",
	.sqlstate = "25P02",
	.message =
	    "current transaction is aborted, commands ignored until end of transaction block",
	.detail = "The record of one of its statements could not be written to the access log." };

/* --- what is held ------------------------------------------------------------------ */

static struct hold *
hold_of(struct client *client)
{
	struct hold *hold = client->hold;

	if (hold == NULL) {
		hold = client->hold = mem_zalloc(1, sizeof(*hold));
		hold->client = client;
		TAILQ_INSERT_TAIL(clients_holds(client->clients), hold, in_holds);
	}
	return hold;
}

void
hold_drop(struct client *client)
{
	struct hold *hold = client->hold;

	if (hold == NULL)
		return;
	client->hold = NULL;
	TAILQ_REMOVE(clients_holds(client->clients), hold, in_holds);
	buf_free(&hold->out);
	mem_free(hold);
}

size_t
hold_pending(const struct client *client)
{
	return stream_pending(client->stream) +
	    (client->hold != NULL ? buf_length(&client->hold->out) : 0);
}

void
hold_answer(struct client *client, struct link *link, uint64_t position, bool needed)
{
	struct hold *hold;


	if (client->state == CLIENT_CLOSING)
		return;
	if (client->hold == NULL && link != NULL && link->run_partial)
		relay_emit(link); /* the rest of a message that has begun already */
	hold = hold_of(client);
	hold->position = position;
	hold->needed |= needed;
}

/* Nothing is held any more: its server may be read again, and its next message. */
static void
go_on(struct client *client)
{
	if (stream_pending(client->stream) == 0)
		client_drained(client);
	client_resume(client);
}

/* --- kept: out with it ---------------------------------------------------------------- */

static void
let_go(struct client *client)
{
	struct buf out = client->hold->out;

	client->hold->out = (struct buf){ 0 };
	hold_drop(client);
	stream_send(client->stream, buf_bytes(&out), buf_length(&out));
	buf_free(&out);
	go_on(client);
}

/* --- not kept: an error in place of each answer -------------------------------------------- */

/* Does a message of this type answer a statement, or tell of one? */
static bool
tells_result(uint8_t type)
{
	return strchr("CEIsVDTGHdc", type) != NULL;
}

/*
 * Where the answers up to the next ReadyForQuery end; 0: it has not come. *answers: there is a
 * result among them.
 */
static size_t
cycle_end(const uint8_t *bytes, size_t length, bool *answers)
{
	struct frame frame;
	size_t at = 0;

	*answers = false;
	while (at < length && frame_read(bytes + at, length - at, &frame) == FRAME_GOOD &&
	    frame.length <= length - at) {
		*answers = *answers || tells_result(frame.type);
		at += frame.length;
		if (frame.type == 'Z')
			return at;
	}
	return 0;
}

static const struct wire_error *
error_of(const struct hold *hold)
{
	return hold->needed ? &not_kept_glass : &not_kept;
}

/* What holds whatever became of the statement: parameters, notices, notifications. */
static void
keep_asides(struct buf *out, const uint8_t *bytes, size_t length)
{
	struct frame frame;
	size_t at = 0;

	for (; at < length && frame_read(bytes + at, length - at, &frame) == FRAME_GOOD;
	     at += frame.length)
		if (frame.type == 'S' || frame.type == 'N' || frame.type == 'A')
			buf_put(out, bytes + at, frame.length);
}

/* Errors for all answers that are complete. What is left is the beginning of one. */
static void
replace_complete(struct client *client, struct hold *hold)
{
	struct buf *out = stream_out(client->stream);
	bool answers;
	size_t length;

	while ((length = cycle_end(buf_bytes(&hold->out), buf_length(&hold->out), &answers)) > 0) {
		uint8_t status = buf_bytes(&hold->out)[length - 1];

		if (answers || hold->failed) {
			keep_asides(out, buf_bytes(&hold->out), length);
			build_error(out, error_of(hold));
			/* What the client takes for failed must not be committed. */
			client->unrecorded = status == 'T';
			build_ready(out, (char)(status == 'T' ? 'E' : status));
		} else {
			buf_put(out, buf_bytes(&hold->out), length);
		}
		hold->failed = false;
		buf_consume(&hold->out, length);
	}
}

/* The answers whose ReadyForQuery has not come. True: that is still awaited. */
static bool
fail_incomplete(struct client *client, struct hold *hold)
{
	struct link *link = client->link;
	bool held = client->listens != NULL && client->listens->wait == LISTENS_ENDING;

	if (link != NULL && (link->requests.count > 0 || held) && !link->copy_in) {
		/* What the server sends up to then is not for the client, see relay.c. */
		hold->failed = true;
		buf_clear(&hold->out);
		link->passing_forward = false;
		return true;
	}
	if (buf_length(&hold->out) == 0 && !hold->failed)
		return false;
	build_error(stream_out(client->stream), error_of(hold));
	/* The client's Sync is still to come, and brings the ReadyForQuery. */
	client->skipping = true;
	return false;
}

static void
fail(struct client *client)
{
	struct hold *hold = client->hold;

	replace_complete(client, hold);
	if (client->link != NULL && client->link->copy_in) {
		/* It would wait for data that the client, which heard of an error, does not send. */
		client_end(client, not_kept.sqlstate, not_kept.message);
		return;
	}
	if (fail_incomplete(client, hold)) {
		client_flush(client);
		return;
	}
	hold_drop(client);
	go_on(client);
}

void
hold_check(struct client *client)
{
	struct hold *hold = client->hold;

	if (hold == NULL || client->state == CLIENT_CLOSING)
		return;
	if (hold->failed) {
		fail(client);
		return;
	}
	/* Before the look: whatever is kept from now on is told. */
	audit_await(clients_lane(client->clients));
	switch (audit_kept(clients_lane(client->clients), hold->position, hold->needed)) {
	case AUDIT_WAITS:
		break;
	case AUDIT_KEPT:
		let_go(client);
		break;
	case AUDIT_FAILED:
		fail(client);
		break;
	}
}

void
hold_check_all(struct clients *clients)
{
	struct hold *hold = TAILQ_FIRST(clients_holds(clients)), *next;

	for (; hold != NULL; hold = next) {
		/* A client that goes on may make others wait, but ends no hold but its own. */
		next = TAILQ_NEXT(hold, in_holds);
		hold_check(hold->client);
	}
}

/* --- before a statement ------------------------------------------------------------------ */

/* A transaction of which the client thinks that it failed; ROLLBACK is what it should say. */
static bool
is_rollback(const struct judged *judged)
{
	return judged != NULL && judged->facts != NULL && judged->facts->statement_count == 1 &&
	    judged->facts->statements[0].transaction == SQL_TXN_ROLLBACK;
}

static bool
refuse_unrecorded(struct client *client, uint8_t type, const struct judged *judged)
{
	client->unrecorded = client->link != NULL && client->link->server->transaction == 'T';
	if (!client->unrecorded || is_rollback(judged))
		return false;
	client->unrecorded = false; /* the server's own transaction fails with this */
	refuse_with(client, type, &in_failed_transaction);
	return true;
}

bool
hold_permits(struct client *client, uint8_t type, const struct judged *judged,
    const struct ruling *ruling)
{
	struct audit_lane *lane = clients_lane(client->clients);
	const struct audit_verdict *rendered = ruling != NULL ? ruling->rendered : NULL;

	if (client->unrecorded && refuse_unrecorded(client, type, judged))
		return false;
	if (audit_may_begin(lane, judged != NULL ? judged->facts : NULL, rendered))
		return true;
	audit_refused(lane);
	client->intent = 0;
	refuse_with(client, type, audit_is_needed(rendered) ? &not_begun_glass : &not_begun);
	return false;
}

bool
hold_intends(struct client *client, struct judged *judged, struct ruling *ruling)
{
	struct audit_lane *lane = clients_lane(client->clients);
	const struct audit_verdict *rendered = ruling != NULL ? ruling->rendered : NULL;
	bool needed = audit_is_needed(rendered);
	enum audit_fate fate;

	if (judged == NULL || !audit_wants_intent(lane, judged->facts, rendered))
		return true;
	if (client->intent == 0)
		client->intent = record_intent(client, judged, ruling);
	if (client->intent == 0)
		return true;
	fate = audit_kept(lane, client->intent, needed);
	/* hold_check() sees to it that this is asked again; after a failure with a new record. */
	if (fate != AUDIT_KEPT && client->hold == NULL)
		hold_answer(client, NULL, client->intent, needed);
	if (fate != AUDIT_WAITS)
		client->intent = 0;
	return fate == AUDIT_KEPT;
}
