/* verify.c - pgweirctl verify: is the chain of the access log whole? */
#include <inttypes.h>

#include "ctl.h"
#include "audit/verify.h"

static int
print_found(const struct audit_verified *found)
{
	if (!found->good) {
		printf("%s:%" PRIu64 ": ", found->file, found->line);
		if (found->seq > 0)
			printf("seq %" PRIu64 ": ", found->seq);
		printf("%s\n", found->reason);
		return CTL_NO;
	}
	printf("whole: %" PRIu64 " records, seq %" PRIu64 " to %" PRIu64, found->records,
	    found->first_seq, found->last_seq);
	if (found->torn_lines > 0)
		printf(", %" PRIu64 " torn lines told by their gaps", found->torn_lines);
	printf("\nnot checked: macs and signatures of checkpoints\n");
	return CTL_GOOD;
}

int
ctl_verify(const struct ctl_command *command, int argc, char **argv)
{
	static const struct option names[] = { { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	struct audit_verified found;
	struct error err;
	int letter;

	while ((letter = getopt_long(argc, argv, "h", names, NULL)) != -1)
		return letter == 'h' ? ctl_help(command) : ctl_usage(command, "unknown option");
	if (optind == argc)
		return ctl_usage(command, "which files?");
	if (audit_verify(argv + optind, (size_t)(argc - optind), &found, &err))
		return print_found(&found);
	fprintf(stderr, "pgweirctl verify: %s\n", err.text);
	return CTL_NO;
}
