/*
 * permit.c - may this client send this text: what the policies say, and what its pool
 * mode can do. The gate remembers; here the client is told.
 */
#include <string.h>

#include "base/mem.h"
#include "doings.h"
#include "inbound.h"
#include "pin.h"
#include "prepared.h"
#include "session/guardrails.h"

void
permit_count(struct client *client, const struct judged *judged)
{
	struct pool_counters *counters = &client->pool->counters;

	counters->unparseable += judged->outcome == SQL_UNPARSEABLE;
	counters->oversize += judged->outcome == SQL_OVERSIZE;
}

struct judged *
permit_judge(struct client *client, const char *text, size_t length)
{
	struct judged *judged = client->judged;

	if (judged != NULL) { /* this very message waited for it */
		client->judged = NULL;
		return judged;
	}
	judged = gate_judge(clients_gate(client->clients), client, text, length);
	if (judged == NULL)
		client_enter(client, CLIENT_JUDGING); /* gate_answered() counts it */
	else
		permit_count(client, judged);
	return judged;
}

/* Does a statement in front of this one, in the same text, prepare what it runs? */
static bool
is_prepared_before(const struct sql_facts *facts, size_t at, const char *name)
{
	for (size_t i = 0; i < at; i++) {
		const struct sql_statement *statement = &facts->statements[i];

		if ((statement->residue & SQL_RESIDUE_PREPARE) != 0 &&
		    statement->prepared_name != NULL && strcmp(statement->prepared_name, name) == 0)
			return true;
	}
	return false;
}

/* EXPLAIN ANALYZE EXECUTE: what runs changes rows, and the command tag says EXPLAIN. */
static bool
hides_rows(const struct sql_statement *statement)
{
	return (statement->classes & SQL_EXPLAIN) != 0 && (statement->effects & SQL_PREPARE) != 0;
}

/* What the policies say now of what stands under the name; referenced. */
static struct ruling *
rule_of_name(struct client *client, const struct sql_statement *statement, const char *name,
    struct ruling *own)
{
	const struct statement *prepared = prepared_find(&client->prepared, name);
	struct gate *gate = clients_gate(client->clients);

	if (prepared != NULL && prepared->judged != NULL)
		return hides_rows(statement) ? gate_rule_hidden(gate, prepared->judged, client)
					     : gate_rule(gate, prepared->judged, client);
	if (own->verdict.policy == NULL || own->verdict.mode != POLICY_MODE_ENFORCE)
		return ruling_reference(own);
	return ruling_of_rule(own, "prepared-unknown",
	    mem_printf("What stands under the name \"%s\" is not known, so no policy can be asked of it.",
		name),
	    "PREPARE it in this session, with a statement of its own.");
}

/* The same of the i-th of a text: others in it may lead bare names elsewhere before. */
static struct ruling *
rule_of_named(struct client *client, const struct sql_facts *facts, size_t i, struct ruling *own)
{
	const struct sql_statement *statement = &facts->statements[i];
	struct ruling *ruling;

	client->path_doubted = facts->statement_count > 1;
	ruling = rule_of_name(client, statement, statement_executed(statement), own);
	client->path_doubted = false;
	return ruling;
}

/* Which of two rulings has more to say. */
static int
weight(const struct ruling *ruling)
{
	const struct verdict *verdict = &ruling->verdict;

	return (int)verdict->action * 4 + verdict->would_deny * 2 + verdict->break_glass;
}

/* Is it an EXECUTE and nothing else: no EXPLAIN, no CREATE TABLE AS? */
static bool
only_executes(const struct sql_facts *facts)
{
	return facts->statement_count == 1 && facts->statements[0].classes == SQL_PREPARE;
}

/*
 * The words of the one that has more to say, under the limits of both, logged as both want it.
 * Policies' defaults are for what an EXECUTE runs, which they have been asked of. Takes both.
 */
static struct ruling *
join(struct client *client, const struct sql_facts *facts, struct ruling *own, struct ruling *of_name)
{
	bool alone = facts->statement_count == 1;
	bool keeps = weight(own) > weight(of_name) || (!alone && weight(own) == weight(of_name));
	struct ruling *says = keeps ? own : of_name, *other = keeps ? of_name : own;
	bool of_rules = other == own && only_executes(facts);
	bool records = own->verdict.break_glass || of_name->verdict.break_glass;
	bool tightened = verdict_is_tightened(&says->verdict, &other->verdict, of_rules);
	struct policy_logged logged =
	    policy_logged_of_execute(&of_name->verdict, &own->verdict, only_executes(facts));
	bool logs = !records && !policy_logged_is_same(&logged, &says->verdict.logged);
	struct ruling *joined = NULL;

	/* The record of what break_glass let pass is in full: of that one text. */
	if (other->verdict.break_glass || (tightened && records))
		joined = ruling_of_rule(says, "execute-apart",
		    mem_strdup("It is recorded in full (break_glass), and has limits of another statement beside it."),
		    "Send EXECUTE by itself.");
	else if (tightened || logs)
		joined = ruling_tightened(
		    client->clients, says, other, of_rules, &logged, client->identity);
	else
		joined = ruling_reference(says);
	ruling_release(own);
	ruling_release(of_name);
	return joined;
}

/*
 * EXECUTE has the classes, and is under the limits, of what it runs, as they are judged now.
 * Takes the ruling of its own words.
 */
static struct ruling *
rule_of_executed(struct client *client, const struct judged *judged, struct ruling *own)
{
	const struct sql_facts *facts = judged->facts;

	for (size_t i = 0; i < facts->statement_count && own->verdict.action != POLICY_DENY; i++) {
		const char *name = statement_executed(&facts->statements[i]);
		struct ruling *of_name;

		if (name == NULL)
			continue;
		if (!is_prepared_before(facts, i, name))
			of_name = rule_of_named(client, facts, i, own);
		else if (hides_rows(&facts->statements[i]))
			of_name = gate_rule_hidden(clients_gate(client->clients), judged, client);
		else
			continue;
		if (of_name->verdict.action == POLICY_DENY) {
			ruling_release(own);
			own = of_name;
		} else {
			own = join(client, facts, own, of_name);
		}
	}
	return own;
}

struct ruling *
permit_rule(struct client *client, struct judged *judged)
{
	struct ruling *ruling = doings_rule(client, judged);

	if (ruling == NULL)
		ruling = gate_rule(clients_gate(client->clients), judged, client);
	return judged->executes ? rule_of_executed(client, judged, ruling) : ruling;
}

enum step
permit_later(struct client *client, struct judged *judged, struct ruling *ruling)
{
	ruling_release(ruling);
	judged_release(client->judged);
	client->judged = judged;
	return STEP_LATER;
}

static void
count(const struct client *client, const struct verdict *verdict, const struct judged *judged)
{
	guardrails_note(clients_shared(client->clients)->guardrails, verdict,
	    judged != NULL && judged->facts != NULL ? judged->facts->fingerprint : "",
	    loop_wall_us(clients_loop(client->clients)));
}

void
permit_note_refusal(struct client *client, struct judged *judged, struct ruling *ruling)
{
	record_refused(client, judged, ruling);
	client->pool->counters.denied++;
	count(client, &ruling->verdict, judged);
}

void
permit_refuse(struct client *client, uint8_t type, struct judged *judged, struct ruling *ruling)
{
	struct buf error = { 0 };

	refuse_build(&error, &ruling->verdict);
	permit_note_refusal(client, judged, ruling);
	refuse_message(client, type, &error);
	buf_free(&error);
}

void
permit_with_warning(struct client *client, const struct wire_error *warning)
{
	struct buf notice = { 0 };

	build_notice(&notice, warning);
	outgoing_expect_reply(client, REQUEST_NOTICE, &notice);
	buf_free(&notice);
}

void
permit_warn(struct client *client, const struct verdict *verdict)
{
	struct buf notice = { 0 };

	if (verdict->action != POLICY_WARN && !verdict->would_deny)
		return;
	count(client, verdict, NULL);
	build_notice(&notice,
	    &(struct wire_error){ .severity = "NOTICE",
		.sqlstate = "01000",
		.message = verdict->message != NULL ? verdict->message : "a pgweir rule warns",
		.detail = verdict->detail,
		.hint = verdict->hint,
		.constraint = verdict->rule });
	/* In its turn: the client may be in the middle of a row of an earlier answer. */
	outgoing_expect_reply(client, REQUEST_NOTICE, &notice);
	buf_free(&notice);
}

/* What statement pooling cannot do: transactions and several statements at once. */
bool
permit_in_pool_mode(struct client *client, struct judged *judged, uint8_t type)
{
	const struct sql_facts *facts = judged->facts;
	struct wire_error error = { .severity = "ERROR",
		.sqlstate = "0A000",
		.hint = "Connect to a database whose pool_mode is transaction or session." };

	if (client->pool_mode != POOL_MODE_STATEMENT || facts == NULL)
		return true;
	if (facts->statement_count > 1)
		error.message = "several statements in one message cannot be run with pool_mode statement";
	for (size_t i = 0; i < facts->statement_count; i++)
		if (facts->statements[i].transaction == SQL_TXN_BEGIN)
			error.message = "transactions cannot be used with pool_mode statement";
	if (error.message == NULL)
		return true;
	record_answered(client, judged, error.sqlstate);
	refuse_with(client, type, &error);
	return false;
}

/*
 * A statement that another client's Parse put on the server is not there for this one: it
 * was judged for that client.
 */
bool
permit_names(struct client *client, struct judged *judged, uint8_t type)
{
	char *text;

	if (judged->reserved == NULL)
		return true;
	text = mem_printf("prepared statement \"%s\" does not exist", judged->reserved);
	record_answered(client, judged, "26000");
	refuse_with(client, type,
	    &(struct wire_error){ .severity = "ERROR", .sqlstate = "26000", .message = text });
	mem_free(text);
	return false;
}

/* What a statement leaves if it runs: an EXECUTE what stands under its name. */
static unsigned
residue_if_run(const struct client *client, const struct sql_statement *statement)
{
	const char *name = statement_executed(statement);
	const struct statement *made = name == NULL ? NULL : prepared_find(&client->prepared, name);
	unsigned made_residue = made == NULL || made->judged == NULL ? 0 : made->judged->residue;

	return statement->residue | (made_residue & ~(unsigned)SQL_RESIDUE_PREPARE);
}

/* A PREPARE runs nothing, unless an EXECUTE stands in the same text. */
static unsigned
residue_of_text(const struct client *client, const struct judged *judged)
{
	const struct sql_facts *facts = judged->facts;
	unsigned residue = 0;

	for (size_t i = 0; facts != NULL && i < facts->statement_count; i++)
		if (judged->executes || !(facts->statements[i].residue & SQL_RESIDUE_PREPARE))
			residue |= residue_if_run(client, &facts->statements[i]);
	return facts == NULL ? judged->residue : residue;
}

bool
permit_pin(struct client *client, struct judged *judged, uint8_t type)
{
	char *text;

	if ((judged->residue == 0 && !judged->executes) ||
	    pin_is_affordable(client->link, judged, residue_of_text(client, judged)))
		return true;
	client->pool->counters.pins_refused++;
	text = mem_printf("too many clients of database \"%s\" keep a server connection already",
	    client->pool->database);
	record_answered(client, judged, "53400");
	refuse_with(client, type,
	    &(struct wire_error){ .severity = "ERROR",
		.sqlstate = "53400",
		.message = text,
		.detail = "This statement leaves something in the server connection, which would "
			  "stay with this session, beyond protocol.pin_budget.",
		.hint = "Do without it (a lock of the transaction, a table ON COMMIT DROP), let others "
			"end theirs (SHOW PINS), or use a database whose pool_mode is session." });
	mem_free(text);
	return false;
}
