/* talk.h - the two sides of a log-in talking to each other, for the tests of auth. */
#ifndef TESTS_AUTH_TALK_H
#define TESTS_AUTH_TALK_H

#include "auth/conversation.h"

/* A verifier of "pencil" as PostgreSQL 15 stored it, and an md5 hash of it for "alice". */
#define PENCIL_VERIFIER \
	"SCRAM-SHA-256$4096:zrZv9TsAqtvRfYP8tdpfXg==$" \
	"hYeP07vwv2lFnL9goF+trLKBmigNTc+uUC8rrnXPiwk=:" \
	"kq7tGRezRfOzwfowWDehGhttRFIxRXYHXymuolIgyrE="
#define PENCIL_ALICE_MD5 "md5ee69efad287c7423caf0b3229d71f567"

/* How both sides ended. */
struct outcome {
	enum auth_step server, client;
	struct error server_error, client_error;
	int messages; /* that the server sent, without AuthenticationOk */
};

/* Carry messages to and fro until a side is done or failed. Frees neither. */
struct outcome talk(struct auth_server *server, struct auth_client *client);

/* One whole log-in of "alice". */
struct outcome log_in(enum auth_method method, const char *stored, const char *typed);

/* A server's step on a text; its reply is NUL-terminated behind its end. */
enum auth_step tell_server(struct auth_server *server, const void *message, size_t length,
    uint32_t *code, struct buf *body, struct error *err);
/* The SASLInitialResponse for a client-first-message. */
enum auth_step tell_server_first(struct auth_server *server, const char *first, uint32_t *code,
    struct buf *body, struct error *err);
/* A client's step on a text. */
enum auth_step tell_client(struct auth_client *client, uint32_t code, const char *message,
    struct buf *reply, struct error *err);

#endif
