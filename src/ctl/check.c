/* check.c - pgweirctl check: everything that pgweir reads at its start. */
#include "ctl.h"
#include "audit/sign.h"
#include "auth/users.h"
#include "config/config.h"
#include "policy/policy.h"

/* Load all that a configuration names; every fault is in *problems. */
static enum ctl_exit
load_all(const char *path, struct problems *problems)
{
	struct config *config = config_load(path, problems);
	struct policies *policies;
	struct users *users;
	enum ctl_exit status = CTL_CONFIG;

	if (config == NULL)
		return CTL_CONFIG;
	users = users_load(config, problems);
	policies = policies_signed(config, problems);
	/* An exception that has expired stops no start, but should not stay in the file. */
	if (users != NULL && policies != NULL)
		status = policies_expired(policies) > 0 ? CTL_NO : CTL_GOOD;
	if (users != NULL)
		users_release(users);
	if (policies != NULL)
		policies_release(policies);
	config_release(config);
	return status;
}

int
ctl_check(const struct ctl_command *command, int argc, char **argv)
{
	static const struct option names[] = { { "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *path = ctl_default_config;
	struct problems problems = { 0 };
	enum ctl_exit status;
	int letter;

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
	status = load_all(path, &problems);
	ctl_print_problems(&problems);
	problems_free(&problems);
	if (status == CTL_GOOD)
		printf("%s: good\n", path);
	return (int)status;
}
