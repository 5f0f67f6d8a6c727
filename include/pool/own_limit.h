/*
 * own_limit.h - the statement_timeout that a client set for its session.
 *
 * PostgreSQL keeps it while a statement runs; time in line counts against it too.
 */
#ifndef POOL_OWN_LIMIT_H
#define POOL_OWN_LIMIT_H

#include <stdint.h>

#include "pool/settings.h"

/* In milliseconds; 0: none, or none that its text tells. A fraction counts as whole. */
int64_t own_limit_ms(const struct settings *settings);

#endif
