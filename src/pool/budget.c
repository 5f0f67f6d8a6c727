/* budget.c - see budget.h. */
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "budget_internal.h"
#include "hosts.h"

enum {
	FAIR_SLACK_US = 500,	    /* how much longer another worker's client must have waited */
	RETRY_DOUBLINGS = 2,	    /* back-off ends at four times backend.connect_retry */
	REFUSED_RETRY_MS = 600,	    /* the most, while PostgreSQL is not there */
};

struct budgets *
budgets_new(unsigned workers)
{
	struct budgets *budgets = mem_zalloc(1, sizeof(*budgets));

	pthread_mutex_init(&budgets->mutex, NULL);
	budgets->workers = workers;
	budgets->hosts = hosts_new(workers);
	return budgets;
}

static void
free_caps(struct cap *cap)
{
	while (cap != NULL) {
		struct cap *next = cap->next;

		mem_free(cap->name);
		mem_free(cap);
		cap = next;
	}
}

void
budgets_free(struct budgets *budgets)
{
	while (budgets->first != NULL) {
		struct budget *budget = budgets->first;

		budgets->first = budget->next;
		parameters_free(&budget->welcome);
		mem_free(budget->database);
		mem_free(budget->role);
		mem_free(budget);
	}
	hosts_free(budgets->hosts);
	free_caps(budgets->databases);
	free_caps(budgets->users);
	pthread_mutex_destroy(&budgets->mutex);
	mem_free(budgets);
}

unsigned
budgets_workers(const struct budgets *budgets)
{
	return budgets->workers;
}

void
budgets_attach(struct budgets *budgets, unsigned worker, struct mailbox *mailbox,
    void (*deliver)(struct message *message, void *receiver))
{
	budgets->mailboxes[worker] = mailbox;
	budgets->deliver[worker] = deliver;
}

struct hosts *
budgets_hosts(const struct budgets *budgets)
{
	return budgets->hosts;
}

struct mailbox *
budgets_mailbox(const struct budgets *budgets, unsigned worker)
{
	return budgets->mailboxes[worker];
}

static struct cap *
cap_get(struct cap **caps, const char *name)
{
	struct cap *cap = *caps;

	while (cap != NULL && strcmp(cap->name, name) != 0)
		cap = cap->next;
	if (cap == NULL) {
		cap = mem_zalloc(1, sizeof(*cap));
		*cap = (struct cap){ .next = *caps, .name = mem_strdup(name) };
		*caps = cap;
	}
	return cap;
}

static struct budget *
budget_new(struct budgets *budgets, const char *database, const char *role, bool asks)
{
	struct budget *budget = mem_zalloc(
	    1, sizeof(*budget) + budgets->workers * sizeof(struct budget_worker));

	budget->all = budgets;
	budget->database = mem_strdup(database);
	budget->role = mem_strdup(role);
	budget->asks = asks;
	budget->pace = BUDGET_OPENING_MOST;
	budget->by_database = cap_get(&budgets->databases, database);
	budget->by_user = cap_get(&budgets->users, role);
	for (unsigned i = 0; i < budgets->workers; i++) {
		TAILQ_INIT(&budget->workers[i].line);
		budget->workers[i].poke.budget = budget;
		budget->workers[i].poke.worker = i;
	}
	budget->next = budgets->first;
	budgets->first = budget;
	return budget;
}

static struct budget *
get(struct budgets *budgets, const char *database, const char *role, bool asks,
    const struct budget_limits *limits)
{
	struct budget *budget;

	pthread_mutex_lock(&budgets->mutex);
	for (budget = budgets->first; budget != NULL; budget = budget->next)
		if (strcmp(budget->database, database) == 0 && strcmp(budget->role, role) == 0 &&
		    budget->asks == asks)
			break;
	if (budget == NULL)
		budget = budget_new(budgets, database, role, asks);
	budget->limits = *limits;
	pthread_mutex_unlock(&budgets->mutex);
	return budget;
}

struct budget *
budget_get(struct budgets *budgets, const char *database, const char *role,
    const struct budget_limits *limits)
{
	return get(budgets, database, role, false, limits);
}

struct budget *
budget_get_asking(struct budgets *budgets, const char *database, const char *role,
    const struct budget_limits *limits)
{
	return get(budgets, database, role, true, limits);
}

bool
budgets_know(struct budgets *budgets, const char *database)
{
	const struct budget *budget;

	pthread_mutex_lock(&budgets->mutex);
	for (budget = budgets->first; budget != NULL; budget = budget->next)
		if (strcmp(budget->database, database) == 0)
			break;
	pthread_mutex_unlock(&budgets->mutex);
	return budget != NULL;
}

void
budget_set_limits(struct budget *budget, const struct budget_limits *limits)
{
	pthread_mutex_lock(&budget->all->mutex);
	budget->limits = *limits;
	pthread_mutex_unlock(&budget->all->mutex);
}

void
budget_set_paused(struct budget *budget, bool paused)
{
	pthread_mutex_lock(&budget->all->mutex);
	budget->paused = paused;
	pthread_mutex_unlock(&budget->all->mutex);
}

const char *
budget_database(const struct budget *budget)
{
	return budget->database;
}

const char *
budget_role(const struct budget *budget)
{
	return budget->role;
}

bool
budget_asks(const struct budget *budget)
{
	return budget->asks;
}

bool
budget_has_line(const struct budget *budget)
{
	return atomic_load(&budget->waiting) > 0;
}

/*
 * Sequentially consistent with the count of those waiting: whoever returns a
 * server writes this and then reads that, whoever joins the line writes that and
 * then reads this, so at least one of them sees the other.
 */
void
budget_set_idle(struct budget *budget, unsigned worker, int idle)
{
	atomic_store(&budget->workers[worker].idle, idle);
}

void
budget_poke(struct budget *budget, unsigned worker)
{
	struct poke *it = &budget->workers[worker].poke;

	if (atomic_exchange(&it->pending, true))
		return;
	it->message.deliver = budget->all->deliver[worker];
	mailbox_post(budget->all->mailboxes[worker], &it->message);
}

void
budget_join(struct budget *budget, unsigned worker, struct ticket *ticket, uint64_t now_us)
{
	pthread_mutex_lock(&budget->all->mutex);
	ticket->since_us = now_us;
	ticket->waiting = true;
	TAILQ_INSERT_TAIL(&budget->workers[worker].line, ticket, in_line);
	atomic_fetch_add(&budget->waiting, 1);
	budget->waiting_own += ticket->own;
	pthread_mutex_unlock(&budget->all->mutex);
}

static void
take_out(struct budget *budget, unsigned worker, struct ticket *ticket)
{
	TAILQ_REMOVE(&budget->workers[worker].line, ticket, in_line);
	ticket->waiting = false;
	atomic_fetch_sub(&budget->waiting, 1);
	budget->waiting_own -= ticket->own;
}

void
budget_leave(struct budget *budget, unsigned worker, struct ticket *ticket)
{
	pthread_mutex_lock(&budget->all->mutex);
	if (ticket->waiting)
		take_out(budget, worker, ticket);
	pthread_mutex_unlock(&budget->all->mutex);
}

/* The first in a worker's line to whom no server is on its way yet. */
static struct ticket *
unpromised(const struct budget_worker *worker)
{
	struct ticket *ticket = TAILQ_FIRST(&worker->line);

	for (int i = 0; i < worker->promised && ticket != NULL; i++)
		ticket = TAILQ_NEXT(ticket, in_line);
	return ticket;
}

/* Who of the other workers' clients waits longest; NULL when none does. */
static struct ticket *
longest_elsewhere(const struct budget *budget, unsigned worker, unsigned *where)
{
	struct ticket *longest = NULL;

	for (unsigned i = 0; i < budget->all->workers; i++) {
		struct ticket *ticket = i == worker ? NULL : unpromised(&budget->workers[i]);

		if (ticket == NULL || (longest != NULL && longest->since_us <= ticket->since_us))
			continue;
		longest = ticket;
		*where = i;
	}
	return longest;
}

static void
count_used(struct budget *budget)
{
	budget->used++;
	budget->by_database->used++;
	budget->by_user->used++;
}

/* Its turn has come, and there is an idle server that it cannot use. */
static enum budget_advice
give_own(struct budget *budget, uint64_t now_us)
{
	if (!share_has_room(budget, budget->limits.size, now_us))
		return BUDGET_EXCHANGE;
	count_used(budget);
	return BUDGET_OPEN_OWN;
}

static enum budget_advice
give_idle(struct budget *budget, unsigned worker, uint64_t now_us, struct ticket **ticket,
    unsigned *to)
{
	struct ticket *own = TAILQ_FIRST(&budget->workers[worker].line);
	const struct ticket *other = longest_elsewhere(budget, worker, to);

	if (own != NULL && (other == NULL || own->since_us <= other->since_us + FAIR_SLACK_US)) {
		take_out(budget, worker, own);
		*ticket = own;
		return own->own ? give_own(budget, now_us) : BUDGET_GRANT;
	}
	if (other == NULL)
		return BUDGET_NOTHING;
	budget->workers[*to].promised++;
	return BUDGET_HAND_OVER;
}

/*
 * Has someone waited so long that the reserve may be used? The clock is the asker's
 * and may be behind that of the worker whose client joined.
 */
static bool
reserve_is_due(const struct budget *budget, uint64_t now_us)
{
	if (budget->limits.reserve == 0)
		return false;
	for (unsigned i = 0; i < budget->all->workers; i++) {
		const struct ticket *first = TAILQ_FIRST(&budget->workers[i].line);

		if (first != NULL &&
		    now_us >= first->since_us + (uint64_t)budget->limits.reserve_after_ms * 1000)
			return true;
	}
	return false;
}

static void
count_opening(struct budget *budget, uint64_t now_us)
{
	budget->turn_us = now_us;
	count_used(budget);
	budget->opening++;
}

/* Ask another worker that has one idle to look at the line. True if one was asked. */
static bool
ask_for_idle(struct budget *budget, unsigned worker)
{
	for (unsigned i = 0; i < budget->all->workers; i++)
		if (i != worker && atomic_load(&budget->workers[i].idle) > 0) {
			budget_poke(budget, i);
			return true;
		}
	return false;
}

static enum budget_advice
open_own(struct budget *budget, unsigned worker, unsigned where, struct ticket *own,
    uint64_t now_us, struct ticket **ticket)
{
	if (where != worker) {
		budget_poke(budget, where);
		return BUDGET_NOTHING;
	}
	take_out(budget, worker, own);
	budget->turn_us = now_us;
	count_used(budget);
	*ticket = own;
	return BUDGET_OPEN_OWN;
}

static enum budget_advice
find_supply(struct budget *budget, unsigned worker, uint64_t now_us, struct ticket **ticket)
{
	int others = atomic_load(&budget->waiting) - budget->waiting_own;
	int size = budget->limits.size;
	unsigned where = worker;
	struct ticket *own = turn_of_own(budget, others, &where);

	if (reserve_is_due(budget, now_us))
		size += budget->limits.reserve;
	if (own != NULL && share_has_room(budget, size, now_us))
		return open_own(budget, worker, where, own, now_us, ticket);
	if ((own == NULL && budget->opening >= others) || ask_for_idle(budget, worker))
		return BUDGET_NOTHING;
	if (own == NULL && share_may_open(budget, size, now_us)) {
		count_opening(budget, now_us);
		return BUDGET_OPEN;
	}
	if (budget->used < pace_size(budget, size, now_us) && now_us >= budget->retry_us)
		share_press(budget);
	return BUDGET_NOTHING;
}

/* How many of a line came before this ticket, or with it where those go first. */
static size_t
ahead_of(const struct ticket *ticket, const struct line *line, bool equals_first)
{
	const struct ticket *other;
	size_t ahead = 0;

	TAILQ_FOREACH(other, line, in_line) {
		if (other == ticket || other->since_us > ticket->since_us ||
		    (other->since_us == ticket->since_us && !equals_first))
			break;
		ahead++;
	}
	return ahead;
}

static void
find_reason(const struct budget *budget, uint64_t now_us, struct budget_place *place)
{
	if (now_us < budget->retry_us) {
		place->reason = BUDGET_WAITS_FOR_POSTGRES;
	} else if (budget->opening > 0) {
		place->reason = BUDGET_WAITS_FOR_CONNECT;
	} else if (!share_cap_allows(budget->by_database, budget->limits.per_database)) {
		place->reason = BUDGET_WAITS_FOR_DATABASE;
		place->limit = budget->limits.per_database;
	} else if (!share_cap_allows(budget->by_user, budget->limits.per_user)) {
		place->reason = BUDGET_WAITS_FOR_USER;
		place->limit = budget->limits.per_user;
	} else if (pace_is_full(budget, now_us) && budget->full_at < budget->limits.size) {
		place->reason = BUDGET_WAITS_FOR_ROOM;
		place->limit = budget->full_at;
	} else {
		place->reason = BUDGET_WAITS_FOR_SERVER;
		place->limit = budget->limits.size;
	}
}

void
budget_look(struct budget *budget, unsigned worker, const struct ticket *ticket,
    uint64_t now_us, struct budget_place *place)
{
	*place = (struct budget_place){ 0 };
	pthread_mutex_lock(&budget->all->mutex);
	for (unsigned i = 0; i < budget->all->workers; i++)
		place->ahead += ahead_of(ticket, &budget->workers[i].line, i <= worker);
	place->waiting = (size_t)atomic_load(&budget->waiting);
	find_reason(budget, now_us, place);
	pthread_mutex_unlock(&budget->all->mutex);
}

enum budget_advice
budget_advise(struct budget *budget, unsigned worker, bool idle, uint64_t now_us,
    struct ticket **ticket, unsigned *to)
{
	enum budget_advice advice = BUDGET_NOTHING;

	pthread_mutex_lock(&budget->all->mutex);
	if (atomic_load(&budget->waiting) > 0)
		advice = idle ? give_idle(budget, worker, now_us, ticket, to)
			      : find_supply(budget, worker, now_us, ticket);
	pthread_mutex_unlock(&budget->all->mutex);
	return advice;
}

void
budget_arrived(struct budget *budget, unsigned worker)
{
	pthread_mutex_lock(&budget->all->mutex);
	budget->workers[worker].promised--;
	pthread_mutex_unlock(&budget->all->mutex);
}

void
budgets_renew(struct budgets *budgets, const char *role,
    bool (*is_one)(const void *arg, const char *database), const void *arg)
{
	pthread_mutex_lock(&budgets->mutex);
	for (struct budget *budget = budgets->first; budget != NULL; budget = budget->next)
		if ((role == NULL || strcmp(budget_role(budget), role) == 0) &&
		    is_one(arg, budget_database(budget)))
			atomic_store(&budget->renewed_us, clock_monotonic_us());
	pthread_mutex_unlock(&budgets->mutex);
}

struct budgets *
budget_all(const struct budget *budget)
{
	return budget->all;
}

bool
budget_is_renewed(const struct budget *budget, uint64_t connected_us)
{
	return connected_us < atomic_load_explicit(&budget->renewed_us, memory_order_relaxed);
}

bool
budget_yields(struct budget *budget, uint64_t now_us)
{
	bool yields;

	if (!atomic_load(&budget->pressed))
		return false;
	pthread_mutex_lock(&budget->all->mutex);
	yields = share_yields(budget, now_us);
	pthread_mutex_unlock(&budget->all->mutex);
	return yields;
}

bool
budget_open_for_min(struct budget *budget, uint64_t now_us)
{
	bool open;

	pthread_mutex_lock(&budget->all->mutex);
	open = budget->used < budget->limits.min && share_may_open(budget, budget->limits.min, now_us);
	if (open)
		count_opening(budget, now_us);
	pthread_mutex_unlock(&budget->all->mutex);
	return open;
}

void
budget_opened(struct budget *budget)
{
	pthread_mutex_lock(&budget->all->mutex);
	budget->opening--;
	budget->failures = 0;
	budget->retry_us = 0;
	pace_opened(budget);
	pthread_mutex_unlock(&budget->all->mutex);
}

/* Begin no other for so long, give or take a quarter so that pools do not knock in step. */
static void
pause_opening(struct budget *budget, uint64_t now_us, int64_t pause_ms)
{
	if (pause_ms > 0)
		pause_ms += (int64_t)(random_u64() % (uint64_t)(pause_ms / 2 + 1)) - pause_ms / 4;
	budget->opening--;
	budget->retry_us = now_us + (uint64_t)pause_ms * 1000;
	pace_failed(budget);
}

/* Back off twice as long each time. */
void
budget_failed(struct budget *budget, uint64_t now_us, int64_t retry_ms)
{
	int doublings;

	pthread_mutex_lock(&budget->all->mutex);
	doublings = budget->failures < RETRY_DOUBLINGS ? budget->failures : RETRY_DOUBLINGS;
	budget->failures++;
	pause_opening(budget, now_us, retry_ms << doublings);
	pthread_mutex_unlock(&budget->all->mutex);
}

void
budget_refused(struct budget *budget, uint64_t now_us, int64_t retry_ms)
{
	pthread_mutex_lock(&budget->all->mutex);
	budget->failures = 0;
	pause_opening(budget, now_us, retry_ms < REFUSED_RETRY_MS ? retry_ms : REFUSED_RETRY_MS);
	pthread_mutex_unlock(&budget->all->mutex);
}

void
budget_doom(struct budget *budget, const struct error *err, uint64_t now_us)
{
	pthread_mutex_lock(&budget->all->mutex);
	budget->doom = *err;
	budget->doom_us = now_us;
	budget->doom_id++;
	for (unsigned i = 0; i < budget->all->workers; i++)
		budget_poke(budget, i);
	pthread_mutex_unlock(&budget->all->mutex);
}

struct ticket *
budget_doomed(struct budget *budget, unsigned worker, struct error *err)
{
	struct budget_worker *own = &budget->workers[worker];
	struct ticket *ticket = NULL;

	pthread_mutex_lock(&budget->all->mutex);
	if (own->doom_seen != budget->doom_id) {
		ticket = TAILQ_FIRST(&own->line);
		while (ticket != NULL && ticket->own) /* it will hear of a failure of its own */
			ticket = TAILQ_NEXT(ticket, in_line);
		if (ticket != NULL && ticket->since_us <= budget->doom_us) {
			take_out(budget, worker, ticket);
			*err = budget->doom;
		} else {
			ticket = NULL;
			own->doom_seen = budget->doom_id;
		}
	}
	pthread_mutex_unlock(&budget->all->mutex);
	return ticket;
}

void
budget_checking(struct budget *budget, int change)
{
	pthread_mutex_lock(&budget->all->mutex);
	budget->opening += change;
	budget->checking += change;
	pthread_mutex_unlock(&budget->all->mutex);
}

void
budget_closed(struct budget *budget)
{
	struct budgets *all = budget->all;

	pthread_mutex_lock(&all->mutex);
	budget->used--;
	budget->by_database->used--;
	budget->by_user->used--;
	/* There is room again, for this pool or for another one under the same cap. */
	for (struct budget *other = all->first; other != NULL; other = other->next) {
		if (atomic_load(&other->waiting) == 0 ||
		    (other->by_database != budget->by_database && other->by_user != budget->by_user))
			continue;
		for (unsigned i = 0; i < all->workers; i++)
			if (!TAILQ_EMPTY(&other->workers[i].line)) {
				budget_poke(other, i);
				break;
			}
	}
	pthread_mutex_unlock(&all->mutex);
}

bool
budget_welcome(struct budget *budget, struct parameters *copy)
{
	bool known;

	pthread_mutex_lock(&budget->all->mutex);
	known = budget->welcome.count > 0;
	if (known)
		parameters_copy(copy, &budget->welcome);
	pthread_mutex_unlock(&budget->all->mutex);
	return known;
}

void
budget_set_welcome(struct budget *budget, const struct parameters *parameters)
{
	pthread_mutex_lock(&budget->all->mutex);
	parameters_copy(&budget->welcome, parameters);
	pthread_mutex_unlock(&budget->all->mutex);
}

void
budget_get_counts(struct budget *budget, struct budget_counts *counts)
{
	pthread_mutex_lock(&budget->all->mutex);
	*counts = (struct budget_counts){ .used = budget->used,
		.opening = budget->opening,
		.size = budget->limits.size,
		.waiting = atomic_load(&budget->waiting),
		.database_used = budget->by_database->used };
	for (unsigned i = 0; i < budget->all->workers; i++) {
		const struct ticket *first = TAILQ_FIRST(&budget->workers[i].line);

		if (first != NULL &&
		    (counts->oldest_us == 0 || first->since_us < counts->oldest_us))
			counts->oldest_us = first->since_us;
	}
	pthread_mutex_unlock(&budget->all->mutex);
}
