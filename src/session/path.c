/* path.c - see path.h. Told by residue.c and probe.c, asked by ruling.c and gate.c. */
#include "path.h"

#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "session_internal.h"

enum { KEY_UNKNOWN = 1, KEY_DEFAULT = 2 };

/* What the statement sets search_path to, if it does that and nothing else; or NULL. */
static const char *
set_by(const struct sql_statement *statement)
{
	if (statement->setting_count != 1 || statement->setting_name_count != 1)
		return NULL;
	return statement->settings[0].path;
}

static bool
is_moved_by(const struct link *link, const struct sql_statement *statement)
{
	const struct subject *subject = &link->client->identity->subject;

	return policy_path_is_moved(statement, subject->catalogs, subject->database);
}

/* Nobody asks the server what code left there for a client that keeps it. */
static bool
is_lost_by(const struct link *link, const struct sql_statement *statement)
{
	return link->client->pool_mode == POOL_MODE_SESSION &&
	    (statement->function_count > 0 || (statement->residue & SQL_RESIDUE_OPAQUE) != 0);
}

static void
move(struct link *link, const char *names)
{
	mem_free(link->path_here);
	link->path_here = mem_strdup(names);
	link->path_moved = true;
}

void
path_note(struct link *link, const struct sql_statement *statement)
{
	const char *names = set_by(statement);
	bool known = !link->path_moved || link->path_here != NULL;

	if (link->client == NULL || link->path_lost)
		return;
	if (names != NULL && known) {
		move(link, names);
	} else if (is_moved_by(link, statement)) {
		move(link, NULL);
		link->path_lost = is_lost_by(link, statement);
	}
}

void
path_lose(struct link *link)
{
	move(link, NULL);
	link->path_lost = link->client != NULL && link->client->pool_mode == POOL_MODE_SESSION;
}

void
path_settle(struct link *link)
{
	if (link->probe != NULL)
		return; /* what is found then becomes the client's */
	mem_free(link->path_here);
	link->path_here = NULL;
	link->path_moved = false;
}

static bool
may_move(const struct link *link, const struct judged *judged)
{
	if (judged == NULL || judged->facts == NULL || judged->executes)
		return true;
	for (size_t i = 0; i < judged->facts->statement_count; i++)
		if (is_moved_by(link, &judged->facts->statements[i]))
			return true;
	return false;
}

/* Is something still to run that may lead names elsewhere? */
static bool
awaits_move(const struct link *link)
{
	const struct request *request;

	for (size_t i = 0; (request = requests_at(&link->requests, i)) != NULL; i++)
		if (request_is_statement(request) && may_move(link, request->judged))
			return true;
	return false;
}

struct policy_path
path_of(const struct client *client)
{
	const struct link *link = client->link;

	if (link != NULL &&
	    ((link->server->residue & (SQL_RESIDUE_TEMP | SQL_RESIDUE_ROLE)) != 0 ||
		link->path_lost || awaits_move(link)))
		return (struct policy_path){ 0 };
	if (link != NULL && link->path_moved)
		return (struct policy_path){ .known = link->path_here != NULL,
			.names = link->path_here };
	return (struct policy_path){ .known = true,
		.set = settings_get(&client->settings, "search_path") };
}

uint64_t
path_key(const struct client *client)
{
	struct policy_path path = path_of(client);
	const char *text = path.names != NULL ? path.names : path.set;

	if (text == NULL)
		return path.known ? KEY_DEFAULT : KEY_UNKNOWN;
	return XXH3_64bits_withSeed(text, strlen(text), path.names != NULL) | 4;
}
