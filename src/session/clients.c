/* clients.c - see clients.h. */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "auth/cancel_key.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "census.h"
#include "hub.h"
#include "learned.h"
#include "leaving.h"
#include "listens.h"
#include "lookup.h"
#include "plan.h"
#include "roster.h"
#include "session_internal.h"
#include "signals.h"
#include "stats/queries.h"

enum {
	WELCOMES_MOST = 64,
	SPARE_LINKS_MOST = 256,
	SPARE_REQUESTS_MOST = 64, /* a larger ring of a spare link is given back */
};

/* What a server of a pool reports to clients with the same startup settings. */
struct welcome {
	const struct pool *pool;
	uint64_t settings_hash;
	struct parameters parameters;
};

/* Owned by its worker. */
struct clients {
	struct clients_shared *shared;
	unsigned worker;
	struct loop *loop;
	struct pools *pools;
	struct audit_lane *lane;
	struct config *config;	   /* referenced, like the two below */
	struct users *users;
	struct policies *policies;
	struct mailbox *mailbox;
	struct gate *gate;
	struct learned_table *learned;
	struct client_list all, timed;
	struct link_list links, spare_links;
	struct hold_list holds;
	struct listens_list listens;
	struct audience *audiences; /* by database */
	struct hub *hubs;	    /* likewise */
	struct plan *plan; /* under way; NULL: none */
	struct lookup_list lookups; /* under way */
	struct proof_list proofs;   /* likewise */
	struct message kept; /* from the audit's writer: look at the holds */
	atomic_bool kept_posted;
	struct roster *roster; /* of `slots`, for the other workers */
	struct message signalled; /* from them: look at its wishes */
	size_t spare_link_count;
	size_t count;
	struct client **slots; /* by the slot in a cancel key; NULL where free */
	uint32_t slot_count, next_slot;
	uint32_t epoch; /* of the newest client; begins anywhere, so that no former process had the same */
	struct asked_list asked;
	struct settings usual; /* of the client that logged in last: most are alike */
	struct welcome welcomes[WELCOMES_MOST];
	size_t welcome_count;
	struct leaving leaving;
	struct queries queries;
};

static void
on_tick(void *arg)
{
	struct clients *clients = arg;

	limits_tick(clients);
	hold_check_all(clients);
	listens_tick(clients);
	hubs_tick(clients);
	if (clients->plan != NULL)
		plan_tick(clients->plan);
	lookups_tick(&clients->lookups, loop_now_us(clients->loop));
	proofs_tick(&clients->proofs, loop_now_us(clients->loop));
	leaving_tick(clients);
}

static void
on_kept(struct message *message, void *receiver)
{
	struct clients *clients = receiver;

	atomic_store(&clients->kept_posted, false);
	hold_check_all(clients);
	(void)message;
}

/* On the thread of the audit's writer. */
static void
post_kept(void *arg)
{
	struct clients *clients = arg;

	if (!atomic_exchange(&clients->kept_posted, true))
		mailbox_post(clients->mailbox, &clients->kept);
}

struct clients *
clients_new(struct clients_shared *shared, unsigned worker, struct loop *loop,
    struct pools *pools, struct audit_lane *lane, struct config *config, struct users *users,
    struct policies *policies)
{
	struct clients *clients = mem_zalloc(1, sizeof(*clients));

	*clients = (struct clients){ .shared = shared,
		.worker = worker,
		.loop = loop,
		.pools = pools,
		.lane = lane,
		.config = config_reference(config),
		.users = users_reference(users),
		.policies = policies_reference(policies) };
	TAILQ_INIT(&clients->all);
	TAILQ_INIT(&clients->timed);
	TAILQ_INIT(&clients->links);
	TAILQ_INIT(&clients->lookups);
	TAILQ_INIT(&clients->proofs);
	TAILQ_INIT(&clients->spare_links);
	TAILQ_INIT(&clients->holds);
	TAILQ_INIT(&clients->listens);
	LIST_INIT(&clients->asked);
	clients->epoch = (uint32_t)random_u64();
	clients->mailbox = mailbox_new(loop, clients);
	clients->kept.deliver = on_kept;
	clients->signalled.deliver = signals_take;
	clients->roster = roster_new();
	audit_watch(lane, post_kept, clients);
	clients->gate = gate_new(clients);
	clients->learned = learned_table_new();
	shared->of_worker[worker] = clients;
	loop_add_tick(loop, on_tick, clients);
	return clients;
}

static void
forget_welcomes(struct clients *clients)
{
	for (size_t i = 0; i < clients->welcome_count; i++)
		parameters_free(&clients->welcomes[i].parameters);
	clients->welcome_count = 0;
}

struct link *
clients_take_link(struct clients *clients)
{
	struct link *link = TAILQ_FIRST(&clients->spare_links);

	if (link == NULL)
		return mem_zalloc(1, sizeof(*link));
	TAILQ_REMOVE(&clients->spare_links, link, in_links);
	clients->spare_link_count--;
	return link;
}

void
clients_give_link(struct clients *clients, struct link *link)
{
	struct requests requests = link->requests;
	struct buf kept = link->kept;

	if (clients->spare_link_count == SPARE_LINKS_MOST || requests.size > SPARE_REQUESTS_MOST) {
		requests_free(&requests);
		buf_free(&kept);
		mem_free(link);
		return;
	}
	buf_clear(&kept);
	*link = (struct link){ .requests = requests, .kept = kept };
	TAILQ_INSERT_HEAD(&clients->spare_links, link, in_links);
	clients->spare_link_count++;
}

static void
free_spare_links(struct clients *clients)
{
	while (!TAILQ_EMPTY(&clients->spare_links)) {
		struct link *link = TAILQ_FIRST(&clients->spare_links);

		TAILQ_REMOVE(&clients->spare_links, link, in_links);
		requests_free(&link->requests);
		buf_free(&link->kept);
		mem_free(link);
	}
}

void
clients_free(struct clients *clients)
{
	audit_watch(clients->lane, NULL, NULL);
	if (clients->plan != NULL)
		plan_abandon(clients->plan);
	lookups_free(&clients->lookups);
	proofs_free(&clients->proofs);
	free_spare_links(clients);
	cancel_requests_free(&clients->asked);
	hubs_free(clients);
	audiences_free(clients);
	gate_free(clients->gate);
	learned_table_free(clients->learned);
	queries_free(&clients->queries);
	mailbox_free(clients->mailbox);
	forget_welcomes(clients);
	config_release(clients->config);
	users_release(clients->users);
	policies_release(clients->policies);
	settings_clear(&clients->usual);
	mem_free(clients->slots);
	roster_free(clients->roster);
	mem_free(clients);
}

struct lookup_list *
clients_lookups(struct clients *clients)
{
	return &clients->lookups;
}

struct proof_list *
clients_proofs(struct clients *clients)
{
	return &clients->proofs;
}

struct plan *
clients_plan(const struct clients *clients)
{
	return clients->plan;
}

void
clients_set_plan(struct clients *clients, struct plan *plan)
{
	clients->plan = plan;
}

void
clients_share_settings(struct clients *clients, struct client *client)
{
	if (!settings_share(&client->defaults, &clients->usual))
		settings_copy(&clients->usual, &client->defaults);
	settings_share(&client->settings, &client->defaults);
}

void
clients_accept(struct clients *clients, int fd, const struct address *peer)
{
	struct client *client;

	if (clients->leaving.drain != CLIENTS_SERVE || clients->count >= CANCEL_SLOTS) {
		close(fd);
		return;
	}
	client = client_new(clients, fd, peer);
	if (!census_arrive(client))
		client_end(client, "53300",
		    "too many clients that have not logged in (limits.unauthenticated_clients)");
}

void
clients_configure(struct clients *clients, struct config *config, struct users *users,
    struct policies *policies)
{
	struct client *client, *next;

	TAILQ_FOREACH(client, &clients->all, in_clients)
		second_line_change(client, clients->policies, policies);
	config_release(clients->config);
	users_release(clients->users);
	policies_release(clients->policies);
	clients->config = config_reference(config);
	clients->users = users_reference(users);
	clients->policies = policies_reference(policies);
	forget_welcomes(clients);
	gate_forget(clients->gate);
	for (client = TAILQ_FIRST(&clients->all); client != NULL; client = next) {
		next = TAILQ_NEXT(client, in_clients);
		reported_review(client);
	}
}

size_t
clients_count(const struct clients *clients)
{
	return clients->count;
}

uint32_t
clients_take_slot(struct clients *clients, struct client *client)
{
	if (clients->count == clients->slot_count) {
		uint32_t more = clients->slot_count == 0 ? 64 : clients->slot_count;

		clients->slots = mem_resize(
		    clients->slots, clients->slot_count + more, sizeof(*clients->slots));
		memset(clients->slots + clients->slot_count, 0, more * sizeof(*clients->slots));
		clients->next_slot = clients->slot_count;
		clients->slot_count += more;
	}
	while (clients->slots[clients->next_slot % clients->slot_count] != NULL)
		clients->next_slot++;
	clients->next_slot %= clients->slot_count;
	clients->slots[clients->next_slot] = client;
	return clients->next_slot;
}

uint32_t
clients_next_epoch(struct clients *clients)
{
	return ++clients->epoch;
}

struct roster *
clients_roster(const struct clients *clients)
{
	return clients->roster;
}

struct message *
clients_signalled(struct clients *clients)
{
	return &clients->signalled;
}

struct asked_list *
clients_asked(struct clients *clients)
{
	return &clients->asked;
}

struct client *
clients_of_slot(const struct clients *clients, uint32_t slot)
{
	return slot < clients->slot_count ? clients->slots[slot] : NULL;
}

void
clients_add(struct clients *clients, struct client *client)
{
	TAILQ_INSERT_TAIL(&clients->all, client, in_clients);
	clients->count++;
}

void
clients_remove(struct clients *clients, struct client *client)
{
	TAILQ_REMOVE(&clients->all, client, in_clients);
	clients->slots[client->slot] = NULL;
	roster_leave(clients->roster, client->slot);
	clients->count--;
	census_leave(client);
}

struct client *
client_find(const struct clients *clients, uint64_t id)
{
	struct client *client;

	TAILQ_FOREACH(client, &clients->all, in_clients)
		if (client->id == id)
			return client;
	return NULL;
}

const struct parameters *
clients_welcome(struct clients *clients, const struct pool *pool, uint64_t settings_hash)
{
	for (size_t i = 0; i < clients->welcome_count; i++) {
		const struct welcome *welcome = &clients->welcomes[i];

		if (welcome->pool == pool && welcome->settings_hash == settings_hash)
			return &welcome->parameters;
	}
	return NULL;
}

void
clients_set_welcome(struct clients *clients, const struct pool *pool, uint64_t settings_hash,
    const struct parameters *parameters)
{
	struct welcome *welcome;

	if (clients_welcome(clients, pool, settings_hash) != NULL)
		return;
	if (clients->welcome_count == WELCOMES_MOST)
		forget_welcomes(clients);
	welcome = &clients->welcomes[clients->welcome_count++];
	*welcome = (struct welcome){ .pool = pool, .settings_hash = settings_hash };
	parameters_copy(&welcome->parameters, parameters);
}

struct client *
clients_first(const struct clients *clients)
{
	return TAILQ_FIRST(&clients->all);
}

struct client *
clients_next(const struct client *client)
{
	return TAILQ_NEXT(client, in_clients);
}

struct gate *
clients_gate(const struct clients *clients)
{
	return clients->gate;
}

struct learned_table *
clients_learned(const struct clients *clients)
{
	return clients->learned;
}

struct hub **
clients_hubs(struct clients *clients)
{
	return &clients->hubs;
}

struct audience **
clients_audiences(struct clients *clients)
{
	return &clients->audiences;
}

struct listens_list *
clients_listens(struct clients *clients)
{
	return &clients->listens;
}

struct link_list *
clients_links(struct clients *clients)
{
	return &clients->links;
}

struct hold_list *
clients_holds(struct clients *clients)
{
	return &clients->holds;
}

struct client_list *
clients_timed(struct clients *clients)
{
	return &clients->timed;
}

enum clients_drain
clients_draining(const struct clients *clients)
{
	return clients->leaving.drain;
}

struct leaving *
clients_leaving(struct clients *clients)
{
	return &clients->leaving;
}

struct mailbox *
clients_mailbox(const struct clients *clients)
{
	return clients->mailbox;
}

struct pools *
clients_pools(const struct clients *clients)
{
	return clients->pools;
}

struct loop *
clients_loop(const struct clients *clients)
{
	return clients->loop;
}

const struct config *
clients_config(const struct clients *clients)
{
	return clients->config;
}

const struct users *
clients_users(const struct clients *clients)
{
	return clients->users;
}

struct policies *
clients_policies(const struct clients *clients)
{
	return clients->policies;
}

struct queries *
clients_queries(struct clients *clients)
{
	return &clients->queries;
}

struct audit_lane *
clients_lane(const struct clients *clients)
{
	return clients->lane;
}

struct clients_shared *
clients_shared(const struct clients *clients)
{
	return clients->shared;
}

unsigned
clients_worker(const struct clients *clients)
{
	return clients->worker;
}
