/* reach.c - see reach.h. Used by monitor.c. */
#include "reach.h"

#include <string.h>

#include "base/mem.h"
#include "net/stream.h"

enum {
	TARGETS_MOST = 16,
	PATIENCE_US = 800 * 1000, /* a probe's own patience is a second by custom */
};

/* One place where PostgreSQL may be. Lives as long as its reach, as the resolver may hold it. */
struct target {
	struct resolve_request request; /* first member */
	struct reach *reach;
	bool asked;		/* the resolver has the request */
	struct stream *stream;	/* being connected; NULL: not */
};

struct reach {
	struct loop *loop;
	struct mailbox *mailbox;
	struct resolver *resolver;
	struct target targets[TARGETS_MOST];
	unsigned under_way;
	uint64_t began_us;
	void (*done)(bool reachable, void *arg); /* NULL: nobody asks */
	void *arg;
};

static void
close_stream(struct target *target)
{
	if (target->stream != NULL)
		stream_close(target->stream);
	target->stream = NULL;
}

static void
answer(struct reach *reach, bool reachable)
{
	void (*done)(bool reachable, void *arg) = reach->done;

	for (size_t i = 0; i < TARGETS_MOST; i++)
		close_stream(&reach->targets[i]);
	reach->done = NULL;
	reach->under_way = 0;
	if (done != NULL)
		done(reachable, reach->arg);
}

static void
give_up(struct reach *reach)
{
	if (--reach->under_way == 0)
		answer(reach, false);
}

static void
on_event(struct stream *stream, enum stream_event event, void *arg)
{
	struct target *target = arg;

	(void)stream;
	if (event == STREAM_OPENED) {
		answer(target->reach, true);
	} else if (event == STREAM_CLOSED) {
		close_stream(target);
		give_up(target->reach);
	}
}

static void
connect_to(struct target *target, const struct address *address)
{
	target->stream = stream_connect(target->reach->loop, address, on_event, target);
}

static void
on_name(struct message *message, void *receiver)
{
	struct target *target = (struct target *)message; /* first of the first */

	(void)receiver;
	target->asked = false;
	if (target->reach->done == NULL)
		return; /* the question was answered meanwhile */
	if (target->request.count > 0)
		connect_to(target, &target->request.addresses[0]);
	else
		give_up(target->reach);
}

static void
ask_name(struct target *target, const char *host, int port)
{
	target->asked = true;
	mem_free(target->request.host);
	target->request.host = mem_strdup(host);
	target->request.port = port;
	target->request.answer_to = target->reach->mailbox;
	target->request.message.deliver = on_name;
	resolver_ask(target->reach->resolver, &target->request);
}

static void
on_tick(void *arg)
{
	struct reach *reach = arg;

	if (reach->done != NULL && loop_now_us(reach->loop) - reach->began_us >= PATIENCE_US)
		answer(reach, false);
}

struct reach *
reach_new(struct loop *loop, struct mailbox *mailbox, struct resolver *resolver)
{
	struct reach *reach = mem_zalloc(1, sizeof(*reach));

	reach->loop = loop;
	reach->mailbox = mailbox;
	reach->resolver = resolver;
	for (size_t i = 0; i < TARGETS_MOST; i++)
		reach->targets[i].reach = reach;
	loop_add_tick(loop, on_tick, reach);
	return reach;
}

void
reach_free(struct reach *reach)
{
	for (size_t i = 0; i < TARGETS_MOST; i++) {
		close_stream(&reach->targets[i]);
		mem_free(reach->targets[i].request.host);
	}
	mem_free(reach);
}

/* One that the resolver does not hold from an earlier question. */
static struct target *
free_target(struct reach *reach)
{
	for (size_t i = 0; i < TARGETS_MOST; i++)
		if (!reach->targets[i].asked && reach->targets[i].stream == NULL)
			return &reach->targets[i];
	return NULL;
}

void
reach_ask(struct reach *reach, const struct config *config,
    void (*done)(bool reachable, void *arg), void *arg)
{
	reach->done = done;
	reach->arg = arg;
	reach->began_us = loop_now_us(reach->loop);
	reach->under_way = 1; /* us, until all were begun */
	for (size_t i = 0; i < config->database_count; i++)
		for (size_t j = 0; j < config->databases[i].host_count; j++) {
			const struct database_config *database = &config->databases[i];
			struct target *target = free_target(reach);
			struct address address;

			if (target == NULL)
				break;
			reach->under_way++;
			if (address_from_text(database->hosts[j], database->port, &address))
				connect_to(target, &address);
			else
				ask_name(target, database->hosts[j], database->port);
		}
	give_up(reach);
}
