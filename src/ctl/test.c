/* test.c - pgweirctl test: runs the inline tests of policies, which loading does. */
#include "ctl.h"
#include "base/mem.h"
#include "config/config.h"
#include "policy/policy.h"

static void
print_loaded(const struct policies *policies)
{
	for (size_t i = 0; i < policies_count(policies); i++) {
		struct policy_info info;

		policies_info(policies, i, &info);
		printf("%s: %s: %zu rules, tests passed\n", info.file, info.name, info.rule_count);
	}
	if (policies_count(policies) == 0)
		printf("no policies\n");
}

/* The policies' glob that a configuration names, or NULL when it cannot be read. */
static char *
glob_of_config(const char *path, struct problems *problems)
{
	struct config *config = config_load(path, problems);
	char *glob;

	if (config == NULL)
		return NULL;
	glob = mem_strdup(config->policies);
	config_release(config);
	return glob;
}

int
ctl_test(const struct ctl_command *command, int argc, char **argv)
{
	static const struct option names[] = { { "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *config = ctl_default_config;
	struct problems problems = { 0 };
	struct policies *policies;
	char *glob;
	int letter, status;

	while ((letter = getopt_long(argc, argv, "c:h", names, NULL)) != -1) {
		switch (letter) {
		case 'c':
			config = optarg;
			break;
		case 'h':
			return ctl_help(command);
		default:
			return ctl_usage(command, "unknown option");
		}
	}
	if (argc - optind > 1)
		return ctl_usage(command, "one folder at a time");
	glob = optind < argc ? ctl_policy_glob(argv[optind]) : glob_of_config(config, &problems);
	policies = glob != NULL ? policies_load(glob, &problems) : NULL;
	ctl_print_problems(&problems);
	problems_free(&problems);
	mem_free(glob);
	if (policies == NULL)
		return CTL_CONFIG;
	print_loaded(policies);
	status = policies_expired(policies) > 0 ? CTL_NO : CTL_GOOD;
	policies_release(policies);
	return status;
}
