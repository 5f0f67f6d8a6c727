/*
 * span.h - where a piece of the statement ends, of which the tree tells only the
 * beginning. For hints, which repeat what the client wrote.
 */
#ifndef SQL_SPAN_H
#define SQL_SPAN_H

#include "collect.h"

/* All are empty when the place is not one of this text. */

/* From there to the comma or parenthesis that ends the element of a list. */
struct slice span_element(const struct collector *facts, uint64_t location);
/* The type of a column. */
struct slice span_type(const struct collector *facts, uint64_t location);
/* What follows DEFAULT. */
struct slice span_default(const struct collector *facts, uint64_t location);
/* The first group in parentheses, with them. */
struct slice span_group(const struct collector *facts, uint64_t location);
/* "parents (id) ON DELETE CASCADE", from the table on. */
struct slice span_reference(const struct collector *facts, uint64_t location);

#endif
