/*
 * catalog_internal.h - what a catalog is made of, and how it is read. Seen by
 * src/policy/catalog*.c only.
 */
#ifndef POLICY_CATALOG_INTERNAL_H
#define POLICY_CATALOG_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "base/arena.h"
#include "policy/catalog.h"

enum named_kind {
	NAMED_RELATION = 'r',
	NAMED_INDEX = 'i',
	NAMED_FUNCTION = 'f',
	NAMED_DOMAIN = 'd',
	NAMED_SCHEMA = 'n',
	NAMED_OTHER = 'o', /* a relation of which no more is known: PostgreSQL's own, a sequence */
};

/* PostgreSQL's names have at most 63 bytes. */
struct named_key {
	char kind;
	char name[64];
};
#define NAMED_KEY_LENGTH(length) (offsetof(struct named_key, name) + (length))

/* Who may look into a schema. */
struct catalog_users {
	bool everybody;
	bool known; /* `roles` are all others */
	const char **roles;
	size_t role_count;
};

/* A search_path that is stored for sessions. */
struct stored_path {
	const char *role; /* NULL: of every role */
	bool here;	  /* for this database alone */
	const char *path;
};

/* Something that has a name, in a schema. In the catalog's arena. */
struct named {
	UT_hash_handle hh; /* the first of its name and kind only */
	struct named *next; /* of the same name and kind in another schema */
	const char *schema;
	struct catalog_relation *relation; /* the relation, or that of the index */
	union {
		const struct catalog_index *index;
		const struct catalog_users *users; /* of a schema */
	};
	bool flag; /* of a function: it is steady; of a domain: it is used */
	struct named_key key;
};

struct catalog {
	atomic_uint references;
	struct arena *arena; /* all that follows is in it */
	struct named *named;
	struct catalog_relation **relations;
	size_t relation_count;
	bool has_paths; /* what follows, and schemas, were read */
	const char *search_path; /* the server's own default; or NULL */
	struct stored_path *paths;
	size_t path_count;
	int version;
	uint64_t read_us;
	uint64_t digest; /* of all lines but the header's */
};

/* The first of that name and kind, or NULL. */
struct named *catalog_named(
    const struct catalog *catalog, enum named_kind kind, const char *name);

#endif
