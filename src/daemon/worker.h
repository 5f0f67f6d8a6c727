/*
 * worker.h - one thread with its own loop, pools, clients and listening sockets.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include "net/mailbox.h"
#include "session/clients.h"
#include "snapshot.h"

struct worker;

/* What every worker gets; borrowed, outlives them. */
struct worker_setup {
	struct clients_shared *shared;
	struct budgets *budgets;
	struct resolver *resolver;
	struct audit *audit;
	const struct snapshot *snapshot; /* at the start */
};

/*
 * Make worker `index`, which runs this loop and accepts on these bound sockets (it owns
 * all of them now).
 * Its thread runs from worker_start() to the order ORDER_STOP.
 */
struct worker *worker_new(
    const struct worker_setup *setup, unsigned index, struct loop *loop, const int *fds,
    size_t fd_count);
void worker_start(struct worker *worker);
/* Wait for its thread to end. */
void worker_join(struct worker *worker);
/* Once all workers' threads have ended: what one has another may have sent. */
void worker_free(struct worker *worker);

enum order_kind {
	ORDER_CONFIGURE,   /* use this snapshot */
	ORDER_PAUSE,
	ORDER_RESUME,
	ORDER_STOP_ACCEPTING,
	ORDER_LEAVE,	   /* clients may finish at will */
	ORDER_ASK,	   /* end clients between transactions, one after the other */
	ORDER_FINISH,	   /* end clients as soon as they are between transactions */
	ORDER_CLOSE,	   /* end every client and server now */
	ORDER_STOP,	   /* leave the loop */
};

/*
 * An order to one worker. It comes back to `answer_to` with `done` as the
 * deliver function, when it was carried out.
 */
struct order {
	struct message message; /* first member */
	enum order_kind kind;
	struct snapshot snapshot; /* of ORDER_CONFIGURE; released by the worker */
	uint64_t within_us;	  /* of ORDER_ASK */
	struct mailbox *answer_to;
	void (*done)(struct message *message, void *receiver);
};
void worker_order(struct worker *worker, struct order *order);

#endif
