/*
 * own.c - the records that the writer makes itself: audit.start, audit.stop,
 * audit.rotate, audit.checkpoint and audit.gap. Used by audit.c and writer.c.
 */
#include <inttypes.h>

#include "config.h"
#include "verifier.h"
#include "writer.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

static const char *const gap_names[GAP_REASONS] = {
	[GAP_QUEUE_FULL] = "queue_full",
	[GAP_WRITE_ERROR] = "write_error",
	[GAP_DISK_FULL] = "disk_full",
};

/* ---- the writer's own records ---- */

static struct buf *
begin(struct audit *audit, enum record_event event)
{
	struct buf *out = &audit->own.scratch;

	buf_clear(out);
	record_begin(&audit->own, audit_settings(audit), out, clock_wall_us(),
	    record_event_name(event));
	return out;
}

static void
put(struct audit *audit, const struct buf *body)
{
	size_t begin_at = chain_begin(&audit->chain, &audit->access.out);

	buf_put(&audit->access.out, buf_bytes(body), buf_length(body));
	chain_end(&audit->chain, &audit->access.out, begin_at);
}

void
own_put_start(struct audit *audit, const char *reason)
{
	uint64_t last = audit->chain.seq;
	struct buf *out = begin(audit, EVENT_AUDIT_START);

	json_put_member(out, "version", PACKAGE_VERSION);
	json_put_member(out, "file", audit->access.path);
	json_put_member_int(out, "epoch", (int64_t)audit->chain.mac.epoch);
	if (audit->sign.key != NULL)
		json_put_member(out, "key_id", audit->sign.id);
	json_put_member_int(out, "last_seq", (int64_t)last);
	json_put_member_int(out, "checkpoint_seq", (int64_t)audit->chain.checkpoint_seq);
	json_put_member(out, "checkpoint_sig", audit->chain.checkpoint_sig);
	json_put_member(out, "reason", reason);
	put(audit, out);
}

/* The instance as it stands in each record, without its key and quotes. */
static void
instance_of(const struct audit_settings *settings, struct checkpoint_note *note)
{
	size_t before = strlen(",\"instance\":\"");

	note->instance = settings->instance + before;
	note->instance_length = settings->instance_length - before - 1;
}

static void
sign_checkpoint(const struct audit *audit, const struct checkpoint_note *note, char sig[SIG_SIZE])
{
	struct buf bytes = { 0 };

	sig[0] = '\0';
	if (audit->sign.key == NULL)
		return;
	checkpoint_put_note(&bytes, note);
	sign_key_sign(&audit->sign, &bytes, sig);
	buf_free(&bytes);
}

/* The key of the epoch that ends here is wiped; its file follows, see writer.c. */
static void
end_epoch(struct audit *audit, const char *sig)
{
	struct chain *chain = &audit->chain;

	chain->checkpoint_seq = chain->seq;
	memcpy(chain->checkpoint_sig, sig, SIG_SIZE);
	audit->checkpoint_us = clock_monotonic_us();
	if (chain->mac.path == NULL)
		return;
	mac_key_ratchet(&chain->mac);
	audit->key_unsaved = true;
}

void
own_put_checkpoint(struct audit *audit)
{
	struct chain *chain = &audit->chain;
	struct buf *out = &audit->own.scratch;
	uint64_t now = clock_wall_us();
	char time[CLOCK_TEXT_SIZE], head[CHAIN_HASH_SIZE], sig[SIG_SIZE];
	struct checkpoint_note note = {
		.first_seq = chain->checkpoint_seq > 0 ? chain->checkpoint_seq : 1,
		.last_seq = chain->seq,
		.epoch = chain->mac.epoch,
		.time = time,
		.head = memcpy(head, chain->prev, sizeof(head)),
		.prev_sig = chain->checkpoint_sig,
	};

	clock_format_rfc3339(now, time);
	instance_of(audit_settings(audit), &note);
	sign_checkpoint(audit, &note, sig);
	buf_clear(out);
	record_begin(&audit->own, audit_settings(audit), out, now, "audit.checkpoint");
	json_put_member_int(out, "epoch", (int64_t)note.epoch);
	json_put_member_int(out, "first_seq", (int64_t)note.first_seq);
	json_put_member_int(out, "last_seq", (int64_t)note.last_seq);
	json_put_member(out, "head", head);
	json_put_member(out, "prev_sig", note.prev_sig);
	json_put_member(out, "key_id", audit->sign.id);
	json_put_member(out, "sig", sig);
	put(audit, out);
	log_info("audit checkpoint seq=%" PRIu64 " head=%s sig=%s", chain->seq, head, sig);
	end_epoch(audit, sig);
}

void
own_put_rotate(struct audit *audit, const char *next_file)
{
	struct buf *out = begin(audit, EVENT_AUDIT_ROTATE);

	json_put_member_int(out, "first_seq", (int64_t)audit->file_first_seq);
	json_put_member(out, "next_file", next_file);
	put(audit, out);
}

void
own_put_stop(struct audit *audit, const char *reason)
{
	struct buf *out = begin(audit, EVENT_AUDIT_STOP);

	json_put_member(out, "reason", reason);
	put(audit, out);
}

void
own_put_deleted(struct audit *audit, const char *file)
{
	struct buf *out = begin(audit, EVENT_AUDIT_DELETE);

	json_put_member(out, "file", file);
	json_put_member(out, "reason", "keep");
	put(audit, out);
}

static void
put_time_member(struct buf *out, const char *key, uint64_t wall_us)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_rfc3339(wall_us, text);
	json_put_member(out, key, text);
}

void
own_put_torn(struct audit *audit, const struct chain_torn *torn)
{
	struct buf *out = begin(audit, EVENT_AUDIT_GAP);

	json_put_member(out, "reason", "torn_line");
	json_put_member_int(out, "torn_bytes", (int64_t)torn->bytes);
	json_put_member(out, "torn_sha256", torn->sha256);
	put(audit, out);
}

static void
put_gap(struct audit *audit, enum gap_reason reason)
{
	struct gap *gap = &audit->gaps[reason];
	struct buf *out = begin(audit, EVENT_AUDIT_GAP);
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
	if (gap->refused > 0)
		json_put_member_int(out, "refused", (int64_t)gap->refused);
	put(audit, out);
	*gap = (struct gap){ 0 };
}

/* ---- losses ---- */

void
own_count_lost(struct audit *audit, enum gap_reason reason, enum record_event event,
    uint64_t records, uint64_t since_us, uint64_t until_us)
{
	struct gap *gap = &audit->gaps[reason];

	if (gap->records + gap->refused == 0 || since_us < gap->since_us)
		gap->since_us = since_us;
	if (until_us > gap->until_us)
		gap->until_us = until_us;
	gap->records += records;
	gap->lost[event] += records;
	atomic_fetch_add(&audit->lost, records);
}

void
own_count_refused(struct audit *audit, enum gap_reason reason, uint64_t statements)
{
	struct gap *gap = &audit->gaps[reason];
	uint64_t now = clock_wall_us();

	if (gap->records + gap->refused == 0)
		gap->since_us = now;
	gap->until_us = now;
	gap->refused += statements;
}

void
own_tell_gaps(struct audit *audit)
{
	if (audit->slow_lost > 0 && audit->slow.failure == 0) {
		log_warning("slow log: %llu lines were lost",
		    (unsigned long long)audit->slow_lost);
		audit->slow_lost = 0;
	}
	if (audit->access.path == NULL || audit->access.failure != 0)
		return;
	for (size_t i = 0; i < GAP_REASONS; i++)
		if (audit->gaps[i].records + audit->gaps[i].refused > 0)
			put_gap(audit, (enum gap_reason)i);
}
