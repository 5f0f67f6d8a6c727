/* check.c - pgweirctl check: everything that pgweir reads at its start. */
#include "ctl.h"
#include "auth/users.h"
#include "config/config.h"
#include "policy/policy.h"

/* Load all that a configuration names; every fault is in *problems. */
static bool
load_all(const char *path, struct problems *problems)
{
	struct config *config = config_load(path, problems);
	struct policies *policies;
	struct users *users;
	bool good;

	if (config == NULL)
		return false;
	users = users_load(config, problems);
	policies = policies_load(config->policies, problems);
	good = users != NULL && policies != NULL;
	if (users != NULL)
		users_release(users);
	if (policies != NULL)
		policies_release(policies);
	config_release(config);
	return good;
}

int
ctl_check(const struct ctl_command *command, int argc, char **argv)
{
	static const struct option names[] = { { "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *path = ctl_default_config;
	struct problems problems = { 0 };
	int letter;
	bool good;

	while ((letter = getopt_long(argc, argv, "c:h", names, NULL)) != -1) {
		switch (letter) {
		case 'c':
			path = optarg;
			break;
		case 'h':
			return ctl_help(command);
		default:
			return ctl_usage(command, "unknown option");
		}
	}
	if (argc - optind > 1)
		return ctl_usage(command, "one file at a time");
	if (optind < argc)
		path = argv[optind];
	good = load_all(path, &problems);
	ctl_print_problems(&problems);
	problems_free(&problems);
	if (good)
		printf("%s: good\n", path);
	return good ? CTL_GOOD : CTL_CONFIG;
}
