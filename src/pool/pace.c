/*
 * pace.c - how fast a pool opens connections, and no more than PostgreSQL has room for.
 *
 * A server that comes back gets its clients one, two, four at a time: each success doubles how
 * many may be opening at once, a failure begins anew. A server that says "too many connections"
 * (53300) is believed for a while: the pool makes do with those that work.
 *
 * Called under the budgets' mutex, by budget.c and share.c, but for budget_full().
 */
#include "budget_internal.h"

enum { FULL_FOR_US = 10 * 1000 * 1000 };

void
pace_failed(struct budget *budget)
{
	budget->pace = 1;
}

void
pace_opened(struct budget *budget)
{
	if (budget->pace < BUDGET_OPENING_MOST)
		budget->pace *= 2;
}

bool
pace_allows(const struct budget *budget)
{
	return budget->opening - budget->checking < budget->pace;
}

bool
pace_is_full(const struct budget *budget, uint64_t now_us)
{
	return now_us < budget->full_until_us;
}

int
pace_size(const struct budget *budget, int size, uint64_t now_us)
{
	return pace_is_full(budget, now_us) && budget->full_at < size ? budget->full_at : size;
}

void
budget_full(struct budget *budget, uint64_t now_us)
{
	pthread_mutex_lock(&budget->all->mutex);
	budget->full_at = budget->used - (budget->opening - budget->checking);
	if (budget->full_at < 1)
		budget->full_at = 1; /* or nobody would ever find out that there is room again */
	budget->full_until_us = now_us + FULL_FOR_US;
	pthread_mutex_unlock(&budget->all->mutex);
}
