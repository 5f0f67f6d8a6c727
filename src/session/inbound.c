/*
 * inbound.c - messages from a client: cut out of its bytes, each given to its handler.
 *
 * A handler is given a whole message (CopyData and large Binds go on as they come)
 * and says whether it dealt with it, or must be asked again when the client has a
 * server or a long text has been parsed. Those that are a few lines are here.
 */
#include <string.h>

#include "base/mem.h"
#include "copy_in.h"
#include "guard.h"
#include "inbound.h"
#include "listens.h"
#include "replication.h"
#include "wire/frame.h"
#include "wire/names.h"

enum step
inbound_malformed(struct client *client, uint8_t type)
{
	char *text =
	    mem_printf("malformed %s message", message_name_from_client(type));

	client_end(client, "08P01", text);
	mem_free(text);
	return STEP_GONE;
}

static enum step
on_flush(struct client *client, const struct inbound *message)
{
	if (message->length > 0)
		return inbound_malformed(client, 'H');
	if (client->link == NULL || client->skipping)
		return STEP_DONE;
	outgoing_pass(client, message);
	relay_settle(client->link);
	return STEP_DONE;
}

static enum step
on_sync(struct client *client, const struct inbound *message)
{
	struct link *link = client->link;

	if (message->length > 0)
		return inbound_malformed(client, 'S');
	if (link != NULL && !link->copy_in && !aborted_is(client) &&
	    !listens_is_fenced(client, NULL))
		return STEP_LATER;
	client->skipping = false;
	if (link == NULL || aborted_is(client)) {
		build_ready(client_out(client), aborted_is(client) ? 'E' : 'I');
		return STEP_DONE;
	}
	/* While it reads CopyData a server ignores a Sync: it brings no ReadyForQuery. */
	if (link->copy_in)
		return STEP_DONE;
	outgoing_pass(client, message);
	outgoing_expect(client, REQUEST_SYNC, ANSWER_FORWARD);
	link->server->batch++;
	return STEP_DONE;
}

/* Is there anything that could be a COPY? What comes too late is dropped, as PostgreSQL does. */
static bool
awaits_copy(const struct client *client)
{
	return client->link != NULL && !client->skipping && client->link->requests.count > 0;
}

/* CopyData: on to the server while it has one; what comes too late is dropped. */
static enum step
on_copy_data(struct client *client, const struct inbound *message)
{
	if (awaits_copy(client))
		outgoing_pass_rows(client, message);
	else
		outgoing_drop(client, message);
	return STEP_DONE;
}

static enum step
on_copy_end(struct client *client, const struct inbound *message)
{
	if (!awaits_copy(client))
		return STEP_DONE;
	outgoing_pass(client, message);
	copy_in_end(client);
	return STEP_DONE;
}

static enum step
on_terminate(struct client *client, const struct inbound *message)
{
	if (client->replication != REPLICATION_NONE && client->link != NULL)
		return replication_terminate(client, message);
	/* PostgreSQL reads it when it is done with what came before. */
	if (client->link != NULL && link_finish(client->link))
		return STEP_LATER;
	client_close(client, "client close request");
	return STEP_GONE;
}

/* `streams`: the handler is called as soon as the header is there. */
static const struct handler {
	enum step (*run)(struct client *client, const struct inbound *message);
	bool streams;
	bool refused; /* on replication connections */
} handlers[256] = {
	['B'] = { on_bind, true, true },
	['C'] = { on_close, false, true },
	['D'] = { on_describe, false, true },
	['E'] = { on_execute, false, true },
	['F'] = { on_function_call, false, true },
	['H'] = { on_flush, false, false },
	['P'] = { on_parse, false, true },
	['Q'] = { on_query, false, false },
	['S'] = { on_sync, false, false },
	['X'] = { on_terminate, false, false },
	['c'] = { on_copy_end, false, false },
	['d'] = { on_copy_data, true, false },
	['f'] = { on_copy_end, false, false },
};

/* Bytes of a message whose beginning was dealt with. */
static size_t
pass_on(struct client *client, const uint8_t *bytes, size_t length)
{
	size_t here = client->passing < length ? client->passing : length;

	client->passing -= here;
	if (client->link == NULL || !client->passing_on)
		return here;
	if (client->link->hearing == LINK_KEEPING)
		client->link->hearing = LINK_SILENT; /* a long message */
	if (client->passing_rows)
		build_copy_data(outgoing_buf(client), here);
	stream_send(client->link->server->stream, bytes, here);
	/* Its answer may have come before its end: an error in the middle of a COPY. */
	if (client->passing == 0)
		link_release(client->link);
	return here;
}

/* Everything so far goes to the server; if it is slow, its client is not read for a while. */
static void
flush_server(struct client *client)
{
	struct stream *stream;

	if (client->link == NULL)
		return;
	stream = client->link->server->stream;
	stream_flush(stream);
	if (stream_pending(stream) > SLOW_PEER_BYTES && !client->paused_for_server) {
		client->paused_for_server = true;
		stream_pause(client->stream);
	}
}

static enum step
respond(struct client *client, const struct inbound *message)
{
	if (message->here < message->length)
		return STEP_LATER;
	if (message->type == 'X')
		return on_terminate(client, message);
	if (client->responder->message(client, message->type, message->body, message->length))
		return STEP_DONE;
	client_enter(client, CLIENT_ANSWERED);
	return STEP_DONE;
}

/*
 * Does it belong to what is being cancelled, or is it nothing that a cancel could hit? Without
 * more data a COPY FROM would not even notice one.
 */
static bool
goes_on(uint8_t type)
{
	return strchr("dcfHX", type) != NULL;
}

static enum step
handle(struct client *client, const struct inbound *message)
{
	const struct handler *handler = &handlers[message->type];
	char *text;

	if (handler->run == NULL) {
		text = mem_printf("invalid frontend message type %u", message->type);
		client_end(client, "08P01", text);
		mem_free(text);
		return STEP_GONE;
	}
	if (client->responder != NULL)
		return respond(client, message);
	if (!handler->streams && message->here < message->length)
		return STEP_LATER;
	if (client->replication != REPLICATION_NONE && handler->refused) {
		outgoing_drop(client, message);
		return replication_refuse(client, message->type);
	}
	switch (copy_in_way_of(client, message->type)) {
	case COPY_IN_FREE:
		break;
	case COPY_IN_WAITS:
		return STEP_LATER;
	case COPY_IN_BROKEN:
		client_end(client, "08P01",
		    "terminating connection because protocol synchronization was lost");
		return STEP_GONE;
	}
	if (client->link != NULL && client->link->guard != NULL &&
	    guard_holds(client, message->type))
		return STEP_LATER;
	if (client->link != NULL && client->link->canceling && !goes_on(message->type))
		return STEP_LATER;
	return handler->run(client, message);
}

/* May the next message be looked at? */
static bool
is_free(const struct client *client)
{
	return (client->state == CLIENT_READY || client->state == CLIENT_ACTIVE) &&
	    !client->paused_for_server &&
	    !(client->listens != NULL && listens_hold_back(client)) &&
	    !(client->link != NULL && (client->link->discarding || client->link->asking ||
				  link_awaits_ahead(client->link)));
}

size_t
inbound_consume(struct client *client, const uint8_t *bytes, size_t length)
{
	size_t most = (size_t)clients_config(client->clients)->limits_message_size;
	enum step step = STEP_DONE;
	size_t at = 0, loan = 0; /* where what belongs to this loan of a server begins */

	while (step == STEP_DONE && at < length && is_free(client)) {
		struct frame frame;
		struct inbound message;
		enum frame_status status;

		if (client->passing > 0) {
			at += pass_on(client, bytes + at, length - at);
			continue;
		}
		status = frame_read(bytes + at, length - at, &frame);
		if (status == FRAME_SHORT)
			break;
		if (status == FRAME_BAD || frame.length > most) {
			client_end(client, "08P01",
			    status == FRAME_BAD
				? "invalid message length"
				: "message is longer than limits.message_size allows");
			return length;
		}
		message = (struct inbound){ .type = frame.type,
			.body = bytes + at + FRAME_HEADER,
			.length = frame.length - FRAME_HEADER };
		message.here = length - at - FRAME_HEADER < message.length
		    ? length - at - FRAME_HEADER
		    : message.length;
		if (client->link == NULL)
			loan = at;
		if (client->unrestorable) {
			client->coming = bytes + at;
			client->coming_length = length - at;
		}
		step = handle(client, &message);
		if (step != STEP_DONE)
			continue;
		at += FRAME_HEADER + message.here;
		/* What was found out about a message that was skipped is not the next one's. */
		judged_release(client->judged);
		client->judged = NULL;
	}
	if (step == STEP_GONE)
		return length;
	if (client->link != NULL && client->link->hearing == LINK_KEEPING)
		repeat_keep(client->link, bytes + loan, at - loan);
	flush_server(client);
	return at;
}
