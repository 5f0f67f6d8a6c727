/*
 * inbound.c - from the client to the server.
 *
 * One handler a message type. Each is given a whole message (CopyData and large
 * Binds go on as they come) and says whether it dealt with it, or must be asked again
 * when the client has a server or a long text has been parsed.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "prepared.h"
#include "session_internal.h"
#include "wire/frame.h"
#include "wire/names.h"
#include "wire/read.h"

enum step {
	STEP_DONE,  /* dealt with */
	STEP_LATER, /* keep it: it will be asked again */
	STEP_GONE,  /* the client is closing */
};

enum { BIND_NAMES_MOST = 16 * 1024 }; /* names of a Bind must be complete within so many bytes */

/* A message, of whose body `here` bytes have come; `length` is the body's whole length. */
struct inbound {
	uint8_t type;
	const uint8_t *body;
	size_t here, length;
};

static enum step
malformed(struct client *client, uint8_t type)
{
	char *text =
	    mem_printf("malformed %s message", message_name_from_client(type));

	client_end(client, "08P01", text);
	mem_free(text);
	return STEP_GONE;
}

static struct buf *
to_server(struct client *client)
{
	return stream_out(client->link->server->stream);
}

/* Send the message on as it is. */
static void
pass(struct client *client, const struct inbound *message)
{
	struct buf *out = to_server(client);

	buf_put_u8(out, message->type);
	buf_put_u32(out, (uint32_t)(message->length + 4));
	buf_put(out, message->body, message->here);
	client->passing = message->length - message->here;
	client->passing_on = true;
}

/* One of the extended protocol: the server is not done before its Sync. */
static void
pass_extended(struct client *client, const struct inbound *message)
{
	pass(client, message);
	client->link->unsynced = true;
}

/* Let nothing of it through: the part that is here, nor what is still to come. */
static void
drop_rest(struct client *client, const struct inbound *message)
{
	client->passing = message->length - message->here;
	client->passing_on = false;
}

static struct request *
expect(struct client *client, enum request_kind kind, enum request_answer answer)
{
	struct request *request = link_expect(client->link, kind, answer);

	request->stmt = client->stmt;
	return request;
}

/* A PREPARE makes a statement that may be bound by its name, as one of a Parse is. */
static void
note_prepare(struct client *client, struct request *request, struct judged *judged)
{
	const struct sql_facts *facts = judged->facts;
	const char *name;
	struct statement *statement;

	if (facts == NULL || facts->statement_count != 1)
		return;
	name = facts->statements[0].prepared_name;
	if (name == NULL || prepared_find(&client->prepared, name) != NULL)
		return;
	statement = statement_from_sql(judged);
	prepared_add(&client->prepared, name, statement);
	requests_name(&client->link->requests, request, name, statement, true);
	statement_release(statement);
}

static void
expect_judged(struct request *request, struct client *client, struct judged *judged,
    struct ruling *ruling, size_t bytes)
{
	request->judged = judged == NULL ? NULL : judged_reference(judged);
	request->ruling = ruling == NULL ? NULL : ruling_reference(ruling);
	request->bytes_in = bytes;
	request->sent_us = loop_now_us(clients_loop(client->clients));
	request->queue_us = client->queue_us;
	client->queue_us = 0;
	client->statements++;
	if (judged != NULL && judged->discards)
		client->link->discarding = true;
	if (judged != NULL && (judged->residue & SQL_RESIDUE_PREPARE))
		note_prepare(client, request, judged);
}

/* Was the unnamed statement changed in an earlier batch that is not answered yet? */
static bool
awaits_unnamed(const struct link *link)
{
	const struct request *head = requests_head(&link->requests);

	return head != NULL && link->unnamed_batch != link->server->batch &&
	    head->batch <= link->unnamed_batch;
}

/*
 * Does it hang on the answer to an earlier batch what this name means? Then the message
 * waits: if that batch fails, the name is what it was before.
 */
static bool
is_unsettled(struct client *client, const char *name)
{
	struct link *link = client->link;

	if (link == NULL)
		return false;
	link->unsettled = *name == '\0'
	    ? awaits_unnamed(link)
	    : requests_await_name(&link->requests, name, link->server->batch);
	return link->unsettled;
}

/* The facts of this text; NULL: with a parser thread, ask again. */
static struct judged *
judge(struct client *client, const char *text, size_t length)
{
	struct judged *judged = client->judged;

	if (judged != NULL) { /* this very message waited for it */
		client->judged = NULL;
		return judged;
	}
	judged = gate_judge(clients_gate(client->clients), client, text, length);
	if (judged == NULL)
		client_enter(client, CLIENT_JUDGING);
	return judged;
}

static struct ruling *
rule(struct client *client, struct judged *judged)
{
	return gate_rule(clients_gate(client->clients), judged, client->identity);
}

/* Keep what was found out while the message waits for a server. */
static enum step
later(struct client *client, struct judged *judged, struct ruling *ruling)
{
	ruling_release(ruling);
	judged_release(client->judged);
	client->judged = judged;
	return STEP_LATER;
}

static void
refuse(struct client *client, uint8_t type, struct judged *judged, struct ruling *ruling)
{
	struct buf error = { 0 };

	refuse_build(&error, &ruling->verdict);
	record_refused(client, judged, ruling);
	client->pool->counters.denied++;
	refuse_message(client, type, &error);
	buf_free(&error);
}

static struct request *
expect_reply(struct client *client, enum request_kind kind, const struct buf *reply)
{
	struct request *request = expect(client, kind, ANSWER_MADE_UP);

	request->reply = mem_copy(buf_bytes(reply), buf_length(reply));
	request->reply_length = buf_length(reply);
	return request;
}

static void
notice_warning(struct client *client, const struct verdict *verdict)
{
	struct buf notice = { 0 };

	if (verdict->action != POLICY_WARN && !verdict->would_deny)
		return;
	build_notice(&notice,
	    &(struct wire_error){ .severity = "NOTICE",
		.sqlstate = "01000",
		.message = verdict->message != NULL ? verdict->message : "a pgweir rule warns",
		.detail = verdict->detail,
		.hint = verdict->hint,
		.constraint = verdict->rule });
	/* In its turn: the client may be in the middle of a row of an earlier answer. */
	expect_reply(client, REQUEST_NOTICE, &notice);
	buf_free(&notice);
}

/* What statement pooling cannot do: transactions and several statements at once. */
static bool
fits_pool_mode(struct client *client, struct judged *judged, uint8_t type)
{
	const struct sql_facts *facts = judged->facts;
	struct wire_error error = { .severity = "ERROR",
		.sqlstate = "0A000",
		.hint = "Connect to a database whose pool_mode is transaction or session." };

	if (client->pool_mode != POOL_MODE_STATEMENT || facts == NULL)
		return true;
	if (facts->statement_count > 1)
		error.message = "several statements in one message cannot be run with pool_mode statement";
	for (size_t i = 0; i < facts->statement_count; i++)
		if (facts->statements[i].transaction == SQL_TXN_BEGIN)
			error.message = "transactions cannot be used with pool_mode statement";
	if (error.message == NULL)
		return true;
	record_answered(client, judged, error.sqlstate);
	refuse_with(client, type, &error);
	return false;
}

/*
 * A statement that another client's Parse put on the server is not there for this one: it
 * was judged for that client.
 */
static bool
names_are_its_own(struct client *client, struct judged *judged, uint8_t type)
{
	char *text;

	if (judged->reserved == NULL)
		return true;
	text = mem_printf("prepared statement \"%s\" does not exist", judged->reserved);
	record_answered(client, judged, "26000");
	refuse_with(client, type,
	    &(struct wire_error){ .severity = "ERROR", .sqlstate = "26000", .message = text });
	mem_free(text);
	return false;
}

/* DEALLOCATE of a statement that was prepared by message: it has another name on the server. */
static const char *
deallocated_name(const struct client *client, const struct judged *judged)
{
	const struct sql_statement *statement;
	const struct statement *prepared;

	if (judged == NULL || judged->facts == NULL || judged->facts->statement_count != 1)
		return NULL;
	statement = &judged->facts->statements[0];
	if (!statement->deallocates || statement->prepared_name == NULL)
		return NULL;
	prepared = prepared_find(&client->prepared, statement->prepared_name);
	return prepared == NULL || prepared->from_sql ? NULL : statement->prepared_name;
}

/* Does it DEALLOCATE a name of which an earlier, unanswered batch decides what it is? */
static bool
awaits_name(struct client *client, const struct judged *judged)
{
	const char *name = deallocated_name(client, judged);

	return name != NULL && is_unsettled(client, name);
}

/* The client's statement is gone, unless the request turns out to be skipped. */
static void
take_away(struct client *client, struct request *request, const char *name)
{
	struct statement *statement = prepared_find(&client->prepared, name);

	if (*name == '\0')
		link_change_unnamed(client->link, request, NULL);
	if (*name == '\0' || statement == NULL)
		return;
	requests_name(&client->link->requests, request, name, statement, false);
	prepared_remove(&client->prepared, name);
}

/* Answered by us: the server's statement stays, under its other name. */
static void
deallocate(struct client *client, struct request *request, const char *name,
    struct judged *judged, struct ruling *ruling, size_t bytes)
{
	struct buf reply = { 0 };

	build_command_complete(&reply, "DEALLOCATE");
	request->reply = mem_copy(buf_bytes(&reply), buf_length(&reply));
	request->reply_length = buf_length(&reply);
	expect_judged(request, client, judged, ruling, bytes);
	take_away(client, request, name);
	buf_free(&reply);
}

/*
 * What the server gets for a Query that DEALLOCATEs. Whether that is run at all, the server
 * alone knows: it may be skipping to a Sync, or in a failed transaction.
 */
static const char does_nothing[] = "UNLISTEN pgweir_nothing";

/* Statements keep the names that the client gave when it has the server to itself. */
static bool
renames(const struct client *client)
{
	return client->pool_mode != POOL_MODE_SESSION;
}

static void
send_query(struct client *client, const struct inbound *message, struct judged *judged,
    struct ruling *ruling)
{
	const char *name = renames(client) ? deallocated_name(client, judged) : NULL;

	struct request *request =
	    expect(client, REQUEST_QUERY, name == NULL ? ANSWER_FORWARD : ANSWER_REPLACE);

	/* A Query destroys the unnamed statement. */
	link_change_unnamed(client->link, request, NULL);
	statement_release(client->link->unnamed);
	client->link->unnamed = NULL;
	if (name == NULL) {
		expect_judged(request, client, judged, ruling, message->length + FRAME_HEADER);
		pass(client, message);
	} else {
		deallocate(client, request, name, judged, ruling, message->length + FRAME_HEADER);
		build_query(to_server(client), does_nothing);
	}
	client->link->server->batch++;
}

static enum step
on_query(struct client *client, const struct inbound *message)
{
	struct reader reader = reader_over(message->body, message->length);
	const char *text = read_cstring(&reader);
	size_t length = message->length - 1;
	struct judged *judged;
	struct ruling *ruling;

	if (client->skipping)
		return STEP_DONE;
	if (!reader_done(&reader))
		return malformed(client, 'Q');
	judged = judge(client, text, length);
	if (judged == NULL)
		return STEP_LATER;
	ruling = rule(client, judged);
	if (ruling->verdict.action != POLICY_DENY && !aborted_is(client) &&
	    (!borrow_server(client) || awaits_name(client, judged)))
		return later(client, judged, ruling);
	client->stmt++;
	if (ruling->verdict.action == POLICY_DENY)
		refuse(client, 'Q', judged, ruling);
	else if (!aborted_query(client, judged) && fits_pool_mode(client, judged, 'Q') &&
	    names_are_its_own(client, judged, 'Q')) {
		notice_warning(client, &ruling->verdict);
		send_query(client, message, judged, ruling);
	}
	judged_release(judged);
	ruling_release(ruling);
	return STEP_DONE;
}

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
		build_close(to_server(client), 'S', name);
		statements_closing(statements, &id);
		request = expect(client, REQUEST_CLOSE, ANSWER_SWALLOW);
		request->has_id = true;
		request->id = id;
		link->unsynced = true;
	}
}

/* Write a Parse for a statement under a name. */
static void
put_parse(struct client *client, const char *name, const struct statement *statement)
{
	struct buf *out = to_server(client);
	size_t mark = build_begin(out, 'P');

	buf_put_cstring(out, name);
	buf_put(out, statement->body, statement->body_length);
	build_end(out, mark);
	client->link->server->pool->counters.server_parse_count++;
	client->link->unsynced = true;
}

/* Does the server have it, as far as this batch can rely on? */
static bool
is_on_server(struct link *link, const struct statement *statement)
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
static struct request *
parse_on_server(
    struct client *client, const struct statement *statement, enum request_answer answer)
{
	struct link *link = client->link;
	const char *name = statement->server_name;
	uint64_t batch = link->server->batch;
	struct request *request;

	if (statements_find(link->server->statements, &statement->id, &batch) == STATEMENT_SENT) {
		build_close(to_server(client), 'S', name);
		expect(client, REQUEST_CLOSE, ANSWER_SWALLOW);
	} else {
		evict_statements(client);
	}
	put_parse(client, name, statement);
	statements_sent(link->server->statements, &statement->id, link->server->batch);
	request = expect(client, REQUEST_PARSE, answer);
	request->has_id = true;
	request->id = statement->id;
	return request;
}

static struct request *
parse_unnamed(struct client *client, struct statement *statement, enum request_answer answer,
    struct judged *judged, struct ruling *ruling)
{
	struct link *link = client->link;
	struct request *request;

	put_parse(client, "", statement);
	request = expect(client, REQUEST_PARSE, answer);
	if (judged != NULL) {
		request->judged = judged_reference(judged);
		request->ruling = ruling_reference(ruling);
	}
	statement_release(link->unnamed);
	link->unnamed = statement_reference(statement);
	return request;
}

/* An error that PostgreSQL would have given, in its turn. */
static void
refuse_state(struct client *client, const struct judged *judged, const char *sqlstate,
    const char *message)
{
	if (judged != NULL)
		record_answered(client, judged, sqlstate);
	refuse_with(client, 'P',
	    &(struct wire_error){
		.severity = "ERROR", .sqlstate = sqlstate, .message = message });
}

/* What protocol.max_prepared_statements: 0 leaves to session mode. */
static const struct wire_error untracked = { .severity = "ERROR",
	.sqlstate = "0A000",
	.message = "prepared statements with a name cannot be used here",
	.detail = "protocol.max_prepared_statements is 0.",
	.hint = "Turn off prepared statements in the driver, set protocol.max_prepared_statements, "
		"or connect to a database whose pool_mode is session." };

static void
parse_named(struct client *client, const char *name, struct statement *statement,
    struct judged *judged, struct ruling *ruling)
{
	struct link *link = client->link;
	const struct config *config = clients_config(client->clients);
	int64_t most = 10 * config->protocol_max_prepared_statements;
	struct request *request;
	char *text;

	if (most == 0) {
		record_answered(client, judged, untracked.sqlstate);
		refuse_with(client, 'P', &untracked);
		return;
	}
	if (prepared_find(&client->prepared, name) != NULL && link->server->transaction == 'E') {
		refuse_state(client, judged, "25P02",
		    "current transaction is aborted, commands ignored until end of transaction "
		    "block");
		return;
	}
	if (prepared_find(&client->prepared, name) != NULL) {
		text = mem_printf("prepared statement \"%s\" already exists", name);
		refuse_state(client, judged, "42P05", text);
		mem_free(text);
		return;
	}
	if ((int64_t)prepared_count(&client->prepared) >= most) {
		refuse_state(client, judged, "53400",
		    "too many prepared statements in this session: close some, or raise "
		    "protocol.max_prepared_statements");
		return;
	}
	/* In a failed transaction PostgreSQL has to say so. */
	if (link->server->transaction != 'E' && is_on_server(link, statement)) {
		request = expect(client, REQUEST_PARSE, ANSWER_MADE_UP);
		request->made_up = '1';
		link->unsynced = true;
	} else {
		request = parse_on_server(client, statement, ANSWER_FORWARD);
		request->judged = judged_reference(judged);
		request->ruling = ruling_reference(ruling);
	}
	requests_name(&link->requests, request, name, statement, true);
	prepared_add(&client->prepared, name, statement);
}

/* Session pooling: the names are the client's own; only the text is looked at. */
static void
parse_as_it_is(struct client *client, const struct inbound *message, const char *name,
    struct statement *statement, struct judged *judged, struct ruling *ruling)
{
	struct request *request = expect(client, REQUEST_PARSE, ANSWER_FORWARD);

	request->judged = judged_reference(judged);
	request->ruling = ruling_reference(ruling);
	pass_extended(client, message);
	if (*name == '\0') {
		link_change_unnamed(client->link, request, statement);
		return;
	}
	client->link->server->residue |= SQL_RESIDUE_PREPARE;
	if (prepared_find(&client->prepared, name) == NULL) {
		prepared_add(&client->prepared, name, statement);
		requests_name(&client->link->requests, request, name, statement, true);
	}
}

static void
take_parse(struct client *client, const struct inbound *message, const char *name,
    struct judged *judged, struct ruling *ruling)
{
	const uint8_t *rest = message->body + strlen(name) + 1;
	struct statement *statement =
	    statement_new(judged, rest, message->length - strlen(name) - 1, *name != '\0');

	notice_warning(client, &ruling->verdict);
	if (!renames(client)) {
		parse_as_it_is(client, message, name, statement, judged, ruling);
	} else if (*name != '\0') {
		parse_named(client, name, statement, judged, ruling);
	} else {
		link_change_unnamed(client->link,
		    parse_unnamed(client, statement, ANSWER_FORWARD, judged, ruling), statement);
	}
	statement_release(statement);
}

static enum step
on_parse(struct client *client, const struct inbound *message)
{
	struct reader reader = reader_over(message->body, message->length);
	const char *name = read_cstring(&reader);
	const char *text = read_cstring(&reader);
	uint16_t types = read_u16(&reader);
	struct judged *judged;
	struct ruling *ruling;

	if (client->skipping)
		return STEP_DONE;
	read_bytes(&reader, 4 * (size_t)types);
	if (!reader_done(&reader))
		return malformed(client, 'P');
	if (*name != '\0' && is_unsettled(client, name))
		return STEP_LATER;
	judged = judge(client, text, strlen(text));
	if (judged == NULL)
		return STEP_LATER;
	ruling = rule(client, judged);
	if (ruling->verdict.action != POLICY_DENY && !aborted_is(client) &&
	    !borrow_server(client))
		return later(client, judged, ruling);
	client->stmt++;
	client->pool->counters.client_parse_count++;
	if (ruling->verdict.action == POLICY_DENY)
		refuse(client, 'P', judged, ruling);
	else if (!aborted_message(client, 'P', judged) && fits_pool_mode(client, judged, 'P') &&
	    names_are_its_own(client, judged, 'P'))
		take_parse(client, message, name, judged, ruling);
	judged_release(judged);
	ruling_release(ruling);
	return STEP_DONE;
}

static struct statement *
statement_of(const struct client *client, const char *name)
{
	return *name == '\0' ? client->unnamed : prepared_find(&client->prepared, name);
}

/* The client's statement of this name; NULL: there is none, and the client was told. */
static struct statement *
resolve(struct client *client, const char *name)
{
	struct statement *statement = statement_of(client, name);
	char *text;

	if (statement != NULL)
		return statement;
	text = *name == '\0' ? mem_strdup("unnamed prepared statement does not exist")
			     : mem_printf("prepared statement \"%s\" does not exist", name);
	refuse_state(client, NULL, "26000", text);
	mem_free(text);
	return NULL;
}

/* Make sure that the server this client has now has the statement; its name there. */
static const char *
place_statement(struct client *client, struct statement *statement, bool unnamed)
{
	struct link *link = client->link;

	if (!unnamed) {
		if (!is_on_server(link, statement))
			parse_on_server(client, statement, ANSWER_SWALLOW);
		return statement->server_name;
	}
	if (link->unnamed != statement)
		parse_unnamed(client, statement, ANSWER_SWALLOW, NULL, NULL);
	return "";
}

/* Write a message in which the first name after `prefix` bytes is another one. */
static void
put_renamed(struct client *client, const struct inbound *message, size_t prefix,
    size_t old_length, const char *name)
{
	struct buf *out = to_server(client);
	size_t new_length = strlen(name) + 1;
	size_t skip = prefix + old_length;

	buf_put_u8(out, message->type);
	buf_put_u32(out, (uint32_t)(message->length - old_length + new_length + 4));
	buf_put(out, message->body, prefix);
	buf_put(out, name, new_length);
	buf_put(out, message->body + skip, message->here - skip);
	client->passing = message->length - message->here;
	client->passing_on = true;
	client->link->unsynced = true;
}

/* Does the server have it under another name than the client does? */
static bool
is_renamed(const struct client *client, const struct statement *statement)
{
	return renames(client) && !statement->from_sql;
}

static void
bind_statement(struct client *client, const struct inbound *message, const char *portal,
    const char *name, struct statement *statement, struct ruling *ruling)
{
	struct request *request;

	if (is_renamed(client, statement)) {
		const char *server_name = place_statement(client, statement, *name == '\0');

		put_renamed(
		    client, message, strlen(portal) + 1, strlen(name) + 1, server_name);
	} else {
		pass_extended(client, message);
	}
	request = expect(client, REQUEST_BIND, ANSWER_FORWARD);
	request->bytes_in = message->length + FRAME_HEADER;
	request->judged = judged_reference(statement->judged);
	request->ruling = ruling_reference(ruling);
	link_set_portal(client->link, portal, statement->judged, ruling);
}

static enum step
on_bind(struct client *client, const struct inbound *message)
{
	struct reader reader = reader_over(message->body, message->here);
	const char *portal = read_cstring(&reader);
	const char *name = read_cstring(&reader);
	struct statement *statement;
	struct ruling *ruling;

	if (!reader_ok(&reader))
		return message->here < message->length && message->here < BIND_NAMES_MOST
		    ? STEP_LATER
		    : malformed(client, 'B');
	if (client->skipping) {
		drop_rest(client, message);
		return STEP_DONE;
	}
	if (is_unsettled(client, name))
		return STEP_LATER;
	statement = statement_of(client, name);
	if (!aborted_is(client) && !borrow_server(client))
		return later(client, statement == NULL ? NULL : judged_reference(statement->judged), NULL);
	client->pool->counters.bind_count++;
	if (aborted_message(client, 'B', statement == NULL ? NULL : statement->judged)) {
		drop_rest(client, message);
		return STEP_DONE;
	}
	statement = resolve(client, name);
	if (statement == NULL) {
		drop_rest(client, message);
		return STEP_DONE;
	}
	ruling = rule(client, statement->judged);
	if (ruling->verdict.action == POLICY_DENY)
		refuse(client, 'B', statement->judged, ruling);
	else
		bind_statement(client, message, portal, name, statement, ruling);
	if (ruling->verdict.action == POLICY_DENY)
		drop_rest(client, message);
	ruling_release(ruling);
	return STEP_DONE;
}

static enum step
on_describe(struct client *client, const struct inbound *message)
{
	struct reader reader = reader_over(message->body, message->length);
	uint8_t what = read_u8(&reader);
	const char *name = read_cstring(&reader);
	struct statement *statement;

	if (client->skipping)
		return STEP_DONE;
	if (!reader_done(&reader) || (what != 'S' && what != 'P'))
		return malformed(client, 'D');
	if (what == 'S' && is_unsettled(client, name))
		return STEP_LATER;
	if (aborted_message(client, what == 'S' ? 's' : 'D', NULL))
		return STEP_DONE;
	if (!borrow_server(client))
		return STEP_LATER;
	if (what == 'P') {
		pass_extended(client, message);
		expect(client, REQUEST_DESCRIBE_PORTAL, ANSWER_FORWARD);
		return STEP_DONE;
	}
	statement = resolve(client, name);
	if (statement == NULL)
		return STEP_DONE;
	if (is_renamed(client, statement))
		put_renamed(client, message, 1, strlen(name) + 1,
		    place_statement(client, statement, *name == '\0'));
	else
		pass_extended(client, message);
	expect(client, REQUEST_DESCRIBE_STATEMENT, ANSWER_FORWARD);
	return STEP_DONE;
}

static enum step
on_execute(struct client *client, const struct inbound *message)
{
	struct reader reader = reader_over(message->body, message->length);
	const char *name = read_cstring(&reader);
	struct portal *portal;
	struct judged *judged;

	if (client->skipping)
		return STEP_DONE;
	read_u32(&reader);
	if (!reader_done(&reader))
		return malformed(client, 'E');
	if (aborted_message(client, 'E', NULL))
		return STEP_DONE;
	if (!borrow_server(client))
		return STEP_LATER;
	portal = link_portal(client->link, name);
	judged = portal == NULL ? NULL : portal->judged;
	if (renames(client) && awaits_name(client, judged))
		return STEP_LATER;
	client->stmt++;
	client->link->unsynced = true;
	if (renames(client) && deallocated_name(client, judged) != NULL &&
	    client->link->server->transaction != 'E') {
		deallocate(client, expect(client, REQUEST_EXECUTE, ANSWER_MADE_UP),
		    deallocated_name(client, judged), judged, portal->ruling,
		    message->length + FRAME_HEADER);
		return STEP_DONE;
	}
	expect_judged(expect(client, REQUEST_EXECUTE, ANSWER_FORWARD), client, judged,
	    portal == NULL ? NULL : portal->ruling, message->length + FRAME_HEADER);
	pass(client, message);
	/* Nothing goes on before it is known what is prepared: the server must say so now. */
	if (client->link->discarding)
		build_flush(to_server(client));
	return STEP_DONE;
}

/* The client's statement is gone, at once. */
static void
forget(struct client *client, const char *name)
{
	if (*name != '\0') {
		prepared_remove(&client->prepared, name);
		return;
	}
	statement_release(client->unnamed);
	client->unnamed = NULL;
}

/* CloseComplete now, or in its turn when the server owes answers; the request, if there is one. */
static struct request *
make_up_close(struct client *client)
{
	struct request *request;

	if (client->link == NULL) {
		build_end(stream_out(client->stream), build_begin(stream_out(client->stream), '3'));
		return NULL;
	}
	request = expect(client, REQUEST_CLOSE, ANSWER_MADE_UP);
	request->made_up = '3';
	client->link->unsynced = true;
	return request;
}

static enum step
on_close(struct client *client, const struct inbound *message)
{
	struct reader reader = reader_over(message->body, message->length);
	uint8_t what = read_u8(&reader);
	const char *name = read_cstring(&reader);
	const struct statement *statement;
	struct request *request;

	if (client->skipping)
		return STEP_DONE;
	if (!reader_done(&reader) || (what != 'S' && what != 'P'))
		return malformed(client, 'C');
	if (what == 'S' && *name != '\0' && is_unsettled(client, name))
		return STEP_LATER;
	statement = what == 'S' ? statement_of(client, name) : NULL;
	/* The server's copy stays for the next who wants it; portals end with the loan. */
	if (client->link == NULL ||
	    (what == 'S' && renames(client) && (statement == NULL || !statement->from_sql))) {
		request = make_up_close(client);
	} else {
		pass_extended(client, message);
		request = expect(client, REQUEST_CLOSE, ANSWER_FORWARD);
	}
	if (what == 'S' && request != NULL)
		take_away(client, request, name);
	else if (what == 'S')
		forget(client, name);
	return STEP_DONE;
}

static enum step
on_flush(struct client *client, const struct inbound *message)
{
	if (message->length > 0)
		return malformed(client, 'H');
	if (client->link == NULL || client->skipping)
		return STEP_DONE;
	pass(client, message);
	relay_settle(client->link);
	return STEP_DONE;
}

static enum step
on_sync(struct client *client, const struct inbound *message)
{
	struct link *link = client->link;

	if (message->length > 0)
		return malformed(client, 'S');
	client->skipping = false;
	if (link == NULL) {
		build_ready(stream_out(client->stream), aborted_is(client) ? 'E' : 'I');
		return STEP_DONE;
	}
	/* While it reads CopyData a server ignores a Sync: it brings no ReadyForQuery. */
	if (link->copy_in)
		return STEP_DONE;
	pass(client, message);
	expect(client, REQUEST_SYNC, ANSWER_FORWARD);
	link->server->batch++;
	return STEP_DONE;
}

/* A FunctionCall message carries no SQL that a policy could judge. */
static void
refuse_function_call(struct client *client)
{
	static char message[] = "blocked by pgweir rule \"function-call-message\"";
	static char detail[] = "A FunctionCall message carries no SQL that a policy could judge.";
	static char hint[] = "Call the function in a SELECT.";
	struct ruling ruling = { .verdict = { .action = POLICY_DENY,
				     .mode = POLICY_MODE_ENFORCE,
				     .rule = "function-call-message",
				     .sqlstate = "42501",
				     .message = message,
				     .detail = detail,
				     .hint = hint } };

	ruling.rendered = audit_verdict_new(&ruling.verdict);
	client->stmt++;
	refuse(client, 'F', NULL, &ruling);
	audit_verdict_free(clients_lane(client->clients), ruling.rendered);
}

static enum step
on_function_call(struct client *client, const struct inbound *message)
{
	if (client->skipping)
		return STEP_DONE;
	if (!policies_are_empty(clients_policies(client->clients))) {
		refuse_function_call(client);
		return STEP_DONE;
	}
	if (aborted_query(client, NULL))
		return STEP_DONE;
	if (!borrow_server(client))
		return STEP_LATER;
	client->stmt++;
	client->link->server->residue |= SQL_RESIDUE_OPAQUE;
	expect_judged(expect(client, REQUEST_FUNCTION, ANSWER_FORWARD), client, NULL, NULL,
	    message->length + FRAME_HEADER);
	pass(client, message);
	client->link->server->batch++;
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
		pass(client, message);
	else
		drop_rest(client, message);
	return STEP_DONE;
}

static enum step
on_copy_end(struct client *client, const struct inbound *message)
{
	struct link *link = client->link;

	if (!awaits_copy(client))
		return STEP_DONE;
	pass(client, message);
	if (link->copy_in) {
		link->copy_in = false;
		if (requests_head(&link->requests)->kind == REQUEST_EXECUTE)
			link->unsynced = true;
	} else {
		expect(client, REQUEST_COPY_END, ANSWER_FORWARD);
	}
	return STEP_DONE;
}

static enum step
on_terminate(struct client *client, const struct inbound *message)
{
	(void)message;
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
} handlers[256] = {
	['B'] = { on_bind, true },
	['C'] = { on_close, false },
	['D'] = { on_describe, false },
	['E'] = { on_execute, false },
	['F'] = { on_function_call, false },
	['H'] = { on_flush, false },
	['P'] = { on_parse, false },
	['Q'] = { on_query, false },
	['S'] = { on_sync, false },
	['X'] = { on_terminate, false },
	['c'] = { on_copy_end, false },
	['d'] = { on_copy_data, true },
	['f'] = { on_copy_end, false },
};

/* Bytes of a message whose beginning was dealt with. */
static size_t
pass_on(struct client *client, const uint8_t *bytes, size_t length)
{
	size_t here = client->passing < length ? client->passing : length;

	client->passing -= here;
	if (client->link == NULL || !client->passing_on)
		return here;
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
	return handler->run(client, message);
}

/* May the next message be looked at? */
static bool
is_free(const struct client *client)
{
	return (client->state == CLIENT_READY || client->state == CLIENT_ACTIVE) &&
	    !client->paused_for_server &&
	    !(client->link != NULL && client->link->discarding);
}

size_t
inbound_consume(struct client *client, const uint8_t *bytes, size_t length)
{
	size_t most = (size_t)clients_config(client->clients)->limits_message_size;
	enum step step = STEP_DONE;
	size_t at = 0;

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
	flush_server(client);
	return at;
}
