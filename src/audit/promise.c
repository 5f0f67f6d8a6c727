/*
 * promise.c - audit.on_failure: refuse, audit.sync: each and break_glass, as the workers see
 * them: may a statement begin, and may its answer go out. The writer's side is in writer.c.
 */
#include "writer.h"

/* Room in a lane for the records of what was begun, when no more may begin. */
enum { LANE_RESERVED = LANE_SIZE / 4 };

bool
audit_is_needed(const struct audit_verdict *rendered)
{
	return rendered != NULL && rendered->break_glass;
}

/*
 * The writer marks what it throws away before what it keeps, so that here, in the other
 * order, nothing thrown away looks kept.
 */
static bool
is_in_file(const struct audit_lane *lane, uint64_t position)
{
	return position != NEVER_KEPT && atomic_load(&lane->kept) >= position &&
	    atomic_load(&lane->thrown) < position;
}

static bool
is_lost(const struct audit_lane *lane, uint64_t position)
{
	return position == NEVER_KEPT || atomic_load(&lane->audit->failure) != 0 ||
	    atomic_load(&lane->thrown) >= position;
}

enum audit_fate
audit_kept(const struct audit_lane *lane, uint64_t position, bool needed)
{
	const struct audit_settings *settings = audit_settings(lane->audit);

	if (!needed && (!settings->waits || !settings->access_on))
		return AUDIT_KEPT;
	if (!settings->access_on)
		return AUDIT_FAILED;
	if (is_in_file(lane, position))
		return AUDIT_KEPT;
	if (!is_lost(lane, position))
		return AUDIT_WAITS;
	return needed || settings->refuses ? AUDIT_FAILED : AUDIT_KEPT;
}

bool
audit_may_begin(struct audit_lane *lane, const struct sql_facts *facts,
    const struct audit_verdict *rendered)
{
	const struct audit_settings *settings = audit_settings(lane->audit);
	int failure;

	if (audit_is_needed(rendered) && !settings->access_on)
		return false;
	if (!audit_is_needed(rendered) && (!settings->refuses || !settings->access_on ||
	    !record_will_be(settings, facts, rendered)))
		return true;
	failure = atomic_load(&lane->audit->failure);
	if (failure == 0 && lane_queued(lane) < LANE_SIZE - LANE_RESERVED)
		return true;
	lane->refusal = gap_reason_of(failure);
	return false;
}

void
audit_refused(struct audit_lane *lane)
{
	atomic_fetch_add(&lane->refused[lane->refusal], 1);
}

bool
audit_wants_intent(const struct audit_lane *lane, const struct sql_facts *facts,
    const struct audit_verdict *rendered)
{
	const struct audit_settings *settings = audit_settings(lane->audit);

	if (audit_is_needed(rendered))
		return true;
	return facts != NULL &&
	    (facts->classes & (unsigned)(SQL_DDL | SQL_ROLE | SQL_REPLICATION)) != 0 &&
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
