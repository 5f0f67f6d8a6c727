/* path.c - see path.h. Told of what is sent by outgoing.c, asked by ruling.c and gate.c. */
#include "path.h"

#include <string.h>
#include <xxhash.h>

#include "policy/catalogs.h"
#include "session_internal.h"

enum { KEY_UNKNOWN = 1, KEY_DEFAULT = 2 };

bool
path_text_is_quiet(const struct sql_facts *facts)
{
	for (size_t i = 0; facts != NULL && i < facts->statement_count; i++)
		if (!policy_is_quiet(&facts->statements[i]))
			return false;
	return facts != NULL;
}

/* Are all functions that the text calls PostgreSQL's own? Remembered in `judged`. */
static bool
calls_builtins(const struct client *client, struct judged *judged)
{
	const struct subject *subject = &client->identity->subject;
	unsigned generation = catalogs_generation(subject->catalogs);
	bool calm = true;

	if (judged->calm_in == client->learned && judged->calm_generation == generation)
		return judged->calm;
	for (size_t i = 0; i < judged->facts->statement_count && calm; i++)
		calm = policy_calls_builtins(
		    &judged->facts->statements[i], subject->catalogs, subject->database);
	judged->calm_in = client->learned;
	judged->calm_generation = generation;
	return judged->calm = calm;
}

/* Nobody asks the server what code left there for a client that keeps it. */
static bool
is_lost_by(const struct client *client, struct judged *judged)
{
	const unsigned unseen = SQL_RESIDUE_OPAQUE | SQL_RESIDUE_SETTING;

	if (client->pool_mode != POOL_MODE_SESSION)
		return false;
	return judged == NULL || judged->facts == NULL || judged->executes ||
	    judged->facts->statement_count == 0 || judged->facts->statements[0].by_message ||
	    (judged->residue & unseen) != 0 || !calls_builtins(client, judged);
}

void
path_sent(struct client *client, struct judged *judged)
{
	struct link *link = client->link;

	if (judged == NULL || !judged->quiet || !calls_builtins(client, judged))
		link->path_doubted = true;
	if (link->path_doubted && !link->path_lost)
		link->path_lost = is_lost_by(client, judged);
}

void
path_settle(struct link *link)
{
	/* What is found where something is still to be asked becomes the client's. */
	if (link->probe == NULL && link->server->transaction == 'I' &&
	    link->requests.count == 0 && !link->unsynced)
		link->path_doubted = false;
}

/* Has the session the settings that are known of it? */
static bool
is_told_by_settings(const struct client *client)
{
	if (client->unrestorable || client->pool == NULL ||
	    settings_get(&client->settings, "role") != NULL ||
	    settings_get(&client->settings, "session_authorization") != NULL)
		return false;
	/* A connect_query may have set another default. */
	return !client->pool->introduces || settings_get(&client->settings, "search_path") != NULL;
}

static bool
is_known(const struct client *client)
{
	const struct link *link = client->link;

	if (client->path_doubted || !is_told_by_settings(client))
		return false;
	return link == NULL ||
	    (!link->path_doubted && !link->path_lost && link->restore != RESTORE_LACKING &&
		!link->ahead_failed &&
		(link->server->residue & (SQL_RESIDUE_TEMP | SQL_RESIDUE_ROLE)) == 0);
}

struct policy_path
path_of(const struct client *client)
{
	if (!is_known(client))
		return (struct policy_path){ 0 };
	return (struct policy_path){ .known = true,
		.set = settings_get(&client->settings, "search_path") };
}

uint64_t
path_key(const struct client *client)
{
	struct policy_path path = path_of(client);

	if (path.set == NULL)
		return path.known ? KEY_DEFAULT : KEY_UNKNOWN;
	return XXH3_64bits(path.set, strlen(path.set)) | 4;
}
