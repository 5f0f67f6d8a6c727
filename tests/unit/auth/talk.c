/* talk.c - see talk.h. */
#include <string.h>

#include "talk.h"

static void
terminate(struct buf *buf)
{
	buf_reserve(buf, 1)[0] = '\0';
}

enum auth_step
tell_server(struct auth_server *server, const void *message, size_t length, uint32_t *code,
    struct buf *body, struct error *err)
{
	enum auth_step step = auth_server_step(server, message, length, code, body, err);

	terminate(body);
	return step;
}

enum auth_step
tell_server_first(struct auth_server *server, const char *first, uint32_t *code,
    struct buf *body, struct error *err)
{
	struct buf message = { 0 };
	enum auth_step step;

	buf_put_cstring(&message, "SCRAM-SHA-256");
	buf_put_u32(&message, (uint32_t)strlen(first));
	buf_put_text(&message, first);
	step = tell_server(server, buf_bytes(&message), buf_length(&message), code, body, err);
	buf_free(&message);
	return step;
}

enum auth_step
tell_client(struct auth_client *client, uint32_t code, const char *message, struct buf *reply,
    struct error *err)
{
	bool send;
	enum auth_step step = auth_client_step(client, code, (const uint8_t *)message,
	    strlen(message), &send, reply, err);

	terminate(reply);
	return step;
}

struct outcome
talk(struct auth_server *server, struct auth_client *client)
{
	struct outcome outcome = { 0 };
	struct buf asked = { 0 }, answered = { 0 };
	uint32_t code;
	bool send;

	outcome.server = auth_server_start(server, &code, &asked);
	outcome.client = AUTH_CONTINUE;
	while (outcome.server == AUTH_CONTINUE) {
		outcome.messages++;
		outcome.client = auth_client_step(client, code, buf_bytes(&asked),
		    buf_length(&asked), &send, &answered, &outcome.client_error);
		if (outcome.client != AUTH_CONTINUE || !send)
			break;
		outcome.server = auth_server_step(server, buf_bytes(&answered),
		    buf_length(&answered), &code, &asked, &outcome.server_error);
	}
	if (outcome.server == AUTH_DONE && code != AUTH_CODE_OK) {
		outcome.messages++;
		outcome.client = auth_client_step(client, code, buf_bytes(&asked),
		    buf_length(&asked), &send, &answered, &outcome.client_error);
	}
	if (outcome.server == AUTH_DONE && outcome.client == AUTH_CONTINUE)
		outcome.client = auth_client_step(client, AUTH_CODE_OK, NULL, 0, &send,
		    &answered, &outcome.client_error);
	buf_free(&asked);
	buf_free(&answered);
	return outcome;
}

struct outcome
log_in(enum auth_method method, const char *stored, const char *typed)
{
	struct auth_server *server = auth_server_new(method, "alice", stored);
	struct auth_client *client = auth_client_new("alice", typed, NULL);
	struct outcome outcome = talk(server, client);

	auth_server_free(server);
	auth_client_free(client);
	return outcome;
}
