/* refuse.c - an error in place of an answer from the server. */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/random.h"
#include "session_internal.h"

void
refuse_build(struct buf *out, const struct verdict *verdict)
{
	build_error(out,
	    &(struct wire_error){ .severity = "ERROR",
		.sqlstate = verdict->sqlstate,
		.message = verdict->message,
		.detail = verdict->detail,
		.hint = verdict->hint,
		.position = verdict->position,
		.schema = verdict->schema,
		.table = verdict->table,
		.constraint = verdict->rule,
		.file = verdict->file,
		.line = verdict->line });
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
 * On a server connection the refusal must come in its turn, and an open transaction
 * must fail as PostgreSQL's would. So the server is given something that is sure to
 * fail, a portal that does not exist, and its error is exchanged for ours.
 */
static void
refuse_on_server(struct client *client, bool simple, const struct buf *error)
{
	struct link *link = client->link;
	struct buf *out = stream_out(link->server->stream);
	struct request *request;

	refuse_put_failing(out);
	request = link_expect(link, REQUEST_EXECUTE, ANSWER_REFUSE);
	request->reply = mem_copy(buf_bytes(error), buf_length(error));
	request->reply_length = buf_length(error);
	link->unsynced = true;
	if (!simple)
		return;
	build_sync(out);
	link_expect(link, REQUEST_SYNC, ANSWER_FORWARD);
	link->server->batch++;
}

void
refuse_message(struct client *client, bool simple, const struct buf *error)
{
	struct buf *out;

	client->skipping = !simple;
	if (client->link != NULL) {
		refuse_on_server(client, simple, error);
		return;
	}
	out = stream_out(client->stream);
	buf_put(out, buf_bytes(error), buf_length(error));
	if (simple)
		build_ready(out, client->aborted ? 'E' : 'I');
}

void
refuse_with(struct client *client, bool simple, const struct wire_error *error)
{
	struct buf built = { 0 };

	build_error(&built, error);
	refuse_message(client, simple, &built);
	buf_free(&built);
}
