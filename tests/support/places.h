/*
 * places.h - does a literal that a shape leaves out stand where it may? Told from
 * PostgreSQL's tree of the text, which knows nothing of how sql/shape.c reads it.
 */
#ifndef TESTS_SUPPORT_PLACES_H
#define TESTS_SUPPORT_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * Is each of them compared with a column in a chain of AND, assigned, an element
 * of a row of VALUES, or the count of LIMIT or OFFSET? `text` is NUL-terminated
 * and can be parsed.
 */
bool places_are_plain(const char *text, const struct buf *key);

#endif
