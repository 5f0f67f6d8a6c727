/*
 * ration.h - rows and bytes that one statement has given its client: max_rows, max_bytes.
 *
 * A portal or a cursor that is fetched in pieces has one ration over all its fetches.
 */
#ifndef SESSION_RATION_H
#define SESSION_RATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "policy/policy.h"

/* Counted; each holder has a reference. */
struct ration {
	unsigned references;
	uint64_t rows, bytes;
	/* Of a cursor: what held at its DECLARE, beside what holds at its FETCH. */
	struct policy_limit max_rows, max_bytes;
};

struct ration *ration_new(const struct policy_limits *limits);
struct ration *ration_reference(struct ration *ration);
void ration_release(struct ration *ration); /* NULL is fine */
/*
 * One more row. NULL, or the limit that it is above, of the ration's own and the
 * statement's; *kind says which.
 */
const struct policy_limit *ration_take(struct ration *ration, size_t bytes,
    const struct policy_limits *limits, enum policy_limit_kind *kind);

/* The rations of a client's open cursors. Zeroed is empty. */
struct cursor;
SLIST_HEAD(cursors, cursor);
/* NULL: not declared under a limit. */
struct ration *cursors_find(const struct cursors *cursors, const char *name);
/* A cursor was declared: its ration begins anew. */
void cursors_declare(
    struct cursors *cursors, const char *name, bool holds, const struct policy_limits *limits);
/* The transaction is over, and with it all cursors but those WITH HOLD. */
void cursors_end(struct cursors *cursors, bool all);

#endif
