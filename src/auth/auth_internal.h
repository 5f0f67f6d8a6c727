/*
 * auth_internal.h - what the files of auth/ share: the two conversations, and the
 * functions behind the rows of conversation.c's tables.
 *
 * Tests include it too: they overwrite `nonce`, so that a conversation can be
 * repeated byte for byte.
 */
#ifndef AUTH_AUTH_INTERNAL_H
#define AUTH_AUTH_INTERNAL_H

#include "auth/conversation.h"
#include "md5.h"
#include "scram.h"
#include "scram_cache.h"

enum {
	PASSWORD_MOST = 10000,	 /* bytes of a clear password that a client may send */
	PAM_PASSWORD_MOST = 511, /* and of one for PAM, which takes no longer answers */
	SASL_CLIENT_MOST = 1024, /* bytes of a SASL message from a client, as PostgreSQL */
	SASL_SERVER_MOST = 2048, /* bytes of a SASL message from a server */
	NONCE_ROOM = 32,	 /* for SCRAM_NONCE_SIZE bytes, or RFC 7677's example */
};

/* A message that came and what is to go out for it. Lives for one call; all borrowed. */
struct auth_turn {
	const uint8_t *message;
	size_t length;
	uint32_t code;	  /* server side: of the AuthenticationX message to go out */
	struct buf *body; /* to go out; empty at first */
	struct error *err;
};

enum auth_server_state {
	AUTH_SERVER_NEW,
	AUTH_SERVER_PASSWORD,	   /* a clear password is awaited */
	AUTH_SERVER_PAM,	   /* a clear password for PAM is awaited */
	AUTH_SERVER_MD5,	   /* an md5 answer is awaited */
	AUTH_SERVER_SCRAM_INITIAL, /* SASLInitialResponse is awaited */
	AUTH_SERVER_SCRAM_FIRST,   /* it came without data: client-first-message is awaited */
	AUTH_SERVER_SCRAM_FINAL,   /* client-final-message is awaited */
	AUTH_SERVER_OVER,	   /* done or failed: nothing is awaited */
};

/* What SCRAM's channel binding is about: the hash of the server's certificate. */
struct auth_binding {
	uint8_t bytes[AUTH_BINDING_MOST];
	size_t length;
};

/* See conversation.h. All that it holds is freed, secrets wiped, by auth_server_free(). */
struct auth_server {
	enum auth_method method;
	enum auth_server_state state; /* written by auth_server_enter() alone */
	char *user;
	char *secret;	       /* stored, or made up if doomed; NULL for trust; for pam what the client sent */
	enum secret_kind kind; /* of the secret */
	const char *doomed;    /* why the log-in fails whatever is sent; NULL: it may succeed */
	uint8_t md5_salt[MD5_SALT_SIZE];
	char nonce[NONCE_ROOM];		/* our half */
	struct buf full_nonce;		/* the client's half and ours */
	struct scram_verifier verifier; /* for a clear secret: from client-first-message on */
	struct auth_binding binding;	/* to the TLS connection; empty: none is offered */
	char gs2_flag;			/* 'n', 'y' or 'p', as client-first-message had it */
	bool plus;			/* the client has chosen the bound mechanism */
	struct buf messages;		/* RFC 5802's AuthMessage so far */
	struct scram_keys keys;		/* set once the client has shown that it has them */
};

enum auth_client_state {
	AUTH_CLIENT_NEW,
	AUTH_CLIENT_ANSWERED,	 /* a password or md5 answer went out */
	AUTH_CLIENT_SCRAM_FIRST, /* client-first-message went out */
	AUTH_CLIENT_SCRAM_FINAL, /* client-final-message went out */
	AUTH_CLIENT_PROVED,	 /* the server has proved that it knows our verifier */
	AUTH_CLIENT_OVER,	 /* done or failed */
};

/* See conversation.h. All that it holds is freed, secrets wiped, by auth_client_free(). */
struct auth_client {
	enum auth_client_state state; /* written by auth_client_enter() alone */
	char *user;
	char *secret;		   /* NULL: only trust works, or keys */
	struct scram_keys learned; /* those given to us; may be unset */
	char nonce[NONCE_ROOM];
	struct auth_binding binding;	/* to the TLS connection; empty: there is none */
	char gs2_flag;			/* 'n', 'y' or 'p', as our first message has it */
	struct buf messages;		/* RFC 5802's AuthMessage so far */
	struct scram_keys keys;		/* those used in this conversation */
	struct scram_cache_place place; /* where to keep them, if derived is set */
	bool derived;
};

void auth_server_enter(struct auth_server *auth, enum auth_server_state state);
/* The log-in is refused: *err says why, for the log. Returns AUTH_FAILED. */
enum auth_step auth_server_refuse(
    const struct auth_server *auth, struct auth_turn *turn, const char *why);
/* The client does not speak as it should. Returns AUTH_FAILED. */
enum auth_step auth_server_malformed(struct auth_turn *turn, const char *what);

/* scram.c: append "c=…", which repeats the header of the first message and what it binds to. */
void scram_put_binding(struct buf *out, char gs2_flag, const struct auth_binding *binding);

void auth_client_enter(struct auth_client *auth, enum auth_client_state state);
/* We cannot or will not log in: *err names the role and says why. Returns AUTH_FAILED. */
enum auth_step auth_client_fail(const struct auth_client *auth, struct auth_turn *turn,
    enum error_code code, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* password.c, md5.c, scram_server.c: one function a state in which a client is heard. */
enum auth_step password_check(struct auth_server *auth, struct auth_turn *turn);
enum auth_step password_take(struct auth_server *auth, struct auth_turn *turn);
enum auth_step md5_check(struct auth_server *auth, struct auth_turn *turn);
enum auth_step scram_server_initial(struct auth_server *auth, struct auth_turn *turn);
enum auth_step scram_server_first(struct auth_server *auth, struct auth_turn *turn);
enum auth_step scram_server_final(struct auth_server *auth, struct auth_turn *turn);

/* The first words to a client, written to *body. */
void md5_ask(struct auth_server *auth, struct buf *body);
void scram_server_ask(struct auth_server *auth, struct buf *body);

/* One function for each AuthenticationX message that a server may send. */
enum auth_step password_reply(struct auth_client *auth, struct auth_turn *turn);
enum auth_step md5_reply(struct auth_client *auth, struct auth_turn *turn);
enum auth_step scram_client_begin(struct auth_client *auth, struct auth_turn *turn);
enum auth_step scram_client_continue(struct auth_client *auth, struct auth_turn *turn);
enum auth_step scram_client_final(struct auth_client *auth, struct auth_turn *turn);

/* The text of a PasswordMessage; NULL and *err set: malformed, too long or empty. */
const char *password_text(const struct auth_server *auth, struct auth_turn *turn);

#endif
