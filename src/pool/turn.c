/*
 * turn.c - is it the turn of somebody who needs a connection of its own?
 *
 * Those stand in the same line, but no idle server serves them, and what is being opened for
 * others neither. Called under the budgets' mutex, by budget.c.
 */
#include "budget_internal.h"

/* The one of its kind that waits longest; NULL when none does. */
static struct ticket *
longest_waiting(const struct budget *budget, bool own, unsigned *where)
{
	struct ticket *longest = NULL;

	for (unsigned i = 0; i < budget->all->workers; i++) {
		struct ticket *ticket = TAILQ_FIRST(&budget->workers[i].line);

		while (ticket != NULL && ticket->own != own)
			ticket = TAILQ_NEXT(ticket, in_line);
		if (ticket == NULL || (longest != NULL && longest->since_us <= ticket->since_us))
			continue;
		longest = ticket;
		*where = i;
	}
	return longest;
}

struct ticket *
turn_of_own(const struct budget *budget, int others, unsigned *where)
{
	struct ticket *own;
	const struct ticket *other;
	unsigned elsewhere;

	if (budget->waiting_own == 0)
		return NULL;
	own = longest_waiting(budget, true, where);
	if (budget->opening >= others)
		return own;
	other = longest_waiting(budget, false, &elsewhere);
	return other == NULL || own->since_us <= other->since_us ? own : NULL;
}
