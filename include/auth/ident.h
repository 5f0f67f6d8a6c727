/*
 * ident.h - which user of the system may be which user of a database: pg_ident.conf.
 *
 * A line is MAP SYSTEM-NAME DATABASE-NAME. A system name that begins with a slash is a
 * regular expression, of which \1 in the database name takes the first parentheses.
 */
#ifndef AUTH_IDENT_H
#define AUTH_IDENT_H

#include <stdbool.h>

#include "base/problems.h"

/* One reading of a file: never changes; owned by struct users. */
struct idents;

/* NULL: see *problems. */
struct idents *idents_load(const char *path, struct problems *problems);
/* For a file that could not be read: has every map, and permits nobody. */
struct idents *idents_unread(void);
void idents_free(struct idents *idents);
/* Is there a line of this map? */
bool idents_have(const struct idents *idents, const char *map);
/* May `system` be `user` under this map? */
bool idents_permit(
    const struct idents *idents, const char *map, const char *system, const char *user);

#endif
