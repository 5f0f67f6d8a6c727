/*
 * catalog.h - what a database has in it: relations, how large they are, their columns,
 * indexes and constraints, for the rules that must know the server.
 *
 * A catalog is one database at one moment. It never changes once it is read, is counted,
 * and is shared by all threads. Its text form is JSON, one object a line: a header, a
 * line for each relation, domain, schema with functions and schema as such, one on where
 * names are looked for, and a last line that proves that nothing is missing. PostgreSQL itself makes the lines (catalog/fetch.h); a dump
 * of them is what `pgweirctl lint --catalog` reads.
 */
#ifndef POLICY_CATALOG_H
#define POLICY_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct catalog;
struct catalog_builder;

/* All of it, and what follows, is the catalog's memory. */
struct catalog_column {
	const char *name;
	const char *type; /* "int4", "varchar"; of a type that is not PostgreSQL's "schema.name" */
	int32_t typmod;	  /* as PostgreSQL keeps it; -1: none */
	bool not_null, has_default;
	bool collated; /* otherwise than its type */
};

struct catalog_index {
	const char *name;
	const char *method;   /* "btree" */
	const char **columns; /* of the key, in order; "" where an expression stands */
	size_t column_count;
	const char **uses; /* of a partial one or with expressions: every column it looks at */
	size_t use_count;
	bool unique, primary, valid, partial;
};

struct catalog_constraint {
	const char *name;
	char kind; /* as in pg_constraint.contype: c, f, p, u, x */
	bool validated, no_inherit;
	const char *sql; /* its definition */
	const char **columns;
	size_t column_count;
};

struct catalog_relation {
	const char *schema, *name;
	char kind;    /* as in pg_class.relkind: r, p, v, m, f */
	int64_t rows; /* an estimate, with those of partitions and children; -1: not known */
	bool populated; /* of a materialized view: it has been filled */
	bool has_children; /* partitions or children */
	const char *key; /* of a partitioned table: "RANGE (day)"; else NULL */
	const char *parent_schema, *parent; /* of a partition or child; NULL without one */
	const struct catalog_column *columns;
	size_t column_count;
	const struct catalog_index *indexes;
	size_t index_count;
	const struct catalog_constraint *constraints;
	size_t constraint_count;
};

/* How a name without schema or with one was found. */
enum catalog_found {
	CATALOG_MISSING,
	CATALOG_FOUND,
	CATALOG_SEVERAL, /* without schema, in more than one */
};

enum catalog_usage { CATALOG_USAGE_UNKNOWN, CATALOG_USABLE, CATALOG_UNUSABLE };

/* Start reading; it may grow to `most_bytes`. */
struct catalog_builder *catalog_builder_new(size_t most_bytes);
/* Take a line. False with *err when it is none of ours, or there is no more room. */
bool catalog_builder_line(
    struct catalog_builder *builder, const char *line, size_t length, struct error *err);
/* Frees the builder. NULL with *err when something is missing; else the caller has a reference. */
struct catalog *catalog_builder_end(struct catalog_builder *builder, struct error *err);
void catalog_builder_free(struct catalog_builder *builder); /* without its end; NULL is fine */

/* A dump. NULL with *err. */
struct catalog *catalog_load(const char *path, struct error *err);

struct catalog *catalog_reference(struct catalog *catalog);
void catalog_release(struct catalog *catalog); /* NULL is fine */

/* The relation; NULL unless there is exactly one of that name. schema may be NULL. */
const struct catalog_relation *catalog_relation(const struct catalog *catalog,
    const char *schema, const char *name, enum catalog_found *found);
/* Its rows, or the most that one of that name has; -1 when not known. */
int64_t catalog_rows(const struct catalog *catalog, const char *schema, const char *name);
/* The table of an index; *index is set with it. NULL likewise. */
const struct catalog_relation *catalog_index_table(const struct catalog *catalog,
    const char *schema, const char *name, const struct catalog_index **index);
const struct catalog_column *catalog_column(
    const struct catalog_relation *relation, const char *name);
/* The schema, in the catalog's words, if a name in it leads to something; else NULL. */
const char *catalog_holds(const struct catalog *catalog, const char *schema, const char *name);
/* May the role look into the schema? */
enum catalog_usage catalog_usage(
    const struct catalog *catalog, const char *schema, const char *role);
/* The search_path that sessions of the role begin with; NULL when it is not known. */
const char *catalog_search_path(const struct catalog *catalog, const char *role);
/* Is every function of that name one of PostgreSQL's own? */
bool catalog_function_is_builtin(const struct catalog *catalog, const char *name);
/* Is every function of that name known not to be volatile? */
bool catalog_is_steady(const struct catalog *catalog, const char *name);
/* Is the domain known, and used by nothing that has rows? */
bool catalog_domain_is_unused(
    const struct catalog *catalog, const char *schema, const char *name);

/* As in server_version_num: 150004. */
int catalog_server_version(const struct catalog *catalog);
size_t catalog_relation_count(const struct catalog *catalog);
size_t catalog_bytes(const struct catalog *catalog);
/* When it was read, by the wall's clock. */
uint64_t catalog_read_us(const struct catalog *catalog);
/* Do they say the same? When they were read does not count. */
bool catalog_is_same(const struct catalog *a, const struct catalog *b);

#endif
