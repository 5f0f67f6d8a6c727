/* extended.c - Bind, Describe, Execute, Close: a client uses the statements it made. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "guard.h"
#include "inbound.h"
#include "listens.h"
#include "prepared.h"
#include "rewrite.h"
#include "sequences.h"
#include "signals.h"
#include "wire/frame.h"
#include "wire/read.h"

enum { BIND_NAMES_MOST = 16 * 1024 }; /* names of a Bind must be complete within so many bytes */

static void
tell_missing(struct client *client, const char *name)
{
	char *text = *name == '\0' ? mem_strdup("unnamed prepared statement does not exist")
			     : mem_printf("prepared statement \"%s\" does not exist", name);

	refuse_state(client, NULL, "26000", text);
	mem_free(text);
}

/* Write a message in which the first name after `prefix` bytes is another one. */
static void
put_renamed(struct client *client, const struct inbound *message, size_t prefix,
    size_t old_length, const char *name)
{
	struct buf *out = outgoing_buf(client);
	size_t new_length = strlen(name) + 1;
	size_t skip = prefix + old_length;

	buf_put_u8(out, message->type);
	buf_put_u32(out, (uint32_t)(message->length - old_length + new_length + 4));
	buf_put(out, message->body, prefix);
	buf_put(out, name, new_length);
	buf_put(out, message->body + skip, message->here - skip);
	client->passing = message->length - message->here;
	client->passing_on = true;
	client->passing_rows = false;
	client->link->unsynced = true;
}

static void
bind_statement(struct client *client, const struct inbound *message, const char *portal,
    const char *name, struct statement *statement, struct ruling *ruling)
{
	struct request *request;

	statement = rewritten_now(client, name, statement);
	if (guard_concerns(client, ruling))
		guard_put_ahead(client, statement->judged, ruling, 'B');
	if (names_is_renamed(client, statement)) {
		const char *server_name = place_statement(client, statement, *name == '\0');

		put_renamed(
		    client, message, strlen(portal) + 1, strlen(name) + 1, server_name);
	} else {
		outgoing_pass_extended(client, message);
	}
	request = outgoing_expect(client, REQUEST_BIND, ANSWER_FORWARD);
	request->bytes_in = message->length + FRAME_HEADER;
	request->judged = judged_reference(statement->judged);
	request->ruling = ruling_reference(ruling);
	request->rewrite = rewrite_reference(statement->rewrite);
	request->statement = statement_reference(statement);
	link_set_portal(client->link, portal, statement, ruling);
}

enum step
on_bind(struct client *client, const struct inbound *message)
{
	struct reader reader = reader_over(message->body, message->here);
	const char *portal = read_cstring(&reader);
	const char *name = read_cstring(&reader);
	struct statement *statement;
	struct ruling *ruling = NULL;

	if (!reader_ok(&reader))
		return message->here < message->length && message->here < BIND_NAMES_MOST
		    ? STEP_LATER
		    : inbound_malformed(client, 'B');
	if (client->skipping) {
		outgoing_drop(client, message);
		return STEP_DONE;
	}
	if (names_is_unsettled(client, name))
		return STEP_LATER;
	statement = names_find(client, name);
	if (statement != NULL && names_await(client, statement->judged))
		return STEP_LATER;
	if (statement != NULL && !aborted_is(client))
		ruling = permit_rule(client, statement->judged);
	if (client->listens != NULL && statement != NULL)
		listens_look(client, statement->judged);
	if (statement != NULL && sequences_concern(client, statement->judged))
		sequences_look(client, statement->judged);
	if (!aborted_is(client) && !borrow_in_step(client, statement == NULL ? NULL : statement->judged))
		return permit_later(client, statement == NULL ? NULL : judged_reference(statement->judged), ruling);
	if (statement != NULL && !aborted_is(client) && sequences_await(client, statement->judged))
		return permit_later(client, judged_reference(statement->judged), ruling);
	client->pool->counters.bind_count++;
	if (aborted_message(client, 'B', statement == NULL ? NULL : statement->judged)) {
		outgoing_drop(client, message);
		return STEP_DONE;
	}
	if (statement == NULL) {
		tell_missing(client, name);
		outgoing_drop(client, message);
		return STEP_DONE;
	}
	if (ruling->verdict.action == POLICY_DENY) {
		permit_refuse(client, 'B', statement->judged, ruling);
		outgoing_drop(client, message);
	} else if (!listens_can_show(client, statement->judged, 'B') ||
	    !sequences_permit(client, statement->judged, 'B')) {
		outgoing_drop(client, message);
	} else {
		bind_statement(client, message, portal, name, statement, ruling);
	}
	ruling_release(ruling);
	return STEP_DONE;
}

static void
describe_portal(struct client *client, const struct inbound *message, const char *name)
{
	struct portal *portal = link_portal(client->link, name);

	outgoing_pass_extended(client, message);
	outgoing_expect(client, REQUEST_DESCRIBE_PORTAL, ANSWER_FORWARD);
	if (portal != NULL && portal->statement != NULL)
		portal->statement->described = true;
}

enum step
on_describe(struct client *client, const struct inbound *message)
{
	struct reader reader = reader_over(message->body, message->length);
	uint8_t what = read_u8(&reader);
	const char *name = read_cstring(&reader);
	struct statement *statement;
	struct request *request;

	if (client->skipping)
		return STEP_DONE;
	if (!reader_done(&reader) || (what != 'S' && what != 'P'))
		return inbound_malformed(client, 'D');
	if (what == 'S' && names_is_unsettled(client, name))
		return STEP_LATER;
	if (aborted_message(client, what == 'S' ? 's' : 'D', NULL))
		return STEP_DONE;
	if (!borrow_in_step(client, NULL))
		return STEP_LATER;
	if (what == 'P') {
		describe_portal(client, message, name);
		return STEP_DONE;
	}
	statement = names_find(client, name);
	if (statement == NULL) {
		tell_missing(client, name);
		return STEP_DONE;
	}
	if (names_await(client, statement->judged))
		return STEP_LATER;
	statement = rewritten_now(client, name, statement);
	if (names_is_renamed(client, statement))
		put_renamed(client, message, 1, strlen(name) + 1,
		    place_statement(client, statement, *name == '\0'));
	else
		outgoing_pass_extended(client, message);
	request = outgoing_expect(client, REQUEST_DESCRIBE_STATEMENT, ANSWER_FORWARD);
	request->statement = statement_reference(statement);
	statement->described = true;
	return STEP_DONE;
}

/* What the portal runs went to the server as another text: so does what that does. */
static void
execute_edited(struct client *client, struct request *request, struct rewrite *rewrite)
{
	request->edited = true;
	requests_rewrite(&client->link->requests, request, rewrite);
	names_change(client, rewrite);
}

static struct rewrite *
rewrite_of(const struct portal *portal)
{
	return portal == NULL || portal->statement == NULL ? NULL : portal->statement->rewrite;
}

/* Bare names of a query were looked for when it was bound; others' are only now. */
static bool
is_looked_up_late(const struct judged *judged, const struct ruling *ruling)
{
	static const char *const queries[] = { "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE" };

	if (judged == NULL || ruling == NULL || judged->facts == NULL ||
	    judged->facts->statement_count == 0)
		return false;
	return judged->executes || (ruling->verdict.path_asked &&
		!text_is_among(judged->facts->statements[0].verb, queries,
		    sizeof(queries) / sizeof(queries[0])));
}

/* May it run where names lead by now? The client is told if not. */
static bool
may_still_run(struct client *client, struct judged *judged)
{
	struct ruling *ruling = permit_rule(client, judged);
	bool permitted = ruling->verdict.action != POLICY_DENY;

	if (!permitted)
		permit_refuse(client, 'E', judged, ruling);
	ruling_release(ruling);
	return permitted;
}

/* Bound in an earlier batch, the unnamed portal is there once that was answered. */
static bool
awaits_unnamed_portal(struct link *link)
{
	const struct request *head = requests_head(&link->requests);
	uint64_t bound = link->unnamed_portal.batch;

	link->unsettled = !link->portal_lost && bound != link->server->batch && head != NULL &&
	    head->batch <= bound;
	return link->unsettled;
}

/* It goes to the server, with what belongs in front of it and behind it. */
static void
send_execute(struct client *client, const struct inbound *message, struct portal *portal,
    uint32_t most, bool guarded)
{
	struct judged *judged = portal == NULL ? NULL : portal->judged;
	struct ruling *ruling = portal == NULL ? NULL : portal->ruling;
	struct rewrite *rewrite = rewrite_of(portal);
	struct request *request;

	if (rewrite != NULL) {
		place_made(client, rewrite);
		place_used(client, rewrite);
	}
	if (guarded)
		guard_put_ahead(client, judged, ruling, 'E');
	request = outgoing_expect(client, REQUEST_EXECUTE, ANSWER_FORWARD);
	outgoing_expect_statement(request, client, judged, ruling, message->length + FRAME_HEADER);
	if (guarded)
		guard_note(client, request, portal, most);
	client->link->executed_batch = client->link->server->batch;
	if (rewrite != NULL)
		execute_edited(client, request, rewrite);
	outgoing_pass(client, message);
	if (judged != NULL && judged->edits && rewrite_is_reset_all(judged->facts) &&
	    settings_length(&client->defaults) > 0) {
		request->edited = true;
		place_defaults(client);
	}
	/* Nothing goes on before it is known what is prepared: the server must say so now. */
	if (client->link->discarding)
		build_flush(outgoing_buf(client));
}

enum step
on_execute(struct client *client, const struct inbound *message)
{
	struct reader reader = reader_over(message->body, message->length);
	const char *name = read_cstring(&reader);
	struct rewrite *rewrite;
	struct portal *portal;
	struct judged *judged;
	struct ruling *ruling;
	uint32_t most;
	bool guarded;

	if (client->skipping)
		return STEP_DONE;
	most = read_u32(&reader);
	if (!reader_done(&reader))
		return inbound_malformed(client, 'E');
	if (aborted_message(client, 'E', NULL))
		return STEP_DONE;
	if (!borrow_in_step(client, NULL))
		return STEP_LATER;
	if (*name == '\0' && awaits_unnamed_portal(client->link))
		return STEP_LATER;
	/*
	 * Behind a Query that failed in a transaction PostgreSQL finds that one's, whose plan is in
	 * memory that it has freed, and can crash: it is not asked for what is not there.
	 */
	if (*name == '\0' && client->link->portal_lost) {
		refuse_state(client, NULL, "34000", "portal \"\" does not exist");
		return STEP_DONE;
	}
	portal = link_portal(client->link, name);
	judged = portal == NULL ? NULL : portal->judged;
	ruling = portal == NULL ? NULL : portal->ruling;
	rewrite = rewrite_of(portal);
	if (names_await(client, judged) ||
	    (names_deallocated(client, judged) != NULL && names_await_failure(client)))
		return STEP_LATER;
	if (is_looked_up_late(judged, ruling) && !may_still_run(client, judged))
		return STEP_DONE;
	guarded = guard_concerns(client, ruling);
	if (guarded && guard_awaits(client, judged, ruling, 'E'))
		return STEP_LATER;
	if (portal != NULL && portal->spent) {
		guard_refuse_rest(client, portal);
		return STEP_DONE;
	}
	if (!hold_permits(client, 'E', judged, ruling))
		return STEP_DONE;
	if (judged != NULL && (!listens_is_subscribed(client, judged) ||
				  !listens_is_executable(client, judged)))
		return STEP_LATER;
	/* Last: once its record is kept nothing else makes it wait, or it would be recorded again. */
	if (!hold_intends(client, judged, ruling))
		return STEP_LATER;
	client->stmt++;
	client->link->unsynced = true;
	if (names_are_renamed(client) && names_deallocated(client, judged) != NULL &&
	    client->link->server->transaction != 'E') {
		names_deallocate(client, outgoing_expect(client, REQUEST_EXECUTE, ANSWER_MADE_UP),
		    names_deallocated(client, judged), judged, ruling,
		    message->length + FRAME_HEADER);
		return STEP_DONE;
	}
	if (!signals_permit(client, judged, rewrite, 'E') ||
	    !names_permit(client, judged, rewrite, 'E') ||
	    (judged != NULL && !permit_pin(client, judged, 'E')))
		return STEP_DONE;
	if (guarded && !guard_admits(client, judged, ruling, 'E'))
		return STEP_DONE;
	send_execute(client, message, portal, most, guarded);
	return STEP_DONE;
}

/* CloseComplete now, or in its turn when the server owes answers; the request, if there is one. */
static struct request *
make_up_close(struct client *client)
{
	struct request *request;

	if (client->link == NULL) {
		build_end(client_out(client), build_begin(client_out(client), '3'));
		return NULL;
	}
	request = outgoing_expect(client, REQUEST_CLOSE, ANSWER_MADE_UP);
	request->made_up = '3';
	client->link->unsynced = true;
	return request;
}

enum step
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
		return inbound_malformed(client, 'C');
	if (what == 'S' && *name != '\0' && names_is_unsettled(client, name))
		return STEP_LATER;
	statement = what == 'S' ? names_find(client, name) : NULL;
	/* The server's copy stays for the next who wants it; portals end with the loan. */
	if (client->link == NULL ||
	    (what == 'S' && names_are_renamed(client) && (statement == NULL || names_is_renamed(client, statement)))) {
		request = make_up_close(client);
	} else {
		outgoing_pass_extended(client, message);
		request = outgoing_expect(client, REQUEST_CLOSE, ANSWER_FORWARD);
	}
	if (what == 'S' && request != NULL)
		names_take_away(client, request, name);
	else if (what == 'S')
		names_forget(client, name);
	return STEP_DONE;
}
