/*
 * plan.h - slow_log.plan: the plan of a slow statement, asked of an idle server of the same
 * pool. At most one at a time in the process, and never in line before a client.
 */
#ifndef SESSION_PLAN_H
#define SESSION_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "audit/audit.h"

struct clients;
struct link;
struct plan;
struct request;

/*
 * This statement was slow. True: its line of the slow log is written when the plan has come,
 * or will not come. `statement` is borrowed for the call.
 */
bool plan_begin(struct link *link, const struct request *request,
    const struct audit_statement *statement);
/* Look for an idle server, or at the clock. */
void plan_tick(struct plan *plan);
/* The worker ends. */
void plan_abandon(struct plan *plan);

#endif
