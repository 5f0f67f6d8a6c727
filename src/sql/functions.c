/* functions.c - calls of functions, and what known ones leave in the server connection.
 */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"

enum { CALL_NAME = 1 };

/* A built-in function (or one of a well-known extension) that outlives its transaction.
 */
struct known_function {
	const char *name;
	unsigned residue;
};

/*
 * Sorted by name. OPAQUE: it runs a text given to it, or makes something of the
 * session's that has no kind of its own here.
 */
static const struct known_function known_functions[] = {
	{ "connectby", SQL_RESIDUE_OPAQUE },
	{ "crosstab", SQL_RESIDUE_OPAQUE },
	{ "crosstab2", SQL_RESIDUE_OPAQUE },
	{ "crosstab3", SQL_RESIDUE_OPAQUE },
	{ "crosstab4", SQL_RESIDUE_OPAQUE },
	{ "crosstab_hash", SQL_RESIDUE_OPAQUE },
	{ "database_to_xml", SQL_RESIDUE_OPAQUE },
	{ "dblink_connect", SQL_RESIDUE_DBLINK },
	{ "dblink_connect_u", SQL_RESIDUE_DBLINK },
	{ "pg_advisory_lock", SQL_RESIDUE_ADVISORY },
	{ "pg_advisory_lock_shared", SQL_RESIDUE_ADVISORY },
	{ "pg_backup_start", SQL_RESIDUE_OPAQUE },
	{ "pg_copy_logical_replication_slot", SQL_RESIDUE_OPAQUE },
	{ "pg_copy_physical_replication_slot", SQL_RESIDUE_OPAQUE },
	{ "pg_create_logical_replication_slot", SQL_RESIDUE_OPAQUE },
	{ "pg_create_physical_replication_slot", SQL_RESIDUE_OPAQUE },
	{ "pg_replication_origin_session_setup", SQL_RESIDUE_OPAQUE },
	{ "pg_start_backup", SQL_RESIDUE_OPAQUE },
	{ "pg_try_advisory_lock", SQL_RESIDUE_ADVISORY },
	{ "pg_try_advisory_lock_shared", SQL_RESIDUE_ADVISORY },
	{ "query_to_xml", SQL_RESIDUE_OPAQUE },
	{ "query_to_xml_and_xmlschema", SQL_RESIDUE_OPAQUE },
	{ "query_to_xmlschema", SQL_RESIDUE_OPAQUE },
	{ "set_limit", SQL_RESIDUE_SETTING },
	{ "setseed", SQL_RESIDUE_SEED },
	{ "ts_rewrite", SQL_RESIDUE_OPAQUE },
	{ "ts_stat", SQL_RESIDUE_OPAQUE },
	{ "xpath_table", SQL_RESIDUE_OPAQUE },
};

static int
compare(const void *key, const void *element)
{
	const struct slice *name = key;
	const char *known = ((const struct known_function *)element)->name;
	size_t length = strlen(known);
	size_t common = name->length < length ? name->length : length;
	int order = memcmp(name->bytes, known, common);

	if (order != 0)
		return order;
	return (name->length > length) - (name->length < length);
}

/* A function of the same name in a schema of the user's is taken for the known one. */
void
handle_call(struct collector *facts, struct slice body, struct context *context)
{
	struct slice name = tree_name(body, CALL_NAME, NULL);
	const struct known_function *known;

	if (name.length == 0)
		return;
	collect_function(facts, name);
	act_called(facts, name, context);
	if (slice_is(name, "set_config")) {
		handle_set_config(facts, body, context);
		return;
	}
	known = bsearch(&name, known_functions,
	    sizeof(known_functions) / sizeof(known_functions[0]),
	    sizeof(known_functions[0]), compare);
	if (known != NULL)
		collect_residue(facts, context, known->residue);
}
