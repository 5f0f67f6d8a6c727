/* ruling.c - what the policies say of a text, for those who sent it; see gate.h. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "guard.h"
#include "path.h"
#include "quota.h"
#include "session/guardrails.h"
#include "session_internal.h"

struct ruling *
ruling_reference(struct ruling *ruling)
{
	ruling->references++;
	return ruling;
}

void
ruling_release(struct ruling *ruling)
{
	if (ruling == NULL || --ruling->references > 0)
		return;
	audit_verdict_free(ruling->lane, ruling->rendered);
	verdict_free(&ruling->verdict);
	policies_release(ruling->policies);
	mem_free(ruling);
}

/* Limits that count over all workers. */
static void
find_quotas(struct clients *clients, const struct policy_limits *limits,
    const struct identity *identity, struct quota **concurrency, struct quota **rate)
{
	struct quotas *quotas = clients_shared(clients)->quotas;

	if (limits->max_concurrency.value != 0)
		*concurrency = quotas_find(quotas, policy_limit_name(POLICY_MAX_CONCURRENCY),
		    &limits->max_concurrency, "");
	if (limits->rate.value != 0)
		*rate = quotas_find(
		    quotas, policy_limit_name(POLICY_RATE), &limits->rate, identity->subject.user);
}

static void
find_all_quotas(struct clients *clients, struct ruling *ruling, const struct identity *identity)
{
	struct verdict *verdict = &ruling->verdict;

	find_quotas(clients, &verdict->limits, identity, &ruling->concurrency, &ruling->rate);
	if (verdict->tried == NULL)
		return;
	find_quotas(clients, verdict->tried, identity, &ruling->tried_concurrency,
	    &ruling->tried_rate);
	if (ruling->tried_concurrency != NULL || ruling->tried_rate != NULL)
		verdict->limited |= GUARD_TRIED;
}

/* What an administrator has blocked is refused, whatever the policies say; true if so. */
static bool
refuse_blocked(struct clients *clients, const struct judged *judged, struct ruling *ruling)
{
	struct guardrails_block block;
	struct verdict *verdict = &ruling->verdict;
	char until[CLOCK_TEXT_SIZE] = "it is unblocked";

	if (judged->facts == NULL ||
	    !guardrails_find(clients_shared(clients)->guardrails,
		judged->facts->fingerprint, loop_wall_us(clients_loop(clients)), &block))
		return false;
	if (block.until_us != 0)
		clock_format_rfc3339(block.until_us, until);
	verdict_free(verdict);
	*verdict = (struct verdict){ .action = POLICY_DENY,
		.mode = POLICY_MODE_ENFORCE,
		.rule = guardrails_block_rule,
		.sqlstate = "42501",
		.message = mem_printf("blocked by pgweir rule \"%s\"", guardrails_block_rule),
		.detail = mem_printf("%s blocked fingerprint %s at the console until %s.", block.by,
		    block.fingerprint, until),
		.hint = mem_printf("UNBLOCK %s at the console lifts it.", block.fingerprint) };
	return true;
}

/* The same judgement, in words about another text of the same facts. */
static bool
says_the_same(const struct verdict *one, const struct verdict *other)
{
	return one->action == other->action && one->mode == other->mode &&
	    one->would_deny == other->would_deny && one->rule == other->rule &&
	    one->statement == other->statement;
}

static void
take_words(struct verdict *verdict, struct verdict *from)
{
	char **const words[][2] = { { &verdict->detail, &from->detail },
		{ &verdict->hint, &from->hint } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		mem_free(*words[i][0]);
		*words[i][0] = *words[i][1];
		*words[i][1] = NULL;
	}
	verdict->position = 0;
}

/*
 * A verdict that serves all texts of a shape must not quote the literals of the one that
 * came first: its words are made anew, about the text with $n in their place. False when
 * that does not read as the same; then nothing is changed.
 */
static bool
speak_of_shape(struct clients *clients, const struct judged *judged, const struct identity *identity,
    const struct policy_script *script, struct verdict *verdict)
{
	struct policies *policies = clients_policies(clients);
	const char *text = judged->facts->normalized;
	struct verdict blank = { 0 };
	struct sql_facts *facts = NULL;
	struct error err = { 0 };
	int position;
	enum sql_outcome outcome = sql_facts(
	    text, strlen(text), policies_text_cap(policies), &facts, &err, &position);
	bool same;

	policies_judge_in(policies, &identity->subject, text, strlen(text), outcome, facts, &err,
	    loop_wall_us(clients_loop(clients)), script, &blank);
	same = outcome == SQL_KNOWN && says_the_same(verdict, &blank);
	if (same)
		take_words(verdict, &blank);
	verdict_free(&blank);
	if (facts != NULL)
		sql_facts_free(facts);
	return same;
}

static bool
is_plain_yes(const struct verdict *verdict)
{
	return verdict->action == POLICY_ALLOW && !verdict->would_deny && !verdict->break_glass;
}

/* A refusal by itself is told to the one text that is refused, any other to all of its shape. */
static bool
is_shared(const struct verdict *verdict, const struct policy_script *script)
{
	return verdict->action != POLICY_DENY || script->transaction != NULL;
}

/*
 * What an exception with break_glass lets pass is recorded as it was sent. Policies that have one
 * share no shapes; a text that was prepared before they were loaded may be that of another of
 * its shape, and its record shows no literals.
 */
static void
take_raw_text(struct clients *clients, const struct judged *judged, struct ruling *ruling,
    bool of_shape)
{
	if (audit_is_needed(ruling->rendered) && !of_shape)
		audit_verdict_take_text(ruling->rendered,
		    audit_text_parts_raw(
			clients_config(clients), judged->text, judged->length, judged->facts));
}

struct ruling *
ruling_new(const struct judged *judged, const struct client *client,
    const struct policy_transaction *doings, bool hides_rows, bool of_shape)
{
	struct clients *clients = client->clients;
	const struct identity *identity = client->identity;
	struct policies *policies = clients_policies(clients);
	struct loop *loop = clients_loop(clients);
	struct ruling *ruling = mem_zalloc(1, sizeof(*ruling));
	const struct policy_path path = path_of(client);
	const struct policy_script script = { .transaction = doings,
		.in_block = doings != NULL,
		.path = &path,
		.hides_rows = hides_rows };

	*ruling = (struct ruling){ .references = 1,
		.identity = identity->id,
		.policies = policies_reference(policies),
		.lane = clients_lane(clients),
		.judged_us = loop_now_us(loop) };
	policies_judge_in(policies, &identity->subject, judged->text, judged->length,
	    judged->outcome, judged->facts, &judged->err, loop_wall_us(loop), &script,
	    &ruling->verdict);
	if (ruling->verdict.path_asked)
		ruling->path_key = path_key(client);
	if (judged->outcome == SQL_UNPARSEABLE && ruling->verdict.position == 0)
		ruling->verdict.position = judged->position;
	/* To speak of a long one would be to parse it on the loop. */
	ruling->of_any = !of_shape || is_plain_yes(&ruling->verdict) ||
	    (is_shared(&ruling->verdict, &script) &&
		(doings != NULL || judged->length <= GATE_INLINE_MOST) &&
		speak_of_shape(clients, judged, identity, &script, &ruling->verdict));
	if (doings != NULL && !ruling->of_any)
		take_words(&ruling->verdict, &(struct verdict){ 0 });
	find_all_quotas(clients, ruling, identity);
	if (refuse_blocked(clients, judged, ruling) || !policies_are_empty(policies))
		ruling->rendered = audit_verdict_new(&ruling->verdict);
	take_raw_text(clients, judged, ruling, of_shape);
	return ruling;
}

struct ruling *
ruling_of_rule(
    const struct ruling *of, const char *rule, char *detail, const char *hint)
{
	struct ruling *ruling = mem_zalloc(1, sizeof(*ruling));

	*ruling = (struct ruling){ .references = 1,
		.identity = of->identity,
		.policies = policies_reference(of->policies),
		.lane = of->lane,
		.judged_us = of->judged_us,
		.verdict = { .action = POLICY_DENY,
		    .mode = POLICY_MODE_ENFORCE,
		    .rule = rule,
		    .policy = of->verdict.policy,
		    .sqlstate = "42501",
		    .message = mem_printf("blocked by pgweir rule \"%s\"", rule),
		    .detail = detail,
		    .hint = mem_strdup(hint) } };
	ruling->rendered = audit_verdict_new(&ruling->verdict);
	return ruling;
}

struct ruling *
ruling_tightened(struct clients *clients, const struct ruling *of, const struct ruling *by,
    bool of_rules, const struct policy_logged *logged, const struct identity *identity)
{
	struct ruling *ruling = mem_zalloc(1, sizeof(*ruling));

	*ruling = (struct ruling){ .references = 1,
		.identity = of->identity,
		.policies = policies_reference(of->policies),
		.lane = of->lane,
		.judged_us = of->judged_us };
	verdict_copy(&ruling->verdict, &of->verdict);
	verdict_tighten(&ruling->verdict, &by->verdict, of_rules);
	ruling->verdict.logged = *logged;
	find_all_quotas(clients, ruling, identity);
	ruling->rendered = audit_verdict_new(&ruling->verdict);
	return ruling;
}
