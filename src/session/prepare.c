/* prepare.c - Parse messages: a client makes a statement. */
#include <string.h>

#include "base/mem.h"
#include "guard.h"
#include "inbound.h"
#include "listens.h"
#include "prepared.h"
#include "rewrite.h"
#include "sequences.h"
#include "wire/read.h"

/* What protocol.max_prepared_statements: 0 leaves to session mode, or to a pin. */
static const struct wire_error untracked = { .severity = "ERROR",
	.sqlstate = "0A000",
	.message = "prepared statements with a name cannot be used here",
	.detail = "protocol.max_prepared_statements is 0.",
	.hint = "Turn off prepared statements in the driver, set protocol.max_prepared_statements, "
		"or connect to a database whose pool_mode is session." };

/* What a failed transaction takes all the same: what may end it, and nothing at all. */
static bool
is_taken_when_failed(const struct judged *judged)
{
	static const bool ends[SQL_TXN_COMMIT_PREPARED + 1] = { [SQL_TXN_COMMIT] = true,
		[SQL_TXN_ROLLBACK] = true, [SQL_TXN_ROLLBACK_TO] = true, [SQL_TXN_PREPARE] = true };
	const struct sql_facts *facts = judged->facts;

	return facts != NULL &&
	    (facts->statement_count == 0 || (facts->statement_count == 1 && ends[facts->statements[0].transaction]));
}

/* Is the name free, and is there room for it? Else the client was told. */
static bool
can_be_added(struct client *client, const char *name, const struct statement *statement,
    struct judged *judged)
{
	int64_t most = 10 * clients_config(client->clients)->protocol_max_prepared_statements;
	bool taken = prepared_find(&client->prepared, name) != NULL;
	char *text;

	if (taken && client->link->server->transaction == 'E' && !is_taken_when_failed(judged)) {
		refuse_state(client, judged, "25P02",
		    "current transaction is aborted, commands ignored until end of transaction "
		    "block");
		return false;
	}
	/* One of ours may be there for others: nobody makes it but we. */
	if (taken || (statement->stays && statement_name_is_ours(name))) {
		text = mem_printf("prepared statement \"%s\" already exists", name);
		refuse_state(client, judged, "42P05", text);
		mem_free(text);
		return false;
	}
	if (!statement->stays && (int64_t)prepared_count(&client->prepared) >= most) {
		refuse_state(client, judged, "53400",
		    "too many prepared statements in this session: close some, or raise "
		    "protocol.max_prepared_statements");
		return false;
	}
	return true;
}

static void
parse_named(struct client *client, const char *name, struct statement *statement,
    struct judged *judged, struct ruling *ruling)
{
	struct link *link = client->link;
	struct request *request;

	/* In a failed transaction PostgreSQL has to say so, of what that does not take. */
	if ((link->server->transaction != 'E' || is_taken_when_failed(judged)) &&
	    place_has(link, statement)) {
		request = outgoing_expect(client, REQUEST_PARSE, ANSWER_MADE_UP);
		request->made_up = '1';
		link->unsynced = true;
	} else {
		request = place_parse(client, statement, ANSWER_FORWARD);
		request->judged = judged_reference(judged);
		request->ruling = ruling_reference(ruling);
		request->rewrite = rewrite_reference(statement->rewrite);
	}
	requests_name(&link->requests, request, name, statement, true);
	prepared_add(&client->prepared, name, statement);
}

/* The name is the client's own, in session pooling and where it pins; only the text is looked at. */
static void
parse_as_it_is(struct client *client, const struct inbound *message, const char *name,
    struct statement *statement, struct judged *judged, struct ruling *ruling)
{
	struct request *request = outgoing_expect(client, REQUEST_PARSE, ANSWER_FORWARD);

	request->judged = judged_reference(judged);
	request->ruling = ruling_reference(ruling);
	request->rewrite = rewrite_reference(statement->rewrite);
	if (statement->rewrite == NULL)
		outgoing_pass_extended(client, message);
	else
		place_under(client, name, statement);
	if (*name == '\0') {
		link_change_unnamed(client->link, request, statement);
		return;
	}
	if (!statement->stays) /* of one that pins it is noted when it is there */
		client->link->server->residue |= SQL_RESIDUE_PREPARE;
	if (prepared_find(&client->prepared, name) == NULL) {
		prepared_add(&client->prepared, name, statement);
		requests_name(&client->link->requests, request, name, statement, true);
	}
}

/* Under a name that no other client's statements have to share: it pins, as SQL's PREPARE would. */
static void
parse_to_stay(struct client *client, const struct inbound *message, const char *name,
    struct statement *statement, struct judged *judged, struct ruling *ruling)
{
	statement->stays = true;
	if (clients_config(client->clients)->protocol_strict) {
		record_answered(client, judged, untracked.sqlstate);
		refuse_with(client, 'P', &untracked);
	} else if (can_be_added(client, name, statement, judged)) {
		parse_as_it_is(client, message, name, statement, judged, ruling);
	}
}

static void
take_parse(struct client *client, const struct inbound *message, const char *name,
    struct judged *judged, struct ruling *ruling)
{
	const uint8_t *rest = message->body + strlen(name) + 1;
	struct statement *statement =
	    rewritten_statement(client, judged, rest, message->length - strlen(name) - 1,
	    *name != '\0' && names_are_kept(client));

	place_used(client, statement->rewrite);
	permit_warn(client, &ruling->verdict);
	if (guard_concerns(client, ruling))
		guard_put_ahead(client, judged, ruling, 'P');
	if (!names_are_renamed(client)) {
		parse_as_it_is(client, message, name, statement, judged, ruling);
	} else if (*name != '\0' && !names_are_kept(client)) {
		parse_to_stay(client, message, name, statement, judged, ruling);
	} else if (*name != '\0') {
		if (can_be_added(client, name, statement, judged))
			parse_named(client, name, statement, judged, ruling);
	} else {
		link_change_unnamed(client->link,
		    place_unnamed(client, statement, ANSWER_FORWARD, judged, ruling), statement);
	}
	statement_release(statement);
}

enum step
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
		return inbound_malformed(client, 'P');
	if (*name != '\0' && names_is_unsettled(client, name))
		return STEP_LATER;
	judged = permit_judge(client, text, strlen(text));
	if (judged == NULL)
		return STEP_LATER;
	if (names_await(client, judged))
		return permit_later(client, judged, NULL);
	ruling = permit_rule(client, judged);
	if (client->listens != NULL)
		listens_look(client, judged);
	if (sequences_concern(client, judged))
		sequences_look(client, judged);
	if (ruling->verdict.action != POLICY_DENY && !aborted_is(client) &&
	    !borrow_in_step(client, judged))
		return permit_later(client, judged, ruling);
	if (*name != '\0' && names_are_kept(client) && !aborted_is(client) && names_await_failure(client))
		return permit_later(client, judged, ruling);
	client->stmt++;
	client->pool->counters.client_parse_count++;
	if (ruling->verdict.action == POLICY_DENY)
		permit_refuse(client, 'P', judged, ruling);
	else if (!aborted_message(client, 'P', judged) && permit_in_pool_mode(client, judged, 'P') &&
	    permit_names(client, judged, 'P') && listens_can_show(client, judged, 'P'))
		take_parse(client, message, name, judged, ruling);
	judged_release(judged);
	ruling_release(ruling);
	return STEP_DONE;
}
