/* replication.c - see replication.h. */
#include "replication.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "pool/own.h"
#include "sql/replication.h"
#include "wire/frame.h"

/* --- log-in -------------------------------------------------------------------------- */

/* Lent for good: the settings of the client went with the log-in. */
static void
on_granted(struct waiter *waiter, struct server *server)
{
	struct client *client = (struct client *)waiter; /* its first member */

	uint64_t waited_us = loop_now_us(clients_loop(client->clients)) - client->since_us;

	client->pool->counters.wait_time_us += waited_us;
	histogram_record(&client->pool->wait_times, waited_us);
	settings_copy(&server->settings, &client->settings);
	link_open(client, server);
	client->link->hearing = LINK_HEARD; /* nothing of it is ever asked a second time */
	client_flush(client);
	client_resume(client);
}

static void
on_refused(struct waiter *waiter, const struct error *err)
{
	struct client *client = (struct client *)waiter; /* its first member */
	const struct own *own = waiter->own;
	struct buf *out;
	size_t mark;

	if (own->report == NULL) {
		login_refused(client, err);
		return;
	}
	/* The server's own words, with all that we do not look at. */
	out = stream_out(client->stream);
	mark = build_begin(out, 'E');
	buf_put(out, own->report, own->report_length);
	build_end(out, mark);
	stream_flush(client->stream);
	login_failed(client, err->sqlstate, err->text);
	client_close(client, err->text);
}

/* False: a policy refuses the connection as such, and it has been told. */
static bool
is_permitted(struct client *client)
{
	struct gate *gate = clients_gate(client->clients);
	const char *text = client->replication == REPLICATION_LOGICAL ? "replication=database"
								      : "replication=true";
	struct judged *judged =
	    gate_judge_replication(gate, "REPLICATION CONNECTION", text, strlen(text));
	struct ruling *ruling = gate_rule(gate, judged, client);
	const struct verdict *verdict = &ruling->verdict;
	bool permitted = verdict->action != POLICY_DENY;
	struct wire_error error;

	if (!permitted) {
		permit_note_refusal(client, judged, ruling);
		login_failed(client, verdict->sqlstate, verdict->message);
		error = refuse_error(verdict, "FATAL");
		client_end_with(client, &error);
	}
	judged_release(judged);
	ruling_release(ruling);
	return permitted;
}

void
replication_begin(struct client *client)
{
	/* Its server is its own: as in session mode, nothing is renamed or restored. */
	client->pool_mode = POOL_MODE_SESSION;
	if (!is_permitted(client))
		return;
	client->waiter.granted = on_granted;
	client->waiter.refused = on_refused;
	client_enter(client, CLIENT_GREETING);
	own_borrow(client->pool, &client->waiter, client->startup);
}

/* --- commands --------------------------------------------------------------------------- */

/* What a walsender without a database cannot do is for it to say. */
static const char *
verb_of(const struct client *client, const char *text)
{
	const char *command = sql_replication_command(text);

	if (command == NULL && client->replication == REPLICATION_PHYSICAL)
		return "REPLICATION";
	return command;
}

bool
replication_takes(const struct client *client, const char *text)
{
	return verb_of(client, text) != NULL;
}

static void
send_command(struct client *client, const struct inbound *message, struct judged *judged,
    struct ruling *ruling)
{
	struct request *request;

	permit_warn(client, &ruling->verdict);
	request = outgoing_expect(client, REQUEST_QUERY, ANSWER_FORWARD);
	request->replicates = true;
	outgoing_expect_statement(request, client, judged, ruling, message->length + FRAME_HEADER);
	outgoing_pass(client, message);
	client->link->server->batch++;
}

enum step
replication_query(
    struct client *client, const struct inbound *message, const char *text, size_t length)
{
	struct gate *gate = clients_gate(client->clients);
	struct judged *judged = client->judged;
	struct ruling *ruling;
	bool recordable;

	client->judged = NULL;
	if (judged == NULL)
		judged = gate_judge_replication(gate, verb_of(client, text), text, length);
	ruling = gate_rule(gate, judged, client);
	recordable = hold_permits(client, 'Q', judged, ruling);
	if (recordable && ruling->verdict.action != POLICY_DENY &&
	    !hold_intends(client, judged, ruling))
		return permit_later(client, judged, ruling);
	client->stmt++;
	if (!recordable)
		; /* it has been told */
	else if (ruling->verdict.action == POLICY_DENY)
		permit_refuse(client, 'Q', judged, ruling);
	else
		send_command(client, message, judged, ruling);
	judged_release(judged);
	ruling_release(ruling);
	return STEP_DONE;
}

enum step
replication_refuse(struct client *client, uint8_t type)
{
	if (client->skipping)
		return STEP_DONE;
	refuse_with(client, type,
	    &(struct wire_error){ .severity = "ERROR",
		.sqlstate = "08P01",
		.message = type == 'F'
		    ? "fastpath function calls not supported in a replication connection"
		    : "extended query protocol not supported in a replication connection" });
	return STEP_DONE;
}

/* --- the end ------------------------------------------------------------------------------ */

enum step
replication_terminate(struct client *client, const struct inbound *message)
{
	outgoing_pass(client, message);
	stream_flush(client->link->server->stream);
	client->presence = CLIENT_LEFT;
	client_close(client, "client close request");
	return STEP_GONE;
}

void
replication_abandon(struct link *link, bool left)
{
	/*
	 * A walsender that streams sees at once that nobody listens; one that waits, for old
	 * transactions to end say, would wait on and keep what it has made so far.
	 */
	if (!left && link->requests.count > 0 && link->copying == 0)
		server_cancel(link->server, NULL, NULL);
	link_discard(link, "its client went away");
}

const char *
replication_name(enum replication replication)
{
	static const char *const names[] = { [REPLICATION_NONE] = "none",
		[REPLICATION_PHYSICAL] = "physical",
		[REPLICATION_LOGICAL] = "logical" };

	return names[replication];
}
