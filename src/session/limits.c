/* limits.c - deadlines of clients and of what they run, on pgweir's own clock. */
#include "base/mem.h"
#include "base/text.h"
#include "session_internal.h"

enum { CANCEL_AGAIN_US = 1000 * 1000 };

/* The smaller of two limits of which 0 is none. */
static bool
is_stricter(int64_t a, int64_t b)
{
	return a > 0 && (b == 0 || a < b);
}

/*
 * What the server runs, or will run next: the first statement that is not answered. Before it
 * there may be a Parse and a Bind, whose answers PostgreSQL keeps back.
 */
static const struct request *
running_statement(const struct link *link)
{
	for (size_t i = 0; i < link->requests.count; i++) {
		const struct request *request = requests_at(&link->requests, i);

		if (request->answer == ANSWER_FORWARD &&
		    (request->kind == REQUEST_QUERY || request->kind == REQUEST_EXECUTE))
			return request;
	}
	return NULL;
}

/* The statement limit of what the server runs now: the policies' under the configuration's ceiling. */
static struct policy_limit
statement_limit(const struct link *link, const struct request *running)
{
	struct policy_limit limit = { 0 };
	int64_t ceiling = clients_config(link->clients)->timeouts_statement_ms;

	if (running->ruling != NULL)
		limit = running->ruling->verdict.limits.statement_timeout;
	if (is_stricter(ceiling, limit.value))
		limit = (struct policy_limit){ .value = ceiling };
	return limit;
}

static void
check_statement(struct link *link, uint64_t now_us)
{
	const struct request *running = running_statement(link);
	struct policy_limit limit;
	uint64_t began_us;

	if (running == NULL || running->judged == NULL)
		return;
	began_us = link->head_us > running->sent_us ? link->head_us : running->sent_us;
	limit = statement_limit(link, running);
	if (limit.value == 0 || now_us - began_us < (uint64_t)limit.value * 1000)
		return;
	/* A cancel may come to nothing, or have ended the statement before: then once more. */
	if (link->limit != NULL && now_us - link->limit_us < CANCEL_AGAIN_US)
		return;
	if (link->limit == NULL)
		audit_cancel(clients_lane(link->clients), link->client->who, "limit");
	link->limit = "statement_timeout";
	link->limit_rule = limit;
	link->limit_us = now_us;
	server_cancel(link->server, NULL, NULL);
}

void
limits_tell(struct link *link)
{
	const struct policy_limit *limit = &link->limit_rule;
	char duration[32];
	char *detail;

	text_from_duration(limit->value, duration);
	if (limit->rule != NULL)
		detail = mem_printf("limit %s %s of rule \"%s\" in policy \"%s\"", link->limit,
		    duration, limit->rule, limit->policy);
	else if (limit->policy != NULL)
		detail = mem_printf("limit %s %s of the defaults of policy \"%s\"", link->limit,
		    duration, limit->policy);
	else
		detail = mem_printf(
		    "limit %s %s of pgweir's configuration", link->limit, duration);
	build_error(relay_emit(link),
	    &(struct wire_error){ .severity = "ERROR",
		.sqlstate = "57014",
		.message = "canceling statement due to statement timeout",
		.detail = detail,
		.constraint = limit->rule,
		.file = limit->file,
		.line = limit->line });
	mem_free(detail);
}

static void
check_transaction(struct link *link, uint64_t began_us, uint64_t now_us)
{
	const struct config *config = clients_config(link->clients);
	struct client *client = link->client;
	struct policy_limits limits = { 0 };
	int64_t idle_ms = config->timeouts_idle_in_transaction_ms;
	int64_t whole_ms = config->timeouts_transaction_ms;

	policies_limits(clients_policies(link->clients), &client->identity->subject,
	    loop_wall_us(clients_loop(link->clients)), &limits);
	if (is_stricter(limits.idle_in_transaction_timeout.value, idle_ms))
		idle_ms = limits.idle_in_transaction_timeout.value;
	if (is_stricter(limits.transaction_timeout.value, whole_ms))
		whole_ms = limits.transaction_timeout.value;
	if (idle_ms > 0 && link->idle_us > 0 &&
	    now_us - link->idle_us >= (uint64_t)idle_ms * 1000)
		client_end(client, "25P03",
		    "terminating connection due to idle-in-transaction timeout");
	else if (whole_ms > 0 && now_us - began_us >= (uint64_t)whole_ms * 1000)
		client_end(client, "25P04", "terminating connection due to transaction timeout");
}

static void
check_link(struct link *link, uint64_t now_us)
{
	if (link->client == NULL) {
		if (link->deadline_us > 0 && now_us >= link->deadline_us)
			link_discard(link, "could not be cleaned within timeouts.cancel");
		return;
	}
	client_look_for_end(link->client);
	if (link->requests.count > 0)
		check_statement(link, now_us);
	/* A batch whose Sync has not come yet keeps its server, as an open transaction does. */
	if (link->transaction_us > 0)
		check_transaction(link, link->transaction_us, now_us);
	else if (link->requests.count > 0 || link->unsynced)
		check_transaction(link, link->request_us, now_us);
}

/* How long a client may be in its state, and what ends it. 0: as long as it likes. */
static int64_t
patience_ms(const struct client *client)
{
	const struct config *config = clients_config(client->clients);

	switch (client->state) {
	case CLIENT_STARTUP:
	case CLIENT_LOGIN:
		return config->timeouts_login_ms;
	case CLIENT_GREETING:
	case CLIENT_WAITING:
		return config->pool_wait_timeout_ms;
	default:
		return 0;
	}
}

/* Time in line while its pool is paused does not count; nor does what came before, then. */
static void
excuse_paused(struct client *client, uint64_t now_us)
{
	if ((client->state == CLIENT_GREETING || client->state == CLIENT_WAITING) &&
	    client->pool->paused)
		client->since_us = now_us;
}

static void
run_out(struct client *client)
{
	char *detail;

	if (client->state == CLIENT_STARTUP || client->state == CLIENT_LOGIN) {
		client_end(client, "08006", "log-in did not end within timeouts.login");
		return;
	}
	pool_leave(client->pool, &client->waiter);
	if (client->state == CLIENT_GREETING) {
		client_end(client, "53300", "no server connection within pool.wait_timeout");
		return;
	}
	detail = mem_printf("Pool %s/%s: every server connection was in use, or none could be opened.",
	    client->pool->database, client->pool->role);
	borrow_give_up(client,
	    &(struct wire_error){ .severity = "ERROR",
		.sqlstate = "53300",
		.message = "no server connection within pool.wait_timeout",
		.detail = detail,
		.hint = "Shorten transactions, or raise pool.size." });
	mem_free(detail);
}

static void
check_idle_clients(struct clients *clients, uint64_t now_us)
{
	int64_t idle_ms = clients_config(clients)->timeouts_client_idle_ms;
	struct client *client = clients_first(clients);

	while (idle_ms > 0 && client != NULL) {
		struct client *next = clients_next(client);

		if (client->state == CLIENT_READY &&
		    now_us - client->since_us >= (uint64_t)idle_ms * 1000)
			client_end(client, "57P05",
			    "terminating connection due to idle-session timeout");
		client = next;
	}
}

void
limits_tick(struct clients *clients)
{
	uint64_t now_us = loop_now_us(clients_loop(clients));
	struct link *link = TAILQ_FIRST(clients_links(clients));
	struct client *client = TAILQ_FIRST(clients_timed(clients));

	while (link != NULL) {
		struct link *next = TAILQ_NEXT(link, in_links);

		check_link(link, now_us);
		link = next;
	}
	while (client != NULL) {
		struct client *next = TAILQ_NEXT(client, in_timed);
		int64_t patience = patience_ms(client);

		excuse_paused(client, now_us);
		if (patience > 0 && now_us - client->since_us >= (uint64_t)patience * 1000)
			run_out(client);
		client = next;
	}
	check_idle_clients(clients, now_us);
}
