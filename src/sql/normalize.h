/* normalize.h - a text without its values, for logs. */
#ifndef SQL_NORMALIZE_H
#define SQL_NORMALIZE_H

#include <stdbool.h>

#include "base/arena.h"

/*
 * Literals become $n. What the parser's library leaves of secrets goes too: every
 * string that is still there (programs of COPY, settings, comments on objects)
 * is '***', and so is every number where `hide_numbers`; comments are left out.
 * In the arena.
 */
char *normalize(struct arena *arena, const char *text, size_t length, bool hide_numbers);
/* The same of a text that is none of the parser's: every string is '***'. */
char *normalize_unparsed(
    struct arena *arena, const char *text, size_t length, bool hide_numbers);

#endif
