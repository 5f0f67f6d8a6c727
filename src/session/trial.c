/*
 * trial.c - limits in mode warn: what they would have stopped goes on, and is told.
 *
 * A statement is looked at when it was answered: its rows, bytes and time are known then.
 * Its place among those that run and its share of a rate were taken as it began
 * (guard_send.c); its transaction is looked at by the tick. Called by record.c and limits.c.
 */
#include "base/mem.h"
#include "guard.h"
#include "session/guardrails.h"
#include "session_internal.h"

/* What a statement came to, by kind; rows in COPY TO are told by its tag only. */
static int64_t
amount_of(const struct link *link, const struct audit_statement *statement,
    enum policy_limit_kind kind)
{
	const struct sql_facts *facts = statement->facts;
	unsigned effects = facts != NULL && statement->sub < facts->statement_count
	    ? facts->statements[statement->sub].effects : 0;
	uint64_t now_us = loop_now_us(clients_loop(link->clients));

	switch (kind) {
	case POLICY_STATEMENT_TIMEOUT:
		return (int64_t)(statement->duration_us / 1000);
	case POLICY_MESSAGE_TIMEOUT:
		return (int64_t)((now_us - link->request_us) / 1000);
	case POLICY_MAX_ROWS:
		return (effects & SQL_COPY_OUT) != 0 && statement->rows_affected > 0
		    ? statement->rows_affected : statement->returned_rows;
	case POLICY_MAX_BYTES:
		return (int64_t)statement->bytes_out;
	case POLICY_MAX_AFFECTED_ROWS:
		return (effects & (SQL_WRITE | SQL_COPY_IN)) != 0 ? statement->rows_affected : -1;
	default:
		return -1;
	}
}

/* POLICY_LIMIT_BIT of each that the statement is above. */
static unsigned
exceeded_by(const struct link *link, const struct request *request,
    const struct audit_statement *statement)
{
	const struct policy_limits *tried = request->ruling->verdict.tried;
	unsigned exceeded =
	    request->limits != NULL && statement->sub == 0 ? request->limits->exceeded : 0;

	for (enum policy_limit_kind kind = 0; tried != NULL && kind < POLICY_LIMIT_KINDS; kind++) {
		int64_t most = policy_limit_of(tried, kind)->value;

		if (most != 0 && amount_of(link, statement, kind) > most)
			exceeded |= POLICY_LIMIT_BIT(kind);
	}
	return exceeded;
}

/* Once more what holds now: the policies that did when the tick looked may be gone. */
static unsigned
still_overdue(struct link *link, struct policy_limits *limits)
{
	unsigned overdue = link->overdue;

	if (overdue == 0)
		return 0;
	link->overdue = 0;
	policies_tried_limits(clients_policies(link->clients), &link->client->identity->subject,
	    loop_wall_us(clients_loop(link->clients)), limits);
	for (enum policy_limit_kind kind = 0; kind < POLICY_LIMIT_KINDS; kind++)
		if (policy_limit_of(limits, kind)->value == 0)
			overdue &= ~POLICY_LIMIT_BIT(kind);
	return overdue;
}

static void
put_details(struct buf *out, const struct policy_limits *limits, unsigned kinds)
{
	for (enum policy_limit_kind kind = 0; kind < POLICY_LIMIT_KINDS; kind++) {
		char *detail;

		if ((kinds & POLICY_LIMIT_BIT(kind)) == 0)
			continue;
		detail = limits_detail(kind, policy_limit_of(limits, kind));
		buf_printf(out, "%s%s", buf_length(out) > 0 ? "; " : "", detail);
		mem_free(detail);
	}
}

static enum policy_limit_kind
first_of(unsigned kinds)
{
	return (enum policy_limit_kind)__builtin_ctz(kinds);
}

/* One NOTICE for all of them, in front of the answer's end. */
static void
notify(struct link *link, const struct policy_limit *first, const char *name, const char *details)
{
	struct wire_error notice = limits_error(first, "01000", NULL, details, NULL);
	char *message = first->rule != NULL
	    ? mem_printf("pgweir rule \"%s\" would stop this statement", first->rule)
	    : mem_printf("pgweir limit %s would stop this statement", name);

	notice.severity = "NOTICE";
	notice.message = message;
	build_notice(relay_emit(link), &notice);
	mem_free(message);
}

/* The statement's own verdict, unless a rule has warned of it already. */
static struct audit_verdict *
verdict_of(struct link *link, const struct request *request, const struct policy_limit *first,
    const char *name)
{
	struct verdict verdict = request->ruling->verdict;

	if (verdict.action >= POLICY_WARN || audit_is_needed(request->ruling->rendered))
		return NULL;
	verdict.action = POLICY_WARN;
	verdict.mode = POLICY_MODE_WARN;
	verdict.would_deny = true;
	verdict.rule = first->rule != NULL ? first->rule : name;
	verdict.policy = first->ident;
	verdict.logged.takes = false;
	guardrails_note(clients_shared(link->clients)->guardrails, &verdict, "",
	    loop_wall_us(clients_loop(link->clients)));
	return audit_verdict_new(&verdict);
}

struct audit_verdict *
trial_tell(
    struct link *link, const struct request *request, const struct audit_statement *statement)
{
	struct policy_limits of_subject = { 0 };
	const struct policy_limits *limits = &of_subject;
	unsigned kinds = still_overdue(link, &of_subject);
	unsigned own = exceeded_by(link, request, statement);
	struct buf details = { 0 };
	enum policy_limit_kind kind;
	const char *name;
	struct audit_verdict *verdict;

	if ((kinds | own) == 0)
		return NULL;
	put_details(&details, &of_subject, kinds & ~own);
	if (own != 0) {
		limits = request->ruling->verdict.tried;
		put_details(&details, limits, own);
	}
	kind = first_of(own != 0 ? own : kinds);
	name = policy_limit_name(kind);
	buf_put_u8(&details, 0);
	notify(link, policy_limit_of(limits, kind), name, (const char *)buf_bytes(&details));
	verdict = verdict_of(link, request, policy_limit_of(limits, kind), name);
	buf_free(&details);
	return verdict;
}

static bool
is_past(uint64_t began_us, const struct policy_limit *limit, uint64_t now_us)
{
	return limit->value > 0 && began_us > 0 &&
	    now_us - began_us >= (uint64_t)limit->value * 1000;
}

void
trial_tick(struct link *link, uint64_t began_us, bool is_open, uint64_t now_us)
{
	const struct policies *policies = clients_policies(link->clients);
	struct policy_limits limits;

	if (!policies_try_limits(policies))
		return;
	policies_tried_limits(policies, &link->client->identity->subject,
	    loop_wall_us(clients_loop(link->clients)), &limits);
	if (is_past(began_us, &limits.transaction_timeout, now_us))
		link->overdue |= POLICY_LIMIT_BIT(POLICY_TRANSACTION_TIMEOUT);
	if (is_open && is_past(link->idle_us, &limits.idle_in_transaction_timeout, now_us))
		link->overdue |= POLICY_LIMIT_BIT(POLICY_IDLE_IN_TRANSACTION_TIMEOUT);
}
