/*
 * writer.c - the audit's one thread: takes records from all lanes, chains them and
 * writes them in batches. audit_start() and its like are called by the daemon.
 *
 * The writer looks at the lanes every few milliseconds; when nothing came for a
 * while it sleeps until a worker rings the bell. A lock is held while it works,
 * so that a reload can change files between two rounds.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "config.h"
#include "audit_internal.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	ROUND_EVERY_MS = 10,
	QUIET_ROUNDS = 20,     /* rounds without a record before the long sleep */
	SLEEP_MOST_MS = 60000,
	BATCH_BYTES = 1 << 20, /* written at once */
	RETRY_ROUND_MS = 200,  /* while a file fails */
};

/* Why records were lost. */
enum gap_reason { GAP_QUEUE_FULL, GAP_WRITE_ERROR, GAP_DISK_FULL, GAP_REASONS };
static const char *const gap_names[GAP_REASONS] = {
	[GAP_QUEUE_FULL] = "queue_full",
	[GAP_WRITE_ERROR] = "write_error",
	[GAP_DISK_FULL] = "disk_full",
};

/* Losses not yet told; `records` 0 when there are none. */
struct gap {
	uint64_t since_us, until_us;
	uint64_t records;
	uint64_t lost[EVENT_COUNT];
};

/* Made by audit_start(), freed by audit_stop(). */
struct audit {
	_Atomic(struct audit_settings *) settings; /* the newest; older ones hang behind it */
	struct audit_lane *lanes;
	size_t lane_count;
	struct lane_bell bell;
	pthread_t thread;
	atomic_bool stopping;

	pthread_mutex_t lock; /* held by the writer in a round, and by a reload */
	struct chain chain;
	struct sink access, slow;
	struct gap gaps[GAP_REASONS];
	struct audit_lane own; /* renders the writer's own records; nothing is posted to it */
	bool sync_interval;
	uint64_t sync_every_us;
	uint64_t slow_lost; /* lines, since the last word about it */

	/* For audit_get_status(), from any thread. */
	atomic_uint_least64_t seq, lost, synced_wall_us;
	atomic_int failure; /* errno of the access log, 0 when healthy */
};

const struct audit_settings *
audit_settings(const struct audit *audit)
{
	return atomic_load_explicit(&audit->settings, memory_order_acquire);
}

/* ---- the writer's own records ---- */

static struct buf *
own_begin(struct audit *audit, enum record_event event)
{
	struct buf *out = &audit->own.scratch;

	buf_clear(out);
	record_begin(&audit->own, audit_settings(audit), out, clock_wall_us(),
	    record_event_name(event));
	return out;
}

static void
own_put(struct audit *audit, const struct buf *body)
{
	struct lane_entry entry = { .first = buf_bytes(body), .first_length = buf_length(body) };

	chain_put(&audit->chain, &audit->access.out, &entry);
}

static void
put_start(struct audit *audit, const char *reason)
{
	uint64_t last = audit->chain.seq;
	struct buf *out = own_begin(audit, EVENT_AUDIT_START);

	json_put_member(out, "version", PACKAGE_VERSION);
	json_put_member(out, "file", audit->access.path);
	json_put_member_int(out, "last_seq", (int64_t)last);
	json_put_member(out, "reason", reason);
	own_put(audit, out);
}

/* The last record of a file that somebody moved away: where it goes on. */
static void
put_rotate(struct audit *audit, const char *next_file)
{
	struct buf *out = own_begin(audit, EVENT_AUDIT_ROTATE);

	json_put_member(out, "next_file", next_file);
	own_put(audit, out);
}

static void
put_stop(struct audit *audit, const char *reason)
{
	struct buf *out = own_begin(audit, EVENT_AUDIT_STOP);

	json_put_member(out, "reason", reason);
	own_put(audit, out);
}

static void
put_time_member(struct buf *out, const char *key, uint64_t wall_us)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_rfc3339(wall_us, text);
	json_put_member(out, key, text);
}

static void
put_torn(struct audit *audit, const struct chain_torn *torn)
{
	struct buf *out = own_begin(audit, EVENT_AUDIT_GAP);

	json_put_member(out, "reason", "torn_line");
	json_put_member_int(out, "torn_bytes", (int64_t)torn->bytes);
	json_put_member(out, "torn_sha256", torn->sha256);
	own_put(audit, out);
}

static void
put_gap(struct audit *audit, enum gap_reason reason)
{
	struct gap *gap = &audit->gaps[reason];
	struct buf *out = own_begin(audit, EVENT_AUDIT_GAP);
	const char *comma = "";

	json_put_member(out, "reason", gap_names[reason]);
	put_time_member(out, "since", gap->since_us);
	put_time_member(out, "until", gap->until_us);
	put_literal(out, ",\"lost\":{");
	for (size_t i = 0; i < EVENT_COUNT; i++) {
		if (gap->lost[i] == 0)
			continue;
		buf_printf(out, "%s\"%s\":%llu", comma, record_event_name((enum record_event)i),
		    (unsigned long long)gap->lost[i]);
		comma = ",";
	}
	buf_put_u8(out, '}');
	own_put(audit, out);
	*gap = (struct gap){ 0 };
}

/* ---- losses ---- */

static void
gap_count(struct audit *audit, enum gap_reason reason, enum record_event event,
    uint64_t records, uint64_t since_us, uint64_t until_us)
{
	struct gap *gap = &audit->gaps[reason];

	if (gap->records == 0 || since_us < gap->since_us)
		gap->since_us = since_us;
	if (until_us > gap->until_us)
		gap->until_us = until_us;
	gap->records += records;
	gap->lost[event] += records;
	atomic_fetch_add(&audit->lost, records);
}

/* What a worker could not queue since the last round. */
static void
collect_lost(struct audit *audit, struct audit_lane *lane)
{
	uint64_t slow = atomic_load(&lane->lost_slow);
	uint64_t since = atomic_exchange(&lane->lost_first_us, 0);
	uint64_t until = atomic_load(&lane->lost_last_us);

	audit->slow_lost += slow - lane->lost_slow_seen;
	lane->lost_slow_seen = slow;
	if (since == 0)
		since = until; /* a loss between two of our looks at it */
	for (size_t i = 0; i < EVENT_COUNT; i++) {
		uint64_t lost = atomic_load(&lane->lost[i]);

		if (lost > lane->lost_seen[i])
			gap_count(audit, GAP_QUEUE_FULL, (enum record_event)i,
			    lost - lane->lost_seen[i], since, until);
		lane->lost_seen[i] = lost;
	}
}

static void
tell_gaps(struct audit *audit)
{
	if (audit->slow_lost > 0 && audit->slow.failure == 0) {
		log_warning("slow log: %llu lines were lost",
		    (unsigned long long)audit->slow_lost);
		audit->slow_lost = 0;
	}
	if (audit->access.path == NULL || audit->access.failure != 0)
		return;
	for (size_t i = 0; i < GAP_REASONS; i++)
		if (audit->gaps[i].records > 0)
			put_gap(audit, (enum gap_reason)i);
}

/* ---- a round ---- */

static bool
is_full(const struct sink *sink)
{
	return sink->failure != 0 && buf_length(&sink->out) >= SINK_KEEP_MOST;
}

static enum gap_reason
failure_reason(int failure)
{
	return failure == ENOSPC || failure == EDQUOT || failure == EFBIG ? GAP_DISK_FULL :
									     GAP_WRITE_ERROR;
}

static void
put_access(struct audit *audit, const struct lane_entry *entry)
{
	uint64_t now;

	if (audit->access.path == NULL)
		return;
	if (!is_full(&audit->access)) {
		chain_put(&audit->chain, &audit->access.out, entry);
		return;
	}
	now = clock_wall_us();
	gap_count(audit, failure_reason(audit->access.failure),
	    (enum record_event)entry->header.event, 1, now, now);
}

static void
put_slow(struct audit *audit, const struct lane_entry *entry)
{
	if (audit->slow.path == NULL)
		return;
	if (is_full(&audit->slow)) {
		audit->slow_lost++;
		return;
	}
	buf_put(&audit->slow.out, entry->first, entry->first_length);
	buf_put(&audit->slow.out, entry->second, entry->second_length);
}

static void
flush(struct audit *audit)
{
	uint64_t now = clock_monotonic_us();

	sink_flush(&audit->access, now);
	sink_flush(&audit->slow, now);
}

/*
 * Take what a lane holds, and no more than half a ring so that a busy worker does
 * not keep the others waiting. True when there was something.
 */
static bool
drain_lane(struct audit *audit, struct audit_lane *lane)
{
	struct lane_entry entry;
	size_t taken = 0;

	while (taken < LANE_SIZE / 2 && lane_take(lane, &entry)) {
		taken += sizeof(entry.header) + entry.header.length;
		if (entry.header.kind == LANE_SLOW)
			put_slow(audit, &entry);
		else
			put_access(audit, &entry);
		if (buf_length(&audit->access.out) >= BATCH_BYTES && audit->access.failure == 0) {
			lane_release(lane);
			flush(audit);
		}
	}
	lane_release(lane);
	return taken > 0;
}

static void
sync_if_due(struct audit *audit, uint64_t now_us)
{
	struct sink *sink = &audit->access;

	if (!audit->sync_interval || !sink->dirty ||
	    now_us - sink->synced_us < audit->sync_every_us ||
	    (sink->failure != 0 && now_us < sink->retry_us))
		return;
	if (sink_sync(sink, now_us))
		atomic_store(&audit->synced_wall_us, clock_wall_us());
}

static bool
one_round(struct audit *audit)
{
	bool any = false;

	for (size_t i = 0; i < audit->lane_count; i++) {
		any |= drain_lane(audit, &audit->lanes[i]);
		collect_lost(audit, &audit->lanes[i]);
	}
	flush(audit);
	tell_gaps(audit);
	flush(audit);
	sync_if_due(audit, clock_monotonic_us());
	atomic_store(&audit->seq, audit->chain.seq);
	atomic_store(&audit->failure, audit->access.failure);
	return any;
}

/* ---- sleeping ---- */

static void
wait_bell(struct audit *audit, int timeout_ms)
{
	struct pollfd bell = { .fd = audit->bell.fd, .events = POLLIN };
	uint64_t count;

	if (poll(&bell, 1, timeout_ms) > 0 && read(audit->bell.fd, &count, sizeof(count)) < 0 &&
	    errno != EAGAIN)
		log_error("audit: cannot read the writer's bell: %s", strerror(errno));
}

static bool
anything_queued(const struct audit *audit)
{
	for (size_t i = 0; i < audit->lane_count; i++)
		if (lane_queued(&audit->lanes[i]) > 0)
			return true;
	return false;
}

/* How long a writer without work may sleep: until a sync or a retry is due. */
static int
long_sleep_ms(const struct audit *audit)
{
	if (audit->access.failure != 0 || audit->slow.failure != 0)
		return RETRY_ROUND_MS;
	if (audit->sync_interval && audit->access.dirty)
		return (int)(audit->sync_every_us / 1000 + 1);
	return SLEEP_MOST_MS;
}

static void
sleep_long(struct audit *audit)
{
	int timeout_ms = long_sleep_ms(audit);

	atomic_store(&audit->bell.asleep, true);
	/* Once more: a worker that posted before it could see `asleep` rings no bell. */
	if (!anything_queued(audit) && !atomic_load(&audit->stopping))
		wait_bell(audit, timeout_ms);
	atomic_store(&audit->bell.asleep, false);
}

static void *
writer_main(void *arg)
{
	struct audit *audit = arg;
	unsigned quiet = 0;

	while (!atomic_load(&audit->stopping)) {
		bool any;

		pthread_mutex_lock(&audit->lock);
		any = one_round(audit);
		pthread_mutex_unlock(&audit->lock);
		quiet = any ? 0 : quiet + 1;
		if (quiet < QUIET_ROUNDS)
			wait_bell(audit, ROUND_EVERY_MS);
		else
			sleep_long(audit);
	}
	return NULL;
}

/* ---- start, reload, stop ---- */

static void
publish_settings(struct audit *audit, const struct config *config)
{
	struct audit_settings *fresh = mem_zalloc(1, sizeof(*fresh));
	struct buf instance = { 0 };

	json_put_member(&instance, "instance", config->instance != NULL ? config->instance : "");
	fresh->instance_length = buf_length(&instance);
	fresh->instance = buf_steal_text(&instance);
	fresh->access_on = audit->access.path != NULL;
	fresh->slow_on = audit->slow.path != NULL;
	fresh->statements = config->audit_statements;
	fresh->slow_threshold_us = (uint64_t)config->slow_log_threshold_ms * 1000;
	fresh->older = atomic_load(&audit->settings);
	audit->sync_interval = config->audit_sync == AUDIT_SYNC_INTERVAL;
	audit->sync_every_us = (uint64_t)config->audit_sync_every_ms * 1000;
	atomic_store(&audit->settings, fresh);
}

static bool
is_named(const char *path)
{
	return path != NULL && path[0] != '\0';
}

static bool
open_access(struct audit *audit, const char *path, struct chain_torn *torn, struct error *err)
{
	if (!is_named(path))
		return true;
	if (!sink_open(&audit->access, path, true, err))
		return false;
	if (chain_resume(&audit->chain, path, torn, err))
		return true;
	sink_close(&audit->access);
	return false;
}

/* The first bytes of this run: an LF for a torn line, then who we are. */
static void
begin_file(struct audit *audit, const struct chain_torn *torn, const char *reason)
{
	if (audit->access.path == NULL)
		return;
	if (torn->bytes > 0)
		buf_put_u8(&audit->access.out, '\n');
	put_start(audit, reason);
	if (torn->bytes > 0)
		put_torn(audit, torn);
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
	buf_free(&audit->own.scratch);
	sink_close(&audit->access);
	sink_close(&audit->slow);
	chain_close(&audit->chain);
	pthread_mutex_destroy(&audit->lock);
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

struct audit *
audit_start(const struct config *config, size_t lanes, struct error *err)
{
	struct audit *audit = mem_zalloc(1, sizeof(*audit));
	struct chain_torn torn = { 0 };

	pthread_mutex_init(&audit->lock, NULL);
	chain_open(&audit->chain);
	audit->bell.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	audit->lanes = mem_zalloc(lanes > 0 ? lanes : 1, sizeof(audit->lanes[0]));
	audit->lane_count = lanes;
	for (size_t i = 0; i < lanes; i++) {
		audit->lanes[i].audit = audit;
		audit->lanes[i].bell = &audit->bell;
	}
	if (audit->bell.fd < 0) {
		error_set(err, ERROR_IO, "cannot make an eventfd: %s", strerror(errno));
		goto fail;
	}
	if (!open_access(audit, config->audit_file, &torn, err))
		goto fail;
	if (is_named(config->slow_log_file) &&
	    !sink_open(&audit->slow, config->slow_log_file, false, err))
		goto fail;
	publish_settings(audit, config);
	begin_file(audit, &torn, "start");
	if (!start_thread(audit, err))
		goto fail;
	return audit;

fail:
	free_audit(audit);
	return NULL;
}

/* Does this file hold a chain other than ours? Then it must not get our records. */
static bool
check_same_chain(const struct audit *audit, const char *path, struct error *err)
{
	struct chain there;
	struct chain_torn torn;
	bool good;

	chain_open(&there);
	good = chain_resume(&there, path, &torn, err);
	if (good && (torn.bytes > 0 || there.seq > 0) &&
	    (torn.bytes > 0 || strcmp(there.prev, audit->chain.prev) != 0))
		good = error_set(err, ERROR_IO,
		    "audit.file %s holds other records already, so this run's cannot follow "
		    "them; name a new file", path);
	chain_close(&there);
	return good;
}

/* A sink under its new name, or what it is when its name stays and is in place. */
static bool
reopen(struct sink *sink, const char *path, bool exclusive, struct sink *fresh,
    struct error *err)
{
	if (!is_named(path))
		return true;
	if (sink->path != NULL && strcmp(sink->path, path) == 0 && sink_in_place(sink))
		return true;
	return sink_open(fresh, path, exclusive, err);
}

static void
change_access(struct audit *audit, struct sink *fresh, const char *path,
    const struct chain_torn *torn)
{
	bool was_open = audit->access.path != NULL;

	if (fresh->path != NULL && was_open) {
		put_rotate(audit, fresh->path);
		audit->access.retry_us = 0;
		sink_flush(&audit->access, clock_monotonic_us());
		sink_sync(&audit->access, clock_monotonic_us());
		sink_move(&audit->access, fresh);
		put_start(audit, "rotate");
	} else if (fresh->path != NULL) {
		audit->access = *fresh;
		begin_file(audit, torn, "reload");
	} else if (!is_named(path) && was_open) {
		put_stop(audit, "reload");
		sink_flush(&audit->access, clock_monotonic_us());
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

bool
audit_reload(struct audit *audit, const struct config *config, struct error *err)
{
	struct sink access = { 0 }, slow = { 0 };
	struct chain_torn torn = { 0 };
	bool good;

	pthread_mutex_lock(&audit->lock);
	audit->access.retry_us = audit->slow.retry_us = 0; /* somebody may have made room */
	one_round(audit);
	good = reopen(&audit->access, config->audit_file, true, &access, err) &&
	    reopen(&audit->slow, config->slow_log_file, false, &slow, err);
	if (good && access.path != NULL && audit->access.path != NULL)
		good = check_same_chain(audit, access.path, err);
	else if (good && access.path != NULL)
		good = chain_resume(&audit->chain, access.path, &torn, err);
	if (good) {
		change_access(audit, &access, config->audit_file, &torn);
		change_slow(audit, &slow, config->slow_log_file);
		publish_settings(audit, config);
		one_round(audit);
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
	one_round(audit);
	if (audit->access.path != NULL)
		put_stop(audit, reason);
	audit->access.retry_us = audit->slow.retry_us = 0; /* the last chance: do not wait */
	one_round(audit);
	if (audit->sync_interval)
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

	*status = (struct audit_status){
		.enabled = audit_settings(audit)->access_on,
		.healthy = failure == 0,
		.seq = atomic_load(&audit->seq),
		.lost = atomic_load(&audit->lost),
		.last_sync_us = atomic_load(&audit->synced_wall_us),
	};
	for (size_t i = 0; i < audit->lane_count; i++)
		status->queued += lane_queued(&audit->lanes[i]);
	if (failure != 0)
		snprintf(status->failure, sizeof(status->failure), "cannot write audit.file: %s",
		    strerror(failure));
}
