/*
 * replication.h - commands of the replication protocol, which are no SQL.
 *
 * PostgreSQL documentation, "Streaming Replication Protocol". A walsender tells them from
 * SQL by their first word alone (repl_scanner.l), and so does this.
 */
#ifndef SQL_REPLICATION_H
#define SQL_REPLICATION_H

#include <stddef.h>

#include "sql/facts.h"

/* The command with which the text begins, "START_REPLICATION"; NULL: it is SQL. */
const char *sql_replication_command(const char *text);
/*
 * Facts of what is asked of a walsender, of class REPLICATION; `verb` is a constant. To be
 * freed by sql_facts_free().
 */
struct sql_facts *sql_facts_of_replication(const char *verb, const char *text, size_t length);

#endif
