/*
 * catalog.c - pgweirctl catalog: writes what a database has in it to standard output, for
 * `pgweirctl lint --catalog` where no server is at hand.
 */
#include <string.h>

#include "ctl.h"
#include "catalog/fetch.h"

enum { CONNECT_MS = 10000, TIMEOUT_MS = 60000 };

/* Errors of writing show at the end, when all is flushed. */
static bool
put_line(void *arg, const char *line, size_t length, struct error *err)
{
	(void)arg;
	(void)err;
	fwrite(line, 1, length, stdout);
	fputc('\n', stdout);
	return true;
}

int
ctl_catalog(const struct ctl_command *command, int argc, char **argv)
{
	static const struct option names[] = { { "dsn", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	struct catalog_source source = { .connect_timeout_ms = CONNECT_MS,
		.timeout_ms = TIMEOUT_MS,
		.stop_fd = -1 };
	struct error err = { 0 };
	int letter;

	while ((letter = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (letter == 'h')
			return ctl_help(command);
		if (letter != 'd')
			return ctl_usage(command, "unknown option");
		source.conninfo = optarg;
	}
	if (source.conninfo == NULL || optind < argc)
		return ctl_usage(command, "give --dsn and nothing else");
	if (!catalog_fetch(&source, put_line, NULL, &err)) {
		fprintf(stderr, "pgweirctl catalog: %s\n", err.text);
		return CTL_NO;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "pgweirctl catalog: cannot write it\n");
		return CTL_NO;
	}
	return CTL_GOOD;
}
