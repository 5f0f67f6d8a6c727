/*
 * guard_send.c - a statement under limits, before it goes to the server: does it wait,
 * may it run, what goes in front of it and what waits behind it.
 *
 * Called by simple.c, prepare.c, extended.c and inbound.c, and only for such statements.
 */
#include <inttypes.h>
#include <string.h>

#include "affected.h"
#include "ahead.h"
#include "base/mem.h"
#include "guard.h"
#include "inbound.h"
#include "quota.h"

enum { LOCKS = SQL_DDL | SQL_LOCK | SQL_MAINTENANCE };
/* What may be put in a transaction of ours by itself: nothing that ends one or cannot be in one. */
enum {
	WRAPPED = SQL_READ | SQL_WRITE | SQL_FUNCTION | SQL_COPY_IN | SQL_COPY_OUT |
	    SQL_COPY_FILE | SQL_COPY_PROGRAM | SQL_LOCK | SQL_EXPLAIN | SQL_PREPARE,
};

/* A place held by this link; several of its requests may share it. Owned by its requests. */
struct quota_hold {
	struct quota_hold *next;
	struct quota *quota; /* borrowed */
	unsigned requests;
};

/* ---- what the statement is ---- */

/* EXECUTE does what was prepared, which its text does not tell. */
static bool
is_execute(const struct sql_statement *statement)
{
	return (statement->effects & SQL_PREPARE) != 0 && !statement->deallocates &&
	    (statement->residue & SQL_RESIDUE_PREPARE) == 0;
}

static bool
writes(const struct sql_statement *statement)
{
	return (statement->effects & (SQL_WRITE | SQL_COPY_IN)) != 0 || is_execute(statement);
}

static bool
any_writes(const struct judged *judged)
{
	for (size_t i = 0; judged->facts != NULL && i < judged->facts->statement_count; i++)
		if (writes(&judged->facts->statements[i]))
			return true;
	return false;
}

static unsigned
all_effects(const struct judged *judged)
{
	unsigned effects = 0;

	for (size_t i = 0; judged->facts != NULL && i < judged->facts->statement_count; i++)
		effects |= judged->facts->statements[i].effects;
	return effects;
}

static bool
fetches(const struct client *client, const struct judged *judged)
{
	const struct guard *guard = client->link == NULL ? NULL : client->link->guard;

	for (size_t i = 0; guard != NULL && judged->facts != NULL &&
	     i < judged->facts->statement_count; i++) {
		const char *cursor = judged->facts->statements[i].cursor;

		if (cursor != NULL && cursors_find(&guard->cursors, cursor) != NULL)
			return true;
	}
	return false;
}

/* The limits that are counted while it is answered. */
static unsigned
counted_kinds(const struct client *client, const struct judged *judged,
    const struct ruling *ruling)
{
	unsigned kinds = ruling->verdict.limited & (GUARD_ROWS | GUARD_AFFECTED);

	if (judged == NULL)
		return 0;
	if (!any_writes(judged))
		kinds &= ~GUARD_AFFECTED;
	if (judged->facts != NULL && (all_effects(judged) & ~(unsigned)(SQL_TXN | SQL_SESSION)) == 0)
		kinds &= ~GUARD_ROWS;
	if (fetches(client, judged))
		kinds |= POLICY_LIMIT_BIT(POLICY_MAX_ROWS);
	return kinds;
}

static bool
wants_lock_timeout(const struct judged *judged, const struct ruling *ruling)
{
	return judged != NULL && (ruling->verdict.limited & GUARD_LOCK) != 0 &&
	    (all_effects(judged) & LOCKS) != 0;
}

/* ---- the transaction it will be in ---- */

/* Could it begin or end a transaction? */
static bool
moves_transaction(const struct request *request)
{
	const struct judged *judged = request->judged;

	if (!request_is_statement(request) || request->answer == ANSWER_SWALLOW)
		return false;
	return judged == NULL || judged->facts == NULL || (judged->facts->classes & SQL_TXN) != 0;
}

/* Is something unanswered that may change what transaction the server is in? */
static bool
is_uncertain(const struct link *link)
{
	const struct request *request;

	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++)
		if (moves_transaction(request))
			return true;
	return false;
}

static bool
has_executed_in_batch(const struct link *link)
{
	return link->executed_batch == link->server->batch;
}

/* PostgreSQL itself runs statements that are not alone in one transaction. */
static bool
can_wrap(const struct judged *judged)
{
	const struct sql_facts *facts = judged->facts;

	if (facts == NULL || facts->statement_count == 0 || (facts->classes & SQL_TXN) != 0)
		return false;
	return facts->statement_count > 1 || (all_effects(judged) & ~(unsigned)WRAPPED) == 0;
}

/* LOCK TABLE wants a block, and must not find ours. */
static bool
locks_tables(const struct judged *judged)
{
	return (all_effects(judged) & SQL_LOCK) != 0;
}

/*
 * A batch is a transaction of PostgreSQL's to its Sync, which waits until the rows are known. A
 * Query ends what was in front of it in its batch, so a block is begun behind that.
 */
static enum guard_way
way_of(const struct link *link, const struct judged *judged, uint8_t type)
{
	bool more = has_executed_in_batch(link);

	if (link->guard != NULL && link->guard->phase != GUARD_NONE)
		return WAY_PLAIN; /* in a transaction of ours already */
	if (link->server->transaction != 'I' || link->begun_batch == link->server->batch)
		return WAY_INSIDE;
	if (!can_wrap(judged) || (!any_writes(judged) && (!more || locks_tables(judged))))
		return more ? WAY_INSIDE : WAY_PLAIN;
	return type == 'Q' ? WAY_WRAP : WAY_INSIDE;
}

/* Ask for the answers to messages whose Sync has not come. */
static void
ask_for_answers(struct link *link)
{
	const struct request *last =
	    requests_at(&link->requests, link->requests.count - 1);

	if (last == NULL || last->kind == REQUEST_SYNC || !link->unsynced)
		return;
	build_flush(stream_out(link->server->stream));
	stream_flush(link->server->stream);
}

/* Is a statement of an earlier batch unanswered, or of this one? */
static bool
awaits_statement(const struct link *link, bool of_this_batch)
{
	const struct request *request;

	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++)
		if (request_is_statement(request) &&
		    (of_this_batch || request->batch != link->server->batch))
			return true;
	return false;
}

/* Is a Query unanswered that is skipped, with all up to a Sync, if what its batch has in front fails? */
static bool
may_be_skipped(const struct link *link)
{
	const struct request *request, *before = NULL;
	bool may = false;

	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++) {
		if (request->kind == REQUEST_SYNC)
			may = false;
		else if (request->kind == REQUEST_QUERY || request->kind == REQUEST_FUNCTION)
			may = may || (before != NULL && before->batch == request->batch);
		before = request;
	}
	return may;
}

bool
guard_awaits(struct client *client, const struct judged *judged, const struct ruling *ruling,
    uint8_t type)
{
	struct link *link = client->link;
	unsigned kinds = counted_kinds(client, judged, ruling);
	bool waits;

	if (kinds == 0 && !wants_lock_timeout(judged, ruling))
		return false;
	relay_settle(link);
	if (is_uncertain(link))
		waits = awaits_statement(link, type == 'Q' || guard_is_ours(link));
	else if (way_of(link, judged, type) == WAY_WRAP)
		waits = link->requests.count > 0;
	else if (may_be_skipped(link))
		waits = true; /* a Sync behind a lock_timeout would end that */
	else
		waits = type == 'Q' && link->unsynced && link->requests.count > 0;
	link->unsettled = waits;
	if (waits)
		ask_for_answers(link);
	return waits;
}

/* ---- may it run ---- */

static struct quota_hold *
find_hold(const struct requests *requests, const struct quota *quota)
{
	struct quota_hold *hold = requests->holds;

	while (hold != NULL && hold->quota != quota)
		hold = hold->next;
	return hold;
}

bool
guard_enter(struct requests *requests, struct quota *quota, int64_t most)
{
	struct quota_hold *hold = find_hold(requests, quota);

	/* One server connection runs one statement at a time, however many it was sent. */
	if (hold == NULL) {
		if (!quota_enter(quota, most))
			return false;
		hold = mem_zalloc(1, sizeof(*hold));
		hold->quota = quota;
		hold->next = requests->holds;
		requests->holds = hold;
	}
	hold->requests++;
	return true;
}

static void
leave(struct requests *requests, struct quota *quota)
{
	struct quota_hold **place = &requests->holds;
	struct quota_hold *hold;

	while ((*place)->quota != quota)
		place = &(*place)->next;
	hold = *place;
	if (--hold->requests > 0)
		return;
	*place = hold->next;
	quota_leave(quota);
	mem_free(hold);
}

void
guard_release(struct requests *requests, struct request_limits *limits)
{
	if (limits->quota != NULL)
		leave(requests, limits->quota);
	if (limits->tried != NULL)
		leave(requests, limits->tried);
	ration_release(limits->ration);
	mem_free(limits->portal);
	mem_free(limits);
}

static void
refuse(struct client *client, const struct judged *judged, const struct ruling *ruling,
    uint8_t type, enum policy_limit_kind kind, const char *message, const char *hint)
{
	const struct policy_limit *limit = policy_limit_of(&ruling->verdict.limits, kind);
	char *detail = limits_detail(kind, limit);
	struct wire_error error = limits_error(limit, "53400", message, detail, hint);

	record_limited(client, judged, ruling, "53400");
	refuse_with(client, type, &error);
	mem_free(detail);
}

/* Take what the text costs of the quota, if there is one. */
static bool
take_rate(struct client *client, const struct judged *judged, struct quota *rate,
    const struct policy_limits *limits, uint64_t *wait_us)
{
	uint64_t statements = judged != NULL && judged->facts != NULL ? judged->facts->statement_count : 1;

	return rate == NULL || quota_take(rate, limits->rate.value, statements,
	    loop_now_us(clients_loop(client->clients)), wait_us);
}

static bool
is_within_rate(struct client *client, const struct judged *judged, const struct ruling *ruling,
    uint8_t type)
{
	uint64_t wait_us;
	char *hint;

	if (take_rate(client, judged, ruling->rate, &ruling->verdict.limits, &wait_us))
		return true;
	hint = mem_printf("Try again in %" PRIu64 " ms.", (wait_us + 999) / 1000);
	refuse(client, judged, ruling, type, POLICY_RATE, "too many statements in a short time", hint);
	mem_free(hint);
	return false;
}

/* Its rows would be known only when they are committed already. */
static bool
ends_what_it_writes(const struct judged *judged, const struct ruling *ruling)
{
	return (ruling->verdict.limited & GUARD_AFFECTED) != 0 && judged != NULL &&
	    judged->facts != NULL && (judged->facts->classes & SQL_TXN) != 0 && any_writes(judged);
}

bool
guard_admits(struct client *client, const struct judged *judged, struct ruling *ruling,
    uint8_t type)
{
	struct requests *requests = &client->link->requests;

	if (ends_what_it_writes(judged, ruling)) {
		refuse(client, judged, ruling, type, POLICY_MAX_AFFECTED_ROWS,
		    "a write and a transaction command in one message",
		    "Send BEGIN, COMMIT and the like as messages of their own: the rows are "
		    "counted before the transaction ends.");
		return false;
	}
	if (!is_within_rate(client, judged, ruling, type))
		return false;
	if (ruling->concurrency == NULL ||
	    guard_enter(requests, ruling->concurrency, ruling->verdict.limits.max_concurrency.value))
		return true;
	refuse(client, judged, ruling, type, POLICY_MAX_CONCURRENCY,
	    "too many statements are running", "Try again when one of them has ended.");
	return false;
}

/* ---- in front of it ---- */

static struct guard *
need_guard(struct link *link)
{
	if (link->guard == NULL) {
		link->guard = mem_zalloc(1, sizeof(*link->guard));
		SLIST_INIT(&link->guard->cursors);
	}
	return link->guard;
}

/*
 * Keep the client's own value where it is smaller, and remember it. To the end of the
 * transaction (`local`), or until it is set back.
 */
static char *
lock_timeout_text(int64_t limit_ms, const char *local)
{
	return mem_printf("SELECT pg_catalog.set_config('pgweir.lock_timeout', "
			  "pg_catalog.current_setting('lock_timeout'), %s), "
			  "pg_catalog.set_config('lock_timeout', CASE WHEN "
			  "pg_catalog.current_setting('lock_timeout')::pg_catalog.interval "
			  "BETWEEN '1ms' AND '%" PRId64 "ms' "
			  "THEN pg_catalog.current_setting('lock_timeout') "
			  "ELSE '%" PRId64 "ms' END, %s)",
	    local, limit_ms, limit_ms, local);
}

/* Is nothing of the batch sent yet? */
static bool
is_at_batch_start(const struct link *link)
{
	const struct request *last =
	    requests_at(&link->requests, link->requests.count - 1);

	if (last == NULL)
		return !link->unsynced;
	return last->kind == REQUEST_SYNC || last->kind == REQUEST_QUERY ||
	    last->kind == REQUEST_FUNCTION;
}

/* A Sync would end what a server skips that refused something in front of it: none is put behind that. */
static void
put_lock_statement(struct link *link, const char *text, bool behind_ours, bool synced)
{
	size_t first;

	if (behind_ours) {
		first = ahead_begin(link);
		guard_put_statement(link, text);
		ahead_end(link, first);
		return;
	}
	guard_put_statement(link, text);
	if (!synced)
		return;
	build_sync(stream_out(link->server->stream));
	link_expect(link, REQUEST_SYNC, ANSWER_SWALLOW);
	link->server->batch++;
}

/* Parse, Bind and the like in front of a Query began no transaction, and have been answered. */
static bool
ran_nothing(const struct link *link)
{
	return link->requests.count == 0 && !has_executed_in_batch(link);
}

/*
 * Outside a transaction it goes in a batch or a transaction of its own: what must not be in a
 * transaction must not be in a pipeline either. So it is sent with the first message of the
 * client's batch, not with the Execute.
 */
static void
put_lock_timeout(struct link *link, int64_t limit_ms, uint8_t type)
{
	struct guard *guard = need_guard(link);
	bool first = ahead_is_first(link) || (type == 'Q' && ran_nothing(link));
	bool apart = link->server->transaction == 'I' && first;
	char *text;

	if (guard->lock != LOCK_THEIRS ||
	    ((type == 'P' || type == 'B') && (!apart || may_be_skipped(link))))
		return;
	text = lock_timeout_text(limit_ms, apart ? "false" : "true");
	guard->lock_batch = first && link->ahead > 0 ? link->server->batch : UINT64_MAX;
	put_lock_statement(link, text, first && link->ahead > 0, first && (apart || type == 'Q'));
	mem_free(text);
	guard->lock = apart ? LOCK_SESSION : LOCK_LOCAL;
}

/* A transaction of ours; behind others of its batch it takes these in, as PostgreSQL's would. */
static void
put_begin(struct link *link)
{
	struct guard *guard = need_guard(link);

	if (has_executed_in_batch(link)) {
		guard_put_statement(link, "BEGIN");
		guard->phase = GUARD_OPEN;
	} else {
		build_query(stream_out(link->server->stream), "BEGIN");
		guard->phase = GUARD_BEGINNING;
	}
}

/*
 * Limits in mode warn: it takes its place and its share as if they were enforced, and goes on
 * whatever there is. POLICY_LIMIT_BIT of those that it is above.
 */
static unsigned
try_quotas(struct client *client, const struct judged *judged, const struct ruling *ruling)
{
	struct requests *requests = &client->link->requests;
	struct quota *running = ruling->tried_concurrency;
	const struct policy_limits *limits = ruling->verdict.tried;
	unsigned exceeded = 0;
	uint64_t wait_us;

	if (!take_rate(client, judged, ruling->tried_rate, limits, &wait_us))
		exceeded |= POLICY_LIMIT_BIT(POLICY_RATE);
	if (running == NULL)
		return exceeded;
	if (find_hold(requests, running) == NULL &&
	    quota_running(running) >= limits->max_concurrency.value)
		exceeded |= POLICY_LIMIT_BIT(POLICY_MAX_CONCURRENCY);
	guard_enter(requests, running, INT64_MAX);
	return exceeded;
}

void
guard_put_ahead(struct client *client, const struct judged *judged,
    const struct ruling *ruling, uint8_t type)
{
	struct link *link = client->link;
	unsigned kinds = counted_kinds(client, judged, ruling);
	bool sends = type == 'Q' || type == 'E' || type == 'F';
	struct request_limits *ahead;

	if (wants_lock_timeout(judged, ruling))
		put_lock_timeout(link, ruling->verdict.limits.lock_timeout.value, type);
	if (!sends || (kinds == 0 && ruling->concurrency == NULL &&
	    (ruling->verdict.limited & GUARD_TRIED) == 0))
		return;
	need_guard(link);
	ahead = mem_zalloc(1, sizeof(*ahead));
	*ahead = (struct request_limits){ .quota = ruling->concurrency,
		.tried = ruling->tried_concurrency, .kinds = kinds };
	if ((ruling->verdict.limited & GUARD_TRIED) != 0)
		ahead->exceeded = try_quotas(client, judged, ruling);
	if (kinds != 0) {
		ahead->way = way_of(link, judged, type);
		ahead->alone = type == 'E' && ahead->way == WAY_INSIDE && link->server->transaction == 'I';
	}
	if (ahead->way == WAY_WRAP)
		put_begin(link);
	link->guard->next = ahead;
}

/* Nothing of the client's goes on before it is known how many rows it changed: guard.c. */
static void
note_parts(const struct client *client, struct request *request, const struct portal *portal)
{
	struct request_limits *limits = request->limits;

	if ((limits->kinds & GUARD_AFFECTED) == 0 || limits->way == WAY_PLAIN ||
	    request->judged->facts == NULL || request->judged->facts->statement_count != 1 ||
	    !affected_may_be(client, &request->judged->facts->statements[0]))
		return;
	limits->alone = true;
	limits->portal = mem_strdup(portal->name == NULL ? "" : portal->name);
}

void
guard_refuse_rest(struct client *client, const struct portal *portal)
{
	client->stmt++;
	client->link->unsynced = true;
	refuse(client, portal->judged, portal->ruling, 'E', POLICY_MAX_AFFECTED_ROWS,
	    "a write whose rows are fetched in parts",
	    "Execute it without a limit of rows: those it changes are counted when it has ended.");
}

void
guard_note(
    struct client *client, struct request *request, struct portal *portal, uint32_t most)
{
	struct guard *guard = client->link->guard;

	if (guard == NULL || guard->next == NULL)
		return;
	request->limits = guard->next;
	guard->next = NULL;
	if (portal != NULL && most > 0)
		note_parts(client, request, portal);
	if (portal == NULL || (request->limits->kinds & GUARD_ROWS) == 0)
		return;
	if (portal->ration == NULL)
		portal->ration = ration_new(&request->ruling->verdict.limits);
	request->limits->ration = ration_reference(portal->ration);
}

/* ---- behind it ---- */

/* What waits behind this request: a Sync of its own batch may follow, unless it is alone. */
static bool
request_holds(struct link *link, struct request *request, uint8_t type)
{
	struct request_limits *limits = request->limits;
	bool synced = request->batch != link->server->batch;

	if (limits == NULL || limits->kinds == 0)
		return false;
	if (synced)
		return limits->way != WAY_PLAIN || moves_transaction(request);
	if (type == 'S' && !limits->alone)
		return false;
	if (!limits->flushed)
		build_flush(stream_out(link->server->stream));
	limits->flushed = true;
	return true;
}

static bool
must_hold(struct client *client, uint8_t type)
{
	struct link *link = client->link;
	const struct guard *guard = link->guard;
	struct request *request;

	if (guard->phase != GUARD_NONE || guard->over)
		return !client->skipping;
	if (guard->lock == LOCK_SESSION && is_at_batch_start(link) && link->requests.count > 0)
		return true;
	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++)
		if (request_holds(link, request, type))
			return true;
	return false;
}

bool
guard_holds(struct client *client, uint8_t type)
{
	bool holds;

	/* A server that reads rows ignores a Sync: the end of them stands behind it. */
	if (strchr("dcfHX", type) != NULL || client->link->copy_in)
		return false;
	holds = must_hold(client, type);
	client->link->unsettled = holds;
	return holds;
}
