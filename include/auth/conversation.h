/*
 * conversation.h - log-in conversations, both sides: bytes in, bytes out.
 *
 * No I/O: the caller moves messages. The server side (we are asked) checks a
 * client; the client side (we ask) logs us in to PostgreSQL. Messages are the
 * bodies behind the 4-byte code of an AuthenticationX message, and the bodies of
 * PasswordMessage / SASLInitialResponse / SASLResponse (PostgreSQL
 * documentation, "Message Formats").
 */
#ifndef AUTH_CONVERSATION_H
#define AUTH_CONVERSATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/users.h"
#include "base/buf.h"
#include "base/error.h"

/* Codes of AuthenticationX messages. */
enum auth_code {
	AUTH_CODE_OK = 0,
	AUTH_CODE_CLEARTEXT = 3,
	AUTH_CODE_MD5 = 5,
	AUTH_CODE_SASL = 10,
	AUTH_CODE_SASL_CONTINUE = 11,
	AUTH_CODE_SASL_FINAL = 12,
};

enum auth_step {
	AUTH_CONTINUE, /* a message is to be sent (its code and body are set), then wait */
	AUTH_DONE,     /* good; a last message may be set (code != OK), to send before Ok */
	AUTH_FAILED,   /* err says why, in words for the log; the client hears less */
	AUTH_ASK,      /* PAM is to say whether auth_server_password() is right */
};

/*
 * SCRAM keys with which a role can log in without its password: learned from a
 * client that has just logged in with SCRAM, or derived from a clear password.
 * `server_key` checks that the server knows them too.
 */
struct scram_keys {
	bool set;
	uint8_t client_key[32];
	uint8_t server_key[32];
};

/* We check a client. Opaque; owned by the caller, freed by auth_server_free(). */
struct auth_server;

/*
 * Begin. `secret` NULL means an unknown user: the conversation runs to its end
 * with a made-up verifier, stable per name, and fails as a wrong password does.
 * method: from the configuration; md5 is answered with SCRAM when the stored
 * secret is a SCRAM verifier, as PostgreSQL does; `password` takes any secret, and `pam`
 * looks at none.
 */
struct auth_server *auth_server_new(
    enum auth_method method, const char *user, const char *secret);
/*
 * The connection is encrypted, and this is tls-server-end-point (RFC 5929): SCRAM is offered
 * bound to it, too. Before auth_server_start(). At most AUTH_BINDING_MOST bytes; none: no offer.
 */
enum { AUTH_BINDING_MOST = 64 };
void auth_server_bind(struct auth_server *auth, const uint8_t *binding, size_t length);
/*
 * The first message to send; *body, as everywhere here, is emptied and then set.
 * AUTH_DONE at once for trust. Called once.
 */
enum auth_step auth_server_start(struct auth_server *auth, uint32_t *code, struct buf *body);
/* A 'p' message came (its body, length bytes). */
enum auth_step auth_server_step(struct auth_server *auth, const uint8_t *message, size_t length,
    uint32_t *code, struct buf *body, struct error *err);
/*
 * After AUTH_DONE: the client's own keys, if it logged in against a stored SCRAM
 * verifier; else a struct that is not set. They log in to any server that stores
 * the same verifier. Never NULL; valid until auth_server_free().
 */
const struct scram_keys *auth_server_keys(const struct auth_server *auth);
/* After AUTH_ASK: what the client says its password is, wiped by auth_server_free(). */
const char *auth_server_password(const struct auth_server *auth);
void auth_server_free(struct auth_server *auth);

/*
 * Say what the stored secrets are like, so that what an unknown user is shown
 * looks the same: its kind, iterations and length of salt are picked, by name, as
 * often as they are among these. users_load() calls it, from any thread; before
 * that unknown users look like users with a clear password.
 */
void auth_mock_resemble(const char *const *secrets, size_t count);

/*
 * The secret of a user that is not listed, for auth.query: if none seen before looks like it, some
 * unknown users do from now on. One that looks like another changes nothing, so that nobody can
 * tell from unknown users who has just logged in. Any thread.
 */
void auth_mock_learn(const char *secret);

/* We log in to PostgreSQL. Opaque; owned by the caller. */
struct auth_client;

/*
 * Begin. `secret` may be NULL (only trust works, or keys); `keys` may be NULL.
 * The strings are copied.
 */
struct auth_client *auth_client_new(
    const char *user, const char *secret, const struct scram_keys *keys);
/*
 * The connection is encrypted, and this is tls-server-end-point: where the server offers it
 * SCRAM is bound to that, and where it does not it is told that we would have.
 */
void auth_client_bind(struct auth_client *auth, const uint8_t *binding, size_t length);
/*
 * An AuthenticationX message came: code and the body behind it. AUTH_CONTINUE:
 * *reply is the body of the 'p' message to send ("" length 0 and *send false
 * when nothing is to be sent). AUTH_DONE on AuthenticationOk, which is refused when
 * SCRAM was begun and the server has not proved itself.
 * A server may ask for at most 100 000 iterations; nonces and salts are bounded.
 */
enum auth_step auth_client_step(struct auth_client *auth, uint32_t code, const uint8_t *message,
    size_t length, bool *send, struct buf *reply, struct error *err);
void auth_client_free(struct auth_client *auth);

#endif
