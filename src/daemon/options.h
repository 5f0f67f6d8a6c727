/* options.h - the command line of pgweir. */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>

#include "config/config.h"

/* Exit codes, as in sysexits.h where they have a name there. */
enum { EXIT_GOOD = 0, EXIT_FAULT = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };

struct options {
	const char *config;
	const char *user; /* become this user after binding; NULL: stay */
	bool daemonize, quiet, verbose, check, print;
};

/* Read the command line. False: *code is what to exit with (help and version were printed). */
bool options_read(int argc, char **argv, struct options *options, int *code);
/* Open the main log where the configuration says, as loud as the command line or it says. */
bool options_open_log(const struct options *options, const struct config *config);

#endif
