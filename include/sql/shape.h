/*
 * shape.h - a key that a text shares with others that differ in literals only.
 *
 * Applications that write their values into the text (pgbench, most ORMs in
 * simple mode) never send the same text twice, so a cache keyed by the text
 * never hits. The shape is the text with such literals taken out, but only
 * where no fact can depend on their value:
 *
 *	WHERE a = 5 AND b < 'x'		what a column is compared with, in a
 *					chain of AND (in SELECT also OR)
 *	UPDATE t SET a = 5, b = b + 5	what is assigned
 *	INSERT … VALUES (5, 'x')	a whole element of a row
 *	LIMIT 5 OFFSET 5
 *
 * Everything else stays in the key byte for byte: spaces, names in the user's
 * case, arguments of functions, `1 = 1`, LIKE '%', IN (1, 2), casts.
 *
 * The promise: two texts with the same key are made of the same kinds of token
 * in the same order, so PostgreSQL's grammar makes the same tree of them, and
 * facts of sql/facts.h are equal except locations and lengths. Who adds a fact
 * that depends on the value of a literal in one of the places above must take
 * the place out of shape.c; tests/unit/sql/test_shape.c compares the facts of
 * thousands of texts and will say so.
 */
#ifndef SQL_SHAPE_H
#define SQL_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Longer texts have no shape: they are rare, and parsing them is not. */
enum { SHAPE_TEXT_MOST = 4096 };

/*
 * Write the text's shape into *key, which is cleared first; it is never longer
 * than the text. False: the text is not plain enough to tell (comments, dollar
 * quotes, escapes, bytes beyond ASCII, several statements, anything but SELECT,
 * INSERT, UPDATE, DELETE) and must be parsed; *key is then of no use.
 *
 * Only facts are shared. An error of the parser names the literal it stumbled
 * upon, and the cap on length is about this text: the caller looks at both itself.
 */
bool sql_shape(const char *text, size_t length, struct buf *key);

#endif
