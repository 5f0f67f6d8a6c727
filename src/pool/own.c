/* own.c - see own.h. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "pool/own.h"
#include "pool_internal.h"

void
own_borrow(struct pool *pool, struct waiter *waiter, const struct startup *startup)
{
	struct own *own = mem_zalloc(1, sizeof(*own));

	*own = (struct own){ .waiter = waiter, .startup = startup };
	waiter->own = own;
	waiter->ticket.own = true;
	pool_join(pool, waiter);
}

void
own_free(struct own *own)
{
	mem_free(own);
}

void
own_open(struct pool *pool, struct own *own)
{
	host_open_server(pool, own);
}

void
own_wait_for_name(struct pool *pool, struct own *own)
{
	own->unnamed = true;
	TAILQ_INSERT_TAIL(&pool->unnamed, own, in_unnamed);
}

struct own *
own_next_unnamed(struct pool *pool)
{
	struct own *own = TAILQ_FIRST(&pool->unnamed);

	if (own == NULL)
		return NULL;
	TAILQ_REMOVE(&pool->unnamed, own, in_unnamed);
	own->unnamed = false;
	return own;
}

void
own_leave(struct pool *pool, struct own *own)
{
	struct server *server = own->server;

	if (own->unnamed) { /* it was counted, and has no connection yet */
		TAILQ_REMOVE(&pool->unnamed, own, in_unnamed);
		own->unnamed = false;
		budget_closed(pool->budget);
	}
	if (server == NULL)
		return;
	own->server = NULL;
	server->own = NULL;
	server_close(server, "its client went away");
}

void
own_refused(struct own *own, const struct error *err)
{
	own->waiter->refused(own->waiter, err);
}

/* Logged in: lent for good, behind whatever the login's messages are being walked by. */
static void
on_ready(struct deferred *deferred)
{
	struct own *own = (struct own *)((char *)deferred - offsetof(struct own, ready));
	struct server *server = own->server;

	if (server == NULL || server->state != SERVER_LOGIN)
		return; /* lost since, and perhaps another one is being opened */
	own->server = NULL;
	server->own = NULL;
	server_enter(server, SERVER_ACTIVE);
	server->loan++;
	server->pool->counters.server_assignment_count++;
	own->waiter->granted(own->waiter, server);
}

void
own_ready(struct server *server)
{
	loop_defer(server->loop, &server->own->ready, on_ready);
}

/* Is there another host to try, or another way to ask the same? */
static bool
may_try_again(struct own *own, const struct server *server)
{
	const struct pool *pool = server->pool;
	const struct database_config *database =
	    config_database(pools_config(pool->pools), pool->database);

	if (own->report != NULL)
		return !server->plain_startup && own->plain_startup;
	return database != NULL && ++own->tries < database->host_count;
}

void
own_failed(struct server *server, const struct error *err)
{
	struct own *own = server->own;
	struct pool *pool = server->pool;
	bool again = may_try_again(own, server);

	own->server = NULL;
	server->own = NULL;
	if (own->report == NULL)
		host_move_on(pool); /* for whoever is next */
	if (again) {
		own->report = NULL;
		server->succeeded = true;
		server_close(server, err->text);
		own_open(pool, own);
		return;
	}
	own_refused(own, err);
	server_close(server, err->text);
}

void
own_lost(struct server *server, const char *why)
{
	struct own *own = server->own;
	struct error err;

	own->server = NULL;
	server->own = NULL;
	error_set_state(&err, ERROR_IO, "57P01", "%s", why);
	own_refused(own, &err);
}
