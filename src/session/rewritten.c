/*
 * rewritten.c - a client's texts on their way to a server that must not get them as they are.
 *
 * What has to be put in their stead is found when they are sent, and for a prepared statement
 * again when it is bound: until then it may have changed. Called by the handlers of messages.
 */
#include <string.h>

#include "inbound.h"
#include "prepared.h"
#include "rewrite.h"
#include "signals.h"

/*
 * Is what its client has set all that the text will be read by? Not in a transaction that set
 * something, or ran code that may have; not behind a text whose answer is awaited, nor in one
 * that sets something itself.
 */
static struct statement_under
read_under(const struct client *client, bool sets_more)
{
	const struct link *link = client->link;
	bool known = link != NULL && !link->misreads && !sets_more &&
	    (link->probe == NULL || link->server->transaction == 'I');

	return (struct statement_under){ &client->settings, known ? 0 : connection_new_id() };
}

struct rewrite *
rewritten_text(
    const struct client *client, struct judged *judged, const char *text, bool alone)
{
	struct rewrite_for whose = { .defaults = &client->defaults,
		.settings = &client->settings,
		.prepared = names_are_kept(client) ? &client->prepared : NULL,
		.judged = judged,
		.alone = alone };

	if (!judged->edits)
		return NULL;
	whose.pid = client_pid(client);
	if (rewrite_signals(judged->facts))
		whose.signal = signals_look(client, text);
	whose.own = read_under(client, judged->misreads && !alone).own;
	return rewrite_new(&whose, judged->facts, text, strlen(text));
}

struct statement *
rewritten_statement(const struct client *client, struct judged *judged, const uint8_t *body,
    size_t length, bool named)
{
	const char *text = (const char *)body;
	struct rewrite *rewrite = rewritten_text(client, judged, text, true);
	size_t head = strlen(text) + 1;
	struct statement_under under = read_under(client, false);
	struct statement *statement;
	struct buf edited = { 0 };

	if (rewrite == NULL)
		return statement_new(judged, body, length, named ? &under : NULL);
	buf_put_cstring(&edited, rewrite->text);
	buf_put(&edited, body + head, length - head);
	statement = statement_new(judged, buf_bytes(&edited), buf_length(&edited), named ? &under : NULL);
	statement->rewrite = rewrite;
	buf_free(&edited);
	return statement;
}

/* The same statement, rewritten as it would be now. */
static struct statement *
rewritten_anew(const struct client *client, const struct statement *statement, bool named)
{
	const char *text = (const char *)statement->body;
	const char *original = statement->rewrite == NULL ? text : statement->rewrite->original;
	size_t head = strlen(text) + 1;
	struct statement *anew;
	struct buf body = { 0 };

	buf_put_cstring(&body, original);
	buf_put(&body, statement->body + head, statement->body_length - head);
	anew = rewritten_statement(
	    client, statement->judged, buf_bytes(&body), buf_length(&body), named);
	buf_free(&body);
	return anew;
}

struct statement *
rewritten_now(struct client *client, const char *name, struct statement *statement)
{
	struct statement *anew;

	if (!statement->judged->edits || statement->from_sql || statement->stays ||
	    !names_are_renamed(client))
		return statement;
	anew = rewritten_anew(client, statement, *name != '\0');
	place_used(client, anew->rewrite);
	if (!rewrite_signals(statement->judged->facts) && anew->body_length == statement->body_length &&
	    memcmp(anew->body, statement->body, anew->body_length) == 0) {
		statement_release(anew);
		return statement;
	}
	anew->described = statement->described;
	if (*name == '\0') {
		statement_release(client->unnamed);
		client->unnamed = statement_reference(anew);
	} else {
		prepared_remove(&client->prepared, name);
		prepared_add(&client->prepared, name, anew);
	}
	statement_release(anew);
	return anew; /* the client's table holds it */
}
