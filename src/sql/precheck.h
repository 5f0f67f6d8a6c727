/*
 * precheck.h - what a text must be before PostgreSQL's parser may see it.
 *
 * The caps lie far above what people write, and below what does harm. Measured
 * with libpg_query 15-4.0.0:
 *
 *	chain of 32 000 operators (64 KB)	0.8 s, and 10 s for four times that:
 *						each level is packed into the one
 *						above. 4 096 take about 15 ms.
 *	8 KB, 64 KB of nested comments		150 ms, 2 s
 *	32 KB of operator signs			2.5 s
 *	100 000 statements			140 MB to parse, 870 MB to normalise
 *
 * Nothing useful is lost: a server with its usual stack of 2 MB refuses an
 * expression of 5 000 levels itself.
 */
#ifndef SQL_PRECHECK_H
#define SQL_PRECHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum {
	PRECHECK_COMMENT_NESTING = 32,
	PRECHECK_OPERATOR_RUN = 63,
	PRECHECK_DEPTH = 1000, /* open ( and [ */
	PRECHECK_CHAIN = 4096, /* operators between commas: each nests the tree deeper */
	PRECHECK_STATEMENTS = 100,
	PRECHECK_TOKENS = 100 * 1000,
};

/* False: *err says which cap, and *position where (bytes from 1). */
bool precheck(const char *text, size_t length, struct error *err, int *position);

#endif
