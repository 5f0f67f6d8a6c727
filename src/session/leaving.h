/*
 * leaving.h - how a worker's clients end when the process does.
 *
 * Clients that are told to connect again all at once do so all at once, at whoever is left. So
 * in a drain they are told one after the other, oldest first, none in a transaction.
 */
#ifndef SESSION_LEAVING_H
#define SESSION_LEAVING_H

#include <stddef.h>
#include <stdint.h>

#include "session/clients.h"

/* Part of struct clients. */
struct leaving {
	enum clients_drain drain;
	const char *why;   /* borrowed; what clients are told */
	uint64_t until_us; /* of CLIENTS_FINISH: spread up to then */
	uint64_t looked_us;
	uint64_t owed; /* of a client that is due: parts of the time that was left */
};

/* How many of those that are between transactions are to be ended now. */
size_t leaving_due(struct leaving *leaving, size_t ready, uint64_t now_us);
/* Look whether somebody is to be ended. */
void leaving_tick(struct clients *clients);

#endif
