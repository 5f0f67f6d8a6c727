/* hosts.c - see hosts.h. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "hosts.h"
#include "pool/budget.h"

enum {
	REST_MOST_MS = 30 * 1000,
	HOSTS_MOST = 512, /* more come only from names whose addresses change: the oldest go */
};

/* Why an address is left alone for a while. */
struct rest {
	unsigned failures; /* in a row */
	uint64_t until_us;
};

/* Since when, and until when at least, an address was that of a primary, by its own word. */
struct reign {
	uint64_t since_us, told_us; /* 0: it is none */
	uint64_t born;
};

/* What was told of an address last, for one database. Owned by its host. */
struct told {
	struct told *next;
	char *database, *news;
};

/* One address. Owned by the hosts. */
struct host {
	TAILQ_ENTRY(host) in_hosts; /* most recently used first */
	struct address address;
	enum host_role role;
	struct rest away;		   /* it could not be reached */
	struct rest unfit[SESSION_ATTRS];  /* its role is another, by what is wanted */
	uint64_t tried_us;		   /* when it was chosen last, or failed */
	uint64_t asked_us;		   /* when somebody set out last to ask what it is */
	struct reign reign;
	struct told *told;
};

/* How a worker hears of a change. */
struct herald {
	struct message message; /* first member */
	struct mailbox *mailbox;
	void (*deliver)(struct message *message, void *receiver);
	atomic_bool pending;
};

struct hosts {
	pthread_mutex_t mutex; /* guards all but the heralds */
	TAILQ_HEAD(host_list, host) all;
	size_t count;
	unsigned workers;
	struct herald heralds[BUDGET_WORKERS_MOST];
};

struct hosts *
hosts_new(unsigned workers)
{
	struct hosts *hosts = mem_zalloc(1, sizeof(*hosts));

	pthread_mutex_init(&hosts->mutex, NULL);
	TAILQ_INIT(&hosts->all);
	hosts->workers = workers;
	return hosts;
}

static void
forget(struct hosts *hosts, struct host *host)
{
	TAILQ_REMOVE(&hosts->all, host, in_hosts);
	hosts->count--;
	while (host->told != NULL) {
		struct told *told = host->told;

		host->told = told->next;
		mem_free(told->database);
		mem_free(told->news);
		mem_free(told);
	}
	mem_free(host);
}

void
hosts_free(struct hosts *hosts)
{
	while (!TAILQ_EMPTY(&hosts->all))
		forget(hosts, TAILQ_FIRST(&hosts->all));
	pthread_mutex_destroy(&hosts->mutex);
	mem_free(hosts);
}

void
hosts_attach(struct hosts *hosts, unsigned worker, struct mailbox *mailbox,
    void (*deliver)(struct message *message, void *receiver))
{
	hosts->heralds[worker].mailbox = mailbox;
	hosts->heralds[worker].deliver = deliver;
}

void
hosts_heard(struct message *message)
{
	atomic_store(&((struct herald *)message)->pending, false);
}

static struct host *
find(struct hosts *hosts, const struct address *address)
{
	struct host *host;

	TAILQ_FOREACH(host, &hosts->all, in_hosts)
		if (address_equal(&host->address, address))
			return host;
	return NULL;
}

static struct host *
get(struct hosts *hosts, const struct address *address)
{
	struct host *host = find(hosts, address);

	if (host != NULL) {
		TAILQ_REMOVE(&hosts->all, host, in_hosts);
	} else {
		if (hosts->count == HOSTS_MOST)
			forget(hosts, TAILQ_LAST(&hosts->all, host_list));
		host = mem_zalloc(1, sizeof(*host));
		host->address = *address;
		hosts->count++;
	}
	TAILQ_INSERT_HEAD(&hosts->all, host, in_hosts);
	return host;
}

/* When its rest ends; 0: it does not rest. */
static uint64_t
rests_until(const struct host *host, enum session_attrs wanted, uint64_t now_us)
{
	uint64_t until_us = host->away.until_us > host->unfit[wanted].until_us
		? host->away.until_us
		: host->unfit[wanted].until_us;

	return until_us > now_us ? until_us : 0;
}

/* After a rest one attempt shows what has become of it; the others need not wait for that. */
static void
try_alone(struct host *host, enum session_attrs wanted, uint64_t until_us)
{
	if (host->away.failures > 0)
		host->away.until_us = until_us;
	if (host->unfit[wanted].failures > 0)
		host->unfit[wanted].until_us = until_us;
}

size_t
hosts_choose(struct hosts *hosts, const struct address *candidates, size_t count, size_t start,
    enum session_attrs wanted, uint64_t now_us, int64_t patience_ms)
{
	struct host *best = NULL;
	size_t chosen = 0;

	pthread_mutex_lock(&hosts->mutex);
	for (size_t i = 0; i < count; i++) {
		size_t at = (start + i) % count;
		struct host *host = get(hosts, &candidates[at]);
		bool rests = rests_until(host, wanted, now_us) != 0;

		if (rests && best != NULL && host->tried_us >= best->tried_us)
			continue;
		best = host;
		chosen = at;
		if (!rests)
			break;
	}
	if (count > 1 && best != NULL) {
		try_alone(best, wanted, now_us + (uint64_t)patience_ms * 1000);
		best->tried_us = now_us;
	}
	pthread_mutex_unlock(&hosts->mutex);
	return chosen;
}

bool
hosts_has_other(struct hosts *hosts, const struct address *candidates, size_t count,
    const struct address *besides, enum session_attrs wanted, uint64_t now_us, int64_t calm_ms)
{
	bool found = false;

	pthread_mutex_lock(&hosts->mutex);
	for (size_t i = 0; i < count && !found; i++) {
		const struct host *host = find(hosts, &candidates[i]);

		if (besides != NULL && address_equal(&candidates[i], besides))
			continue;
		found = host == NULL || rests_until(host, wanted, now_us) == 0 ||
		    (calm_ms > 0 && host->tried_us + (uint64_t)calm_ms * 1000 <= now_us);
	}
	pthread_mutex_unlock(&hosts->mutex);
	return found;
}

/* Give or take a quarter, so that hosts that went together do not come back together. */
static void
lengthen(struct rest *rest, uint64_t now_us, int64_t retry_ms)
{
	int64_t most_ms = retry_ms > REST_MOST_MS ? retry_ms : REST_MOST_MS;
	int64_t pause_ms = retry_ms;

	for (unsigned i = 0; i < rest->failures && pause_ms < most_ms; i++)
		pause_ms *= 2;
	if (pause_ms > most_ms)
		pause_ms = most_ms;
	pause_ms += (int64_t)(random_u64() % (uint64_t)(pause_ms / 2 + 1)) - pause_ms / 4;
	rest->failures++;
	rest->until_us = now_us + (uint64_t)pause_ms * 1000;
}

void
hosts_failed(
    struct hosts *hosts, const struct address *address, uint64_t now_us, int64_t retry_ms)
{
	struct host *host;

	pthread_mutex_lock(&hosts->mutex);
	host = get(hosts, address);
	lengthen(&host->away, now_us, retry_ms);
	host->tried_us = now_us;
	host->role = HOST_ROLE_UNKNOWN; /* whatever comes back there may be another */
	host->reign = (struct reign){ 0 };
	pthread_mutex_unlock(&hosts->mutex);
}

void
hosts_unfit(struct hosts *hosts, const struct address *address, enum session_attrs wanted,
    uint64_t now_us, int64_t retry_ms)
{
	struct host *host;

	pthread_mutex_lock(&hosts->mutex);
	host = get(hosts, address);
	host->away = (struct rest){ 0 };
	lengthen(&host->unfit[wanted], now_us, retry_ms);
	host->tried_us = now_us;
	pthread_mutex_unlock(&hosts->mutex);
}

void
hosts_fit(struct hosts *hosts, const struct address *address, enum session_attrs wanted)
{
	struct host *host;

	pthread_mutex_lock(&hosts->mutex);
	host = get(hosts, address);
	host->away = host->unfit[wanted] = (struct rest){ 0 };
	pthread_mutex_unlock(&hosts->mutex);
}

static void
tell_all(struct hosts *hosts)
{
	for (unsigned i = 0; i < hosts->workers; i++) {
		struct herald *herald = &hosts->heralds[i];

		if (herald->mailbox == NULL || atomic_exchange(&herald->pending, true))
			continue;
		herald->message.deliver = herald->deliver;
		mailbox_post(herald->mailbox, &herald->message);
	}
}

static void
log_role(const struct address *address, enum host_role role)
{
	char text[ADDRESS_TEXT_SIZE];

	address_text(address, text);
	log_info("host %s, port %d: it is a %s now", text, address_port(address),
	    role == HOST_ROLE_PRIMARY ? "primary" : "standby");
}

void
hosts_note_role(struct hosts *hosts, const struct address *address, enum host_role role)
{
	enum host_role before;
	struct host *host;

	pthread_mutex_lock(&hosts->mutex);
	host = get(hosts, address);
	before = host->role;
	host->role = role;
	if (before != role)
		memset(host->unfit, 0, sizeof(host->unfit));
	if (role != HOST_ROLE_PRIMARY)
		host->reign = (struct reign){ 0 };
	pthread_mutex_unlock(&hosts->mutex);
	if (before == role || role == HOST_ROLE_UNKNOWN)
		return;
	if (before != HOST_ROLE_UNKNOWN)
		log_role(address, role);
	tell_all(hosts);
}

enum host_role
hosts_role(struct hosts *hosts, const struct address *address)
{
	const struct host *host;
	enum host_role role;

	pthread_mutex_lock(&hosts->mutex);
	host = find(hosts, address);
	role = host != NULL ? host->role : HOST_ROLE_UNKNOWN;
	pthread_mutex_unlock(&hosts->mutex);
	return role;
}

bool
hosts_to_ask(struct hosts *hosts, const struct address *candidates, size_t count,
    uint64_t now_us, int64_t every_ms, size_t *which)
{
	bool found = false;

	pthread_mutex_lock(&hosts->mutex);
	for (size_t i = 0; i < count && !found; i++) {
		struct host *host = get(hosts, &candidates[i]);

		if (host->asked_us != 0 && now_us < host->asked_us + (uint64_t)every_ms * 1000)
			continue;
		host->asked_us = now_us;
		*which = i;
		found = true;
	}
	pthread_mutex_unlock(&hosts->mutex);
	return found;
}

void
hosts_asked(struct hosts *hosts, const struct address *address, enum host_role role,
    uint64_t born, uint64_t now_us)
{
	struct reign *reign;
	struct host *host;

	hosts_note_role(hosts, address, role);
	pthread_mutex_lock(&hosts->mutex);
	host = get(hosts, address);
	reign = &host->reign;
	host->away = (struct rest){ 0 };
	if (role == HOST_ROLE_PRIMARY && (reign->since_us == 0 || reign->born != born))
		*reign = (struct reign){ .since_us = now_us, .born = born };
	if (role == HOST_ROLE_PRIMARY)
		reign->told_us = now_us;
	pthread_mutex_unlock(&hosts->mutex);
}

/* Each said so after the other had begun to. One that is gone does not say it any more. */
static bool
overlap(const struct reign *a, const struct reign *b)
{
	return a->since_us != 0 && b->since_us != 0 && a->born != b->born &&
	    a->since_us <= b->told_us && b->since_us <= a->told_us;
}

bool
hosts_are_split(struct hosts *hosts, const struct address *candidates, size_t count,
    size_t *one, size_t *other)
{
	bool found = false;

	pthread_mutex_lock(&hosts->mutex);
	for (size_t i = 1; i < count && !found; i++) {
		const struct host *host = find(hosts, &candidates[i]);

		for (size_t j = 0; host != NULL && host->reign.since_us != 0 && j < i && !found; j++) {
			const struct host *before = find(hosts, &candidates[j]);

			found = before != NULL && overlap(&before->reign, &host->reign);
			*one = j;
			*other = i;
		}
	}
	pthread_mutex_unlock(&hosts->mutex);
	return found;
}

static struct told *
told_of(struct host *host, const char *database)
{
	struct told *told = host->told;

	while (told != NULL && strcmp(told->database, database) != 0)
		told = told->next;
	if (told == NULL) {
		told = mem_zalloc(1, sizeof(*told));
		*told = (struct told){ .next = host->told, .database = mem_strdup(database) };
		host->told = told;
	}
	return told;
}

bool
hosts_is_news(struct hosts *hosts, const struct address *address, const char *database,
    const char *news)
{
	struct told *told;
	bool is_news;

	pthread_mutex_lock(&hosts->mutex);
	told = told_of(get(hosts, address), database);
	is_news = told->news == NULL || strcmp(told->news, news) != 0;
	if (is_news) {
		mem_free(told->news);
		told->news = mem_strdup(news);
	}
	pthread_mutex_unlock(&hosts->mutex);
	return is_news;
}
