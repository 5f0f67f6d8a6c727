/* census.c - see census.h. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "census.h"
#include "session_internal.h"

/* Clients counted under one name: "d:shop", "u:orders-svc", "a:10.1.2.3". */
struct count {
	UT_hash_handle hh;
	int clients;
	char name[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct count *counts; /* guarded by the mutex; entries go when nobody is counted */

/* The limits of a client, in the order in which they are asked. */
struct census_row {
	char prefix;
	const char *name;
	int64_t limit;
	const char *setting;
};

enum { CENSUS_ROWS = 3 };

static void
rows_of(const struct client *client, struct census_row rows[CENSUS_ROWS])
{
	const struct config *config = clients_config(client->clients);
	const struct subject *subject = &client->identity->subject;

	rows[0] = (struct census_row){ 'd', client->database, config->limits_clients_per_database,
		"limits.clients_per_database" };
	rows[1] = (struct census_row){ 'u', subject->user, config->limits_clients_per_user,
		"limits.clients_per_user" };
	rows[2] = (struct census_row){ 'a', subject->client,
		client->peer.family == AF_UNIX ? 0 : config->limits_clients_per_address,
		"limits.clients_per_address" };
}

static struct count *
count_of(const struct census_row *row)
{
	char *name = mem_printf("%c:%s", row->prefix, row->name);
	size_t size = strlen(name) + 1;
	struct count *count;

	HASH_FIND_STR(counts, name, count);
	if (count == NULL) {
		count = mem_zalloc(1, sizeof(*count) + size);
		memcpy(count->name, name, size);
		HASH_ADD_STR(counts, name, count);
	}
	mem_free(name);
	return count;
}

static void
change(struct count *count, int by)
{
	count->clients += by;
	if (count->clients > 0)
		return;
	HASH_DEL(counts, count);
	mem_free(count);
}

bool
census_arrive(struct client *client)
{
	struct clients_shared *shared = clients_shared(client->clients);
	int64_t most = clients_config(client->clients)->limits_unauthenticated_clients;

	atomic_fetch_add(&shared->connected, 1);
	return atomic_fetch_add(&shared->unauthenticated, 1) < most || most == 0;
}

void
census_authenticated(struct client *client)
{
	atomic_fetch_sub(&clients_shared(client->clients)->unauthenticated, 1);
}

bool
census_admit(struct client *client, struct error *err)
{
	struct clients_shared *shared = clients_shared(client->clients);
	int64_t most = clients_config(client->clients)->limits_clients;
	struct census_row rows[CENSUS_ROWS];
	const struct census_row *full = NULL;

	if (most > 0 && atomic_load(&shared->connected) > most)
		return error_set_state(err, ERROR_LIMIT, "53300",
		    "sorry, too many clients already (limits.clients is %lld)", (long long)most);
	rows_of(client, rows);
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < CENSUS_ROWS && full == NULL; i++) {
		struct count *count = count_of(&rows[i]);

		if (rows[i].limit > 0 && count->clients >= rows[i].limit)
			full = &rows[i];
		change(count, 0);
	}
	for (size_t i = 0; i < CENSUS_ROWS && full == NULL; i++)
		change(count_of(&rows[i]), 1);
	pthread_mutex_unlock(&mutex);
	client->counted = full == NULL;
	return full == NULL ||
	    error_set_state(err, ERROR_LIMIT, "53300", "too many clients for \"%s\" (%s is %lld)",
		full->name, full->setting, (long long)full->limit);
}

void
census_leave(struct client *client)
{
	struct clients_shared *shared = clients_shared(client->clients);
	struct census_row rows[CENSUS_ROWS];

	atomic_fetch_sub(&shared->connected, 1);
	if (!client->log_in_done)
		atomic_fetch_sub(&shared->unauthenticated, 1);
	if (!client->counted)
		return;
	rows_of(client, rows);
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < CENSUS_ROWS; i++)
		change(count_of(&rows[i]), -1);
	pthread_mutex_unlock(&mutex);
}
