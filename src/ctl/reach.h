/* reach.h - a connection to the admin console, for the subcommands that ask it. */
#ifndef CTL_REACH_H
#define CTL_REACH_H

#include <libpq-fe.h>

/*
 * Connect as `target` says, which libpq reads (NULL: nothing said): to the console of a
 * pgweir at its usual port where nothing else is. NULL: it cannot be read, and *failure
 * (the caller's, by PQfreemem) says why. Else ask PQstatus(); end it by PQfinish().
 */
PGconn *reach_console(const char *target, const char *application, char **failure);

#endif
