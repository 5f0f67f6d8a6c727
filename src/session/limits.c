/* limits.c - deadlines of clients and of what they run, on pgweir's own clock. */
#include "base/mem.h"
#include "base/text.h"
#include "guard.h"
#include "listens.h"
#include "pool/own_limit.h"
#include "session_internal.h"

enum { CANCEL_AGAIN_US = 1000 * 1000, PROBE_ANSWER_US = 10 * 1000 * 1000 };

/* The policy of a limit that no policy sets: the client's own statement_timeout. */
static const char of_session[] = "";

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
		    request_is_statement(request))
			return request;
	}
	return NULL;
}

/* The limit of a statement under this ruling: the policies' under the configuration's ceiling. */
static struct policy_limit
statement_limit(const struct clients *clients, const struct ruling *ruling)
{
	struct policy_limit limit = { 0 };
	int64_t ceiling = clients_config(clients)->timeouts_statement_ms;

	if (ruling != NULL)
		limit = ruling->verdict.limits.statement_timeout;
	if (is_stricter(ceiling, limit.value))
		limit = (struct policy_limit){ .value = ceiling };
	return limit;
}

struct policy_limit
limits_of_waiting(const struct client *client, const struct ruling *ruling)
{
	struct policy_limit limit = statement_limit(client->clients, ruling);
	int64_t own_ms = own_limit_ms(&client->settings);

	if (is_stricter(own_ms, limit.value))
		limit = (struct policy_limit){ .value = own_ms, .policy = of_session };
	return limit;
}

/* The strictest limit of a whole message among what is unanswered of the one that runs; and whose. */
static struct policy_limit
message_limit(const struct link *link, const struct ruling **of)
{
	struct policy_limit limit = { 0 };
	const struct request *request;

	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++) {
		if (request->ruling != NULL &&
		    is_stricter(request->ruling->verdict.limits.message_timeout.value, limit.value)) {
			limit = request->ruling->verdict.limits.message_timeout;
			*of = request->ruling;
		}
		if (request->kind == REQUEST_QUERY || request->kind == REQUEST_SYNC)
			break;
	}
	return limit;
}

/* Are there more statements in the text of a Query than the one at hand? */
static bool
has_more(const struct link *link, const struct request *request)
{
	if (request->kind != REQUEST_QUERY)
		return false;
	return request->judged == NULL || request->judged->facts == NULL ||
	    request->judged->facts->statement_count > link->sub + 1;
}

/*
 * May the server be at another statement already? PostgreSQL keeps the end of one back in its
 * buffer, at most until the message ends. With `whole` all of the message is to be stopped.
 */
static bool
may_have_gone_on(const struct link *link, bool whole)
{
	const struct request *request;
	bool found = false, ended = false;

	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++) {
		bool is_statement = request_is_statement(request);

		if (is_statement && found && (ended || !whole))
			return true;
		if (is_statement && !found && !whole && has_more(link, request))
			return true;
		found = found || is_statement;
		ended = ended ||
		    (found && (request->kind == REQUEST_QUERY || request->kind == REQUEST_SYNC));
	}
	return false;
}

void
limits_note(struct link *link, enum policy_limit_kind kind, const struct policy_limit *limit,
    struct policies *of)
{
	struct policies *before = link->limit_policies;

	link->limit = kind;
	link->limit_rule = *limit;
	link->limit_policies = of == NULL ? NULL : policies_reference(of);
	policies_release(before);
}

void
limits_cancel(struct link *link, uint64_t now_us)
{
	if (!link->canceling)
		link->canceling_us = now_us;
	link->canceling = true;
	link->stray_batch = UINT64_MAX;
	server_cancel(link->server, NULL, NULL);
}

/* Cancel what the server runs; its error will be told as that of this limit of these policies. */
static void
stop(struct link *link, enum policy_limit_kind kind, const struct policy_limit *limit,
    struct policies *of, uint64_t now_us)
{
	bool again = link->stopped && link->head_us <= link->stopped_us;

	/*
	 * A cancel may come to nothing: then once more, where that cannot be for what stands
	 * behind; elsewhere timeouts.cancel ends it.
	 */
	if (link->stopped && now_us - link->limit_us < CANCEL_AGAIN_US)
		return;
	if (again && may_have_gone_on(link, kind != POLICY_STATEMENT_TIMEOUT))
		return;
	if (!link->stopped || link->head_us > link->stopped_us) {
		audit_cancel(clients_lane(link->clients), link->client->who, "limit");
		link->stopped_us = now_us;
	}
	link->stopped = true;
	link->limit_us = now_us;
	limits_note(link, kind, limit, of);
	limits_cancel(link, now_us);
}

static struct policies *
policies_of(const struct ruling *ruling)
{
	return ruling == NULL ? NULL : ruling->policies;
}

static bool
is_past(uint64_t began_us, const struct policy_limit *limit, uint64_t now_us)
{
	return limit->value > 0 && now_us - began_us >= (uint64_t)limit->value * 1000;
}

/* The client's own limit on what runs, if it waited in line for it: PostgreSQL knows nothing of that. */
static int64_t
own_limit(const struct link *link, const struct request *running)
{
	if (running->queue_us == 0 || link->client == NULL)
		return 0;
	return own_limit_ms(&link->client->settings);
}

/* A policy's limit is on what runs; a client's own on how long it waits for its answer. */
static void
check_statement(struct link *link, uint64_t now_us)
{
	const struct request *running = running_statement(link);
	const struct ruling *of_message = NULL;
	struct policy_limit limit, own, message;
	uint64_t began_us;

	if (running == NULL || running->judged == NULL)
		return;
	began_us = link->head_us > running->sent_us ? link->head_us : running->sent_us;
	limit = statement_limit(link->clients, running->ruling);
	own = (struct policy_limit){ .value = own_limit(link, running), .policy = of_session };
	message = message_limit(link, &of_message);
	if (is_past(began_us, &limit, now_us))
		stop(link, POLICY_STATEMENT_TIMEOUT, &limit, policies_of(running->ruling), now_us);
	else if (is_past(began_us - running->queue_us + link->excused_us, &own, now_us))
		stop(link, POLICY_STATEMENT_TIMEOUT, &own, NULL, now_us);
	else if (is_past(link->request_us, &message, now_us))
		stop(link, POLICY_MESSAGE_TIMEOUT, &message, policies_of(of_message), now_us);
}

char *
limits_detail(enum policy_limit_kind kind, const struct policy_limit *limit)
{
	char value[TEXT_UNIT_SIZE];

	policy_limit_text(kind, limit->value, value);
	if (limit->rule != NULL)
		return mem_printf("limit %s %s of rule \"%s\" in policy \"%s\"",
		    policy_limit_name(kind), value, limit->rule, limit->policy);
	if (limit->policy == of_session)
		return mem_printf("limit %s %s of the session's own settings, time in line included",
		    policy_limit_name(kind), value);
	if (limit->policy != NULL)
		return mem_printf("limit %s %s of the defaults of policy \"%s\"",
		    policy_limit_name(kind), value, limit->policy);
	return mem_printf(
	    "limit %s %s of pgweir's configuration", policy_limit_name(kind), value);
}

struct wire_error
limits_error(const struct policy_limit *limit, const char *sqlstate, const char *message,
    const char *detail, const char *hint)
{
	return (struct wire_error){ .severity = "ERROR",
		.sqlstate = sqlstate,
		.message = message,
		.detail = detail,
		.hint = hint,
		.constraint = limit->rule,
		.file = limit->file,
		.line = limit->line };
}

/* An error because of a limit, behind what the server said so far. */
static void
tell(struct link *link, enum policy_limit_kind kind, const struct policy_limit *limit,
    const char *sqlstate, const char *message, const char *hint)
{
	char *detail = limits_detail(kind, limit);
	struct wire_error error = limits_error(limit, sqlstate, message, detail, hint);

	build_error(relay_emit(link), &error);
	mem_free(detail);
}

void
limits_tell(struct link *link)
{
	if (!link->stopped) {
		tell(link, link->limit, &link->limit_rule, "57014",
		    "canceling statement due to the limit of a statement before it",
		    "That one ended by itself just as it was cancelled. Run this one again.");
		return;
	}
	tell(link, link->limit, &link->limit_rule, "57014",
	    link->limit == POLICY_TRANSACTION_TIMEOUT
		? "canceling statement due to transaction timeout"
		: "canceling statement due to statement timeout",
	    NULL);
}

void
limits_tell_exceeded(
    struct link *link, enum policy_limit_kind kind, const struct policy_limit *limit)
{
	static const struct {
		const char *message, *hint;
	} words[POLICY_LIMIT_KINDS] = {
		[POLICY_MAX_ROWS] = { "statement returns more rows than allowed",
		    "Add a LIMIT or a stricter WHERE." },
		[POLICY_MAX_BYTES] = { "statement returns more bytes than allowed",
		    "Add a LIMIT or a stricter WHERE, or name the columns that are needed." },
		[POLICY_MAX_AFFECTED_ROWS] = { "statement changes more rows than allowed",
		    "It was rolled back. Change the rows in batches." },
	};

	tell(link, kind, limit, "53400", words[kind].message, words[kind].hint);
}

void
limits_tell_lock_timeout(
    struct link *link, const struct wire_report *report, const struct policy_limit *limit)
{
	tell(link, POLICY_LOCK_TIMEOUT, limit, report->sqlstate, report->message,
	    "Others hold the lock: try again after a pause, and again with longer ones.");
}

/* The open transaction is over its limit while nothing runs: the client's next statement is told. */
static void
end_transaction(struct link *link, enum policy_limit_kind kind, const struct policy_limit *limit)
{
	struct client *client = link->client;

	aborted_by_limit(client, link->server->transaction == 'E', limits_detail(kind, limit));
	build_query(stream_out(link->server->stream), "ROLLBACK");
	link_expect(link, REQUEST_QUERY, ANSWER_SWALLOW);
	link->server->batch++;
	link->transaction_us = link->idle_us = 0;
	stream_flush(link->server->stream);
}

static struct policy_limit
under_ceiling(struct policy_limit limit, int64_t ceiling_ms)
{
	if (is_stricter(ceiling_ms, limit.value))
		return (struct policy_limit){ .value = ceiling_ms };
	return limit;
}

static void
check_transaction(struct link *link, uint64_t began_us, uint64_t now_us)
{
	const struct config *config = clients_config(link->clients);
	struct client *client = link->client;
	struct policy_limits limits = { 0 };
	struct policy_limit idle, whole;
	bool is_open = link->server->transaction != 'I' && !link->unsynced;

	trial_tick(link, began_us, is_open, now_us);
	policies_limits(clients_policies(link->clients), &client->identity->subject,
	    loop_wall_us(clients_loop(link->clients)), &limits);
	idle = under_ceiling(
	    limits.idle_in_transaction_timeout, config->timeouts_idle_in_transaction_ms);
	whole = under_ceiling(limits.transaction_timeout, config->timeouts_transaction_ms);
	if (link->canceling && link->requests.count == 0)
		return; /* a ROLLBACK of ours could be hit */
	if (link->idle_us > 0 && is_open && is_past(link->idle_us, &idle, now_us))
		end_transaction(link, POLICY_IDLE_IN_TRANSACTION_TIMEOUT, &idle);
	else if (!is_past(began_us, &whole, now_us))
		return;
	else if (running_statement(link) != NULL)
		stop(link, POLICY_TRANSACTION_TIMEOUT, &whole, clients_policies(link->clients), now_us);
	else if (is_open && link->requests.count == 0)
		end_transaction(link, POLICY_TRANSACTION_TIMEOUT, &whole);
	else
		/* A batch without its Sync: nothing can be said in between. */
		client_end(client, "25P04", "terminating connection due to transaction timeout");
}

/* Does it keep its server for nothing but a pin, and say nothing? */
static bool
is_idle_pinned(const struct link *link)
{
	const struct client *client = link->client;

	return client->pin != NULL && client->pool_mode != POOL_MODE_SESSION &&
	    client->state == CLIENT_ACTIVE && link->requests.count == 0 && !link->unsynced &&
	    link->server->transaction == 'I' && buf_length(&client->in) == 0 && client->passing == 0;
}

/* True: the client was ended, and the link is not its any more. */
static bool
check_pin(struct link *link, uint64_t now_us)
{
	int64_t limit_ms = clients_config(link->clients)->protocol_pin_timeout_ms;
	char *message;

	if (limit_ms == 0 || !is_idle_pinned(link) ||
	    now_us - link->request_us < (uint64_t)limit_ms * 1000)
		return false;
	message = mem_printf("terminating connection: it kept its server connection (%s) and was idle "
			     "for longer than protocol.pin_timeout",
	    link->client->pin);
	client_end(link->client, "57P01", message);
	mem_free(message);
	return true;
}

/*
 * Does the server not hear the cancel of a limit, or does nobody read its answer so far? What
 * has ended since, by itself, was the one that was cancelled: the next has its own time. But it
 * waits for the cancel.
 */
static bool
is_deaf(const struct link *link, uint64_t now_us)
{
	uint64_t patience_us = (uint64_t)clients_config(link->clients)->timeouts_cancel_ms * 1000;

	if (link->canceling && now_us - link->canceling_us >= patience_us)
		return true;
	return link->stopped && link->head_us <= link->stopped_us && link->requests.count > 0 &&
	    now_us - link->stopped_us >= patience_us;
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
	if (check_pin(link, now_us))
		return;
	if (link->asking && now_us - link->asked_us >= PROBE_ANSWER_US) {
		link_violated(link, "no answer to what is left in the session");
		return;
	}
	if (is_deaf(link, now_us)) {
		link_violated(link, "a cancelled statement did not end within timeouts.cancel");
		return;
	}
	if (link->guard != NULL)
		guard_tick(link, now_us);
	if (link->requests.count > 0 && requests_head(&link->requests)->replicates)
		return; /* no statement: a stream is meant to last */
	if (link->requests.count > 0 && !guard_is_over(link))
		check_statement(link, now_us);
	/* A batch whose Sync has not come yet keeps its server, as an open transaction does. */
	if (link->transaction_us > 0)
		check_transaction(link, link->transaction_us, now_us);
	else if (link->requests.count > 0 || link->unsynced)
		check_transaction(link, link->request_us, now_us);
}

static void
check_login(struct client *client, uint64_t now_us)
{
	int64_t most_ms = clients_config(client->clients)->timeouts_login_ms;

	if (now_us - client->since_us < (uint64_t)most_ms * 1000)
		return;
	if (client->state == CLIENT_PROVING)
		proof_is_late(client);
	else
		client_end(client, "08006", "log-in did not end within timeouts.login");
}

static void
check_timed_clients(struct clients *clients, uint64_t now_us)
{
	struct client *client = TAILQ_FIRST(clients_timed(clients));
	unsigned told = 0;

	while (client != NULL) {
		struct client *next = TAILQ_NEXT(client, in_timed);

		if (client->state <= CLIENT_PROVING)
			check_login(client, now_us);
		else
			waiting_check(client, now_us, &told);
		client = next;
	}
}

static void
check_idle_clients(struct clients *clients, uint64_t now_us)
{
	int64_t idle_ms = clients_config(clients)->timeouts_client_idle_ms;
	struct client *client = clients_first(clients);

	while (idle_ms > 0 && client != NULL) {
		struct client *next = clients_next(client);

		if (client->state == CLIENT_READY &&
		    (client->listens == NULL || client->listens->wait == LISTENS_FREE) &&
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

	while (link != NULL) {
		struct link *next = TAILQ_NEXT(link, in_links);

		check_link(link, now_us);
		link = next;
	}
	check_timed_clients(clients, now_us);
	check_idle_clients(clients, now_us);
}
