/* copy_in.c - see copy_in.h. Called by inbound.c, outgoing.c and answer.c. */
#include <stdio.h>
#include <string.h>

#include "copy_in.h"
#include "inbound.h"

enum {
	COPIES_UNKNOWN = UINT8_MAX, /* nobody could read the text */
	BROKEN_TEXT = 64,
};

/* Those that read the client's rows; of a file or program the client hears nothing. */
static size_t
count_copies(const struct sql_facts *facts)
{
	size_t count = 0;

	for (size_t i = 0; i < facts->statement_count; i++)
		count += (facts->statements[i].classes &
			     (SQL_COPY_IN | SQL_COPY_FILE | SQL_COPY_PROGRAM)) == SQL_COPY_IN;
	return count;
}

void
copy_in_expect(struct link *link, struct request *request, const struct judged *judged)
{
	const struct sql_facts *facts = judged == NULL ? NULL : judged->facts;
	size_t copies = COPIES_UNKNOWN;

	if (judged == NULL || (facts != NULL && (facts->classes & SQL_COPY_IN) == 0) ||
	    (request->kind != REQUEST_QUERY && request->kind != REQUEST_EXECUTE))
		return;
	if (facts != NULL)
		copies = count_copies(facts);
	else if (request->kind == REQUEST_EXECUTE)
		copies = 1;
	request->copies_in = copies < COPIES_UNKNOWN ? (uint8_t)copies : COPIES_UNKNOWN;
	link->may_copy = copies > 0;
}

/* May the last of what was sent begin a COPY whose rows have not all been sent? */
static bool
is_awaited(const struct link *link)
{
	size_t ends = 0, i = link->requests.count;

	for (; i > 0 && requests_at(&link->requests, i - 1)->kind == REQUEST_COPY_END; i--)
		ends++;
	return i > 0 && requests_at(&link->requests, i - 1)->copies_in > ends;
}

/* A COPY and an error are told at once; what else comes of it, when it is asked for. */
static void
ask(struct link *link)
{
	if (!link->unsettled)
		build_flush(stream_out(link->server->stream));
	link->unsettled = true;
}

static const char *
broken_text(uint8_t type, char text[static BROKEN_TEXT])
{
	snprintf(text, BROKEN_TEXT, "unexpected message type 0x%02X during COPY from stdin", type);
	return text;
}

/*
 * The server is made to fail the COPY, should it still read; what it says tells whether it did.
 * PostgreSQL itself could not go on: it fails between the type of the message and its length.
 */
static void
break_in(struct link *link, uint8_t type)
{
	char text[BROKEN_TEXT];

	if (link->breaker == 0)
		build_copy_fail(stream_out(link->server->stream), broken_text(type, text));
	link->breaker = type;
	link->unsettled = true;
}

enum copy_in_way
copy_in_way_of(struct client *client, uint8_t type)
{
	struct link *link = client->link;

	if (client->broke_copy)
		return COPY_IN_BROKEN;
	if (link == NULL || !link->may_copy || strchr("dcfX", type) != NULL)
		return COPY_IN_FREE;
	if (link->copy_in && type != 'S' && type != 'H') {
		break_in(link, type);
		return COPY_IN_WAITS;
	}
	if (!link->copy_in && is_awaited(link)) {
		ask(link);
		return COPY_IN_WAITS;
	}
	link->unsettled = false;
	link->may_copy = link->copy_in || link->requests.count > 0;
	return COPY_IN_FREE;
}

void
copy_in_end(struct client *client)
{
	struct link *link = client->link;

	if (!link->copy_in) {
		outgoing_expect(client, REQUEST_COPY_END, ANSWER_FORWARD);
		return;
	}
	link->copy_in = false;
	if (requests_head(&link->requests)->kind == REQUEST_EXECUTE)
		link->unsynced = true;
}

bool
copy_in_begin(struct link *link)
{
	struct request *head = requests_head(&link->requests);
	const struct request *next = requests_at(&link->requests, 1);

	if (head->copies_in == 0)
		return false;
	if (head->copies_in != COPIES_UNKNOWN)
		head->copies_in--;
	link->copy_in = next == NULL;
	link->breaker = 0;
	if (next != NULL && next->kind == REQUEST_COPY_END)
		requests_remove(&link->requests, 1); /* all rows are on their way */
	return true;
}

bool
copy_in_broken(struct link *link, const struct wire_report *report)
{
	char text[BROKEN_TEXT];
	struct wire_error error = { .severity = "ERROR", .sqlstate = "08P01", .message = text };
	uint8_t type = link->breaker;

	link->breaker = 0;
	if (type == 0 || link->client == NULL || strcmp(report->sqlstate, "57014") != 0 ||
	    strstr(report->message, broken_text(type, text)) == NULL)
		return false;
	link->client->broke_copy = true;
	build_error(relay_emit(link), &error);
	return true;
}
