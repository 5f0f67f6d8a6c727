/*
 * gate.h - what a text is, and what the policies say of it for whom.
 *
 * Each worker has a gate: a cache from texts to facts and from (facts, identity,
 * policy generation) to rulings. A text that was seen before costs one hash
 * and one compare. Long texts are parsed by parser threads.
 */
#ifndef SESSION_GATE_H
#define SESSION_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uthash.h>

#include "audit/audit.h"
#include "net/mailbox.h"
#include "policy/policy.h"
#include "sql/facts.h"

struct gate;
struct client;
struct clients;
struct parse_job;
struct quota;
struct audit_lane;
struct audit_verdict;

/* Who asks, as the policies see it. Counted; shared by equal clients of a worker. */
struct identity {
	UT_hash_handle hh;
	unsigned references;
	uint32_t id; /* never 0, never used twice on a worker */
	struct subject subject;
	char *key; /* ours; the subject's strings point into it */
	size_t key_length;
};

/* Longer texts are not parsed on the loop: 768 bytes of the worst take it some 3 ms. */
enum { GATE_INLINE_MOST = 768 };

enum { GATE_RULINGS = 4 }; /* rulings kept with a text, one an identity */

/* What the policies say of one text for one identity. Counted. */
struct ruling {
	unsigned references;
	uint32_t identity;
	struct policies *policies; /* referenced: the verdict points into it */
	uint64_t judged_us;
	uint64_t path_key; /* where bare names led, for a verdict that asked: path.h */
	struct verdict verdict;
	bool of_any; /* what it says holds for every text that has these facts */
	struct audit_lane *lane;	/* borrowed: records of it may wait there */
	struct audit_verdict *rendered; /* ours, for its records; NULL: there are no policies */
	struct quota *concurrency, *rate; /* borrowed; NULL without such a limit */
	struct quota *tried_concurrency, *tried_rate; /* the same of limits in mode warn */
};

/* A text and its facts. Counted; the cache holds one reference. */
struct judged {
	UT_hash_handle hh;
	TAILQ_ENTRY(judged) in_clock;
	unsigned references;
	struct judged **table; /* of the gate, while it is cached */
	bool cached, used;
	char *key; /* ours: the text, or its literal-blind shape */
	size_t key_length;
	char *text; /* ours: NUL-terminated */
	size_t length;
	enum sql_outcome outcome;
	struct sql_facts *facts; /* ours; NULL when not parsed */
	struct error err;	 /* why not */
	int position;
	unsigned residue; /* of all statements */
	bool discards;	  /* any of them takes away all that is prepared */
	bool executes;	  /* any of them is an EXECUTE */
	bool asks_sequence; /* any of them calls currval() or lastval(), or prepares what does */
	bool begins;	  /* any of them begins a transaction block, or may */
	bool misreads;	  /* it may change a setting that texts are parsed by: readings.h */
	bool edits;	  /* what goes to the server may have to be another text: rewrite.h */
	const char *reserved; /* borrowed from the facts: a name of ours that it uses, or NULL */
	struct audit_lane *lane; /* borrowed: records of it may wait there */
	struct audit_text_parts *parts;
	struct ruling *rulings[GATE_RULINGS];
	bool quiet;	  /* bare names lead behind it where they led before, if its functions are … */
	bool calm;	  /* … PostgreSQL's own, which they are … */
	const struct learned *calm_in; /* … in this database (borrowed: never looked into), … */
	unsigned calm_generation;      /* … as its catalog was then: path.c */
	const struct learned *trusted_by; /* borrowed: knows that its functions are harmless, … */
	uint64_t trusted_generation;	  /* … unless this changed */
	struct query_stats *stats;	  /* borrowed: what it costs, … */
	uint32_t stats_generation;	  /* … unless that is another text's by now */
};

struct gate *gate_new(struct clients *clients);
void gate_free(struct gate *gate);
/* After a reload of the configuration: texts are rendered anew for the records. */
void gate_forget(struct gate *gate);

/* The identity for these names; referenced. */
struct identity *gate_identity(struct gate *gate, const struct subject *subject);
void identity_release(struct gate *gate, struct identity *identity);

/*
 * The facts of a text; referenced. NULL: a parser thread has it, the client's
 * state is to be JUDGING, and gate_judged() will be called for it.
 */
struct judged *gate_judge(
    struct gate *gate, struct client *client, const char *text, size_t length);
/* The same of a text that is short by its making, and no statement's: always now. */
struct judged *gate_judge_now(struct gate *gate, const char *text, size_t length);
/* The facts of a FunctionCall message; referenced. */
struct judged *gate_judge_call(struct gate *gate);
/* The facts of what is asked of a walsender; referenced, and remembered nowhere. */
struct judged *gate_judge_replication(
    struct gate *gate, const char *verb, const char *text, size_t length);
/* The ruling for a client under the policies now in force; referenced. */
struct ruling *gate_rule(
    struct gate *gate, struct judged *judged, const struct client *client);
/* The same within a transaction that has done something to objects; never remembered. */
struct ruling *gate_rule_within(
    struct gate *gate, const struct judged *judged, const struct client *client);
/* The same of what runs where no command tag tells how many rows it changes. */
struct ruling *gate_rule_hidden(
    struct gate *gate, const struct judged *judged, const struct client *client);
/* The client of a parse under way is going. */
void gate_abandon(struct parse_job *job);
/* client.c: the parse is done; the reference is given. */
void gate_answered(struct client *client, struct judged *judged);

/* Does it take away all prepared statements of the session: DISCARD ALL, DEALLOCATE ALL? */
bool statement_discards(const struct sql_statement *statement);

/* The name that an EXECUTE runs; NULL for every other statement. */
const char *statement_executed(const struct sql_statement *statement);

struct judged *judged_reference(struct judged *judged);
void judged_release(struct judged *judged); /* NULL is fine */
/* Does it begin a transaction with its first statement? */
bool judged_begins(const struct judged *judged);
/*
 * Ask the policies. `doings` is NULL for a text by itself; `hides_rows`: no command tag tells
 * how many rows it changes; `of_shape`: the ruling is for
 * every text of the judged one's shape.
 */
struct ruling *ruling_new(const struct judged *judged, const struct client *client,
    const struct policy_transaction *doings, bool hides_rows, bool of_shape);
/*
 * A refusal by a rule that the session layer itself keeps, where the policy of this ruling
 * applies. Takes `detail`.
 */
struct ruling *ruling_of_rule(
    const struct ruling *of, const char *rule, char *detail, const char *hint);
/*
 * What the first one says, under the stricter limits of both; `of_rules`: the other's defaults
 * are left out; logged as `logged` says. Of the same policies and the same identity, and
 * nothing of break_glass.
 */
struct ruling *ruling_tightened(struct clients *clients, const struct ruling *of,
    const struct ruling *by, bool of_rules, const struct policy_logged *logged,
    const struct identity *identity);
struct ruling *ruling_reference(struct ruling *ruling);
void ruling_release(struct ruling *ruling); /* NULL is fine */

#endif
