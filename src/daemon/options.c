/* options.c - see options.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <event2/event.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <pcre2.h>
#include <pg_query.h>
#include <stdio.h>
#include <yaml.h>

#include "base/log.h"
#include "config.h"
#include "options.h"

static const char usage[] =
    "Usage: pgweir [OPTION]... [-c FILE | FILE]\n"
    "A PostgreSQL connection pooler and guardrail proxy.\n"
    "\n"
    "  -c, --config FILE  configuration (default " PGWEIR_SYSCONFDIR "/pgweir.yaml)\n"
    "  -d, --daemon       run in the background\n"
    "  -u, --user USER    become this user once the sockets are bound\n"
    "  -q, --quiet        log warnings and errors only\n"
    "  -v, --verbose      log more\n"
    "  -t, --check        check the configuration, every policy and its tests, and exit\n"
    "  -T                 print the effective configuration, secrets masked, and exit\n"
    "  -V, --version      print versions and exit\n"
    "  -h, --help         print this and exit\n"
    "\n"
    "Exit status: 0 good, 1 it could not run, 2 usage, 78 bad configuration or policy.\n"
    "Signals: HUP reload, TERM drain, INT wait for servers only, QUIT end at once,\n"
    "USR1 pause, USR2 resume. See pgweir(1).\n";

static void
print_version(void)
{
	int major, minor, patch;

	yaml_get_version(&major, &minor, &patch);
	printf("pgweir %s\n", PACKAGE_VERSION);
	printf("libevent %s\n", event_get_version());
	printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
	printf("libpq %d.%d\n", PQlibVersion() / 10000, PQlibVersion() % 10000);
	printf("libyaml %d.%d.%d\n", major, minor, patch);
	printf("pcre2 %d.%d\n", PCRE2_MAJOR, PCRE2_MINOR);
	printf("SQL grammar of PostgreSQL %s\n", PG_MAJORVERSION);
}

bool
options_read(int argc, char **argv, struct options *options, int *code)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "daemon", no_argument, NULL, 'd' },
		{ "user", required_argument, NULL, 'u' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "check", no_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;

	*options = (struct options){ .config = PGWEIR_SYSCONFDIR "/pgweir.yaml" };
	*code = EXIT_GOOD;
	while ((letter = getopt_long(argc, argv, "c:du:qvtTVh", names, NULL)) != -1) {
		switch (letter) {
		case 'c':
			options->config = optarg;
			break;
		case 'd':
			options->daemonize = true;
			break;
		case 'u':
			options->user = optarg;
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'v':
			options->verbose = true;
			break;
		case 't':
			options->check = true;
			break;
		case 'T':
			options->print = true;
			break;
		case 'V':
			print_version();
			return false;
		case 'h':
			fputs(usage, stdout);
			return false;
		default:
			fputs("Try 'pgweir --help'.\n", stderr);
			*code = EXIT_USAGE;
			return false;
		}
	}
	if (optind < argc)
		options->config = argv[optind++];
	if (optind == argc)
		return true;
	fprintf(stderr, "pgweir: one configuration file at most; '%s' is too many\n", argv[optind]);
	*code = EXIT_USAGE;
	return false;
}

bool
options_open_log(const struct options *options, const struct config *config)
{
	enum log_level level = (enum log_level)config->log_level;

	if (options->quiet)
		level = LOG_LEVEL_WARNING;
	if (options->verbose)
		level = LOG_LEVEL_DEBUG;
	return log_open(config->log_file, level);
}
