/*
 * writer.c - the audit's one thread: takes records from all lanes, chains them and
 * writes them in batches.
 *
 * It looks at the lanes every few milliseconds; when nothing came for a while it
 * sleeps until a worker rings the bell. A lock is held while it works, so that a
 * reload can change files between two rounds.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "writer.h"
#include "base/clock.h"
#include "base/log.h"

enum {
	ROUND_EVERY_MS = 25,
	QUIET_ROUNDS = 20,     /* rounds without a record before the long sleep */
	SLEEP_MOST_MS = 60000,
	BATCH_BYTES = 1 << 20, /* written at once */
	RETRY_ROUND_MS = 200,  /* while a file fails */
	CHECKPOINT_RECORDS = 1000,
	CHECKPOINT_EVERY_US = 60 * 1000000,
	KEY_SAVED_EVERY_US = 1000000, /* each replacement waits for the disk three times */
};

enum gap_reason
gap_reason_of(int failure)
{
	if (failure == 0)
		return GAP_QUEUE_FULL;
	return failure == ENOSPC || failure == EDQUOT || failure == EFBIG ? GAP_DISK_FULL :
									     GAP_WRITE_ERROR;
}

/* Statements that a worker did not begin since the last round. */
static void
collect_refused(struct audit *audit, struct audit_lane *lane)
{
	for (size_t i = 0; i < GAP_REASONS; i++) {
		uint64_t refused = atomic_load(&lane->refused[i]);

		if (refused > lane->refused_seen[i])
			own_count_refused(
			    audit, (enum gap_reason)i, refused - lane->refused_seen[i]);
		lane->refused_seen[i] = refused;
	}
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
	collect_refused(audit, lane);
	for (size_t i = 0; i < EVENT_COUNT; i++) {
		uint64_t lost = atomic_load(&lane->lost[i]);

		if (lost > lane->lost_seen[i])
			own_count_lost(audit, GAP_QUEUE_FULL, (enum record_event)i,
			    lost - lane->lost_seen[i], since, until);
		lane->lost_seen[i] = lost;
	}
}

/* ---- a round ---- */

static bool
is_full(const struct sink *sink)
{
	return sink->failure != 0 && buf_length(&sink->out) >= SINK_KEEP_MOST;
}

/* An exception let this statement pass: that is a record of its own. */
static void
put_exception(struct audit *audit, const struct audit_statement *statement)
{
	struct buf *body = &audit->own.scratch, *out = &audit->access.out;
	size_t begin;

	buf_clear(body);
	if (!record_put_exception(&audit->own, audit_settings(audit), body, statement))
		return;
	begin = chain_begin(&audit->chain, out);
	buf_put(out, buf_bytes(body), buf_length(body));
	chain_end(&audit->chain, out, begin);
}

static void
put_record(struct audit *audit, const struct lane_entry *entry)
{
	struct buf *out = &audit->access.out;
	size_t begin = chain_begin(&audit->chain, out);

	if (entry->header.kind == LANE_STATEMENT)
		record_put_statement(&audit->own, audit_settings(audit), out,
		    &((const struct lane_statement *)entry->bytes)->statement);
	else
		buf_put(out, entry->bytes, entry->header.length);
	chain_end(&audit->chain, out, begin);
	if (entry->header.kind == LANE_STATEMENT)
		put_exception(audit, &((const struct lane_statement *)entry->bytes)->statement);
	if (audit->chain.seq - audit->chain.checkpoint_seq >= CHECKPOINT_RECORDS)
		own_put_checkpoint(audit);
}

static void
put_access(struct audit *audit, struct audit_lane *lane, const struct lane_entry *entry)
{
	uint64_t now;

	if (audit->access.path != NULL && !is_full(&audit->access)) {
		put_record(audit, entry);
		return;
	}
	atomic_store(&lane->thrown, lane->taken);
	if (audit->access.path == NULL)
		return;
	now = clock_wall_us();
	own_count_lost(audit, gap_reason_of(audit->access.failure),
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
	buf_put(&audit->slow.out, entry->bytes, entry->header.length);
}

static void
flush(struct audit *audit)
{
	uint64_t now = clock_monotonic_us();

	sink_flush(&audit->access, now);
	sink_flush(&audit->slow, now);
}

/*
 * Nothing that an answer waits for may be thrown away: while the file cannot be written,
 * records stay in their lanes, and when these are full no statement begins.
 */
static bool
is_stuck(const struct audit *audit)
{
	return audit_settings(audit)->refuses && audit->access.failure != 0;
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

	while (taken < LANE_SIZE / 2 && !is_stuck(audit) && lane_take(lane, &entry)) {
		taken += sizeof(entry.header) + entry.header.length;
		if (entry.header.kind == LANE_SLOW)
			put_slow(audit, &entry);
		else
			put_access(audit, lane, &entry);
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

	if (audit->sync == AUDIT_SYNC_NONE || !sink->dirty ||
	    (audit->sync == AUDIT_SYNC_INTERVAL &&
		now_us - sink->synced_us < audit->sync_every_us) ||
	    (sink->failure != 0 && now_us < sink->retry_us))
		return;
	if (sink_sync(sink, now_us))
		atomic_store(&audit->synced_wall_us, clock_wall_us());
}

/*
 * Once checkpoints are on the disk, the key's file gets the epoch after them. Whoever
 * takes the host later finds no key with which older records could be made anew.
 */
static void
save_key(struct audit *audit, uint64_t now_us)
{
	struct chain *chain = &audit->chain;
	struct error err;

	if (!audit->key_unsaved || buf_length(&audit->access.out) > 0 ||
	    !sink_sync(&audit->access, now_us))
		return;
	audit->key_saved_us = now_us;
	chain->mac.seq = chain->seq;
	memcpy(chain->mac.head, chain->prev, sizeof(chain->mac.head));
	audit->key_unsaved = !mac_key_save(&chain->mac, &err);
	if (audit->key_unsaved && !atomic_load(&audit->key_failed))
		log_error("%s; trying again each second", err.text);
	atomic_store(&audit->key_failed, audit->key_unsaved);
}

void
writer_checkpoint(struct audit *audit)
{
	uint64_t now = clock_monotonic_us();

	own_put_checkpoint(audit);
	flush(audit);
	if (audit->sync != AUDIT_SYNC_NONE)
		sink_sync(&audit->access, now);
	save_key(audit, now);
}

/* One also when nothing happened, so that a missing one shows. */
static void
checkpoint_if_due(struct audit *audit, uint64_t now_us)
{
	if (audit->access.path == NULL)
		return;
	if (now_us - audit->checkpoint_us >= CHECKPOINT_EVERY_US && audit->access.failure == 0)
		own_put_checkpoint(audit);
	if (now_us - audit->key_saved_us >= KEY_SAVED_EVERY_US) {
		flush(audit);
		save_key(audit, now_us);
	}
}

/*
 * Everything that was taken is where it should be: answers may go. Where none waits by
 * the settings, somebody may still do so for break_glass.
 */
static void
tell_kept(struct audit *audit)
{
	const struct sink *sink = &audit->access;
	bool all = audit_settings(audit)->waits;
	bool whole = buf_length(&sink->out) == 0 &&
	    (audit->sync != AUDIT_SYNC_EACH || !sink->dirty || !sink->regular);

	for (size_t i = 0; i < audit->lane_count; i++) {
		struct audit_lane *lane = &audit->lanes[i];

		if (!all && !atomic_load(&lane->awaited))
			continue;
		if (whole)
			atomic_store(&lane->kept, lane->taken);
		if ((whole || sink->failure != 0) && atomic_load(&lane->awaited) &&
		    lane->kept_callback != NULL) {
			atomic_store(&lane->awaited, false);
			lane->kept_callback(lane->kept_arg);
		}
	}
}

bool
writer_round(struct audit *audit)
{
	bool any = false;

	for (size_t i = 0; i < audit->lane_count; i++) {
		any |= drain_lane(audit, &audit->lanes[i]);
		collect_lost(audit, &audit->lanes[i]);
	}
	flush(audit);
	own_tell_gaps(audit);
	rotate_tell_deleted(audit);
	checkpoint_if_due(audit, clock_monotonic_us());
	flush(audit);
	sync_if_due(audit, clock_monotonic_us());
	rotate_if_due(audit, clock_monotonic_us());
	atomic_store(&audit->seq, audit->chain.seq);
	atomic_store(&audit->failure, audit->access.failure);
	tell_kept(audit);
	return any;
}

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

static uint64_t
sooner(uint64_t wait_us, uint64_t since_us, uint64_t every_us, uint64_t now_us)
{
	uint64_t passed = now_us - since_us;
	uint64_t left = passed < every_us ? every_us - passed : 0;

	return left < wait_us ? left : wait_us;
}

/* How long a writer without work may sleep: until something of its own is due. */
static int
long_sleep_ms(const struct audit *audit)
{
	uint64_t now = clock_monotonic_us();
	uint64_t wait_us = SLEEP_MOST_MS * 1000;

	if (audit->access.failure != 0 || audit->slow.failure != 0)
		return RETRY_ROUND_MS;
	if (audit->sync == AUDIT_SYNC_INTERVAL && audit->access.dirty)
		wait_us = audit->sync_every_us;
	if (audit->access.path != NULL)
		wait_us = sooner(wait_us, audit->checkpoint_us, CHECKPOINT_EVERY_US, now);
	if (audit->key_unsaved)
		wait_us = sooner(wait_us, audit->key_saved_us, KEY_SAVED_EVERY_US, now);
	return (int)(wait_us / 1000 + 1);
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

void *
writer_main(void *arg)
{
	struct audit *audit = arg;
	unsigned quiet = 0;

	pthread_setname_np(pthread_self(), "audit-writer"); /* as top -H and bench/audit.py show it */
	while (!atomic_load(&audit->stopping)) {
		bool any, stuck;

		pthread_mutex_lock(&audit->lock);
		any = writer_round(audit);
		stuck = is_stuck(audit); /* a reload tries to write, too */
		pthread_mutex_unlock(&audit->lock);
		quiet = any ? 0 : quiet + 1;
		if (stuck)
			wait_bell(audit, RETRY_ROUND_MS);
		else if (quiet < QUIET_ROUNDS && !audit_settings(audit)->waits)
			wait_bell(audit, ROUND_EVERY_MS);
		else
			sleep_long(audit);
	}
	return NULL;
}
