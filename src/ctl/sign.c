/* sign.c - pgweirctl sign: signatures beside policy files, for policies_trust. */
#include "ctl.h"
#include "audit/sign.h"

int
ctl_sign(const struct ctl_command *command, int argc, char **argv)
{
	static const struct option names[] = { { "key", required_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *key = NULL;
	struct error err;
	int letter;

	while ((letter = getopt_long(argc, argv, "k:h", names, NULL)) != -1) {
		switch (letter) {
		case 'k':
			key = optarg;
			break;
		case 'h':
			return ctl_help(command);
		default:
			return ctl_usage(command, "unknown option");
		}
	}
	if (key == NULL || optind == argc)
		return ctl_usage(command, "give --key FILE and the files to sign");
	if (!sign_files(key, argv + optind, (size_t)(argc - optind), &err)) {
		fprintf(stderr, "pgweirctl sign: %s\n", err.text);
		return CTL_NO;
	}
	for (int i = optind; i < argc; i++)
		printf("%s.sig\n", argv[i]);
	return CTL_GOOD;
}
