/* hint.h - the safe way to say it, made from the statement itself. */
#ifndef SQL_HINT_H
#define SQL_HINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "sql/facts.h"

/*
 * Append the statement with CONCURRENTLY in its place: CREATE [UNIQUE] INDEX,
 * DROP INDEX, REINDEX INDEX | TABLE | SCHEMA | DATABASE, REFRESH MATERIALIZED
 * VIEW. False, and nothing appended, if it is none of these or says it already.
 */
bool sql_hint_concurrently(const char *text, size_t length,
    const struct sql_statement *statement, struct buf *out);
/* Is there a name that PostgreSQL would cut? The first one, as written, goes to `out`. */
bool sql_hint_long_name(const char *text, size_t length,
    const struct sql_statement *statement, struct buf *out);

#endif
