/*
 * sequences.c - see sequences.h.
 *
 * A run is what one client writes on a server, while nobody else writes there and it writes
 * nowhere else. Within its run a client may ask. What stood there before the run is another's,
 * or its own of long ago: servers of a pool whose clients ask are cleaned (DISCARD SEQUENCES)
 * before a run begins, so that PostgreSQL itself says what was never advanced in it (55000).
 * Where that was not done yet, the client may ask if the run has all that it ever wrote.
 */
#include <string.h>
#include <strings.h>

#include "inbound.h"
#include "learned.h"
#include "prepared.h"
#include "sequences.h"

enum {
	WRITES = SQL_WRITE | SQL_DDL | SQL_COPY_IN | SQL_COPY_FILE | SQL_COPY_PROGRAM | SQL_DO | SQL_CALL,
	ADVANCES = SQL_COPY_IN | SQL_DO | SQL_CALL,
};

static bool
inserts(const struct sql_statement *statement)
{
	if ((statement->effects & SQL_WRITE) == 0)
		return false;
	for (const char *const *verb = statement->verbs; *verb != NULL; verb++)
		if (strcmp(*verb, "INSERT") == 0 || strcmp(*verb, "MERGE") == 0 || strcmp(*verb, "COPY") == 0)
			return true;
	return false;
}

/* What its functions may do; PostgreSQL's own advance nothing but those that say so. */
static unsigned
done_by_functions(struct learned *learned, const struct sql_statement *statement)
{
	unsigned done = 0;

	for (size_t i = 0; i < statement->function_count; i++) {
		const char *name = statement->functions[i];

		if (learned == NULL)
			return SEQUENCES_ADVANCED;
		if (!learned_is_builtin(learned, name))
			done |= learned_is_harmless(learned, name) ? SEQUENCES_ADVANCED : SEQUENCES_CALLED;
	}
	return done;
}

/* What a statement does that runs. */
static unsigned
done_by(const struct client *client, const struct sql_statement *statement)
{
	unsigned done = 0;

	if (statement->effects & WRITES)
		done |= SEQUENCES_WROTE;
	if ((statement->effects & ADVANCES) || statement->advances_sequence || inserts(statement) ||
	    (statement->residue & SQL_RESIDUE_OPAQUE))
		done |= SEQUENCES_ADVANCED;
	if (statement->function_count > 0)
		done |= done_by_functions(client == NULL ? NULL : client->learned, statement);
	return done;
}

static bool
only_prepares(const struct sql_statement *statement)
{
	return (statement->residue & SQL_RESIDUE_PREPARE) != 0;
}

/* What an EXECUTE runs; NULL: it is none, or nothing is known of it. */
static const struct sql_statement *
executed(const struct client *client, const struct sql_statement *statement)
{
	const char *name = statement_executed(statement);
	const struct statement *made = name == NULL ? NULL : prepared_find(&client->prepared, name);
	const struct sql_facts *facts = made == NULL || made->judged == NULL ? NULL : made->judged->facts;

	return facts == NULL || made->sub >= facts->statement_count ? NULL : &facts->statements[made->sub];
}

/* In `SELECT nextval('s'), currval('s')` the first one makes what the second one tells. */
static bool
advances_before_it_asks(const struct judged *judged)
{
	const char *next = strcasestr(judged->text, "nextval");
	const char *current = strcasestr(judged->text, "currval");
	const char *last = strcasestr(judged->text, "lastval");

	return next != NULL && (current == NULL || next < current) && (last == NULL || next < last);
}

/* A DEFAULT that is defined asks nothing yet. */
static bool
only_defines(const struct sql_statement *statement)
{
	return (statement->effects & SQL_DDL) != 0 && (statement->effects & (SQL_READ | SQL_WRITE)) == 0;
}

/* Does it ask for what was there before it? */
static bool
asks(const struct client *client, const struct judged *judged)
{
	for (size_t i = 0; judged->facts != NULL && i < judged->facts->statement_count; i++) {
		const struct sql_statement *statement = &judged->facts->statements[i];
		const struct sql_statement *ran = executed(client, statement);

		if (only_prepares(statement) || only_defines(statement))
			continue;
		if (ran != NULL && ran->asks_sequence)
			return true;
		if (statement->asks_sequence)
			return !(statement->advances_sequence && advances_before_it_asks(judged));
		if (done_by(client, statement) & (SEQUENCES_ADVANCED | SEQUENCES_CALLED))
			return false; /* what follows is of the same transaction */
	}
	return false;
}

static bool
does(const struct client *client, const struct judged *judged, unsigned wanted)
{
	if (judged->facts == NULL)
		return true;
	for (size_t i = 0; i < judged->facts->statement_count; i++) {
		const struct sql_statement *statement = &judged->facts->statements[i];
		const struct sql_statement *ran = executed(client, statement);

		if (!only_prepares(statement) && (done_by(client, statement) & wanted))
			return true;
		if (ran != NULL && (done_by(client, ran) & wanted))
			return true;
	}
	return false;
}

void
sequences_look(struct client *client, const struct judged *judged)
{
	client->sequence_wish = 0;
	client->pool->asks_sequence |= judged->asks_sequence;
	client->asks_sequence |= judged->asks_sequence;
	if (client->pool_mode == POOL_MODE_SESSION || client->link != NULL)
		return;
	if (asks(client, judged))
		client->sequence_wish = client->wrote_on != 0 ? SEQUENCES_OWN : SEQUENCES_CLEAN;
	else if ((client->asks_sequence && judged_begins(judged)) ||
	    does(client, judged, SEQUENCES_WROTE | SEQUENCES_ADVANCED | SEQUENCES_CALLED))
		client->sequence_wish = SEQUENCES_OWN | SEQUENCES_CLEAN;
}

bool
sequences_want_clean(const struct link *link)
{
	const struct client *client = link->client;
	const struct server *server = link->server;

	return (client->sequence_wish & SEQUENCES_CLEAN) && server->writer != 0 &&
	    (link->sequences & SEQUENCES_CLEANING) == 0 &&
	    (server->writer != client->id || client->wrote_on != server->id);
}

void
sequences_cleaned(struct link *link)
{
	link->sequences &= (uint8_t)~SEQUENCES_CLEANING;
	link->server->writer = 0;
	link->server->writers_mixed = false;
}

/* ---- may it ask ---- */

/* Is it told what it advanced itself, or that it never did? */
static bool
is_own(const struct link *link)
{
	const struct client *client = link->client;
	const struct server *server = link->server;

	if (link->sequences & (SEQUENCES_ADVANCED | SEQUENCES_CALLED))
		return true; /* in this very loan */
	if (server->writer == 0 || (link->sequences & SEQUENCES_CLEANING))
		return client->wrote_on == 0;
	return server->writer == client->id && client->wrote_on == server->id &&
	    (!server->writers_mixed || client->wrote_alone);
}

/* Is something of this batch on its way that advances one? If it fails, so does what asks. */
static bool
is_on_its_way(const struct link *link)
{
	const struct request *request;

	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++)
		if (request_is_statement(request) && request->judged != NULL &&
		    does(link->client, request->judged, SEQUENCES_ADVANCED | SEQUENCES_CALLED))
			return true;
	return false;
}

static bool
asks_of_server(const struct client *client, const struct judged *judged)
{
	return client->pool->asks_sequence && client->pool_mode != POOL_MODE_SESSION &&
	    client->link != NULL && asks(client, judged);
}

bool
sequences_await(struct client *client, const struct judged *judged)
{
	struct link *link = client->link;
	const struct request *request;
	bool waits = false;

	if (!asks_of_server(client, judged))
		return false;
	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++)
		waits |= request->batch != link->server->batch;
	link->unsettled = waits;
	return waits;
}

static const struct wire_error anothers = { .severity = "WARNING",
	.sqlstate = "01000",
	.message = "currval() and lastval() may tell another session's value here",
	.detail = "The server connection on which this session advanced a sequence last is in use, is "
		  "gone, or was written on by another session since.",
	.hint = "Use INSERT ... RETURNING, or ask in the transaction that wrote." };

bool
sequences_permit(struct client *client, struct judged *judged, uint8_t type)
{
	static const struct wire_error unknown = { .severity = "ERROR",
		.sqlstate = "0A000",
		.message = "currval() and lastval() cannot be asked in this transaction",
		.detail = "The server connection on which this session advanced a sequence last is in "
			  "use, is gone, or was written on by another session since.",
		.hint = "Use INSERT ... RETURNING, ask in the transaction that wrote, or connect to a "
			"database whose pool_mode is session." };
	struct link *link = client->link;

	if (!asks_of_server(client, judged) || is_own(link) || is_on_its_way(link))
		return true;
	if (link->server->transaction == 'E' && link->requests.count == 0)
		return true; /* PostgreSQL refuses it by itself */
	if (!clients_config(client->clients)->protocol_strict) {
		permit_with_warning(client, &anothers);
		return true;
	}
	record_answered(client, judged, unknown.sqlstate);
	refuse_with(client, type, &unknown);
	return false;
}

/* ---- what was done ---- */

void
sequences_forget(struct link *link)
{
	sequences_cleaned(link);
	link->sequences = 0;
	if (link->client == NULL)
		return;
	link->client->wrote_on = 0;
	link->client->wrote_alone = false;
}

void
sequences_note_run(struct link *link, const struct sql_statement *statement)
{
	link->sequences |= (uint8_t)done_by(link->client, statement);
}

void
sequences_note(struct link *link, const struct sql_statement *statement)
{
	if ((statement->effects & (WRITES | SQL_SESSION)) == 0 && statement->function_count == 0 &&
	    statement->residue == 0)
		return;
	if (only_prepares(statement))
		return;
	if ((statement->effects & SQL_SESSION) && strcmp(statement->verb, "DISCARD SEQUENCES") == 0)
		sequences_forget(link);
	else
		sequences_note_run(link, statement);
}

void
sequences_note_unknown(struct link *link)
{
	link->sequences |= SEQUENCES_ADVANCED;
}

void
sequences_clear_calls(struct link *link)
{
	link->sequences &= (uint8_t)~SEQUENCES_CALLED;
}

/* It advanced a sequence here: its run goes on, or begins. */
static void
keep_place(struct client *client, struct server *server)
{
	if (server->writer == client->id && client->wrote_on == server->id)
		return;
	server->writers_mixed = server->writer != 0;
	server->writer = client->id;
	client->wrote_alone = client->wrote_on == 0;
	client->wrote_on = server->id;
}

void
sequences_keep(struct link *link)
{
	struct client *client = link->client;
	struct server *server = link->server;

	if (client == NULL || (link->sequences & ~SEQUENCES_CLEANING) == 0)
		return;
	if (link->sequences & (SEQUENCES_ADVANCED | SEQUENCES_CALLED)) {
		keep_place(client, server);
	} else if (server->writer != client->id) {
		server->writers_mixed = true;
		server->writer = client->id;
	}
}

void
sequences_abandon(struct link *link)
{
	if (link->sequences == 0 && link->requests.count == 0)
		return;
	link->server->writer = link->client->id;
	link->server->writers_mixed = true;
}
