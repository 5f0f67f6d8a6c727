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
#include "rewrite.h"
#include "sequences.h"
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

static bool
names_temp(const char *path)
{
	return path != NULL && strstr(path, "pg_temp") != NULL;
}

/*
 * Something was made under a bare name: where search_path has pg_temp, or may have it, that may
 * be temporary, and the server is asked.
 */
static void
note_made(struct link *link, struct judged *judged, const struct sql_statement *statement)
{
	if ((statement->effects & SQL_DDL) == 0 || link->client == NULL ||
	    (!link->path_doubted && !link->path_lost &&
		!names_temp(settings_get(&link->client->settings, "search_path"))))
		return;
	link->server->residue |= SQL_RESIDUE_OPAQUE; /* a server that will not be asked is reset */
	probe_want(link, judged);
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

/* Did the statement go to the server with the name of ours for what it prepares? */
static bool
was_renamed(const struct request *head, size_t sub)
{
	for (size_t i = 0; head->rewrite != NULL && i < head->rewrite->name_count; i++)
		if (head->rewrite->names[i].change == REWRITE_ADDS && head->rewrite->names[i].sub == sub)
			return true;
	return false;
}

/* A PREPARE among other statements of its message; one by itself was noted when it was sent. */
static void
note_prepare(const struct link *link, const struct request *head, const struct sql_statement *made)
{
	struct client *client = link->client;
	struct statement *statement;

	if (client == NULL || !(made->residue & SQL_RESIDUE_PREPARE) || made->prepared_name == NULL ||
	    head->judged->facts->statement_count == 1 || was_renamed(head, link->sub) ||
	    prepared_find(&client->prepared, made->prepared_name) != NULL)
		return;
	statement = statement_from_sql(head->judged, link->sub);
	prepared_add(&client->prepared, made->prepared_name, statement);
	statement_release(statement);
}

/* DISCARD ALL and DEALLOCATE ALL took away what was prepared. */
static void
note_discard(struct link *link, const struct request *head, const struct sql_statement *statement)
{
	struct client *client = link->client;

	if (client != NULL && statement->deallocates && statement->prepared_name != NULL &&
	    (head->rewrite == NULL || head->rewrite->name_count == 0))
		prepared_remove(&client->prepared, statement->prepared_name);
	if (!statement_discards(statement))
		return;
	statements_clear(link->server->statements);
	if (client != NULL)
		prepared_clear(&client->prepared);
	if (!statement->discards_all)
		return;
	sequences_forget(link);
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

	link->set |= client->frames != NULL;
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

/* A set_config() that is known makes one row: without it the portal has run before, up to that row. */
static bool
ran_before(const struct sql_statement *statement, const char *tag)
{
	return statement->setting_count > 0 && tag != NULL && strcmp(tag, "SELECT 0") == 0;
}

/* Once COMMIT or ROLLBACK was answered, what the transaction set is kept or forgotten. `tag`: NULL without one. */
static void
note_transaction(struct link *link, const struct request *head,
    const struct sql_statement *statement, const char *tag)
{
	struct client *client = link->client;

	if (client == NULL || ran_before(statement, tag))
		return;
	frames_note(&client->frames, statement, head->edited);
	doings_note(client, statement);
	if (client->listens != NULL)
		listens_note(client, statement);
	if (tag == NULL) /* its portal is suspended: that ends nothing, and what it set is set */
		return;
	/*
	 * PREPARE TRANSACTION keeps what was set, as COMMIT does. Outside a transaction its tag is
	 * ROLLBACK, and nothing was rolled back.
	 */
	if ((statement->transaction == SQL_TXN_COMMIT && strncmp(tag, "COMMIT", 6) == 0) ||
	    (statement->transaction == SQL_TXN_PREPARE && strncmp(tag, "PREPARE", 7) == 0))
		commit(link);
	else if (statement->transaction == SQL_TXN_COMMIT ||
	    statement->transaction == SQL_TXN_ROLLBACK ||
	    (statement->transaction == SQL_TXN_PREPARE && link->server->transaction == 'E'))
		roll_back(client);
}

void
residue_of_name(struct link *link, const struct request *head)
{
	struct client *client = link->client;

	if (client != NULL && client->pool_mode == POOL_MODE_SESSION)
		return;
	if (head->adds)
		note(link, SQL_RESIDUE_PREPARE, head->judged);
	else if (client != NULL && client->pin != NULL)
		probe_want(link, NULL);
}

void
residue_of_unknown(struct link *link, struct judged *judged)
{
	probe_note_unknown(link, judged);
	sequences_note_unknown(link);
	doings_forget(link->client);
}

/* What the EXECUTE ran: as it was sent, for its name may mean something else by now. */
static const struct statement *
executed_by(const struct link *link, const struct request *head, size_t sub, const char *name)
{
	for (size_t i = 0; head->rewrite != NULL && i < head->rewrite->name_count; i++) {
		const struct rewrite_name *used = &head->rewrite->names[i];

		if (used->change == REWRITE_USES && used->sub == sub)
			return used->statement;
	}
	return link->client == NULL ? NULL : prepared_find(&link->client->prepared, name);
}

/*
 * It ran by its name. What it set is asked for, and not taken from its words: an EXPLAIN or a
 * CREATE TABLE AS may have run it, or not. One that does something to names, which only a
 * Parse can have made, leaves the server with others than are known.
 */
static void
note_run(struct link *link, const struct statement *made, const struct sql_statement *ran,
    unsigned mask)
{
	unsigned residue = ran->residue & ~(unsigned)(SQL_RESIDUE_OPAQUE | SQL_RESIDUE_PREPARE);
	bool names = !made->from_sql && (ran->classes & SQL_PREPARE) != 0;
	struct judged *judged = made->judged;

	if (ran->setting_count > 0 || (residue & SQL_RESIDUE_SETTING)) {
		residue |= SQL_RESIDUE_SETTING;
		probe_note_settings(link, judged, ran);
	}
	note(link, residue & mask, judged);
	note_calls(link, judged, ran);
	note_made(link, judged, ran);
	if (link->client != NULL && mask == ~0u && (ran->effects & (SQL_DDL | SQL_ROLE)) != 0)
		doings_note(link->client, ran);
	sequences_note_run(link, ran);
	if (residue & SQL_RESIDUE_LISTEN)
		link->server->listens = true;
	link->notified |= ran->notifies;
	if ((ran->effects & SQL_DDL) && link->client != NULL)
		note_definition(link->client->learned, ran);
	if (names || statement_discards(ran))
		link->renames = true;
	if (statement_discards(ran))
		statements_clear(link->server->statements);
}

/* The mask has what stays, as the statement ended. */
static void
note_executed(struct link *link, const struct request *head, size_t sub,
    const struct sql_statement *statement, unsigned mask)
{
	const char *name = statement_executed(statement);
	const struct statement *made;
	const struct sql_facts *facts;

	if (name == NULL)
		return;
	made = executed_by(link, head, sub, name);
	facts = made == NULL || made->judged == NULL ? NULL : made->judged->facts;
	if (facts == NULL || made->sub >= facts->statement_count ||
	    statement_executed(&facts->statements[made->sub]) != NULL)
		residue_of_unknown(link, made == NULL ? head->judged : made->judged);
	else
		note_run(link, made, &facts->statements[made->sub], mask);
}

/* What a portal of a Bind message runs does not stand in the FETCH or MOVE of it. */
static void
note_portal(struct link *link, const struct sql_statement *statement)
{
	if (link->portals == NULL ||
	    (strcmp(statement->verb, "FETCH") != 0 && strcmp(statement->verb, "MOVE") != 0))
		return;
	probe_note_unknown(link, NULL);
	sequences_note_unknown(link);
}

void
residue_of_failed(struct link *link, const struct request *head)
{
	struct judged *judged = head->judged;

	note(link, judged->residue & SURVIVES_ROLLBACK, judged);
	for (size_t i = 0; judged->facts != NULL && i < judged->facts->statement_count; i++) {
		note_calls(link, judged, &judged->facts->statements[i]);
		sequences_note(link, &judged->facts->statements[i]);
		note_executed(link, head, i, &judged->facts->statements[i], SURVIVES_ROLLBACK);
		note_portal(link, &judged->facts->statements[i]);
	}
	if (judged->facts != NULL)
		return;
	probe_note_unknown(link, judged);
	sequences_note_unknown(link);
}

/*
 * A PREPARE runs nothing, and under a name of ours it is there for all; what a LISTEN leaves is
 * taken away with the loan, if the hub listens for the client.
 */
static unsigned
left_by(struct link *link, const struct request *head, const struct sql_statement *statement)
{
	unsigned residue = statement->residue & ~(unsigned)SQL_RESIDUE_OPAQUE;

	if (residue & SQL_RESIDUE_PREPARE)
		return was_renamed(head, link->sub) ? 0 : SQL_RESIDUE_PREPARE;
	if ((residue & SQL_RESIDUE_LISTEN) == 0)
		return residue;
	link->server->listens = true; /* also if its client is gone: nobody resets it then */
	if (link->client == NULL || link->client->listens == NULL)
		return residue;
	return residue & ~(unsigned)SQL_RESIDUE_LISTEN;
}

/* RESET and DISCARD ALL return to PostgreSQL's own defaults, not to what a connect_query has set. */
static void
note_reset(struct link *link, const struct sql_statement *statement)
{
	struct server *server = link->server;

	if (!server->pool->introduces)
		return;
	server->unintroduced |= statement->discards_all;
	for (size_t i = 0; i < statement->setting_count; i++)
		server->unintroduced |= statement->settings[i].kind != SQL_SETTING_SET;
}

void
residue_of(struct link *link, const struct request *head, const struct sql_statement *statement,
    const char *tag)
{
	note(link, left_by(link, head, statement), head->judged);
	link->notified |= statement->notifies;
	if (!(statement->residue & SQL_RESIDUE_PREPARE))
		note_calls(link, head->judged, statement);
	sequences_note(link, statement);
	if (head->judged->executes)
		note_executed(link, head, link->sub, statement, ~0u);
	note_portal(link, statement);
	if (link->client != NULL && link->client->pin != NULL && pin_may_end(statement))
		probe_want(link, head->judged);
	note_made(link, head->judged, statement);
	if (!(statement->residue & SQL_RESIDUE_PREPARE))
		note_transaction(link, head, statement, tag);
	note_prepare(link, head, statement);
	note_discard(link, head, statement);
	note_reset(link, statement);
	if ((statement->effects & SQL_DDL) && link->client != NULL)
		note_definition(link->client->learned, statement);
}
