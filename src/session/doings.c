/* doings.c - see doings.h. Noted by residue.c, asked by permit.c. */
#include "doings.h"

#include "policy/transaction.h"
#include "session_internal.h"

void
doings_note(struct client *client, const struct sql_statement *statement)
{
	if (client->doings == NULL) {
		if ((statement->effects & (SQL_DDL | SQL_LOCK)) == 0)
			return;
		client->doings = policy_transaction_new();
		policy_transaction_open(client->doings);
	}
	if (policy_transaction_cares(statement))
		policy_transaction_note(client->doings, statement);
}

void
doings_forget(struct client *client)
{
	if (client == NULL || client->doings == NULL)
		return;
	policy_transaction_free(client->doings);
	client->doings = NULL;
}

/* Is something still to run, so that what the transaction has done is not known? */
static bool
awaits_statements(const struct link *link)
{
	const struct request *request;

	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++)
		if (request_is_statement(request))
			return true;
	return false;
}

struct ruling *
doings_rule(struct client *client, const struct judged *judged)
{
	if (client->doings == NULL || client->link == NULL || awaits_statements(client->link))
		return NULL;
	return gate_rule_within(
	    clients_gate(client->clients), judged, client->identity, client->doings);
}
