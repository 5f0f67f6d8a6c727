/*
 * lookup.c - see lookup.h. Begun by admit.c, one for each log-in of a user whose secret is not
 * listed.
 *
 * What goes wrong is told to the log alone: the client is asked and refused as a user that does
 * not exist. A client that goes leaves its question behind, whose answer nobody hears, so that
 * coming and going costs no server connection.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/secret.h"
#include "lookup.h"
#include "pool/talk.h"
#include "session_internal.h"
#include "wire/build.h"
#include "wire/read.h"
#include "wire/report.h"

enum {
	LOOKUP_ANSWER_US = 10 * 1000000,
	LOOKUP_MESSAGE_MOST = 64 * 1024,
	LOOKUP_REPEATS_MOST = 3, /* servers that are shut down may be lost one after the other */
};

enum lookup_state {
	LOOKUP_WAITING, /* in line for a server */
	LOOKUP_ASKING,
	LOOKUP_OVER,
};

/* One question. Owned by its client; by nobody when that has gone while it is ASKING. */
struct lookup {
	struct waiter waiter;	/* first member */
	TAILQ_ENTRY(lookup) in_lookups; /* until OVER */
	struct clients *clients;	/* borrowed */
	struct client *client;		/* borrowed; NULL: it has gone */
	struct pool *pool;		/* borrowed; lives as long as the worker */
	struct talk talk;		/* with a server while ASKING */
	struct admission admission;
	enum lookup_state state;
	char *user;
	char *secret; /* ours; NULL: none */
	unsigned rows, repeats;
	bool failed;
	char why[512];
	uint64_t deadline_us;
};

struct admission
lookup_admission(const struct lookup *lookup)
{
	return lookup->admission;
}

bool
lookup_found(const struct lookup *lookup)
{
	return lookup != NULL && lookup->rows == 1 && !lookup->failed;
}

const char *
lookup_secret(const struct lookup *lookup)
{
	return lookup_found(lookup) ? lookup->secret : NULL;
}

static void
fail(struct lookup *lookup, const char *why)
{
	if (!lookup->failed)
		snprintf(lookup->why, sizeof(lookup->why), "%s", why);
	lookup->failed = true;
}

static void
lookup_free(struct lookup *lookup)
{
	talk_free(&lookup->talk);
	mem_free(lookup->user);
	mem_free_secret(lookup->secret);
	mem_free(lookup);
}

/* It is over, its server given back: the client goes on, if it is still there. */
static void
end(struct lookup *lookup)
{
	struct client *client = lookup->client;

	if (lookup->failed)
		log_warning("auth.query: cannot ask %s as %s about the user \"%s\": %s",
		    lookup->pool->database, lookup->pool->role, lookup->user, lookup->why);
	lookup->state = LOOKUP_OVER;
	TAILQ_REMOVE(clients_lookups(lookup->clients), lookup, in_lookups);
	if (client == NULL) {
		lookup_free(lookup);
		return;
	}
	if (lookup_found(lookup) && lookup->secret != NULL)
		auth_mock_learn(lookup->secret);
	admit_go_on(client);
	client_resume(client);
}

/* ---- what is sent ---- */

/* One text parameter, and the columns as text. */
static void
put_bind(struct buf *out, const char *user)
{
	size_t length = strlen(user);
	size_t mark = build_begin(out, 'B');

	buf_put_cstring(out, "");
	buf_put_cstring(out, "");
	buf_put_u16(out, 0);
	buf_put_u16(out, 1);
	buf_put_u32(out, (uint32_t)length);
	buf_put(out, user, length);
	buf_put_u16(out, 0);
	build_end(out, mark);
}

static void
send_question(struct lookup *lookup)
{
	struct buf *out = stream_out(lookup->talk.server->stream);

	build_parse(out, "", clients_config(lookup->clients)->auth_query);
	put_bind(out, lookup->user);
	build_execute(out, "");
	build_sync(out);
	lookup->talk.server->batch++;
	talk_await(&lookup->talk);
	stream_flush(lookup->talk.server->stream);
}

/* ---- what is answered ---- */

/* A column: its bytes, NULL for SQL's NULL. False: the message is cut short. */
static bool
take_column(struct reader *reader, const uint8_t **bytes, uint32_t *length)
{
	*length = read_u32(reader);
	*bytes = NULL;
	if (*length == UINT32_MAX) {
		*length = 0;
		return reader_ok(reader);
	}
	*bytes = *length <= reader->left ? read_bytes(reader, *length) : NULL;
	return *bytes != NULL && reader_ok(reader);
}

static void
take_row(struct lookup *lookup, const uint8_t *body, size_t length)
{
	struct reader reader = reader_over(body, length);
	const uint8_t *name, *secret;
	uint32_t name_length, secret_length;

	if (lookup->rows++ > 0) {
		fail(lookup, "it answers with more than one row");
		return;
	}
	if (read_u16(&reader) < 2 || !take_column(&reader, &name, &name_length) ||
	    !take_column(&reader, &secret, &secret_length)) {
		fail(lookup, "it must answer with two columns, the name and the stored password");
		return;
	}
	if (name == NULL) { /* a function that found nobody returns a row of NULLs */
		lookup->rows = 0;
		return;
	}
	if (name_length != strlen(lookup->user) ||
	    strncmp((const char *)name, lookup->user, name_length) != 0) {
		fail(lookup, "it answers about another user");
		return;
	}
	if (secret_length > SECRET_BYTES_MOST ||
	    (secret != NULL && memchr(secret, '\0', secret_length) != NULL))
		fail(lookup, "the stored password is longer than 2047 bytes");
	else if (secret_length > 0)
		lookup->secret = mem_strndup((const char *)secret, secret_length);
}

static void
on_message(void *arg, uint8_t type, const uint8_t *body, size_t length)
{
	struct lookup *lookup = arg;

	if (type == 'E')
		fail(lookup, report_read(body, length).message);
	else if (type == 'D')
		take_row(lookup, body, length);
}

static void
on_answered(void *arg)
{
	struct lookup *lookup = arg;

	talk_return(&lookup->talk);
	end(lookup);
}

static void begin(struct lookup *lookup);

/* It may have died long ago, and nobody knew: ask another. */
static void
on_lost(void *arg, const char *why)
{
	struct lookup *lookup = arg;

	fail(lookup, why);
	if (lookup->client == NULL || clients_draining(lookup->clients) != CLIENTS_SERVE ||
	    lookup->talk.broken || lookup->repeats++ == LOOKUP_REPEATS_MOST) {
		end(lookup);
		return;
	}
	lookup->failed = false;
	lookup->rows = 0;
	mem_free_secret(lookup->secret);
	lookup->secret = NULL;
	pool_doubt(lookup->pool);
	begin(lookup);
}

static const struct talk_user lookup_talk = {
	.message = on_message,
	.answered = on_answered,
	.lost = on_lost,
};

/* ---- when ---- */

static void
ask(struct lookup *lookup, struct server *server)
{
	lookup->state = LOOKUP_ASKING;
	lookup->deadline_us = loop_now_us(clients_loop(lookup->clients)) + LOOKUP_ANSWER_US;
	talk_begin(&lookup->talk, server, LOOKUP_MESSAGE_MOST, &lookup_talk, lookup);
	send_question(lookup);
}

static void
on_granted(struct waiter *waiter, struct server *server)
{
	ask((struct lookup *)waiter, server); /* its first member */
}

static void
on_refused(struct waiter *waiter, const struct error *err)
{
	struct lookup *lookup = (struct lookup *)waiter; /* its first member */

	fail(lookup, err->text);
	end(lookup);
}

static void
begin(struct lookup *lookup)
{
	struct server *server;

	lookup->state = LOOKUP_WAITING;
	if (pool_borrow(lookup->pool, &lookup->waiter, &server))
		ask(lookup, server);
}

/* In which database; NULL: nowhere. A stranger does not choose one by "*". */
static const char *
where_to_ask(const struct client *client)
{
	const struct config *config = clients_config(client->clients);
	const struct database_config *database = config_database(config, client->database);

	if (config->auth_query_user[0] == '\0')
		return NULL;
	if (database != NULL && database->auth_database != NULL)
		return database->auth_database;
	if (config->auth_query_database[0] != '\0')
		return config->auth_query_database;
	return database != NULL && strcmp(database->name, "*") != 0 ? client->database : NULL;
}

bool
lookup_begin(struct client *client, struct admission admission)
{
	struct clients *clients = client->clients;
	struct pools *pools = clients_pools(clients);
	const char *database = where_to_ask(client);
	struct lookup *lookup;

	if (database == NULL)
		return false;
	if (pools_are_disabled(pools, database)) {
		log_warning("auth.query: cannot ask about the user \"%s\": the database \"%s\" is "
			    "disabled", client_user(client), database);
		return false;
	}
	lookup = mem_zalloc(1, sizeof(*lookup));
	lookup->clients = clients;
	lookup->client = client;
	lookup->pool = pools_get_asking(pools, database, clients_config(clients)->auth_query_user);
	lookup->admission = admission;
	lookup->user = mem_strdup(client_user(client));
	lookup->waiter.granted = on_granted;
	lookup->waiter.refused = on_refused;
	client->lookup = lookup;
	TAILQ_INSERT_TAIL(clients_lookups(clients), lookup, in_lookups);
	client_enter(client, CLIENT_LOOKUP);
	begin(lookup);
	return true;
}

void
lookup_drop(struct client *client)
{
	struct lookup *lookup = client->lookup;

	if (lookup == NULL)
		return;
	client->lookup = NULL;
	lookup->client = NULL;
	if (lookup->state == LOOKUP_ASKING)
		return;
	if (lookup->state == LOOKUP_WAITING) {
		pool_leave(lookup->pool, &lookup->waiter);
		TAILQ_REMOVE(clients_lookups(lookup->clients), lookup, in_lookups);
	}
	lookup_free(lookup);
}

void
lookups_tick(struct lookup_list *lookups, uint64_t now_us)
{
	struct lookup *lookup = TAILQ_FIRST(lookups);

	while (lookup != NULL) {
		struct lookup *next = TAILQ_NEXT(lookup, in_lookups);

		if (lookup->talk.server != NULL && now_us >= lookup->deadline_us) {
			fail(lookup, "no answer in 10 s");
			talk_close(&lookup->talk, "no answer to auth.query");
			end(lookup);
		}
		lookup = next;
	}
}

void
lookups_free(struct lookup_list *lookups)
{
	while (!TAILQ_EMPTY(lookups)) {
		struct lookup *lookup = TAILQ_FIRST(lookups);

		TAILQ_REMOVE(lookups, lookup, in_lookups);
		lookup_free(lookup);
	}
}
