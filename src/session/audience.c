/* audience.c - see audience.h. */
#include <string.h>

#include "audience.h"
#include "base/mem.h"
#include "session_internal.h"

struct audience *
audience_of(struct clients *clients, const char *database)
{
	struct audience **audiences = clients_audiences(clients);
	struct audience *audience;

	HASH_FIND_STR(*audiences, database, audience);
	if (audience != NULL)
		return audience;
	audience = mem_zalloc(1, sizeof(*audience));
	audience->clients = clients;
	audience->database = mem_strdup(database);
	HASH_ADD_KEYPTR(hh, *audiences, audience->database, strlen(database), audience);
	return audience;
}

void
audiences_free(struct clients *clients)
{
	struct audience **audiences = clients_audiences(clients);
	struct audience *audience, *next;

	HASH_ITER(hh, *audiences, audience, next) {
		HASH_DEL(*audiences, audience);
		mem_free(audience->database);
		mem_free(audience);
	}
}

struct channel *
audience_channel(const struct audience *audience, const char *name)
{
	struct channel *channel;

	HASH_FIND_STR(audience->channels, name, channel);
	return channel;
}

static struct channel *
channel_of(struct audience *audience, const char *name)
{
	struct channel *channel = audience_channel(audience, name);

	if (channel != NULL)
		return channel;
	channel = mem_zalloc(1, sizeof(*channel));
	channel->name = mem_strdup(name);
	LIST_INIT(&channel->members);
	HASH_ADD_KEYPTR(hh, audience->channels, channel->name, strlen(channel->name), channel);
	return channel;
}

struct member *
member_find(const struct listens *listens, const char *name)
{
	struct member *member;

	HASH_FIND_STR(listens->members, name, member);
	return member;
}

void
member_add(struct listens *listens, const char *name)
{
	struct member *member = mem_zalloc(1, sizeof(*member));

	member->listens = listens;
	member->channel = channel_of(listens->audience, name);
	LIST_INSERT_HEAD(&member->channel->members, member, in_channel);
	HASH_ADD_KEYPTR(hh, listens->members, member->channel->name,
	    strlen(member->channel->name), member);
}

void
member_remove(struct listens *listens, struct member *member)
{
	struct channel *channel = member->channel;

	HASH_DEL(listens->members, member);
	LIST_REMOVE(member, in_channel);
	mem_free(member);
	if (!LIST_EMPTY(&channel->members))
		return;
	HASH_DEL(listens->audience->channels, channel);
	mem_free(channel->name);
	mem_free(channel);
}

static void
drop_item(struct listens *listens, struct item *item)
{
	STAILQ_REMOVE(&listens->items, item, item, in_items);
	listens->item_bytes -= buf_length(&item->bytes);
	buf_free(&item->bytes);
	mem_free(item);
}

/* Those of channels that are not in force. */
void
items_drop_idle(struct listens *listens)
{
	struct item *item = STAILQ_FIRST(&listens->items), *next;

	for (; item != NULL; item = next) {
		next = STAILQ_NEXT(item, in_items);
		if (!item->member->active)
			drop_item(listens, item);
	}
}

void
items_drop(struct listens *listens)
{
	while (!STAILQ_EMPTY(&listens->items))
		drop_item(listens, STAILQ_FIRST(&listens->items));
}

void
item_add(struct listens *listens, const struct member *member, const struct hub_event *event)
{
	struct item *item = mem_zalloc(1, sizeof(*item));
	size_t mark = build_begin(&item->bytes, 'A');

	buf_put_u32(&item->bytes, event->pid);
	buf_put_cstring(&item->bytes, event->channel);
	buf_put_cstring(&item->bytes, event->payload);
	build_end(&item->bytes, mark);
	item->member = member;
	listens->item_bytes += buf_length(&item->bytes);
	STAILQ_INSERT_TAIL(&listens->items, item, in_items);
}

/*
 * Give the client what there is, or as much as it reads. What its channels have heard that are
 * not in force yet stays: their LISTEN may still come before it.
 */
void
items_put(struct listens *listens, bool all)
{
	struct client *client = listens->client;
	struct item *item = STAILQ_FIRST(&listens->items), *next;

	for (; item != NULL; item = next) {
		next = STAILQ_NEXT(item, in_items);
		if (!item->member->active)
			continue;
		if (!all && hold_pending(client) > SLOW_PEER_BYTES)
			return;
		buf_put(client_out(client), buf_bytes(&item->bytes), buf_length(&item->bytes));
		client->bytes_out += buf_length(&item->bytes);
		drop_item(listens, item);
	}
}
