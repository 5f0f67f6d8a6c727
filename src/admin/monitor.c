/* monitor.c - see monitor.h. */
#include "admin/monitor.h"

#include <string.h>

#include "auth/digest.h"
#include "base/clock.h"
#include "base/mem.h"
#include "metrics.h"
#include "net/http.h"
#include "reach.h"

#define BEARER "Bearer "
#define PLAIN "text/plain; charset=utf-8"

enum page { PAGE_METRICS, PAGE_HEALTHZ, PAGE_READYZ, PAGES };

static const char *const paths[PAGES] = {
	[PAGE_METRICS] = "/metrics",
	[PAGE_HEALTHZ] = "/healthz",
	[PAGE_READYZ] = "/readyz",
};

/*
 * A page that was asked for, on its way round the workers. Made and freed on the
 * supervisor's thread; by the last worker that has it when everything ends.
 */
struct question {
	struct message message; /* first member */
	struct question *next;	/* of those that wait for reach */
	struct monitor *monitor; /* borrowed; workers read its setup only, which never changes */
	unsigned at; /* worker */
	uint64_t number;
	enum page page;
	bool known; /* they showed the token, or none is asked for */
	struct tally tally;
};

/* Owned by the supervisor, used on its thread only. */
struct monitor {
	struct monitor_setup setup;
	struct http *http;
	struct reach *reach;
	const struct config *config;	 /* borrowed */
	const struct policies *policies; /* borrowed */
	struct question *unsure;	 /* ready if a server can be reached */
	uint64_t started_us, reloaded_us;
	bool reload_failed, draining, closed;
};

static void
free_question(struct question *question)
{
	tally_free(&question->tally);
	mem_free(question);
}

/* --- answers ------------------------------------------------------------------- */

static void
answer_text(struct monitor *monitor, uint64_t number, int status, const char *text)
{
	struct buf body = { 0 };

	buf_printf(&body, "%s\n", text);
	http_answer(monitor->http, number,
	    &(struct http_answer){ .status = status,
		.type = PLAIN,
		.challenge = status == 401 ? "Bearer realm=\"pgweir\"" : NULL,
		.body = &body });
	buf_free(&body);
}

static void
answer_metrics(struct monitor *monitor, struct question *question)
{
	struct metrics_facts facts = { .workers = monitor->setup.shared->workers,
		.started_us = monitor->started_us,
		.policies = policies_count(monitor->policies),
		.break_glass_open = policies_break_glass_open(monitor->policies, clock_wall_us()),
		.policies_loaded_us = policies_loaded_us(monitor->policies),
		.reloaded = !monitor->reload_failed,
		.reloaded_us = monitor->reloaded_us };
	struct catalogs_state *states = mem_zalloc(CATALOGS_MOST, sizeof(*states));
	struct buf body = { 0 };

	facts.catalogs = states;
	facts.catalog_count =
	    catalogs_states(monitor->setup.shared->catalogs, states, CATALOGS_MOST);
	audit_get_status(monitor->setup.audit, &facts.audit);
	tally_sort(&question->tally);
	metrics_render(&body, &facts, &question->tally);
	http_answer(monitor->http, question->number,
	    &(struct http_answer){ .status = 200, .type = METRICS_TYPE, .body = &body });
	buf_free(&body);
	mem_free(states);
}

/* A line for each condition, if they may know; all must be good. */
static void
answer_ready(struct monitor *monitor, const struct question *question, bool reachable)
{
	struct audit_status audit;
	struct buf body = { 0 };
	bool audit_good, good;

	audit_get_status(monitor->setup.audit, &audit);
	audit_good = !audit.enabled || audit.healthy;
	good = reachable && audit_good && !monitor->draining;
	buf_printf(&body, "%s\n", good ? "ready" : "not ready");
	if (question->known) {
		buf_printf(&body, "server: %s\n", reachable ? "ok" : "none can be reached");
		buf_printf(&body, "policies: %zu loaded\n", policies_count(monitor->policies));
		buf_printf(&body, "audit: %s\n",
		    audit_good ? (audit.enabled ? "ok" : "off") : audit.failure);
		buf_printf(&body, "process: %s\n", monitor->draining ? "shutting down" : "ok");
	}
	http_answer(monitor->http, question->number,
	    &(struct http_answer){ .status = good ? 200 : 503, .type = PLAIN, .body = &body });
	buf_free(&body);
}

/* --- a question's way ------------------------------------------------------------ */

static void
on_reach(bool reachable, void *arg)
{
	struct monitor *monitor = arg;
	struct question *question;

	while ((question = monitor->unsure) != NULL) {
		monitor->unsure = question->next;
		answer_ready(monitor, question, reachable);
		free_question(question);
	}
}

/* A server that is open says enough; without one somebody has to try. */
static void
find_ready(struct monitor *monitor, struct question *question)
{
	bool asking = monitor->unsure != NULL;
	int open = 0;

	for (const struct tally_pool *pool = question->tally.pools; pool != NULL;
	     pool = pool->hh.next)
		open += tally_servers(pool) - pool->servers_login;
	if (open > 0 || monitor->closed) {
		answer_ready(monitor, question, open > 0);
		free_question(question);
		return;
	}
	question->next = monitor->unsure;
	monitor->unsure = question;
	if (!asking)
		reach_ask(monitor->reach, monitor->config, on_reach, monitor);
}

static void
on_home(struct monitor *monitor, struct question *question)
{
	switch (question->page) {
	case PAGE_READYZ:
		find_ready(monitor, question);
		return;
	case PAGE_METRICS:
		answer_metrics(monitor, question);
		break;
	case PAGE_HEALTHZ: /* every worker had a turn */
		answer_text(monitor, question->number, 200, "ok");
		break;
	case PAGES:
		break;
	}
	free_question(question);
}

static void
deliver_home(struct message *message, void *receiver)
{
	struct question *question = (struct question *)message; /* its first member */

	on_home(question->monitor, question);
	(void)receiver;
}

static void on_visit(struct message *message, void *receiver);

static void
go_on(struct question *question)
{
	const struct monitor_setup *setup = &question->monitor->setup;
	struct mailbox *next = setup->mailbox;

	question->message.deliver = deliver_home;
	if (question->at < setup->shared->workers) {
		question->message.deliver = on_visit;
		next = clients_mailbox(setup->shared->of_worker[question->at]);
	}
	mailbox_post(next, &question->message);
}

static void
on_visit(struct message *message, void *receiver)
{
	struct question *question = (struct question *)message; /* its first member */
	struct clients *clients = receiver;

	/* When everything is being closed there is soon no mailbox. */
	if (clients_draining(clients) == CLIENTS_END) {
		free_question(question);
		return;
	}
	if (question->page != PAGE_HEALTHZ)
		tally_add(&question->tally, clients);
	question->at++;
	go_on(question);
}

/* --- requests ----------------------------------------------------------------------- */

static bool
shows_token(const struct monitor *monitor, const struct http_request *request)
{
	const char *token = monitor->config->http_token;

	if (token == NULL || token[0] == '\0')
		return true;
	return request->authorization != NULL &&
	    strncmp(request->authorization, BEARER, strlen(BEARER)) == 0 &&
	    digest_same_secret(request->authorization + strlen(BEARER), token);
}

static void
on_request(const struct http_request *request, void *arg)
{
	struct monitor *monitor = arg;
	bool known = shows_token(monitor, request);
	struct question *question;
	int page = 0;

	while (page < PAGES && strcmp(paths[page], request->path) != 0)
		page++;
	if (page == PAGES || (page == PAGE_METRICS && !known)) {
		answer_text(monitor, request->number, known ? 404 : 401,
		    known ? "there are /metrics, /healthz and /readyz" : "a token is needed");
		return;
	}
	if (monitor->closed) {
		answer_text(monitor, request->number, 503, "shutting down");
		return;
	}
	question = mem_zalloc(1, sizeof(*question));
	question->monitor = monitor;
	question->number = request->number;
	question->page = (enum page)page;
	question->known = known;
	go_on(question);
}

/* --- life ------------------------------------------------------------------------------ */

struct monitor *
monitor_new(const struct monitor_setup *setup)
{
	struct monitor *monitor = mem_zalloc(1, sizeof(*monitor));

	monitor->setup = *setup;
	monitor->started_us = monitor->reloaded_us = clock_wall_us();
	monitor->reach = reach_new(setup->loop, setup->mailbox, setup->resolver);
	monitor->http = http_new(setup->loop, setup->fd, on_request, monitor);
	return monitor;
}

void
monitor_free(struct monitor *monitor)
{
	if (monitor == NULL)
		return;
	http_free(monitor->http);
	while (monitor->unsure != NULL) {
		struct question *question = monitor->unsure;

		monitor->unsure = question->next;
		free_question(question);
	}
	reach_free(monitor->reach);
	mem_free(monitor);
}

void
monitor_configure(
    struct monitor *monitor, const struct config *config, const struct policies *policies)
{
	if (monitor == NULL)
		return;
	monitor->config = config;
	monitor->policies = policies;
}

void
monitor_reloaded(struct monitor *monitor, bool good)
{
	if (monitor == NULL)
		return;
	monitor->reload_failed = !good;
	if (good)
		monitor->reloaded_us = clock_wall_us();
}

void
monitor_drain(struct monitor *monitor)
{
	if (monitor != NULL)
		monitor->draining = true;
}

void
monitor_close(struct monitor *monitor)
{
	if (monitor != NULL)
		monitor->draining = monitor->closed = true;
}
