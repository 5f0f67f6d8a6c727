/* pin.c - see pin.h. Told by residue.c and probe.c. */
#include <string.h>

#include "base/mem.h"
#include "pin.h"
#include "session_internal.h"

/* What a residue is called as the reason of a pin, in the order of enum sql_residue. */
static const struct pin_row {
	unsigned residue;
	const char *reason;
	bool closes; /* no reset removes it: the server is closed afterwards */
	const char *end; /* what ends it, beside DISCARD ALL and the end of the session */
} pins[] = {
	{ SQL_RESIDUE_TEMP, "temporary object", false, "DROP, DISCARD TEMP, " },
	{ SQL_RESIDUE_LISTEN, "LISTEN", false, "UNLISTEN, " },
	{ SQL_RESIDUE_ADVISORY, "session advisory lock", false, "pg_advisory_unlock, " },
	{ SQL_RESIDUE_HOLD, "cursor WITH HOLD", false, "CLOSE, " },
	{ SQL_RESIDUE_PREPARE, "prepared statement", false, "DEALLOCATE, " },
	{ SQL_RESIDUE_LOAD, "LOAD", true, "" },
	{ SQL_RESIDUE_SEED, "setseed", true, "" },
	{ SQL_RESIDUE_SETTING, "setting changed by an expression", false, "" },
	{ SQL_RESIDUE_ROLE, "role changed", false, "RESET ROLE, " },
	{ SQL_RESIDUE_DBLINK, "dblink connection", true, "" },
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

/* The verb of the statement that left it, or of the first one when a function of it did. */
static const char *
verb_of(const struct judged *judged, unsigned residue)
{
	const struct sql_facts *facts = judged == NULL ? NULL : judged->facts;

	if (facts == NULL || facts->statement_count == 0)
		return "a call";
	for (size_t i = 0; i < facts->statement_count; i++)
		if (facts->statements[i].residue & residue)
			return facts->statements[i].verb;
	return facts->statements[0].verb;
}

static void
put_notice(struct buf *out, const struct pin_row *row, const struct judged *judged)
{
	char *message = mem_printf("pgweir keeps the server connection for this session: %s", row->reason);
	char *detail = mem_printf("It was left there by %s.", verb_of(judged, row->residue));
	char *hint = mem_printf("It ends with %sDISCARD ALL, or the session.", row->end);

	build_notice(out,
	    &(struct wire_error){ .severity = "NOTICE",
		.sqlstate = "01000",
		.message = message,
		.detail = detail,
		.hint = hint });
	mem_free(message);
	mem_free(detail);
	mem_free(hint);
}

/* Notices of what was not told in this session yet, to go before the next ReadyForQuery. */
static void
note_notices(struct link *link, unsigned residue, const struct judged *judged)
{
	struct client *client = link->client;

	if (!clients_config(link->clients)->protocol_pin_notice || client->pool_mode == POOL_MODE_SESSION)
		return;
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		unsigned bit = pins[i].residue & residue & ~(client->pins_told | link->pins_due);

		if (bit == 0)
			continue;
		if (link->notices == NULL)
			link->notices = mem_zalloc(1, sizeof(*link->notices));
		put_notice(link->notices, &pins[i], judged);
		link->pins_due |= bit;
	}
}

void
pin_forget_notices(struct link *link)
{
	if (link->notices == NULL)
		return;
	buf_free(link->notices);
	mem_free(link->notices);
	link->notices = NULL;
	link->pins_due = 0;
}

void
pin_tell(struct link *link)
{
	buf_put(relay_emit(link), buf_bytes(link->notices), buf_length(link->notices));
	link->client->pins_told |= link->pins_due;
	pin_forget_notices(link);
}

/* Reasons told by the text alone; a setting made by an expression is found and kept without a pin. */
static const unsigned avoidable = SQL_RESIDUE_TEMP | SQL_RESIDUE_ADVISORY |
    SQL_RESIDUE_HOLD | SQL_RESIDUE_LOAD | SQL_RESIDUE_SEED | SQL_RESIDUE_ROLE | SQL_RESIDUE_DBLINK;

static int64_t
share_of(const struct link *link)
{
	return clients_config(link->clients)->protocol_pin_budget;
}

/* Does it run in a transaction that has failed? Then PostgreSQL refuses it by itself. */
static bool
fails_anyway(const struct link *link, const struct judged *judged)
{
	return link->server->transaction == 'E' && link->requests.count == 0 &&
	    judged->facts != NULL && (judged->facts->classes & SQL_TXN) == 0;
}

bool
pin_is_affordable(struct link *link, const struct judged *judged, unsigned residue)
{
	if ((residue & avoidable) == 0 || link->pin_counted || link->client->pin != NULL ||
	    link->client->pool_mode == POOL_MODE_SESSION || fails_anyway(link, judged) ||
	    share_of(link) >= 100)
		return true;
	link->pin_counted = budget_pin(link->server->pool->budget, share_of(link));
	return link->pin_counted;
}

/* It is pinned, whether there is a place for it or not. */
static void
take_place(struct link *link)
{
	struct pool *pool = link->server->pool;

	if (link->pin_counted || link->client->pool_mode == POOL_MODE_SESSION)
		return;
	link->pin_counted = true;
	link->pin_over = !budget_pin_anyway(pool->budget, share_of(link)) && share_of(link) < 100;
}

/* It stays: what was there before anybody knew is beyond the budget. */
static void
count_over(struct link *link)
{
	link->server->pool->counters.pins_over += link->pin_over;
	link->pin_over = false;
}

void
pin_give_place(struct link *link)
{
	if (link->pin_counted)
		budget_unpin(link->server->pool->budget);
	link->pin_counted = link->pin_over = false;
}

/* This is now what the client keeps its server for. */
static void
set_reason(struct link *link, const struct pin_row *row)
{
	take_place(link);
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
	if (link->client == NULL || row == NULL)
		return;
	if (link->client->pin == NULL)
		begin(link, row, judged);
	/* Most settings made by an expression are found and kept: what stays, pin_settle() tells. */
	note_notices(link, residue & ~(unsigned)SQL_RESIDUE_SETTING, judged);
}

void
pin_end(struct link *link)
{
	link->client->pin = NULL;
	pin_give_place(link);
	judged_release(link->pinned_by);
	link->pinned_by = NULL;
	pin_forget_notices(link);
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
	if (row == NULL)
		return;
	count_over(link);
	note_notices(link, server->residue, judged);
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
