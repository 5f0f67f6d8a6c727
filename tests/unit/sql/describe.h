/*
 * describe.h - facts in one line, so that a test can say what it expects.
 *
 *	verb[,verb…] CLASS[,CLASS…] [r|w|d]:relation… f:function… and so on;
 *
 * what is empty is left out.
 */
#ifndef TESTS_SQL_DESCRIBE_H
#define TESTS_SQL_DESCRIBE_H

#include "base/buf.h"
#include "sql/facts.h"

/* The caller frees it with mem_free(). Statements are parted by " ; ". */
char *describe(const struct sql_facts *facts);
/* The facts of a text that must be known; else its error as "!text". */
char *describe_text(const char *text);

#endif
