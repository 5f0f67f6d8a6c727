/* doings.c - see doings.h. Noted by residue.c, asked by permit.c. */
#include "doings.h"

#include <string.h>

#include "base/mem.h"
#include "config/config.h"
#include "policy/catalogs.h"
#include "policy/transaction.h"
#include "session_internal.h"

/* Does the name lead clients to the database that this one is in? */
static bool
is_same_database(const void *arg, const char *name)
{
	const struct client *client = arg;
	const char *own_name = client->identity->subject.database;
	const struct config *config = clients_config(client->clients);
	const struct database_config *own = config_database(config, own_name);
	const struct database_config *other = config_database(config, name);

	if (strcmp(name, own_name) == 0)
		return true;
	if (own == NULL || other == NULL || own->port != other->port ||
	    own->host_count != other->host_count ||
	    strcmp(own->dbname != NULL ? own->dbname : own_name,
		other->dbname != NULL ? other->dbname : name) != 0)
		return false;
	for (size_t i = 0; i < own->host_count; i++)
		if (strcmp(own->hosts[i], other->hosts[i]) != 0)
			return false;
	return true;
}

/* The catalog of the database is out of date, above all about these relations. */
static void
tell_changed(void *arg, const char *relation)
{
	const struct client *client = arg;
	const struct subject *subject = &client->identity->subject;

	catalogs_changed_where(subject->catalogs, relation, is_same_database, client);
}

/* Does the name of ours lead to the database that has this name in PostgreSQL? */
static bool
is_stored_for(const void *arg, const char *name)
{
	const struct client *client = arg;
	const struct database_config *database =
	    config_database(clients_config(client->clients), name);
	const char *there = database == NULL || database->dbname == NULL ? name : database->dbname;

	return client->stored->database == NULL || strcmp(client->stored->database, there) == 0;
}

/* Two statements that are about others: about all, then. */
static void
keep_equal(char **name, const char *other)
{
	if (*name == NULL || (other != NULL && strcmp(*name, other) == 0))
		return;
	mem_free(*name);
	*name = NULL;
}

/* Servers that began with other settings are to go once it is committed. */
static void
note_stored(struct client *client, const struct sql_stored *stored)
{
	if (client->stored != NULL) {
		keep_equal(&client->stored->role, stored->role);
		keep_equal(&client->stored->database, stored->database);
		return;
	}
	client->stored = mem_zalloc(1, sizeof(*client->stored));
	client->stored->role = stored->role == NULL ? NULL : mem_strdup(stored->role);
	client->stored->database = stored->database == NULL ? NULL : mem_strdup(stored->database);
}

/* Its transaction is over; if it was rolled back, they go in vain. */
static void
tell_stored(struct client *client)
{
	if (client->pool != NULL)
		budgets_renew(budget_all(client->pool->budget), client->stored->role, is_stored_for,
		    client);
	mem_free(client->stored->role);
	mem_free(client->stored->database);
	mem_free(client->stored);
	client->stored = NULL;
}

static void
tell_all(struct client *client)
{
	if (!client->redefines)
		return;
	if (client->renames_unseen)
		tell_changed(client, CATALOGS_PATHS);
	client->redefines = client->renames_unseen = false;
	policy_transaction_relations(client->doings, tell_changed, client);
	tell_changed(client, NULL);
}

/* Who may use a schema: GRANT, REVOKE, CREATE ROLE and the like. */
static bool
changes_rights(const struct sql_statement *statement)
{
	return strcmp(statement->verb, "GRANT") == 0 || strcmp(statement->verb, "REVOKE") == 0 ||
	    strstr(statement->verb, " ROLE") != NULL || strstr(statement->verb, " OWNED") != NULL;
}

/* Does it give or take names that are not told one by one? */
static bool
renames_unseen(const struct client *client, const struct sql_statement *statement)
{
	static const char *const words[] = { "SCHEMA", "EXTENSION", "FUNCTION", "PROCEDURE",
		"ROUTINE", "AGGREGATE", "OPERATOR" };

	if (policy_transaction_is_full(client->doings) || statement->setting_name_count > 0 ||
	    (statement->effects & (SQL_DO | SQL_CALL)) != 0 || changes_rights(statement))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(statement->verb, words[i]) != NULL)
			return true;
	for (size_t i = 0; i < statement->act_count; i++)
		if (statement->acts[i].kind == SQL_ACT_SET_SCHEMA ||
		    statement->acts[i].kind == SQL_ACT_RENAME)
			return true;
	return false;
}

/* What is temporary is nobody else's, and in no catalog. */
static bool
redefines(const struct sql_statement *statement)
{
	return ((statement->effects & (SQL_DDL | SQL_MAINTENANCE)) != 0 || changes_rights(statement)) &&
	    (statement->residue & SQL_RESIDUE_TEMP) == 0;
}

void
doings_note(struct client *client, const struct sql_statement *statement)
{
	if (client->doings == NULL) {
		if ((statement->effects & (SQL_DDL | SQL_LOCK | SQL_MAINTENANCE)) == 0 &&
		    !changes_rights(statement))
			return;
		client->doings = policy_transaction_new();
		policy_transaction_open(client->doings);
	}
	if (statement->stored != NULL)
		note_stored(client, statement->stored);
	client->redefines = client->redefines || redefines(statement);
	client->renames_unseen = statement->transaction != SQL_TXN_ROLLBACK &&
	    (client->renames_unseen || renames_unseen(client, statement));
	if (statement->transaction == SQL_TXN_COMMIT)
		tell_all(client);
	if (policy_transaction_cares(statement))
		policy_transaction_note(client->doings, statement);
}

void
doings_forget(struct client *client)
{
	if (client == NULL || client->doings == NULL)
		return;
	if (client->stored != NULL)
		tell_stored(client);
	tell_all(client);
	policy_transaction_free(client->doings);
	client->doings = NULL;
	client->renames_unseen = false;
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

/* The first DDL of an open transaction: nothing is done yet, but there is one. */
static bool
begins(const struct client *client, const struct judged *judged)
{
	return judged->facts != NULL && (judged->facts->classes & SQL_DDL) != 0 &&
	    client->link != NULL && client->link->server->transaction == 'T';
}

struct ruling *
doings_rule(struct client *client, const struct judged *judged)
{
	if (client->doings == NULL && !begins(client, judged))
		return NULL;
	if (client->link == NULL || awaits_statements(client->link))
		return NULL;
	if (client->doings == NULL) {
		client->doings = policy_transaction_new();
		policy_transaction_open(client->doings);
	}
	return gate_rule_within(clients_gate(client->clients), judged, client);
}
