/*
 * error.h - why something failed, on its way up to whoever decides.
 *
 * A function that can fail returns bool and takes a `struct error *` last. The
 * text says what failed, on what, why and what to do.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

enum error_code {
	ERROR_NONE,
	ERROR_CONFIG,	/* a file that an operator wrote */
	ERROR_PROTOCOL, /* a peer that does not speak as it should */
	ERROR_AUTH,	/* a log-in that failed */
	ERROR_IO,	/* the system said no */
	ERROR_LIMIT,	/* more than a setting allows */
	ERROR_SYNTAX,	/* a text that the parser cannot read */
};

/* Held by the caller, usually on its stack; nothing to free. */
struct error {
	enum error_code code;
	char sqlstate[6]; /* what a client should see; "" when the code decides */
	char text[500];
};

/* Fill *err (may be NULL); always returns false, so that a check can end with it. */
bool error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with an SQLSTATE (PostgreSQL, appendix A). */
bool error_set_state(struct error *err, enum error_code code, const char *sqlstate,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
