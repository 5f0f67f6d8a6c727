/*
 * userlist.h - PgBouncer's auth_file: "name" "secret", one user a line.
 *
 * A quote inside is written twice; what follows the secret on its line is
 * ignored, and lines that begin with ; are comments. Stricter than PgBouncer
 * where it guesses: a quote that is not closed on its line, a name that is there
 * twice and a secret that goes on behind its closing quote are faults.
 */
#ifndef AUTH_USERLIST_H
#define AUTH_USERLIST_H

#include <stdbool.h>

#include "base/problems.h"

/* One line. Borrowed for the call. */
struct userlist_entry {
	const char *name;
	const char *secret; /* "" when it has none */
	int line, secret_col;
};

/* Call `on_entry` for each good line. False when *problems has a new error. */
bool userlist_read(const char *path,
    void (*on_entry)(void *arg, const struct userlist_entry *entry), void *arg,
    struct problems *problems);

#endif
