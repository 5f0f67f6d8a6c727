/* gate.c - see gate.h. */
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "base/random.h"
#include "policy/catalogs.h"
#include "pool/statements.h"
#include "parsers.h"
#include "path.h"
#include "readings.h"
#include "rewrite.h"
#include "session_internal.h"
#include "sql/replication.h"
#include "sql/shape.h"

enum {
	CACHE_BYTES_MOST = 32 * 1024 * 1024, /* a worker's */
	PARSE_INLINE_DEPTH = 16,	     /* texts nested deeper go to the parser thread */
	RULING_KEPT_US = 1000 * 1000,	     /* then the clock is asked again: time windows */
	FACTS_FACTOR = 8, /* facts take about so many times the memory of their text */
};

TAILQ_HEAD(clock_list, judged);

/* Owned by its worker's clients. */
struct gate {
	struct clients *clients; /* borrowed */
	uint64_t seed;		 /* of the hashes: a client chooses the texts */
	struct judged *texts;	 /* by the text itself */
	struct judged *call;	 /* referenced: a FunctionCall message; NULL before the first one */
	struct judged *shaped;	 /* by its shape: a text could look like another one's shape */
	struct clock_list clock; /* cached texts; the hand is at the front */
	size_t bytes;
	struct identity *identities;
	uint32_t last_identity;
	bool shapes;	      /* may texts that differ in literals only share facts? */
	struct buf shape;     /* of the text at hand */
};

/*
 * Shapes serve while nobody looks at the text itself: no rule by regex, no raw text in
 * the records, nor a digest of it.
 */
static void
choose_shapes(struct gate *gate)
{
	gate->shapes = !policies_read_text(clients_policies(gate->clients)) &&
	    clients_config(gate->clients)->audit_text != AUDIT_TEXT_RAW &&
	    clients_config(gate->clients)->audit_text != AUDIT_TEXT_HMAC;
}

struct gate *
gate_new(struct clients *clients)
{
	struct gate *gate = mem_zalloc(1, sizeof(*gate));

	gate->clients = clients;
	gate->seed = random_u64();
	TAILQ_INIT(&gate->clock);
	choose_shapes(gate);
	return gate;
}

struct judged *
judged_reference(struct judged *judged)
{
	judged->references++;
	return judged;
}

void
judged_release(struct judged *judged)
{
	if (judged == NULL || --judged->references > 0)
		return;
	for (size_t i = 0; i < GATE_RULINGS; i++)
		ruling_release(judged->rulings[i]);
	if (judged->facts != NULL)
		sql_facts_free(judged->facts);
	audit_text_parts_free(judged->lane, judged->parts);
	mem_free(judged->key);
	mem_free(judged->text);
	mem_free(judged);
}

bool
judged_begins(const struct judged *judged)
{
	return judged->facts != NULL && judged->facts->statement_count > 0 &&
	    judged->facts->statements[0].transaction == SQL_TXN_BEGIN;
}

static size_t
weight(const struct judged *judged)
{
	return sizeof(*judged) + FACTS_FACTOR * judged->length + judged->key_length;
}

static void
evict(struct gate *gate, struct judged *judged)
{
	HASH_DEL(*judged->table, judged);
	TAILQ_REMOVE(&gate->clock, judged, in_clock);
	gate->bytes -= weight(judged);
	judged->cached = false;
	judged_release(judged);
}

/* Second chance: what was used since the hand last passed stays. */
static void
make_room(struct gate *gate)
{
	while (gate->bytes > CACHE_BYTES_MOST) {
		struct judged *judged = TAILQ_FIRST(&gate->clock);

		if (!judged->used) {
			evict(gate, judged);
			continue;
		}
		judged->used = false;
		TAILQ_REMOVE(&gate->clock, judged, in_clock);
		TAILQ_INSERT_TAIL(&gate->clock, judged, in_clock);
	}
}

static void
evict_all(struct gate *gate)
{
	while (!TAILQ_EMPTY(&gate->clock))
		evict(gate, TAILQ_FIRST(&gate->clock));
	judged_release(gate->call);
	gate->call = NULL;
}

void
gate_forget(struct gate *gate)
{
	evict_all(gate);
	choose_shapes(gate);
}

void
gate_free(struct gate *gate)
{
	struct identity *identity, *next;

	evict_all(gate);
	buf_free(&gate->shape);
	HASH_ITER(hh, gate->identities, identity, next)
	{
		HASH_DEL(gate->identities, identity);
		mem_free(identity->key);
		mem_free(identity);
	}
	mem_free(gate);
}

/* The strings one after the other, each with its NUL. */
static char *
subject_key(const struct subject *subject, size_t *length)
{
	const char *parts[] = { subject->user, subject->role, subject->database,
		subject->application, subject->client };
	struct buf key = { 0 };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		buf_put_cstring(&key, parts[i]);
	*length = buf_length(&key);
	return (char *)key.data;
}

struct identity *
gate_identity(struct gate *gate, const struct subject *subject)
{
	struct identity *identity;
	size_t length;
	char *key = subject_key(subject, &length);
	const char **parts[5];
	const char *at = key;

	HASH_FIND(hh, gate->identities, key, length, identity);
	if (identity != NULL) {
		mem_free(key);
		identity->references++;
		return identity;
	}
	identity = mem_zalloc(1, sizeof(*identity));
	*identity = (struct identity){
		.references = 1, .id = ++gate->last_identity, .key = key, .key_length = length
	};
	parts[0] = &identity->subject.user;
	parts[1] = &identity->subject.role;
	parts[2] = &identity->subject.database;
	parts[3] = &identity->subject.application;
	parts[4] = &identity->subject.client;
	for (size_t i = 0; i < 5; i++) {
		*parts[i] = at;
		at += strlen(at) + 1;
	}
	identity->subject.catalogs = clients_shared(gate->clients)->catalogs;
	catalogs_enter(identity->subject.catalogs, identity->subject.database);
	HASH_ADD_KEYPTR(hh, gate->identities, key, length, identity);
	return identity;
}

void
identity_release(struct gate *gate, struct identity *identity)
{
	if (identity == NULL || --identity->references > 0)
		return;
	HASH_DEL(gate->identities, identity);
	catalogs_leave(identity->subject.catalogs, identity->subject.database);
	mem_free(identity->key);
	mem_free(identity);
}

static unsigned
hash_key(const struct gate *gate, const char *key, size_t length)
{
	return (unsigned)XXH3_64bits_withSeed(key, length, gate->seed);
}

static struct judged *
look_up(struct gate *gate, struct judged *table, const char *key, size_t length)
{
	unsigned hash = hash_key(gate, key, length);
	struct judged *judged;

	HASH_FIND_BYHASHVALUE(hh, table, key, length, hash, judged);
	if (judged != NULL)
		judged->used = true;
	return judged;
}

static unsigned
all_residue(const struct sql_facts *facts)
{
	unsigned residue = 0;

	if (facts == NULL)
		return SQL_RESIDUE_OPAQUE; /* not parsed: anything may be left behind */
	for (size_t i = 0; i < facts->statement_count; i++)
		residue |= facts->statements[i].residue;
	return residue;
}

bool
statement_discards(const struct sql_statement *statement)
{
	return statement->discards_all ||
	    (statement->deallocates && statement->prepared_name != NULL &&
		statement->prepared_name[0] == '\0');
}

const char *
statement_executed(const struct sql_statement *statement)
{
	return (statement->classes & SQL_PREPARE) != 0 && !statement->deallocates &&
		(statement->residue & SQL_RESIDUE_PREPARE) == 0
	    ? statement->prepared_name
	    : NULL;
}

static bool
any_executes(const struct sql_facts *facts)
{
	bool any = false;

	for (size_t i = 0; facts != NULL && i < facts->statement_count; i++)
		any |= statement_executed(&facts->statements[i]) != NULL;
	return any;
}

static bool
any_asks_sequence(const struct sql_facts *facts)
{
	bool any = false;

	for (size_t i = 0; facts != NULL && i < facts->statement_count; i++)
		any |= facts->statements[i].asks_sequence;
	return any;
}

static bool
any_begins(const struct sql_facts *facts)
{
	bool any = facts == NULL;

	for (size_t i = 0; facts != NULL && i < facts->statement_count; i++)
		any |= facts->statements[i].transaction == SQL_TXN_BEGIN;
	return any;
}

static bool
any_discards(const struct sql_facts *facts)
{
	bool any = false;

	for (size_t i = 0; facts != NULL && i < facts->statement_count; i++)
		any |= statement_discards(&facts->statements[i]);
	return any;
}

/* The name of a statement that pgweir prepared, and of which a text has no business to know. */
static const char *
reserved_name(const struct sql_facts *facts)
{
	for (size_t i = 0; facts != NULL && i < facts->statement_count; i++) {
		const char *name = facts->statements[i].prepared_name;

		if (name != NULL && statement_name_is_ours(name))
			return name;
	}
	return NULL;
}

/* A text that is in no cache yet; referenced by the caller. Takes what the parse made. */
static struct judged *
judged_new(struct gate *gate, const char *text, size_t length, enum sql_outcome outcome,
    struct sql_facts *facts, const struct error *err, int position)
{
	struct judged *judged = mem_zalloc(1, sizeof(*judged));

	*judged = (struct judged){ .references = 1,
		.lane = clients_lane(gate->clients),
		.text = mem_strndup(text, length),
		.length = length,
		.outcome = outcome,
		.facts = outcome == SQL_KNOWN ? facts : NULL,
		.position = position };
	if (outcome != SQL_KNOWN)
		judged->err = *err;
	judged->residue = all_residue(judged->facts);
	judged->discards = any_discards(judged->facts);
	judged->begins = any_begins(judged->facts);
	judged->executes = any_executes(judged->facts);
	judged->asks_sequence = any_asks_sequence(judged->facts);
	judged->edits = rewrite_may(judged->facts);
	judged->misreads = readings_may_change(judged->facts);
	judged->quiet = path_text_is_quiet(judged->facts);
	judged->reserved = reserved_name(judged->facts);
	judged->parts =
	    audit_text_parts_new(clients_config(gate->clients), text, length, judged->facts);
	return judged;
}

struct judged *
gate_judge_call(struct gate *gate)
{
	if (gate->call == NULL)
		gate->call = judged_new(gate, "", 0, SQL_KNOWN, sql_facts_of_call(), NULL, 0);
	return judged_reference(gate->call);
}

struct judged *
gate_judge_replication(struct gate *gate, const char *verb, const char *text, size_t length)
{
	return judged_new(gate, text, length, SQL_KNOWN,
	    sql_facts_of_replication(verb, text, length), NULL, 0);
}

static void
insert(struct gate *gate, struct judged **table, struct judged *judged, const char *key,
    size_t length)
{
	unsigned hash = hash_key(gate, key, length);
	struct judged *there;

	HASH_FIND_BYHASHVALUE(hh, *table, key, length, hash, there);
	if (there != NULL)
		evict(gate, there);
	judged->table = table;
	judged->key = mem_strndup(key, length);
	judged->key_length = length;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, *table, judged->key, length, hash, judged);
	TAILQ_INSERT_TAIL(&gate->clock, judged, in_clock);
	judged->cached = true;
	gate->bytes += weight(judged);
	judged_reference(judged);
	make_room(gate);
}

/*
 * Is it worth looking for the shape before the text itself? A text with parameters
 * has its literals outside, and comes again as it is.
 */
static bool
is_literal_text(const char *text, size_t length)
{
	return memchr(text, '$', length) == NULL;
}

static bool
take_shape(struct gate *gate, const char *text, size_t length)
{
	return gate->shapes && sql_shape(text, length, &gate->shape);
}

/* Is the shape at hand known already? Then its verdict was no plain yes. */
static bool
has_shape(struct gate *gate)
{
	return look_up(gate, gate->shaped, (const char *)buf_bytes(&gate->shape),
		   buf_length(&gate->shape)) != NULL;
}

/* By its shape if that is new, else by its text. The caller has taken the shape, if `shaped`. */
static void
keep(struct gate *gate, struct judged *judged, bool shaped, const char *text, size_t length)
{
	if (shaped && judged->outcome == SQL_KNOWN && !has_shape(gate))
		insert(gate, &gate->shaped, judged, (const char *)buf_bytes(&gate->shape),
		    buf_length(&gate->shape));
	else
		insert(gate, &gate->texts, judged, text, length);
}

static void
on_parsed(struct message *message, void *receiver)
{
	struct parse_job *job = (struct parse_job *)message; /* its first member */
	struct gate *gate = clients_gate(receiver);
	struct judged *judged = judged_new(gate, job->text, job->length, job->outcome,
	    job->facts, &job->err, job->position);

	bool shaped = is_literal_text(job->text, job->length) &&
	    take_shape(gate, job->text, job->length);

	keep(gate, judged, shaped, job->text, job->length);
	if (job->client != NULL)
		gate_answered(job->client, judged);
	else
		judged_release(judged);
	mem_free(job->text);
	mem_free(job);
}

static void
ask_parsers(struct gate *gate, struct client *client, const char *text, size_t length,
    size_t cap)
{
	struct parse_job *job = mem_zalloc(1, sizeof(*job));

	*job = (struct parse_job){ .message = { .deliver = on_parsed },
		.answer_to = clients_mailbox(gate->clients),
		.client = client,
		.text = mem_strndup(text, length),
		.length = length,
		.cap = cap };
	client->job = job;
	parsers_ask(clients_shared(gate->clients)->parsers, job);
}

/*
 * The facts of another text of the same shape. Only where the verdict is to let it
 * pass: a refusal quotes the text at hand, and points into it. A warning quotes the
 * shape, if it can.
 */
static struct judged *
by_shape(struct gate *gate, const struct client *client)
{
	struct judged *judged =
	    look_up(gate, gate->shaped, (const char *)buf_bytes(&gate->shape), buf_length(&gate->shape));
	struct ruling *ruling;
	bool passes;

	if (judged == NULL)
		return NULL;
	ruling = gate_rule(gate, judged, client);
	passes = ruling->verdict.action != POLICY_DENY && ruling->of_any;
	ruling_release(ruling);
	return passes ? judged_reference(judged) : NULL;
}

static struct judged *
parse_now(struct gate *gate, const char *text, size_t length, size_t cap, bool shaped)
{
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position = 0;
	enum sql_outcome outcome = sql_facts(text, length, cap, &facts, &err, &position);
	struct judged *judged = judged_new(gate, text, length, outcome, facts, &err, position);

	if (length <= cap)
		keep(gate, judged, shaped, text, length);
	return judged;
}

/*
 * May it be parsed here? The parser takes some ten times as long for a byte of nested
 * subselects as for others (bench/worst.c), and this loop serves others. Quotes are not
 * looked at: a parenthesis too many only asks the parser thread.
 */
static bool
is_quick(const char *text, size_t length)
{
	size_t depth = 0;

	if (length > GATE_INLINE_MOST)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '(' && ++depth > PARSE_INLINE_DEPTH)
			return false;
		if (text[i] == ')' && depth > 0)
			depth--;
	}
	return true;
}

struct judged *
gate_judge(struct gate *gate, struct client *client, const char *text, size_t length)
{
	size_t cap = policies_text_cap(clients_policies(gate->clients));
	bool shaped = length <= cap && is_literal_text(text, length) &&
	    take_shape(gate, text, length);
	struct judged *judged = shaped ? by_shape(gate, client) : NULL;

	if (judged != NULL)
		return judged;
	judged = look_up(gate, gate->texts, text, length);
	if (judged != NULL)
		return judged_reference(judged);
	if (length <= cap && !is_quick(text, length)) {
		ask_parsers(gate, client, text, length, cap);
		return NULL;
	}
	return parse_now(gate, text, length, cap, shaped);
}

struct judged *
gate_judge_now(struct gate *gate, const char *text, size_t length)
{
	struct judged *judged = look_up(gate, gate->texts, text, length);

	if (judged != NULL)
		return judged_reference(judged);
	return parse_now(
	    gate, text, length, policies_text_cap(clients_policies(gate->clients)), false);
}

void
gate_abandon(struct parse_job *job)
{
	job->client = NULL;
}

/* What it asked of a catalog may have another answer now. Most ask nothing. */
static bool
is_outdated(const struct ruling *ruling, const struct identity *identity)
{
	unsigned asked = ruling->verdict.catalogs_generation;

	return asked != 0 && asked != catalogs_generation(identity->subject.catalogs);
}

static bool
is_fresh(const struct ruling *ruling, const struct identity *identity,
    const struct policies *policies, uint64_t now_us)
{
	return ruling != NULL && ruling->identity == identity->id &&
	    ruling->policies == policies && !is_outdated(ruling, identity) && now_us - ruling->judged_us < RULING_KEPT_US;
}

/* Do bare names lead to where they led when it was made? Few rulings ask. */
static bool
leads_there(const struct ruling *ruling, const struct client *client)
{
	return !ruling->verdict.path_asked || ruling->path_key == path_key(client);
}

struct ruling *
gate_rule(struct gate *gate, struct judged *judged, const struct client *client)
{
	const struct identity *identity = client->identity;
	struct ruling **slot = &judged->rulings[identity->id % GATE_RULINGS];

	if (!is_fresh(*slot, identity, clients_policies(gate->clients),
		loop_now_us(clients_loop(gate->clients))) ||
	    !leads_there(*slot, client)) {
		ruling_release(*slot);
		*slot = ruling_new(judged, client, NULL, false, judged->table == &gate->shaped);
	}
	return ruling_reference(*slot);
}

struct ruling *
gate_rule_within(struct gate *gate, const struct judged *judged, const struct client *client)
{
	return ruling_new(judged, client, client->doings, false, judged->table == &gate->shaped);
}

struct ruling *
gate_rule_hidden(struct gate *gate, const struct judged *judged, const struct client *client)
{
	return ruling_new(judged, client, client->doings, true, judged->table == &gate->shaped);
}
