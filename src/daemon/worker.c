/* worker.c - see worker.h. */
#include <pthread.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/listener.h"
#include "worker.h"

enum { WORKER_STACK = 8 * 1024 * 1024 }; /* it parses short texts inline */

/* Owned by the supervisor; everything in it is touched by its own thread only. */
struct worker {
	pthread_t thread;
	unsigned index;
	struct loop *loop;
	struct mailbox *mailbox; /* orders */
	struct pools *pools;
	struct clients *clients;
	struct listener **listeners;
	size_t listener_count;
};

static void
on_connection(int fd, const struct address *peer, void *arg)
{
	struct worker *worker = arg;

	clients_accept(worker->clients, fd, peer);
}

struct worker *
worker_new(const struct worker_setup *setup, unsigned index, struct loop *loop, const int *fds,
    size_t fd_count)
{
	struct worker *worker = mem_zalloc(1, sizeof(*worker));
	const struct snapshot *snapshot = setup->snapshot;

	worker->index = index;
	worker->loop = loop;
	worker->mailbox = mailbox_new(worker->loop, worker);
	worker->pools = pools_new(worker->loop, index, setup->budgets, setup->resolver,
	    snapshot->config, snapshot->users);
	pools_secure(worker->pools, snapshot->security);
	worker->clients = clients_new(setup->shared, index, worker->loop, worker->pools,
	    audit_lane(setup->audit, index), snapshot->config, snapshot->users,
	    snapshot->policies);
	worker->listeners = mem_zalloc(fd_count, sizeof(*worker->listeners));
	worker->listener_count = fd_count;
	for (size_t i = 0; i < fd_count; i++)
		worker->listeners[i] = listener_new(worker->loop, fds[i], on_connection, worker);
	return worker;
}

static void *
run(void *arg)
{
	struct worker *worker = arg;

	loop_run(worker->loop);
	return NULL;
}

void
worker_start(struct worker *worker)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, WORKER_STACK);
	if (pthread_create(&worker->thread, &attributes, run, worker) != 0)
		log_fatal("cannot start a worker thread");
	pthread_attr_destroy(&attributes);
}

static void
stop_accepting(struct worker *worker)
{
	for (size_t i = 0; i < worker->listener_count; i++)
		listener_free(worker->listeners[i]);
	worker->listener_count = 0;
}

void
worker_join(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
}

void
worker_free(struct worker *worker)
{
	stop_accepting(worker);
	clients_free(worker->clients);
	pools_free(worker->pools);
	mailbox_free(worker->mailbox);
	loop_free(worker->loop);
	mem_free(worker->listeners);
	mem_free(worker);
}

static void
close_all(struct worker *worker)
{
	stop_accepting(worker);
	clients_drain(worker->clients, CLIENTS_END, "pgweir is shutting down");
	pools_close_servers(worker->pools, NULL, "pgweir is shutting down");
}

/* What a sibling has to open is not kept from it. */
static void
give_way(struct worker *worker)
{
	if (clients_shared(worker->clients)->siblings != NULL)
		pools_close_idle(worker->pools, "a sibling takes over");
}

static void
carry_out(struct worker *worker, struct order *order)
{
	static const char why[] = "pgweir is shutting down: connect again";

	switch (order->kind) {
	case ORDER_CONFIGURE:
		pools_configure(worker->pools, order->snapshot.config, order->snapshot.users);
		pools_secure(worker->pools, order->snapshot.security);
		clients_configure(worker->clients, order->snapshot.config, order->snapshot.users,
		    order->snapshot.policies);
		snapshot_release(&order->snapshot);
		break;
	case ORDER_PAUSE:
		pools_pause(worker->pools, NULL, true);
		break;
	case ORDER_RESUME:
		clients_wake(worker->clients);
		pools_pause(worker->pools, NULL, false);
		break;
	case ORDER_STOP_ACCEPTING:
		stop_accepting(worker);
		break;
	case ORDER_LEAVE:
		clients_drain(worker->clients, CLIENTS_LEAVE, why);
		give_way(worker);
		break;
	case ORDER_ASK:
		clients_drain_within(worker->clients, why, order->within_us);
		give_way(worker);
		break;
	case ORDER_FINISH:
		clients_drain(worker->clients, CLIENTS_FINISH, why);
		give_way(worker);
		break;
	case ORDER_CLOSE:
		close_all(worker);
		break;
	case ORDER_STOP:
		close_all(worker);
		loop_stop(worker->loop);
		break;
	}
}

static void
on_order(struct message *message, void *receiver)
{
	struct order *order = (struct order *)message; /* its first member */

	carry_out(receiver, order);
	order->message.deliver = order->done;
	mailbox_post(order->answer_to, &order->message);
}

void
worker_order(struct worker *worker, struct order *order)
{
	order->message.deliver = on_order;
	mailbox_post(worker->mailbox, &order->message);
}
