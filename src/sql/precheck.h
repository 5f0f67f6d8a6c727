/*
 * precheck.h - what a text must be before PostgreSQL's parser may see it.
 *
 * The parser is quadratic or runs out of stack on some shapes (long chains of
 * operators, nested comments, runs of operator characters). The caps lie far
 * above what people write, and below what does harm; docs/ARCHITECTURE.md has
 * the measurements.
 */
#ifndef SQL_PRECHECK_H
#define SQL_PRECHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum {
	PRECHECK_COMMENT_NESTING = 32,
	PRECHECK_OPERATOR_RUN = 63,
	PRECHECK_DEPTH = 1000,	     /* open ( and [ */
	PRECHECK_CHAIN = 4096,	     /* operators between commas: each nests the tree deeper */
	PRECHECK_STATEMENTS = 100,
	PRECHECK_TOKENS = 100 * 1000,
};

/* False: *err says which cap, and *position where (bytes from 1). */
bool precheck(const char *text, size_t length, struct error *err, int *position);

#endif
