/* verify.c - pgweirctl verify: is the chain of the access log whole? */
#include <inttypes.h>
#include <string.h>

#include "ctl.h"
#include "audit/verify.h"
#include "base/json.h"

enum { PUBLIC_KEYS_MOST = 16 };

/* The command line. On the stack of ctl_verify(); all borrowed from argv. */
struct request {
	struct audit_verify_options options;
	char *public_keys[PUBLIC_KEYS_MOST];
	bool as_json, progress;
};

static void
print_fault(const struct audit_verified *found)
{
	printf("%s:%" PRIu64 ": ", found->file, found->line);
	if (found->seq > 0)
		printf("seq %" PRIu64 ": ", found->seq);
	printf("%s\n", found->reason);
}

/* What was not looked at must not be taken for good. */
static void
print_unchecked(const struct request *request, const struct audit_verified *found)
{
	if (found->macs_skipped > 0)
		printf("not checked: macs of %" PRIu64 " records, of epochs before that of the key\n",
		    found->macs_skipped);
	if (request->options.mac_key == NULL)
		printf("not checked: macs (--mac-key)\n");
	if (request->options.public_key_count == 0)
		printf("not checked: signatures of checkpoints (--public-key)\n");
	if (request->options.main_log == NULL)
		printf("not checked: whether the end was cut off (--main-log)\n");
}

static void
print_good(const struct request *request, const struct audit_verified *found)
{
	printf("whole: %" PRIu64 " records, seq %" PRIu64 " to %" PRIu64, found->records,
	    found->first_seq, found->last_seq);
	if (found->torn_lines > 0)
		printf(", %" PRIu64 " torn lines told by their gaps", found->torn_lines);
	printf("\n");
	if (found->macs > 0)
		printf("macs: %" PRIu64 " good\n", found->macs);
	printf("checkpoints: %" PRIu64, found->checkpoints);
	if (request->options.public_key_count > 0)
		printf(", %" PRIu64 " good signatures", found->signatures);
	if (request->options.main_log != NULL)
		printf(", %" PRIu64 " as the main log told", found->witnessed);
	printf("\n");
	if (found->files_sealed > 0)
		printf("files as their .sig tells: %" PRIu64 "\n", found->files_sealed);
	if (found->after_checkpoint > 0)
		printf("chained, not signed: the last %" PRIu64 " records, after the last checkpoint\n",
		    found->after_checkpoint);
	if (found->begins_anew)
		printf("note: the first record says chain_broken: what came before it was not whole\n");
	print_unchecked(request, found);
}

static void
print_json(const struct request *request, const struct audit_verified *found)
{
	struct buf out = { 0 };

	buf_printf(&out, "{\"good\":%s", found->good ? "true" : "false");
	json_put_member_int(&out, "records", (int64_t)found->records);
	json_put_member_int(&out, "first_seq", (int64_t)found->first_seq);
	json_put_member_int(&out, "last_seq", (int64_t)found->last_seq);
	json_put_member_int(&out, "torn_lines", (int64_t)found->torn_lines);
	json_put_member_int(&out, "macs", (int64_t)found->macs);
	json_put_member_int(&out, "macs_skipped", (int64_t)found->macs_skipped);
	json_put_member_int(&out, "checkpoints", (int64_t)found->checkpoints);
	json_put_member_int(&out, "signatures", (int64_t)found->signatures);
	json_put_member_int(&out, "witnessed", (int64_t)found->witnessed);
	json_put_member_int(&out, "files_sealed", (int64_t)found->files_sealed);
	json_put_member_int(&out, "after_checkpoint", (int64_t)found->after_checkpoint);
	buf_printf(&out, ",\"begins_anew\":%s,\"macs_checked\":%s,\"signatures_checked\":%s",
	    found->begins_anew ? "true" : "false",
	    request->options.mac_key != NULL ? "true" : "false",
	    request->options.public_key_count > 0 ? "true" : "false");
	if (!found->good) {
		json_put_member(&out, "file", found->file);
		json_put_member_int(&out, "line", (int64_t)found->line);
		json_put_member_int(&out, "seq", (int64_t)found->seq);
		json_put_member(&out, "reason", found->reason);
	}
	buf_put_text(&out, "}\n");
	fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	buf_free(&out);
}

/* False, with *status set, when there is nothing more to do. */
static bool
read_options(const struct ctl_command *command, int argc, char **argv, struct request *request,
    int *status)
{
	static const struct option names[] = { { "public-key", required_argument, NULL, 'p' },
		{ "mac-key", required_argument, NULL, 'm' },
		{ "main-log", required_argument, NULL, 'l' },
		{ "format", required_argument, NULL, 'f' }, { "progress", no_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	int letter;

	*status = CTL_USAGE;
	while ((letter = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (letter == 'p' && request->options.public_key_count < PUBLIC_KEYS_MOST)
			request->public_keys[request->options.public_key_count++] = optarg;
		else if (letter == 'm')
			request->options.mac_key = optarg;
		else if (letter == 'l')
			request->options.main_log = optarg;
		else if (letter == 'g')
			request->progress = true;
		else if (letter == 'f' && strcmp(optarg, "text") == 0)
			request->as_json = false;
		else if (letter == 'f' && strcmp(optarg, "json") == 0)
			request->as_json = true;
		else {
			*status = letter == 'h' ? ctl_help(command) :
						  ctl_usage(command, "unknown option, or a bad value");
			return false;
		}
	}
	request->options.public_keys = request->public_keys;
	if (optind == argc)
		ctl_usage(command, "which files?");
	return optind < argc;
}

int
ctl_verify(const struct ctl_command *command, int argc, char **argv)
{
	struct request request = { 0 };
	struct audit_verified found;
	struct progress progress;
	struct error err;
	int status;
	bool read;

	if (!read_options(command, argc, argv, &request, &status))
		return status;
	progress_open(&progress, request.progress);
	request.options.progress = progress_tell;
	request.options.progress_arg = &progress;
	read = audit_verify(argv + optind, (size_t)(argc - optind), &request.options, &found, &err);
	progress_close(&progress);
	if (!read) {
		fprintf(stderr, "pgweirctl verify: %s\n", err.text);
		return CTL_NO;
	}
	if (request.as_json)
		print_json(&request, &found);
	else if (found.good)
		print_good(&request, &found);
	else
		print_fault(&found);
	return found.good ? CTL_GOOD : CTL_NO;
}
