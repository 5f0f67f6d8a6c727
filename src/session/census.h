/*
 * census.h - how many clients there are, in all and by database, user and address.
 *
 * Counted for the whole process at log-in and at the end of a client.
 */
#ifndef SESSION_CENSUS_H
#define SESSION_CENSUS_H

#include <stdbool.h>

#include "base/error.h"

struct client;

/* A socket was accepted. False: too many that have not logged in yet. */
bool census_arrive(struct client *client);
/* It proved who it is. */
void census_authenticated(struct client *client);
/* Count it under its names; false when a limit is reached, which *err names. */
bool census_admit(struct client *client, struct error *err);
/* It goes. */
void census_leave(struct client *client);

#endif
