/* refuse.c - an error in place of an answer from the server. */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/random.h"
#include "prepared.h"
#include "session_internal.h"

struct wire_error
refuse_error(const struct verdict *verdict, const char *severity)
{
	return (struct wire_error){ .severity = severity,
		.sqlstate = verdict->sqlstate,
		.message = verdict->message,
		.detail = verdict->detail,
		.hint = verdict->hint,
		.position = verdict->position,
		.schema = verdict->schema,
		.table = verdict->table,
		.constraint = verdict->rule,
		.file = verdict->file,
		.line = verdict->line };
}

void
refuse_build(struct buf *out, const struct verdict *verdict)
{
	struct wire_error error = refuse_error(verdict, "ERROR");

	build_error(out, &error);
}

void
refuse_put_failing(struct buf *out)
{
	char portal[48];

	/* A name that a client could know, it could give to a portal of its own. */
	snprintf(portal, sizeof(portal), "refused by pgweir %016" PRIx64, random_u64());
	build_execute(out, portal);
}

/*
 * Something of the same kind that is sure to fail. A Query and a FunctionCall are followed
 * by ReadyForQuery, and skipped by a server that skips to the Sync after an error, as those
 * of the client would be.
 */
static enum request_kind
put_failing(struct buf *out, uint8_t type)
{
	size_t mark;

	switch (type) {
	case 'Q':
		build_query(out, "refused by pgweir"); /* no SQL */
		return REQUEST_QUERY;
	case 'F':
		mark = build_begin(out, 'F');
		buf_put_u32(out, 0); /* no function has this OID */
		buf_put_u16(out, 0);
		buf_put_u16(out, 0);
		buf_put_u16(out, 0);
		build_end(out, mark);
		return REQUEST_FUNCTION;
	default:
		refuse_put_failing(out);
		return REQUEST_EXECUTE;
	}
}

/*
 * On a server connection the refusal must come in its turn, and an open transaction
 * must fail as PostgreSQL's would. So the server is given something that is sure to
 * fail, and its error is exchanged for ours.
 */
static void
refuse_on_server(struct client *client, uint8_t type, const struct buf *error)
{
	struct link *link = client->link;
	enum request_kind kind = put_failing(stream_out(link->server->stream), type);
	struct request *request = link_expect(link, kind, ANSWER_REFUSE);

	request->reply = mem_copy(buf_bytes(error), buf_length(error));
	request->reply_length = buf_length(error);
	if (kind == REQUEST_EXECUTE) {
		link->unsynced = true;
		return;
	}
	link->server->batch++;
	if (kind == REQUEST_QUERY) { /* it destroys the unnamed statement */
		link_change_unnamed(link, request, NULL);
		statement_release(link->unnamed);
		link->unnamed = NULL;
	}
}

void
refuse_message(struct client *client, uint8_t type, const struct buf *error)
{
	bool simple = type == 'Q' || type == 'F';
	struct buf *out;

	client->skipping = !simple;
	if (client->link != NULL && !aborted_is(client)) {
		refuse_on_server(client, type, error);
		return;
	}
	out = client_out(client);
	buf_put(out, buf_bytes(error), buf_length(error));
	if (simple)
		build_ready(out, aborted_is(client) ? 'E' : 'I');
}

void
refuse_with(struct client *client, uint8_t type, const struct wire_error *error)
{
	struct buf built = { 0 };

	build_error(&built, error);
	refuse_message(client, type, &built);
	buf_free(&built);
}

void
refuse_state(struct client *client, const struct judged *judged, const char *sqlstate,
    const char *message)
{
	if (judged != NULL)
		record_answered(client, judged, sqlstate);
	refuse_with(client, 'P',
	    &(struct wire_error){
		.severity = "ERROR", .sqlstate = sqlstate, .message = message });
}
