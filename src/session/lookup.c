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
#include "session_internal.h"
#include "wire/build.h"
#include "wire/frame.h"
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
	struct server *server;		/* lent, while ASKING */
	struct admission admission;
	enum lookup_state state;
	char *user;
	char *secret; /* ours; NULL: none */
	unsigned rows, repeats;
	bool failed;
	bool answered; /* wholly: what is behind it is not for us */
	bool unasked;  /* and should not be there */
	char why[512];
	struct buf in; /* a message that has not wholly come */
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
	if (lookup->in.data != NULL)
		explicit_bzero(lookup->in.data, lookup->in.size);
	buf_free(&lookup->in);
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
	struct buf *out = stream_out(lookup->server->stream);

	build_parse(out, "", clients_config(lookup->clients)->auth_query);
	put_bind(out, lookup->user);
	build_execute(out, "");
	build_sync(out);
	lookup->server->batch++;
	stream_flush(lookup->server->stream);
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

/* All is answered. */
static void
give_back(struct lookup *lookup)
{
	struct server *server = lookup->server;

	lookup->server = NULL;
	server->user = NULL;
	server->user_arg = NULL;
	if (lookup->unasked) {
		server_close(server, "the server said more than auth.query asked for");
	} else if (server->transaction == 'I') {
		/* The beginning of a message; a copy, as secrets were in ours. */
		buf_put(&server->in, buf_bytes(&lookup->in), buf_length(&lookup->in));
		pool_return(server);
	} else {
		server_close(server, "auth.query left a transaction open");
	}
	end(lookup);
}

static void
take_message(struct lookup *lookup, uint8_t type, const uint8_t *body, size_t length)
{
	if (lookup->answered && type != 'S' && type != 'N' && type != 'A') {
		lookup->unasked = true;
		return;
	}
	switch (type) {
	case 'E':
		fail(lookup, report_read(body, length).message);
		break;
	case 'D':
		take_row(lookup, body, length);
		break;
	case 'S':
		server_note_parameter(lookup->server, body, length);
		break;
	case 'Z':
		lookup->server->transaction = length == 1 ? (char)body[0] : 'E';
		lookup->answered = true;
		break;
	default:
		break;
	}
}

static void
on_data(struct server *server, const uint8_t *bytes, size_t length)
{
	struct lookup *lookup = server->user_arg;
	struct frame frame;
	enum frame_status status;

	buf_put(&lookup->in, bytes, length);
	while ((status = frame_read(buf_bytes(&lookup->in), buf_length(&lookup->in), &frame)) == FRAME_GOOD) {
		if (frame.length > LOOKUP_MESSAGE_MOST)
			break;
		if (buf_length(&lookup->in) < frame.length) {
			status = FRAME_SHORT;
			break;
		}
		take_message(lookup, frame.type, buf_bytes(&lookup->in) + FRAME_HEADER,
		    frame.length - FRAME_HEADER);
		buf_consume(&lookup->in, frame.length);
	}
	if (status == FRAME_SHORT && lookup->answered)
		give_back(lookup);
	if (status == FRAME_SHORT)
		return;
	fail(lookup, "its answer is longer than 64 KiB");
	lookup->server = NULL;
	server->user = NULL;
	server_close(server, "the answer to auth.query is longer than 64 KiB");
	end(lookup);
}

static void
on_drained(struct server *server)
{
	(void)server;
}

static void begin(struct lookup *lookup);

/* It may have died long ago, and nobody knew: ask another. */
static void
on_lost(struct server *server, const char *why)
{
	struct lookup *lookup = server->user_arg;

	lookup->server = NULL;
	fail(lookup, why);
	if (lookup->client == NULL || clients_draining(lookup->clients) != CLIENTS_SERVE ||
	    lookup->repeats++ == LOOKUP_REPEATS_MOST) {
		end(lookup);
		return;
	}
	lookup->failed = false;
	lookup->rows = 0;
	mem_free_secret(lookup->secret);
	lookup->secret = NULL;
	buf_free(&lookup->in);
	pool_doubt(lookup->pool);
	begin(lookup);
}

static const struct server_user lookup_user = {
	.data = on_data,
	.drained = on_drained,
	.lost = on_lost,
};

/* ---- when ---- */

static void
ask(struct lookup *lookup, struct server *server)
{
	lookup->state = LOOKUP_ASKING;
	lookup->server = server;
	lookup->deadline_us = loop_now_us(clients_loop(lookup->clients)) + LOOKUP_ANSWER_US;
	server->user = &lookup_user;
	server->user_arg = lookup;
	lookup->in = server->in; /* the beginning of a message that came while it was idle */
	server->in = (struct buf){ 0 };
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
		struct server *server = lookup->server;

		if (server != NULL && now_us >= lookup->deadline_us) {
			fail(lookup, "no answer in 10 s");
			lookup->server = NULL;
			server->user = NULL;
			server_close(server, "no answer to auth.query");
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
