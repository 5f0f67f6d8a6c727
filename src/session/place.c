/*
 * place.c - a client's statements on the server that it has now.
 *
 * A server may have them from before, under names that all clients share, or gets
 * them in front of the message that needs them.
 */
#include "inbound.h"
#include "prepared.h"
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
struct request *
place_parse(
    struct client *client, const struct statement *statement, enum request_answer answer)
{
	struct link *link = client->link;
	const char *name = statement->server_name;
	uint64_t batch = link->server->batch;
	struct request *request;

	if (statements_find(link->server->statements, &statement->id, &batch) == STATEMENT_SENT) {
		build_close(outgoing_buf(client), 'S', name);
		outgoing_expect(client, REQUEST_CLOSE, ANSWER_SWALLOW);
	} else {
		evict_statements(client);
	}
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

static void
run_ours(const char *text, void *arg)
{
	struct client *client = arg;
	struct buf *out = outgoing_buf(client);

	build_parse(out, "", text);
	outgoing_expect(client, REQUEST_PARSE, ANSWER_SWALLOW);
	build_bind_portal(out, own_portal, "");
	outgoing_expect(client, REQUEST_BIND, ANSWER_SWALLOW);
	build_execute(out, own_portal);
	outgoing_expect(client, REQUEST_EXECUTE, ANSWER_SWALLOW);
	build_close(out, 'P', own_portal);
	outgoing_expect(client, REQUEST_CLOSE, ANSWER_SWALLOW);
	client->link->unsynced = true;
	statement_release(client->link->unnamed);
	client->link->unnamed = NULL;
}

void
place_defaults(struct client *client)
{
	settings_difference(&(struct settings){ 0 }, &client->defaults, run_ours, client);
}

const char *
place_statement(struct client *client, struct statement *statement, bool unnamed)
{
	struct link *link = client->link;

	if (!unnamed) {
		if (!place_has(link, statement))
			place_parse(client, statement, ANSWER_SWALLOW);
		return statement->server_name;
	}
	if (link->unnamed != statement)
		place_unnamed(client, statement, ANSWER_SWALLOW, NULL, NULL);
	return "";
}
