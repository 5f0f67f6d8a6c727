/*
 * place.c - a client's statements on the server that it has now.
 *
 * A server may have them from before, under names that all clients share, or gets
 * them in front of the message that needs them.
 */
#include "ahead.h"
#include "inbound.h"
#include "prepared.h"
#include "readings.h"
#include "rewrite.h"

/*
 * Keep the server's statements within protocol.max_prepared_statements; more than one
 * goes after a batch that used more than that at once.
 */
static void
evict_statements(struct client *client)
{
	struct link *link = client->link;
	struct statements *statements = link->server->statements;
	size_t most =
	    (size_t)clients_config(client->clients)->protocol_max_prepared_statements;
	char name[STATEMENT_NAME_SIZE];
	struct statement_id id;
	struct request *request;

	while (statements_count(statements) >= most &&
	    statements_oldest(statements, link->server->batch, &id)) {
		statement_name(&id, name);
		build_close(outgoing_buf(client), 'S', name);
		statements_closing(statements, &id);
		request = outgoing_expect(client, REQUEST_CLOSE, ANSWER_SWALLOW);
		request->has_id = true;
		request->id = id;
		link->unsynced = true;
	}
}

void
place_under(struct client *client, const char *name, const struct statement *statement)
{
	struct buf *out = outgoing_buf(client);
	size_t mark = build_begin(out, 'P');

	buf_put_cstring(out, name);
	buf_put(out, statement->body, statement->body_length);
	build_end(out, mark);
	client->link->server->pool->counters.server_parse_count++;
	client->link->unsynced = true;
}

bool
place_has(struct link *link, const struct statement *statement)
{
	uint64_t batch = link->server->batch;

	switch (statements_find(link->server->statements, &statement->id, &batch)) {
	case STATEMENT_PRESENT:
		return true;
	case STATEMENT_SENT:
		return batch == link->server->batch;
	case STATEMENT_ABSENT:
		break;
	}
	return false;
}

/*
 * Send a Parse under the name that all clients share. If one of an earlier batch is
 * still unanswered, or was skipped, the server may have it or not: closing a missing
 * statement is no error, so a Close in front makes both ways right.
 */
static void
make_room(struct client *client, const struct statement *statement)
{
	struct statements *statements = client->link->server->statements;
	uint64_t batch = client->link->server->batch;

	if (statements_find(statements, &statement->id, &batch) == STATEMENT_SENT) {
		build_close(outgoing_buf(client), 'S', statement->server_name);
		outgoing_expect(client, REQUEST_CLOSE, ANSWER_SWALLOW);
	} else {
		evict_statements(client);
	}
}

struct request *
place_parse(
    struct client *client, const struct statement *statement, enum request_answer answer)
{
	struct link *link = client->link;
	const char *name = statement->server_name;
	struct request *request;

	make_room(client, statement);
	place_under(client, name, statement);
	statements_sent(link->server->statements, &statement->id, link->server->batch);
	request = outgoing_expect(client, REQUEST_PARSE, answer);
	request->has_id = true;
	request->id = statement->id;
	return request;
}

struct request *
place_unnamed(struct client *client, struct statement *statement, enum request_answer answer,
    struct judged *judged, struct ruling *ruling)
{
	struct link *link = client->link;
	struct request *request;

	place_under(client, "", statement);
	request = outgoing_expect(client, REQUEST_PARSE, answer);
	if (judged != NULL) {
		request->judged = judged_reference(judged);
		request->ruling = ruling_reference(ruling);
	}
	request->rewrite = rewrite_reference(statement->rewrite);
	statement_release(link->unnamed);
	link->unnamed = statement_reference(statement);
	return request;
}

/* Of what we run in the middle of a client's batch: its own unnamed portal may still be wanted. */
static const char own_portal[] = "pgweir_own";

/* `id` is of the statement that it prepares, or NULL. */
static void
run_ours(struct client *client, const char *text, const struct statement_id *id)
{
	struct buf *out = outgoing_buf(client);
	struct request *request;

	build_parse(out, "", text);
	outgoing_expect(client, REQUEST_PARSE, ANSWER_SWALLOW);
	build_bind_portal(out, own_portal, "");
	outgoing_expect(client, REQUEST_BIND, ANSWER_SWALLOW);
	build_execute(out, own_portal);
	request = outgoing_expect(client, REQUEST_EXECUTE, ANSWER_SWALLOW);
	if (id != NULL) {
		request->has_id = true;
		request->id = *id;
	}
	build_close(out, 'P', own_portal);
	outgoing_expect(client, REQUEST_CLOSE, ANSWER_SWALLOW);
	client->link->unsynced = true;
	statement_release(client->link->unnamed);
	client->link->unnamed = NULL;
}

static void
run_each(const char *name, const char *statement, void *arg)
{
	(void)name;
	run_ours(arg, statement, NULL);
}

/*
 * A statement that its client has prepared under other settings than it has now is read as then:
 * these go around it. In a transaction block it may have others yet, which a savepoint keeps.
 */
static void
read_as_then(struct client *client, const struct statement *statement, bool begins)
{
	const struct settings *then = &statement->parsed_under, *now = &client->settings;
	bool block = client->link->server->transaction == 'T';

	if (!readings_difference(now, then, NULL, NULL))
		return;
	if (begins && block)
		run_ours(client, "SAVEPOINT pgweir_reading", NULL);
	if (begins)
		readings_difference(now, then, run_each, client);
	else if (!block)
		readings_difference(then, now, run_each, client);
	if (!begins && block) {
		run_ours(client, "ROLLBACK TO SAVEPOINT pgweir_reading", NULL);
		run_ours(client, "RELEASE SAVEPOINT pgweir_reading", NULL);
	}
}

void
place_defaults(struct client *client)
{
	settings_difference(&(struct settings){ 0 }, &client->defaults, run_each, client);
}

/* One of SQL's PREPARE is made by that: its parameter types are names. */
static void
place_prepare(struct client *client, const struct statement *statement)
{
	struct server *server = client->link->server;

	make_room(client, statement);
	run_ours(client, (const char *)statement->body, &statement->id);
	statements_sent(server->statements, &statement->id, server->batch);
	server->pool->counters.server_parse_count++;
}

const char *
place_statement(struct client *client, struct statement *statement, bool unnamed)
{
	struct link *link = client->link;

	if (!unnamed) {
		if (place_has(link, statement))
			return statement->server_name;
		read_as_then(client, statement, true);
		if (statement->from_sql)
			place_prepare(client, statement);
		else
			place_parse(client, statement, ANSWER_SWALLOW);
		read_as_then(client, statement, false);
		return statement->server_name;
	}
	if (link->unnamed != statement)
		place_unnamed(client, statement, ANSWER_SWALLOW, NULL, NULL);
	return "";
}

void
place_used(struct client *client, const struct rewrite *rewrite)
{
	for (size_t i = 0; rewrite != NULL && i < rewrite->name_count; i++)
		if (rewrite->names[i].change == REWRITE_USES)
			place_statement(client, rewrite->names[i].statement, false);
}

/* They are made anew: the server looks at the text, and says what is wrong with it now. */
void
place_made(struct client *client, const struct rewrite *rewrite)
{
	struct link *link = client->link;

	for (size_t i = 0; i < rewrite->name_count; i++) {
		const struct statement *made = rewrite->names[i].statement;
		uint64_t batch = link->server->batch;

		if (rewrite->names[i].change != REWRITE_ADDS)
			continue;
		if (statements_find(link->server->statements, &made->id, &batch) == STATEMENT_ABSENT) {
			evict_statements(client);
		} else {
			build_close(outgoing_buf(client), 'S', made->server_name);
			outgoing_expect(client, REQUEST_CLOSE, ANSWER_SWALLOW);
			link->unsynced = true;
		}
		statements_sent(link->server->statements, &made->id, link->server->batch);
	}
}

/* The i-th statement's EXECUTE is of this one, which the server does not have; or NULL. */
static struct statement *
missing_at(struct client *client, const struct sql_statement *statement)
{
	struct statement *found;

	if (statement->prepared_name == NULL || statement->deallocates ||
	    (statement->residue & SQL_RESIDUE_PREPARE))
		return NULL;
	found = prepared_find(&client->prepared, statement->prepared_name);
	if (found == NULL || found->server_name[0] == '\0' || place_has(client->link, found))
		return NULL;
	return found;
}

/* Write what the server lacks; false: nothing. With `look` it is only looked for. */
static bool
place_missing(struct client *client, const struct judged *judged, bool look)
{
	bool any = false;

	for (size_t i = 0; i < judged->facts->statement_count; i++) {
		struct statement *missing = missing_at(client, &judged->facts->statements[i]);

		if (missing != NULL && !look)
			place_statement(client, missing, false);
		any |= missing != NULL;
	}
	return any;
}

/* Will all that is under way come to its end without the client saying more? */
static bool
is_ended(const struct link *link)
{
	const struct request *last = requests_at(&link->requests, link->requests.count - 1);

	return last != NULL && (last->kind == REQUEST_SYNC || last->kind == REQUEST_QUERY ||
				last->kind == REQUEST_FUNCTION);
}

bool
place_awaits(struct client *client, const struct judged *judged)
{
	struct link *link = client->link;

	if (!judged->edits || !names_are_kept(client) || !place_missing(client, judged, true))
		return false;
	link->unsettled = is_ended(link); /* what is under way may change what there is */
	return link->unsettled;
}

/* In a failed transaction nothing can be prepared, and no EXECUTE runs. */
static bool
is_to_place(struct client *client, const struct judged *judged)
{
	return judged->edits && names_are_kept(client) && client->link->server->transaction != 'E' &&
	    place_missing(client, judged, true);
}

void
place_ahead(struct client *client, const struct judged *judged)
{
	struct link *link = client->link;
	size_t first;

	if (!is_to_place(client, judged))
		return;
	if (!ahead_is_first(link)) {
		place_missing(client, judged, false); /* behind messages without a Sync: an error is that batch's */
		return;
	}
	first = ahead_begin(link);
	place_missing(client, judged, false);
	ahead_end(link, first);
}

/* Does the text end the transaction that failed, and EXECUTE then what the server has not? */
static bool
is_missing_behind_end(struct client *client, const struct judged *judged)
{
	enum sql_transaction first = judged->facts->statements[0].transaction;

	if (first != SQL_TXN_ROLLBACK && first != SQL_TXN_COMMIT && first != SQL_TXN_ROLLBACK_TO)
		return false;
	return place_missing(client, judged, true);
}

static const struct wire_error late = { .severity = "WARNING",
	.sqlstate = "01000",
	.message = "EXECUTE will not find its statement behind the end of a failed transaction",
	.detail = "The server connection does not have the prepared statement, and cannot be given it "
		  "before the transaction has ended.",
	.hint = "Send ROLLBACK as a message of its own." };

bool
place_permit(struct client *client, struct judged *judged)
{
	struct wire_error error = late;

	if (!judged->edits || !names_are_kept(client) || client->link->server->transaction != 'E' ||
	    !is_missing_behind_end(client, judged))
		return true;
	if (!clients_config(client->clients)->protocol_strict) {
		permit_with_warning(client, &late);
		return true;
	}
	error.severity = "ERROR";
	error.sqlstate = "0A000";
	error.message = "EXECUTE cannot follow the end of a failed transaction in one message here";
	record_answered(client, judged, error.sqlstate);
	refuse_with(client, 'Q', &error);
	return false;
}
