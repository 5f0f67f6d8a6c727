/*
 * startup.h - the first packet of a connection.
 *
 * PostgreSQL documentation, "Message Formats": StartupMessage, CancelRequest,
 * SSLRequest, GSSENCRequest. It has no type byte and is at most 10 000 bytes.
 */
#ifndef WIRE_STARTUP_H
#define WIRE_STARTUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
	STARTUP_MOST = 10000,
	STARTUP_PARAMETERS_MOST = 200,
	STARTUP_MINOR_MOST = 2, /* of protocol 3, that we speak; 3.1 is 3.0, and 3.2 has long keys */
	STARTUP_KEY_MOST = 32,	/* bytes of a cancel key of ours */
};

/* What the parameter `replication` asks for: a walsender, and with a database, which takes SQL too. */
enum replication { REPLICATION_NONE, REPLICATION_PHYSICAL, REPLICATION_LOGICAL };

enum startup_kind { STARTUP_LOGIN, STARTUP_CANCEL, STARTUP_SSL, STARTUP_GSSENC };

struct startup_parameter {
	char *name; /* as the client spelled it */
	char *value;
};

/* A parsed first packet. Owned by the caller; emptied by startup_free(). */
struct startup {
	enum startup_kind kind;
	uint32_t minor;	      /* of protocol 3 */
	uint32_t pid;	      /* of a CancelRequest, like the next two */
	uint8_t key[STARTUP_KEY_MOST];
	size_t key_length;    /* 4 or STARTUP_KEY_MOST: others are not ours */
	char *user;	      /* never NULL or "" after a good STARTUP_LOGIN */
	char *database;	      /* the user's name when the client gave none */
	enum replication replication;
	/*
	 * Settings, those of `options` first, then those given by name: a later one
	 * wins over an earlier one, as in PostgreSQL (process_startup_options()).
	 */
	struct startup_parameter *parameters;
	size_t parameter_count;
	char **unknown_options; /* _pq_.* names, for NegotiateProtocolVersion */
	size_t unknown_count;
};

enum startup_status { STARTUP_SHORT, STARTUP_GOOD, STARTUP_BAD };

/*
 * How long is the packet whose first bytes these are? SHORT: fewer than 4 came.
 * BAD: less than 8 or more than STARTUP_MOST.
 */
enum startup_status startup_length(const uint8_t *data, size_t length, size_t *packet);
/* Parse a whole packet (its length word included). On failure nothing is to be freed. */
bool startup_parse(
    const uint8_t *packet, size_t length, struct startup *startup, struct error *err);
void startup_free(struct startup *startup);

#endif
