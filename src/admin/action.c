/* action.c - see action.h. */
#include "action.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "console_internal.h"
#include "pool/pool.h"
#include "session/client.h"
#include "session/guardrails.h"

enum { HOLDERS_MOST = 10 }; /* clients named in the notice of a PAUSE that waits */

/* On its way to the supervisor, which frees it by answering. */
struct admin_reload {
	struct message message; /* first member */
	struct errand *errand;  /* ours */
	struct error err;
};

/* A SHUTDOWN on its way to the supervisor. */
struct shutdown {
	struct message message; /* first member */
	int signal;
};

/* --- what each worker does ------------------------------------------------------ */

/* Does it keep its server beyond this transaction? */
static bool
is_holder(const struct client *client, const char *database)
{
	return client_server(client) != NULL &&
	       (database == NULL || strcmp(client->pool->database, database) == 0) &&
	       (client->pin != NULL || client->pool_mode == POOL_MODE_SESSION);
}

/* Name the clients that a PAUSE may have to wait for longer than for a transaction. */
static void
note_holders(struct errand *errand, struct clients *clients)
{
	const struct client *client = clients_first(clients);

	for (; client != NULL; client = clients_next(client)) {
		if (!is_holder(client, errand->command.database))
			continue;
		if (++errand->holders > HOLDERS_MOST)
			continue;
		buf_printf(&errand->holding, "%sclient %llu (%s/%s, %s)",
		    errand->holders > 1 ? ", " : "", (unsigned long long)client->id,
		    client->database, client_user(client),
		    client->pin != NULL ? client->pin : "session pooling");
	}
}

static void
visit_pause(struct errand *errand, struct clients *clients)
{
	struct pools *pools = clients_pools(clients);
	const char *database = errand->command.database;

	if (errand->round == 0)
		pools_pause(pools, database, true);
	else if (!pools_are_paused(pools, database))
		errand_fail(
		    errand, "55000", "the pause was ended before every server was free");
	if (pools_are_quiet(pools, database))
		return;
	errand->unfinished = true;
	if (errand->round == 0)
		note_holders(errand, clients);
}

/* Once round at least: what was sent in this turn of the loop leaves when it ends. */
static void
visit_suspend(struct errand *errand, struct clients *clients)
{
	uint64_t patience_us = (uint64_t)clients_config(clients)->timeouts_suspend_ms * 1000;
	bool impatient = clock_monotonic_us() - errand->suspend_us >= patience_us;

	if (errand->round == 0)
		clients_suspend(clients);
	if (!clients_are_suspended(clients)) {
		errand_fail(errand, "55000", "the suspend was ended before all had been sent");
		return;
	}
	if (!clients_settle(clients, impatient) || errand->round == 0)
		errand->unfinished = true;
}

static void
visit_resume(struct errand *errand, struct clients *clients)
{
	if (errand->command.database == NULL)
		clients_wake(clients);
	pools_pause(clients_pools(clients), errand->command.database, false);
}

static void
visit_disable(struct errand *errand, struct clients *clients)
{
	pools_disable(clients_pools(clients), errand->command.database,
	    errand->command.verb == VERB_DISABLE);
}

static void
visit_reconnect(struct errand *errand, struct clients *clients)
{
	pools_reconnect(clients_pools(clients), errand->command.database);
}

static void
visit_kill(struct errand *errand, struct clients *clients)
{
	const char *database = errand->command.database;
	struct client *client = clients_first(clients);

	while (client != NULL) {
		struct client *next = clients_next(client);

		if (client->pool != NULL &&
		    (database == NULL || strcmp(client->pool->database, database) == 0))
			client_end(client, "57P01",
			    "terminating connection due to administrator command");
		client = next;
	}
	pools_pause(clients_pools(clients), database, true);
	pools_close_servers(clients_pools(clients), database, "KILL");
}

static void
visit_kill_client(struct errand *errand, struct clients *clients)
{
	struct client *client = client_find(clients, errand->command.client);

	if (client == NULL)
		return;
	errand->found = true;
	client_end(
	    client, "57P01", "terminating connection due to administrator command");
}

/* What is only about to reach a server is waited for. */
static void
visit_kill_query(struct errand *errand, struct clients *clients)
{
	struct client *client = client_find(clients, errand->command.client);

	if (client == NULL)
		return;
	errand->found = true;
	switch (client_cancel_query(client)) {
	case CLIENT_CANCELED:
		break;
	case CLIENT_CANCELED_LATER:
		errand->unfinished = true;
		break;
	case CLIENT_RUNS_NOTHING:
		errand_fail(errand, "55000", "the client with id %llu runs no query",
		    (unsigned long long)client->id);
		break;
	}
}

/* Servers that go as soon as nobody has them. */
static void
visit_wait_close(struct errand *errand, struct clients *clients)
{
	const char *database = errand->command.database;
	struct pool *pool = pools_first(clients_pools(clients));

	for (; pool != NULL; pool = pools_next(pool)) {
		const struct server *server;

		if (database != NULL && strcmp(pool->database, database) != 0)
			continue;
		TAILQ_FOREACH(server, &pool->servers, in_pool)
		if (server->retired || server->connected_us < pool->reconnect_us)
			errand->unfinished = true;
	}
}

/* --- before and after --------------------------------------------------------------- */

static enum action_way
begin_nothing(struct errand *errand, struct clients *home)
{
	(void)errand;
	(void)home;
	return ACTION_DONE;
}

/* A command for one database, or for all: is there such a one? */
static enum action_way
begin_round(struct errand *errand, struct clients *home)
{
	const char *database = errand->command.database;

	if (database == NULL || pools_know(clients_pools(home), database))
		return ACTION_ROUND;
	errand_fail(errand, "3D000",
	    "no such database: \"%.100s\" is not in the configuration, and no client has "
	    "used it",
	    database);
	return ACTION_DONE;
}

static enum action_way
begin_resume(struct errand *errand, struct clients *home)
{
	bool suspended = clients_are_suspended(home);

	if (errand->command.database != NULL &&
	    (suspended || pools_are_paused(clients_pools(home), NULL))) {
		errand_fail(errand, "55000",
		    "all databases are %s, not \"%.100s\" alone: say RESUME without "
		    "a name",
		    suspended ? "suspended" : "paused", errand->command.database);
		return ACTION_DONE;
	}
	return begin_round(errand, home);
}

static enum action_way
begin_reload(struct errand *errand, struct clients *home)
{
	struct admin_reload *reload = mem_zalloc(1, sizeof(*reload));

	reload->errand = errand;
	reload->message.deliver = console_setup()->reload;
	mailbox_post(console_setup()->supervisor, &reload->message);
	(void)home;
	return ACTION_AWAY;
}

static void
on_shutdown(struct message *message, void *receiver)
{
	struct shutdown *asked = (struct shutdown *)message; /* its first member */
	int number = asked->signal;

	mem_free(asked);
	console_setup()->shut_down(number, receiver);
}

static enum action_way
begin_shutdown(struct errand *errand, struct clients *home)
{
	static const int signals[] = { [SHUTDOWN_NOW] = SIGQUIT,
		[SHUTDOWN_WAIT_FOR_CLIENTS] = SIGTERM,
		[SHUTDOWN_WAIT_FOR_SERVERS] = SIGINT };
	struct shutdown *asked = mem_zalloc(1, sizeof(*asked));

	asked->message.deliver = on_shutdown;
	asked->signal = signals[errand->command.shutdown];
	mailbox_post(console_setup()->supervisor, &asked->message);
	(void)home;
	return ACTION_DONE;
}

/* What is suspended is not heard: a pause of it would wait for ever. */
static bool
refuse_suspended(struct errand *errand, const struct clients *home)
{
	if (!clients_are_suspended(home))
		return false;
	errand_fail(errand, "55000", "everything is suspended already: say RESUME first");
	return true;
}

static enum action_way
begin_suspend(struct errand *errand, struct clients *home)
{
	errand->suspend_us = clock_monotonic_us();
	return refuse_suspended(errand, home) ? ACTION_DONE : ACTION_ROUND;
}

static enum action_way
begin_pause(struct errand *errand, struct clients *home)
{
	return refuse_suspended(errand, home) ? ACTION_DONE : begin_round(errand, home);
}

/* Texts that are known already follow within a second: gate.c. */
static enum action_way
begin_block(struct errand *errand, struct clients *home)
{
	const struct command *command = &errand->command;
	uint64_t now_us = loop_wall_us(clients_loop(home));
	const struct client *client = client_find(home, errand->client);
	struct guardrails_block block = { .since_us = now_us,
		.until_us = command->for_ms > 0 ? now_us + (uint64_t)command->for_ms * 1000 : 0 };

	memcpy(block.fingerprint, command->fingerprint, sizeof(block.fingerprint));
	snprintf(block.by, sizeof(block.by), "%s", client != NULL ? client_user(client) : "?");
	guardrails_block(clients_shared(home)->guardrails, &block);
	return ACTION_DONE;
}

static enum action_way
begin_unblock(struct errand *errand, struct clients *home)
{
	if (!guardrails_unblock(clients_shared(home)->guardrails, errand->command.fingerprint,
		loop_wall_us(clients_loop(home))))
		errand_fail(errand, "42704", "%s is not blocked: see SHOW GUARDRAILS",
		    errand->command.fingerprint);
	return ACTION_DONE;
}

/* The access log was not whole at the start, and an admin has seen it. */
static enum action_way
begin_accept_break(struct errand *errand, struct clients *home)
{
	audit_accept_break(console_setup()->audit);
	(void)errand;
	(void)home;
	return ACTION_DONE;
}

static const struct action {
	enum action_way (*begin)(struct errand *errand, struct clients *home);
	void (*visit)(
	    struct errand *errand, struct clients *clients); /* after ACTION_ROUND */
} actions[VERB_COUNT] = {
	[VERB_NONE] = { begin_nothing, NULL },
	[VERB_SHOW] = { begin_nothing, NULL }, /* tables see to themselves */
	[VERB_SET] = { begin_nothing, NULL },
	[VERB_RELOAD] = { begin_reload, NULL },
	[VERB_PAUSE] = { begin_pause, visit_pause },
	[VERB_RESUME] = { begin_resume, visit_resume },
	[VERB_DISABLE] = { begin_round, visit_disable },
	[VERB_ENABLE] = { begin_round, visit_disable },
	[VERB_RECONNECT] = { begin_round, visit_reconnect },
	[VERB_KILL] = { begin_round, visit_kill },
	[VERB_KILL_CLIENT] = { begin_round, visit_kill_client },
	[VERB_KILL_QUERY] = { begin_round, visit_kill_query },
	[VERB_BLOCK] = { begin_block, NULL },
	[VERB_UNBLOCK] = { begin_unblock, NULL },
	[VERB_WAIT_CLOSE] = { begin_round, visit_wait_close },
	[VERB_SHUTDOWN] = { begin_shutdown, NULL },
	[VERB_SUSPEND] = { begin_suspend, visit_suspend },
	[VERB_ACCEPT_BREAK] = { begin_accept_break, NULL },
};

enum action_way
action_begin(struct errand *errand, struct clients *home)
{
	return actions[errand->command.verb].begin(errand, home);
}

void
action_visit(struct errand *errand, struct clients *clients)
{
	actions[errand->command.verb].visit(errand, clients);
}

void
action_unfinished(struct errand *errand, struct clients *home)
{
	char *detail;

	if (errand->round > 0 || errand->holders == 0)
		return;
	if (errand->holders > HOLDERS_MOST)
		buf_printf(
		    &errand->holding, " and %u more", errand->holders - HOLDERS_MOST);
	detail = buf_steal_text(&errand->holding);
	console_notice(client_find(home, errand->client),
	    "waiting for clients that keep their server", detail);
	mem_free(detail);
}

void
action_finish(struct errand *errand, struct clients *home)
{
	enum verb verb = errand->command.verb;

	if ((verb == VERB_KILL_CLIENT || verb == VERB_KILL_QUERY) && !errand->found)
		errand_fail(errand, "42704",
		    "there is no client with id %llu: see SHOW CLIENTS",
		    (unsigned long long)errand->command.client);
	(void)home;
}

/* --- the supervisor's answer to a RELOAD
 * ------------------------------------------------ */

struct admin_reload *
admin_reload_of(struct message *message)
{
	return (struct admin_reload *)message; /* its first member */
}

struct error *
admin_reload_error(struct admin_reload *reload)
{
	return &reload->err;
}

const struct audit_who *
admin_reload_who(const struct admin_reload *reload)
{
	return reload->errand->who;
}

void
admin_reload_done(struct admin_reload *reload)
{
	struct errand *errand = reload->errand;

	if (reload->err.code != ERROR_NONE)
		errand_fail(errand, "F0000", "%s", reload->err.text);
	mem_free(reload);
	errand_send_home(errand);
}

void
admin_reload_refuse(struct admin_reload *reload, const char *why)
{
	error_set(&reload->err, ERROR_CONFIG, "%s", why);
	admin_reload_done(reload);
}
