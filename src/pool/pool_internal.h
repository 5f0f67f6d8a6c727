/* pool_internal.h - what the files of pool share and nobody else sees. */
#ifndef POOL_INTERNAL_H
#define POOL_INTERNAL_H

#include "base/error.h"
#include "pool/pool.h"

struct hosts;
struct host_name;
struct host_names;

/*
 * server.c: open a connection that the budget has counted; `host` is its name in the
 * configuration. For `own` alone, or NULL.
 */
struct server *server_open(
    struct pool *pool, const struct address *to, const char *host, struct own *own);
/* One message of a server that nobody has borrowed; false once the server is closed. */
typedef bool server_handler(
    struct server *server, uint8_t type, const uint8_t *body, size_t length);
/* Take the stream's events back after a hand-over. */
void server_adopt(struct server *server, struct pool *pool);

/* encrypt.c: the TLS that a connection to this address begins with, referenced; NULL: none. */
struct tls_context *encrypt_context(const struct pool *pool, const struct address *to);
/* Must it be encrypted? */
bool encrypt_is_required(const struct pool *pool);
void encrypt_ask(struct stream *stream);
enum encrypt_answer { ENCRYPT_YES, ENCRYPT_NO, ENCRYPT_NONSENSE };
/* What came behind encrypt_ask(), inside STREAM_DATA. */
enum encrypt_answer encrypt_answer(const struct stream *stream);

/* server_login.c */
void server_login_begin(struct server *server);
server_handler server_login_message;

/* server_task.c: statements of our own on a server that nobody has borrowed. */
void server_check(struct server *server);
void server_reset(struct server *server);
void server_unlisten(struct server *server);
void server_ask_role(struct server *server);
void server_inspect(struct server *server);
server_handler server_task_message;
/*
 * server_task.c: the connect_query of its database is run on a server that has logged in; its
 * answer goes to server_connect_message(), which ends in pool_server_ready() or
 * pool_open_failed(). False: there is none.
 */
bool server_introduce(struct server *server);
server_handler server_connect_message;
server_handler server_idle_message;

/* cancel.c: a server goes while cancels aimed at it are under way: they go on without it. */
void cancels_forget(struct server *server);
/* cancel.c: those aimed at it have not ended in time: their connections are closed. */
void cancels_give_up(struct server *server);
LIST_HEAD(cancel_list, cancel);
/* pools.c: those without a server. */
struct cancel_list *pools_cancels(struct pools *pools);
/* cancel.c: the worker ends before they did. */
void cancels_free(struct cancel_list *cancels);

/* host.c: connect to the next address of the pool's database; counted already. */
void host_open_server(struct pool *pool, struct own *own);
/* The same beside the pool, not counted, for this waiter. */
void host_open_beside(struct pool *pool, struct waiter *waiter);
/* A look-up ended, or takes too long: open what waited for it, retire what is not there any more. */
void host_name_answered(struct pool *pool, const struct host_name *name);
void host_tick(struct pool *pool);
/* It could not be reached, or has no place for us. */
void host_failed(struct server *server);
/* Opening failed: one that keeps to its host tries the next one. */
void host_move_on(struct pool *pool);
/*
 * Is there another host to try now, besides this one (may be NULL)? With `calm_ms` one that
 * nobody has tried for so long will do too.
 */
bool host_has_other(struct pool *pool, const struct address *besides, int64_t calm_ms);
/* Log what became of a server's host ("taken", "skipped"), if that is news and there is a choice. */
void host_tell(const struct server *server, const char *what, const char *why);

enum { CANDIDATES_MOST = 64 };
/* Where a database's servers may be, as far as it is known now. */
struct candidates {
	struct address at[CANDIDATES_MOST];
	const char *host[CANDIDATES_MOST]; /* borrowed from the configuration */
	size_t count;
	bool asking;	 /* there may be more soon */
	const char *why; /* borrowed: why a name has none */
};
/* Those of the pool's database, which is this one. */
void host_candidates(const struct pool *pool, const struct database_config *database,
    struct candidates *candidates);

/* scout.c: is the pool to be held, as two of its hosts are primaries? */
void scout_look(struct pool *pool);
/* The same, and its hosts are asked what they are, if it is time. */
void scout_tick(struct pool *pool, uint64_t now_us);
/* It could not be asked. */
void scout_failed(struct server *server, const struct error *err);

/* role.c */
enum role_verdict { ROLE_FITS, ROLE_UNFIT, ROLE_TO_BE_ASKED };
/* Does a server that has logged in fit? ROLE_UNFIT: *why says why not, and its host rests. */
enum role_verdict role_judge(struct server *server, const char **why);
/* Ask it; the caller flushes, and passes on the row that comes. False: that makes no sense. */
void role_ask(struct server *server);
bool role_take_row(struct server *server, const uint8_t *body, size_t length);
/* It reported in_hot_standby. */
void role_reported(struct server *server, const char *value);
/* A host has another role than before: retire the servers of this pool that do not fit. */
void role_changed(struct pool *pool);

/* own.c */
/* Open what the budget has counted for it. */
void own_open(struct pool *pool, struct own *own);
/* Until its host's name is known; and the next one of those, or NULL. */
void own_wait_for_name(struct pool *pool, struct own *own);
struct own *own_next_unnamed(struct pool *pool);
/* Its client gives up. */
void own_leave(struct pool *pool, struct own *own);
/* There will be none: its client is told. */
void own_refused(struct own *own, const struct error *err);
/* The server that is opened for it has logged in, could not, or is closed for another reason. */
void own_ready(struct server *server);
void own_failed(struct server *server, const struct error *err);
void own_lost(struct server *server, const char *why);

/* pool.c */
/* Stand in line; the budget decides what is done for it. */
void pool_join(struct pool *pool, struct waiter *waiter);
/* Login is done. */
void pool_server_ready(struct server *server);
/* Opening failed. `fatal`: waiting will not mend it. Closes the server (may be NULL). */
void pool_open_failed(
    struct pool *pool, struct server *server, const struct error *err, bool fatal);
/* Opening one for this waiter failed. */
void pool_refuse_beside(struct pool *pool, struct waiter *waiter, const struct error *err);
/* Close those beside the pool, telling who has them. */
void pool_close_beside(struct pool *pool, const char *why);
/*
 * One could not be opened; `server` closed before it was logged in, or NULL: back off, less if it
 * was refused, and not at all where its host rests for that and there is another one to try.
 */
void pool_note_failure(struct pool *pool, const struct server *server);
/* It has logged in and has not the role that is wanted. */
void pool_open_unfit(struct server *server, const char *why);
/* A server that nobody has borrowed is fit to be lent. */
void pool_server_fit(struct server *server);
/* The last cancel aimed at a returned server is over. */
void pool_cancel_over(struct server *server);
/* Serve the line at the end of this turn. */
void pool_serve_later(struct pool *pool);
/* Every LOOP_TICK_MS. */
void pool_tick(struct pool *pool, uint64_t now_us);
void pool_serve(struct pool *pool);
/* A server arrived from another worker. */
void pool_take_over(struct pool *pool, struct server *server);
/* Close an idle server, if there is one, so that another pool may open one. */
void pool_shed(struct pool *pool);
struct pool *pool_new(struct pools *pools, const char *database, const char *role, bool asks);
void pool_free(struct pool *pool);
/* What is remembered of the configuration, which has changed. */
void pool_configure(struct pool *pool);
/* The limits that the configuration sets for a pool. */
struct budget_limits pool_limits(const struct pool *pool);

/* pools.c */
struct pool *pools_of_budget(struct pools *pools, struct budget *budget);
unsigned pools_worker(const struct pools *pools);
struct budgets *pools_budgets(const struct pools *pools);
struct hosts *pools_hosts(const struct pools *pools);
struct host_names *pools_names(const struct pools *pools);
const struct users *pools_users(const struct pools *pools);

#endif
