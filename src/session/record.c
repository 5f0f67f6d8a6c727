/* record.c - what the access log is told of a statement, and that its answer may wait for that. */
#include <string.h>

#include "plan.h"
#include "session_internal.h"
#include "stats/queries.h"

/* The place of a text's fingerprint, which then has something to show of it. */
static void
find_stats(struct clients *clients, struct judged *judged)
{
	const struct sql_facts *facts = judged->facts;
	bool fresh;

	judged->stats = queries_place(
	    clients_queries(clients), facts != NULL ? facts->fingerprint : "", &fresh);
	judged->stats_generation = judged->stats->generation;
	if (fresh && facts != NULL)
		judged->stats->text = audit_text_shown(clients_config(clients), facts);
}

/* For SHOW QUERIES. A text that was counted before costs no look-up. */
static void
count_query(struct clients *clients, struct judged *judged, const struct audit_statement *told)
{
	struct query_stats *stats = judged->stats;

	if (stats == NULL || stats->generation != judged->stats_generation) {
		find_stats(clients, judged);
		stats = judged->stats;
	}
	query_stats_count(stats, told->duration_us, told->queue_us,
	    (uint64_t)((told->returned_rows > 0 ? told->returned_rows : 0) +
		(told->rows_affected > 0 ? told->rows_affected : 0)),
	    told->outcome != AUDIT_OK);
}

/* Is there a limit in mode warn to look at? */
static bool
is_tried(const struct link *link, const struct request *request)
{
	return request->ruling != NULL &&
	    ((request->ruling->verdict.limited & POLICY_LIMITS_TRIED) != 0 || link->overdue != 0);
}

void
record_statement(struct link *link, const struct request *request, size_t sub,
    const char *sqlstate, int64_t returned, int64_t affected, enum audit_outcome outcome)
{
	struct client *client = link->client;
	struct judged *judged = request->judged;
	struct loop *loop = clients_loop(link->clients);
	uint64_t began_us = link->head_us > request->sent_us ? link->head_us : request->sent_us;
	const struct audit_verdict *rendered;
	struct audit_statement statement;
	struct audit_verdict *tried = NULL;
	struct audit_told told;

	if (client == NULL || (judged == NULL && request->kind != REQUEST_FUNCTION) ||
	    request->answer == ANSWER_SWALLOW || request->answer == ANSWER_REFUSE)
		return;
	rendered = request->ruling != NULL ? request->ruling->rendered : NULL;
	statement = (struct audit_statement){ .who = client->who,
		.text = judged != NULL ? judged->parts : NULL,
		.facts = judged != NULL ? judged->facts : NULL,
		.sub = sub,
		.txn = client->txn,
		.stmt = request->stmt,
		.sqlstate = sqlstate,
		.returned_rows = returned,
		.rows_affected = affected,
		.bytes_in = sub == 0 ? request->bytes_in : 0,
		.bytes_out = link->bytes_out,
		.duration_us = loop_now_us(loop) - began_us,
		.queue_us = sub == 0 ? request->queue_us : 0,
		.wall_us = loop_wall_us(loop),
		.server_pid = link->server->pid,
		.pin = client->pin,
		.outcome = outcome,
		.verdict = rendered != NULL ? &request->ruling->verdict : NULL,
		.rendered = rendered };
	if (judged != NULL && !request->replicates)
		count_query(link->clients, judged, &statement);
	if (is_tried(link, request) && outcome != AUDIT_UNKNOWN)
		tried = trial_tell(link, request, &statement);
	if (tried != NULL)
		statement.rendered = tried;
	told = audit_tell(clients_lane(link->clients), &statement);
	if (told.slow && !request->replicates && !plan_begin(link, request, &statement))
		audit_slow(clients_lane(link->clients), &statement);
	if (tried != NULL)
		audit_verdict_free(clients_lane(link->clients), tried);
	if (told.position != 0)
		hold_answer(client, link, told.position, audit_is_needed(rendered));
}

void
record_answered(struct client *client, const struct judged *judged, const char *sqlstate)
{
	uint64_t position = audit_statement(clients_lane(client->clients),
	    &(struct audit_statement){ .who = client->who,
		.text = judged->parts,
		.facts = judged->facts,
		.txn = client->txn,
		.stmt = client->stmt,
		.sqlstate = sqlstate,
		.returned_rows = -1,
		.rows_affected = -1,
		.queue_us = client->queue_us,
		.wall_us = loop_wall_us(clients_loop(client->clients)),
		.pin = client->pin,
		.outcome = strcmp(sqlstate, "00000") == 0 ? AUDIT_OK : AUDIT_ERROR });

	if (position != 0)
		hold_answer(client, client->link, position, false);
}

void
record_refused(struct client *client, struct judged *judged, struct ruling *ruling)
{
	uint64_t position = audit_statement(clients_lane(client->clients),
	    &(struct audit_statement){ .who = client->who,
		.text = judged != NULL ? judged->parts : NULL,
		.facts = judged != NULL ? judged->facts : NULL,
		.sub = ruling->verdict.statement,
		.txn = client->txn,
		.stmt = client->stmt,
		.sqlstate = ruling->verdict.sqlstate,
		.returned_rows = -1,
		.rows_affected = -1,
		.wall_us = loop_wall_us(clients_loop(client->clients)),
		.pin = client->pin,
		.outcome = AUDIT_DENIED_OUTCOME,
		.verdict = &ruling->verdict,
		.rendered = ruling->rendered });

	if (position != 0)
		hold_answer(client, client->link, position, false);
}

/* Is statement i one that has a record before it is sent, whoever sends it? */
static bool
is_announced(const struct sql_facts *facts, size_t i)
{
	return facts != NULL && i < facts->statement_count &&
	    (facts->statements[i].classes & (unsigned)(SQL_DDL | SQL_ROLE | SQL_REPLICATION)) != 0;
}

uint64_t
record_intent(struct client *client, struct judged *judged, struct ruling *ruling)
{
	const struct sql_facts *facts = judged->facts;
	bool needed = ruling != NULL && audit_is_needed(ruling->rendered);
	size_t count = facts != NULL && facts->statement_count > 0 ? facts->statement_count : 1;
	uint64_t position = 0;

	for (size_t i = 0; i < count; i++) {
		if (!needed && !is_announced(facts, i))
			continue;
		position = audit_statement(clients_lane(client->clients),
		    &(struct audit_statement){ .who = client->who,
			.text = judged->parts,
			.facts = facts,
			.sub = i,
			.txn = client->txn,
			.stmt = client->stmt + 1,
			.returned_rows = -1,
			.rows_affected = -1,
			.wall_us = loop_wall_us(clients_loop(client->clients)),
			.server_pid = client->link != NULL ? client->link->server->pid : 0,
			.pin = client->pin,
			.outcome = AUDIT_INTENT,
			.verdict = ruling != NULL && ruling->rendered != NULL ? &ruling->verdict : NULL,
			.rendered = ruling != NULL ? ruling->rendered : NULL });
	}
	return position;
}

void
record_limited(struct client *client, const struct judged *judged, const struct ruling *ruling,
    const char *sqlstate)
{
	uint64_t position = audit_statement(clients_lane(client->clients),
	    &(struct audit_statement){ .who = client->who,
		.text = judged != NULL ? judged->parts : NULL,
		.facts = judged != NULL ? judged->facts : NULL,
		.txn = client->txn,
		.stmt = client->stmt,
		.sqlstate = sqlstate,
		.returned_rows = -1,
		.rows_affected = -1,
		.wall_us = loop_wall_us(clients_loop(client->clients)),
		.pin = client->pin,
		.outcome = AUDIT_ERROR,
		.verdict = ruling->rendered != NULL ? &ruling->verdict : NULL,
		.rendered = ruling->rendered });

	if (position != 0)
		hold_answer(client, client->link, position, audit_is_needed(ruling->rendered));
}
