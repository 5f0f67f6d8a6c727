/* parsers.c - see parsers.h. Long-lived: libpg_query never gives back a thread's key. */
#include <pthread.h>

#include "base/log.h"
#include "base/mem.h"
#include "parsers.h"
#include "session/clients.h"

enum { PARSERS_MOST = 16 };

struct parsers {
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct parse_job *first, **last;
	bool stopping;
	unsigned count;
	pthread_t threads[PARSERS_MOST];
};

static struct parse_job *
next_job(struct parsers *parsers)
{
	struct parse_job *job;

	pthread_mutex_lock(&parsers->mutex);
	while (parsers->first == NULL && !parsers->stopping)
		pthread_cond_wait(&parsers->wake, &parsers->mutex);
	job = parsers->stopping ? NULL : parsers->first;
	if (job != NULL) {
		parsers->first = job->next;
		if (parsers->first == NULL)
			parsers->last = &parsers->first;
	}
	pthread_mutex_unlock(&parsers->mutex);
	return job;
}

static void *
parse_all(void *arg)
{
	struct parse_job *job;

	while ((job = next_job(arg)) != NULL) {
		job->outcome = sql_facts(
		    job->text, job->length, job->cap, &job->facts, &job->err, &job->position);
		mailbox_post(job->answer_to, &job->message);
	}
	return NULL;
}

struct parsers *
parsers_new(unsigned threads)
{
	struct parsers *parsers = mem_zalloc(1, sizeof(*parsers));
	pthread_attr_t attributes;

	parsers->last = &parsers->first;
	pthread_mutex_init(&parsers->mutex, NULL);
	pthread_cond_init(&parsers->wake, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, sql_stack_size(SQL_TEXT_MOST));
	for (; parsers->count < threads && parsers->count < PARSERS_MOST; parsers->count++)
		if (pthread_create(&parsers->threads[parsers->count], &attributes, parse_all,
			parsers) != 0)
			log_fatal("cannot start a parser thread");
	pthread_attr_destroy(&attributes);
	return parsers;
}

void
parsers_free(struct parsers *parsers)
{
	pthread_mutex_lock(&parsers->mutex);
	parsers->stopping = true;
	pthread_cond_broadcast(&parsers->wake);
	pthread_mutex_unlock(&parsers->mutex);
	for (unsigned i = 0; i < parsers->count; i++)
		pthread_join(parsers->threads[i], NULL);
	while (parsers->first != NULL) {
		struct parse_job *job = parsers->first;

		parsers->first = job->next;
		mem_free(job->text);
		mem_free(job);
	}
	pthread_mutex_destroy(&parsers->mutex);
	pthread_cond_destroy(&parsers->wake);
	mem_free(parsers);
}

void
parsers_ask(struct parsers *parsers, struct parse_job *job)
{
	pthread_mutex_lock(&parsers->mutex);
	job->next = NULL;
	*parsers->last = job;
	parsers->last = &job->next;
	pthread_cond_signal(&parsers->wake);
	pthread_mutex_unlock(&parsers->mutex);
}
