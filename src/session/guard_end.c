/*
 * guard_end.c - messages of ours behind a statement under limits: the end of its
 * transaction, the client's lock_timeout again, a cancel of what goes on too long.
 */
#include "guard.h"
#include "session_internal.h"

/* Of statement and portal; no client gives one such a name. */
static const char own_name[] = "pgweir guard";

enum { CANCEL_AGAIN_US = 1000 * 1000 };

/* The Close in front makes way where the one behind was skipped after an error. */
static void
put_text(struct link *link, const char *text)
{
	struct buf *out = stream_out(link->server->stream);

	build_close(out, 'S', own_name);
	build_parse(out, own_name, text);
	build_bind_portal(out, own_name, own_name);
	build_execute(out, own_name);
	build_close(out, 'S', own_name);
}

void
guard_put_statement(struct link *link, const char *text)
{
	put_text(link, text);
	build_close(stream_out(link->server->stream), 'P', own_name);
	link_expect(link, REQUEST_CLOSE, ANSWER_SWALLOW);
	link_expect(link, REQUEST_PARSE, ANSWER_SWALLOW);
	link_expect(link, REQUEST_BIND, ANSWER_SWALLOW);
	link_expect(link, REQUEST_EXECUTE, ANSWER_SWALLOW);
	link_expect(link, REQUEST_CLOSE, ANSWER_SWALLOW);
	link_expect(link, REQUEST_CLOSE, ANSWER_SWALLOW);
}

/* The request whose ReadyForQuery was kept back stays at the head: its client waits for it. */
static void
put_ending(struct link *link)
{
	struct guard *guard = link->guard;
	struct buf *out = stream_out(link->server->stream);

	switch (guard->ending) {
	case ENDING_COMMIT:
		put_text(link, "COMMIT");
		break;
	case ENDING_ROLLBACK:
		put_text(link, "ROLLBACK");
		break;
	case ENDING_FAIL:
		refuse_put_failing(out);
		break;
	}
	build_sync(out);
	guard->phase = GUARD_ENDING;
	stream_flush(link->server->stream);
}

void
guard_end(struct link *link, enum guard_ending ending)
{
	link->guard->ending = ending;
	if (server_is_being_canceled(link->server))
		link->guard->phase = GUARD_WAITING;
	else
		put_ending(link);
}

bool
guard_keeps(const struct link *link)
{
	return link->guard->lock == LOCK_SESSION && server_is_being_canceled(link->server);
}

void
guard_restore_lock(struct link *link)
{
	struct guard *guard = link->guard;
	bool session = guard->lock == LOCK_SESSION;

	/* A batch that failed waits for its Sync, which is the client's to send. */
	if (guard->lock == LOCK_THEIRS || link->requests.count > 0 || link->unsynced)
		return;
	/* To the end of a transaction that is over, or that failed. */
	if (!session && link->server->transaction != 'T') {
		guard->lock = LOCK_THEIRS;
		return;
	}
	if ((session && link->server->transaction == 'E') || server_is_being_canceled(link->server))
		return;
	guard_put_statement(link, session
	    ? "SELECT pg_catalog.set_config('lock_timeout', "
	      "pg_catalog.current_setting('pgweir.lock_timeout'), false)"
	    : "SELECT pg_catalog.set_config('lock_timeout', "
	      "pg_catalog.current_setting('pgweir.lock_timeout'), true)");
	build_sync(stream_out(link->server->stream));
	link_expect(link, REQUEST_SYNC, ANSWER_SWALLOW);
	link->server->batch++;
	guard->lock = LOCK_THEIRS;
	stream_flush(link->server->stream);
}

bool
guard_gives_back_lock(struct link *link)
{
	if (link->guard->lock != LOCK_SESSION)
		return false;
	guard_restore_lock(link);
	return link->requests.count > 0;
}

void
guard_go_on(struct link *link)
{
	if (link->guard->phase != GUARD_WAITING)
		guard_restore_lock(link);
	else if (link->client != NULL) /* else its server is closed: timeouts.cancel */
		put_ending(link);
}

void
guard_tick(struct link *link, uint64_t now_us)
{
	struct guard *guard = link->guard;

	/* What is small has ended by now, without a cancel; what failed waits for its Sync only. */
	if (!guard->over || guard->phase == GUARD_ENDING || guard->phase == GUARD_WAITING ||
	    link->requests.count == 0 || requests_head(&link->requests)->answer == ANSWER_REFUSE ||
	    (guard->cancel_us != 0 && now_us - guard->cancel_us < CANCEL_AGAIN_US))
		return;
	guard->cancel_us = now_us;
	audit_cancel(clients_lane(link->clients), link->client->who, "limit");
	limits_cancel(link, now_us);
}
