/* split.h - the statements of a file of SQL as psql reads it. */
#ifndef SQL_SPLIT_H
#define SQL_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The next statement at or behind *at: from its first word to its semicolon (left out), or
 * to the end of the text. psql's own commands (\connect …) and the rows behind COPY … FROM
 * STDIN are skipped. False at the end; *at goes on behind what was found.
 */
bool sql_next_statement(
    const char *text, size_t length, size_t *at, size_t *start, size_t *statement_length);

#endif
