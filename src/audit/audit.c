/*
 * audit.c - the audit as the daemon sees it: start, reload, stop, status.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "writer.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

const struct audit_settings *
audit_settings(const struct audit *audit)
{
	return atomic_load_explicit(&audit->settings, memory_order_acquire);
}

/* ---- start, reload, stop ---- */

static bool
is_named(const char *path)
{
	return path != NULL && path[0] != '\0';
}

/* The instance is given as it stands in the records. */
static void
configure_keeper(struct audit *audit, const struct config *config)
{
	const struct audit_settings *settings = audit_settings(audit);
	size_t before = strlen(",\"instance\":\"");

	keeper_configure(&audit->keeper, is_named(config->audit_file) ? config->audit_file : "",
	    settings->instance + before, settings->instance_length - before - 1,
	    config->audit_keep_ms, config->audit_compress);
}

static void
publish_settings(struct audit *audit, const struct config *config)
{
	struct audit_settings *fresh = mem_zalloc(1, sizeof(*fresh));
	struct buf instance = { 0 };

	json_put_member(&instance, "instance", config->instance != NULL ? config->instance : "");
	fresh->instance_length = buf_length(&instance);
	fresh->instance = buf_steal_text(&instance);
	fresh->access_on = is_named(config->audit_file);
	fresh->slow_on = is_named(config->slow_log_file);
	fresh->statements = config->audit_statements;
	fresh->slow_threshold_ms = config->slow_log_threshold_ms;
	fresh->plans = fresh->slow_on && config->slow_log_plan;
	fresh->plans_per_hour = config->slow_log_plans_per_hour;
	fresh->raw_text = config->audit_text == AUDIT_TEXT_RAW;
	fresh->older = atomic_load(&audit->settings);
	fresh->refuses = config->audit_on_failure == AUDIT_REFUSE;
	fresh->waits = fresh->refuses || config->audit_sync == AUDIT_SYNC_EACH;
	audit->sync = (enum audit_sync)config->audit_sync;
	audit->sync_every_us = (uint64_t)config->audit_sync_every_ms * 1000;
	audit->rotate_bytes = (uint64_t)config->audit_rotate_size;
	audit->rotate_every_us = (uint64_t)config->audit_rotate_every_ms * 1000;
	atomic_store(&audit->settings, fresh);
	configure_keeper(audit, config);
}

static void
free_audit(struct audit *audit)
{
	struct audit_settings *settings = atomic_load(&audit->settings);

	while (settings != NULL) {
		struct audit_settings *older = settings->older;

		mem_free(settings->instance);
		mem_free(settings);
		settings = older;
	}
	for (size_t i = 0; i < audit->lane_count; i++)
		lane_free(&audit->lanes[i]);
	mem_free(audit->lanes);
	lane_free(&audit->own);
	sink_close(&audit->access);
	sink_close(&audit->slow);
	chain_close(&audit->chain);
	keeper_close(&audit->keeper);
	sign_key_close(&audit->sign);
	pthread_mutex_destroy(&audit->lock);
	pthread_mutex_destroy(&audit->plans.lock);
	close(audit->bell.fd);
	mem_free(audit);
}

/* The writer takes no signals: they are the main thread's. */
static bool
start_thread(struct audit *audit, struct error *err)
{
	sigset_t all, before;
	int failure;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failure = pthread_create(&audit->thread, NULL, writer_main, audit);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure != 0)
		return error_set(err, ERROR_IO, "cannot start the audit writer's thread: %s",
		    strerror(failure));
	return true;
}

static bool
read_keys(struct audit *audit, const struct config *config, struct error *err)
{
	return (!is_named(config->audit_mac_key) ||
		   mac_key_read(&audit->chain.mac, config->audit_mac_key, err)) &&
	    (!is_named(config->audit_sign_key) ||
		sign_key_read(&audit->sign, config->audit_sign_key, err));
}

/* The group that audit.group names; -1 for none. */
static bool
find_group(const struct config *config, gid_t *group, struct error *err)
{
	const struct group *entry;

	*group = (gid_t)-1;
	if (!is_named(config->audit_group))
		return true;
	entry = getgrnam(config->audit_group);
	if (entry == NULL)
		return error_set(err, ERROR_CONFIG, "audit.group: there is no group \"%.60s\"",
		    config->audit_group);
	*group = entry->gr_gid;
	return true;
}

struct audit *
audit_start(const struct config *config, size_t lanes, struct error *err)
{
	struct audit *audit = mem_zalloc(1, sizeof(*audit));
	gid_t group;

	pthread_mutex_init(&audit->lock, NULL);
	pthread_mutex_init(&audit->plans.lock, NULL);
	chain_open(&audit->chain);
	keeper_open(&audit->keeper, &audit->sign);
	audit->bell.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	lane_init(&audit->own, audit, &audit->bell);
	audit->lanes = mem_zalloc(lanes > 0 ? lanes : 1, sizeof(audit->lanes[0]));
	audit->lane_count = lanes;
	for (size_t i = 0; i < lanes; i++)
		lane_init(&audit->lanes[i], audit, &audit->bell);
	if (audit->bell.fd < 0) {
		error_set(err, ERROR_IO, "cannot make an eventfd: %s", strerror(errno));
		goto fail;
	}
	if (!read_keys(audit, config, err))
		goto fail;
	if (is_named(config->slow_log_file) &&
	    !sink_open(&audit->slow, config->slow_log_file, false, err))
		goto fail;
	publish_settings(audit, config);
	if (!find_group(config, &group, err))
		goto fail;
	if (is_named(config->audit_file) &&
	    (!opening_open(audit, config->audit_file, "start", err) ||
		!sink_give(&audit->access, group, err)))
		goto fail;
	if (!start_thread(audit, err))
		goto fail;
	return audit;

fail:
	free_audit(audit);
	return NULL;
}

/* Is a file other than the open one wanted, or is that one's name gone? */
static bool
is_moved(const struct sink *sink, const char *path)
{
	return is_named(path) &&
	    (sink->path == NULL || strcmp(sink->path, path) != 0 || !sink_in_place(sink));
}

static void
change_access(struct audit *audit, struct sink *fresh, const struct config *config)
{
	if (fresh->path != NULL) {
		own_put_rotate(audit, fresh->path);
		audit->access.retry_us = 0;
		writer_checkpoint(audit);
		sink_sync(&audit->access, clock_monotonic_us());
		sink_move(&audit->access, fresh);
		audit->file_first_seq = audit->chain.seq + 1;
		audit->file_first_us = clock_wall_us();
		own_put_start(audit, "rotate");
	} else if (!is_named(config->audit_file) && audit->access.path != NULL) {
		own_put_stop(audit, "reload");
		writer_checkpoint(audit);
		sink_sync(&audit->access, clock_monotonic_us());
		sink_close(&audit->access);
	}
}

static void
change_slow(struct audit *audit, struct sink *fresh, const char *path)
{
	if (fresh->path != NULL && audit->slow.path != NULL)
		sink_move(&audit->slow, fresh);
	else if (fresh->path != NULL)
		audit->slow = *fresh;
	else if (!is_named(path))
		sink_close(&audit->slow);
}

/* Open what a configuration names and is not open yet; all or nothing. */
static bool
open_fresh(struct audit *audit, const struct config *config, struct sink *access,
    struct sink *slow, struct error *err)
{
	bool was_open = audit->access.path != NULL;

	if (is_moved(&audit->slow, config->slow_log_file) &&
	    !sink_open(slow, config->slow_log_file, false, err))
		return false;
	if (!is_moved(&audit->access, config->audit_file))
		return true;
	return was_open ? opening_follow(audit, config->audit_file, access, err) :
			  opening_open(audit, config->audit_file, "reload", err);
}

bool
audit_reload(struct audit *audit, const struct config *config, struct error *err)
{
	struct sink access = { 0 }, slow = { 0 };
	gid_t group;
	bool good;

	pthread_mutex_lock(&audit->lock);
	audit->access.retry_us = audit->slow.retry_us = 0; /* somebody may have made room */
	writer_round(audit);
	good = find_group(config, &group, err) && open_fresh(audit, config, &access, &slow, err) &&
	    (access.path == NULL || sink_give(&access, group, err)) &&
	    (audit->access.path == NULL || sink_give(&audit->access, group, err));
	if (good) {
		change_access(audit, &access, config);
		change_slow(audit, &slow, config->slow_log_file);
		publish_settings(audit, config);
		writer_round(audit);
	} else {
		sink_close(&access);
		sink_close(&slow);
	}
	pthread_mutex_unlock(&audit->lock);
	return good;
}

/* The last words, and what could not be said. */
static void
finish(struct audit *audit, const char *reason)
{
	writer_round(audit);
	if (audit->access.path != NULL)
		own_put_stop(audit, reason);
	audit->access.retry_us = audit->slow.retry_us = 0; /* the last chance: do not wait */
	if (audit->access.path != NULL)
		writer_checkpoint(audit);
	writer_round(audit);
	if (audit->sync != AUDIT_SYNC_NONE)
		sink_sync(&audit->access, clock_monotonic_us());
	if (audit->access.path != NULL && buf_length(&audit->access.out) > 0)
		log_error("audit.file %s: %zu bytes of records could not be written: %s",
		    audit->access.path, buf_length(&audit->access.out) - audit->access.written,
		    strerror(audit->access.failure));
}

void
audit_stop(struct audit *audit, const char *reason)
{
	if (audit == NULL)
		return;
	atomic_store(&audit->stopping, true);
	bell_ring(&audit->bell);
	pthread_join(audit->thread, NULL);
	finish(audit, reason);
	free_audit(audit);
}

struct audit_lane *
audit_lane(struct audit *audit, size_t i)
{
	return &audit->lanes[i];
}

void
audit_get_status(struct audit *audit, struct audit_status *status)
{
	int failure = atomic_load(&audit->failure);
	bool broken = atomic_load(&audit->broken), key_failed = atomic_load(&audit->key_failed);

	*status = (struct audit_status){
		.enabled = audit_settings(audit)->access_on,
		.healthy = failure == 0 && !broken && !key_failed,
		.seq = atomic_load(&audit->seq),
		.lost = atomic_load(&audit->lost),
		.last_sync_us = atomic_load(&audit->synced_wall_us),
	};
	pthread_mutex_lock(&audit->plans.lock);
	status->plans_taken = audit->plans.good;
	status->plans_failed = audit->plans.failed;
	status->plans_skipped = audit->plans.skipped;
	pthread_mutex_unlock(&audit->plans.lock);
	for (size_t i = 0; i < audit->lane_count; i++) {
		status->queued += lane_queued(&audit->lanes[i]);
		for (size_t reason = 0; reason < GAP_REASONS; reason++)
			status->refused += atomic_load(&audit->lanes[i].refused[reason]);
	}
	if (failure != 0)
		snprintf(status->failure, sizeof(status->failure), "cannot write audit.file: %s",
		    strerror(failure));
	else if (key_failed)
		snprintf(status->failure, sizeof(status->failure),
		    "cannot replace audit.mac_key: see the main log");
	else if (broken)
		snprintf(status->failure, sizeof(status->failure),
		    "the log was not whole at the start: see the main log, then SET "
		    "audit_accept_break = 1");
}

void
audit_accept_break(struct audit *audit)
{
	atomic_store(&audit->broken, false);
}
