/* describe.h - what describe.c and manual.c say in the same words. */
#ifndef CONFIG_DESCRIBE_H
#define CONFIG_DESCRIBE_H

#include <stdbool.h>

#include "base/buf.h"
#include "settings.h"

/* What follows from the row itself: its words or range, its default, restart or reload. */
void describe_facts(const struct setting *row, bool with_default, struct buf *out);
/* The first part of a name up to its last dot, "" without one; the caller frees it. */
char *describe_group(const char *name);

#endif
