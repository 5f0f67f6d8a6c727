/*
 * audit.h - one record for each thing that happened, and its own writer thread.
 *
 * A worker puts what happened into its own lane (a bounded ring, one producer, one
 * consumer, no lock) and goes on; the writer thread takes from all lanes, renders
 * the records, gives each its `seq`, `prev` and `mac`, and writes batches. Slow-log lines
 * travel the same way to their own file. A full lane or a failed write loses
 * records: they are counted, and an audit.gap record tells how many.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "config/config.h"
#include "policy/policy.h"
#include "sql/facts.h"

struct audit;	   /* the writer; one per process */
struct audit_lane; /* one per thread that records */

/*
 * What of a text goes into its records, rendered once and kept with the cached
 * facts. Opaque; owned by the caller. Index i is statement i of the text.
 */
struct audit_text_parts;

/* What the policies said of a text: rendered once for each ruling. Opaque; owned by the caller. */
struct audit_verdict;

/* Who: rendered once at log-in, kept with the client. Opaque; owned by the caller. */
struct audit_who;

struct audit_who_fields {
	const char *session;	    /* session id */
	const char *client_address; /* "[local]" for a unix socket */
	int client_port;	    /* 0 for a unix socket */
	const char *user, *role, *database, *application;
	const char *tls_protocol, *tls_subject; /* NULL: it speaks no TLS; it has shown no certificate */
};

/*
 * Start the writer and open the files the configuration names (none is fine).
 * `lanes` is how many threads will record. NULL with *err when a file cannot be opened
 * or its last record cannot be continued. The process must ignore SIGXFSZ and SIGPIPE:
 * a file at its size limit is an error to live with.
 */
struct audit *audit_start(const struct config *config, size_t lanes, struct error *err);
/* Write what is queued, the audit.stop record, sync, and end the thread. */
void audit_stop(struct audit *audit, const char *reason);
/* Lane i, for the thread that will use it; owned by the audit. */
struct audit_lane *audit_lane(struct audit *audit, size_t i);
/* A new configuration (reload): reopens the files when their names are gone or changed. */
bool audit_reload(struct audit *audit, const struct config *config, struct error *err);

/* A session id: unique, sortable by time. */
void audit_session_id(char id[16]);
struct audit_who *audit_who_new(const struct audit_who_fields *fields);
/*
 * `lane` is the one that was told of statements with it, which the writer may not have
 * rendered yet; NULL when there is none. The same holds for what follows.
 */
void audit_who_free(struct audit_lane *lane, struct audit_who *who);

/*
 * facts may be NULL (not parsed): then the length and SHA-256 of the text stand
 * for it, or the text itself when audit.text is raw.
 */
struct audit_text_parts *audit_text_parts_new(const struct config *config, const char *text,
    size_t length, const struct sql_facts *facts);
/* The same as with audit.text: raw, for what break_glass lets pass. */
struct audit_text_parts *audit_text_parts_raw(const struct config *config, const char *text,
    size_t length, const struct sql_facts *facts);
/*
 * What may be shown of a text elsewhere, under the same settings, without its literals and not
 * all of it when it is long. The caller frees it.
 */
char *audit_text_shown(const struct config *config, const struct sql_facts *facts);
void audit_text_parts_free(struct audit_lane *lane, struct audit_text_parts *parts);

struct audit_verdict *audit_verdict_new(const struct verdict *verdict);
/* Its records show this, which it owns from now on, in the place of the statement's text. */
void audit_verdict_take_text(struct audit_verdict *rendered, struct audit_text_parts *text);
void audit_verdict_free(struct audit_lane *lane, struct audit_verdict *rendered);

enum audit_outcome {
	AUDIT_OK,
	AUDIT_ERROR,
	AUDIT_DENIED_OUTCOME,
	AUDIT_UNKNOWN,
	AUDIT_INTENT, /* it is about to be sent; a second record follows */
};

/*
 * A statement was answered, refused, or its client or server died. All borrowed; who,
 * text and rendered until they are freed by the functions above, the rest for the call.
 */
struct audit_statement {
	const struct audit_who *who;
	const struct audit_text_parts *text; /* NULL: no text known (FunctionCall) */
	const struct sql_facts *facts;	     /* NULL: not parsed */
	size_t sub;			     /* which statement of the text */
	uint64_t txn;			     /* number of the transaction in the session */
	uint64_t stmt;			     /* number of the message in the session, from 1 */
	const char *sqlstate;		     /* of the answer; "00000" good */
	int64_t returned_rows, rows_affected; /* -1: does not apply */
	uint64_t bytes_in, bytes_out;
	uint64_t duration_us, queue_us;
	uint64_t wall_us; /* when the answer was complete */
	int server_pid;	  /* 0: none */
	const char *pin;  /* why the server stays with this client, or NULL */
	enum audit_outcome outcome;
	/* Both NULL: no policy applied. */
	const struct verdict *verdict;
	const struct audit_verdict *rendered; /* of the same verdict */
};

/*
 * Record it (unless audit.statements leaves it out), and the slow log's line if it was slow.
 * Returns what its answer must wait for, see audit_kept(); 0: for nothing.
 */
uint64_t audit_statement(struct audit_lane *lane, const struct audit_statement *statement);

/* The same, but the slow log's line is left to the caller: audit_slow() or audit_plan_begin(). */
struct audit_told {
	uint64_t position; /* as above */
	bool slow;
};
struct audit_told audit_tell(struct audit_lane *lane, const struct audit_statement *statement);
void audit_slow(struct audit_lane *lane, const struct audit_statement *statement);

/* ---- slow_log.plan ---- */

/* A line of the slow log that waits for its plan. Owned by who began it. */
struct audit_plan;
/* Is slow_log.plan on? */
bool audit_plans(const struct audit_lane *lane);
/*
 * May a plan be taken of this slow statement now? NULL: not, as there were enough, or one of
 * its fingerprint, in this hour, or one is under way; then its line is to be written as it is.
 */
struct audit_plan *audit_plan_begin(
    struct audit_lane *lane, const struct audit_statement *statement, uint64_t now_us);
/* Write the line, with the plan, or without where `text` is NULL, and free it. */
void audit_plan_end(
    struct audit_lane *lane, struct audit_plan *plan, const char *text, size_t length);

/* ---- audit.on_failure: refuse, audit.sync: each, break_glass ---- */

/* What has become of a record that an answer waits for. */
enum audit_fate {
	AUDIT_WAITS,  /* it is on its way */
	AUDIT_KEPT,   /* in the file, and with audit.sync: each on the disk; or it need not be */
	AUDIT_FAILED, /* it cannot be written now: do not answer */
};
/*
 * Is nothing that this verdict lets pass (NULL is fine) to go without its record, whatever
 * audit.on_failure says? It has break_glass then.
 */
bool audit_is_needed(const struct audit_verdict *rendered);
/* `needed`: of one of those records, at least. */
enum audit_fate audit_kept(const struct audit_lane *lane, uint64_t position, bool needed);
/* Can a statement of these facts (NULL: not known) begin, or could its record not be kept? */
bool audit_may_begin(struct audit_lane *lane, const struct sql_facts *facts,
    const struct audit_verdict *rendered);
/* A statement was refused because of that; told by the next audit.gap. */
void audit_refused(struct audit_lane *lane);
/* Must it have a record of outcome intent before it is sent? */
bool audit_wants_intent(const struct audit_lane *lane, const struct sql_facts *facts,
    const struct audit_verdict *rendered);
/*
 * Call `kept` on the writer's thread when audit_kept() may have changed, after audit_await()
 * has asked for it, once. NULL: no more; when this returns, no call is under way.
 */
void audit_watch(struct audit_lane *lane, void (*kept)(void *arg), void *arg);
void audit_await(struct audit_lane *lane);

/* session.start, session.end, session.fail. `reason` and `sqlstate` may be NULL. */
void audit_session(struct audit_lane *lane, const char *event, const struct audit_who *who,
    const char *reason, const char *sqlstate, uint64_t statements, uint64_t bytes_in,
    uint64_t bytes_out);
/* session.start or session.fail, with what the policies say of the first packet. */
void audit_session_judged(struct audit_lane *lane, const char *event,
    const struct audit_who *who, const char *reason, const char *sqlstate,
    const struct verdict *verdict);
/* cancel: origin is "client", "limit" or "console". */
void audit_cancel(struct audit_lane *lane, const struct audit_who *who, const char *origin);
/*
 * policy.load, policy.reject, config.change, console.command: `members` is JSON
 * members already rendered by json_put_member() (",\"name\":\"x\"…").
 */
void audit_event(struct audit_lane *lane, const char *event, const struct audit_who *who,
    const struct buf *members);

/* For SHOW AUDIT and readiness; callable from any thread. */
struct audit_status {
	bool enabled, healthy;
	uint64_t seq;	 /* last given */
	uint64_t lost;	 /* records, in all */
	uint64_t refused; /* statements, in all, whose record could not be kept */
	uint64_t queued; /* bytes waiting */
	uint64_t last_sync_us; /* wall clock; 0 never */
	char failure[200];
	/* Of the slow log: plans that came, that did not, that were not asked for. */
	uint64_t plans_taken, plans_failed, plans_skipped;
};
void audit_get_status(struct audit *audit, struct audit_status *status);
/* An admin has seen that the log was not whole at the start: it counts as healthy again. */
void audit_accept_break(struct audit *audit);

#endif
