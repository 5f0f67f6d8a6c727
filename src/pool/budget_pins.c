/*
 * budget_pins.c - how many clients of a pool may keep their server outside transactions.
 *
 * Counted over all workers. Asked by session/pin.c, for statements that pin only.
 */
#include "budget_internal.h"

/* So many may be pinned. */
static int
pins_most(struct budget *budget, int64_t percent)
{
	int64_t most;

	pthread_mutex_lock(&budget->all->mutex);
	most = budget->limits.size * percent / 100;
	pthread_mutex_unlock(&budget->all->mutex);
	return most == 0 && percent > 0 ? 1 : (int)most;
}

bool
budget_pin(struct budget *budget, int64_t percent)
{
	int most = pins_most(budget, percent);
	int pinned = atomic_load(&budget->pinned);

	do {
		if (pinned >= most)
			return false;
	} while (!atomic_compare_exchange_weak(&budget->pinned, &pinned, pinned + 1));
	return true;
}

bool
budget_pin_anyway(struct budget *budget, int64_t percent)
{
	return atomic_fetch_add(&budget->pinned, 1) < pins_most(budget, percent);
}

void
budget_unpin(struct budget *budget)
{
	atomic_fetch_sub(&budget->pinned, 1);
}
