/* error.c - see error.h. */
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

static void
fill(struct error *err, enum error_code code, const char *sqlstate, const char *format,
    va_list args)
{
	if (err == NULL)
		return;
	err->code = code;
	snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", sqlstate);
	vsnprintf(err->text, sizeof(err->text), format, args);
}

bool
error_set(struct error *err, enum error_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(err, code, "", format, args);
	va_end(args);
	return false;
}

bool
error_set_state(
    struct error *err, enum error_code code, const char *sqlstate, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(err, code, sqlstate, format, args);
	va_end(args);
	return false;
}
