/* own_limit.c - see own_limit.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pool/own_limit.h"

static const double ms_most = 2147483647; /* PostgreSQL's own bound */

/* PostgreSQL's units of time, the plain number in milliseconds. */
static const struct {
	const char *name;
	double ms;
} units[] = { { "", 1 }, { "us", 0.001 }, { "ms", 1 }, { "s", 1000 }, { "min", 60e3 },
	{ "h", 3600e3 }, { "d", 86400e3 } };

/* What stands behind = or TO of a statement that sets something, or NULL. */
static const char *
value_of(const char *replay)
{
	const char *equals = strchr(replay, '=');

	if (equals != NULL)
		return equals + 1;
	for (const char *at = strchr(replay, ' '); at != NULL; at = strchr(at + 1, ' '))
		if (strncasecmp(at + 1, "to", 2) == 0 && strchr(" \t\n'", at[3]) != NULL)
			return at + 3;
	return NULL;
}

static const char *
skip_blanks(const char *at)
{
	return at + strspn(at, " \t\r\n\f\v");
}

int64_t
own_limit_ms(const struct settings *settings)
{
	const char *replay = settings_get(settings, "statement_timeout");
	const char *at = replay == NULL ? NULL : value_of(replay);
	size_t length;
	double number;
	char *end;

	if (at == NULL)
		return 0;
	at = skip_blanks(at);
	at += (*at == 'E' || *at == 'e') && at[1] == '\'';
	at = skip_blanks(*at == '\'' ? at + 1 : at);
	number = strtod(at, &end);
	if (end == at || !(number > 0))
		return 0;
	at = skip_blanks(end);
	length = strcspn(at, " \t\r\n\f\v';-/"); /* - and /: of a comment */
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == length && memcmp(units[i].name, at, length) == 0 &&
		    number * units[i].ms <= ms_most)
			return (int64_t)ceil(number * units[i].ms);
	return 0;
}
