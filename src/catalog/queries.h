/* queries.h - what PostgreSQL is asked to tell of itself. Called by fetch.c. */
#ifndef CATALOG_QUERIES_H
#define CATALOG_QUERIES_H

#include <stdint.h>

/* Begin the transaction, with its limits. The caller frees. */
char *catalog_query_begin(int64_t timeout_ms);
/* Lines of relations, for this version of the server. The caller frees. */
char *catalog_query_relations(int version);
/* Lines of functions, a schema each; and of domains. */
extern const char catalog_query_functions[], catalog_query_domains[];
/* Lines of schemas, and the one on where names are looked for. */
extern const char catalog_query_namespaces[], catalog_query_paths[];

#endif
