/* talk.c - see talk.h. Used by session/lookup.c, plan.c and hub_server.c. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "pool/messages.h"
#include "pool/pool.h"
#include "pool/server.h"
#include "pool/talk.h"
#include "wire/names.h"
#include "wire/report.h"

static void
note_broken(struct talk *talk, const char *why)
{
	if (!talk->broken)
		snprintf(talk->why, sizeof(talk->why), "%s", why);
	talk->broken = true;
}

/* May it come at any time? */
static bool
is_asynchronous(uint8_t type)
{
	return type == 'S' || type == 'N' || type == 'A';
}

static bool
on_parameter(struct talk *talk, const uint8_t *body, size_t length)
{
	if (server_note_parameter(talk->server, body, length))
		return true;
	note_broken(talk, "the server sent a ParameterStatus that cannot be read");
	return false;
}

/* Its last words, or something that nobody asked for. */
static bool
on_unasked(struct talk *talk, uint8_t type, const uint8_t *body, size_t length)
{
	char why[sizeof(talk->why)];

	if (type == 'E') {
		note_broken(talk, report_read(body, length).message);
		return false;
	}
	snprintf(why, sizeof(why), "the server sent %s that nobody had asked for",
	    message_name_from_server(type));
	note_broken(talk, why);
	return false;
}

static bool
on_ready(struct talk *talk, const uint8_t *body, size_t length)
{
	talk->server->transaction = length == 1 ? (char)body[0] : 'E';
	talk->awaited--;
	return true;
}

static bool
take_message(void *arg, uint8_t type, const uint8_t *body, size_t length)
{
	struct talk *talk = arg;

	if (type == 'S')
		return on_parameter(talk, body, length);
	if (talk->awaited == 0 && !is_asynchronous(type))
		return on_unasked(talk, type, body, length);
	if (type == 'Z')
		return on_ready(talk, body, length);
	talk->user->message(talk->arg, type, body, length);
	return true;
}

enum talk_state
talk_take(struct talk *talk, const uint8_t *bytes, size_t length)
{
	bool asked = talk->awaited > 0;
	char why[sizeof(talk->why)];

	if (messages_take(&talk->in, bytes, length, talk->most, take_message, talk) == MESSAGES_BAD) {
		snprintf(why, sizeof(why), "a message of the server is longer than %zu KiB",
		    talk->most / 1024);
		note_broken(talk, why);
	}
	if (asked && talk->awaited == 0)
		return TALK_ANSWERED;
	return talk->broken ? TALK_BROKEN : TALK_GOES_ON;
}

/* What came may have been secret. */
void
talk_free(struct talk *talk)
{
	if (talk->in.data != NULL)
		explicit_bzero(talk->in.data, talk->in.size);
	buf_free(&talk->in);
}

static void
let_go(struct talk *talk)
{
	talk_free(talk);
	talk->server->user = NULL;
	talk->server->user_arg = NULL;
	talk->server = NULL;
}

bool
talk_end(struct talk *talk)
{
	struct server *server = talk->server;
	size_t left = buf_length(&talk->in);

	if (talk->awaited > 0)
		note_broken(talk, "the server has not answered all that pgweir asked");
	else if (server->transaction != 'I')
		note_broken(talk, "a transaction of pgweir's own did not end");
	else if (left > 0 && !is_asynchronous(buf_bytes(&talk->in)[0]))
		note_broken(talk, "the server began a message that nobody had asked for");
	if (!talk->broken)
		buf_put(&server->in, buf_bytes(&talk->in), left);
	let_go(talk);
	return !talk->broken;
}

void
talk_return(struct talk *talk)
{
	struct server *server = talk->server;

	if (talk_end(talk))
		pool_return(server);
	else
		server_close(server, talk->why);
}

void
talk_close(struct talk *talk, const char *why)
{
	struct server *server = talk->server;

	let_go(talk);
	server_close(server, why);
}

static void
on_data(struct server *server, const uint8_t *bytes, size_t length)
{
	struct talk *talk = server->user_arg;

	switch (talk_take(talk, bytes, length)) {
	case TALK_GOES_ON:
		break;
	case TALK_ANSWERED:
		talk->user->answered(talk->arg);
		break;
	case TALK_BROKEN:
		let_go(talk);
		talk->user->lost(talk->arg, talk->why); /* this may be the end of the talk's owner */
		server_close(server, "what it said was not an answer to what pgweir asked");
		break;
	}
}

static void
on_drained(struct server *server)
{
	(void)server;
}

/* The server closes itself when this returns. */
static void
on_lost(struct server *server, const char *why)
{
	struct talk *talk = server->user_arg;

	let_go(talk);
	talk->user->lost(talk->arg, why);
}

static const struct server_user talk_server_user = {
	.data = on_data,
	.drained = on_drained,
	.lost = on_lost,
};

void
talk_begin(struct talk *talk, struct server *server, size_t most, const struct talk_user *user,
    void *arg)
{
	*talk = (struct talk){ .user = user, .arg = arg, .server = server, .most = most };
	/* The beginning of a message that came while it was idle. */
	talk->in = server->in;
	server->in = (struct buf){ 0 };
	server->user = &talk_server_user;
	server->user_arg = talk;
}

void
talk_await(struct talk *talk)
{
	talk->awaited++;
}
