/*
 * policy.h - facts in, verdict out.
 *
 * A set of policy files is loaded whole or not at all, and never changes
 * afterwards; it is shared by all threads and counted. Judging is pure.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/problems.h"
#include "base/text.h"
#include "config/config.h"
#include "policy/transaction.h"
#include "sql/facts.h"

/* Every policy file that one glob names, read at one moment. */
struct policies;

struct catalogs;

/* Who asks. All borrowed; the names never NULL ("" when not known). */
struct subject {
	const char *user;	 /* who logged in */
	const char *role;	 /* PostgreSQL role */
	const char *database;	 /* as the client names it */
	const char *application; /* a claim of the client */
	const char *client;	 /* address in text */
	struct catalogs *catalogs; /* what is known of databases; or NULL */
};

enum policy_action { POLICY_ALLOW, POLICY_LOG, POLICY_WARN, POLICY_DENY };
enum policy_mode { POLICY_MODE_OFF, POLICY_MODE_WARN, POLICY_MODE_ENFORCE };

/* 0 is "no limit". */
struct policy_limit {
	int64_t value; /* milliseconds, bytes or a count */
	const char *rule; /* where it came from (borrowed): NULL for the defaults … */
	const char *policy; /* … and for what no policy says */
	const char *ident;  /* of the policy: "name@sha256:8 hex digits" */
	const char *file;
	int line;
};

struct policy_limits {
	struct policy_limit statement_timeout;
	struct policy_limit message_timeout;
	struct policy_limit transaction_timeout;
	struct policy_limit idle_in_transaction_timeout;
	struct policy_limit lock_timeout;
	struct policy_limit max_rows;
	struct policy_limit max_bytes;
	struct policy_limit max_affected_rows;
	struct policy_limit max_concurrency;
	struct policy_limit rate; /* statements an hour: 500/s is 1800000 */
};

/* The limits by number. */
enum policy_limit_kind {
	POLICY_STATEMENT_TIMEOUT,
	POLICY_MESSAGE_TIMEOUT,
	POLICY_TRANSACTION_TIMEOUT,
	POLICY_IDLE_IN_TRANSACTION_TIMEOUT,
	POLICY_LOCK_TIMEOUT,
	POLICY_MAX_ROWS,
	POLICY_MAX_BYTES,
	POLICY_MAX_AFFECTED_ROWS,
	POLICY_MAX_CONCURRENCY,
	POLICY_RATE,
	POLICY_LIMIT_KINDS,
};
#define POLICY_LIMIT_BIT(kind) (1u << (kind))
/* Beside the others: there are limits in mode warn. */
#define POLICY_LIMITS_TRIED POLICY_LIMIT_BIT(POLICY_LIMIT_KINDS)
/* As a policy writes it. */
const char *policy_limit_name(enum policy_limit_kind kind);
/* "5s", "64MiB", "50000", "500/s". */
void policy_limit_text(enum policy_limit_kind kind, int64_t value, char out[TEXT_UNIT_SIZE]);
const struct policy_limit *policy_limit_of(
    const struct policy_limits *limits, enum policy_limit_kind kind);

/* What rules say of how the logs tell a statement. Zeroed: nothing. */
struct policy_logged {
	bool adds, takes;
	enum audit_statements at_least; /* `adds`: what is recorded whatever audit.statements says */
	enum audit_statements instead;	/* `takes`: what stands in the place of audit.statements */
	bool slow;
	bool slow_overrides; /* in the place of slow_log.threshold, not only if it is less */
	int64_t slow_ms;
};
/* What is recorded of a statement for which this is the setting. */
static inline enum audit_statements
policy_recorded(const struct policy_logged *logged, enum audit_statements setting)
{
	enum audit_statements base = logged->takes ? logged->instead : setting;

	return logged->adds && logged->at_least < base ? logged->at_least : base;
}
/* From which duration on it is slow, where this is the setting. */
static inline int64_t
policy_slow_ms(const struct policy_logged *logged, int64_t setting_ms)
{
	return logged->slow && (logged->slow_overrides || logged->slow_ms < setting_ms) ?
	    logged->slow_ms : setting_ms;
}

/*
 * What the policies say of one text for one subject. Strings marked (own) are
 * freed by verdict_free(); the others belong to the policies.
 */
struct verdict {
	enum policy_action action; /* POLICY_DENY only when it is to be refused */
	enum policy_mode mode;	   /* of the rule that decided, else of `policy`, else ENFORCE */
	bool would_deny;	   /* a rule in mode warn would have denied */
	unsigned limited;	   /* POLICY_LIMIT_BIT of each limit that is set; POLICY_LIMITS_TRIED */
	const char *rule;	   /* id of the rule that decided, or NULL */
	/* "name@sha256:8 hex digits" of the deciding policy, else of the first that applies, or NULL */
	const char *policy;
	const char *exception;	   /* ticket of the exception that lifted a rule, or NULL */
	const char *exception_rule, *exception_owner; /* of the same; NULL without one */
	const char *exception_reason; /* NULL without one */
	uint64_t exception_expires_us;
	bool break_glass; /* of the same: what it lets pass is recorded in full, or does not pass */
	const char *file;	   /* where the rule stands */
	int line;
	char sqlstate[6];
	char *message; /* (own) NULL when allowed */
	char *detail;  /* (own) or NULL */
	char *hint;    /* (own) or NULL */
	char *schema, *table; /* (own) of the object at fault, or NULL */
	size_t statement;     /* index of the statement at fault */
	int position;	      /* in the text, characters from 1; 0 when none */
	struct policy_limits limits;
	struct policy_limits *tried; /* (own) those in mode warn: told of, not enforced; or NULL */
	struct policy_logged logged;
	/* Of the catalogs, when a rule asked for one: it may say otherwise later. Else 0. */
	unsigned catalogs_generation;
	bool path_asked; /* it depends on the session's search_path */
};

/*
 * Load every file the glob names, in name order, and run their inline tests.
 * NULL when *problems got an error. "" or a glob that fits nothing is an empty set.
 * The caller has one reference. Tests are parsed on the caller's stack: 5 MiB of it.
 */
struct policies *policies_load(const char *glob, struct problems *problems);
/* Who says which files may load. Borrowed; lives as long as the call. */
struct policies_trust {
	/* False with *err: these are not the bytes that somebody trusted has signed. */
	bool (*holds)(void *arg, const char *file, const void *bytes, size_t length,
	    struct error *err);
	void *arg;
};
/* The same; with `trust` (or NULL) a file that is not trusted is a fault. */
struct policies *policies_load_trusted(
    const char *glob, const struct policies_trust *trust, struct problems *problems);
/* Are they of the same files with the same bytes? */
bool policies_are_same(const struct policies *a, const struct policies *b);
/* The same from one text, under a name for messages; for policies that a program brings. */
struct policies *policies_from_text(
    const char *name, const char *text, struct problems *problems);
struct policies *policies_reference(struct policies *policies);
void policies_release(struct policies *policies);
/* Differs for every load of this process: part of the verdict cache's key. */
uint32_t policies_generation(const struct policies *policies);
/* When they were loaded, by the wall's clock: for SHOW POLICIES. */
uint64_t policies_loaded_us(const struct policies *policies);
/* The largest text that is to be parsed for any policy, in bytes. */
size_t policies_text_cap(const struct policies *policies);
/* True when no policy can ever refuse or limit anything. */
bool policies_are_empty(const struct policies *policies);

/*
 * Does any rule look at the text itself (regex), or is it to be recorded as it stands
 * (break_glass), so that equal facts are not enough?
 */
bool policies_read_text(const struct policies *policies);

/* One loaded file, for SHOW POLICIES and the audit log. */
struct policy_info {
	const char *name, *owner, *file;
	char sha256[65];
	enum policy_mode mode;
	size_t rule_count;
};
size_t policies_count(const struct policies *policies);
/* Exceptions that were void already when they were read: for `pgweirctl check` and `test`. */
size_t policies_expired(const struct policies *policies);
/* One with break_glass that has not ended. Lives as long as the policies. */
struct policy_break_glass {
	const char *policy, *rule, *ticket, *owner, *reason;
	uint64_t expires_us;
};
void policies_each_break_glass(const struct policies *policies, uint64_t wall_us,
    void (*open)(void *arg, const struct policy_break_glass *glass), void *arg);
/* How many there are. */
size_t policies_break_glass_open(const struct policies *policies, uint64_t wall_us);
void policies_info(const struct policies *policies, size_t i, struct policy_info *info);

/*
 * Judge a text. `facts` is NULL when the text was not parsed (outcome says why,
 * err the parser's words). `wall_us` is the time for rules with a window.
 * The verdict is filled whole; free with verdict_free().
 */
void policies_judge(const struct policies *policies, const struct subject *subject,
    const char *text, size_t length, enum sql_outcome outcome, const struct sql_facts *facts,
    const struct error *err, uint64_t wall_us, struct verdict *verdict);
void verdict_free(struct verdict *verdict);
/* A copy with strings of its own; free it likewise. */
void verdict_copy(struct verdict *copy, const struct verdict *of);
/*
 * Would its limits be stricter with those of the other beside them, in mode warn or not?
 * `of_rules`: what a policy's defaults say is left out.
 */
bool verdict_is_tightened(
    const struct verdict *verdict, const struct verdict *by, bool of_rules);
/*
 * What the logs keep of an EXECUTE: more as soon as the rules of what stands under its name or
 * of its own text say so; less where both do, or where it only executes, the former alone.
 */
struct policy_logged policy_logged_of_execute(
    const struct verdict *of_name, const struct verdict *own, bool only_executes);
bool policy_logged_is_same(const struct policy_logged *a, const struct policy_logged *b);
/* The strictest of both is its limit from now on, each kind for itself. */
void verdict_tighten(struct verdict *verdict, const struct verdict *by, bool of_rules);

/* One rule that flags something. Lives as long as the call that tells of it. */
struct policy_finding {
	enum policy_action action; /* WARN or DENY */
	enum policy_mode mode;
	const char *rule, *policy, *file;
	int line;
	size_t offset; /* of the text, where what is flagged begins */
	char *detail, *hint; /* "" when there is nothing to say */
};

/* Where the session looks for bare names. */
struct policy_path {
	bool known;
	const char *set; /* the statement that set it; NULL: it is the role's default */
};
/*
 * Do bare names surely lead behind the statement, in its transaction, where they led before it?
 * A query that sets nothing, or the begin of a transaction or savepoint; if the functions that
 * it calls are all PostgreSQL's own, as the catalog of the database knows them.
 */
bool policy_is_quiet(const struct sql_statement *statement);
bool policy_calls_builtins(const struct sql_statement *statement, struct catalogs *catalogs,
    const char *database);

/* In what a text stands, for rules that ask. */
struct policy_script {
	const struct policy_transaction *transaction; /* before the text; or NULL */
	const struct policy_comments *comments; /* of the whole file; or NULL */
	bool in_block; /* a transaction is open; more statements than this are in it */
	bool is_file;  /* the text is of a file that is run as a whole */
	bool is_last;  /* and its end */
	/*
	 * It is no statement, but stands for a setting of a client's first packet: the rules of
	 * session-integrity alone are asked, and break_glass lifts none of them.
	 */
	bool is_startup;
	const struct policy_path *path; /* or NULL: not known */
	bool hides_rows; /* it runs where no command tag tells its rows: EXPLAIN ANALYZE EXECUTE */
};

/* The same, for a text within something larger. */
void policies_judge_in(const struct policies *policies, const struct subject *subject,
    const char *text, size_t length, enum sql_outcome outcome, const struct sql_facts *facts,
    const struct error *err, uint64_t wall_us, const struct policy_script *script,
    struct verdict *verdict);

/* Tell every rule that warns or denies, each place it flags first in its statement. */
void policies_find(const struct policies *policies, const struct subject *subject,
    const char *text, size_t length, enum sql_outcome outcome, const struct sql_facts *facts,
    uint64_t wall_us, const struct policy_script *script,
    void (*found)(void *arg, const struct policy_finding *finding), void *arg);

/*
 * The limits that hold for a subject before any statement is known (transaction
 * and idle-in-transaction timeouts).
 */
void policies_limits(const struct policies *policies, const struct subject *subject,
    uint64_t wall_us, struct policy_limits *limits);

/* The same of limits in mode warn; are there any, for anybody? */
void policies_tried_limits(const struct policies *policies, const struct subject *subject,
    uint64_t wall_us, struct policy_limits *limits);
bool policies_try_limits(const struct policies *policies);

/*
 * A statement_timeout that no statement of the subject may exceed, whichever rules it meets,
 * in milliseconds; 0: there is none.
 */
int64_t policies_loosest_statement_timeout(
    const struct policies *policies, const struct subject *subject);

/*
 * pgweirctl explain: the verdict, every rule that matched with file and line,
 * and the limits, as text. Returns the action. It parses: call it on a stack of
 * sql_stack_size(policies_text_cap()) bytes.
 */
enum policy_action policies_explain(const struct policies *policies,
    const struct subject *subject, const char *text, uint64_t wall_us, struct buf *out);

#endif
