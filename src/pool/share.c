/*
 * share.c - which pool is next when a cap over several pools is short.
 *
 * Pools under a cap share it evenly, however many wait in each: a connection goes from the
 * pool with more to the one with fewer, as soon as one is free, until they differ by one. Among
 * equals that one is next which has been without for longest. If there are more pools than
 * connections, each that waits with none has one in its turn, for TURN_LOANS loans.
 *
 * Called under the budgets' mutex, by budget.c.
 */
#include "budget_internal.h"

enum { TURN_LOANS = 16 }; /* how long a pool keeps its last connection while another has none */

bool
share_cap_allows(const struct cap *cap, int limit)
{
	return limit == 0 || cap->used < limit;
}

/* Would it open one, if its caps allowed? */
static bool
wants(const struct budget *budget, uint64_t now_us)
{
	return !budget->paused && atomic_load(&budget->waiting) > budget->opening &&
	    budget->used < pace_size(budget, budget->limits.size, now_us) &&
	    pace_allows(budget) && now_us >= budget->retry_us;
}

/* Since when it could do with one more: somebody waits, and it was not its turn meanwhile. */
static uint64_t
wants_since(const struct budget *budget)
{
	uint64_t since_us = UINT64_MAX;

	for (unsigned i = 0; i < budget->all->workers; i++) {
		const struct ticket *first = TAILQ_FIRST(&budget->workers[i].line);

		if (first != NULL && first->since_us < since_us)
			since_us = first->since_us;
	}
	return since_us > budget->turn_us ? since_us : budget->turn_us;
}

static bool
goes_before(const struct budget *budget, const struct budget *other)
{
	if (budget->used != other->used)
		return budget->used < other->used;
	return wants_since(budget) < wants_since(other);
}

/* Is there room under this cap that no other pool has a better claim to? */
static bool
leaves_room(const struct budget *budget, const struct cap *cap, int limit, uint64_t now_us)
{
	int room = limit - cap->used;

	if (limit == 0)
		return true;
	for (const struct budget *other = budget->all->first; room > 0 && other != NULL;
	     other = other->next) {
		bool under_it = other->by_database == cap || other->by_user == cap;

		if (other != budget && under_it && wants(other, now_us) &&
		    share_cap_allows(other->by_database, other->limits.per_database) &&
		    share_cap_allows(other->by_user, other->limits.per_user) &&
		    goes_before(other, budget))
			room--;
	}
	return room > 0;
}

bool
share_has_room(const struct budget *budget, int size, uint64_t now_us)
{
	return budget->used < pace_size(budget, size, now_us) &&
	    leaves_room(budget, budget->by_database, budget->limits.per_database, now_us) &&
	    leaves_room(budget, budget->by_user, budget->limits.per_user, now_us);
}

bool
share_may_open(const struct budget *budget, int size, uint64_t now_us)
{
	return pace_allows(budget) && now_us >= budget->retry_us &&
	    share_has_room(budget, size, now_us);
}

/* Let a worker that has an idle one of this pool close it. True if one was asked. */
static bool
ask_to_shed(struct budget *budget)
{
	for (unsigned i = 0; i < budget->all->workers; i++)
		if (atomic_load(&budget->workers[i].idle) > 0) {
			atomic_store(&budget->workers[i].poke.shed, true);
			budget_poke(budget, i);
			return true;
		}
	return false;
}

void
share_press(struct budget *budget)
{
	bool by_database = !share_cap_allows(budget->by_database, budget->limits.per_database);
	bool by_user = !share_cap_allows(budget->by_user, budget->limits.per_user);
	bool asked = false;

	for (struct budget *other = budget->all->first; other != NULL; other = other->next) {
		bool would_help = (by_database && other->by_database == budget->by_database) ||
		    (by_user && other->by_user == budget->by_user);

		if (other == budget || !would_help || other->used == 0)
			continue;
		atomic_store(&other->pressed, true); /* for those that are lent */
		asked = asked || ask_to_shed(other);
	}
}

/* Is this cap no hindrance to one pool when another has closed a connection? */
static bool
would_allow(const struct cap *cap, int limit, const struct cap *closed_under)
{
	return share_cap_allows(cap, limit) || (cap == closed_under && cap->used == limit);
}

/* Does this pool wait for nothing but a connection that another closes? */
static bool
waits_for(const struct budget *budget, const struct budget *other, uint64_t now_us)
{
	bool short_now = !share_cap_allows(budget->by_database, budget->limits.per_database) ||
	    !share_cap_allows(budget->by_user, budget->limits.per_user);

	return short_now && wants(budget, now_us) &&
	    would_allow(budget->by_database, budget->limits.per_database, other->by_database) &&
	    would_allow(budget->by_user, budget->limits.per_user, other->by_user);
}

bool
share_yields(struct budget *budget, uint64_t now_us)
{
	bool has_more = false, has_the_last = false;

	for (const struct budget *other = budget->all->first; other != NULL; other = other->next) {
		if (other == budget || !waits_for(other, budget, now_us))
			continue;
		has_more = has_more || other->used + 1 < budget->used;
		has_the_last = has_the_last || other->used == 0;
	}
	if (!has_more && !has_the_last) {
		atomic_store(&budget->pressed, false);
		budget->spared = 0;
		return false;
	}
	if (!has_more && ++budget->spared < TURN_LOANS)
		return false;
	budget->spared = 0;
	budget->turn_us = now_us;
	return true;
}
