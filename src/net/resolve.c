/*
 * resolve.c - see resolve.h.
 *
 * A few threads and a queue. getaddrinfo(3) has its own time-outs (resolv.conf); a
 * slow name keeps one thread and delays no other name, until as many are slow as there are threads.
 */
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/resolve.h"

enum { THREADS = 4 };

struct resolver {
	pthread_t threads[THREADS];
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct resolve_request *first, **last;
	bool stopping;
};

static void
look_up(struct resolve_request *request)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char port[16];
	int code;

	snprintf(port, sizeof(port), "%d", request->port);
	request->count = 0;
	code = getaddrinfo(request->host, port, &hints, &found);
	if (code != 0) {
		snprintf(request->why, sizeof(request->why), "cannot look up host \"%.80s\": %s",
		    request->host, gai_strerror(code));
		return;
	}
	for (struct addrinfo *at = found; at != NULL; at = at->ai_next) {
		struct address *address = &request->addresses[request->count];

		if (request->count == RESOLVE_ADDRESSES_MOST)
			break;
		memset(address, 0, sizeof(*address));
		memcpy(&address->storage, at->ai_addr, at->ai_addrlen);
		address->length = at->ai_addrlen;
		request->count++;
	}
	freeaddrinfo(found);
}

/* Wait for a question; NULL when it is time to end. */
static struct resolve_request *
next_question(struct resolver *resolver)
{
	struct resolve_request *request;

	pthread_mutex_lock(&resolver->mutex);
	while (resolver->first == NULL && !resolver->stopping)
		pthread_cond_wait(&resolver->wake, &resolver->mutex);
	request = resolver->stopping ? NULL : resolver->first;
	if (request != NULL) {
		resolver->first = request->next;
		if (resolver->first == NULL)
			resolver->last = &resolver->first;
	}
	pthread_mutex_unlock(&resolver->mutex);
	return request;
}

static void *
resolve_all(void *arg)
{
	struct resolver *resolver = arg;
	struct resolve_request *request;

	while ((request = next_question(resolver)) != NULL) {
		look_up(request);
		mailbox_post(request->answer_to, &request->message);
	}
	return NULL;
}

struct resolver *
resolver_new(void)
{
	struct resolver *resolver = mem_zalloc(1, sizeof(*resolver));

	resolver->last = &resolver->first;
	pthread_mutex_init(&resolver->mutex, NULL);
	pthread_cond_init(&resolver->wake, NULL);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&resolver->threads[i], NULL, resolve_all, resolver) != 0)
			log_fatal("cannot start the resolver's threads");
	return resolver;
}

void
resolver_free(struct resolver *resolver)
{
	pthread_mutex_lock(&resolver->mutex);
	resolver->stopping = true;
	pthread_cond_broadcast(&resolver->wake);
	pthread_mutex_unlock(&resolver->mutex);
	for (int i = 0; i < THREADS; i++)
		pthread_join(resolver->threads[i], NULL);
	pthread_mutex_destroy(&resolver->mutex);
	pthread_cond_destroy(&resolver->wake);
	mem_free(resolver);
}

void
resolver_ask(struct resolver *resolver, struct resolve_request *request)
{
	pthread_mutex_lock(&resolver->mutex);
	request->next = NULL;
	*resolver->last = request;
	resolver->last = &request->next;
	pthread_cond_signal(&resolver->wake);
	pthread_mutex_unlock(&resolver->mutex);
}
