/*
 * repeat.c - a server found dead just as a statement was sent to it: sent again, to another
 * one, where that is surely no second time, or makes no difference.
 *
 * Or whose prepared statement PostgreSQL no longer takes, because a table was altered.
 *
 * Until the server's first answer of a loan, what the client sent in it is kept; lost.c
 * asks whether it may go back to the front of the client's input.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "inbound.h"
#include "learned.h"
#include "prepared.h"
#include "wire/frame.h"
#include "wire/report.h"

enum {
	KEPT_MOST = 4096, /* longer ones are not worth the copy */
	FAREWELL_MOST = 9 * 1024, /* PostgreSQL's buffer of what it sends is 8 KiB */
	REPEATS_MOST = 3, /* servers that are shut down may be lost one after the other */
};

void
repeat_keep(struct link *link, const uint8_t *bytes, size_t length)
{
	size_t built = stream_unsent(link->server->stream);

	if (buf_length(&link->kept) + length > KEPT_MOST) {
		link->hearing = LINK_SILENT;
		return;
	}
	buf_put(&link->kept, bytes, length);
	link->sent_bytes += built;
	link->writes += built > 0;
}

/* Does it end with the words of a server that goes? */
static bool
is_farewell(const struct frame *frame, const uint8_t *body)
{
	struct wire_report report;

	if (frame->type != 'E' && frame->type != 'N')
		return false;
	report = report_read(body, frame->length - FRAME_HEADER);
	return strncmp(report.sqlstate, "57P", 3) == 0 &&
	    strcmp(report.severity, frame->type == 'E' ? "FATAL" : "WARNING") == 0;
}

/*
 * PostgreSQL puts its farewell behind what it has not sent yet of an answer. Mostly an
 * answer ends with ReadyForQuery, and nothing needs to be looked into.
 */
static bool
ends_with_farewell(const uint8_t *bytes, size_t length)
{
	struct frame frame;
	size_t at = 0;

	if (length > FAREWELL_MOST || (length > FRAME_HEADER && bytes[length - FRAME_HEADER - 1] == 'Z'))
		return false;
	while (frame_read(bytes + at, length - at, &frame) == FRAME_GOOD &&
	    frame.length <= length - at) {
		if (frame.length == length - at)
			return is_farewell(&frame, bytes + at + FRAME_HEADER);
		at += frame.length;
	}
	return false;
}

bool
repeat_hear(struct link *link, const uint8_t *bytes, size_t length)
{
	struct buf held = link->farewell;

	if (link->hearing == LINK_KEEPING && buf_length(&held) == 0 && link->client != NULL &&
	    ends_with_farewell(bytes, length)) {
		buf_put(&link->farewell, bytes, length);
		return false;
	}
	link->hearing = link->hearing == LINK_KEEPING ? LINK_HEARING : LINK_HEARD;
	if (link->client != NULL)
		link->client->repeats = 0;
	return buf_length(&held) == 0 || repeat_tell(link);
}

bool
repeat_tell(struct link *link)
{
	struct buf held = link->farewell;
	bool there;

	link->hearing = LINK_HEARD;
	link->farewell = (struct buf){ 0 };
	there = relay_take(link, buf_bytes(&held), buf_length(&held));
	buf_free(&held);
	return there;
}

/* Would it read, and do nothing else, however often it is run? */
static bool
only_reads(const struct client *client, const struct judged *judged)
{
	if (judged == NULL || judged->facts == NULL)
		return false;
	for (size_t i = 0; i < judged->facts->statement_count; i++) {
		const struct sql_statement *statement = &judged->facts->statements[i];

		if (statement->classes != SQL_READ || statement->residue != 0 ||
		    !learned_only_reads(client->learned, statement))
			return false;
	}
	return true;
}

/* Is all that was asked of a kind that can be undone here, and asked again? */
static bool
is_plain(const struct link *link, bool *reads)
{
	const struct request *request;

	*reads = true;
	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++) {
		if (request->answer == ANSWER_REFUSE)
			return false; /* it is in the access log */
		if (request_is_statement(request) && !only_reads(link->client, request->judged))
			*reads = false;
	}
	return link->requests.count > 0 || link->unsynced;
}

static bool
may_repeat(const struct link *link, const char *why)
{
	const struct server *server = link->server;
	const struct client *client = link->client;
	bool said_farewell = buf_length(&link->farewell) > 0;
	bool reads;

	if (link->hearing != LINK_KEEPING || client->repeats == REPEATS_MOST || client->state != CLIENT_ACTIVE ||
	    client->startup != NULL || client->pin != NULL || !is_plain(link, &reads))
		return false;
	/* One that is closed by us, for a KILL, is to be heard of. */
	if (strcmp(why, stream_why(server->stream)) != 0)
		return false;
	/* A server that goes without a word may have crashed because of this very statement. */
	return (reads && said_farewell) ||
	    server_left_unread(server, link->sent_bytes, link->writes, said_farewell);
}

/* The client's input is what it was before the loan. */
static void
put_back(struct link *link)
{
	struct client *client = link->client;
	struct buf in = link->kept;

	link->kept = (struct buf){ 0 };
	buf_put(&in, buf_bytes(&client->in), buf_length(&client->in));
	buf_free(&client->in);
	client->in = in;
	client->passing = 0;
	client->skipping = false;
	judged_release(client->judged); /* of a message further behind */
	client->judged = NULL;
}

bool
repeat_begin(struct link *link, const char *why)
{
	struct client *client = link->client;
	struct pool *pool = link->server->pool;
	char label[SERVER_LABEL_SIZE];

	if (!may_repeat(link, why))
		return false;
	server_label(link->server, label);
	log_info("%s was lost before it answered (%s): its statement is sent again", label, why);
	for (size_t i = 0; i < link->requests.count; i++)
		client->statements -= request_is_statement(requests_at(&link->requests, i));
	skipped_undo_all(link, link->requests.count);
	put_back(link);
	client->repeats++;
	pool->counters.retried++;
	pool_doubt(pool);
	return true;
}

/* Is this the batch that the server answers now, with its Sync, and nothing behind it? */
static bool
is_one_batch(const struct link *link)
{
	const struct request *last = requests_at(&link->requests, link->requests.count - 1);

	for (size_t i = 0; i + 1 < link->requests.count; i++)
		if (requests_at(&link->requests, i)->kind == REQUEST_SYNC)
			return false;
	return last->kind == REQUEST_SYNC && link->client->passing == 0;
}

/*
 * The client reads the rows by what it was told of them: that must be told with them, or
 * never have been.
 */
static bool
is_told_shape(const struct link *link, const struct request *head)
{
	const struct request *next = requests_at(&link->requests, 1);

	if (head->kind == REQUEST_DESCRIBE_STATEMENT || !head->statement->described)
		return true;
	return next != NULL && next->kind == REQUEST_DESCRIBE_PORTAL;
}

/* The first of what is kept was answered by us, and stands. */
static void
drop_answered(struct link *link)
{
	struct frame frame;

	for (; link->made_up > 0; link->made_up--)
		if (frame_read(buf_bytes(&link->kept), buf_length(&link->kept), &frame) == FRAME_GOOD)
			buf_consume(&link->kept, frame.length);
}

/*
 * The statement was prepared on this server for whoever wanted it first, and a table was
 * altered since. The server skips to the Sync; what follows prepares it anew.
 */
bool
repeat_stale(struct link *link, const struct wire_report *report)
{
	const struct request *head = requests_head(&link->requests);
	struct client *client = link->client;

	if (strcmp(report->sqlstate, "0A000") != 0 || strcmp(report->routine, "RevalidateCachedQuery") != 0)
		return false;
	if (client == NULL || client->state != CLIENT_ACTIVE || link->hearing != LINK_HEARING || link->told ||
	    link->guard != NULL || head->answer != ANSWER_FORWARD || head->statement == NULL ||
	    (head->kind != REQUEST_BIND && head->kind != REQUEST_DESCRIBE_STATEMENT))
		return false;
	if (link->server->transaction != 'I' || !names_is_renamed(client, head->statement) ||
	    head->statement->server_name[0] == '\0' || !is_one_batch(link) || !is_told_shape(link, head))
		return false;
	statements_doubt(link->server->statements, &head->statement->id);
	drop_answered(link);
	for (size_t i = 0; i < link->requests.count; i++)
		client->statements -= request_is_statement(requests_at(&link->requests, i));
	put_back(link);
	link->hearing = LINK_HEARD;
	link->run_length = 0; /* a ParameterDescription */
	link->server->pool->counters.retried++;
	return true;
}
