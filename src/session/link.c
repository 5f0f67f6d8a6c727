/* link.c - see link.h. Coupling, giving back, cleaning. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "guard.h"
#include "listens.h"
#include "pin.h"
#include "pool/inspect.h"
#include "pool/owners.h"
#include "prepared.h"
#include "probe.h"
#include "replication.h"
#include "sequences.h"
#include "session_internal.h"

/* The server's socket took everything: its client may be read again. */
static void
on_drained(struct server *server)
{
	struct link *link = server->user_arg;
	struct client *client = link->client;

	if (client == NULL) {
		link_clean_on(link);
		return;
	}
	link_release(link); /* it may have been held for this */
	if (client->paused_for_server) {
		client->paused_for_server = false;
		stream_resume(client->stream);
	}
	client_resume(client);
}

/* No cancel can hit what is sent to the server now. */
static void
on_spared(struct server *server)
{
	struct link *link = server->user_arg;
	struct client *client = link->client;

	link->canceling = false;
	if (link->stray_batch != 0)
		link->stray_batch = server->batch;
	if (link->guard != NULL)
		guard_go_on(link);
	if (client == NULL) {
		link_clean_on(link);
		return;
	}
	link_release(link); /* it may have been held for this */
	client_resume(client);
}

static const struct server_user link_user = {
	.data = relay_data,
	.drained = on_drained,
	.lost = link_lost,
	.spared = on_spared,
};

struct link *
link_of(const struct server *server)
{
	return server->user == &link_user ? server->user_arg : NULL;
}

struct request *
link_expect(struct link *link, enum request_kind kind, enum request_answer answer)
{
	struct request *request;

	if (link->requests.count == 0) {
		link->head_us = link->request_us = loop_now_us(clients_loop(link->clients));
		link->idle_us = 0;
	}
	request = requests_add(&link->requests, kind, answer);
	request->batch = link->server->batch;
	return request;
}

void
link_change_unnamed(struct link *link, struct request *request, struct statement *statement)
{
	struct client *client = link->client;

	request->changes_unnamed = true;
	request->unnamed = client->unnamed;
	client->unnamed = statement == NULL ? NULL : statement_reference(statement);
	link->unnamed_batch = request->batch;
}

void
link_note_owner(struct link *link)
{
	owners_note(link->server, client_pid(link->client));
	link->begun = true;
}

void
link_open(struct client *client, struct server *server)
{
	struct link *link = clients_take_link(client->clients);
	uint64_t now_us = loop_now_us(clients_loop(client->clients));

	link->clients = client->clients;
	link->client = client;
	link->server = server;
	link->began_us = link->head_us = now_us;
	link->hearing = LINK_KEEPING;
	server->batch++;
	server->user = &link_user;
	server->user_arg = link;
	/* The beginning of a message that came while it was idle. */
	link->in = server->in;
	server->in = (struct buf){ 0 };
	client->link = link;
	link->inspected = client->pool_mode != POOL_MODE_SESSION &&
	    inspect_is_due(server->pool, clients_config(link->clients)->protocol_audit_sample);
	if (owners_wanted() && client->listens == NULL)
		link_note_owner(link);
	TAILQ_INSERT_TAIL(clients_links(client->clients), link, in_links);
	if (client->startup == NULL) {
		if (!settings_share(&server->settings, &client->settings))
			link->restore = RESTORE_DUE;
		client_enter(client, CLIENT_ACTIVE);
	} else if (settings_are_equal(&server->settings, &client->settings)) {
		client_enter(client, CLIENT_ACTIVE);
		login_greet(client, &server->parameters);
		/* In the server's words by now: a walsender cannot be told them again. */
		if (client->replication != REPLICATION_NONE)
			settings_copy(&server->settings, &client->settings);
	} else {
		settings_copy(&link->restoring, &client->settings);
		restore_apart(link);
	}
}

static void
empty_portal(struct portal *portal)
{
	statement_release(portal->statement);
	portal->statement = NULL;
	judged_release(portal->judged);
	ruling_release(portal->ruling);
	ration_release(portal->ration);
	portal->ration = NULL;
	portal->judged = NULL;
	portal->ruling = NULL;
	portal->spent = false;
}

void
link_forget_portals(struct link *link, uint64_t batch)
{
	struct portal *portal, *next;

	if (link->unnamed_portal.batch <= batch)
		empty_portal(&link->unnamed_portal);
	HASH_ITER(hh, link->portals, portal, next) {
		if (portal->batch > batch)
			continue;
		HASH_DEL(link->portals, portal);
		empty_portal(portal);
		mem_free(portal->name);
		mem_free(portal);
	}
}

struct portal *
link_portal(struct link *link, const char *name)
{
	struct portal *portal;

	if (*name == '\0')
		return &link->unnamed_portal;
	HASH_FIND_STR(link->portals, name, portal);
	return portal;
}

static struct portal *
add_portal(struct link *link, const char *name)
{
	struct portal *portal = mem_zalloc(1, sizeof(*portal));

	portal->name = mem_strdup(name);
	HASH_ADD_KEYPTR(hh, link->portals, portal->name, strlen(portal->name), portal);
	return portal;
}

void
link_set_portal(
    struct link *link, const char *name, struct statement *statement, struct ruling *ruling)
{
	struct portal *portal = link_portal(link, name);

	if (portal == NULL)
		portal = add_portal(link, name);
	statement_reference(statement);
	ruling_reference(ruling);
	empty_portal(portal);
	portal->statement = statement;
	portal->judged = judged_reference(statement->judged);
	portal->ruling = ruling;
	portal->batch = link->server->batch;
	if (*name == '\0')
		link->portal_lost = false;
}

void
link_free(struct link *link)
{
	if (link->sequences != 0)
		sequences_keep(link);
	if (link->client != NULL)
		link->client->link = NULL;
	TAILQ_REMOVE(clients_links(link->clients), link, in_links);
	requests_clear(&link->requests);
	link_forget_portals(link, UINT64_MAX);
	statement_release(link->unnamed);
	guard_free(link->guard);
	policies_release(link->limit_policies);
	pin_give_place(link);
	judged_release(link->pinned_by);
	judged_release(link->ran);
	pin_forget_notices(link);
	buf_free(&link->in);
	buf_free(&link->farewell);
	probe_free(link->probe);
	mem_free(link->last_message);
	settings_clear(&link->restoring);
	clients_give_link(link->clients, link);
}

/* Is something under way on it? */
static bool
is_busy(const struct link *link)
{
	const struct client *client = link->client;

	if (link->requests.count > 0 || link->server->transaction != 'I' || link->unsynced ||
	    link->restore == RESTORE_SENT || link->passing > 0 || buf_length(&link->in) > 0 ||
	    stream_pending(link->server->stream) > 0 || guard_keeps_link(link))
		return true;
	return client != NULL && (client->passing > 0 || client->state == CLIENT_JUDGING);
}

/* Does its client keep it, all the same? */
static bool
is_kept(const struct link *link)
{
	const struct client *client = link->client;

	return client != NULL &&
	    (client->pool_mode == POOL_MODE_SESSION || client->pin != NULL || link->fencing != 0 ||
		(client->listens != NULL && listens_keep_link(client)));
}

bool
link_release(struct link *link)
{
	struct server *server = link->server;
	struct client *client = link->client;

	if (is_busy(link) || server->state != SERVER_ACTIVE ||
	    (link->guard != NULL && guard_gives_back_lock(link)))
		return false;
	if (link->probe != NULL && server->replication == REPLICATION_NONE && probe_begin(link))
		return false;
	if (is_kept(link))
		return false;
	/* Not before: a server that is to be closed is asked nothing, and a pin would not end. */
	server->retired |= link->renames;
	if (link->inspected && link->ran != NULL)
		inspect_later(server, link->ran->facts == NULL ? "" : link->ran->facts->fingerprint);
	link_free(link);
	stream_resume(server->stream);
	pool_return(server);
	if (client != NULL) {
		if (client->paused_for_server) {
			client->paused_for_server = false;
			stream_resume(client->stream);
		}
		client_enter(client, CLIENT_READY);
	}
	return true;
}

void
link_discard(struct link *link, const char *why)
{
	struct server *server = link->server;

	link_free(link);
	server_close(server, why);
}

/*
 * End the batch, so that the server comes to a ReadyForQuery. A Sync alone would commit what
 * the client had not asked to be committed: something that is sure to fail goes before it.
 */
static void
fail_batch(struct link *link)
{
	struct buf *out = stream_out(link->server->stream);

	refuse_put_failing(out);
	link_expect(link, REQUEST_EXECUTE, ANSWER_REFUSE); /* with nothing in its place */
	build_sync(out);
	link_expect(link, REQUEST_SYNC, ANSWER_SWALLOW);
}

/* One may have begun that we have not heard of; where none has, PostgreSQL ignores the CopyFail. */
static void
fail_copy(struct link *link)
{
	build_copy_fail(stream_out(link->server->stream), "the client went away");
	link_expect(link, REQUEST_COPY_END, ANSWER_SWALLOW);
}

bool
link_finish(struct link *link)
{
	const struct request *last = requests_at(&link->requests, link->requests.count - 1);

	if (last == NULL)
		return false;
	if (link->copy_in) {
		build_copy_fail(stream_out(link->server->stream), "the client went away");
		link->copy_in = false;
		link->unsynced |= requests_head(&link->requests)->kind == REQUEST_EXECUTE;
	}
	if (link->unsynced && last->kind != REQUEST_SYNC && last->kind != REQUEST_QUERY &&
	    last->kind != REQUEST_FUNCTION) {
		fail_copy(link);
		fail_batch(link);
	}
	link->unsettled = true;
	return true;
}

/* The client is gone: end what is under way. */
static void
end_batch(struct link *link)
{
	fail_copy(link);
	if (link->unsynced)
		fail_batch(link);
	stream_flush(link->server->stream);
}

void
link_clean_on(struct link *link)
{
	struct server *server = link->server;

	if (link->requests.count > 0 || link->unsynced)
		return;
	if (server->transaction == 'I') {
		link_release(link);
		return;
	}
	build_query(stream_out(server->stream), "ROLLBACK");
	link_expect(link, REQUEST_QUERY, ANSWER_SWALLOW);
	stream_flush(server->stream);
}

void
link_abandon(struct link *link)
{
	struct server *server = link->server;
	struct client *client = link->client;
	const struct config *config = clients_config(link->clients);
	bool half_sent = client->passing > 0 && client->passing_on;

	if (client->frames != NULL || link->requests.count > 0)
		server->residue |= SQL_RESIDUE_SETTING; /* what took effect is not known */
	for (size_t i = 0; i < link->requests.count; i++) {
		const struct request *request = requests_at(&link->requests, i);

		if (request_is_statement(request))
			record_statement(link, request, i == 0 ? link->sub : 0, NULL, -1, -1,
			    AUDIT_UNKNOWN);
	}
	sequences_abandon(link);
	client->link = NULL;
	link->client = NULL;
	link->restore = RESTORE_NONE;
	probe_free(link->probe);
	link->probe = NULL;
	link->asking = false;
	stream_resume(server->stream);
	if (server->replication != REPLICATION_NONE) {
		replication_abandon(link, client->presence == CLIENT_LEFT);
		return;
	}
	if (half_sent) {
		link_discard(link, "its client went away inside a message");
		return;
	}
	link->deadline_us = loop_now_us(clients_loop(link->clients)) +
	    (uint64_t)config->timeouts_cancel_ms * 1000;
	if (link->requests.count > 0 || link->unsynced) {
		end_batch(link);
		if (!link->copy_in)
			server_cancel(server, NULL, NULL);
		return;
	}
	link_clean_on(link);
}

void
link_violated(struct link *link, const char *what)
{
	struct server *server = link->server;
	char label[SERVER_LABEL_SIZE];

	link->hearing = LINK_HEARD;
	server_label(server, label);
	log_error("%s %s: discarding the server", label, what);
	link_lost(server, what);
	server_close(server, what);
}
