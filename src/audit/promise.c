/*
 * promise.c - audit.on_failure: refuse and audit.sync: each, as the workers see them: may a
 * statement begin, and may its answer go out. The writer's side is in writer.c.
 */
#include "writer.h"

/* Room in a lane for the records of what was begun, when no more may begin. */
enum { LANE_RESERVED = LANE_SIZE / 4 };

enum audit_fate
audit_kept(const struct audit_lane *lane, uint64_t position)
{
	const struct audit *audit = lane->audit;
	const struct audit_settings *settings = audit_settings(audit);

	if (!settings->waits || !settings->access_on)
		return AUDIT_KEPT;
	if (position != NEVER_KEPT && atomic_load(&lane->kept) >= position)
		return AUDIT_KEPT;
	if (position != NEVER_KEPT && atomic_load(&audit->failure) == 0)
		return AUDIT_WAITS;
	return settings->refuses ? AUDIT_FAILED : AUDIT_KEPT;
}

bool
audit_may_begin(struct audit_lane *lane, const struct sql_facts *facts,
    const struct audit_verdict *rendered)
{
	const struct audit_settings *settings = audit_settings(lane->audit);

	if (!settings->refuses || !settings->access_on ||
	    !record_will_be(settings, facts, rendered))
		return true;
	return atomic_load(&lane->audit->failure) == 0 &&
	    lane_queued(lane) < LANE_SIZE - LANE_RESERVED;
}

void
audit_refused(struct audit_lane *lane)
{
	atomic_fetch_add(&lane->refused, 1);
}

bool
audit_wants_intent(const struct audit_lane *lane, const struct sql_facts *facts,
    const struct audit_verdict *rendered)
{
	const struct audit_settings *settings = audit_settings(lane->audit);

	return facts != NULL && (facts->classes & (unsigned)(SQL_DDL | SQL_ROLE)) != 0 &&
	    settings->access_on && record_will_be(settings, facts, rendered);
}

void
audit_watch(struct audit_lane *lane, void (*kept)(void *arg), void *arg)
{
	pthread_mutex_lock(&lane->audit->lock);
	lane->kept_callback = kept;
	lane->kept_arg = arg;
	pthread_mutex_unlock(&lane->audit->lock);
}

void
audit_await(struct audit_lane *lane)
{
	atomic_store(&lane->awaited, true);
}
