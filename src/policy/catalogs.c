/* catalogs.c - see catalogs.h. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "policy/catalogs.h"

enum {
	CHANGED_MOST = 128, /* names kept; then everything counts as changed */
};

/* A relation that was changed. */
struct changed {
	char name[64];
	uint64_t change; /* its number */
};

/* One database. Owned by the catalogs. */
struct entry {
	UT_hash_handle hh;
	char database[64];
	struct catalog *catalog; /* referenced; or NULL */
	unsigned clients;
	uint64_t changes, known_changes;
	struct changed changed[CHANGED_MOST];
	size_t changed_count;
	uint64_t lost_change; /* the last one whose name had no room */
	uint64_t reads, failures;
	char failure[200];
};

/* Owned by the process's main thread, or by a program that has one for all. */
struct catalogs {
	pthread_mutex_t mutex; /* over all but the generation */
	struct entry *entries;
	struct catalog *of_all; /* or NULL */
	atomic_uint generation;
	void (*wake)(void *arg);
	void *wake_arg;
};

struct catalogs *
catalogs_new(void)
{
	struct catalogs *catalogs = mem_zalloc(1, sizeof(*catalogs));

	pthread_mutex_init(&catalogs->mutex, NULL);
	atomic_init(&catalogs->generation, 1);
	return catalogs;
}

struct catalogs *
catalogs_of_all(struct catalog *catalog)
{
	struct catalogs *catalogs = catalogs_new();

	catalogs->of_all = catalog;
	return catalogs;
}

static void
entry_free(struct catalogs *catalogs, struct entry *entry)
{
	HASH_DEL(catalogs->entries, entry);
	catalog_release(entry->catalog);
	mem_free(entry);
}

void
catalogs_free(struct catalogs *catalogs)
{
	struct entry *entry, *next;

	if (catalogs == NULL)
		return;
	HASH_ITER(hh, catalogs->entries, entry, next)
		entry_free(catalogs, entry);
	catalog_release(catalogs->of_all);
	pthread_mutex_destroy(&catalogs->mutex);
	mem_free(catalogs);
}

/* With the mutex. */
static struct entry *
find(struct catalogs *catalogs, const char *database)
{
	struct entry *entry;

	HASH_FIND_STR(catalogs->entries, database, entry);
	return entry;
}

/* With the mutex. NULL: a name that no database has, or too many. */
static struct entry *
find_or_add(struct catalogs *catalogs, const char *database)
{
	struct entry *entry = find(catalogs, database);
	size_t length = strlen(database);

	if (entry != NULL || length >= sizeof(entry->database) ||
	    HASH_COUNT(catalogs->entries) >= CATALOGS_MOST)
		return entry;
	entry = mem_zalloc(1, sizeof(*entry));
	memcpy(entry->database, database, length);
	HASH_ADD_STR(catalogs->entries, database, entry);
	return entry;
}

/* With the mutex. 0 is never a generation: it says that nobody asked. */
static void
renew(struct catalogs *catalogs)
{
	if (atomic_fetch_add(&catalogs->generation, 1) + 1 == 0)
		atomic_fetch_add(&catalogs->generation, 1);
}

struct catalog *
catalogs_find(struct catalogs *catalogs, const char *database)
{
	struct catalog *catalog;
	struct entry *entry;

	if (catalogs == NULL)
		return NULL;
	pthread_mutex_lock(&catalogs->mutex);
	entry = find(catalogs, database);
	catalog = catalogs->of_all != NULL ? catalogs->of_all
	    : entry != NULL		   ? entry->catalog
					   : NULL;
	if (catalog != NULL)
		catalog_reference(catalog);
	pthread_mutex_unlock(&catalogs->mutex);
	return catalog;
}

static bool
was_changed(const struct entry *entry, const char *relation)
{
	if (entry->lost_change > entry->known_changes)
		return true;
	for (size_t i = 0; i < entry->changed_count; i++)
		if (strncmp(entry->changed[i].name, relation, sizeof(entry->changed[i].name)) == 0)
			return true;
	return false;
}

bool
catalogs_is_stale(struct catalogs *catalogs, const char *database, const char *relation)
{
	struct entry *entry;
	bool stale;

	if (catalogs == NULL || catalogs->of_all != NULL)
		return false;
	pthread_mutex_lock(&catalogs->mutex);
	entry = find(catalogs, database);
	stale = entry == NULL || was_changed(entry, relation);
	pthread_mutex_unlock(&catalogs->mutex);
	return stale;
}

unsigned
catalogs_generation(const struct catalogs *catalogs)
{
	return catalogs != NULL ? atomic_load(&catalogs->generation) : 1;
}

/* ---- for sessions ---- */

void
catalogs_enter(struct catalogs *catalogs, const char *database)
{
	struct entry *entry;
	bool first;

	if (catalogs == NULL)
		return;
	pthread_mutex_lock(&catalogs->mutex);
	entry = find_or_add(catalogs, database);
	first = entry != NULL && entry->clients++ == 0;
	if (first && catalogs->wake != NULL)
		catalogs->wake(catalogs->wake_arg);
	pthread_mutex_unlock(&catalogs->mutex);
}

void
catalogs_leave(struct catalogs *catalogs, const char *database)
{
	struct entry *entry;

	if (catalogs == NULL)
		return;
	pthread_mutex_lock(&catalogs->mutex);
	entry = find(catalogs, database);
	if (entry != NULL && entry->clients > 0)
		entry->clients--;
	/* A name that somebody tried is not kept for ever. */
	if (entry != NULL && entry->clients == 0 && entry->catalog == NULL)
		entry_free(catalogs, entry);
	pthread_mutex_unlock(&catalogs->mutex);
}

/* With the mutex. */
static void
note_changed(struct entry *entry, const char *relation)
{
	struct changed *changed = &entry->changed[entry->changed_count];

	for (size_t i = 0; i < entry->changed_count; i++)
		if (strncmp(entry->changed[i].name, relation, sizeof(changed->name)) == 0) {
			entry->changed[i].change = entry->changes;
			return;
		}
	if (entry->changed_count == CHANGED_MOST) {
		entry->lost_change = entry->changes;
		return;
	}
	snprintf(changed->name, sizeof(changed->name), "%s", relation);
	changed->change = entry->changes;
	entry->changed_count++;
}

/* With the mutex. */
static void
change(struct catalogs *catalogs, struct entry *entry, const char *relation)
{
	entry->changes++;
	if (relation != NULL)
		note_changed(entry, relation);
	renew(catalogs);
	if (catalogs->wake != NULL)
		catalogs->wake(catalogs->wake_arg);
}

void
catalogs_changed(struct catalogs *catalogs, const char *database, const char *relation)
{
	struct entry *entry;

	if (catalogs == NULL)
		return;
	pthread_mutex_lock(&catalogs->mutex);
	entry = find(catalogs, database);
	if (entry != NULL)
		change(catalogs, entry, relation);
	pthread_mutex_unlock(&catalogs->mutex);
}

void
catalogs_changed_where(struct catalogs *catalogs, const char *relation,
    bool (*is_it)(const void *arg, const char *database), const void *arg)
{
	struct entry *entry, *next;

	if (catalogs == NULL)
		return;
	pthread_mutex_lock(&catalogs->mutex);
	HASH_ITER(hh, catalogs->entries, entry, next)
		if (is_it(arg, entry->database))
			change(catalogs, entry, relation);
	pthread_mutex_unlock(&catalogs->mutex);
}

/* ---- for the reader ---- */

void
catalogs_watch(struct catalogs *catalogs, void (*wake)(void *arg), void *arg)
{
	pthread_mutex_lock(&catalogs->mutex);
	catalogs->wake = wake;
	catalogs->wake_arg = arg;
	pthread_mutex_unlock(&catalogs->mutex);
}

static void
tell_state(const struct entry *entry, struct catalogs_state *state)
{
	*state = (struct catalogs_state){ .clients = entry->clients,
		.changes = entry->changes,
		.known_changes = entry->known_changes,
		.reads = entry->reads,
		.failures = entry->failures };
	memcpy(state->database, entry->database, sizeof(state->database));
	memcpy(state->failure, entry->failure, sizeof(state->failure));
	if (entry->catalog == NULL)
		return;
	state->relations = catalog_relation_count(entry->catalog);
	state->bytes = catalog_bytes(entry->catalog);
	state->read_us = catalog_read_us(entry->catalog);
}

size_t
catalogs_states(struct catalogs *catalogs, struct catalogs_state *states, size_t most)
{
	struct entry *entry, *next;
	size_t count = 0;

	if (catalogs == NULL)
		return 0;
	pthread_mutex_lock(&catalogs->mutex);
	HASH_ITER(hh, catalogs->entries, entry, next)
		if (count < most)
			tell_state(entry, &states[count++]);
	pthread_mutex_unlock(&catalogs->mutex);
	return count;
}

/* With the mutex. The changes that the reading knows are no longer of interest. */
static void
forget_changed(struct entry *entry, uint64_t changes)
{
	size_t kept = 0;

	for (size_t i = 0; i < entry->changed_count; i++)
		if (entry->changed[i].change > changes)
			entry->changed[kept++] = entry->changed[i];
	entry->changed_count = kept;
	entry->known_changes = changes;
}

void
catalogs_put(struct catalogs *catalogs, const char *database, struct catalog *catalog,
    uint64_t changes)
{
	struct catalog *before = NULL;
	struct entry *entry;

	pthread_mutex_lock(&catalogs->mutex);
	entry = find_or_add(catalogs, database);
	if (entry != NULL) {
		if (entry->known_changes != changes || !catalog_is_same(entry->catalog, catalog))
			renew(catalogs);
		before = entry->catalog;
		entry->catalog = catalog;
		entry->reads++;
		entry->failure[0] = '\0';
		forget_changed(entry, changes);
	} else {
		before = catalog;
	}
	pthread_mutex_unlock(&catalogs->mutex);
	catalog_release(before);
}

void
catalogs_fail(struct catalogs *catalogs, const char *database, const char *why)
{
	struct entry *entry;

	pthread_mutex_lock(&catalogs->mutex);
	entry = find_or_add(catalogs, database);
	if (entry != NULL) {
		entry->failures++;
		snprintf(entry->failure, sizeof(entry->failure), "%s", why);
	}
	pthread_mutex_unlock(&catalogs->mutex);
}

void
catalogs_forget(struct catalogs *catalogs, const char *database)
{
	struct catalog *before = NULL;
	struct entry *entry;

	pthread_mutex_lock(&catalogs->mutex);
	entry = find(catalogs, database);
	if (entry != NULL) {
		before = entry->catalog;
		entry->catalog = NULL;
		if (before != NULL)
			renew(catalogs);
		if (entry->clients == 0)
			entry_free(catalogs, entry);
	}
	pthread_mutex_unlock(&catalogs->mutex);
	catalog_release(before);
}
