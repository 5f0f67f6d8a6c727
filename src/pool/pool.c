/* pool.c - see pool.h. Lending, returning, and serving the line. */
#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "pool/inspect.h"
#include "pool/own.h"
#include "pool/own_limit.h"
#include "pool_internal.h"

enum {
	SAME_SETTINGS_SEARCH = 16, /* idle servers looked at for one with equal settings */
	ASKING_MOST = 4,	   /* server connections of a pool that asks about users */
	HASTY_MS = 100,
	TELL_AGAIN_US = 10 * 1000 * 1000, /* the log hears the same reason so rarely */
};

static int
or_default(int value, int64_t fallback)
{
	return value == CONFIG_INHERIT ? (int)fallback : value;
}

struct budget_limits
pool_limits(const struct pool *pool)
{
	const struct config *config = pools_config(pool->pools);
	const struct database_config *database = config_database(config, pool->database);
	const struct user_config *user = config_user(config, pool->role);
	struct budget_limits limits = { .size = (int)config->pool_size,
		.reserve = (int)config->pool_reserve,
		.min = (int)config->pool_min,
		.reserve_after_ms = config->pool_reserve_after_ms,
		.per_database = (int)config->pool_max_per_database,
		.per_user = (int)config->pool_max_per_user };

	if (database != NULL) {
		limits.size = or_default(database->pool_size, limits.size);
		limits.reserve = or_default(database->reserve, limits.reserve);
		limits.min = or_default(database->min, limits.min);
		limits.per_database = or_default(database->max_connections, limits.per_database);
	}
	if (user != NULL)
		limits.per_user = or_default(user->max_connections, limits.per_user);
	if (pool->asks) {
		limits.size = limits.size < ASKING_MOST ? limits.size : ASKING_MOST;
		limits.min = limits.reserve = 0;
	}
	return limits;
}

void
pool_configure(struct pool *pool)
{
	const struct database_config *database =
	    config_database(pools_config(pool->pools), pool->database);

	pool->introduces =
	    !pool->asks && database != NULL && database->connect_query != NULL;
}

struct pool *
pool_new(struct pools *pools, const char *database, const char *role, bool asks)
{
	struct pool *pool = mem_zalloc(1, sizeof(*pool));
	struct budget_limits limits;

	TAILQ_INIT(&pool->servers);
	TAILQ_INIT(&pool->idle);
	TAILQ_INIT(&pool->unnamed);
	pool->pools = pools;
	pool->database = mem_strdup(database);
	pool->role = mem_strdup(role);
	pool->asks = asks;
	pool_configure(pool);
	limits = pool_limits(pool);
	pool->budget = (asks ? budget_get_asking : budget_get)(
	    pools_budgets(pools), database, role, &limits);
	scout_look(pool);
	return pool;
}

void
pool_free(struct pool *pool)
{
	mem_free(pool->database);
	mem_free(pool->role);
	mem_free_secret(pool->secret);
	mem_free(pool);
}

static void
lend_beside(struct pool *pool)
{
	struct server *server = pool->ready_beside;
	struct waiter *waiter = server->beside_for;

	pool->ready_beside = NULL;
	server->beside_for = NULL;
	server_enter(server, SERVER_ACTIVE);
	waiter->granted(waiter, server);
}

static void
serve_now(struct deferred *deferred)
{
	struct pool *pool = (struct pool *)((char *)deferred - offsetof(struct pool, serve));

	if (pool->ready_beside != NULL)
		lend_beside(pool);
	pool_serve(pool);
}

void
pool_serve_later(struct pool *pool)
{
	loop_defer(pools_loop(pool->pools), &pool->serve, serve_now);
}

static void
note_idle(struct pool *pool, int change)
{
	pool->idle_count += change;
	budget_set_idle(pool->budget, pools_worker(pool->pools), pool->idle_count);
}

static void
take_from_idle(struct server *server)
{
	TAILQ_REMOVE(&server->pool->idle, server, in_idle);
	note_idle(server->pool, -1);
}

/* Should it go rather than be lent again? */
static const char *
why_retire(const struct server *server)
{
	const struct pool *pool = server->pool;

	if (server->retired)
		return "retired";
	if (pool->paused)
		return "paused";
	if (server->connected_us < pool->reconnect_us)
		return "RECONNECT";
	if (budget_is_renewed(pool->budget, server->connected_us))
		return "what sessions begin with has changed";
	if (server->retire_us != 0 && loop_now_us(server->loop) >= server->retire_us)
		return "backend.max_age reached";
	return NULL;
}

/* One with equal settings, else the most recently used; NULL: none is idle. */
static struct server *
prefer_idle(const struct pool *pool, uint64_t settings_hash)
{
	struct server *server;
	int looked = 0;

	TAILQ_FOREACH(server, &pool->idle, in_idle) {
		if (server->settings.hash == settings_hash)
			return server;
		if (++looked == SAME_SETTINGS_SEARCH)
			break;
	}
	return TAILQ_FIRST(&pool->idle);
}

static bool
wants_check(const struct server *server, uint64_t now_us)
{
	const int64_t check_ms = pools_config(server->pool->pools)->backend_check_after_ms;

	return server->doubted || budget_is_renewed(server->pool->budget, server->connected_us) ||
	    (check_ms > 0 && now_us - server->since_us >= (uint64_t)check_ms * 1000);
}

/* Its last client's statement_timeout is so short that it could strike what takes it away. */
static bool
is_hasty(const struct server *server)
{
	int64_t own_ms = own_limit_ms(&server->settings);

	return own_ms > 0 && own_ms < HASTY_MS;
}

/*
 * Must its settings be taken away before its next client has it, and not with what that sends?
 * RESET does not return to what a connect_query has set, so that is run anew.
 */
static bool
wants_renewal(const struct server *server, uint64_t settings_hash)
{
	return server->settings.hash != settings_hash && settings_length(&server->settings) > 0 &&
	    (server->pool->introduces || is_hasty(server));
}

/* It is seen to first. */
static bool
sees_to(struct server *server, uint64_t settings_hash, uint64_t now_us)
{
	bool renew = wants_renewal(server, settings_hash);

	if (!renew && !wants_check(server, now_us))
		return false;
	take_from_idle(server);
	if (renew)
		server_reset(server);
	else
		server_check(server);
	return true;
}

/* The idle server to lend, known to be alive; NULL: none fit. */
static struct server *
choose_idle(struct pool *pool, uint64_t settings_hash)
{
	uint64_t now_us = loop_now_us(pools_loop(pool->pools));
	struct server *server;

	while ((server = prefer_idle(pool, settings_hash)) != NULL &&
	    sees_to(server, settings_hash, now_us))
		if (budget_has_line(pool->budget))
			return NULL; /* one at a time: it serves the line when it answers */
	return server;
}

void
pool_doubt(struct pool *pool)
{
	struct server *server;

	TAILQ_FOREACH(server, &pool->idle, in_idle)
		server->doubted = true;
}

static void
lend(struct server *server)
{
	take_from_idle(server);
	server_enter(server, SERVER_ACTIVE);
	server->loan++;
	server->pool->counters.server_assignment_count++;
}

struct server *
pool_borrow_idle(struct pool *pool, uint64_t settings_hash)
{
	struct server *server = NULL;

	if (!pool_is_held(pool) && !budget_has_line(pool->budget))
		server = choose_idle(pool, settings_hash);
	if (server != NULL)
		lend(server);
	return server;
}

struct server *
pool_borrow_certain(struct pool *pool, uint64_t server_id)
{
	struct server *server;

	if (pool->paused || pool->split || budget_has_line(pool->budget))
		return NULL;
	TAILQ_FOREACH(server, &pool->idle, in_idle)
		if (server->id == server_id)
			break;
	if (server != NULL)
		lend(server);
	return server;
}

void
pool_join(struct pool *pool, struct waiter *waiter)
{
	budget_join(pool->budget, pools_worker(pool->pools), &waiter->ticket,
	    loop_now_us(pools_loop(pool->pools)));
	pool_serve_later(pool);
}

bool
pool_borrow(struct pool *pool, struct waiter *waiter, struct server **lent)
{
	/* A newcomer never passes those in line. */
	*lent = pool_borrow_idle(pool, waiter->settings_hash);
	if (*lent != NULL)
		return true;
	pool_join(pool, waiter);
	return false;
}

void
pool_look(const struct pool *pool, const struct waiter *waiter, struct budget_place *place)
{
	budget_look(pool->budget, pools_worker(pool->pools), &waiter->ticket,
	    loop_now_us(pools_loop(pool->pools)), place);
}

void
pool_leave(struct pool *pool, struct waiter *waiter)
{
	budget_leave(pool->budget, pools_worker(pool->pools), &waiter->ticket);
	if (waiter->own != NULL)
		own_leave(pool, waiter->own);
}

static void
hand_over(struct server *server, unsigned worker);

/* Tell those whom a fatal error concerns. */
static void
serve_doom(struct pool *pool)
{
	struct error err;
	struct ticket *ticket;

	while ((ticket = budget_doomed(pool->budget, pools_worker(pool->pools), &err)) != NULL) {
		struct waiter *waiter = (struct waiter *)ticket;

		waiter->refused(waiter, &err);
	}
}

void
pool_serve(struct pool *pool)
{
	struct loop *loop = pools_loop(pool->pools);
	unsigned worker = pools_worker(pool->pools);

	serve_doom(pool);
	while (!pool_is_held(pool) && budget_has_line(pool->budget)) {
		struct server *server = choose_idle(pool, 0);
		struct ticket *ticket = NULL;
		unsigned to = 0;

		switch (budget_advise(pool->budget, worker, server != NULL, loop_now_us(loop),
		    &ticket, &to)) {
		case BUDGET_NOTHING:
			return;
		case BUDGET_OPEN:
			host_open_server(pool, NULL);
			break;
		case BUDGET_EXCHANGE:
			server->succeeded = true;
			server_close(server, "a replication connection takes its place");
			own_open(pool, ((struct waiter *)ticket)->own);
			break;
		case BUDGET_OPEN_OWN:
			own_open(pool, ((struct waiter *)ticket)->own);
			break;
		case BUDGET_HAND_OVER:
			hand_over(server, to);
			break;
		case BUDGET_GRANT: {
			struct waiter *waiter = (struct waiter *)ticket;

			lend(server);
			waiter->granted(waiter, server);
			break;
		}
		}
	}
}

static void
on_arrival(struct message *message, void *receiver)
{
	struct server *server = (struct server *)message; /* its first member */
	struct budget *budget = server->pool->budget;

	pool_take_over(pools_of_budget(receiver, budget), server);
}

/* Give an idle server to another worker, whose client has waited longest. */
static void
hand_over(struct server *server, unsigned worker)
{
	take_from_idle(server);
	TAILQ_REMOVE(&server->pool->servers, server, in_pool);
	stream_detach(server->stream);
	server->loop = NULL;
	server->message.deliver = on_arrival;
	mailbox_post(budgets_mailbox(pools_budgets(server->pool->pools), worker), &server->message);
}

static void
make_idle(struct server *server)
{
	struct pool *pool = server->pool;

	TAILQ_INSERT_HEAD(&pool->idle, server, in_idle);
	note_idle(pool, 1);
	if (budget_has_line(pool->budget))
		pool_serve_later(pool);
}

void
pool_take_over(struct pool *pool, struct server *server)
{
	server_adopt(server, pool);
	if (pool->suspended)
		stream_suspend(server->stream);
	budget_arrived(pool->budget, pools_worker(pool->pools));
	server->since_us = loop_now_us(server->loop);
	make_idle(server);
}

void
pool_server_fit(struct server *server)
{
	const char *why = why_retire(server);

	if (why == NULL && budget_yields(server->pool->budget, loop_now_us(server->loop)))
		why = "another pool under the same cap has fewer";
	if (why == NULL && stream_pending(server->stream) > 0)
		why = "it has not taken all that was sent to it";
	if (why != NULL) {
		server_close(server, why);
		return;
	}
	server_enter(server, SERVER_IDLE);
	make_idle(server);
}

/* Between a tenth less and a tenth more, so that servers opened together do not go together. */
static uint64_t
age_with_jitter(int64_t age_ms)
{
	uint64_t age_us = (uint64_t)age_ms * 1000;

	return age_us - age_us / 10 + random_u64() % (age_us / 5 + 1);
}

void
pool_open_beside(struct pool *pool, struct waiter *waiter)
{
	host_open_beside(pool, waiter);
}

void
pool_refuse_beside(struct pool *pool, struct waiter *waiter, const struct error *err)
{
	host_move_on(pool);
	waiter->refused(waiter, err);
}

void
pool_close_beside(struct pool *pool, const char *why)
{
	struct server *server = TAILQ_FIRST(&pool->servers);

	while (server != NULL) {
		struct server *next = TAILQ_NEXT(server, in_pool);

		if (server->beside && server->state == SERVER_ACTIVE)
			server->user->lost(server, why);
		if (server->beside)
			server_close(server, why);
		server = next;
	}
}

void
pool_server_ready(struct server *server)
{
	struct pool *pool = server->pool;
	const struct config *config = pools_config(pool->pools);
	char label[SERVER_LABEL_SIZE];

	server->deadline_us = 0;
	server_label(server, label);
	if (config->log_connections)
		log_info("%s new connection to server (pid %d)", label, server->pid);
	if (server->own != NULL) {
		own_ready(server);
		return;
	}
	if (server->beside) {
		server_enter(server, SERVER_IDLE);
		pool->ready_beside = server;
		pool_serve_later(pool);
		return;
	}
	if (config->backend_max_age_ms > 0)
		server->retire_us =
		    server->connected_us + age_with_jitter(config->backend_max_age_ms);
	budget_opened(pool->budget);
	budget_set_welcome(pool->budget, &server->parameters);
	pool_server_fit(server);
}

void
pool_note_failure(struct pool *pool, const struct server *server)
{
	const uint64_t now_us = loop_now_us(pools_loop(pool->pools));
	const int64_t retry_ms = pools_config(pool->pools)->backend_connect_retry_ms;
	bool refused = server != NULL && server->refused;

	host_move_on(pool);
	if (server != NULL && server->host_rests && host_has_other(pool, NULL, retry_ms))
		budget_refused(pool->budget, now_us, 0);
	else
		(refused ? budget_refused : budget_failed)(pool->budget, now_us, retry_ms);
}

/* The log is told why, once while it stays the same: a server may be away for hours. */
static void
tell_failure(struct pool *pool, const struct error *err)
{
	const uint64_t now_us = loop_now_us(pools_loop(pool->pools));
	const uint64_t hash = XXH3_64bits(err->text, strlen(err->text));

	if (hash == pool->told_hash && now_us < pool->told_us + TELL_AGAIN_US)
		return;
	pool->told_hash = hash;
	pool->told_us = now_us;
	log_warning("%s/%s: cannot open a server connection: %s (SQLSTATE %s)", pool->database,
	    pool->role, err->text, err->sqlstate);
}

/* Errors that are not of the host, but of the role, the password or the database. */
static bool
is_of_host(const struct error *err, bool fatal)
{
	return !fatal && strcmp(err->sqlstate, "42704") != 0;
}

void
pool_open_unfit(struct server *server, const char *why)
{
	struct error err;

	error_set_state(&err, ERROR_IO, "08006", "the server %s is not what target_session_attrs "
	    "wants: %s", server->host, why);
	server->host_rests = server->refused = true;
	if (server->own != NULL)
		own_failed(server, &err);
	else
		server_close(server, why);
}

void
pool_open_failed(
    struct pool *pool, struct server *server, const struct error *err, bool fatal)
{
	struct loop *loop = pools_loop(pool->pools);

	if (server != NULL && server->scouts) {
		scout_failed(server, err);
		return;
	}
	tell_failure(pool, err);
	if (server != NULL && is_of_host(err, fatal)) {
		server->host_rests = true;
		host_failed(server);
		host_tell(server, "skipped", err->text);
	}
	if (server != NULL && server->own != NULL) {
		own_failed(server, err);
		return;
	}
	if (server != NULL && server->beside) {
		struct waiter *waiter = server->beside_for;

		server->beside_for = NULL;
		server_close(server, err->text);
		pool_refuse_beside(pool, waiter, err);
		return;
	}
	if (strcmp(err->sqlstate, "53300") == 0)
		budget_full(pool->budget, loop_now_us(loop));
	if (fatal)
		budget_doom(pool->budget, err, loop_now_us(loop));
	if (server != NULL) {
		server_close(server, err->text);
		return;
	}
	pool_note_failure(pool, NULL);
	budget_closed(pool->budget);
}

/* Nobody else's LISTEN is the next one's, whatever backend.reset says. */
static void
clean(struct server *server, bool reset)
{
	bool resets = reset || server->unintroduced;
	bool inspects = inspect_is_wanted(server, resets);

	if (resets)
		server_reset(server);
	else if (server->listens)
		server_unlisten(server);
	else if (inspects)
		server_inspect(server);
	else if (server->role_doubted)
		server_ask_role(server);
	else
		pool_server_fit(server);
}

void
pool_cancel_over(struct server *server)
{
	server->deadline_us = 0;
	clean(server, server->residue != 0);
}

void
pool_return(struct server *server)
{
	const struct config *config = pools_config(server->pool->pools);

	assert(server->state == SERVER_ACTIVE && server->transaction == 'I');
	server->user = NULL;
	server->user_arg = NULL;
	if (server_is_being_canceled(server)) {
		server_enter(server, SERVER_CANCELED);
		server->deadline_us =
		    loop_now_us(server->loop) + (uint64_t)config->timeouts_cancel_ms * 1000;
		return;
	}
	if (config->backend_reset == BACKEND_RESET_CLOSE)
		server->retired = true;
	if (config->backend_check_after_ms == 0)
		server->doubted = true;
	clean(server, config->backend_reset == BACKEND_RESET_ALWAYS ||
		(server->residue != 0 && config->backend_reset == BACKEND_RESET_AUTO));
}

void
pool_shed(struct pool *pool)
{
	struct server *oldest = TAILQ_LAST(&pool->idle, server_list);

	if (oldest != NULL)
		server_close(oldest, "another pool under the same cap needs a connection");
}

static void
check_deadline(struct server *server, uint64_t now_us)
{
	struct error err;

	if (server->deadline_us == 0 || now_us < server->deadline_us)
		return;
	switch (server->state) {
	case SERVER_CONNECTING:
	case SERVER_LOGIN:
		error_set_state(&err, ERROR_IO, "08006", "no answer within backend.connect_timeout");
		pool_open_failed(server->pool, server, &err, false);
		break;
	case SERVER_TESTED:
		server_close(server, "no answer to a statement of pgweir's own");
		break;
	case SERVER_CANCELED:
		cancels_give_up(server);
		server_close(server, "a cancel did not end within timeouts.cancel");
		break;
	default:
		break;
	}
}

/* Idle servers above min go after backend.idle_timeout; old ones go at backend.max_age. */
static void
check_idle(struct pool *pool, uint64_t now_us)
{
	const int64_t idle_ms = pools_config(pool->pools)->backend_idle_timeout_ms;
	struct server *server = TAILQ_LAST(&pool->idle, server_list);
	struct budget_counts counts;

	if (server == NULL)
		return;
	if (why_retire(server) != NULL) {
		server_close(server, why_retire(server));
		return;
	}
	if (idle_ms == 0 || now_us - server->since_us < (uint64_t)idle_ms * 1000)
		return;
	budget_get_counts(pool->budget, &counts);
	if (counts.used > pool_limits(pool).min)
		server_close(server, "backend.idle_timeout reached");
}

void
pool_tick(struct pool *pool, uint64_t now_us)
{
	struct server *server = TAILQ_FIRST(&pool->servers);

	while (server != NULL) {
		struct server *next = TAILQ_NEXT(server, in_pool);

		check_deadline(server, now_us);
		server = next;
	}
	check_idle(pool, now_us);
	host_tick(pool);
	scout_tick(pool, now_us);
	pool_history_cut(&pool->history, &pool->counters, now_us);
	if (!pool_is_held(pool) && budget_open_for_min(pool->budget, now_us))
		host_open_server(pool, NULL);
	if (budget_has_line(pool->budget))
		pool_serve(pool);
}
