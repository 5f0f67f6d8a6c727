/* supervisor.c - see supervisor.h. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/console.h"
#include "admin/monitor.h"
#include "admin/pulse.h"
#include "audit/audit.h"
#include "audit/sign.h"
#include "auth/cancel_key.h"
#include "auth/pam.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "catalog/reader.h"
#include "config.h"
#include "loops.h"
#include "net/listener.h"
#include "privileges.h"
#include "session/siblings.h"
#include "signals.h"
#include "sockets.h"
#include "supervisor.h"
#include "folder.h"
#include "worker.h"

enum {
	PARSER_THREADS = 1,
	CLOSING_ROUNDS = 3, /* servers on their way between workers arrive, and are closed too */
};

/* What the supervisor is doing. */
enum phase {
	PHASE_SERVE,
	PHASE_DRAIN,  /* clients may leave; in the second half of the time they are asked to */
	PHASE_FINISH, /* clients end as soon as they are between transactions */
	PHASE_CLOSE,  /* rounds of ORDER_CLOSE, then ORDER_STOP */
};

/* Owned by supervisor_run(); one per process, on the main thread. */
struct supervisor {
	const struct options *options;
	struct loop *loop;
	struct mailbox *mailbox;
	struct snapshot snapshot;
	struct clients_shared shared;
	struct budgets *budgets;
	struct resolver *resolver;
	bool pam_hangs; /* a thread was still in a module at the end */
	struct audit *audit;
	struct audit_lane *lane; /* the supervisor's own */
	struct worker **workers;
	unsigned worker_count;
	enum phase phase;
	uint64_t drain_us;	 /* when draining began */
	bool asked;		 /* clients were asked to end */
	unsigned outstanding;	 /* orders not yet carried out */
	bool reloaded, policies_loaded; /* read anew: told when every worker has them */
	bool finishing; /* clients are to end as soon as no worker lets in any more */
	unsigned rounds;
	struct folder *folder;	     /* of the policies' folder */
	struct catalog_reader *catalog_reader;
	struct admin_reload *reload; /* of the console: to be answered; NULL: none */
	struct sockets sockets;
	struct monitor *monitor;     /* NULL: nothing listens for HTTP */
	struct pulse *pulse;
};

static void on_order_done(struct message *message, void *receiver);

/*
 * Clients are asked to go in the second half of the time to end, spread over most of that; in
 * what is left then, each as soon as its transaction is over.
 */
static uint64_t
asking_us(const struct supervisor *supervisor)
{
	return (uint64_t)supervisor->snapshot.config->timeouts_shutdown_ms * 1000 * 3 / 8;
}

static void
order_all(struct supervisor *supervisor, enum order_kind kind)
{
	for (unsigned i = 0; i < supervisor->worker_count; i++) {
		struct order *order = mem_zalloc(1, sizeof(*order));

		order->kind = kind;
		order->answer_to = supervisor->mailbox;
		order->done = on_order_done;
		if (kind == ORDER_CONFIGURE)
			order->snapshot = snapshot_reference(&supervisor->snapshot);
		order->within_us = asking_us(supervisor);
		supervisor->outstanding++;
		worker_order(supervisor->workers[i], order);
	}
}

/* Nobody lets in any more: whoever is there ends. */
static void
finish(struct supervisor *supervisor)
{
	supervisor->finishing = false;
	order_all(supervisor, ORDER_FINISH);
	order_all(supervisor, ORDER_RESUME);
}

/* Every worker did what it was told: the next round, or the end. */
static void
next_round(struct supervisor *supervisor)
{
	if (supervisor->phase != PHASE_CLOSE)
		return;
	if (supervisor->rounds < CLOSING_ROUNDS) {
		supervisor->rounds++;
		order_all(supervisor, ORDER_CLOSE);
	} else if (supervisor->rounds == CLOSING_ROUNDS) {
		supervisor->rounds++;
		order_all(supervisor, ORDER_STOP);
	} else {
		loop_stop(supervisor->loop);
	}
}

static void
on_order_done(struct message *message, void *receiver)
{
	struct supervisor *supervisor = receiver;

	mem_free(message); /* the first member of its order */
	if (--supervisor->outstanding > 0)
		return;
	/* Whoever reads these may count on every worker. */
	if (supervisor->reloaded)
		log_info("configuration reloaded");
	if (supervisor->policies_loaded)
		log_info("policies loaded again: their folder has changed");
	supervisor->reloaded = supervisor->policies_loaded = false;
	if (supervisor->reload != NULL) {
		admin_reload_done(supervisor->reload);
		supervisor->reload = NULL;
	}
	if (supervisor->finishing && supervisor->phase == PHASE_FINISH)
		finish(supervisor);
	next_round(supervisor);
}

static void
close_everything(struct supervisor *supervisor)
{
	if (supervisor->phase == PHASE_CLOSE)
		return;
	supervisor->phase = PHASE_CLOSE;
	monitor_close(supervisor->monitor);
	if (supervisor->outstanding == 0)
		next_round(supervisor);
}

static void
record_policies(struct supervisor *supervisor)
{
	for (size_t i = 0; i < policies_count(supervisor->snapshot.policies); i++) {
		struct policy_info info;
		struct buf members = { 0 };

		policies_info(supervisor->snapshot.policies, i, &info);
		json_put_member(&members, "name", info.name);
		json_put_member(&members, "owner", info.owner);
		json_put_member(&members, "file", info.file);
		json_put_member(&members, "sha256", info.sha256);
		audit_event(supervisor->lane, "policy.load", NULL, &members);
		buf_free(&members);
		log_info("policy \"%s\" loaded from %s (sha256 %.16s)", info.name, info.file,
		    info.sha256);
	}
}

static void
log_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		char *text = problem_text(&problems->items[i]);

		if (problems->items[i].warning)
			log_warning("%s", text);
		else
			log_error("%s", text);
		mem_free(text);
	}
}

/* `,"changes":{"pool.size":["10","20"],…}`; what is secret shows as *** on both sides. */
static void
put_changes(struct buf *members, const struct config *before, const struct config *after)
{
	const char *comma = "";
	struct config_row was, is;

	buf_put_text(members, ",\"changes\":{");
	for (size_t i = 0; i < config_row_count(); i++) {
		config_row(before, i, &was);
		config_row(after, i, &is);
		if (strcmp(was.value, is.value) == 0)
			continue;
		buf_printf(members, "%s\"%s\":[", comma, is.key);
		json_put_string(members, was.value, strlen(was.value));
		buf_put_u8(members, ',');
		json_put_string(members, is.value, strlen(is.value));
		buf_put_u8(members, ']');
		comma = ",";
	}
	buf_put_u8(members, '}');
}

static void
record_change(struct supervisor *supervisor, const struct config *before,
    const struct audit_who *asked)
{
	struct buf changed = { 0 }, waiting = { 0 }, members = { 0 };

	if (config_differences(before, supervisor->snapshot.config, false, &changed)) {
		buf_put_u8(&changed, 0);
		json_put_member(&members, "keys", (const char *)buf_bytes(&changed));
		json_put_member(&members, "asked", asked != NULL ? "console" : "signal");
		put_changes(&members, before, supervisor->snapshot.config);
		audit_event(supervisor->lane, "config.change", asked, &members);
	}
	if (config_differences(before, supervisor->snapshot.config, true, &waiting)) {
		buf_put_u8(&waiting, 0);
		log_warning("reload: these settings take effect at the next start: %s",
		    (const char *)buf_bytes(&waiting));
	}
	buf_free(&changed);
	buf_free(&waiting);
	buf_free(&members);
}

static void
record_rejection(struct supervisor *supervisor, const struct problems *problems)
{
	struct buf members = { 0 };
	char *first = problems->count > 0 ? problem_text(&problems->items[0]) : NULL;

	json_put_member(&members, "error", first);
	json_put_member_int(&members, "errors", (int64_t)problems->errors);
	audit_event(supervisor->lane, "policy.reject", NULL, &members);
	buf_free(&members);
	mem_free(first);
}

/* Read everything again, for a console's user or, NULL, a signal. All or nothing: false, with the first fault in *err, changes nothing. */
static bool
reload(struct supervisor *supervisor, const struct audit_who *asked, struct error *err)
{
	struct problems problems = { 0 };
	struct snapshot fresh, before = supervisor->snapshot;
	bool good = snapshot_load(before.config->path, &fresh, &problems);

	log_problems(&problems);
	if (good && !(siblings_reload(supervisor->shared.siblings, err) &&
			audit_reload(supervisor->audit, fresh.config, err))) {
		log_error("%s", err->text);
		snapshot_release(&fresh);
		good = false;
	} else if (!good) {
		char *first = NULL;

		for (size_t i = 0; i < problems.count && first == NULL; i++)
			if (!problems.items[i].warning)
				first = problem_text(&problems.items[i]);
		error_set(err, ERROR_CONFIG, "%s", first);
		mem_free(first);
		record_rejection(supervisor, &problems);
	}
	problems_free(&problems);
	monitor_reloaded(supervisor->monitor, good);
	if (!good) {
		log_error("reload failed: nothing has changed");
		return false;
	}
	supervisor->snapshot = fresh;
	options_open_log(supervisor->options, fresh.config);
	record_change(supervisor, before.config, asked);
	record_policies(supervisor);
	monitor_configure(supervisor->monitor, fresh.config, fresh.policies);
	catalog_reader_configure(supervisor->catalog_reader, fresh.config);
	snapshot_release(&before);
	order_all(supervisor, ORDER_CONFIGURE);
	supervisor->reloaded = true;
	return true;
}

/* Policies in force as the configuration says, but of other files than before. */
static void
adopt_policies(struct supervisor *supervisor, struct policies *fresh)
{
	struct snapshot before = supervisor->snapshot;

	supervisor->snapshot = (struct snapshot){ .config = config_reference(before.config),
		.security = security_reference(before.security),
		.users = users_reference(before.users),
		.policies = fresh };
	record_policies(supervisor);
	monitor_configure(supervisor->monitor, before.config, fresh);
	snapshot_release(&before);
	order_all(supervisor, ORDER_CONFIGURE);
	supervisor->policies_loaded = true;
}

/* Something moved in the policies' folder. */
static void
reload_policies(struct supervisor *supervisor)
{
	struct problems problems = { 0 };
	struct policies *fresh = policies_signed(supervisor->snapshot.config, &problems);

	if (fresh != NULL && policies_are_same(fresh, supervisor->snapshot.policies)) {
		policies_release(fresh);
		problems_free(&problems);
		return;
	}
	log_problems(&problems);
	monitor_reloaded(supervisor->monitor, fresh != NULL);
	if (fresh != NULL) {
		adopt_policies(supervisor, fresh);
	} else {
		record_rejection(supervisor, &problems);
		log_error("policies not loaded again: nothing has changed");
	}
	problems_free(&problems);
}

static void
look_at_policies(struct supervisor *supervisor)
{
	const struct config *config = supervisor->snapshot.config;

	folder_set(supervisor->folder, config->policies_watch ? config->policies : "");
	if (supervisor->phase == PHASE_SERVE &&
	    folder_is_due(supervisor->folder, loop_now_us(supervisor->loop)))
		reload_policies(supervisor);
}

static void
begin_drain(struct supervisor *supervisor)
{
	if (supervisor->phase != PHASE_SERVE) {
		close_everything(supervisor);
		return;
	}
	log_info("draining: no new clients, the others may finish within timeouts.shutdown");
	supervisor->phase = PHASE_DRAIN;
	monitor_drain(supervisor->monitor);
	supervisor->drain_us = loop_now_us(supervisor->loop);
	order_all(supervisor, ORDER_STOP_ACCEPTING);
	order_all(supervisor, ORDER_LEAVE);
	order_all(supervisor, ORDER_RESUME); /* whoever waits in a pause may finish too */
}

static void
begin_finish(struct supervisor *supervisor)
{
	if (supervisor->phase != PHASE_SERVE) {
		close_everything(supervisor);
		return;
	}
	log_info("shutting down: waiting for transactions to end");
	supervisor->phase = PHASE_FINISH;
	monitor_drain(supervisor->monitor);
	supervisor->drain_us = loop_now_us(supervisor->loop);
	order_all(supervisor, ORDER_STOP_ACCEPTING);
	supervisor->finishing = true; /* who is told to go could come back to another worker */
}

static void
reload_for_signal(struct supervisor *supervisor)
{
	struct error err = { 0 };

	if (supervisor->phase == PHASE_SERVE)
		reload(supervisor, NULL, &err);
}

static void
on_signal(int number, void *receiver)
{
	struct supervisor *supervisor = receiver;

	log_info("got SIG%s", sigabbrev_np(number));
	switch (number) {
	case SIGHUP:
		reload_for_signal(supervisor);
		break;
	case SIGTERM:
		begin_drain(supervisor);
		break;
	case SIGINT:
		begin_finish(supervisor);
		break;
	case SIGQUIT:
		close_everything(supervisor);
		break;
	case SIGUSR1:
		order_all(supervisor, ORDER_PAUSE);
		break;
	case SIGUSR2:
		order_all(supervisor, ORDER_RESUME);
		break;
	}
}

/* Look after a drain: ask clients to go after half of the time, end them at its end. */
static void
on_tick(void *arg)
{
	struct supervisor *supervisor = arg;
	uint64_t spent_us = loop_now_us(supervisor->loop) - supervisor->drain_us;
	uint64_t most_us = (uint64_t)supervisor->snapshot.config->timeouts_shutdown_ms * 1000;

	look_at_policies(supervisor);
	if (supervisor->phase != PHASE_CLOSE && supervisor->snapshot.config->log_stats)
		pulse_tick(supervisor->pulse, loop_now_us(supervisor->loop));
	if (supervisor->phase != PHASE_DRAIN && supervisor->phase != PHASE_FINISH)
		return;
	if (atomic_load(&supervisor->shared.connected) == 0 ||
	    (most_us > 0 && spent_us >= most_us)) {
		close_everything(supervisor);
		return;
	}
	if (supervisor->phase == PHASE_DRAIN && !supervisor->asked && most_us > 0 &&
	    spent_us >= most_us / 2) {
		supervisor->asked = true;
		order_all(supervisor, ORDER_ASK);
	}
}

/* The console asks for a reload; it is answered when every worker has it. */
static void
on_console_reload(struct message *message, void *receiver)
{
	struct supervisor *supervisor = receiver;
	struct admin_reload *asked = admin_reload_of(message);

	if (supervisor->phase != PHASE_SERVE || supervisor->reload != NULL) {
		admin_reload_refuse(asked, "another reload or a shutdown is under way");
		return;
	}
	if (!reload(supervisor, admin_reload_who(asked), admin_reload_error(asked)))
		admin_reload_done(asked);
	else
		supervisor->reload = asked;
}

static unsigned
count_workers(const struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	long count = config->workers > 0 ? (long)config->workers : cores;

	if (count < 1)
		return 1;
	return count > CLIENTS_WORKERS_MOST ? CLIENTS_WORKERS_MOST : (unsigned)count;
}

static void
start_monitor(struct supervisor *supervisor)
{
	if (supervisor->sockets.http_fd < 0)
		return;
	supervisor->monitor = monitor_new(&(struct monitor_setup){ .loop = supervisor->loop,
	    .mailbox = supervisor->mailbox,
	    .shared = &supervisor->shared,
	    .audit = supervisor->audit,
	    .resolver = supervisor->resolver,
	    .fd = supervisor->sockets.http_fd });
	monitor_configure(supervisor->monitor, supervisor->snapshot.config,
	    supervisor->snapshot.policies);
}

static void
make_workers(struct supervisor *supervisor, struct loop *const *loops)
{
	const struct config *config = supervisor->snapshot.config;
	const struct worker_setup setup = { .shared = &supervisor->shared,
		.budgets = supervisor->budgets,
		.resolver = supervisor->resolver,
		.audit = supervisor->audit,
		.snapshot = &supervisor->snapshot };

	supervisor->workers = mem_zalloc(supervisor->worker_count, sizeof(struct worker *));
	for (unsigned i = 0; i < supervisor->worker_count; i++)
		supervisor->workers[i] =
		    worker_new(&setup, i, loops[i],
			supervisor->sockets.fds + i * config->listen_count, config->listen_count);
}

/* Last of all: clients that come in a crowd could take the descriptors that the rest needs. */
static void
start_workers(struct supervisor *supervisor)
{
	for (unsigned i = 0; i < supervisor->worker_count; i++)
		worker_start(supervisor->workers[i]);
}

static void
serve(struct supervisor *supervisor, struct loop *const *loops)
{
	supervisor->loop = loop_new();
	supervisor->mailbox = mailbox_new(supervisor->loop, supervisor);
	supervisor->budgets = budgets_new(supervisor->worker_count);
	supervisor->resolver = resolver_new();
	supervisor->lane = audit_lane(supervisor->audit, supervisor->worker_count);
	supervisor->shared.workers = supervisor->worker_count;
	supervisor->shared.parsers = parsers_new(PARSER_THREADS);
	supervisor->shared.pam =
	    pam_threads_new((unsigned)supervisor->snapshot.config->auth_pam_threads);
	supervisor->shared.quotas = quotas_new();
	supervisor->shared.guardrails = guardrails_new();
	supervisor->shared.guesses = guesses_new();
	supervisor->shared.catalogs = catalogs_new();
	supervisor->shared.console = &admin_console;
	admin_start(&(struct admin_setup){ .supervisor = supervisor->mailbox,
	    .audit = supervisor->audit,
	    .reload = on_console_reload,
	    .shut_down = on_signal,
	    .receiver = supervisor });
	record_policies(supervisor);
	supervisor->folder = folder_new();
	folder_set(supervisor->folder, supervisor->snapshot.config->policies_watch
		? supervisor->snapshot.config->policies
		: "");
	make_workers(supervisor, loops);
	if (supervisor->shared.siblings != NULL)
		siblings_start(supervisor->shared.siblings, supervisor->loop, &supervisor->shared);
	supervisor->catalog_reader = catalog_reader_start(
	    supervisor->shared.catalogs, supervisor->snapshot.config);
	start_monitor(supervisor);
	supervisor->pulse = pulse_new(&supervisor->shared, supervisor->mailbox);
	loop_add_tick(supervisor->loop, on_tick, supervisor);
	signals_start(supervisor->mailbox, on_signal);
	start_workers(supervisor);
	log_info("pgweir %s is ready, pid %d, %u workers", PACKAGE_VERSION, (int)getpid(),
	    supervisor->worker_count);
	loop_run(supervisor->loop);

	catalog_reader_stop(supervisor->catalog_reader);
	resolver_free(supervisor->resolver);
	parsers_free(supervisor->shared.parsers);
	for (unsigned i = 0; i < supervisor->worker_count; i++)
		worker_join(supervisor->workers[i]);
	for (unsigned i = 0; i < supervisor->worker_count; i++)
		worker_free(supervisor->workers[i]);
	supervisor->pam_hangs = !pam_threads_free(supervisor->shared.pam);
	quotas_free(supervisor->shared.quotas);
	guardrails_free(supervisor->shared.guardrails);
	guesses_free(supervisor->shared.guesses);
	catalogs_free(supervisor->shared.catalogs);
	folder_free(supervisor->folder);
	mem_free(supervisor->workers);
	budgets_free(supervisor->budgets);
	mailbox_free(supervisor->mailbox);
	monitor_free(supervisor->monitor);
	pulse_free(supervisor->pulse);
	loop_free(supervisor->loop);
}

/*
 * Who has siblings listens last of all: were it to fail afterwards, clients in its queue
 * would be reset, and the sibling's unix socket be gone.
 */
static bool
takes_over(const struct config *config)
{
	return config->siblings_folder[0] != '\0';
}

static bool
listen_to_all(struct supervisor *supervisor, struct error *err)
{
	return sockets_bind(&supervisor->sockets, supervisor->snapshot.config,
	    supervisor->worker_count, err);
}

/* Before threads start: a number of our own, of which all cancel keys are made. */
static bool
join_siblings(struct supervisor *supervisor, struct error *err)
{
	const char *folder = supervisor->snapshot.config->siblings_folder;
	struct clients_shared *shared = &supervisor->shared;

	if (*folder == '\0')
		return true;
	shared->siblings = siblings_open(folder, shared->secret, err);
	if (shared->siblings == NULL)
		return false;
	shared->process = siblings_number(shared->siblings);
	return true;
}

static void
leave(struct supervisor *supervisor)
{
	siblings_free(supervisor->shared.siblings);
	cancel_secret_free(supervisor->shared.secret);
	sockets_free(&supervisor->sockets);
	snapshot_release(&supervisor->snapshot);
}

int
supervisor_run(const struct options *options, struct snapshot *snapshot)
{
	struct supervisor supervisor = { .options = options, .snapshot = *snapshot };
	const struct config *config = snapshot->config;
	struct loop *loops[CLIENTS_WORKERS_MOST];
	struct error err = { 0 };

	supervisor.worker_count = count_workers(config);
	supervisor.shared.secret = cancel_secret_new();
	signals_block();
	privileges_raise_limits();
	if (!(takes_over(config) || listen_to_all(&supervisor, &err)) ||
	    !privileges_drop(options->user, &err) || !join_siblings(&supervisor, &err))
		goto fail;
	if (options->daemonize && daemon(1, 0) < 0)
		log_fatal("cannot go to the background");
	if (!loops_make(config, loops, supervisor.worker_count, &err))
		goto fail;
	supervisor.audit = audit_start(config, supervisor.worker_count + 1, &err);
	if (supervisor.audit == NULL) {
		loops_free(loops, supervisor.worker_count);
		goto fail;
	}
	if (takes_over(config) && !listen_to_all(&supervisor, &err)) {
		audit_stop(supervisor.audit, "shutdown");
		loops_free(loops, supervisor.worker_count);
		goto fail;
	}
	serve(&supervisor, loops);
	sockets_unlink(&supervisor.sockets, supervisor.snapshot.config);
	audit_stop(supervisor.audit, "shutdown");
	leave(&supervisor);
	log_info("pgweir has ended");
	/* What other libraries take down at exit() a module of PAM may be using at this moment. */
	if (supervisor.pam_hangs)
		_exit(EXIT_GOOD);
	return EXIT_GOOD;

fail:
	log_error("%s", err.text);
	leave(&supervisor);
	return EXIT_FAULT;
}
