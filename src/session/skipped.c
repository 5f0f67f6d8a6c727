/*
 * skipped.c - requests that failed, or that the server skipped after a failure: what
 * was taken for done when they were sent is taken back.
 */
#include "prepared.h"
#include "rewrite.h"
#include "session_internal.h"

/* A Parse or PREPARE did not add the statement, a Close or DEALLOCATE did not take it away. */
static void
undo_named(struct client *client, const struct request *request)
{
	struct statement *now = prepared_find(&client->prepared, request->name);

	if (request->adds && now == request->statement)
		prepared_remove(&client->prepared, request->name);
	else if (!request->adds && now == NULL)
		prepared_add(&client->prepared, request->name, request->statement);
}

/*
 * What a text did to names, the last first. Statements before the one that failed have done
 * theirs: PostgreSQL takes no PREPARE back.
 */
static void
undo_rewritten(struct link *link, const struct request *request)
{
	bool runs = request == requests_head(&link->requests);
	const struct rewrite *rewrite = request->rewrite;

	for (size_t i = rewrite->name_count; i > 0; i--) {
		const struct rewrite_name *name = &rewrite->names[i - 1];
		struct statement *now;

		if (runs && name->sub < link->sub)
			return;
		if (name->change == REWRITE_ADDS)
			statements_doubt(link->server->statements, &name->statement->id);
		if (link->client == NULL || (name->change != REWRITE_ADDS && name->change != REWRITE_TAKES))
			continue;
		now = prepared_find(&link->client->prepared, name->name);
		if (name->change == REWRITE_ADDS && now == name->statement)
			prepared_remove(&link->client->prepared, name->name);
		else if (name->change == REWRITE_TAKES && now == NULL)
			prepared_add(&link->client->prepared, name->name, name->statement);
	}
}

void
skipped_undo(struct link *link, struct request *request)
{
	if (request->has_id)
		statements_doubt(link->server->statements, &request->id);
	if (request->name != NULL && link->client != NULL)
		undo_named(link->client, request);
	if (request->rewrite != NULL && request_is_statement(request))
		undo_rewritten(link, request);
}

/* The first from the i-th on that changed the client's unnamed statement, before `end`. */
static struct request *
change_of_unnamed(const struct link *link, size_t i, size_t end)
{
	for (; i < end; i++)
		if (requests_at(&link->requests, i)->changes_unnamed)
			return requests_at(&link->requests, i);
	return NULL;
}

/*
 * The first so many requests were skipped: the unnamed statement is what it was before them,
 * unless it was changed again behind them. A Parse that failed has destroyed it.
 */
static void
undo_unnamed(struct link *link, size_t skipped)
{
	struct request *first = change_of_unnamed(link, 0, skipped);
	struct request *next;
	struct statement **place;

	statement_release(link->unnamed);
	link->unnamed = NULL; /* not known: it is parsed again when it is wanted */
	if (first == NULL || link->client == NULL)
		return;
	next = change_of_unnamed(link, skipped, link->requests.count);
	place = next == NULL ? &link->client->unnamed : &next->unnamed;
	statement_release(*place);
	*place = NULL;
	if (first == requests_head(&link->requests) && first->kind == REQUEST_PARSE)
		return;
	*place = first->unnamed;
	first->unnamed = NULL;
}

void
skipped_undo_all(struct link *link, size_t count)
{
	/* The last first: a name may have been closed and used again. */
	for (size_t i = count; i > 0; i--)
		skipped_undo(link, requests_at(&link->requests, i - 1));
	undo_unnamed(link, count);
}
