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

/* Verbs that change no more than rows. */
static const char *const querying[] = { "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES" };

static bool
only_queries(const struct sql_statement *statement)
{
	const unsigned classes = SQL_READ | SQL_WRITE | SQL_FUNCTION | SQL_LOCK;

	if ((statement->classes & ~classes) != 0 || statement->by_message || statement->verbs == NULL)
		return false;
	for (size_t i = 0; statement->verbs[i] != NULL; i++)
		if (!text_is_among(statement->verbs[i], querying, ARRAY_LENGTH(querying)))
			return false;
	return true;
}

static bool
only_begins(const struct sql_statement *statement)
{
	return statement->classes == SQL_TXN && (statement->transaction == SQL_TXN_BEGIN ||
		statement->transaction == SQL_TXN_SAVEPOINT || statement->transaction == SQL_TXN_RELEASE);
}

bool
policy_is_quiet(const struct sql_statement *statement)
{
	return statement->setting_name_count == 0 && statement->setting_count == 0 &&
	    statement->residue == 0 &&
	    (only_queries(statement) || only_begins(statement));
}

/* Those of users may do anything. */
bool
policy_calls_builtins(const struct sql_statement *statement, struct catalogs *catalogs,
    const char *database)
{
	struct catalog *catalog;
	bool builtin;

	if (statement->function_count == 0)
		return true;
	catalog = catalogs_find(catalogs, database);
	builtin = catalog != NULL && !catalogs_is_stale(catalogs, database, CATALOGS_PATHS);
	for (size_t i = 0; i < statement->function_count && builtin; i++)
		builtin = catalog_function_is_builtin(catalog, statement->functions[i]);
	catalog_release(catalog);
	return builtin;
}

/* Do all statements in front of this one, in the same text, leave names where they were? */
static bool
is_quiet_before(const struct asked *asked)
{
	const struct sql_facts *facts = asked->facts;
	struct known *known = asked->known;

	if (known->quiet_of != facts) {
		known->quiet_of = facts;
		known->quiet = 0;
	}
	for (; known->quiet < facts->statement_count; known->quiet++) {
		const struct sql_statement *statement = &facts->statements[known->quiet];

		if (statement == asked->statement)
			return true;
		if (!policy_is_quiet(statement) ||
		    !policy_calls_builtins(statement, known->catalogs, known->database))
			break;
	}
	return asked->statement <= &facts->statements[known->quiet];
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

/* The search_path name by name. Kept while one statement is asked about. */
struct path_schemas {
	char names[SCHEMAS_MOST + 1][NAME_BYTES_MOST + 1];
	size_t count;
};

static bool
split(const char *path, const char *role, struct path_schemas *schemas)
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
add_system(struct path_schemas *schemas)
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
look_along(const struct catalog *catalog, const struct path_schemas *schemas, const char *role,
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

	if (path->set != NULL)
		return path_set_by(path->set);
	return mem_strdup(catalog_search_path(catalog, asked->subject->role));
}

/* What a PREPARE names is looked for when it is run: behind all others of its text. */
static bool
is_run_later(const struct asked *asked)
{
	return (asked->statement->residue & SQL_RESIDUE_PREPARE) != 0 &&
	    asked->facts->statement_count > 1;
}

/* A set_config() of a user's may not have set what is taken for set. */
static bool
is_known(const struct asked *asked, const struct catalog *catalog)
{
	const struct policy_script *script = asked->run->question->script;

	return script != NULL && script->path != NULL && script->path->known &&
	    asked->facts != NULL && asked->statement != NULL && only_looks(asked->statement) &&
	    !is_run_later(asked) && is_quiet_before(asked) &&
	    catalog_function_is_builtin(catalog, "set_config") &&
	    !catalogs_is_stale(asked->known->catalogs, asked->known->database, CATALOGS_PATHS);
}

/* Where the statement's bare names lead; NULL: not known. */
static const struct path_schemas *
schemas_of(const struct asked *asked, const struct catalog *catalog)
{
	struct known *known = asked->known;
	char *path;

	if (known->path_of == asked->statement)
		return known->schemas;
	known->path_of = asked->statement;
	mem_free(known->schemas);
	known->schemas = NULL;
	if (!is_known(asked, catalog))
		return NULL;
	path = path_in_force(asked, catalog);
	if (path != NULL) {
		known->schemas = mem_zalloc(1, sizeof(*known->schemas));
		if (split(path, asked->subject->role, known->schemas)) {
			add_system(known->schemas);
		} else {
			mem_free(known->schemas);
			known->schemas = NULL;
		}
	}
	mem_free(path);
	return known->schemas;
}

const char *
path_leads_to(const struct asked *asked, const char *name)
{
	const struct catalog *catalog = known_catalog(asked);
	const struct path_schemas *schemas;

	if (catalog == NULL || asked->run == NULL || asked->statement == NULL)
		return NULL;
	asked->known->path_asked = true;
	schemas = schemas_of(asked, catalog);
	if (schemas == NULL ||
	    catalogs_is_stale(asked->known->catalogs, asked->known->database, name))
		return NULL;
	return look_along(catalog, schemas, asked->subject->role, name);
}
