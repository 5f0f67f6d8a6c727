/*
 * aborted.c - a transaction whose server was lost, or that a limit ended.
 *
 * Until the client ends it, each of its statements fails, so that none of them can
 * commit by itself by accident: what PostgreSQL does in a failed transaction.
 */
#include "base/mem.h"
#include "doings.h"
#include "frames.h"
#include "listens.h"
#include "session_internal.h"

static const struct wire_error in_failed_transaction = { .severity = "ERROR",
	.sqlstate = "25P02",
	.message =
	    "current transaction is aborted, commands ignored until end of transaction block",
	.detail = "The server connection of this transaction was lost; it was rolled back." };

/* What the first statement after a loss between two statements is told. */
static const struct wire_error lost_between = { .severity = "ERROR",
	.sqlstate = "08006",
	.message = "the server connection of this transaction was lost",
	.detail = "The transaction was rolled back." };

/* The same for one that a limit ended: both with that limit as DETAIL. */
static struct wire_error
as_of_limit(const struct client *client, const struct wire_error *error)
{
	struct wire_error told = *error;

	if (client->lost_detail == NULL)
		return told;
	told.detail = client->lost_detail;
	if (error == &lost_between) {
		told.sqlstate = "57014";
		told.message = "transaction was rolled back because of a timeout";
	}
	return told;
}

void
aborted_by_limit(struct client *client, bool told, char *detail)
{
	client->lost = told ? LOST_TOLD : LOST_UNTOLD;
	mem_free(client->lost_detail);
	client->lost_detail = detail;
	frames_drop(&client->frames);
	if (client->listens != NULL)
		listens_rollback(client);
	doings_forget(client);
}

/* The client has ended it. */
static void
end(struct client *client)
{
	client->lost = LOST_NOTHING;
	mem_free(client->lost_detail);
	client->lost_detail = NULL;
	judged_release(client->ending);
	client->ending = NULL;
}

bool
aborted_is(const struct client *client)
{
	return client->lost != LOST_NOTHING;
}

/* Is it one statement that ends a transaction? */
static bool
ends_transaction(const struct judged *judged)
{
	const struct sql_statement *statement;

	if (judged == NULL || judged->facts == NULL || judged->facts->statement_count != 1)
		return false;
	statement = &judged->facts->statements[0];
	return (statement->transaction == SQL_TXN_COMMIT ||
		   statement->transaction == SQL_TXN_ROLLBACK) &&
	    !statement->chain;
}

static void
fail(struct client *client, const struct judged *judged, const struct wire_error *error)
{
	struct wire_error told = as_of_limit(client, error);

	/* The record first: what is told may have to wait for it. */
	if (judged != NULL)
		record_answered(client, judged, told.sqlstate);
	build_error(client_out(client), &told);
}

/*
 * The error that tells of the loss, unless the client has heard of it or rolls back anyway.
 * A COMMIT must never be answered as if it were only another ROLLBACK: many a driver
 * does not look at the tag.
 */
static bool
tells_of_loss(struct client *client, const struct judged *judged)
{
	bool ends = ends_transaction(judged);

	if (client->lost != LOST_UNTOLD)
		return false;
	client->lost = LOST_TOLD;
	if (ends && judged->facts->statements[0].transaction == SQL_TXN_ROLLBACK)
		return false;
	fail(client, judged, &lost_between);
	if (ends)
		end(client);
	return true;
}

bool
aborted_query(struct client *client, const struct judged *judged)
{
	if (!aborted_is(client))
		return false;
	if (tells_of_loss(client, judged)) {
		build_ready(client_out(client), aborted_is(client) ? 'E' : 'I');
	} else if (ends_transaction(judged)) {
		end(client);
		record_answered(client, judged, "00000");
		build_command_complete(client_out(client), "ROLLBACK");
		build_ready(client_out(client), 'I');
	} else {
		fail(client, judged, &in_failed_transaction);
		build_ready(client_out(client), 'E');
	}
	return true;
}

static void
put_bare(struct client *client, char type)
{
	struct buf *out = client_out(client);

	build_end(out, build_begin(out, (uint8_t)type));
}

/* A ParameterDescription without parameters, and NoData. */
static void
describe_nothing(struct client *client, bool statement)
{
	struct buf *out = client_out(client);
	size_t mark;

	if (statement) {
		mark = build_begin(out, 't');
		buf_put_u16(out, 0);
		build_end(out, mark);
	}
	put_bare(client, 'n');
}

/* What an Execute would run now. */
static void
note_bound(struct client *client, struct judged *judged)
{
	bool ends = ends_transaction(judged);

	client->lost = ends ? LOST_ENDING : LOST_TOLD;
	judged_release(client->ending);
	client->ending = ends ? judged_reference(judged) : NULL;
}

static void
execute_ending(struct client *client)
{
	client->stmt++;
	record_answered(client, client->ending, "00000");
	build_command_complete(client_out(client), "ROLLBACK");
	end(client);
}

bool
aborted_message(struct client *client, uint8_t type, struct judged *judged)
{
	if (!aborted_is(client))
		return false;
	if (type == 'P' || (type == 'B' && judged != NULL)) {
		if (tells_of_loss(client, judged)) {
			client->skipping = true;
			return true;
		}
		note_bound(client, judged);
	}
	if (client->lost != LOST_ENDING) {
		fail(client, judged, &in_failed_transaction);
		client->skipping = true;
		return true;
	}
	switch (type) {
	case 'P':
		put_bare(client, '1');
		break;
	case 'B':
		put_bare(client, '2');
		break;
	case 's':
	case 'D':
		describe_nothing(client, type == 's');
		break;
	case 'E':
		execute_ending(client);
		break;
	}
	return true;
}
