/*
 * readings.h - settings that PostgreSQL reads as it parses a statement.
 *
 * '01/02/2003'::date is a day in January or in February by the DateStyle at hand when it is
 * parsed, and stays that. So clients share a prepared statement only if what they have set of
 * these is the same.
 */
#ifndef SESSION_READINGS_H
#define SESSION_READINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/digest.h"
#include "pool/settings.h"
#include "sql/facts.h"

/* All but those that are known to be harmless; names with a dot are. */
bool readings_have(const char *name);
/* Of what is set of them, equal for equal sets; false: nothing is. */
bool readings_digest(const struct settings *settings, uint8_t digest[DIGEST_SIZE]);
/*
 * Could any statement of the text change one, in any spelling? search_path does not count:
 * PostgreSQL looks a statement's names up anew when it has changed.
 */
bool readings_may_change(const struct sql_facts *facts);
/*
 * Call `each` with what turns the readings of `have` into those of `want`, but for search_path.
 * True if there was any.
 */
bool readings_difference(const struct settings *have, const struct settings *want,
    void (*each)(const char *name, const char *statement, void *arg), void *arg);

#endif
