/*
 * second_line.c - the statement_timeout of the policies, on the server too.
 *
 * The limit is kept by pgweir's clock (limits.c). Should that fail, PostgreSQL itself ends
 * the statement a little later. It is a setting of the session as any other: put on the
 * server when it is lent, and what RESET returns to. A client's own takes its place.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "session_internal.h"

enum { SLACK_LEAST_MS = 1000 };

static const char name[] = "statement_timeout";

/* What sets it, or NULL without a limit; free with mem_free(). */
static char *
replay_for(const struct client *client, const struct policies *policies)
{
	int64_t limit_ms =
	    policies_loosest_statement_timeout(policies, &client->identity->subject);
	int64_t slack_ms = limit_ms / 10 > SLACK_LEAST_MS ? limit_ms / 10 : SLACK_LEAST_MS;

	if (limit_ms == 0)
		return NULL;
	return mem_printf("SET \"statement_timeout\" TO %" PRId64, limit_ms + slack_ms);
}

void
second_line_put(struct client *client)
{
	char *replay;

	if (settings_get(&client->defaults, name) != NULL)
		return; /* asked for at log-in */
	replay = replay_for(client, clients_policies(client->clients));
	if (replay == NULL)
		return;
	settings_set(&client->defaults, name, replay);
	settings_set(&client->settings, name, replay);
	mem_free(replay);
}

/* Exchange what is ours; what the client set stays. */
static void
exchange(struct settings *settings, const char *before, const char *after)
{
	const char *now = settings_get(settings, name);

	if (before == NULL ? now != NULL : now == NULL || strcmp(now, before) != 0)
		return;
	if (after != NULL)
		settings_set(settings, name, after);
	else
		settings_remove(settings, name);
}

void
second_line_change(
    struct client *client, const struct policies *before, const struct policies *after)
{
	char *old, *fresh;

	if (client->pool == NULL)
		return; /* of the console, or not logged in yet */
	old = replay_for(client, before);
	fresh = replay_for(client, after);
	if (old != NULL || fresh != NULL) {
		exchange(&client->defaults, old, fresh);
		exchange(&client->settings, old, fresh);
		clients_share_settings(client->clients, client);
	}
	mem_free(old);
	mem_free(fresh);
}
