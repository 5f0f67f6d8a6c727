/* pin.c - see pin.h. Told by residue.c and probe.c. */
#include <string.h>

#include "pin.h"
#include "session_internal.h"

/* What a residue is called as the reason of a pin, in the order of enum sql_residue. */
static const struct pin_row {
	unsigned residue;
	const char *reason;
	bool closes; /* no reset removes it: the server is closed afterwards */
} pins[] = {
	{ SQL_RESIDUE_TEMP, "temporary object", false },
	{ SQL_RESIDUE_LISTEN, "LISTEN", false },
	{ SQL_RESIDUE_ADVISORY, "session advisory lock", false },
	{ SQL_RESIDUE_HOLD, "cursor WITH HOLD", false },
	{ SQL_RESIDUE_PREPARE, "SQL PREPARE", false },
	{ SQL_RESIDUE_LOAD, "LOAD", true },
	{ SQL_RESIDUE_SEED, "setseed", true },
	{ SQL_RESIDUE_SETTING, "setting changed by an expression", false },
	{ SQL_RESIDUE_ROLE, "role changed", false },
	{ SQL_RESIDUE_DBLINK, "dblink connection", true },
};

_Static_assert(sizeof(pins) / sizeof(pins[0]) <= PIN_REASONS_MOST,
    "more reasons than a pool has counters for");

const char *
pin_reason(size_t index)
{
	return index < sizeof(pins) / sizeof(pins[0]) ? pins[index].reason : NULL;
}

static const struct pin_row *
row_of(unsigned residue)
{
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
		if (residue & pins[i].residue)
			return &pins[i];
	return NULL;
}

static bool
closes_server(unsigned residue)
{
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
		if ((residue & pins[i].residue) && pins[i].closes)
			return true;
	return false;
}

/* This is now what the client keeps its server for. */
static void
set_reason(struct link *link, const struct pin_row *row)
{
	if (link->client->pin == row->reason)
		return;
	link->client->pin = row->reason;
	link->server->pool->pins[row - pins]++;
}

static void
begin(struct link *link, const struct pin_row *row, struct judged *judged)
{
	set_reason(link, row);
	link->pinned_us = loop_now_us(clients_loop(link->clients));
	judged_release(link->pinned_by);
	link->pinned_by = judged == NULL ? NULL : judged_reference(judged);
}

void
pin_note(struct link *link, unsigned residue, struct judged *judged)
{
	const struct pin_row *row = row_of(residue);

	link->server->residue |= residue;
	if (closes_server(residue))
		link->server->retired = true;
	if (link->client != NULL && row != NULL && link->client->pin == NULL)
		begin(link, row, judged);
}

void
pin_end(struct link *link)
{
	link->client->pin = NULL;
	judged_release(link->pinned_by);
	link->pinned_by = NULL;
}

void
pin_settle(struct link *link, unsigned found, bool unseen, struct judged *judged)
{
	struct server *server = link->server;
	unsigned asked = PIN_VERIFIABLE;
	const struct pin_row *row;

	if (unseen)
		asked &= ~(unsigned)(SQL_RESIDUE_OPAQUE | SQL_RESIDUE_SETTING);
	server->residue = (server->residue & ~asked) | found;
	if (closes_server(found))
		server->retired = true;
	row = row_of(server->residue);
	if (row == NULL)
		pin_end(link);
	else if (link->client->pin == NULL)
		begin(link, row, judged);
	else
		set_reason(link, row);
}

/* Statements whose first words say that they take something away. */
static const char *const ending_verbs[] = { "UNLISTEN", "CLOSE", "DEALLOCATE", "DISCARD", "RESET", "SET" };

bool
pin_may_end(const struct sql_statement *statement)
{
	if (statement->drop_kind != NULL)
		return true;
	for (size_t i = 0; i < sizeof(ending_verbs) / sizeof(ending_verbs[0]); i++)
		if (strncmp(statement->verb, ending_verbs[i], strlen(ending_verbs[i])) == 0)
			return true;
	for (size_t i = 0; i < statement->function_count; i++)
		if (strncmp(statement->functions[i], "pg_advisory_unlock", 18) == 0)
			return true;
	return false;
}

bool
client_pinned(const struct client *client, struct client_pin *pin)
{
	const struct link *link = client->link;

	if (client->pin == NULL || link == NULL)
		return false;
	*pin = (struct client_pin){ .reason = client->pin, .since_us = link->pinned_us };
	if (link->pinned_by != NULL)
		pin->statement = link->pinned_by->facts != NULL
		    ? link->pinned_by->facts->normalized
		    : "";
	return true;
}
