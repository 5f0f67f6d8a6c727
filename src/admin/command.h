/*
 * command.h - what a text at the console asks for, and who may ask for it.
 *
 * Pure: nothing is done here. action.c and show.c do what was asked.
 */
#ifndef ADMIN_COMMAND_H
#define ADMIN_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "words.h"

enum verb {
	VERB_NONE, /* an empty text */
	VERB_SHOW,
	VERB_SET, /* of a client's settings: accepted, without effect */
	VERB_RELOAD,
	VERB_PAUSE,
	VERB_RESUME,
	VERB_DISABLE,
	VERB_ENABLE,
	VERB_RECONNECT,
	VERB_KILL,
	VERB_KILL_CLIENT,
	VERB_KILL_QUERY,
	VERB_BLOCK,
	VERB_UNBLOCK,
	VERB_WAIT_CLOSE,
	VERB_SHUTDOWN,
	VERB_SUSPEND,
	VERB_ACCEPT_BREAK, /* SET audit_accept_break = 1 */
	VERB_COUNT,
};

/*
 * What a command needs, and the most that a user has. Least is most: whoever
 * may do something may do all that stands behind it. 0, which a row gets that
 * says nothing, is for admins only.
 */
enum access { ACCESS_ADMIN, ACCESS_AUDITOR, ACCESS_VIEWER, ACCESS_NONE };

/* How SHUTDOWN waits. */
enum shutdown_kind { SHUTDOWN_NOW, SHUTDOWN_WAIT_FOR_CLIENTS, SHUTDOWN_WAIT_FOR_SERVERS };

struct table; /* of show.h */

/* Owned by whoever holds it; emptied by command_free(). */
struct command {
	enum verb verb;
	const struct table *table;   /* of SHOW */
	char *database;              /* or NULL: all of them */
	uint64_t client;             /* of KILL_CLIENT and KILL_QUERY */
	enum shutdown_kind shutdown; /* of SHUTDOWN */
	char fingerprint[24];        /* of BLOCK and UNBLOCK */
	int64_t for_ms;              /* of BLOCK; 0: until UNBLOCK */
	char *text;                  /* the words, for the log */
};

/*
 * Read one command from *at on and move behind it. False: *err says why, and
 * *command is empty.
 */
bool command_read(const char **at, struct command *command, struct error *err);
void command_free(struct command *command);
/* A copy that lives for itself. */
void command_copy(struct command *to, const struct command *from);
/* "PAUSE", as in its CommandComplete. */
const char *command_tag(const struct command *command);
/* What it takes to do this. */
enum access command_needs(const struct command *command);
/* Does it change something, or look into the access log, so that it is recorded? */
bool command_is_recorded(const struct command *command);

/* The most that the configuration gives this user. */
enum access access_of(const struct config *config, const char *user);
bool access_allows(enum access has, enum access needs);
/* The settings that give it: "console.admins and console.auditors". */
const char *access_name(enum access needs);

#endif
