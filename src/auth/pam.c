/*
 * pam.c - see pam.h: a line of tasks, and the threads that take them. What is asked of PAM, and
 * how, is in pam_talk.c; session/proof.c asks.
 */
#include <pthread.h>
#include <sys/queue.h>
#include <time.h>

#include "auth/pam.h"
#include "base/log.h"
#include "base/mem.h"
#include "pam_talk.h"

enum { PATIENCE_S = 1 }; /* with threads that still ask when the process ends */

/* What one thread works on. In the line, then that thread's, which frees it. */
struct pam_task {
	TAILQ_ENTRY(pam_task) in_line;
	struct pam_question *question; /* borrowed; NULL: withdrawn */
	char *service, *user, *password, *address; /* ours */
	bool by_name;
	bool taken; /* by a thread */
};
TAILQ_HEAD(pam_line, pam_task);

/* All of it is guarded by the mutex. */
struct pam_threads {
	pthread_mutex_t mutex;
	pthread_cond_t wake; /* those that wait for a task */
	pthread_cond_t gone; /* who waits for them to end */
	struct pam_line line;
	size_t waiting; /* tasks in line */
	unsigned most, started, running, idle;
	bool stopping;
	pthread_t ids[];
};

struct pam_threads *
pam_threads_new(unsigned most)
{
	struct pam_threads *threads =
	    mem_zalloc(1, sizeof(*threads) + most * sizeof(threads->ids[0]));
	pthread_condattr_t attributes;

	threads->most = most;
	TAILQ_INIT(&threads->line);
	pthread_mutex_init(&threads->mutex, NULL);
	pthread_cond_init(&threads->wake, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&threads->gone, &attributes);
	pthread_condattr_destroy(&attributes);
	return threads;
}

static void
task_free(struct pam_task *task)
{
	mem_free(task->service);
	mem_free(task->user);
	mem_free_secret(task->password);
	mem_free(task->address);
	mem_free(task);
}

static void
leave_line(struct pam_threads *threads, struct pam_task *task)
{
	TAILQ_REMOVE(&threads->line, task, in_line);
	threads->waiting--;
}

/* Wait for a task; NULL when it is time to end. */
static struct pam_task *
next_task(struct pam_threads *threads)
{
	struct pam_task *task;

	pthread_mutex_lock(&threads->mutex);
	threads->idle++;
	while (TAILQ_EMPTY(&threads->line) && !threads->stopping)
		pthread_cond_wait(&threads->wake, &threads->mutex);
	threads->idle--;
	task = TAILQ_FIRST(&threads->line);
	if (task != NULL) {
		leave_line(threads, task);
		task->taken = true;
	}
	pthread_mutex_unlock(&threads->mutex);
	return task;
}

/* The answer goes to whoever asked, unless nobody wants to know any more. */
static void
finish(struct pam_threads *threads, struct pam_task *task, const struct pam_answer *answer)
{
	pthread_mutex_lock(&threads->mutex);
	if (task->question != NULL) {
		task->question->task = NULL;
		task->question->answer = *answer;
		task->question->answered(task->question);
	}
	pthread_mutex_unlock(&threads->mutex);
	task_free(task);
}

static void *
serve(void *arg)
{
	struct pam_threads *threads = arg;
	struct pam_task *task;
	struct pam_answer answer;

	while ((task = next_task(threads)) != NULL) {
		const struct pam_asked asked = { .service = task->service, .user = task->user,
			.password = task->password, .address = task->address,
			.by_name = task->by_name };

		pam_talk(&asked, &answer);
		finish(threads, task, &answer);
	}
	pthread_mutex_lock(&threads->mutex);
	threads->running--;
	pthread_cond_signal(&threads->gone);
	pthread_mutex_unlock(&threads->mutex);
	return NULL;
}

/* One more thread, if the tasks in line are more than those who wait for one. */
static void
start_thread(struct pam_threads *threads)
{
	if (threads->started == threads->most || threads->idle >= threads->waiting)
		return;
	if (pthread_create(&threads->ids[threads->started], NULL, serve, threads) != 0) {
		log_error("cannot start a thread for PAM");
		return;
	}
	threads->started++;
	threads->running++;
}

bool
pam_ask(struct pam_threads *threads, const struct pam_asked *asked, size_t most,
    struct pam_question *question)
{
	struct pam_task *task = mem_zalloc(1, sizeof(*task));
	bool taken;

	task->question = question;
	task->service = mem_strdup(asked->service);
	task->user = mem_strdup(asked->user);
	task->password = mem_strdup(asked->password);
	task->address = mem_strdup(asked->address);
	task->by_name = asked->by_name;
	pthread_mutex_lock(&threads->mutex);
	taken = threads->waiting < most && !threads->stopping;
	if (taken) {
		TAILQ_INSERT_TAIL(&threads->line, task, in_line);
		threads->waiting++;
		start_thread(threads);
		taken = threads->running > 0;
		if (!taken)
			leave_line(threads, task);
	}
	question->task = taken ? task : NULL;
	pthread_cond_signal(&threads->wake);
	pthread_mutex_unlock(&threads->mutex);
	if (!taken)
		task_free(task);
	return taken;
}

bool
pam_withdraw(struct pam_threads *threads, struct pam_question *question)
{
	struct pam_task *task, *unused = NULL;

	pthread_mutex_lock(&threads->mutex);
	task = question->task;
	question->task = NULL;
	if (task != NULL)
		task->question = NULL;
	if (task != NULL && !task->taken) {
		leave_line(threads, task);
		unused = task;
	}
	pthread_mutex_unlock(&threads->mutex);
	if (unused != NULL)
		task_free(unused);
	return task != NULL;
}

/* Wait until all threads have ended, but not for long. */
static bool
all_gone(struct pam_threads *threads)
{
	struct timespec until;
	int waited = 0;
	bool gone;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&threads->mutex);
	threads->stopping = true;
	pthread_cond_broadcast(&threads->wake);
	while (threads->running > 0 && waited == 0)
		waited = pthread_cond_timedwait(&threads->gone, &threads->mutex, &until);
	gone = threads->running == 0;
	pthread_mutex_unlock(&threads->mutex);
	return gone;
}

bool
pam_threads_free(struct pam_threads *threads)
{
	if (!all_gone(threads))
		return false;
	for (unsigned i = 0; i < threads->started; i++)
		pthread_join(threads->ids[i], NULL);
	pthread_mutex_destroy(&threads->mutex);
	pthread_cond_destroy(&threads->wake);
	pthread_cond_destroy(&threads->gone);
	mem_free(threads);
	return true;
}
