/* reader.c - see reader.h. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "catalog/fetch.h"
#include "catalog/reader.h"

enum {
	PAUSE_US = 250 * 1000,	  /* between a reading and the next one after a change */
	PAUSE_FACTOR = 10,	  /* and so many times as long as the reading took */
	RETRY_US = 1000 * 1000,	  /* after the first failure; it doubles … */
	RETRY_DOUBLINGS_MOST = 6, /* … up to a minute */
};

/* One database, as the reader sees it. Owned by the reader. */
struct job {
	UT_hash_handle hh;
	char name[64];
	bool wanted;		   /* in this round */
	uint64_t began_us, ended_us; /* of the last try, monotonic; 0: none */
	unsigned failed;	   /* tries in a row */
	char failure[200];	   /* that the log was told of */
};

/* Owned by the main thread. What is under the mutex is told so. */
struct catalog_reader {
	pthread_t thread;
	pthread_mutex_t mutex;
	struct config *config; /* referenced; under the mutex */
	bool stopping;	       /* under the mutex */
	int wake_fd;	       /* something is to be looked at */
	int stop_fd;	       /* give up what is under way */
	struct catalogs *catalogs;
	struct job *jobs; /* the thread's own */
};

/* ---- one reading ---- */

static bool
take_line(void *arg, const char *line, size_t length, struct error *err)
{
	return catalog_builder_line(arg, line, length, err);
}

/* From the first host that answers. */
static struct catalog *
read_hosts(struct catalog_reader *reader, const struct config *config,
    const struct database_config *database, struct catalog_source *source, struct error *err)
{
	struct catalog *catalog = NULL;

	for (size_t i = 0; i < database->host_count && catalog == NULL; i++) {
		struct catalog_builder *builder =
		    catalog_builder_new((size_t)config->catalog_size);

		source->host = database->hosts[i];
		if (catalog_fetch(source, take_line, builder, err))
			catalog = catalog_builder_end(builder, err);
		else
			catalog_builder_free(builder);
	}
	(void)reader;
	return catalog;
}

static const char *
given(const char *path)
{
	return path[0] == '\0' ? NULL : path;
}

static struct catalog *
read_database(struct catalog_reader *reader, const struct config *config, const char *name,
    struct error *err)
{
	const struct database_config *database = config_database(config, name);
	const struct role_config *role = config_role(config, config->catalog_user);
	static const char *const modes[] = { "disable", "allow", "prefer", "require", "verify-ca",
		"verify-full" }; /* enum tls_mode, as libpq has it */
	char port[16];
	struct catalog_source source = { .dbname = database->dbname != NULL ? database->dbname : name,
		.port = port,
		.user = config->catalog_user,
		.password = role != NULL ? role->password : NULL,
		.sslmode = modes[config->tls_server.mode],
		.sslrootcert = given(config->tls_server.ca),
		.sslcert = given(config->tls_server.cert),
		.sslkey = given(config->tls_server.key),
		.connect_timeout_ms = config->backend_connect_timeout_ms,
		.timeout_ms = config->catalog_timeout_ms,
		.stop_fd = reader->stop_fd };

	snprintf(port, sizeof(port), "%d", database->port);
	error_set(err, ERROR_IO, "it has no host");
	return read_hosts(reader, config, database, &source, err);
}

/* One line when it begins to fail, and when the reason is another. */
static void
note_failure(struct catalog_reader *reader, struct job *job, const struct error *err)
{
	job->failed++;
	if (strncmp(job->failure, err->text, sizeof(job->failure) - 1) != 0) {
		snprintf(job->failure, sizeof(job->failure), "%.199s", err->text);
		log_warning("cannot read the catalog of database \"%s\": %s; what is known of it "
			    "stays, and it is tried again", job->name, err->text);
	}
	catalogs_fail(reader->catalogs, job->name, err->text);
}

static void
note_success(struct job *job, const struct catalog *catalog)
{
	if (job->failed > 0 || job->failure[0] != '\0')
		log_info("the catalog of database \"%s\" is read again", job->name);
	else
		log_debug("read the catalog of database \"%s\": %zu relations, %zu bytes", job->name,
		    catalog_relation_count(catalog), catalog_bytes(catalog));
	job->failed = 0;
	job->failure[0] = '\0';
}

static bool
is_stopping(struct catalog_reader *reader)
{
	bool stopping;

	pthread_mutex_lock(&reader->mutex);
	stopping = reader->stopping;
	pthread_mutex_unlock(&reader->mutex);
	return stopping;
}

static void
read_job(struct catalog_reader *reader, const struct config *config, struct job *job,
    uint64_t changes)
{
	struct error err;
	struct catalog *catalog;

	job->began_us = clock_monotonic_us();
	catalog = read_database(reader, config, job->name, &err);
	job->ended_us = clock_monotonic_us();
	if (catalog != NULL) {
		note_success(job, catalog);
		catalogs_put(reader->catalogs, job->name, catalog, changes);
	} else if (!is_stopping(reader)) {
		note_failure(reader, job, &err);
	}
}

/* ---- which, and when ---- */

static struct job *
job_of(struct catalog_reader *reader, const char *name)
{
	struct job *job;

	HASH_FIND_STR(reader->jobs, name, job);
	if (job != NULL || strlen(name) >= sizeof(job->name))
		return job;
	job = mem_zalloc(1, sizeof(*job));
	memcpy(job->name, name, strlen(name));
	HASH_ADD_STR(reader->jobs, name, job);
	return job;
}

static bool
is_named(const struct config *config, const char *name)
{
	const struct database_config *database = config_database(config, name);

	return database != NULL && strcmp(database->name, name) == 0 && strcmp(name, "*") != 0;
}

/* Those named in pgweir.yaml, and so many of the others as may be. */
static void
choose(struct catalog_reader *reader, const struct config *config,
    const struct catalogs_state *states, size_t count)
{
	struct job *job, *next;
	int64_t others = 0;

	HASH_ITER(hh, reader->jobs, job, next)
		job->wanted = false;
	if (config->catalog_user[0] == '\0')
		return;
	for (size_t i = 0; i < config->database_count; i++) {
		job = strcmp(config->databases[i].name, "*") != 0
		    ? job_of(reader, config->databases[i].name)
		    : NULL;
		if (job != NULL)
			job->wanted = true;
	}
	for (size_t i = 0; i < count && others < config->catalog_databases; i++) {
		if (states[i].clients == 0 || is_named(config, states[i].database) ||
		    config_database(config, states[i].database) == NULL)
			continue;
		job = job_of(reader, states[i].database);
		job->wanted = true;
		others++;
	}
}

/* What nobody wants is no longer kept. */
static void
drop_unwanted(struct catalog_reader *reader)
{
	struct job *job, *next;

	HASH_ITER(hh, reader->jobs, job, next) {
		if (job->wanted)
			continue;
		catalogs_forget(reader->catalogs, job->name);
		HASH_DEL(reader->jobs, job);
		mem_free(job);
	}
}

static const struct catalogs_state *
state_of(const struct catalogs_state *states, size_t count, const char *name)
{
	static const struct catalogs_state nothing;

	for (size_t i = 0; i < count; i++)
		if (strcmp(states[i].database, name) == 0)
			return &states[i];
	return &nothing;
}

/* When it is to be read, by the monotonic clock. */
static uint64_t
due_us(const struct job *job, const struct config *config, const struct catalogs_state *state)
{
	uint64_t pause_us = (job->ended_us - job->began_us) * PAUSE_FACTOR;
	unsigned doublings =
	    job->failed < RETRY_DOUBLINGS_MOST ? job->failed : RETRY_DOUBLINGS_MOST;

	if (job->ended_us == 0)
		return 0;
	if (job->failed > 0)
		return job->ended_us + ((uint64_t)RETRY_US << (doublings - 1));
	if (state->changes == state->known_changes)
		return job->ended_us + (uint64_t)config->catalog_refresh_ms * 1000;
	return job->ended_us + (pause_us > PAUSE_US ? pause_us : PAUSE_US);
}

/* Read what is due; returns when something will be next, 0 for never. */
static uint64_t
read_due(struct catalog_reader *reader, const struct config *config)
{
	struct catalogs_state *states = mem_zalloc(CATALOGS_MOST, sizeof(*states));
	size_t count = catalogs_states(reader->catalogs, states, CATALOGS_MOST);
	uint64_t next_us = 0;
	struct job *job, *next;

	choose(reader, config, states, count);
	drop_unwanted(reader);
	HASH_ITER(hh, reader->jobs, job, next) {
		const struct catalogs_state *state = state_of(states, count, job->name);
		uint64_t at_us = due_us(job, config, state);

		if (at_us <= clock_monotonic_us() && !is_stopping(reader)) {
			struct catalogs_state known = *state;

			read_job(reader, config, job, state->changes);
			known.known_changes = known.changes;
			at_us = due_us(job, config, &known);
		}
		if (next_us == 0 || at_us < next_us)
			next_us = at_us;
	}
	mem_free(states);
	return next_us;
}

/* ---- the thread ---- */

static void
wait_until(struct catalog_reader *reader, uint64_t at_us)
{
	struct pollfd fd = { .fd = reader->wake_fd, .events = POLLIN };
	uint64_t now_us = clock_monotonic_us(), many;
	int64_t ms = at_us == 0 ? -1 : at_us <= now_us ? 0 : (int64_t)((at_us - now_us) / 1000 + 1);

	if (poll(&fd, 1, ms > 3600000 ? 3600000 : (int)ms) > 0 &&
	    read(reader->wake_fd, &many, sizeof(many)) < 0 && errno != EAGAIN)
		log_error("catalog reader: %s", strerror(errno));
}

static void *
keep_fresh(void *arg)
{
	struct catalog_reader *reader = arg;

	while (!is_stopping(reader)) {
		struct config *config;
		uint64_t next_us;

		pthread_mutex_lock(&reader->mutex);
		config = config_reference(reader->config);
		pthread_mutex_unlock(&reader->mutex);
		next_us = read_due(reader, config);
		config_release(config);
		if (!is_stopping(reader))
			wait_until(reader, next_us);
	}
	return NULL;
}

static void
ring(int fd)
{
	const uint64_t one = 1;

	/* A counter that is full is read soon anyway. */
	if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("catalog reader: %s", strerror(errno));
}

static void
on_wake(void *arg)
{
	struct catalog_reader *reader = arg;

	ring(reader->wake_fd);
}

struct catalog_reader *
catalog_reader_start(struct catalogs *catalogs, struct config *config)
{
	struct catalog_reader *reader = mem_zalloc(1, sizeof(*reader));

	pthread_mutex_init(&reader->mutex, NULL);
	reader->config = config_reference(config);
	reader->catalogs = catalogs;
	reader->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	reader->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reader->wake_fd < 0 || reader->stop_fd < 0 ||
	    pthread_create(&reader->thread, NULL, keep_fresh, reader) != 0)
		log_fatal("cannot start the thread that reads catalogs: %s", strerror(errno));
	catalogs_watch(catalogs, on_wake, reader);
	return reader;
}

void
catalog_reader_configure(struct catalog_reader *reader, struct config *config)
{
	struct config *before;

	pthread_mutex_lock(&reader->mutex);
	before = reader->config;
	reader->config = config_reference(config);
	pthread_mutex_unlock(&reader->mutex);
	config_release(before);
	ring(reader->wake_fd);
}

static void
free_jobs(struct catalog_reader *reader)
{
	struct job *job, *next;

	HASH_ITER(hh, reader->jobs, job, next) {
		HASH_DEL(reader->jobs, job);
		mem_free(job);
	}
}

void
catalog_reader_stop(struct catalog_reader *reader)
{
	if (reader == NULL)
		return;
	catalogs_watch(reader->catalogs, NULL, NULL);
	pthread_mutex_lock(&reader->mutex);
	reader->stopping = true;
	pthread_mutex_unlock(&reader->mutex);
	ring(reader->stop_fd);
	ring(reader->wake_fd);
	pthread_join(reader->thread, NULL);
	free_jobs(reader);
	close(reader->wake_fd);
	close(reader->stop_fd);
	config_release(reader->config);
	pthread_mutex_destroy(&reader->mutex);
	mem_free(reader);
}
