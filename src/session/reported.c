/*
 * reported.c - what a server reports of its session, where policies rest upon it.
 *
 * The parser reads texts as UTF-8 and with standard_conforming_strings on. Statements that
 * change that are refused by the rule `encoding`; code that cannot be looked into may do it
 * all the same, and then the server tells. Called by answer.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "session/guardrails.h"
#include "session_internal.h"
#include "wire/read.h"

static const char *const watched[] = { "standard_conforming_strings", "client_encoding" };

/* Does a server that reports this read texts as the parser does? */
static bool
is_as_read(const char *name, const char *value)
{
	if (strcmp(name, watched[0]) == 0)
		return strcmp(value, "on") == 0;
	if (strcmp(name, watched[1]) == 0)
		return strcmp(value, "UTF8") == 0 || strcmp(value, "SQL_ASCII") == 0;
	return true;
}

/* Do the policies refuse to have texts read otherwise? */
static bool
is_refused(const struct verdict *verdict)
{
	return verdict->action == POLICY_DENY && strcmp(verdict->rule, "encoding") == 0;
}

/* The client is told of the rule; its server is never lent again. */
static void
discard(struct link *link, const char *name, const char *value, const struct verdict *verdict)
{
	struct client *client = link->client;
	char *what = mem_printf("the server reports %s \"%.60s\", which code behind a statement has "
	    "set; what was committed before stays", name, value);

	client->pool->counters.denied++;
	guardrails_note(clients_shared(client->clients)->guardrails, verdict, "",
	    loop_wall_us(clients_loop(client->clients)));
	link->fatal = true;
	link->broken_rule = "encoding";
	snprintf(link->last_state, sizeof(link->last_state), "%s", verdict->sqlstate);
	mem_free(link->last_message);
	link->last_message = mem_strdup(verdict->message);
	link_violated(link, what);
	mem_free(what);
}

enum fate
reported_take(struct link *link, const uint8_t *body, size_t length)
{
	struct client *client = link->client;
	struct reader reader = reader_over(body, length);
	const char *name = read_cstring(&reader);
	const char *value = read_cstring(&reader);
	struct verdict verdict = { 0 };
	bool refused;

	if (is_as_read(name, value) || policies_are_empty(clients_policies(link->clients)))
		return FATE_FORWARD;
	if (client == NULL) { /* who it was for is gone, and what may be done with it not known */
		link_violated(link, "the server reads texts otherwise than policies do");
		return FATE_GONE;
	}
	startup_settings_judge(client, name, value, &verdict);
	refused = is_refused(&verdict);
	if (refused)
		discard(link, name, value, &verdict);
	verdict_free(&verdict);
	return refused ? FATE_GONE : FATE_FORWARD;
}

void
reported_review(struct client *client)
{
	if (client->pool == NULL || client->startup != NULL)
		return; /* of the console, or not logged in yet */
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		const char *set = settings_get(&client->settings, watched[i]);
		struct verdict verdict = { 0 };
		struct wire_error error;

		if (set == NULL)
			continue;
		startup_settings_judge_set(client, set, strlen(set), &verdict);
		error = refuse_error(&verdict, "FATAL");
		if (is_refused(&verdict))
			client_end_with(client, &error);
		verdict_free(&verdict);
	}
}
