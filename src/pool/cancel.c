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
	struct tls_context *tls; /* referenced: of a server whose connection is encrypted, else NULL */
	char *host;
	bool tls_asked;
	void (*done)(void *arg);
	void *arg;
	uint32_t pid;
	uint8_t key[256];
	size_t key_length;
};

static void
release(struct cancel *cancel)
{
	stream_close(cancel->stream);
	LIST_REMOVE(cancel, in_list);
	tls_context_release(cancel->tls);
	mem_free(cancel->host);
	mem_free(cancel);
}

static void
tell_over(struct server *server)
{
	if (server->state == SERVER_CANCELED)
		pool_cancel_over(server);
	else if (server->user != NULL && server->user->spared != NULL)
		server->user->spared(server);
}

static void
finish(struct cancel *cancel)
{
	struct server *server = cancel->server;
	void (*done)(void *arg) = cancel->done;
	void *arg = cancel->arg;

	release(cancel);
	if (server != NULL && LIST_EMPTY(&server->cancels))
		tell_over(server);
	if (done != NULL)
		done(arg);
}

static void on_event(struct stream *stream, enum stream_event event, void *arg);

static void
on_opened(struct cancel *cancel)
{
	if (cancel->tls != NULL && !cancel->tls_asked) {
		cancel->tls_asked = true;
		encrypt_ask(cancel->stream);
		return;
	}
	build_cancel_request(
	    stream_out(cancel->stream), cancel->pid, cancel->key, cancel->key_length);
	stream_flush(cancel->stream);
}

/* PostgreSQL says nothing here but that it speaks TLS. The key is told to nobody else. */
static void
on_data(struct cancel *cancel)
{
	if (cancel->tls == NULL || stream_is_encrypted(cancel->stream))
		return;
	if (encrypt_answer(cancel->stream) == ENCRYPT_YES)
		cancel->stream =
		    tls_connect(cancel->stream, cancel->tls, cancel->host, on_event, cancel);
	else
		finish(cancel);
}

static void
on_event(struct stream *stream, enum stream_event event, void *arg)
{
	struct cancel *cancel = arg;

	(void)stream;
	switch (event) {
	case STREAM_OPENED:
		on_opened(cancel);
		break;
	case STREAM_DATA:
		on_data(cancel);
		break;
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
	if (stream_is_encrypted(server->stream)) {
		cancel->tls = tls_context_reference(server->tls);
		cancel->host = mem_strdup(server->host);
	}
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
	while (!LIST_EMPTY(cancels))
		release(LIST_FIRST(cancels));
}
