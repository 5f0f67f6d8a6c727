/*
 * residue.c - what a statement leaves behind once the server has answered it: in the
 * server, which then stays with its client (a pin), and in what is known of the client.
 */
#include <string.h>

#include "doings.h"
#include "frames.h"
#include "learned.h"
#include "listens.h"
#include "pin.h"
#include "prepared.h"
#include "probe.h"
#include "session_internal.h"

/* What a statement leaves behind even if it fails later on. */
enum {
	SURVIVES_ROLLBACK = SQL_RESIDUE_ADVISORY | SQL_RESIDUE_LOAD | SQL_RESIDUE_SEED |
	    SQL_RESIDUE_DBLINK
};

/*
 * Something is left in the server, or may be taken away from it. A pin begins on the
 * statement's word; the server is asked when it could go back.
 */
static void
note(struct link *link, unsigned residue, struct judged *judged)
{
	if (residue == 0)
		return;
	pin_note(link, residue, judged);
	if (residue & PIN_VERIFIABLE)
		probe_want(link, judged);
}

/* Functions, and code of the client's own: what those leave is asked for. */
static void
note_calls(struct link *link, struct judged *judged, const struct sql_statement *statement)
{
	if (statement->function_count > 0 || (statement->residue & SQL_RESIDUE_OPAQUE))
		probe_note(link, judged, statement);
	if (statement->residue & SQL_RESIDUE_SETTING)
		probe_note_settings(link, judged, statement);
}

/* What is known of functions holds as long as they are what they were. */
static void
note_definition(struct learned *learned, const struct sql_statement *statement)
{
	static const char *const words[] = { "FUNCTION", "PROCEDURE", "ROUTINE", "EXTENSION", "AGGREGATE" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(statement->verb, words[i]) != NULL)
			learned_forget(learned);
}

/* A PREPARE among other statements of its message; one by itself was noted when it was sent. */
static void
note_prepare(struct client *client, const struct request *head, const struct sql_statement *made)
{
	struct statement *statement;

	if (client == NULL || !(made->residue & SQL_RESIDUE_PREPARE) || made->prepared_name == NULL ||
	    head->judged->facts->statement_count == 1 ||
	    prepared_find(&client->prepared, made->prepared_name) != NULL)
		return;
	statement = statement_from_sql(head->judged);
	prepared_add(&client->prepared, made->prepared_name, statement);
	statement_release(statement);
}

/* DISCARD ALL and DEALLOCATE ALL took away what was prepared. */
static void
note_discard(struct link *link, const struct request *head, const struct sql_statement *statement)
{
	struct client *client = link->client;

	if (client != NULL && statement->deallocates && statement->prepared_name != NULL &&
	    head->rewrite == NULL)
		prepared_remove(&client->prepared, statement->prepared_name);
	if (!statement_discards(statement))
		return;
	statements_clear(link->server->statements);
	if (client != NULL)
		prepared_clear(&client->prepared);
	if (!statement->discards_all)
		return;
	link->server->residue = 0;
	link->unseen = false;
	probe_free(link->probe);
	link->probe = NULL;
	settings_clear(&link->server->settings);
	if (client != NULL) {
		settings_copy(&client->settings, &client->defaults);
		pin_end(link);
	}
}

static void
commit(struct link *link)
{
	struct client *client = link->client;

	frames_commit(
	    &client->frames, &client->defaults, &client->settings, &link->server->settings);
	if (client->listens != NULL)
		listens_commit(client);
}

static void
roll_back(struct client *client)
{
	frames_drop(&client->frames);
	if (client->listens != NULL)
		listens_rollback(client);
}

/* Once COMMIT or ROLLBACK was answered, what the transaction set is kept or forgotten. */
static void
note_transaction(struct link *link, const struct request *head,
    const struct sql_statement *statement, const char *tag)
{
	struct client *client = link->client;

	if (client == NULL)
		return;
	frames_note(&client->frames, statement, head->edited);
	doings_note(client, statement);
	if (client->listens != NULL)
		listens_note(client, statement);
	/* PREPARE TRANSACTION keeps what was set, as COMMIT does. */
	if ((statement->transaction == SQL_TXN_COMMIT && strncmp(tag, "COMMIT", 6) == 0) ||
	    (statement->transaction == SQL_TXN_PREPARE && strncmp(tag, "PREPARE", 7) == 0))
		commit(link);
	else if (statement->transaction == SQL_TXN_COMMIT ||
	    statement->transaction == SQL_TXN_ROLLBACK ||
	    statement->transaction == SQL_TXN_PREPARE)
		roll_back(client);
}

void
residue_of_unknown(struct link *link, struct judged *judged)
{
	probe_note_unknown(link, judged);
	doings_forget(link->client);
}

void
residue_of_failed(struct link *link, struct judged *judged)
{
	note(link, judged->residue & SURVIVES_ROLLBACK, judged);
	for (size_t i = 0; judged->facts != NULL && i < judged->facts->statement_count; i++)
		note_calls(link, judged, &judged->facts->statements[i]);
	if (judged->facts == NULL)
		probe_note_unknown(link, judged);
}

/*
 * A PREPARE under a name of ours is there for all; what a LISTEN leaves is taken away with the
 * loan, if the hub listens for the client.
 */
static unsigned
left_by(struct link *link, const struct request *head, const struct sql_statement *statement)
{
	unsigned ignored = SQL_RESIDUE_OPAQUE | (head->rewrite != NULL ? SQL_RESIDUE_PREPARE : 0);
	unsigned residue = statement->residue & ~ignored;

	if ((residue & SQL_RESIDUE_LISTEN) == 0)
		return residue;
	link->server->listens = true; /* also if its client is gone: nobody resets it then */
	if (link->client == NULL || link->client->listens == NULL)
		return residue;
	return residue & ~(unsigned)SQL_RESIDUE_LISTEN;
}

void
residue_of(struct link *link, const struct request *head, const struct sql_statement *statement,
    const char *tag)
{
	note(link, left_by(link, head, statement), head->judged);
	link->notified |= statement->notifies;
	note_calls(link, head->judged, statement);
	if (link->client != NULL && link->client->pin != NULL && pin_may_end(statement))
		probe_want(link, head->judged);
	if (tag != NULL)
		note_transaction(link, head, statement, tag);
	if (head->rewrite == NULL)
		note_prepare(link->client, head, statement);
	note_discard(link, head, statement);
	if ((statement->effects & SQL_DDL) && link->client != NULL)
		note_definition(link->client->learned, statement);
}
