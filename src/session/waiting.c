/*
 * waiting.c - clients that wait: for how long they do, what they are told meanwhile, and
 * what ends it. Looked at on the loop's tick, by limits.c.
 */
#include "base/mem.h"
#include "base/text.h"
#include "inbound.h"
#include "pool/own_limit.h"

enum {
	NOTICE_EVERY = 6,	 /* later notices come after six times pool.wait_notice each */
	NOTICES_IN_A_TICK = 64, /* of a worker: each looks through the line */
};

/* Of a client that waits for longer than a tick. Owned by it, while it waits. */
struct waiting {
	struct ruling *ruling;	   /* referenced: where the limit came from; or NULL */
	struct policy_limit limit; /* on the statement that waits, its line included */
	uint64_t looked_us;	   /* when it was last looked at */
	uint64_t excused_us;	   /* for so long its pool was paused */
	uint64_t notice_us;	   /* when it is told next */
};

static int64_t
notice_after_us(const struct client *client)
{
	return clients_config(client->clients)->pool_wait_notice_ms * 1000;
}

static struct waiting *
begin(struct client *client)
{
	struct waiting *waiting = mem_zalloc(1, sizeof(*waiting));

	client->waiting = waiting;
	waiting->looked_us = client->since_us;
	waiting->notice_us = client->since_us + (uint64_t)notice_after_us(client);
	if (client->state != CLIENT_WAITING)
		return waiting;
	if (client->judged != NULL)
		waiting->ruling = permit_rule(client, client->judged);
	waiting->limit = limits_of_waiting(client, waiting->ruling);
	return waiting;
}

void
waiting_end(struct client *client)
{
	if (client->waiting == NULL)
		return;
	ruling_release(client->waiting->ruling);
	mem_free(client->waiting);
	client->waiting = NULL;
}

uint64_t
waiting_excused_us(const struct client *client)
{
	return client->waiting == NULL ? 0 : client->waiting->excused_us;
}

/* Why it waits, in a sentence; free with mem_free(). */
static char *
reason(const struct client *client, const struct budget_place *place)
{
	if (client->pool->paused)
		return mem_printf("Database \"%s\" is paused.", client->pool->database);
	if (client->pool->split)
		return mem_printf("Two hosts of database \"%s\" are primaries: none is used until one of "
				  "them is stopped or demoted.", client->pool->database);
	switch (place->reason) {
	case BUDGET_WAITS_FOR_DATABASE:
		return mem_printf("Every one of the %d server connections that database \"%s\" may have "
				  "(pool.max_per_database) is in use.",
		    place->limit, client->pool->database);
	case BUDGET_WAITS_FOR_USER:
		return mem_printf("Every one of the %d server connections that role \"%s\" may have "
				  "(pool.max_per_user) is in use.",
		    place->limit, client->pool->role);
	case BUDGET_WAITS_FOR_POSTGRES:
		return mem_strdup("PostgreSQL could not be reached; it is tried again.");
	case BUDGET_WAITS_FOR_CONNECT:
		return mem_strdup("A server connection is being opened.");
	case BUDGET_WAITS_FOR_ROOM:
		return mem_printf("PostgreSQL has no room for more than the %d server connections of the pool "
				  "(max_connections, or a limit of the role or the database).",
		    place->limit);
	case BUDGET_WAITS_FOR_SERVER:
		break;
	}
	return mem_printf(
	    "Every one of the %d server connections of the pool (pool.size) is in use.", place->limit);
}

static void
tell(struct client *client)
{
	struct budget_place place;
	char *message, *detail;

	pool_look(client->pool, &client->waiter, &place);
	if (client->state == CLIENT_GREETING && !client->ok_told) {
		/* Before that no client expects a notice. */
		build_authentication(client_out(client), AUTH_CODE_OK, NULL, 0);
		client->ok_told = true;
	}
	detail = reason(client, &place);
	message = mem_printf("waiting for a server connection: place %zu of %zu in the line of pool %s/%s",
	    place.ahead + 1, place.waiting, client->pool->database, client->pool->role);
	build_notice(client_out(client),
	    &(struct wire_error){ .severity = "NOTICE",
		.sqlstate = "01000",
		.message = message,
		.detail = detail });
	client_flush(client);
	mem_free(message);
	mem_free(detail);
}

static void
tell_if_due(struct client *client, uint64_t now_us, unsigned *told)
{
	struct waiting *waiting = client->waiting;
	int64_t after_us = notice_after_us(client);

	if (after_us == 0 || now_us < waiting->notice_us || *told == NOTICES_IN_A_TICK ||
	    !client->waiter.ticket.waiting) /* the connection of its own is being opened */
		return;
	waiting->notice_us = now_us + NOTICE_EVERY * (uint64_t)after_us;
	++*told;
	tell(client);
}

/* It has waited for as long as it may by pool.wait_timeout. */
static void
run_out(struct client *client)
{
	struct budget_place place;
	char *why, *detail;

	pool_look(client->pool, &client->waiter, &place);
	pool_leave(client->pool, &client->waiter);
	if (client->state == CLIENT_GREETING) {
		client_end(client, "53300", "no server connection within pool.wait_timeout");
		return;
	}
	why = reason(client, &place);
	detail = mem_printf("Pool %s/%s: %s", client->pool->database, client->pool->role, why);
	borrow_give_up(client,
	    &(struct wire_error){ .severity = "ERROR",
		.sqlstate = "53300",
		.message = "no server connection within pool.wait_timeout",
		.detail = detail,
		.hint = "Shorten transactions, or raise pool.size." });
	mem_free(why);
	mem_free(detail);
}

/* Its statement's own limit has passed: there is nobody left to whom its answer is of use. */
static void
give_up(struct client *client)
{
	struct waiting *waiting = client->waiting;
	char *limit = limits_detail(POLICY_STATEMENT_TIMEOUT, &waiting->limit);
	char *detail = mem_printf("%s; the statement was not sent: it waited for a server connection", limit);
	struct wire_error error = limits_error(&waiting->limit, "57014",
	    "canceling statement due to statement timeout", detail,
	    "Shorten transactions, or raise pool.size.");

	client->waiting = NULL; /* the error's words are its ruling's */
	pool_leave(client->pool, &client->waiter);
	borrow_give_up(client, &error);
	ruling_release(waiting->ruling);
	mem_free(waiting);
	mem_free(limit);
	mem_free(detail);
}

void
waiting_check(struct client *client, uint64_t now_us, unsigned *told)
{
	int64_t most_ms = clients_config(client->clients)->pool_wait_timeout_ms;
	struct waiting *waiting = client->waiting != NULL ? client->waiting : begin(client);
	uint64_t waited_us;

	if (client->pool->paused)
		waiting->excused_us += now_us - waiting->looked_us;
	waiting->looked_us = now_us;
	waited_us = now_us - client->since_us - waiting->excused_us;
	if (waiting->limit.value > 0 && waited_us >= (uint64_t)waiting->limit.value * 1000)
		give_up(client);
	else if (most_ms > 0 && waited_us >= (uint64_t)most_ms * 1000)
		run_out(client);
	else
		tell_if_due(client, now_us, told);
}
