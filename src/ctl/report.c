/* report.c - pgweirctl report: the logs as tables and as a page. */
#include <string.h>

#include "ctl.h"
#include "base/clock.h"
#include "base/text.h"
#include "report/report.h"

enum { TOP_DEFAULT = 20, OBJECTIVE_DEFAULT_US = 200000, PUBLIC_KEYS_MOST = 16 };

/* The command line; the file names stay in argv. */
struct request {
	struct report_options options;
	unsigned views;
	enum report_format format;
	bool any_file, progress;
	char *public_keys[PUBLIC_KEYS_MOST];
	const char *grants; /* or NULL */
};

/* "2h" is two hours ago; anything else is a moment. */
static bool
read_moment(const char *text, uint64_t *wall_us)
{
	uint64_t now = clock_wall_us();
	int64_t ms;

	if (report_time(text, wall_us))
		return true;
	if (!text_to_duration(text, &ms) || (uint64_t)ms > now / 1000)
		return false;
	*wall_us = now - (uint64_t)ms * 1000;
	return true;
}

static bool
read_view(const char *text, unsigned *views)
{
	if (strcmp(text, "performance") == 0)
		*views = REPORT_PERFORMANCE;
	else if (strcmp(text, "access") == 0)
		*views = REPORT_ACCESS;
	else
		return false;
	return true;
}

static bool
read_format(const char *text, enum report_format *format)
{
	if (strcmp(text, "text") == 0)
		*format = REPORT_TEXT;
	else if (strcmp(text, "json") == 0)
		*format = REPORT_JSON;
	else if (strcmp(text, "html") == 0)
		*format = REPORT_HTML;
	else
		return false;
	return true;
}

static bool
read_top(const char *text, size_t *top)
{
	int64_t value;

	if (!text_to_int(text, &value) || value < 1 || value > 100000)
		return false;
	*top = (size_t)value;
	return true;
}

static bool
read_objective(const char *text, uint64_t *objective_us)
{
	int64_t ms;

	if (!text_to_duration(text, &ms) || ms <= 0)
		return false;
	*objective_us = (uint64_t)ms * 1000;
	return true;
}

static bool
add_public_key(struct request *request, char *path)
{
	struct audit_verify_options *verify = &request->options.verify;

	if (verify->public_key_count == PUBLIC_KEYS_MOST)
		return false;
	request->public_keys[verify->public_key_count++] = path;
	verify->public_keys = request->public_keys;
	return true;
}

static bool
read_file(struct report *report, int letter, const char *path, struct error *err)
{
	if (letter == 'a')
		return report_read_access(report, path, err);
	if (letter == 'b')
		return report_read_baseline(report, path, err);
	return report_read_slow(report, path, err);
}

/* Read one file or, behind --audit and its like, all up to the next option. */
static bool
read_files(struct report *report, int letter, int argc, char **argv)
{
	const char *path = optarg;
	struct error err;

	for (;;) {
		if (!read_file(report, letter, path, &err)) {
			fprintf(stderr, "pgweirctl report: %s\n", err.text);
			return false;
		}
		if (optind >= argc || argv[optind][0] == '-')
			return true;
		path = argv[optind++];
	}
}

static const struct option names[] = { { "audit", required_argument, NULL, 'a' },
	{ "slow", required_argument, NULL, 's' }, { "baseline", required_argument, NULL, 'b' },
	{ "objective", required_argument, NULL, 'j' }, { "public-key", required_argument, NULL, 'p' },
	{ "mac-key", required_argument, NULL, 'm' }, { "grants", required_argument, NULL, 'g' }, { "view", required_argument, NULL, 'v' },
	{ "since", required_argument, NULL, 'f' }, { "until", required_argument, NULL, 'u' },
	{ "top", required_argument, NULL, 't' }, { "format", required_argument, NULL, 'o' },
	{ "progress", no_argument, NULL, 'P' }, { "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 } };

/* Step over the files of --audit and --slow, which are read once all options are known. */
static void
skip_files(int argc, char **argv)
{
	while (optind < argc && argv[optind][0] != '-')
		optind++;
}

/* One option; false when its value is none. */
static bool
take_option(struct request *request, int letter, int argc, char **argv)
{
	switch (letter) {
	case 'a':
	case 's':
		request->any_file = true;
		skip_files(argc, argv);
		return true;
	case 'b':
		skip_files(argc, argv);
		return true;
	case 'j':
		return read_objective(optarg, &request->options.objective_us);
	case 'p':
		return add_public_key(request, optarg);
	case 'P':
		request->progress = true;
		return true;
	case 'g':
		request->grants = optarg;
		return true;
	case 'm':
		request->options.verify.mac_key = optarg;
		return true;
	case 'v':
		return read_view(optarg, &request->views);
	case 'f':
		return read_moment(optarg, &request->options.since_us);
	case 'u':
		return read_moment(optarg, &request->options.until_us);
	case 't':
		return read_top(optarg, &request->options.top);
	case 'o':
		return read_format(optarg, &request->format);
	}
	return false;
}

/* False, with *status set, when there is nothing more to do. */
static bool
read_options(const struct ctl_command *command, int argc, char **argv, struct request *request,
    int *status)
{
	int letter, index = 0;

	*status = CTL_USAGE;
	/* '+': the files behind --audit stay where they are. */
	while ((letter = getopt_long(argc, argv, "+h", names, &index)) != -1) {
		if (letter == 'h')
			*status = ctl_help(command);
		else if (letter == '?')
			ctl_usage(command, "unknown option");
		else if (!take_option(request, letter, argc, argv))
			ctl_usage(command, "--%s: '%s' is not a value for it", names[index].name, optarg);
		else
			continue;
		return false;
	}
	if (optind < argc)
		ctl_usage(command, "what is '%s'? Files go behind --audit or --slow", argv[optind]);
	else if (!request->any_file)
		ctl_usage(command, "--audit FILE is missing");
	else
		return true;
	return false;
}

static bool
read_all(struct report *report, const struct request *request, int argc, char **argv)
{
	struct error err;
	int letter;

	if (request->grants != NULL && !report_read_grants(report, request->grants, &err)) {
		fprintf(stderr, "pgweirctl report: %s\n", err.text);
		return false;
	}
	optind = 1;
	while ((letter = getopt_long(argc, argv, "+h", names, NULL)) != -1)
		if (strchr("abs", letter) != NULL && !read_files(report, letter, argc, argv))
			return false;
	return true;
}

int
ctl_report(const struct ctl_command *command, int argc, char **argv)
{
	struct request request = { .options.top = TOP_DEFAULT,
		.options.objective_us = OBJECTIVE_DEFAULT_US,
		.views = REPORT_PERFORMANCE | REPORT_ACCESS };
	struct progress progress;
	struct report *report;
	struct buf out = { 0 };
	int status;

	if (!read_options(command, argc, argv, &request, &status))
		return status;
	progress_open(&progress, request.progress);
	request.options.verify.progress = progress_tell;
	request.options.verify.progress_arg = &progress;
	report = report_new(&request.options);
	status = read_all(report, &request, argc, argv) ? CTL_GOOD : CTL_NO;
	progress_close(&progress);
	if (status == CTL_GOOD) {
		report_print(report, request.views, request.format, &out);
		fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	}
	buf_free(&out);
	report_free(report);
	return status;
}
