/*
 * own.c - the records that the writer makes itself: audit.start, audit.stop,
 * audit.rotate and audit.gap. Used by audit.c and writer.c.
 */
#include "config.h"
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
	json_put_member_int(out, "last_seq", (int64_t)last);
	json_put_member(out, "reason", reason);
	put(audit, out);
}

void
own_put_rotate(struct audit *audit, const char *next_file)
{
	struct buf *out = begin(audit, EVENT_AUDIT_ROTATE);

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
	put(audit, out);
	*gap = (struct gap){ 0 };
}

/* ---- losses ---- */

void
own_count_lost(struct audit *audit, enum gap_reason reason, enum record_event event,
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
		if (audit->gaps[i].records > 0)
			put_gap(audit, (enum gap_reason)i);
}
