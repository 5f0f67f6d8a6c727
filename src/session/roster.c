/* roster.c - see roster.h. Called by clients.c, client_login.c and signals.c. */
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "roster.h"

/* What is wished of a client: the more is done. */
enum wish { WISH_NOTHING, WISH_CANCEL, WISH_END };

struct entry {
	const struct subject *subject; /* borrowed; NULL: nobody is logged in there */
	uint64_t client;
};

/* A wish that was not taken yet; few at a time. */
struct pending {
	uint32_t slot;
	uint64_t client;
	enum wish wish;
};

struct roster {
	pthread_mutex_t mutex; /* over all of it */
	struct entry *entries; /* by slot */
	uint32_t size;
	struct pending *pending;
	size_t pending_count;
	bool telling; /* the worker is about to be told of them */
};

enum { FIRST_SIZE = 64, PENDING_MOST = 1024 };

struct roster *
roster_new(void)
{
	struct roster *roster = mem_zalloc(1, sizeof(*roster));

	pthread_mutex_init(&roster->mutex, NULL);
	return roster;
}

void
roster_free(struct roster *roster)
{
	pthread_mutex_destroy(&roster->mutex);
	mem_free(roster->entries);
	mem_free(roster->pending);
	mem_free(roster);
}

static void
grow(struct roster *roster, uint32_t slot)
{
	uint32_t size = roster->size == 0 ? FIRST_SIZE : roster->size;

	while (size <= slot)
		size *= 2;
	if (size == roster->size)
		return;
	roster->entries = mem_resize(roster->entries, size, sizeof(*roster->entries));
	memset(roster->entries + roster->size, 0, (size - roster->size) * sizeof(*roster->entries));
	roster->size = size;
}

void
roster_enter(
    struct roster *roster, uint32_t slot, uint64_t client, const struct subject *subject)
{
	pthread_mutex_lock(&roster->mutex);
	grow(roster, slot);
	roster->entries[slot] = (struct entry){ .subject = subject, .client = client };
	pthread_mutex_unlock(&roster->mutex);
}

void
roster_leave(struct roster *roster, uint32_t slot)
{
	pthread_mutex_lock(&roster->mutex);
	if (slot < roster->size)
		roster->entries[slot] = (struct entry){ 0 };
	pthread_mutex_unlock(&roster->mutex);
}

/* Of another database it may be another server's: PostgreSQL would know nothing of it there. */
static enum roster_answer
judge(const struct entry *entry, const struct subject *asker, bool superuser)
{
	if (entry->subject == NULL || strcmp(entry->subject->database, asker->database) != 0)
		return ROSTER_NOBODY;
	if (!superuser && strcmp(entry->subject->role, asker->role) != 0)
		return ROSTER_STRANGER;
	return ROSTER_FOUND;
}

enum roster_answer
roster_find(struct roster *roster, uint32_t slot, const struct subject *asker, bool superuser,
    uint64_t *client)
{
	enum roster_answer answer = ROSTER_NOBODY;

	pthread_mutex_lock(&roster->mutex);
	if (slot < roster->size) {
		answer = judge(&roster->entries[slot], asker, superuser);
		*client = roster->entries[slot].client;
	}
	pthread_mutex_unlock(&roster->mutex);
	return answer;
}

static struct pending *
find_pending(const struct roster *roster, const struct roster_wish *wish)
{
	for (size_t i = 0; i < roster->pending_count; i++)
		if (roster->pending[i].client == wish->client)
			return &roster->pending[i];
	return NULL;
}

bool
roster_wish(struct roster *roster, const struct roster_wish *wish)
{
	enum wish wanted = wish->ends ? WISH_END : WISH_CANCEL;
	struct pending *pending;
	bool tell;

	pthread_mutex_lock(&roster->mutex);
	pending = find_pending(roster, wish);
	tell = !roster->telling;
	roster->telling = true;
	if (pending != NULL) {
		pending->wish = pending->wish > wanted ? pending->wish : wanted;
	} else if (roster->pending_count < PENDING_MOST) {
		roster->pending = mem_resize(
		    roster->pending, roster->pending_count + 1, sizeof(*roster->pending));
		roster->pending[roster->pending_count++] = (struct pending){
			.slot = wish->slot, .client = wish->client, .wish = wanted };
	}
	pthread_mutex_unlock(&roster->mutex);
	return tell;
}

void
roster_told(struct roster *roster)
{
	pthread_mutex_lock(&roster->mutex);
	roster->telling = false;
	pthread_mutex_unlock(&roster->mutex);
}

bool
roster_take(struct roster *roster, struct roster_wish *wish)
{
	bool any;

	pthread_mutex_lock(&roster->mutex);
	any = roster->pending_count > 0;
	if (any) {
		const struct pending *pending = &roster->pending[--roster->pending_count];

		*wish = (struct roster_wish){ .slot = pending->slot,
			.client = pending->client,
			.ends = pending->wish == WISH_END };
	}
	pthread_mutex_unlock(&roster->mutex);
	return any;
}
