/*
 * relay.c - from the server to the client.
 *
 * Messages are walked by their headers; what goes on unchanged is sent from the
 * buffer it was read into. What a message means is in answer.c.
 */
#include "guard.h"
#include "session_internal.h"
#include "wire/frame.h"

enum { WHOLE_MESSAGE_MOST = 16 * 1024 * 1024 }; /* of those that are looked into */

/* Messages that are always looked into; the others go on as they come, whole or not. */
static const bool needs_whole[256] = {
	['C'] = true, ['E'] = true, ['S'] = true, ['Z'] = true, ['N'] = true, ['A'] = true,
};

static inline bool
is_looked_into(const struct link *link, uint8_t type)
{
	return needs_whole[type] ||
	    (link->asking && type == 'D');
}

/*
 * Where to put something of ours for the client, now: behind what the server said
 * before it and is not sent yet.
 */
struct buf *
relay_emit(struct link *link)
{
	struct buf *out = client_out(link->client);

	buf_put(out, link->run, link->run_length);
	link->run_length = 0;
	return out;
}

/* The answers that we give for the server, when their turn has come. */
void
relay_settle(struct link *link)
{
	struct request *head;

	while ((head = requests_head(&link->requests)) != NULL) {
		if (head->kind == REQUEST_COPY_END) {
			requests_pop(&link->requests);
			continue;
		}
		if (head->answer != ANSWER_MADE_UP)
			return;
		if (link->passing > 0)
			return; /* the client is in the middle of a message */
		if (link->client != NULL) {
			struct buf *out;

			record_statement(link, head, 0, "00000", -1, -1, AUDIT_OK);
			out = relay_emit(link);
			if (head->reply != NULL)
				buf_put(out, head->reply, head->reply_length);
			else
				build_end(out, build_begin(out, (uint8_t)head->made_up));
		}
		if (head->kind == REQUEST_PARSE || head->kind == REQUEST_CLOSE)
			link->made_up++;
		else
			link->told = true;
		requests_pop(&link->requests);
	}
}

/* What came before a message that does not go on. */
static void
put_run(struct link *link, const uint8_t *bytes, size_t length)
{
	if (link->client != NULL)
		buf_put(client_out(link->client), bytes, length);
}

/* Is an error, for want of its record, all that the client will hear of this answer? */
static bool
is_failed(const struct link *link)
{
	return link->client != NULL && link->client->hold != NULL && link->client->hold->failed;
}

/*
 * Walk over the messages in these bytes. Returns how many bytes were dealt with;
 * *gone is set when the link is no more. What goes on unchanged and in one piece up
 * to the end is left to the caller: it starts at *run.
 */
static size_t
walk(struct link *link, const uint8_t *bytes, size_t length, size_t *run, bool *gone)
{
	size_t at = 0;
	bool partial;

	*run = 0;
	partial = link->passing > 0 && link->passing_forward;
	while (at < length) {
		struct frame frame;
		enum frame_status status;
		enum fate fate;
		size_t here;
		bool whole;

		if (link->passing > 0) {
			here = link->passing < length - at ? link->passing : length - at;
			link->passing -= here;
			at += here;
			if (!link->passing_forward)
				*run = at;
			continue;
		}
		status = frame_read(bytes + at, length - at, &frame);
		if (status == FRAME_SHORT)
			break;
		whole = status == FRAME_GOOD && is_looked_into(link, frame.type);
		if (status == FRAME_BAD || (whole && frame.length > WHOLE_MESSAGE_MOST)) {
			link_violated(link, "the server sent a message of an impossible length");
			*gone = true;
			return length;
		}
		if (whole && frame.length > length - at)
			break;
		link->run = bytes + *run;
		link->run_length = at - *run;
		link->run_partial = partial && *run == 0;
		here = frame.length < length - at ? frame.length : length - at;
		fate = link->guard == NULL
		    ? answer_take(link, frame.type, bytes + at + FRAME_HEADER, here - FRAME_HEADER)
		    : guard_take(link, frame.type, bytes + at + FRAME_HEADER, here - FRAME_HEADER,
			  frame.length);
		if (fate == FATE_GONE) {
			*gone = true;
			return length;
		}
		if (fate == FATE_FORWARD && frame.type != 'Z' && frame.type != 'S' && is_failed(link))
			fate = FATE_SWALLOW;
		if (link->run_length == 0)
			*run = at; /* it was put out in front of something of ours */
		link->run_length = 0;
		if (fate == FATE_SWALLOW && *run < at)
			put_run(link, bytes + *run, at - *run);
		at += here;
		link->passing = frame.length - here;
		link->passing_forward = fate == FATE_FORWARD;
		link->bytes_out += frame.length;
		if (fate == FATE_SWALLOW)
			*run = at;
	}
	return at;
}

/* Is a DISCARD ALL or DEALLOCATE ALL still unanswered? */
static bool
awaits_discard(const struct link *link)
{
	for (size_t i = 0; i < link->requests.count; i++) {
		const struct request *request = requests_at(&link->requests, i);

		if ((request->kind == REQUEST_QUERY || request->kind == REQUEST_EXECUTE) &&
		    request->judged != NULL && request->judged->discards)
			return true;
	}
	return false;
}

/* Both sides have heard what was to be heard: slow down, give back, go on. */
static void
after_data(struct link *link)
{
	struct client *client = link->client;

	/* Not before: a made-up answer comes behind the message whose end it waited for. */
	relay_settle(link);
	if (client == NULL) {
		link_clean_on(link);
		return;
	}
	link->discarding = link->discarding && awaits_discard(link);
	if (hold_pending(client) > SLOW_PEER_BYTES && !link->paused_for_client) {
		link->paused_for_client = true;
		stream_pause(link->server->stream);
	}
	if (link->restore == RESTORE_SENT)
		return;
	if (link->restore == RESTORE_ANSWERED) {
		/* What the client has sent by now goes first: they would be there for nothing. */
		link->restore = RESTORE_NONE;
		client_resume(client);
		if (client->link == link)
			link_release(link);
		return;
	}
	link_release(link);
	client_resume(client);
}

bool
relay_take(struct link *link, const uint8_t *bytes, size_t length)
{
	struct client *client = link->client;
	struct server *server = link->server;
	bool stashed = buf_length(&link->in) > 0;
	bool gone = false;
	size_t used, run;

	if (stashed) {
		buf_put(&link->in, bytes, length);
		bytes = buf_bytes(&link->in);
		length = buf_length(&link->in);
	}
	used = walk(link, bytes, length, &run, &gone);
	if (gone)
		return false;
	if (client != NULL) {
		client->bytes_out += used;
		server->pool->counters.bytes_sent += used;
		client_send(client, bytes + run, used - run);
	}
	if (stashed) {
		buf_consume(&link->in, used);
		if (buf_length(&link->in) == 0)
			buf_free(&link->in);
	} else if (used < length) {
		buf_put(&link->in, bytes + used, length - used);
	}
	return true;
}

void
relay_data(struct server *server, const uint8_t *bytes, size_t length)
{
	struct link *link = server->user_arg;

	if (link->hearing != LINK_HEARD && !repeat_hear(link, bytes, length))
		return;
	if (!relay_take(link, bytes, length))
		return;
	if (link->hearing == LINK_HEARING)
		link->hearing = LINK_HEARD;
	after_data(link);
}
