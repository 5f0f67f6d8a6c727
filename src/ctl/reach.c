/* reach.c - see reach.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reach.h"

static bool
names_word(const PQconninfoOption *options, const char *word)
{
	for (; options != NULL && options->keyword != NULL; options++)
		if (strcmp(options->keyword, word) == 0)
			return options->val != NULL;
	return false;
}

/* Where nothing else is said, the console of a pgweir at its usual port. */
PGconn *
reach_console(const char *target, const char *application, char **failure)
{
	PQconninfoOption *given = target != NULL ? PQconninfoParse(target, failure) : NULL;
	const char *names[5] = { "dbname", "application_name" };
	const char *values[5] = { target, application };
	size_t count = 2;
	PGconn *console;

	if (target != NULL && given == NULL)
		return NULL;
	if (target == NULL)
		values[0] = "";
	if (!names_word(given, "port") && getenv("PGPORT") == NULL) {
		names[count] = "port";
		values[count++] = "6432";
	}
	if (!names_word(given, "dbname")) {
		names[count] = "dbname";
		values[count++] = "pgweir";
	}
	console = PQconnectdbParams(names, values, 1);
	PQconninfoFree(given);
	return console;
}
