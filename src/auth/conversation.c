/*
 * conversation.c - see conversation.h: which step follows which, on both sides.
 *
 * The steps themselves are in password.c, md5.c, scram_server.c, scram_client.c.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>

#include "auth_internal.h"
#include "base/mem.h"
#include "mock.h"

#define TO(state) (1u << (state))

/* What a client is asked first, by method. */
static const struct method {
	uint32_t code;
	enum auth_server_state awaits;
	void (*ask)(struct auth_server *auth, struct buf *body); /* NULL: no body */
} methods[] = {
	[AUTH_METHOD_TRUST] = { AUTH_CODE_OK, AUTH_SERVER_OVER, NULL },
	[AUTH_METHOD_PASSWORD] = { AUTH_CODE_CLEARTEXT, AUTH_SERVER_PASSWORD, NULL },
	[AUTH_METHOD_MD5] = { AUTH_CODE_MD5, AUTH_SERVER_MD5, md5_ask },
	[AUTH_METHOD_SCRAM] = { AUTH_CODE_SASL, AUTH_SERVER_SCRAM_INITIAL, scram_server_ask },
	[AUTH_METHOD_PAM] = { AUTH_CODE_CLEARTEXT, AUTH_SERVER_PAM, NULL },
};

/* Who hears a client's message in a state, and which states may follow; OVER always may. */
static const struct server_state {
	unsigned next;
	enum auth_step (*hear)(struct auth_server *auth, struct auth_turn *turn);
} server_states[] = {
	[AUTH_SERVER_NEW] = { TO(AUTH_SERVER_PASSWORD) | TO(AUTH_SERVER_PAM) |
		TO(AUTH_SERVER_MD5) | TO(AUTH_SERVER_SCRAM_INITIAL), NULL },
	[AUTH_SERVER_PASSWORD] = { 0, password_check },
	[AUTH_SERVER_PAM] = { 0, password_take },
	[AUTH_SERVER_MD5] = { 0, md5_check },
	[AUTH_SERVER_SCRAM_INITIAL] = {
	    TO(AUTH_SERVER_SCRAM_FIRST) | TO(AUTH_SERVER_SCRAM_FINAL), scram_server_initial },
	[AUTH_SERVER_SCRAM_FIRST] = { TO(AUTH_SERVER_SCRAM_FINAL), scram_server_first },
	[AUTH_SERVER_SCRAM_FINAL] = { 0, scram_server_final },
	[AUTH_SERVER_OVER] = { 0, NULL },
};

void
auth_server_enter(struct auth_server *auth, enum auth_server_state state)
{
	assert(state == AUTH_SERVER_OVER || (server_states[auth->state].next & TO(state)));
	auth->state = state;
}

enum auth_step
auth_server_refuse(const struct auth_server *auth, struct auth_turn *turn, const char *why)
{
	error_set_state(turn->err, ERROR_AUTH, "28P01",
	    "password authentication failed for user \"%s\": %s", auth->user,
	    auth->doomed != NULL ? auth->doomed : why);
	return AUTH_FAILED;
}

enum auth_step
auth_server_malformed(struct auth_turn *turn, const char *what)
{
	error_set_state(turn->err, ERROR_PROTOCOL, "08P01", "%s", what);
	return AUTH_FAILED;
}

/* Is it the md5 hash of an empty password? */
static bool
is_empty_md5(const char *user, const char *secret)
{
	char empty[MD5_TEXT_SIZE];

	return md5_secret("", user, empty) && strcmp(secret, empty) == 0;
}

/* NULL, or why nobody can log in with this stored secret. */
static const char *
why_doomed(const struct auth_server *auth, const char *secret)
{
	if (secret == NULL)
		return "there is no such user, or it has no password";
	if (auth->kind == SECRET_NONE)
		return "its stored password is empty";
	if (auth->kind != SECRET_MD5)
		return NULL;
	if (auth->method == AUTH_METHOD_SCRAM)
		return "only an md5 hash of its password is stored, SCRAM needs more";
	return is_empty_md5(auth->user, secret) ? "its stored password is empty" : NULL;
}

struct auth_server *
auth_server_new(enum auth_method method, const char *user, const char *secret)
{
	struct auth_server *auth = mem_zalloc(1, sizeof(*auth));

	auth->method = method;
	auth->user = mem_strdup(user);
	if (method == AUTH_METHOD_TRUST || method == AUTH_METHOD_PAM)
		return auth;
	auth->kind = secret_kind(secret);
	auth->doomed = why_doomed(auth, secret);
	auth->secret = auth->doomed != NULL ? mock_secret(method, user) : mem_strdup(secret);
	if (auth->doomed != NULL)
		auth->kind = secret_kind(auth->secret);
	if (auth->kind == SECRET_SCRAM)
		scram_verifier_parse(auth->secret, &auth->verifier);
	if (method == AUTH_METHOD_MD5 && auth->kind == SECRET_SCRAM)
		auth->method = AUTH_METHOD_SCRAM;
	return auth;
}

static void
bind_to(struct auth_binding *to, const uint8_t *binding, size_t length)
{
	assert(length <= sizeof(to->bytes));
	for (size_t i = 0; i < length; i++)
		to->bytes[i] = binding[i];
	to->length = length;
}

void
auth_server_bind(struct auth_server *auth, const uint8_t *binding, size_t length)
{
	bind_to(&auth->binding, binding, length);
}

void
auth_client_bind(struct auth_client *auth, const uint8_t *binding, size_t length)
{
	bind_to(&auth->binding, binding, length);
}

enum auth_step
auth_server_start(struct auth_server *auth, uint32_t *code, struct buf *body)
{
	const struct method *method = &methods[auth->method];

	assert(auth->state == AUTH_SERVER_NEW);
	buf_clear(body);
	*code = method->code;
	if (method->ask != NULL)
		method->ask(auth, body);
	auth_server_enter(auth, method->awaits);
	return method->awaits == AUTH_SERVER_OVER ? AUTH_DONE : AUTH_CONTINUE;
}

enum auth_step
auth_server_step(struct auth_server *auth, const uint8_t *message, size_t length,
    uint32_t *code, struct buf *body, struct error *err)
{
	struct auth_turn turn = { .message = message, .length = length,
		.code = AUTH_CODE_OK, .body = body, .err = err };
	const struct server_state *state = &server_states[auth->state];
	enum auth_step step;

	buf_clear(body);
	step = state->hear != NULL ? state->hear(auth, &turn)
				   : auth_server_malformed(&turn, "no password was asked for");
	/* Nobody logs in to a doomed conversation, whatever its steps made of the message. */
	if (step == AUTH_DONE && auth->doomed != NULL)
		step = auth_server_refuse(auth, &turn, auth->doomed);
	if (step != AUTH_CONTINUE)
		auth_server_enter(auth, AUTH_SERVER_OVER);
	if (step == AUTH_FAILED)
		buf_clear(body);
	*code = step == AUTH_FAILED ? AUTH_CODE_OK : turn.code;
	return step;
}

const struct scram_keys *
auth_server_keys(const struct auth_server *auth)
{
	return &auth->keys;
}

const char *
auth_server_password(const struct auth_server *auth)
{
	return auth->secret;
}

void
auth_server_free(struct auth_server *auth)
{
	if (auth == NULL)
		return;
	mem_free(auth->user);
	mem_free_secret(auth->secret);
	buf_free(&auth->full_nonce);
	buf_free(&auth->messages);
	OPENSSL_cleanse(auth, sizeof(*auth));
	mem_free(auth);
}

void
auth_client_enter(struct auth_client *auth, enum auth_client_state state)
{
	/* Always forward; over stays over. */
	assert(state >= auth->state);
	auth->state = state;
}

enum auth_step
auth_client_fail(const struct auth_client *auth, struct auth_turn *turn, enum error_code code,
    const char *format, ...)
{
	char why[400];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	error_set(turn->err, code, "cannot log in to the server as \"%s\": %s", auth->user, why);
	return AUTH_FAILED;
}

/* AuthenticationOk: where it is legal, it ends the conversation. */
static enum auth_step
accept_ok(struct auth_client *auth, struct auth_turn *turn)
{
	if (turn->length != 0)
		return auth_client_fail(auth, turn, ERROR_PROTOCOL,
		    "its AuthenticationOk has %zu bytes too many", turn->length);
	return AUTH_DONE;
}

/*
 * Every AuthenticationX message: the states in which it is legal, and who answers.
 * AuthenticationOk is not legal once SCRAM was begun, until the server has proved
 * itself: else anybody could pass for the server by leaving the proof out.
 */
static const struct request {
	uint32_t code;
	unsigned legal;
	const char *name;
	enum auth_step (*answer)(struct auth_client *auth, struct auth_turn *turn);
} requests[] = {
	{ AUTH_CODE_OK,
	    TO(AUTH_CLIENT_NEW) | TO(AUTH_CLIENT_ANSWERED) | TO(AUTH_CLIENT_PROVED),
	    "AuthenticationOk", accept_ok },
	{ AUTH_CODE_CLEARTEXT, TO(AUTH_CLIENT_NEW), "a clear password", password_reply },
	{ AUTH_CODE_MD5, TO(AUTH_CLIENT_NEW), "an md5 password", md5_reply },
	{ AUTH_CODE_SASL, TO(AUTH_CLIENT_NEW), "SASL", scram_client_begin },
	{ AUTH_CODE_SASL_CONTINUE, TO(AUTH_CLIENT_SCRAM_FIRST), "a SASL challenge",
	    scram_client_continue },
	{ AUTH_CODE_SASL_FINAL, TO(AUTH_CLIENT_SCRAM_FINAL), "the end of SASL",
	    scram_client_final },
	{ 2, 0, "Kerberos V5", NULL },
	{ 4, 0, "a crypt() password", NULL },
	{ 6, 0, "SCM credentials", NULL },
	{ 7, 0, "GSSAPI", NULL },
	{ 8, 0, "GSSAPI", NULL },
	{ 9, 0, "SSPI", NULL },
};

static const struct request *
find_request(uint32_t code)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].code == code)
			return &requests[i];
	return NULL;
}

static enum auth_step
answer(struct auth_client *auth, uint32_t code, struct auth_turn *turn)
{
	const struct request *request = find_request(code);

	if (request == NULL)
		return auth_client_fail(auth, turn, ERROR_PROTOCOL,
		    "it asks for authentication method %u, which does not exist", code);
	if (request->answer == NULL)
		return auth_client_fail(auth, turn, ERROR_AUTH,
		    "it asks for %s, which pgweir does not speak: choose scram-sha-256 for this "
		    "role in the server's pg_hba.conf", request->name);
	if (!(request->legal & TO(auth->state)))
		return auth_client_fail(auth, turn, ERROR_PROTOCOL,
		    "it sent %s where the conversation was not there yet, or past it",
		    request->name);
	return request->answer(auth, turn);
}

struct auth_client *
auth_client_new(const char *user, const char *secret, const struct scram_keys *keys)
{
	struct auth_client *auth = mem_zalloc(1, sizeof(*auth));

	auth->user = mem_strdup(user);
	if (secret != NULL && secret[0] != '\0')
		auth->secret = mem_strdup(secret);
	if (keys != NULL)
		auth->learned = *keys;
	scram_make_nonce(auth->nonce);
	return auth;
}

enum auth_step
auth_client_step(struct auth_client *auth, uint32_t code, const uint8_t *message, size_t length,
    bool *send, struct buf *reply, struct error *err)
{
	struct auth_turn turn = {
		.message = message, .length = length, .body = reply, .err = err
	};
	enum auth_step step;

	buf_clear(reply);
	step = answer(auth, code, &turn);
	if (step != AUTH_CONTINUE)
		auth_client_enter(auth, AUTH_CLIENT_OVER);
	if (step == AUTH_FAILED)
		buf_clear(reply);
	*send = buf_length(reply) > 0;
	return step;
}

void
auth_client_free(struct auth_client *auth)
{
	if (auth == NULL)
		return;
	mem_free(auth->user);
	mem_free_secret(auth->secret);
	buf_free(&auth->messages);
	OPENSSL_cleanse(auth, sizeof(*auth));
	mem_free(auth);
}
