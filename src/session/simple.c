/* simple.c - Query and FunctionCall: messages that are answered by themselves. */
#include "guard.h"
#include "inbound.h"
#include "listens.h"
#include "prepared.h"
#include "replication.h"
#include "rewrite.h"
#include "sequences.h"
#include "signals.h"
#include "wire/frame.h"
#include "wire/read.h"

static void
send_query(struct client *client, const struct inbound *message, struct judged *judged,
    struct ruling *ruling, struct rewrite *rewrite)
{
	bool guarded = guard_concerns(client, ruling);
	struct request *request;

	place_ahead(client, judged);
	if (rewrite != NULL)
		place_made(client, rewrite);
	if (guarded)
		guard_put_ahead(client, judged, ruling, 'Q');
	request = outgoing_expect(client, REQUEST_QUERY, ANSWER_FORWARD);

	/* A Query destroys the unnamed statement. */
	link_change_unnamed(client->link, request, NULL);
	statement_release(client->link->unnamed);
	client->link->unnamed = NULL;
	client->link->portal_lost = true;
	outgoing_expect_statement(request, client, judged, ruling, message->length + FRAME_HEADER);
	if (rewrite == NULL) {
		outgoing_pass(client, message);
	} else {
		request->edited = true;
		requests_rewrite(&client->link->requests, request, rewrite);
		names_change(client, rewrite);
		build_query(outgoing_buf(client), rewrite->text);
	}
	if (guarded)
		guard_note(client, request, NULL, 0);
	client->link->server->batch++;
}

enum step
on_query(struct client *client, const struct inbound *message)
{
	struct reader reader = reader_over(message->body, message->length);
	const char *text = read_cstring(&reader);
	size_t length = message->length - 1;
	struct judged *judged;
	struct rewrite *rewrite = NULL;
	struct ruling *ruling;
	bool recordable;

	if (client->skipping)
		return STEP_DONE;
	if (!reader_done(&reader))
		return inbound_malformed(client, 'Q');
	if (client->replication != REPLICATION_NONE && replication_takes(client, text))
		return replication_query(client, message, text, length);
	judged = permit_judge(client, text, length);
	if (judged == NULL)
		return STEP_LATER;
	ruling = permit_rule(client, judged);
	recordable = hold_permits(client, 'Q', judged, ruling);
	if (client->listens != NULL)
		listens_look(client, judged);
	if (sequences_concern(client, judged))
		sequences_look(client, judged);
	if (recordable && ruling->verdict.action != POLICY_DENY && !aborted_is(client) &&
	    (!listens_is_subscribed(client, judged) ||
		!borrow_server(client) || names_await(client, judged) ||
		place_awaits(client, judged) || sequences_await(client, judged) ||
		(guard_concerns(client, ruling) && guard_awaits(client, judged, ruling, 'Q')) ||
		!listens_is_fenced(client, judged) || !hold_intends(client, judged, ruling) ||
		!borrow_bring_in_step(client, judged)))
		return permit_later(client, judged, ruling);
	client->stmt++;
	if (judged->edits)
		rewrite = rewritten_text(client, judged, text, false);
	if (!recordable)
		; /* it has been told */
	else if (ruling->verdict.action == POLICY_DENY)
		permit_refuse(client, 'Q', judged, ruling);
	else if (!aborted_query(client, judged) && permit_in_pool_mode(client, judged, 'Q') &&
	    permit_names(client, judged, 'Q') && listens_can_show(client, judged, 'Q') &&
	    place_permit(client, judged) && signals_permit(client, judged, rewrite, 'Q') &&
	    names_permit(client, judged, rewrite, 'Q') &&
	    permit_pin(client, judged, 'Q') && sequences_permit(client, judged, 'Q') &&
	    (!guard_concerns(client, ruling) || guard_admits(client, judged, ruling, 'Q'))) {
		permit_warn(client, &ruling->verdict);
		send_query(client, message, judged, ruling, rewrite);
	}
	rewrite_release(rewrite);
	judged_release(judged);
	ruling_release(ruling);
	return STEP_DONE;
}

static void
send_function_call(struct client *client, const struct inbound *message, struct judged *judged,
    struct ruling *ruling)
{
	bool guarded = guard_concerns(client, ruling);
	struct request *request;

	if (guarded)
		guard_put_ahead(client, judged, ruling, 'F');
	request = outgoing_expect(client, REQUEST_FUNCTION, ANSWER_FORWARD);
	outgoing_expect_statement(request, client, judged, ruling, message->length + FRAME_HEADER);
	outgoing_pass(client, message);
	if (guarded)
		guard_note(client, request, NULL, 0);
	client->link->server->batch++;
}

/* A FunctionCall has no SQL: a rule of session-integrity refuses it where a policy applies. */
enum step
on_function_call(struct client *client, const struct inbound *message)
{
	struct judged *judged;
	struct ruling *ruling;
	bool recordable;

	if (client->skipping)
		return STEP_DONE;
	judged = gate_judge_call(clients_gate(client->clients));
	ruling = permit_rule(client, judged);
	recordable = hold_permits(client, 'F', judged, ruling);
	if (recordable && ruling->verdict.action != POLICY_DENY && !aborted_is(client) &&
	    (!borrow_server(client) || !hold_intends(client, judged, ruling) ||
		!borrow_bring_in_step(client, NULL))) {
		judged_release(judged);
		ruling_release(ruling);
		return STEP_LATER;
	}
	client->stmt++;
	if (!recordable)
		; /* it has been told */
	else if (ruling->verdict.action == POLICY_DENY)
		permit_refuse(client, 'F', judged, ruling);
	else if (!aborted_query(client, judged) &&
	    (!guard_concerns(client, ruling) || guard_admits(client, judged, ruling, 'F'))) {
		permit_warn(client, &ruling->verdict);
		send_function_call(client, message, judged, ruling);
	}
	judged_release(judged);
	ruling_release(ruling);
	return STEP_DONE;
}
