/* common.c - see ctl.h. */
#include <stdarg.h>
#include <sys/stat.h>

#include "ctl.h"
#include "base/mem.h"
#include "policy/catalogs.h"

const char ctl_default_config[] = PGWEIR_SYSCONFDIR "/pgweir.yaml";

int
ctl_help(const struct ctl_command *command)
{
	printf("Usage: pgweirctl %s %s", command->name, command->help);
	return CTL_GOOD;
}

int
ctl_usage(const struct ctl_command *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "pgweirctl %s: ", command->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry 'pgweirctl %s --help'.\n", command->name);
	return CTL_USAGE;
}

void
ctl_print_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		char *text = problem_text(&problems->items[i]);

		fprintf(stderr, "%s\n", text);
		mem_free(text);
	}
}

char *
ctl_policy_glob(const char *path)
{
	struct stat file;

	if (stat(path, &file) == 0 && S_ISDIR(file.st_mode))
		return mem_printf("%s/*.yaml", path);
	return mem_strdup(path);
}

bool
ctl_open_catalog(
    const struct ctl_command *command, const char *path, struct catalogs **catalogs)
{
	struct error err = { 0 };
	struct catalog *catalog;

	*catalogs = NULL;
	if (path == NULL)
		return true;
	catalog = catalog_load(path, &err);
	if (catalog == NULL) {
		fprintf(stderr, "pgweirctl %s: %s\n", command->name, err.text);
		return false;
	}
	*catalogs = catalogs_of_all(catalog);
	return true;
}
