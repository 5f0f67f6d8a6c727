/*
 * path.c - where a bare name leads in a session: along its search_path, through the catalog,
 * as PostgreSQL looks for relations (namespace.c). What is not known for sure leads nowhere:
 * a permission must not be got by it. Asked by match_keys.c for whatever permits.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "policy/catalogs.h"
#include "policy_internal.h"

enum {
	SCHEMAS_MOST = 32,	/* of a search_path */
	SET_BYTES_MOST = 768,	/* of the statement that set it: it is parsed where it is asked for */
	NAME_BYTES_MOST = 63,
};

/* Verbs that look for the relations they name, and make none. */
static const char *const looking[] = { "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY",
	"PREPARE", "EXPLAIN", "DECLARE", "LOCK", "TRUNCATE", "VACUUM", "ANALYZE" };

static bool
only_looks(const struct sql_statement *statement)
{
	for (size_t i = 0; statement->verbs != NULL && statement->verbs[i] != NULL; i++)
		if (!text_is_among(statement->verbs[i], looking, ARRAY_LENGTH(looking)))
			return false;
	return statement->verbs != NULL;
}

/* The settings by which names lead elsewhere; "" may be any. */
static bool
sets_path(const struct sql_statement *statement)
{
	static const char *const names[] = { "", "search_path", "role", "session_authorization" };

	for (size_t i = 0; i < statement->setting_name_count; i++)
		if (text_is_among(statement->setting_names[i], names, ARRAY_LENGTH(names)))
			return true;
	return statement->discards_all;
}

/* Functions of users may do anything; PostgreSQL's own that do are told by what they leave. */
static bool
calls_others(const struct sql_statement *statement, struct catalogs *catalogs,
    const char *database)
{
	struct catalog *catalog;
	bool moved = false;

	if (statement->function_count == 0)
		return false;
	catalog = catalogs_find(catalogs, database);
	for (size_t i = 0; i < statement->function_count && !moved; i++)
		moved = catalog == NULL ||
		    !catalog_function_is_builtin(catalog, statement->functions[i]);
	catalog_release(catalog);
	return moved;
}

bool
policy_path_is_moved(const struct sql_statement *statement, struct catalogs *catalogs,
    const char *database)
{
	unsigned acts = statement->effects & (SQL_DDL | SQL_ROLE | SQL_DO | SQL_CALL);
	unsigned left = statement->residue &
	    (SQL_RESIDUE_OPAQUE | SQL_RESIDUE_ROLE | SQL_RESIDUE_TEMP);

	return (acts != 0 && !only_looks(statement)) || left != 0 ||
	    statement->transaction == SQL_TXN_ROLLBACK_TO || sets_path(statement) ||
	    calls_others(statement, catalogs, database);
}

/* EXECUTE runs what the text does not show. */
static bool
runs_a_name(const struct sql_statement *statement)
{
	return (statement->classes & SQL_PREPARE) != 0 && !statement->deallocates &&
	    (statement->residue & SQL_RESIDUE_PREPARE) == 0;
}

/* Does a statement in front of this one, in the same text, lead names elsewhere? */
static bool
is_moved_before(const struct asked *asked)
{
	const struct sql_facts *facts = asked->facts;

	for (size_t i = 0; i < facts->statement_count && &facts->statements[i] != asked->statement; i++)
		if (runs_a_name(&facts->statements[i]) ||
		    policy_path_is_moved(
			&facts->statements[i], asked->known->catalogs, asked->known->database))
			return true;
	return false;
}

/* The search_path that a SET gives, a copy; NULL when it does not show. */
static char *
path_set_by(const char *statement)
{
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position;
	char *path = NULL;

	if (strlen(statement) > SET_BYTES_MOST ||
	    sql_facts(statement, strlen(statement), SET_BYTES_MOST, &facts, &err, &position) !=
		SQL_KNOWN)
		return NULL;
	if (facts->statement_count == 1 && facts->statements[0].setting_count == 1)
		path = mem_strdup(facts->statements[0].settings[0].path);
	sql_facts_free(facts);
	return path;
}

/* One name off the front of a list, as SplitIdentifierString() reads it. */
static bool
take_name(const char **at, char name[NAME_BYTES_MOST + 1])
{
	bool quoted = **at == '"';
	size_t length = 0;

	*at += quoted;
	for (; **at != '\0'; ++*at) {
		char byte = **at;

		if (quoted && byte == '"' && (*at)[1] == '"')
			++*at;
		else if (quoted ? byte == '"' : (byte == ',' || strchr(" \t\n\r\f", byte) != NULL))
			break;
		if (!quoted && byte >= 'A' && byte <= 'Z')
			byte = (char)(byte | 0x20);
		if (length == NAME_BYTES_MOST)
			return false;
		name[length++] = byte;
	}
	name[length] = '\0';
	if (quoted && **at != '"')
		return false;
	*at += quoted;
	return quoted || length > 0;
}

/* A name of PostgreSQL's, which has no longer ones. */
static void
put_name(char name[NAME_BYTES_MOST + 1], const char *text)
{
	snprintf(name, NAME_BYTES_MOST + 1, "%s", text);
}

/* The search_path name by name. */
struct schemas {
	char names[SCHEMAS_MOST + 1][NAME_BYTES_MOST + 1];
	size_t count;
};

static bool
split(const char *path, const char *role, struct schemas *schemas)
{
	const char *at = path + strspn(path, " \t\n\r\f");

	while (*at != '\0') {
		char *name = schemas->names[schemas->count];

		if (schemas->count == SCHEMAS_MOST || !take_name(&at, name))
			return false;
		if (strcmp(name, "$user") == 0)
			put_name(name, role);
		schemas->count++;
		at += strspn(at, " \t\n\r\f");
		if (*at != ',' && *at != '\0')
			return false;
		if (*at == ',' && *(at += 1 + strspn(at + 1, " \t\n\r\f")) == '\0')
			return false;
	}
	return true;
}

/* Ahead of all others unless it has a place of its own. */
static void
add_system(struct schemas *schemas)
{
	for (size_t i = 0; i < schemas->count; i++)
		if (strcmp(schemas->names[i], "pg_catalog") == 0)
			return;
	memmove(schemas->names[1], schemas->names[0], schemas->count * sizeof(schemas->names[0]));
	put_name(schemas->names[0], "pg_catalog");
	schemas->count++;
}

/* The session has nothing temporary, so pg_temp holds nothing; those of others are unknown. */
static bool
is_of_others(const char *schema)
{
	return strncmp(schema, "pg_temp_", 8) == 0 || strncmp(schema, "pg_toast", 8) == 0;
}

/* The first schema of the path that has the name and that the role may use; the catalog's. */
static const char *
look_along(const struct catalog *catalog, const struct schemas *schemas, const char *role,
    const char *name)
{
	for (size_t i = 0; i < schemas->count; i++) {
		const char *schema = schemas->names[i];
		const char *holds;

		if (is_of_others(schema))
			return NULL;
		holds = catalog_holds(catalog, schema, name);
		if (holds == NULL)
			continue;
		switch (catalog_usage(catalog, schema, role)) {
		case CATALOG_USABLE:
			return holds;
		case CATALOG_UNUSABLE:
			continue;
		case CATALOG_USAGE_UNKNOWN:
			return NULL;
		}
	}
	return NULL;
}

static char *
path_in_force(const struct asked *asked, const struct catalog *catalog)
{
	const struct policy_path *path = asked->run->question->script->path;
	const char *of_role;

	if (path->names != NULL)
		return mem_strdup(path->names);
	if (path->set != NULL)
		return path_set_by(path->set);
	of_role = catalog_search_path(catalog, asked->subject->role);
	return mem_strdup(of_role);
}

static bool
is_known(const struct asked *asked, const char *name)
{
	const struct policy_script *script = asked->run->question->script;

	return script != NULL && script->path != NULL && script->path->known &&
	    asked->statement != NULL && only_looks(asked->statement) && !is_moved_before(asked) &&
	    !catalogs_is_stale(asked->known->catalogs, asked->known->database, name) &&
	    !catalogs_is_stale(asked->known->catalogs, asked->known->database, CATALOGS_PATHS);
}

const char *
path_leads_to(const struct asked *asked, const char *name)
{
	const struct catalog *catalog = known_catalog(asked);
	struct schemas schemas = { .count = 0 };
	const char *schema = NULL;
	char *path;

	if (catalog == NULL || asked->run == NULL)
		return NULL;
	asked->known->path_asked = true;
	if (!is_known(asked, name))
		return NULL;
	path = path_in_force(asked, catalog);
	if (path != NULL && split(path, asked->subject->role, &schemas)) {
		add_system(&schemas);
		schema = look_along(catalog, &schemas, asked->subject->role, name);
	}
	mem_free(path);
	return schema;
}
