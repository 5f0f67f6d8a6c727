/*
 * policy_internal.h - what a loaded policy is made of. Seen by src/policy only.
 *
 * A policy keeps the YAML tree it was read from: patterns, names and messages
 * are borrowed from it and live as long as the policy. Nothing here changes
 * after the load, so any thread may judge.
 */
#ifndef POLICY_INTERNAL_H
#define POLICY_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/problems.h"
#include "config/yaml.h"
#include "policy/catalog.h"
#include "policy/catalogs.h"
#include "policy/policy.h"
#include "policy/transaction.h"
#include "sql/facts.h"

struct pcre2_real_code_8;

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* What rules are matched against. Borrowed, on the judge's stack. */
struct asked {
	const struct subject *subject;
	const char *text;
	size_t length;
	uint64_t wall_us;
	const struct sql_facts *facts;		/* NULL: the text was not parsed */
	const struct sql_statement *statement;	/* NULL: not parsed, or an empty query */
	const struct policy *policy;		/* whose rules are asked */
	const struct rule *rule;		/* and which of them */
	const struct run *run;
	const struct policy_comments *comments; /* of the file; or NULL */
	const struct policy_transaction *transaction; /* before the statement; or NULL */
	struct known *known; /* of the database; or NULL */
	bool in_block;	/* the statement is not alone in its transaction */
	bool script;	/* of a file, by `pgweirctl lint` */
	bool last;	/* the file ends with it */
	bool counting;	/* only the limits are wanted */
};

/* ---- transaction.c: what the open transaction has done ---- */

enum noted_kind {
	NOTED_SAVEPOINT,
	NOTED_CREATED,	 /* a relation or index: it is new */
	NOTED_DROPPED,	 /* a table */
	NOTED_ALTERED,	 /* a table */
	NOTED_LOCKED,	 /* ACCESS EXCLUSIVE, and it was there before */
	NOTED_NOT_VALID, /* the constraint `part` of it */
	NOTED_UNCOMMENTED, /* a table that was made, and has no comment yet */
};

struct noted {
	enum noted_kind kind;
	bool temporary;
	char *schema, *name, *part;
};

enum { NOTED_MOST = 64 };

/* See include/policy/transaction.h. */
struct policy_transaction {
	bool borrows; /* the names are those of facts that live longer */
	bool open;
	bool lock_timeout, statement_timeout; /* set in it, or before */
	unsigned count;
	struct noted items[NOTED_MOST];
};

/*
 * How far rules look around an act for another one of its statement: a bound on what a text
 * of thousands of them costs.
 */
enum { ACTS_NEAR = 128 };

/* All take NULL for "nothing is known". */
const struct noted *transaction_find(const struct policy_transaction *transaction,
    enum noted_kind kind, const char *schema, const char *name);
bool transaction_has(const struct policy_transaction *transaction, enum noted_kind kind);
/* Can more be noted? */
bool transaction_has_room(const struct policy_transaction *transaction);
/* Was it made in this transaction? `for_good`: data may be lost if it was not. */
bool transaction_is_new(const struct policy_transaction *transaction, const char *schema,
    const char *name, bool for_good);
/* Does VALIDATE CONSTRAINT follow the ADD … NOT VALID of the same transaction? */
/* Was a table dropped that may have had this name? */
bool transaction_dropped(
    const struct policy_transaction *transaction, const char *schema, const char *name);
bool transaction_validates_own(
    const struct policy_transaction *transaction, const struct sql_act *act);

/* ---- zone.c: what the clock on the wall shows in a place ---- */

struct zone;
/* "UTC", "+02:00" or a name of the system's zone database. NULL with *err set. */
struct zone *zone_open(const char *name, struct error *err);
void zone_close(struct zone *zone);
/* Seconds to add to UTC at that moment. */
int zone_offset_s(const struct zone *zone, int64_t utc_s);

/* ---- window.c: "Mon-Fri 07:00-19:00 Europe/Berlin" ---- */

/* Owned by its pattern. */
struct window {
	unsigned days; /* bit 0 is Monday */
	int from_min, to_min; /* minutes of the day; to < from runs past midnight */
	struct zone *zone;
};
bool window_read(const char *text, struct window *window, struct error *err);
void window_close(struct window *window);
bool window_holds(const struct window *window, uint64_t wall_us);

/* ---- pattern.c: one pattern of a match ---- */

/* An address range; `local` stands for every client without an address. */
struct network {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;
	bool local;
};

/* One pattern; which members hold depends on the key it stands under. */
struct pattern {
	const struct yaml *at; /* where it is written; a set's item for "@set" */
	const char *text;      /* borrowed from the tree */
	char *schema, *name;   /* relations, functions: schema NULL means any; tags: value, key */
	char *column;	       /* columns: of the relation `name`, if that is not NULL */
	unsigned bits;	       /* class, where */
	struct network network;
	struct window window;
	struct pcre2_real_code_8 *regex;
};

/* A zeroed one is empty. */
struct pattern_list {
	struct pattern *items;
	size_t count;
};

/* Read one pattern of a kind from its text; on failure *err says why. */
bool pattern_read_glob(struct pattern *pattern, struct error *err);
bool pattern_read_relation(struct pattern *pattern, struct error *err);
bool pattern_read_network(struct pattern *pattern, struct error *err);
bool pattern_read_window(struct pattern *pattern, struct error *err);
bool pattern_read_class(struct pattern *pattern, struct error *err);
bool pattern_read_verb(struct pattern *pattern, struct error *err);
bool pattern_read_where(struct pattern *pattern, struct error *err);
bool pattern_read_fingerprint(struct pattern *pattern, struct error *err);
bool pattern_read_regex(struct pattern *pattern, struct error *err);
bool pattern_read_column(struct pattern *pattern, struct error *err);
bool pattern_read_limit(struct pattern *pattern, struct error *err);
bool pattern_read_flag(struct pattern *pattern, struct error *err);
bool pattern_read_name(struct pattern *pattern, struct error *err); /* a whole name */
bool pattern_read_tag(struct pattern *pattern, struct error *err);	/* tag.c */
bool pattern_fits_tag(const struct pattern *pattern, const char *text, size_t length);
void pattern_list_free(struct pattern_list *list);

/*
 * Does a relation fit? Without `sure`, a name without schema fits a pattern of
 * any schema (a refusal must not be dodged through search_path). With it, only
 * a pattern that leaves the schema open (a permission must not be got by it).
 */
bool pattern_fits_relation(
    const struct pattern *pattern, const char *schema, const char *name, bool sure);
bool pattern_fits_network(const struct pattern *pattern, const char *client);
/* True also when matching ran into its limit: regex can only make a verdict stricter. */
bool pattern_fits_regex(const struct pattern *pattern, const char *text, size_t length);

/* False also when matching ran into its limit. */
bool pattern_fits_name(const struct pattern *pattern, const char *name);

/* ---- match_keys.c: what a rule can ask for ---- */

enum match_key {
	MATCH_USER,
	MATCH_ROLE,
	MATCH_DATABASE,
	MATCH_APPLICATION,
	MATCH_CLIENT,
	MATCH_WITHIN,
	MATCH_OUTSIDE,
	MATCH_FINGERPRINT,
	MATCH_REGEX,
	MATCH_CLASS,
	MATCH_VERB,
	MATCH_READ,
	MATCH_WRITE,
	MATCH_DDL,
	MATCH_FUNCTION,
	MATCH_WHERE,
	MATCH_COLUMN,
	MATCH_LIMIT,
	MATCH_SELECT_STAR,
	MATCH_TAG,
	MATCH_KEYS,
};
#define MATCH_BIT(key) (1u << (key))
/* Keys that are answered by who asks and when; the rest need the text or its facts. */
#define MATCH_SUBJECT_KEYS (MATCH_BIT(MATCH_FINGERPRINT) - 1)
/* Keys that look at the text itself. */
#define MATCH_TEXT_KEYS (MATCH_BIT(MATCH_REGEX) | MATCH_BIT(MATCH_TAG))
/* Keys that need a parsed text. */
#define MATCH_FACT_KEYS                                                                     \
	((MATCH_BIT(MATCH_KEYS) - 1) & ~(MATCH_SUBJECT_KEYS | MATCH_TEXT_KEYS))
/* What a client says of itself, or mere text: never a reason to allow. */
#define MATCH_CLAIM_KEYS (MATCH_BIT(MATCH_APPLICATION) | MATCH_TEXT_KEYS)

/* One key: how its patterns are read, which elements it is asked of. */
struct match_key_info {
	const char *name;
	const char *under; /* the map the key stands in, or NULL */
	bool (*read)(struct pattern *pattern, struct error *err);
	/* Elements are numbered from 0; some of them may not be there. */
	size_t (*count)(const struct asked *asked);
	bool (*there)(const struct asked *asked, size_t element);
	/* `sure`: unknown must not count as fitting. */
	bool (*fits)(const struct pattern *pattern, const struct asked *asked, size_t element,
	    bool sure);
};

extern const struct match_key_info match_keys[MATCH_KEYS];

/* ---- match_read.c: reading a match ---- */

/* Owned by its rule or exception. */
struct match {
	unsigned keys; /* MATCH_BIT() of those given */
	struct pattern_list lists[MATCH_KEYS];
	struct match *not; /* or NULL */
};

/* What reading a file needs at hand. On the loader's stack. */
struct reader {
	struct problems *problems;
	const struct yaml *sets; /* or NULL */
	uint64_t now_us;
};

/* Read a match; NULL after a problem was noted. `what` names the rule in messages. */
struct match *match_read(struct reader *reader, const struct yaml *node, const char *what);
void match_free(struct match *match);
/* Read a value or a list of them as the patterns of a key. */
bool match_read_list(struct reader *reader, const struct yaml *node, enum match_key key,
    const char *what, struct pattern_list *list);
/* A reason why the match can never fit anything, or NULL. *at is where. */
char *match_contradiction(const struct match *match, const struct yaml **at);

/* ---- match.c: all keys of a match together ---- */

bool match_has_key(const struct match *match, enum match_key key);
/* All keys a match uses, `not` included. */
unsigned match_all_keys(const struct match *match);
/* Is there something in the statement that fits the whole match? */
bool match_fits(const struct match *match, const struct asked *asked);
/* Does everything in the statement fit? For what lifts a rule. */
bool match_covers(const struct match *match, const struct asked *asked);
/* Does any pattern of the list fit the text? True for an empty list. */
bool match_names_fit(const struct pattern_list *list, const char *text);
/*
 * Does an allow with this match (NULL: no condition) carry the class, or this access
 * to a relation of the statement?
 */
bool match_allows_class(
    const struct match *match, const struct asked *asked, unsigned class_bit);
bool match_allows_relation(const struct match *match, const struct asked *asked,
    size_t relation, enum sql_access access);

/* ---- type.c ---- */

/* PostgreSQL's name of a type, "int8" of "bigint"; else what is written. */
const char *type_kept_name(const char *written);
/* Does a type of that name fit, as it is written or as what it becomes (serial, int4)? */
bool type_fits(const char *pattern, const char *type);

/* ---- given.c: what a rule of the file gives to the built-in one ---- */

enum given_kind {
	GIVEN_NOTHING,
	GIVEN_NAMES,
	GIVEN_REQUIRED,
	GIVEN_TYPES,
	GIVEN_EXTENSIONS,
	GIVEN_ROWS,
};
enum given_list {
	GIVEN_TABLES,
	GIVEN_COLUMNS,
	GIVEN_INDEXES,
	GIVEN_CONSTRAINTS,
	GIVEN_VIEWS,
	GIVEN_SEQUENCES,
	GIVEN_SCHEMAS,
	GIVEN_FUNCTIONS,
	GIVEN_ALLOWED,
	GIVEN_FORBIDDEN,
	GIVEN_LISTS,
};

/* Owned by its rule. */
struct given {
	struct pattern_list lists[GIVEN_LISTS];
	int64_t rows;
};

bool given_is_key(const char *name);
/* Read the keys of the rule that are for its built-in one; faults are noted. */
void given_read(struct reader *reader, const struct yaml *node, struct rule *rule);
void given_free(struct given *given);
/* Of the rule that is asked; what it does not give is `otherwise`, an empty list. */
int64_t given_rows(const struct asked *asked, int64_t otherwise);
const struct pattern_list *given_list(const struct asked *asked, enum given_list list);
/* ---- path.c: where bare names lead ---- */

/* The schema of the relation to which the session's search_path leads; NULL when not known. */
const char *path_leads_to(const struct asked *asked, const char *name);

/* ---- known.c: what is known of the database, for rules that ask ---- */

/* Of one judgement, on the stack of judge_text(). The catalog is taken when it is asked for. */
struct known {
	struct catalogs *catalogs; /* borrowed; or NULL */
	const char *database;
	bool asked;
	bool path_asked; /* where a bare name leads */
	unsigned generation;
	struct catalog *catalog; /* referenced; or NULL */
	const struct sql_statement *path_of; /* whose names `schemas` is for: path.c */
	struct path_schemas *schemas;	     /* ours; NULL: not known */
	const struct sql_facts *quiet_of;    /* of these so many statements, from the first, … */
	size_t quiet;			     /* … lead names nowhere else */
};
void known_release(struct known *known);

/* NULL or 0: nothing is known, and a rule says what it says of any database. */
const struct catalog *known_catalog(const struct asked *asked);
int known_version(const struct asked *asked);
/* The relation as it is when the statement begins; NULL also when it was changed meanwhile. */
const struct catalog_relation *known_relation(
    const struct asked *asked, const char *schema, const char *name);
/* About how many rows an act is about, or the largest relation of the statement; -1: not known. */
int64_t known_rows(const struct asked *asked, const struct sql_act *act);
/* Is it sure that the column has no NULL, and does PostgreSQL see that without a scan? */
bool known_not_null(const struct asked *asked, const struct catalog_relation *relation,
    const char *column);
/* Is there an index whose first columns are these, in any order? */
bool known_index(
    const struct catalog_relation *relation, const char *const *columns, size_t count);
/* Is there a unique index over plain columns and all rows? */
bool known_unique(const struct catalog_relation *relation);

/* What is known of a CHECK that spares ATTACH PARTITION its scan. */
enum known_check { KNOWN_CHECK_UNSURE, KNOWN_CHECK_MISSING, KNOWN_CHECK_THERE };
enum known_check known_attach_check(const struct asked *asked, const struct sql_act *act);

/* ---- coerce.c ---- */

/* Does ALTER COLUMN … TYPE leave rows, indexes and constraints as they are? */
bool coerce_is_free(const struct asked *asked, const struct sql_act *act);

/* ---- builtin.c: the tables of built-in rules ---- */

/* One built-in rule. It flags an act of one of its kinds that has and lacks those flags. */
struct builtin {
	const char *id;
	const char *pack;
	enum policy_action action; /* when the policy does not say */
	const char *sqlstate; /* of a refusal; NULL: 42501 */
	/*
	 * X: not for what the same transaction made. Z: what it costs depends on the size, so
	 * that large_table has a say. Others are told to readers only.
	 */
	const char *needs;
	const char *aliases; /* words, or NULL */
	unsigned kinds;	     /* KIND() of acts; 0: the statement as a whole is asked */
	unsigned with, without;
	/* NULL: kinds and flags suffice. Without kinds, `act` is an empty one. */
	bool (*test)(const struct asked *asked, const struct sql_act *act);
	/* DETAIL: what it does to whom. HINT: the safe way. See told.c for what is put in. */
	const char *why, *safe;
	/* Instead of them, where words must be chosen. */
	void (*put_why)(const struct asked *asked, const struct sql_act *act, struct buf *out);
	void (*put_safe)(const struct asked *asked, const struct sql_act *act, struct buf *out);
	bool always; /* in force unless the policy speaks of it */
	bool by_name; /* its pack's name does not bring it */
	enum given_kind given;
	/* True: what it flags may be harmless, so without an action of the policy's it warns. */
	bool (*unsure)(const struct asked *asked, const struct sql_act *act);
};

#define KIND(kind) (1u << (kind))

/* The rules of one pack, in the order in which denies are reported. */
struct builtin_pack {
	const char *name;
	const struct builtin *rows;
	const size_t *count;
};

extern const struct builtin rules_unsafe_ddl[], rules_destructive_ddl[], rules_hygiene[],
    rules_house[], rules_dml_safety[], rules_server_access[], rules_session_integrity[];
extern const size_t rules_unsafe_ddl_count, rules_destructive_ddl_count, rules_hygiene_count,
    rules_house_count, rules_dml_safety_count, rules_server_access_count,
    rules_session_integrity_count;

/* How many rules there are, and each by its number. */
size_t builtin_count(void);
const struct builtin *builtin_at(size_t i);
/* Does the rule flag the statement at hand? *act is the act at fault, or an empty one. */
bool builtin_flags(const struct builtin *builtin, const struct asked *asked,
    const struct sql_act **act);
/* The same, but of acts on relations with fewer rows only if there is no other. */
bool builtin_flags_large(const struct builtin *builtin, const struct asked *asked,
    int64_t large_rows, const struct sql_act **act);
/* Does what it costs depend on the size of a table? */
bool builtin_minds_size(const struct builtin *builtin);
/* Is the rule decided by defaults or by the session layer, with nothing to ask here? */
bool builtin_is_elsewhere(const char *name);
/* Is `name` its id, its pack or one of its aliases? */
bool builtin_answers_to(const struct builtin *builtin, const char *name);
/* The pack of that name, or NULL. */
const struct builtin_pack *builtin_pack(const char *name);
/* The nearest name that can follow `use:`, or NULL. */
const char *builtin_nearest(const char *name);
/* The relation a verdict names: what is changed before what is read; NULL without any. */
const struct sql_relation *builtin_object(const struct sql_statement *statement);

/* ---- told.c: DETAIL and HINT of a built-in rule ---- */

void told_why(const struct builtin *builtin, const struct asked *asked,
    const struct sql_act *act, struct buf *out);
void told_safe(const struct builtin *builtin, const struct asked *asked,
    const struct sql_act *act, struct buf *out);
/* The first relation with this access, or NULL. */
const struct sql_relation *told_target(
    const struct sql_statement *statement, enum sql_access access);
/* Hints name that many objects one by one, so that a list of thousands costs nobody milliseconds. */
enum { TOLD_OBJECTS_MOST = 20 };
/* It, and how many more, in the words of a sentence. */
void told_object(struct buf *out, const struct sql_statement *statement,
    enum sql_access access, const char *otherwise);

/* ---- name.c: names in DETAIL and HINT ---- */

/* As SQL: quoted where it must be. */
void name_put(struct buf *out, const char *name);
void name_put_relation(struct buf *out, const struct sql_relation *relation);
/* A name with something added, still at most 63 bytes. */
void name_put_with_suffix(struct buf *out, const char *name, const char *suffix);
/* As PostgreSQL's messages name it: "schema.name" in double quotes. */
void name_put_prose(struct buf *out, const struct sql_relation *relation);

/* ---- limits.c ---- */

/* Limits as written in a rule or in defaults. */
struct limits_spec {
	struct limit_spec {
		bool set;
		int64_t value; /* 0 is none */
		int line;
	} items[POLICY_LIMIT_KINDS];
};

struct policy;
struct rule;
bool limits_read(struct reader *reader, const struct yaml *node, const char *what,
    struct limits_spec *spec);

/* The limits of one policy for one statement, while rules are gone through. */
struct limits_merge {
	struct policy_limit items[POLICY_LIMIT_KINDS];
	bool set[POLICY_LIMIT_KINDS];
	bool overrides[POLICY_LIMIT_KINDS]; /* a rule that names a role or user spoke */
};
void limits_merge_rule(
    struct limits_merge *merge, const struct policy *policy, const struct rule *rule);
/* Add the defaults (if so asked) where no rule overrides them, and keep the strictest in *limits. */
void limits_merge_end(const struct limits_merge *merge, const struct policy *policy,
    bool with_defaults, struct policy_limits *limits);
/* POLICY_LIMIT_BIT of each that is set. */
unsigned limits_set(const struct policy_limits *limits);
/* Take over what is stricter in `by`; with `of_rules` only what a rule has set. True if anything was. */
bool limits_tighten(
    struct policy_limits *limits, const struct policy_limits *by, bool of_rules);

/* ---- rule.c ---- */

/* One rule of a policy. Owned by it. */
struct rule {
	const char *id; /* borrowed from the tree or the table */
	const struct yaml *at;
	int line;
	enum policy_action action;
	enum policy_mode mode;
	bool mode_given, action_given;
	int64_t large_rows; /* large_table: on fewer rows a deny is a warning; 0: always one */
	const struct builtin *builtin; /* NULL for a rule with a match of its own */
	struct match *match;	       /* NULL: every statement */
	struct given *given;	       /* or NULL */
	const char *message, *hint;    /* or NULL */
	struct limits_spec limits;
	bool has_limits;
	bool names_subject; /* its limits override defaults */
	struct policy_logged logged;
};

/* Suspends one rule for what it covers, until it expires. Owned by its policy. */
struct exception {
	const char *rule; /* id */
	const char *ticket, *owner, *reason; /* reason: NULL without one, never with break_glass */
	bool break_glass; /* nothing passes by it without being recorded in full */
	struct match *match;
	uint64_t expires_us;
	int line;
};

/* ---- candidates.c: the rules that can match a subject at all ---- */

enum { CANDIDATE_KEYS = 3 }; /* user, role, database */

/* A rule that asks for this very name. */
struct named_rule {
	unsigned key;
	const char *name;
	size_t rule; /* its number in the policy */
};

struct policy;
/* On the judge's stack. */
struct candidates {
	const struct policy *policy;
	const char *names[CANDIDATE_KEYS];
	size_t at[CANDIDATE_KEYS];
	size_t anyone;
};

/* Sort the rules of a policy that has been read; free what that made. */
void candidates_make(struct policy *policy);
void candidates_free(struct policy *policy);
void candidates_begin(struct candidates *candidates, const struct policy *policy,
    const struct subject *subject);
/* Each rule once, those for everybody in their order first; NULL at the end. */
const struct rule *candidates_next(struct candidates *candidates);

enum oversize_action { OVERSIZE_DENY, OVERSIZE_ALLOW_LOG, OVERSIZE_ALLOW_INSERT_ONLY };

/* One loaded file. Owned by its set. */
struct policy {
	char *file;
	char *ident; /* "name@sha256:8 hex digits" */
	char sha256[65];
	const char *name, *owner, *revision; /* borrowed from the tree; "" when not given */
	struct yaml *tree;
	enum policy_mode mode;
	struct pattern_list databases, users, roles; /* applies_to; empty is everything */
	struct pattern_list client_settings;	     /* empty: any */
	bool unparseable_denies;
	enum oversize_action oversize_action;
	size_t oversize_above;
	bool otherwise_denies;
	/* Findings that no rule of the file makes, so that all are reported alike. */
	struct rule unparseable, oversize, otherwise;
	struct limits_spec limits;
	bool any_logged; /* does a rule say something of the logs? */
	bool tries_limits; /* are there limits in mode warn? */
	struct rule *rules;
	size_t rule_count;
	size_t implied_count; /* of them, at the end: those in force by themselves */
	/* By whom they can match, for candidates.c: sorted, and the numbers of the others. */
	struct named_rule *named;
	size_t named_count;
	size_t *anyones;
	size_t anyone_count;
	struct exception *exceptions;
	size_t exception_count;
	size_t expired_count; /* of them, when the file was read */
	bool breaks_glass;    /* one of the others has break_glass */
};

struct policies {
	atomic_uint references;
	uint32_t generation;
	uint64_t loaded_us; /* wall clock */
	struct policy **items;
	size_t count;
};

/* Read one policy from its text; NULL after problems were noted. */
struct policy *policy_read(
    const char *file, const char *text, size_t length, struct problems *problems);
void policy_free(struct policy *policy);

bool rules_read(struct reader *reader, const struct yaml *node, struct policy *policy);
/*
 * Note rules that can never fire because of one another or of the file, and drop those of a
 * pack that the file names by themselves; after rules_read().
 */
void rules_check(struct reader *reader, struct policy *policy);
/* Add the built-in rules that are in force by themselves; after rules_check(). */
void rules_imply(struct policy *policy);
void rule_free(struct rule *rule);
const char *rule_action_name(enum policy_action action);
const char *rule_mode_name(enum policy_mode mode);
/* Does the id stand for what `defaults` decide? */
bool rule_id_is_reserved(const char *id);

/* ---- logged.c: what a rule says of the logs ---- */

/* Read `audit` and `slow_log` of a rule, the rest of which was read. */
void logged_read(struct reader *reader, const struct yaml *node, struct rule *rule);
/* Add what the rules of a policy say. */
struct run;
void logged_judge(struct run *run, const struct policy *policy);
void logged_explain(struct buf *out, const struct policy_logged *logged);
/* What was refused, warned about, logged or let pass by an exception, no rule takes away. */
void logged_end(struct verdict *verdict);

/* ---- exception.c ---- */

bool exceptions_read(struct reader *reader, const struct yaml *node, struct policy *policy);
/* The exception that lifts the rule for this statement now, or NULL. */
const struct exception *exception_for(
    const struct policy *policy, const struct rule *rule, const struct asked *asked);

/* ---- selftest.c: the tests in the file ---- */

/* Check the shape of `tests`, and run them when `run` is set. */
void selftests_read(
    struct reader *reader, const struct yaml *node, const struct policy *policy, bool run);

/* ---- fields.c: reading maps ---- */

/* A key a map may have. */
struct field {
	const char *name;
};
bool fields_check(struct reader *reader, const struct yaml *node, const char *what,
    const struct field *fields, size_t count);
/* A text; NULL when missing (a problem when `needed`) or not a value. */
const char *field_text(
    struct reader *reader, const struct yaml *map, const char *key, bool needed);
/* One of the names, as its place in the list; -1 after a problem, `fallback` when missing. */
int field_choice(struct reader *reader, const struct yaml *map, const char *key,
    const char *const *names, size_t count, int fallback);
/* "2027-01-31T00:00:00Z", or with an offset. */
bool field_moment(const char *text, uint64_t *wall_us);
/* Note `text` as unknown, with the nearest of the names. */
bool field_unknown(struct reader *reader, const struct yaml *at, const char *kind,
    const char *text, const char *const *names, size_t count);
extern const char *const rule_action_names[4];
extern const char *const rule_mode_names[3];

/* ---- judge.c ---- */

/* How a judgement goes, and who watches. */
struct judging {
	bool trial; /* a test of the file: every rule not off counts as enforced */
	/* Called for each rule that matched; `lifted` when an exception suspends it. */
	void (*seen)(void *arg, const struct policy *policy, const struct rule *rule,
	    enum policy_action action, size_t statement, const struct asked *asked,
	    const struct sql_act *act, const struct exception *lifted);
	void *arg;
};

/* What is to be judged. Borrowed, on the caller's stack. */
struct question {
	const struct subject *subject;
	const char *text;
	size_t length;
	enum sql_outcome outcome;
	const struct sql_facts *facts;
	const struct error *err;
	uint64_t wall_us;
	const struct policy_script *script; /* or NULL */
};
/* Facts are taken for known only where the outcome says so; err and script may be NULL. */
struct question judge_question(const struct subject *subject, const char *text, size_t length,
    enum sql_outcome outcome, const struct sql_facts *facts, const struct error *err,
    uint64_t wall_us, const struct policy_script *script);

/* What is asked for and no allow carries. */
struct gap {
	unsigned class_bit; /* or 0 */
	const struct sql_relation *relation;
	enum sql_access access;
};

/* A rule that spoke. */
struct finding {
	const struct policy *policy;
	const struct rule *rule;
	size_t statement;
	const struct sql_act *act; /* of a built-in rule: what it flags */
	enum policy_action action; /* after the mode */
	int64_t small_rows; /* not refused because the table has only these; -1: not so */
	enum policy_mode mode;
};

/* One judgement. On the stack of judge_text(). */
struct run {
	const struct question *question;
	const struct judging *judging;
	struct verdict *verdict;
	struct asked asked;
	struct known known;
	struct finding best; /* rule NULL: nobody spoke yet */
	const struct policy *const *policies; /* all of them, borrowed */
	size_t count;
};

void judge_text(const struct policy *const *policies, size_t count,
    const struct question *question, const struct judging *judging, struct verdict *verdict);
/* Turn to a statement of the facts at hand; none when there is no such one. */
void judge_set_statement(struct asked *asked, size_t i);
/* The statements to go through: at least once, for rules that need no statement. */
size_t judge_turns(const struct asked *asked);
/* In which mode the rule is judged: a trial enforces what is not off. */
enum policy_mode judge_mode_of(const struct run *run, const struct rule *rule);
/* Does it fit the statement at hand? *act is what a built-in rule flags, else NULL. */
bool judge_rule_fits(
    const struct rule *rule, struct asked *asked, const struct sql_act **act);
/* Is it meant for the subject? */
bool judge_policy_applies(const struct policy *policy, const struct subject *subject);
/* Is the policy asked at all? */
bool judge_policy_is_on(const struct run *run, const struct policy *policy);
bool judge_is_enforced(const struct run *run, const struct policy *policy);
/* An exception lets it pass. One with break_glass is told before any other. */
void judge_note_lifted(struct run *run, const struct exception *lifted);

/* ---- judge_limits.c ---- */

/* Merge what the policy limits of the text at hand into the verdict. */
void limits_judge(struct run *run, const struct policy *policy);
/* Does max_affected_rows of any policy hold for the text? */
bool judge_counts_rows(const struct asked *asked);
/* The first class or relation of the statement at hand that no rule of the policy allows. */
bool judge_find_gap(const struct run *run, const struct policy *policy, struct gap *gap);

/* ---- verdict.c ---- */

/* Fill the verdict from the best finding; allocates only if there is something to tell. */
void verdict_tell(struct run *run);

/* ---- oversize.c ---- */

enum { OVERSIZE_INSERT_MOST = 16 * 1024 * 1024 };
/*
 * Is the text one INSERT … VALUES of nothing but literals and parameters? Then *schema (or
 * NULL) and *name are its target, as PostgreSQL would fold them; free with mem_free().
 */
bool oversize_is_insert(const char *text, size_t length, char **schema, char **name);

/* The facts of a bulk INSERT that is too long to be parsed. */
struct insert_facts {
	struct sql_facts facts;
	struct sql_statement statement;
	struct sql_relation relation;
};
/* As if the text had been parsed; free with oversize_free_insert() in any case. */
bool oversize_read_insert(const struct question *question, struct insert_facts *insert);
void oversize_free_insert(struct insert_facts *insert);

#endif
