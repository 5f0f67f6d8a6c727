/*
 * names.c - what the names of a client's statements mean.
 *
 * They change when a Parse, Close, PREPARE or DEALLOCATE is sent, and change back
 * if that is skipped; a message whose name hangs on an unanswered batch waits.
 */
#include "base/mem.h"
#include "inbound.h"
#include "prepared.h"

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
	return names_are_renamed(client) && !statement->from_sql;
}

/* DEALLOCATE of a statement that was prepared by message: it has another name on the server. */
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
	return prepared == NULL || prepared->from_sql ? NULL : statement->prepared_name;
}

/* Does it DEALLOCATE a name of which an earlier, unanswered batch decides what it is? */
bool
names_awaits_deallocated(struct client *client, const struct judged *judged)
{
	const char *name = names_deallocated(client, judged);

	return name != NULL && names_is_unsettled(client, name);
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

/* A PREPARE makes a statement that may be bound by its name, as one of a Parse is. */
void
names_note_prepare(struct client *client, struct request *request, struct judged *judged)
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
