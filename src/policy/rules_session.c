/*
 * rules_session.c - pack session-integrity: ways to become somebody else, or to loosen
 * what holds the session. Those marked `always` are in force wherever a policy applies,
 * unless it speaks of them.
 */
#include <string.h>
#include <strings.h>

#include "policy_internal.h"

#define PACK "session-integrity"

/* RESET ALL and DISCARD ALL go back to what the server gives; others hide a name. */
static bool
goes_back(const struct sql_statement *statement)
{
	return strcmp(statement->verb, "RESET") == 0 || strcmp(statement->verb, "DISCARD ALL") == 0;
}

static bool
is_hidden(const struct sql_statement *statement, const char *name)
{
	return name[0] == '\0' && !goes_back(statement);
}

/* Modes of one transaction are part of BEGIN. */
static bool
is_of_transaction(const char *name)
{
	return strncmp(name, "transaction_", 12) == 0;
}

static bool
is_listed(const struct pattern_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *item = list->items[i].text;
		const char *star = strchr(item, '*');
		size_t length = star != NULL ? (size_t)(star - item) : strlen(item);

		if (strncasecmp(item, name, length) == 0 && (star != NULL || name[length] == '\0'))
			return true;
	}
	return false;
}

/* The first name that client_settings does not list, or NULL. */
static const char *
unlisted(const struct asked *asked)
{
	const struct sql_statement *statement = asked->statement;
	const struct pattern_list *list = &asked->policy->client_settings;

	for (size_t i = 0; list->count > 0 && i < statement->setting_name_count; i++) {
		const char *name = statement->setting_names[i];

		if (is_hidden(statement, name) ||
		    (name[0] != '\0' && !is_of_transaction(name) && !is_listed(list, name)))
			return name;
	}
	return NULL;
}

static bool
sets_unlisted(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return unlisted(asked) != NULL;
}

static void
why_unlisted(const struct asked *asked, const struct sql_act *act, struct buf *out)
{
	const char *name = unlisted(asked);

	if (name == NULL || name[0] == '\0')
		buf_put_text(out, "Which setting it changes cannot be told from the text.");
	else
		buf_printf(out, "Setting \"%s\" is not among client_settings of this policy.", name);
	(void)act;
}

static bool
stores_setting(const struct asked *asked, const struct sql_act *act)
{
	const struct sql_statement *statement = asked->statement;

	(void)act;
	/* A function may pin its own search_path: that is the safe way to write one. */
	if (!statement->setting_stored)
		return false;
	for (size_t i = 0; i < statement->act_count; i++)
		if (statement->acts[i].kind == SQL_ACT_FUNCTION &&
		    (statement->acts[i].flags & SQL_ACT_PATH_PINNED) != 0 &&
		    statement->setting_name_count == 1)
			return false;
	return true;
}

static bool
switches_role(const struct asked *asked, const struct sql_act *act)
{
	const struct sql_statement *statement = asked->statement;

	(void)act;
	if (statement->setting_stored)
		return false;
	for (size_t i = 0; i < statement->setting_name_count; i++) {
		const char *name = statement->setting_names[i];

		if (strcmp(name, "role") == 0 || strcmp(name, "session_authorization") == 0 ||
		    is_hidden(statement, name))
			return true;
	}
	return (statement->residue & SQL_RESIDUE_ROLE) != 0;
}

static bool
manages_roles(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return (asked->statement->classes & SQL_ROLE) != 0;
}

static bool
loosens(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return asked->statement->read_write;
}

static bool
misleads_parser(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return asked->statement->misread;
}

static bool
is_by_message(const struct asked *asked, const struct sql_act *act)
{
	(void)act;
	return asked->statement->by_message;
}

static bool
is_catalog(const struct sql_relation *relation)
{
	if (relation->schema == NULL)
		return strncmp(relation->name, "pg_", 3) == 0;
	return strcmp(relation->schema, "pg_catalog") == 0 ||
	    strcmp(relation->schema, "information_schema") == 0 ||
	    strcmp(relation->schema, "pg_toast") == 0;
}

static bool
writes_catalog(const struct asked *asked, const struct sql_act *act)
{
	const struct sql_statement *statement = asked->statement;

	(void)act;
	for (size_t i = 0; i < statement->relation_count; i++) {
		const struct sql_relation *relation = &statement->relations[i];
		unsigned access = relation->access;

		if (!is_catalog(relation))
			continue;
		if ((access & SQL_ACCESS_WRITE) != 0 && (statement->classes & SQL_WRITE) != 0)
			return true;
		if ((access & SQL_ACCESS_DDL) != 0 && (statement->classes & SQL_DDL) != 0)
			return true;
	}
	return false;
}

const struct builtin rules_session_integrity[] = {
	{ .id = "role-switch", .pack = PACK, .action = POLICY_DENY, .needs = "", .always = true,
	    .test = switches_role,
	    .why = "It changes the role in whose name statements run (or hides which setting it "
		   "changes), so that the rules of this user would no longer be those of the role.",
	    .safe = "Connect as a user of that role." },
	{ .id = "encoding", .pack = PACK, .action = POLICY_DENY, .needs = "", .always = true,
	    .sqlstate = "0A000", .test = misleads_parser,
	    .why = "The server would read later texts otherwise than the policy does: it takes them for "
		   "UTF-8, with standard_conforming_strings on.",
	    .safe = "Leave client_encoding at UTF8, and write E'…' for strings with backslashes." },
	{ .id = "setting-not-allowed", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .always = true, .test = sets_unlisted, .put_why = why_unlisted,
	    .safe = "Ask the owner of the policy to list it, or leave the setting alone." },
	{ .id = "setting-persisted", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .always = true, .test = stores_setting,
	    .why = "A setting that is stored with a role, database, function or the system holds in "
		   "later sessions, past every policy.",
	    .safe = "Set it for the session or, with SET LOCAL, for the transaction." },
	{ .id = "role-management", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .always = true, .test = manages_roles,
	    .why = "Roles, memberships, passwords and privileges decide what all policies rest upon.",
	    .safe = "Ask an administrator to do it, or for an exception." },
	{ .id = "transaction-mode", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .test = loosens,
	    .why = "READ WRITE takes back that the session only reads.",
	    .safe = "Leave the mode out: BEGIN;" },
	{ .id = "function-call-message", .pack = PACK, .action = POLICY_DENY, .needs = "",
	    .always = true, .test = is_by_message,
	    .why = "A FunctionCall message carries no SQL that a policy could judge: it names a function "
		   "by number.",
	    .safe = "Call the function in a SELECT. (Large-object calls of libpq and JDBC are such messages.)" },
	{ .id = "catalog-write", .pack = PACK, .action = POLICY_DENY, .needs = "", .always = true,
	    .test = writes_catalog,
	    .why = "{the table} belongs to PostgreSQL's catalogs; writing there can break the database "
		   "or change settings and rights.",
	    .safe = "Use the command that is meant for it, such as ALTER, SET or GRANT." },
};
const size_t rules_session_integrity_count = ARRAY_LENGTH(rules_session_integrity);
