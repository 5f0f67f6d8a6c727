/*
 * suggest.c - pgweirctl suggest: from what the access log shows, a policy or GRANTs.
 */
#include <string.h>

#include "ctl.h"
#include "base/mem.h"
#include "report/suggest.h"

/* What --as can be. */
static const struct kind {
	const char *name;
	void (*suggest)(struct observed *observed, struct buf *out);
} kinds[] = { { "policy", suggest_policy }, { "grants", suggest_grants } };

/* What the command line says. `files` is borrowed. */
struct request {
	struct suggest_options options;
	const char *kind, *format;
	char **files;
	size_t count;
};

static const struct kind *
find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static int
run(const struct request *request, const struct kind *kind)
{
	struct observed *observed = observed_new(&request->options);
	struct buf out = { 0 };
	bool good = true;
	struct error err;

	for (size_t i = 0; i < request->count; i++)
		if (!observed_read(observed, request->files[i], &err)) {
			fprintf(stderr, "pgweirctl suggest: %s\n", err.text);
			good = false;
		}
	if (strcmp(request->format, "json") == 0)
		suggest_json(observed, kind->suggest, &out);
	else
		kind->suggest(observed, &out);
	fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	buf_free(&out);
	observed_free(observed);
	return good ? CTL_GOOD : CTL_NO;
}

static int
start(const struct ctl_command *command, const struct request *request)
{
	const struct kind *kind = find_kind(request->kind);

	if (request->count == 0)
		return ctl_usage(command, "give --audit FILE");
	if (kind == NULL)
		return ctl_usage(command, "--as is policy or grants");
	if (strcmp(request->format, "text") != 0 && strcmp(request->format, "json") != 0)
		return ctl_usage(command, "--format is text or json");
	return run(request, kind);
}

/* False when the command line is wrong, or asks for help. */
static bool
read_options(struct request *request, int argc, char **argv, int *letter)
{
	static const struct option names[] = { { "audit", required_argument, NULL, 'a' },
		{ "as", required_argument, NULL, 'k' }, { "database", required_argument, NULL, 'd' },
		{ "schema", required_argument, NULL, 's' }, { "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

	while ((*letter = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		switch (*letter) {
		case 'a':
			request->files[request->count++] = optarg;
			break;
		case 'k':
			request->kind = optarg;
			break;
		case 'd':
			request->options.database = optarg;
			break;
		case 's':
			request->options.schema = optarg;
			break;
		case 'f':
			request->format = optarg;
			break;
		default:
			return false;
		}
	}
	while (optind < argc)
		request->files[request->count++] = argv[optind++];
	return true;
}

int
ctl_suggest(const struct ctl_command *command, int argc, char **argv)
{
	struct request request = { .kind = "policy",
		.format = "text",
		.files = mem_zalloc((size_t)argc + 1, sizeof(char *)) };
	int letter, status;

	if (read_options(&request, argc, argv, &letter))
		status = start(command, &request);
	else if (letter == 'h')
		status = ctl_help(command);
	else
		status = ctl_usage(command, "unknown option");
	mem_free(request.files);
	return status;
}
