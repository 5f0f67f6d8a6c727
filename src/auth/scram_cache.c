/* scram_cache.c - see scram_cache.h. */
#include <pthread.h>
#include <string.h>
#include <openssl/crypto.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/mem.h"
#include "scram_cache.h"

/* Owned by the table, freed by forget(). */
struct entry {
	struct scram_cache_place place;
	struct scram_keys keys;
	UT_hash_handle hh;
};

/* uthash keeps the order of insertion: the first is the one not used for longest. */
static struct entry *table;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool
scram_cache_place(struct scram_cache_place *place, const char *role, const char *secret,
    const uint8_t *salt, size_t salt_length, uint32_t iterations)
{
	struct buf all = { 0 };
	bool good;

	/* Strings end with their NUL, which is in neither, so no two quadruples look alike. */
	buf_put_cstring(&all, role);
	buf_put_cstring(&all, secret);
	buf_put_u32(&all, iterations);
	buf_put(&all, salt, salt_length);
	good = process_digest(buf_bytes(&all), buf_length(&all), place->digest);
	OPENSSL_cleanse(all.data, all.size);
	buf_free(&all);
	return good;
}

static void
forget(struct entry *entry)
{
	HASH_DEL(table, entry);
	OPENSSL_cleanse(&entry->keys, sizeof(entry->keys));
	mem_free(entry);
}

static struct entry *
find(const struct scram_cache_place *place)
{
	struct entry *entry;

	HASH_FIND(hh, table, place, sizeof(*place), entry);
	return entry;
}

bool
scram_cache_find(const struct scram_cache_place *place, struct scram_keys *keys)
{
	struct entry *entry;

	pthread_mutex_lock(&lock);
	entry = find(place);
	if (entry != NULL) {
		*keys = entry->keys;
		HASH_DEL(table, entry);
		HASH_ADD(hh, table, place, sizeof(entry->place), entry);
	}
	pthread_mutex_unlock(&lock);
	return entry != NULL;
}

void
scram_cache_keep(const struct scram_cache_place *place, const struct scram_keys *keys)
{
	pthread_mutex_lock(&lock);
	if (find(place) == NULL) {
		struct entry *entry = mem_zalloc(1, sizeof(*entry));

		entry->place = *place;
		entry->keys = *keys;
		HASH_ADD(hh, table, place, sizeof(entry->place), entry);
		if (HASH_COUNT(table) > SCRAM_CACHE_MOST)
			forget(table);
	}
	pthread_mutex_unlock(&lock);
}

size_t
scram_cache_count(void)
{
	size_t count;

	pthread_mutex_lock(&lock);
	count = HASH_COUNT(table);
	pthread_mutex_unlock(&lock);
	return count;
}

void
scram_cache_clear(void)
{
	pthread_mutex_lock(&lock);
	while (table != NULL)
		forget(table);
	pthread_mutex_unlock(&lock);
}
