/*
 * cancel.c - asking PostgreSQL to stop what a server runs.
 *
 * A connection of its own carries the CancelRequest; PostgreSQL has sent its signal
 * when it closes that connection. Until then the server is not lent again, so that
 * a late signal never hits a stranger's statement.
 */
#include "base/mem.h"
#include "pool_internal.h"
#include "wire/build.h"

/* Owned by itself; freed when its connection ends, or its worker. */
struct cancel {
	LIST_ENTRY(cancel) in_list; /* of its server, or of its worker's without a server */
	struct server *server; /* NULL once it closed */
	struct stream *stream;
	void (*done)(void *arg);
	void *arg;
	uint32_t pid;
	uint8_t key[256];
	size_t key_length;
};

static void
finish(struct cancel *cancel)
{
	struct server *server = cancel->server;

	stream_close(cancel->stream);
	LIST_REMOVE(cancel, in_list);
	if (server != NULL && LIST_EMPTY(&server->cancels) && server->state == SERVER_CANCELED)
		pool_cancel_over(server);
	if (cancel->done != NULL)
		cancel->done(cancel->arg);
	mem_free(cancel);
}

static void
on_event(struct stream *stream, enum stream_event event, void *arg)
{
	struct cancel *cancel = arg;

	switch (event) {
	case STREAM_OPENED:
		build_cancel_request(
		    stream_out(stream), cancel->pid, cancel->key, cancel->key_length);
		stream_flush(stream);
		break;
	case STREAM_DATA: /* PostgreSQL says nothing here */
	case STREAM_DRAINED:
		break;
	case STREAM_CLOSED:
		finish(cancel);
		break;
	}
}

void
server_cancel(struct server *server, void (*done)(void *arg), void *arg)
{
	struct cancel *cancel = mem_zalloc(1, sizeof(*cancel));

	*cancel = (struct cancel){ .server = server,
		.done = done,
		.arg = arg,
		.pid = (uint32_t)server->pid,
		.key_length = server->key_length };
	for (size_t i = 0; i < server->key_length; i++)
		cancel->key[i] = server->key[i];
	LIST_INSERT_HEAD(&server->cancels, cancel, in_list);
	cancel->stream = stream_connect(server->loop, &server->address, on_event, cancel);
}

bool
server_is_being_canceled(const struct server *server)
{
	return !LIST_EMPTY(&server->cancels);
}

void
cancels_forget(struct server *server)
{
	while (!LIST_EMPTY(&server->cancels)) {
		struct cancel *cancel = LIST_FIRST(&server->cancels);

		LIST_REMOVE(cancel, in_list);
		LIST_INSERT_HEAD(pools_cancels(server->pool->pools), cancel, in_list);
		cancel->server = NULL;
	}
}

void
cancels_give_up(struct server *server)
{
	while (!LIST_EMPTY(&server->cancels)) {
		struct cancel *cancel = LIST_FIRST(&server->cancels);

		cancel->server = NULL; /* it is not fit again with the last of them */
		finish(cancel);
	}
}

void
cancels_free(struct cancel_list *cancels)
{
	while (!LIST_EMPTY(cancels)) {
		struct cancel *cancel = LIST_FIRST(cancels);

		LIST_REMOVE(cancel, in_list);
		stream_close(cancel->stream);
		mem_free(cancel);
	}
}
