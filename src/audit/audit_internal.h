/*
 * audit_internal.h - what the files of the audit layer know of one another.
 *
 * record, parts, redact, tags and slow render on the worker's thread; lane carries the bytes
 * over; writer, chain and sink belong to the writer thread.
 */
#ifndef AUDIT_INTERNAL_H
#define AUDIT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <openssl/evp.h>

#include "audit/audit.h"
#include "keys.h"

/* Every event there is, so that lost records can be counted by event without a lock. */
enum record_event {
	EVENT_STATEMENT,
	EVENT_STATEMENT_DENIED,
	EVENT_SESSION_START,
	EVENT_SESSION_END,
	EVENT_SESSION_FAIL,
	EVENT_CANCEL,
	EVENT_POLICY_LOAD,
	EVENT_POLICY_REJECT,
	EVENT_CONFIG_CHANGE,
	EVENT_CONSOLE_COMMAND,
	EVENT_EXCEPTION_USED,
	EVENT_AUDIT_START,
	EVENT_AUDIT_STOP,
	EVENT_AUDIT_ROTATE,
	EVENT_AUDIT_GAP,
	EVENT_AUDIT_CHECKPOINT,
	EVENT_AUDIT_DELETE,
	EVENT_OTHER,
	EVENT_COUNT
};
const char *record_event_name(enum record_event event);

/* ---- settings: what the workers must know; never changes once published ---- */

/* Made by each (re)load, owned by the audit until it ends: a worker may still read it. */
struct audit_settings {
	struct audit_settings *older;
	bool access_on, slow_on;
	int statements; /* enum audit_statements */
	bool refuses;	/* audit.on_failure */
	bool waits;	/* answers wait for their records */
	int64_t slow_threshold_ms;
	bool plans;	/* slow_log.plan */
	int64_t plans_per_hour;
	bool raw_text;	/* constants may be shown */
	size_t instance_length;
	char *instance; /* rendered: ,"instance":"…" */
};

/* ---- lane: bytes from one worker to the writer ---- */

enum { LANE_SIZE = 8 << 20 }; /* a power of two; pages are touched only when used */
enum lane_kind {
	LANE_STATEMENT, /* struct lane_statement, which the writer renders */
	LANE_ACCESS,	/* a rendered record, from "time" on */
	LANE_SLOW,	/* a line of the slow log */
	LANE_SKIP,	/* nothing up to the ring's end, so that no entry lies around it */
};

/* Before each entry in the ring; entries are padded to its size, so it never wraps. */
struct lane_header {
	uint32_t length;
	uint16_t kind;	/* enum lane_kind */
	uint16_t event; /* enum record_event */
};

/*
 * What the writer makes a record of: a sixth of its bytes, which go from one core's
 * cache to another's. What it points to stays until the writer is past it, see
 * lane_retire().
 */
struct lane_statement {
	struct audit_statement statement; /* `sqlstate` and `pin` are what follows here */
	char sqlstate[6];
	char pin[]; /* with its NUL; empty when there is none */
};

/* Memory that entries before `position` may point to. */
struct lane_retired {
	STAILQ_ENTRY(lane_retired) next;
	size_t position;
	void *memory;
};

/* An entry where it lies. Valid until lane_release(). */
struct lane_entry {
	struct lane_header header;
	const uint8_t *bytes;
};

/* The bell of the writer: rung by a worker only when the writer sleeps for long. */
struct lane_bell {
	int fd; /* eventfd */
	atomic_bool asleep;
};

/* Why records are missing, as audit.gap tells it. */
enum gap_reason { GAP_QUEUE_FULL, GAP_WRITE_ERROR, GAP_DISK_FULL, GAP_REASONS };

/*
 * One producer (its worker), one consumer (the writer). Positions only grow; the
 * offset in the ring is (position - base) modulo size. The producer moves `base` when
 * the ring is empty, so that a light load stays in the same few pages.
 */
struct audit_lane {
	struct audit *audit;	/* borrowed */
	struct lane_bell *bell; /* borrowed */
	uint8_t *_Atomic ring;	/* mapped by the first post */
	/* The producer's. */
	atomic_size_t head, base;
	size_t writing;		/* where lane_room()'s entry begins */
	STAILQ_HEAD(, lane_retired) retired; /* oldest first */
	struct buf scratch;	/* where other records are rendered, kept from one to the next */
	uint64_t second;	/* wall clock second that second_text shows */
	char second_text[20];	/* "2026-11-22T09:37:53" */
	atomic_uint_least64_t lost[EVENT_COUNT]; /* since the start */
	atomic_uint_least64_t lost_slow;
	atomic_uint_least64_t lost_first_us, lost_last_us; /* first: 0 once collected */
	atomic_uint_least64_t refused[GAP_REASONS]; /* statements that did not begin, since the start */
	enum gap_reason refusal; /* why the last one may not begin: it is counted later */
	void (*kept_callback)(void *arg); /* under the audit's lock */
	void *kept_arg;
	atomic_bool awaited;	/* somebody wants that call */
	char apart[64];		/* keeps the two sides on different cache lines */
	/* The consumer's. */
	atomic_size_t kept;	/* everything before it is where audit.sync wants it */
	atomic_size_t tail;
	atomic_size_t thrown;	/* something that ends there was thrown away; 0: nothing was */
	size_t taken; /* consumed but not yet given back */
	uint64_t lost_seen[EVENT_COUNT], lost_slow_seen, refused_seen[GAP_REASONS];
};

/*
 * Room for an entry of up to `most` bytes, to be written in place and given to
 * lane_commit() before anything else is put in this lane. NULL, and counted as lost,
 * when the lane has no room. Worker's side.
 */
uint8_t *lane_room(struct audit_lane *lane, enum lane_kind kind, enum record_event event,
    size_t most);
/* The first `length` bytes of that room are an entry now. */
void lane_commit(struct audit_lane *lane, enum lane_kind kind, enum record_event event,
    size_t length);
/* Both at once, for bytes that are there already. */
void lane_post(struct audit_lane *lane, enum lane_kind kind, enum record_event event,
    const struct buf *bytes);
/* The position of a record for which there was no room. */
#define NEVER_KEPT UINT64_MAX
/* Where what was committed last ends; never 0 after that. */
static inline uint64_t
lane_position(const struct audit_lane *lane)
{
	return atomic_load_explicit(&lane->head, memory_order_relaxed);
}
/* Free this when the writer is past all that was committed. Worker's side. */
void lane_retire(struct audit_lane *lane, void *memory);
/* The next entry, false when there is none. Writer's side. */
bool lane_take(struct audit_lane *lane, struct lane_entry *entry);
/* Give back the room of all entries taken so far. */
void lane_release(struct audit_lane *lane);
uint64_t lane_queued(const struct audit_lane *lane);
void lane_init(struct audit_lane *lane, struct audit *audit, struct lane_bell *bell);
void lane_free(struct audit_lane *lane);
void bell_ring(struct lane_bell *bell);

/* ---- chain: seq, prev and mac ---- */

struct chain {
	uint64_t seq; /* of the last record put */
	char prev[CHAIN_HASH_SIZE];
	EVP_MD *sha256;
	EVP_MD_CTX *context; /* reused: making one costs as much as the hash */
	struct mac_key mac;  /* without a path: there is none, and macs are empty */
	/* The newest checkpoint. */
	uint64_t checkpoint_seq; /* 0: none yet */
	char checkpoint_sig[SIG_SIZE];
};

/* Bytes after the last LF of a file, left by a crash. */
struct chain_torn {
	uint64_t bytes; /* with the LF that is added; 0: nothing torn */
	char sha256[CHAIN_HASH_SIZE];
};

/* What the end of a file says, to go on from it. */
struct chain_tail {
	uint64_t seq; /* of the last whole record; 0: the file has none */
	char head[CHAIN_HASH_SIZE];
	uint64_t epoch; /* of the next record */
	bool epoch_known;
	uint64_t checkpoint_seq;
	char checkpoint_sig[SIG_SIZE];
	uint64_t first_seq; /* of the file's first record, and its time; 0: not known */
	uint64_t first_us;
	struct chain_torn torn;
	char broken[200]; /* why it fails verification; "" when it does not */
};

void chain_open(struct chain *chain);
void chain_close(struct chain *chain);
/* base64(SHA-256(bytes)) */
void chain_hash(struct chain *chain, const void *bytes, size_t length, char hash[CHAIN_HASH_SIZE]);
/* Begin a line; the caller appends the members from "time" on. Returns where it began. */
size_t chain_begin(struct chain *chain, struct buf *out);
/* End the line that began there. */
void chain_end(struct chain *chain, struct buf *out, size_t begin);
/* Go on after this record. */
void chain_continue(struct chain *chain, const struct chain_tail *tail);
/*
 * Verify the end of a file from its last checkpoint on, with this key (its path may be
 * NULL). False, with *err, when the file cannot be read or holds something else.
 */
bool chain_read_tail(const char *path, const struct mac_key *key, struct chain_tail *tail,
    struct error *err);

/* ---- sink: one file that is only ever appended to ---- */

enum { SINK_KEEP_MOST = 8 << 20 }; /* bytes kept while a file cannot be written */

/*
 * Lines that could not be written stay in `out` and are written first when it
 * works again; `written` bytes of the first one may be in the file already.
 * Owned by the writer.
 */
struct sink {
	char *path; /* NULL: closed */
	int fd;
	bool regular, exclusive;
	uint64_t bytes; /* in the file */
	struct buf out;
	size_t written;
	int failure; /* errno of the last write or sync, 0 when it worked */
	uint64_t retry_us; /* monotonic; when failing, not before */
	bool dirty;  /* written since the last sync */
	uint64_t synced_us; /* monotonic */
};

bool sink_open(struct sink *sink, const char *path, bool exclusive, struct error *err);

/*
 * Open a new and empty file, exclusively, and give it the name PATH in one step: whoever
 * opens PATH gets the old file or this one. On an error PATH is what it was.
 */
bool sink_open_anew(struct sink *sink, const char *path, struct error *err);
/* The group that may read it; -1 is left as it is. */
bool sink_give(struct sink *sink, gid_t group, struct error *err);
/* That of another file of the log. */
gid_t sink_group(const struct sink *sink);
/* Write what is in `out`; false when some of it stays. Waits for retry_us when failing. */
bool sink_flush(struct sink *sink, uint64_t now_us);
bool sink_sync(struct sink *sink, uint64_t now_us);
/* Is the file still found under its name? */
bool sink_in_place(const struct sink *sink);
/* Go on in another file: what is still to be written moves there in whole lines. */
void sink_move(struct sink *sink, struct sink *fresh);
void sink_close(struct sink *sink);

/* ---- record, parts, redact, tags, slow: rendering ---- */

/* Where a value stands in a rendered text, already escaped and without its quotes. */
struct span {
	uint32_t at, length;
};

struct audit_who {
	uint32_t length; /* of `bytes` */
	struct span session, user, database, application, address;
	int port;
	char bytes[]; /* the members from "client.address" to "db.system.name" */
};

/* One statement of a text: its members from "db.operation.name" to "relations". */
struct text_part {
	struct span members;
	struct span shown; /* what the slow log shows: the text, or its summary */
};

/*
 * The end of an outcome's text and the members from "decision" on; those of exception.used,
 * where an exception let something pass.
 */
void verdict_put(struct buf *out, const struct verdict *verdict);
void verdict_put_used(struct buf *out, const struct verdict *verdict);

/*
 * What the policies said: the quote that ends the outcome, and the members from "decision"
 * on. Behind them those of exception.used, if an exception let the text pass.
 */
struct audit_verdict {
	size_t length, used_length;
	struct policy_logged logged;
	bool break_glass; /* what it lets pass is recorded, or does not pass */
	struct audit_text_parts *text; /* owned: in the place of the statement's own; or NULL */
	char bytes[];
};

struct audit_text_parts {
	size_t count; /* at least 1 */
	const char *bytes; /* behind the parts, in the same memory */
	struct text_part parts[];
};

/* The members every record of a lane begins with. */
void record_begin(struct audit_lane *lane, const struct audit_settings *settings,
    struct buf *out, uint64_t wall_us, const char *event);
/* The members of a statement's record, rendered by the lane's thread. */
void record_put_statement(struct audit_lane *lane, const struct audit_settings *settings,
    struct buf *out, const struct audit_statement *statement);
/* The same of the exception.used that belongs to it; false when none does. */
bool record_put_exception(struct audit_lane *lane, const struct audit_settings *settings,
    struct buf *out, const struct audit_statement *statement);
bool record_has_exception(const struct audit_statement *statement);
/* Will there be a record of such a statement, if no policy refuses it? */
bool record_will_be(const struct audit_settings *settings, const struct sql_facts *facts,
    const struct audit_verdict *rendered);
/* Append `,"key":"text"`, or `,"key.b64":"…"` when it is not UTF-8. NULL: nothing. */
void record_put_text(struct buf *out, const char *key, const char *text, size_t length,
    struct span *value);
/* Render the slow log's line of a statement. */
void slow_render(struct buf *out, const struct audit_statement *statement);
/* The same for one with a plan: what stands in front of it, and what behind. */
void slow_render_around_plan(
    struct buf *out, struct buf *end, const struct audit_statement *statement);
void slow_put_plan(struct buf *out, const char *text, size_t length);

/* ---- plan: how many plans are taken, and what of one is shown ---- */

enum { PLANS_REMEMBERED = 256, PLAN_FINGERPRINT_SIZE = 32 };
/* In the audit, for all workers. */
struct plans {
	pthread_mutex_t lock;
	bool busy;		     /* one is under way */
	uint64_t hour_us;	     /* monotonic: when this hour began; 0: none has */
	int64_t in_hour;	     /* plans in it */
	uint64_t good, failed, skipped; /* since the start */
	struct plan_taken {
		char fingerprint[PLAN_FINGERPRINT_SIZE];
		uint64_t when_us; /* monotonic */
	} taken[PLANS_REMEMBERED];
};
/* May a plan of this fingerprint be taken now? It is under way then, until plans_done(). */
bool plans_take(struct plans *plans, const char *fingerprint, int64_t per_hour, uint64_t now_us);
void plans_done(struct plans *plans, bool good);
/* Append the text of a plan with `?` for its constants, which may be those of a view. */
void plan_hide_constants(struct buf *out, const char *text, size_t length);

enum redact_bodies { REDACT_KEEP_BODIES, REDACT_HIDE_BODIES };
/*
 * Copy a text without its comments and, if asked, without what stands between
 * dollar quotes. CUTS gets the offsets of top-level semicolons in the copy, uint32_t each.
 */
void redact_text(const char *text, size_t length, enum redact_bodies bodies, struct buf *out,
    struct buf *cuts);
/* May the raw text be shown, or does it hold a secret by its kind? */
bool redact_raw_is_safe(const char *text, size_t length, const struct sql_facts *facts);

/* Append `,"tags":{…},"trace.id":"…"` from a text's sqlcommenter comments, if any. */
void tags_render(struct buf *out, const char *text, size_t length);

static inline void
put_literal(struct buf *out, const char *text)
{
	buf_put(out, text, strlen(text)); /* inlined, so that the length is known when compiling */
}

const struct audit_settings *audit_settings(const struct audit *audit);

#endif
