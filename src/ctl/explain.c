/* explain.c - pgweirctl explain: what the policies would say of a statement. */
#include <unistd.h>

#include "ctl.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config/config.h"
#include "policy/catalogs.h"
#include "policy/policy.h"
#include "report/report.h"

/* The command line. On the stack of ctl_explain(); all borrowed from argv. */
struct request {
	struct subject subject;
	const char *config, *policy, *at, *catalog;
	uint64_t wall_us;
};

/* False, with *status set, when there is nothing more to do. */
static bool
read_options(const struct ctl_command *command, int argc, char **argv, struct request *request,
    int *status)
{
	static const struct option names[] = { { "user", required_argument, NULL, 'u' },
		{ "role", required_argument, NULL, 'r' },
		{ "database", required_argument, NULL, 'd' }, { "app", required_argument, NULL, 'a' },
		{ "client", required_argument, NULL, 'i' }, { "at", required_argument, NULL, 't' },
		{ "policy", required_argument, NULL, 'p' },
		{ "catalog", required_argument, NULL, 'g' }, { "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int letter;

	while ((letter = getopt_long(argc, argv, "c:h", names, NULL)) != -1) {
		switch (letter) {
		case 'u':
			request->subject.user = optarg;
			break;
		case 'r':
			request->subject.role = optarg;
			break;
		case 'd':
			request->subject.database = optarg;
			break;
		case 'a':
			request->subject.application = optarg;
			break;
		case 'i':
			request->subject.client = optarg;
			break;
		case 't':
			request->at = optarg;
			break;
		case 'p':
			request->policy = optarg;
			break;
		case 'g':
			request->catalog = optarg;
			break;
		case 'c':
			request->config = optarg;
			break;
		case 'h':
			*status = ctl_help(command);
			return false;
		default:
			*status = ctl_usage(command, "unknown option");
			return false;
		}
	}
	*status = CTL_USAGE;
	if (argc - optind != 1)
		ctl_usage(command, "give one text of SQL, in quotes");
	else if (request->at != NULL && !report_time(request->at, &request->wall_us))
		ctl_usage(command, "--at %s is no moment such as 2026-11-22T09:37Z", request->at);
	else
		return true;
	return false;
}

/* The role that a configuration gives this user; NULL when it says none. */
static char *
role_of_user(const struct config *config, const char *user)
{
	const struct user_config *known = config != NULL ? config_user(config, user) : NULL;

	return known != NULL ? mem_strdup(known->role) : NULL;
}

static int
explain(struct request *request, const char *glob, const char *sql, struct problems *problems)
{
	struct policies *policies = policies_load(glob, problems);
	enum policy_action action;
	struct buf out = { 0 };

	if (policies == NULL)
		return CTL_CONFIG;
	action = policies_explain(policies, &request->subject, sql, request->wall_us, &out);
	if (buf_length(&out) > 0)
		fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	buf_free(&out);
	policies_release(policies);
	return action == POLICY_DENY ? CTL_NO : CTL_GOOD;
}

/* Without a word about policies: those of the installed configuration, if there is one. */
static void
choose_config(struct request *request)
{
	if (request->config == NULL && request->policy == NULL &&
	    access(ctl_default_config, F_OK) == 0)
		request->config = ctl_default_config;
}

int
ctl_explain(const struct ctl_command *command, int argc, char **argv)
{
	struct request request = { .subject = { "", NULL, "", "", "", NULL },
		.wall_us = clock_wall_us() };
	struct problems problems = { 0 };
	struct config *config = NULL;
	char *role = NULL, *glob = NULL;
	int status;

	if (!read_options(command, argc, argv, &request, &status))
		return status;
	if (!ctl_open_catalog(command, request.catalog, &request.subject.catalogs))
		return CTL_CONFIG;
	choose_config(&request);
	if (request.config != NULL)
		config = config_load(request.config, &problems);
	status = CTL_CONFIG;
	if (request.config == NULL || config != NULL) {
		role = role_of_user(config, request.subject.user);
		if (request.subject.role == NULL)
			request.subject.role = role != NULL ? role : request.subject.user;
		glob = request.policy != NULL ? ctl_policy_glob(request.policy) :
						mem_strdup(config != NULL ? config->policies : "");
		status = explain(&request, glob, argv[optind], &problems);
	}
	ctl_print_problems(&problems);
	problems_free(&problems);
	if (config != NULL)
		config_release(config);
	catalogs_free(request.subject.catalogs);
	mem_free(role);
	mem_free(glob);
	return status;
}
