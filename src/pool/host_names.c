/* host_names.c - see host_names.h. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "host_names.h"

enum {
	PATIENCE_US = 4 * 1000 * 1000,	     /* nobody waits longer for a look-up */
	RETRY_US = 1000 * 1000,		     /* after a failure; doubled each time */
	RETRY_MOST_US = 15 * 1000 * 1000,
	FORGET_US = 600 * 1000 * 1000,
};

/* Owned by the worker's pools. */
struct host_names {
	struct loop *loop;	   /* borrowed */
	struct mailbox *mailbox;   /* borrowed */
	struct resolver *resolver; /* borrowed */
	void (*answered)(struct host_name *name, void *arg);
	void *arg;
	int64_t ttl_ms;
	TAILQ_HEAD(, host_name) all;
};

struct host_names *
host_names_new(struct loop *loop, struct mailbox *mailbox, struct resolver *resolver,
    void (*answered)(struct host_name *name, void *arg), void *arg)
{
	struct host_names *names = mem_zalloc(1, sizeof(*names));

	*names = (struct host_names){ .loop = loop,
		.mailbox = mailbox,
		.resolver = resolver,
		.answered = answered,
		.arg = arg };
	TAILQ_INIT(&names->all);
	return names;
}

static void
host_name_free(struct host_name *name)
{
	TAILQ_REMOVE(&name->names->all, name, in_names);
	mem_free(name->host);
	mem_free(name);
}

void
host_names_free(struct host_names *names)
{
	while (!TAILQ_EMPTY(&names->all))
		host_name_free(TAILQ_FIRST(&names->all));
	mem_free(names);
}

static void
take_addresses(struct host_name *name)
{
	memcpy(name->before, name->addresses, name->count * sizeof(name->before[0]));
	name->count_before = name->count;
	name->count = (size_t)name->request.count;
	memcpy(name->addresses, name->request.addresses, name->count * sizeof(name->addresses[0]));
	name->failures = 0;
	name->next_us = loop_now_us(name->names->loop) + (uint64_t)name->names->ttl_ms * 1000;
}

/* Told once, and not at each attempt. */
static void
take_failure(struct host_name *name)
{
	uint64_t pause_us = RETRY_US;

	for (unsigned i = 0; i < name->failures && pause_us < RETRY_MOST_US; i++)
		pause_us *= 2;
	if (pause_us > RETRY_MOST_US)
		pause_us = RETRY_MOST_US;
	if (name->failures++ == 0 || strcmp(name->why, name->request.why) != 0)
		log_warning("%s%s", name->request.why,
		    name->count > 0 ? "; using the addresses it had" : "");
	snprintf(name->why, sizeof(name->why), "%s", name->request.why);
	name->next_us = loop_now_us(name->names->loop) + pause_us;
}

static void
on_answer(struct message *message, void *receiver)
{
	struct host_name *name = (struct host_name *)message; /* first of the first */

	(void)receiver;
	name->asked = name->overdue = false;
	if (name->request.count > 0)
		take_addresses(name);
	else
		take_failure(name);
	name->names->answered(name, name->names->arg);
}

static void
ask(struct host_name *name)
{
	name->asked = true;
	name->asked_us = loop_now_us(name->names->loop);
	name->request.host = name->host;
	name->request.port = name->port;
	name->request.answer_to = name->names->mailbox;
	name->request.message.deliver = on_answer;
	resolver_ask(name->names->resolver, &name->request);
}

struct host_name *
host_names_find(struct host_names *names, const char *host, int port)
{
	struct host_name *name;

	TAILQ_FOREACH(name, &names->all, in_names)
		if (name->port == port && strcmp(name->host, host) == 0)
			return name;
	return NULL;
}

struct host_name *
host_names_use(struct host_names *names, const char *host, int port, int64_t ttl_ms)
{
	struct host_name *name = host_names_find(names, host, port);

	names->ttl_ms = ttl_ms;
	if (name == NULL) {
		name = mem_zalloc(1, sizeof(*name));
		name->names = names;
		name->host = mem_strdup(host);
		name->port = port;
		TAILQ_INSERT_TAIL(&names->all, name, in_names);
	}
	name->used_us = loop_now_us(names->loop);
	if (!name->asked && name->used_us >= name->next_us)
		ask(name);
	return name;
}

bool
host_name_is_known(const struct host_name *name)
{
	uint64_t until_us = name->next_us + (uint64_t)name->names->ttl_ms * 1000;

	return !name->asked || name->overdue || name->failures > 0 ||
	    (name->count > 0 && loop_now_us(name->names->loop) < until_us);
}

void
host_name_doubt(struct host_name *name)
{
	uint64_t now_us = loop_now_us(name->names->loop);

	if (name->failures == 0 && now_us - name->asked_us >= RETRY_US && name->next_us > now_us)
		name->next_us = now_us;
}

static bool
is_among(const struct address *address, const struct address *addresses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (address_equal(address, &addresses[i]))
			return true;
	return false;
}

bool
host_name_has(const struct host_name *name, const struct address *address)
{
	return is_among(address, name->addresses, name->count) ||
	    is_among(address, name->before, name->count_before);
}

static void
grow_overdue(struct host_name *name)
{
	name->overdue = true;
	snprintf(name->why, sizeof(name->why),
	    "cannot look up host \"%.80s\": no answer within %d s", name->host,
	    PATIENCE_US / 1000 / 1000);
	log_warning(
	    "%s%s", name->why, name->count > 0 ? "; using the addresses it had" : "");
	name->names->answered(name, name->names->arg);
}

void
host_names_tick(struct host_names *names, int64_t ttl_ms)
{
	uint64_t now_us = loop_now_us(names->loop);
	struct host_name *name = TAILQ_FIRST(&names->all), *next;

	names->ttl_ms = ttl_ms;
	for (; name != NULL; name = next) {
		next = TAILQ_NEXT(name, in_names);
		if (name->asked && !name->overdue && now_us - name->asked_us >= PATIENCE_US)
			grow_overdue(name);
		if (!name->asked && now_us - name->used_us >= FORGET_US)
			host_name_free(name);
	}
}

struct host_name *
host_names_first(struct host_names *names)
{
	return TAILQ_FIRST(&names->all);
}

int64_t
host_name_ttl_ms(const struct host_name *name)
{
	uint64_t now_us = loop_now_us(name->names->loop);

	return name->next_us > now_us ? (int64_t)((name->next_us - now_us) / 1000) : 0;
}
