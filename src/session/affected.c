/* affected.c - see affected.h. */
#include <stdlib.h>
#include <string.h>

#include "affected.h"
#include "base/text.h"
#include "inbound.h"
#include "prepared.h"

/* Is the number of a COPY's tag of rows that it changed? Of COPY (INSERT … RETURNING) TO it is. */
static bool
copy_changes(const struct sql_statement *statement)
{
	return statement != NULL && ((statement->effects & SQL_COPY_IN) != 0 ||
		((statement->effects & SQL_WRITE) != 0 && !statement->writes_uncounted));
}

int64_t
affected_by_tag(const char *tag, const struct sql_statement *statement)
{
	static const char *const verbs[] = { "INSERT ", "UPDATE ", "DELETE ", "MERGE " };
	const char *space = strrchr(tag, ' ');
	bool counts = strncmp(tag, "COPY ", 5) == 0 && copy_changes(statement);

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		counts = counts || strncmp(tag, verbs[i], strlen(verbs[i])) == 0;
	if (!counts || space == NULL)
		return -1;
	return strtoll(space + 1, NULL, 10);
}

/* What an EXECUTE runs, or the statement itself; NULL: not known. */
static const struct sql_statement *
statement_run(const struct client *client, const struct sql_statement *statement)
{
	const char *name = statement == NULL ? NULL : statement_executed(statement);
	const struct statement *prepared = name == NULL ? NULL : names_find(client, name);

	if (name == NULL)
		return statement;
	return prepared == NULL || prepared->judged->facts == NULL ||
		prepared->judged->facts->statement_count != 1
	    ? NULL
	    : &prepared->judged->facts->statements[0];
}

bool
affected_may_be(const struct client *client, const struct sql_statement *statement)
{
	static const char *const verbs[] = { "INSERT", "UPDATE", "DELETE", "MERGE" };

	statement = statement_run(client, statement);
	if (statement == NULL)
		return true;
	/* What a PREPARE prepares has no verb of its own. */
	if ((statement->residue & SQL_RESIDUE_PREPARE) != 0)
		return (statement->effects & SQL_WRITE) != 0;
	return text_is_among(statement->verb, verbs, sizeof(verbs) / sizeof(verbs[0]));
}
