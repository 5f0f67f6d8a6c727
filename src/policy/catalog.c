/*
 * catalog.c - one database at one moment: looking things up in it. catalog_read.c
 * makes it from lines; known.c asks it for the rules. See include/policy/catalog.h.
 */
#include <string.h>

#include "base/mem.h"
#include "catalog_internal.h"

struct catalog *
catalog_reference(struct catalog *catalog)
{
	atomic_fetch_add(&catalog->references, 1);
	return catalog;
}

void
catalog_release(struct catalog *catalog)
{
	if (catalog == NULL || atomic_fetch_sub(&catalog->references, 1) > 1)
		return;
	HASH_CLEAR(hh, catalog->named);
	arena_free(catalog->arena);
	mem_free(catalog);
}

struct named *
catalog_named(const struct catalog *catalog, enum named_kind kind, const char *name)
{
	struct named_key key = { .kind = (char)kind };
	size_t length = strlen(name);
	struct named *named;

	if (length >= sizeof(key.name))
		return NULL;
	memcpy(key.name, name, length);
	HASH_FIND(hh, catalog->named, &key, NAMED_KEY_LENGTH(length), named);
	return named;
}

/* The only one of its name, or the one in that schema. */
static const struct named *
one_of(const struct catalog *catalog, enum named_kind kind, const char *schema,
    const char *name, enum catalog_found *found)
{
	const struct named *named = catalog_named(catalog, kind, name);

	*found = CATALOG_MISSING;
	for (; schema != NULL && named != NULL; named = named->next)
		if (strcmp(named->schema, schema) == 0)
			break;
	if (named == NULL)
		return NULL;
	*found = schema == NULL && named->next != NULL ? CATALOG_SEVERAL : CATALOG_FOUND;
	return *found == CATALOG_FOUND ? named : NULL;
}

const struct catalog_relation *
catalog_relation(const struct catalog *catalog, const char *schema, const char *name,
    enum catalog_found *found)
{
	const struct named *named = one_of(catalog, NAMED_RELATION, schema, name, found);

	return named != NULL ? named->relation : NULL;
}

int64_t
catalog_rows(const struct catalog *catalog, const char *schema, const char *name)
{
	const struct named *named = catalog_named(catalog, NAMED_RELATION, name);
	int64_t most = -1;

	for (; named != NULL; named = named->next) {
		if (schema != NULL && strcmp(named->schema, schema) != 0)
			continue;
		if (named->relation->rows < 0)
			return -1;
		if (named->relation->rows > most)
			most = named->relation->rows;
	}
	return most;
}

const struct catalog_relation *
catalog_index_table(const struct catalog *catalog, const char *schema, const char *name,
    const struct catalog_index **index)
{
	enum catalog_found found;
	const struct named *named = one_of(catalog, NAMED_INDEX, schema, name, &found);

	if (named == NULL)
		return NULL;
	*index = named->index;
	return named->relation;
}

const struct catalog_column *
catalog_column(const struct catalog_relation *relation, const char *name)
{
	for (size_t i = 0; name != NULL && i < relation->column_count; i++)
		if (strcmp(relation->columns[i].name, name) == 0)
			return &relation->columns[i];
	return NULL;
}

const char *
catalog_holds(const struct catalog *catalog, const char *schema, const char *name)
{
	static const enum named_kind kinds[] = { NAMED_RELATION, NAMED_OTHER };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct named *named = catalog_named(catalog, kinds[i], name);

		for (; named != NULL; named = named->next)
			if (strcmp(named->schema, schema) == 0)
				return named->schema;
	}
	return NULL;
}

enum catalog_usage
catalog_usage(const struct catalog *catalog, const char *schema, const char *role)
{
	const struct named *named = catalog_named(catalog, NAMED_SCHEMA, schema);

	if (named == NULL)
		return CATALOG_USAGE_UNKNOWN;
	if (named->users->everybody)
		return CATALOG_USABLE;
	for (size_t i = 0; i < named->users->role_count; i++)
		if (strcmp(named->users->roles[i], role) == 0)
			return CATALOG_USABLE;
	return named->users->known ? CATALOG_UNUSABLE : CATALOG_USAGE_UNKNOWN;
}

const char *
catalog_search_path(const struct catalog *catalog, const char *role)
{
	const struct stored_path *best = NULL;
	int rank = -1;

	if (!catalog->has_paths)
		return NULL;
	/* What is said of the role counts before what is said of the database. */
	for (size_t i = 0; i < catalog->path_count; i++) {
		const struct stored_path *stored = &catalog->paths[i];
		int here = (stored->role != NULL) * 2 + stored->here;

		if (here > rank && (stored->role == NULL || strcmp(stored->role, role) == 0)) {
			best = stored;
			rank = here;
		}
	}
	return best != NULL ? best->path : catalog->search_path;
}

bool
catalog_function_is_builtin(const struct catalog *catalog, const char *name)
{
	const struct named *named = catalog_named(catalog, NAMED_FUNCTION, name);

	if (named == NULL)
		return false;
	for (; named != NULL; named = named->next)
		if (strcmp(named->schema, "pg_catalog") != 0)
			return false;
	return true;
}

bool
catalog_is_steady(const struct catalog *catalog, const char *name)
{
	const struct named *named = catalog_named(catalog, NAMED_FUNCTION, name);

	if (named == NULL)
		return false;
	for (; named != NULL; named = named->next)
		if (!named->flag)
			return false;
	return true;
}

bool
catalog_domain_is_unused(const struct catalog *catalog, const char *schema, const char *name)
{
	enum catalog_found found;
	const struct named *named = one_of(catalog, NAMED_DOMAIN, schema, name, &found);

	return named != NULL && !named->flag;
}

int
catalog_server_version(const struct catalog *catalog)
{
	return catalog->version;
}

size_t
catalog_relation_count(const struct catalog *catalog)
{
	return catalog->relation_count;
}

size_t
catalog_bytes(const struct catalog *catalog)
{
	return arena_size(catalog->arena) + sizeof(*catalog);
}

uint64_t
catalog_read_us(const struct catalog *catalog)
{
	return catalog->read_us;
}

bool
catalog_is_same(const struct catalog *a, const struct catalog *b)
{
	return a == b || (a != NULL && b != NULL && a->digest == b->digest);
}
