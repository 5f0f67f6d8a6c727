/* check.c - pgweirctl check: everything that pgweir reads at its start, and with --live the databases. */
#include <string.h>

#include "live.h"
#include "audit/sign.h"
#include "base/mem.h"
#include "policy/policy.h"
#include "pool/security.h"

/* What the command line says. The lists are ours, what they name is borrowed. */
struct request {
	const char *path, *format;
	struct live_options live;
	size_t database_count, role_count, owner_count;
};

/* Load all that a configuration names; every fault is in *problems. */
static enum ctl_exit
check_all(const struct request *request, struct problems *problems)
{
	struct config *config = config_load(request->path, problems);
	struct policies *policies;
	struct security *security;
	struct users *users;
	enum ctl_exit status = CTL_CONFIG;

	if (config == NULL) {
		ctl_print_problems(problems);
		return CTL_CONFIG;
	}
	users = users_load(config, problems);
	policies = policies_signed(config, problems);
	security = security_load(config, problems);
	ctl_print_problems(problems);
	/* An exception that has expired stops no start, but should not stay in the file. */
	if (users != NULL && policies != NULL && security != NULL)
		status = policies_expired(policies) > 0 ? CTL_NO : CTL_GOOD;
	if (status != CTL_CONFIG && request->live.on) {
		enum ctl_exit found = live_check(&request->live, config, users);

		status = found != CTL_GOOD ? found : status;
	} else if (status == CTL_GOOD)
		printf("%s: good\n", request->path);
	if (users != NULL)
		users_release(users);
	if (policies != NULL)
		policies_release(policies);
	security_release(security);
	config_release(config);
	return status;
}

/* False when the command line is wrong, or asks for help. */
static bool
read_options(struct request *request, int argc, char **argv, int *letter)
{
	static const struct option names[] = { { "config", required_argument, NULL, 'c' },
		{ "live", no_argument, NULL, 'l' }, { "user", required_argument, NULL, 'u' },
		{ "database", required_argument, NULL, 'd' }, { "role", required_argument, NULL, 'r' },
		{ "owner", required_argument, NULL, 'o' }, { "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	struct live_options *live = &request->live;

	while ((*letter = getopt_long(argc, argv, "c:h", names, NULL)) != -1) {
		switch (*letter) {
		case 'c':
			request->path = optarg;
			break;
		case 'l':
			live->on = true;
			break;
		case 'u':
			live->user = optarg;
			break;
		case 'd':
			live->databases[request->database_count++] = optarg;
			break;
		case 'r':
			live->roles[request->role_count++] = optarg;
			break;
		case 'o':
			live->owners[request->owner_count++] = optarg;
			break;
		case 'f':
			request->format = optarg;
			break;
		default:
			return false;
		}
	}
	return true;
}

/* What the options say together. */
static int
start(const struct ctl_command *command, struct request *request, int argc, char **argv)
{
	struct problems problems = { 0 };
	int status;

	if (argc - optind > 1)
		return ctl_usage(command, "one file at a time");
	if (optind < argc)
		request->path = argv[optind];
	if (strcmp(request->format, "text") != 0 && strcmp(request->format, "json") != 0)
		return ctl_usage(command, "--format is text or json");
	request->live.json = strcmp(request->format, "json") == 0;
	if (!request->live.on &&
	    (request->live.user != NULL || request->live.json || request->database_count > 0 ||
		request->role_count > 0 || request->owner_count > 0))
		return ctl_usage(command, "--user, --database, --role, --owner and --format go with --live");
	status = (int)check_all(request, &problems);
	problems_free(&problems);
	return status;
}

int
ctl_check(const struct ctl_command *command, int argc, char **argv)
{
	size_t most = (size_t)argc + 1;
	struct request request = { .path = ctl_default_config,
		.format = "text",
		.live = { .databases = mem_zalloc(most, sizeof(char *)),
		    .roles = mem_zalloc(most, sizeof(char *)),
		    .owners = mem_zalloc(most, sizeof(char *)) } };
	int letter, status;

	if (read_options(&request, argc, argv, &letter))
		status = start(command, &request, argc, argv);
	else if (letter == 'h')
		status = ctl_help(command);
	else
		status = ctl_usage(command, "unknown option");
	mem_free(request.live.databases);
	mem_free(request.live.roles);
	mem_free(request.live.owners);
	return status;
}
