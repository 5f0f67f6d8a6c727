/* name_regex.h - the regular expressions of pg_hba.conf and pg_ident.conf: "/…". */
#ifndef AUTH_NAME_REGEX_H
#define AUTH_NAME_REGEX_H

#include <stdbool.h>

#include "base/error.h"

/* A compiled expression; never changes, any thread. Freed by name_regex_free(). */
struct name_regex;

/* `text` is what stands behind the slash. NULL: *err says why. */
struct name_regex *name_regex_new(const char *text, struct error *err);
void name_regex_free(struct name_regex *regex);
/*
 * Is it found anywhere in the name? No answer within bounds is no, and *undecided (may be
 * NULL) is set then.
 */
bool name_regex_fits(const struct name_regex *regex, const char *name, bool *undecided);
/* How many parentheses capture. */
unsigned name_regex_captures(const struct name_regex *regex);
/*
 * The same, and the first \1 in `form` is replaced by what the first parentheses matched. The
 * caller frees *made with mem_free(). NULL: it does not fit.
 */
char *name_regex_replace(
    const struct name_regex *regex, const char *name, const char *form);

#endif
