/*
 * names.c - what the names of a client's statements mean.
 *
 * They change when a Parse, Close, PREPARE or DEALLOCATE is sent, and change back
 * if that is skipped; a message whose name hangs on an unanswered batch waits.
 */
#include "base/mem.h"
#include "inbound.h"
#include "prepared.h"
#include "rewrite.h"

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
bool
names_is_unsettled(struct client *client, const char *name)
{
	struct link *link = client->link;

	if (link == NULL)
		return false;
	link->unsettled = *name == '\0'
	    ? awaits_unnamed(link)
	    : requests_await_name(&link->requests, name, link->server->batch);
	return link->unsettled;
}

struct statement *
names_find(const struct client *client, const char *name)
{
	return *name == '\0' ? client->unnamed : prepared_find(&client->prepared, name);
}

bool
names_is_renamed(const struct client *client, const struct statement *statement)
{
	return names_are_renamed(client) && !statement->stays;
}

bool
names_are_kept(const struct client *client)
{
	return names_are_renamed(client) &&
	    clients_config(client->clients)->protocol_max_prepared_statements > 0;
}

/* The name that a prepared DEALLOCATE takes away, which no server has to hear of. */
const char *
names_deallocated(const struct client *client, const struct judged *judged)
{
	const struct sql_statement *statement;
	const struct statement *prepared;

	if (judged == NULL || judged->facts == NULL || judged->facts->statement_count != 1)
		return NULL;
	statement = &judged->facts->statements[0];
	if (!statement->deallocates || statement->prepared_name == NULL)
		return NULL;
	prepared = prepared_find(&client->prepared, statement->prepared_name);
	return prepared == NULL || prepared->server_name[0] == '\0' ? NULL : statement->prepared_name;
}

/* Any batch before this one may yet fail, and with it what it prepared. */
static bool
awaits_any(struct link *link)
{
	const struct request *head = link == NULL ? NULL : requests_head(&link->requests);

	if (head == NULL)
		return false;
	link->unsettled = head->batch != link->server->batch;
	return link->unsettled;
}

/* Does it use a name of which an earlier, unanswered batch decides what it is? */
bool
names_await(struct client *client, const struct judged *judged)
{
	if (judged == NULL || !judged->edits || !names_are_renamed(client))
		return false;
	if (rewrite_shows(judged->facts))
		return awaits_any(client->link);
	for (size_t i = 0; i < judged->facts->statement_count; i++) {
		const char *name = judged->facts->statements[i].prepared_name;

		if (name != NULL && *name != '\0' && names_is_unsettled(client, name))
			return true;
	}
	return false;
}

bool
names_await_failure(struct client *client)
{
	struct link *link = client->link;
	const struct request *head = link == NULL ? NULL : requests_head(&link->requests);

	if (head == NULL)
		return false;
	link->unsettled = head->batch != link->server->batch &&
	    (link->server->transaction == 'T' || head->batch <= link->begun_batch);
	return link->unsettled;
}

void
names_take_away(struct client *client, struct request *request, const char *name)
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
void
names_deallocate(struct client *client, struct request *request, const char *name,
    struct judged *judged, struct ruling *ruling, size_t bytes)
{
	struct buf reply = { 0 };

	build_command_complete(&reply, "DEALLOCATE");
	request->reply = mem_copy(buf_bytes(&reply), buf_length(&reply));
	request->reply_length = buf_length(&reply);
	outgoing_expect_statement(request, client, judged, ruling, bytes);
	names_take_away(client, request, name);
	buf_free(&reply);
}

void
names_forget(struct client *client, const char *name)
{
	if (*name != '\0') {
		prepared_remove(&client->prepared, name);
		return;
	}
	statement_release(client->unnamed);
	client->unnamed = NULL;
}

void
names_change(struct client *client, const struct rewrite *rewrite)
{
	for (size_t i = 0; i < rewrite->name_count; i++) {
		const struct rewrite_name *name = &rewrite->names[i];
		bool known = prepared_find(&client->prepared, name->name) != NULL;

		if (name->change == REWRITE_TAKES)
			prepared_remove(&client->prepared, name->name);
		else if (name->change == REWRITE_ADDS && !known)
			prepared_add(&client->prepared, name->name, name->statement);
	}
}

/* One is there already? A failed transaction is told that it failed, by PostgreSQL. */
static const char *
taken_of(const struct client *client, const struct rewrite *rewrite)
{
	if (client->link->server->transaction == 'E')
		return NULL;
	if (rewrite->taken != NULL)
		return rewrite->taken;
	/* Prepared by message, it may have been free then. */
	for (size_t i = 0; i < rewrite->name_count && rewrite->name_count == 1; i++)
		if (rewrite->names[i].change == REWRITE_ADDS &&
		    prepared_find(&client->prepared, rewrite->names[i].name) != NULL)
			return rewrite->names[i].name;
	return NULL;
}

bool
names_permit(struct client *client, struct judged *judged, const struct rewrite *rewrite, uint8_t type)
{
	const struct config *config = clients_config(client->clients);
	struct wire_error error = { .severity = "ERROR" };
	const char *taken;
	char *text;

	if (!rewrite_changes_names(rewrite))
		return true;
	taken = taken_of(client, rewrite);
	if (taken == NULL &&
	    (int64_t)prepared_count(&client->prepared) < 10 * config->protocol_max_prepared_statements)
		return true;
	error.sqlstate = taken != NULL ? "42P05" : "53400";
	text = taken != NULL
	    ? mem_printf("prepared statement \"%s\" already exists", taken)
	    : mem_strdup("too many prepared statements in this session: close some, or raise "
			 "protocol.max_prepared_statements");
	error.message = text;
	record_answered(client, judged, error.sqlstate);
	refuse_with(client, type, &error);
	mem_free(text);
	return false;
}

/* A PREPARE makes a statement that may be bound by its name, as one of a Parse is. */
void
names_note_prepare(struct client *client, struct request *request, struct judged *judged)
{
	const struct sql_facts *facts = judged->facts;
	const char *name;
	struct statement *statement;

	if (facts == NULL)
		return;
	if (facts->statement_count != 1) { /* noted as they are answered: residue.c */
		requests_name_later(&client->link->requests, request);
		return;
	}
	name = facts->statements[0].prepared_name;
	if (name == NULL || prepared_find(&client->prepared, name) != NULL)
		return;
	statement = statement_from_sql(judged, 0);
	prepared_add(&client->prepared, name, statement);
	requests_name(&client->link->requests, request, name, statement, true);
	statement_release(statement);
}
