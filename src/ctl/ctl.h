/*
 * ctl.h - what the subcommands of pgweirctl share. Each is one file with one
 * function; main.c has the table.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/problems.h"

/* docs: the exit status of every program. */
enum ctl_exit { CTL_GOOD = 0, CTL_NO = 1, CTL_USAGE = 2, CTL_CONFIG = 78 };

/* One subcommand. `run` gets its own name as argv[0]. */
struct ctl_command {
	const char *name;
	const char *summary;
	const char *help; /* what --help prints behind the first line */
	int (*run)(const struct ctl_command *command, int argc, char **argv);
};

int ctl_catalog(const struct ctl_command *command, int argc, char **argv);
int ctl_check(const struct ctl_command *command, int argc, char **argv);
int ctl_console(const struct ctl_command *command, int argc, char **argv);
int ctl_explain(const struct ctl_command *command, int argc, char **argv);
int ctl_import(const struct ctl_command *command, int argc, char **argv);
int ctl_test(const struct ctl_command *command, int argc, char **argv);
int ctl_lint(const struct ctl_command *command, int argc, char **argv);
int ctl_replay(const struct ctl_command *command, int argc, char **argv);
int ctl_report(const struct ctl_command *command, int argc, char **argv);
int ctl_load(const struct ctl_command *command, int argc, char **argv);
int ctl_sign(const struct ctl_command *command, int argc, char **argv);
int ctl_keygen(const struct ctl_command *command, int argc, char **argv);
int ctl_suggest(const struct ctl_command *command, int argc, char **argv);
int ctl_top(const struct ctl_command *command, int argc, char **argv);
int ctl_verify(const struct ctl_command *command, int argc, char **argv);

/* Print the help to standard output; returns CTL_GOOD. */
int ctl_help(const struct ctl_command *command);
/* Say on standard error what is wrong with the command line; returns CTL_USAGE. */
int ctl_usage(const struct ctl_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* All problems to standard error, one a line. */
void ctl_print_problems(const struct problems *problems);
/* The glob that a folder, a file or a glob stands for; the caller frees it. */
char *ctl_policy_glob(const char *path);

struct catalogs;
/*
 * What `pgweirctl catalog` wrote, for judging: NULL for no path. False, and said so on
 * standard error, when it cannot be read. The caller frees it with catalogs_free().
 */
bool ctl_open_catalog(const struct ctl_command *command, const char *path,
    struct catalogs **catalogs);

/* Told by those who read files; on the stack of a subcommand. */
struct progress {
	bool on, over; /* over: a terminal, whose line is written over */
	bool told;
	uint64_t told_us;
};

/* Only on a terminal, unless `always`. */
void progress_open(struct progress *progress, bool always);
/* As audit_verify_options.progress wants it; `arg` is the struct progress. */
void progress_tell(void *arg, const char *path, uint64_t offset);
void progress_close(struct progress *progress);

/* Where pgweir.yaml is when the command line does not say. */
extern const char ctl_default_config[];

#endif
