/* hub_channels.c - see hub_channels.h. */
#include <string.h>

#include "base/mem.h"
#include "hub_channels.h"

void
hub_channels_init(struct hub_channels *channels, unsigned workers)
{
	*channels = (struct hub_channels){ .workers = workers };
	TAILQ_INIT(&channels->due);
	TAILQ_INIT(&channels->sent);
}

static void
free_channel(struct hub_channels *channels, struct hub_channel *channel)
{
	HASH_DEL(channels->all, channel);
	mem_free(channel->name);
	mem_free(channel);
}

void
hub_channels_free(struct hub_channels *channels)
{
	struct hub_channel *channel, *next;

	HASH_ITER(hh, channels->all, channel, next)
		free_channel(channels, channel);
}

size_t
hub_channels_count(const struct hub_channels *channels)
{
	return HASH_COUNT(channels->all);
}

/* After a change of what is wanted or of what is so. It may be gone afterwards. */
static void
settle(struct hub_channels *channels, struct hub_channel *channel)
{
	bool wanted = channel->total > 0;

	if (channel->state == CHANNEL_SENT)
		return;
	if (channel->state == CHANNEL_QUIET && wanted != channel->on) {
		channel->state = CHANNEL_DUE;
		TAILQ_INSERT_TAIL(&channels->due, channel, in_list);
	} else if (channel->state == CHANNEL_DUE && wanted == channel->on) {
		channel->state = CHANNEL_QUIET;
		TAILQ_REMOVE(&channels->due, channel, in_list);
	}
	if (!wanted && !channel->on)
		free_channel(channels, channel);
}

static struct hub_channel *
find(const struct hub_channels *channels, const char *name)
{
	struct hub_channel *channel;

	HASH_FIND_STR(channels->all, name, channel);
	return channel;
}

const struct hub_channel *
hub_channels_find(const struct hub_channels *channels, const char *name)
{
	return find(channels, name);
}

void
hub_channels_join(struct hub_channels *channels, const char *name, unsigned worker)
{
	struct hub_channel *channel = find(channels, name);

	if (channel == NULL) {
		channel = mem_zalloc(1, sizeof(*channel) + channels->workers * sizeof(unsigned));
		channel->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, channels->all, channel->name, strlen(channel->name), channel);
	}
	channel->of_worker[worker]++;
	channel->total++;
	settle(channels, channel);
}

void
hub_channels_leave(struct hub_channels *channels, const char *name, unsigned worker)
{
	struct hub_channel *channel = find(channels, name);

	if (channel == NULL || channel->of_worker[worker] == 0)
		return;
	channel->of_worker[worker]--;
	channel->total--;
	settle(channels, channel);
}

void
hub_channels_retry(struct hub_channels *channels, const char *name)
{
	struct hub_channel *channel = find(channels, name);

	if (channel != NULL)
		settle(channels, channel);
}

bool
hub_channels_are_due(const struct hub_channels *channels)
{
	return !TAILQ_EMPTY(&channels->due);
}

void
hub_put_statement(struct buf *query, const char *verb, const char *channel)
{
	buf_put_text(query, verb);
	buf_put_text(query, " \"");
	for (; *channel != '\0'; channel++) {
		if (*channel == '"')
			buf_put_u8(query, '"');
		buf_put_u8(query, (uint8_t)*channel);
	}
	buf_put_u8(query, '"');
}

void
hub_channels_put(struct hub_channels *channels, struct buf *query)
{
	struct hub_channel *channel;

	while ((channel = TAILQ_FIRST(&channels->due)) != NULL) {
		hub_put_statement(query, channel->on ? "UNLISTEN" : "LISTEN", channel->name);
		buf_put_text(query, "; ");
		TAILQ_REMOVE(&channels->due, channel, in_list);
		channel->state = CHANNEL_SENT;
		TAILQ_INSERT_TAIL(&channels->sent, channel, in_list);
	}
}

void
hub_channels_confirm(struct hub_channels *channels, bool done)
{
	struct hub_channel *channel;

	while ((channel = TAILQ_FIRST(&channels->sent)) != NULL) {
		TAILQ_REMOVE(&channels->sent, channel, in_list);
		channel->state = CHANNEL_QUIET;
		if (!done && channel->total > 0)
			continue; /* until somebody asks for it again */
		if (done)
			channel->on = !channel->on;
		settle(channels, channel);
	}
}

void
hub_channels_lose(struct hub_channels *channels)
{
	struct hub_channel *channel, *next;

	TAILQ_INIT(&channels->due);
	TAILQ_INIT(&channels->sent);
	HASH_ITER(hh, channels->all, channel, next) {
		channel->on = false;
		channel->state = CHANNEL_QUIET;
		settle(channels, channel);
	}
}
