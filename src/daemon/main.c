/* main.c - pgweir, the daemon. */
#include <stdio.h>

#include "base/mem.h"
#include "options.h"
#include "snapshot.h"
#include "supervisor.h"

static void
print_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		char *text = problem_text(&problems->items[i]);

		fprintf(stderr, "%s\n", text);
		mem_free(text);
	}
}

static void
print_config(const struct config *config)
{
	struct buf out = { 0 };

	config_print(config, &out);
	fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	buf_free(&out);
}

int
main(int argc, char **argv)
{
	struct options options;
	struct snapshot snapshot;
	struct problems problems = { 0 };
	int code;
	bool good;

	if (!options_read(argc, argv, &options, &code))
		return code;
	good = snapshot_load(options.config, &snapshot, &problems);
	print_problems(&problems);
	problems_free(&problems);
	if (!good)
		return EXIT_CONFIG;
	if (options.print)
		print_config(snapshot.config);
	if (options.check && !options.print)
		printf("%s: good\n", snapshot.config->path);
	if (options.print || options.check) {
		snapshot_release(&snapshot);
		return EXIT_GOOD;
	}
	if (!options_open_log(&options, snapshot.config)) {
		fprintf(stderr, "pgweir: cannot open the log file %s\n", snapshot.config->log_file);
		snapshot_release(&snapshot);
		return EXIT_FAULT;
	}
	return supervisor_run(&options, &snapshot);
}
