/*
 * secret.h - passwords that stand somewhere else: ${file:PATH}, ${env:NAME},
 * ${cred:NAME} (a credential of systemd), and files that hold passwords.
 */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include <stdbool.h>

#include "base/error.h"

/* The longest password, and the longest form in which PostgreSQL stores one. */
enum { SECRET_BYTES_MOST = 2047 };

/*
 * Open a file of passwords for reading. Refused unless it is a regular file
 * that nobody but its owner and group may touch.
 */
bool secret_open(const char *path, int *fd, struct error *err);

/*
 * The secret that a text of the configuration stands for: itself, or what it
 * refers to. Relative paths begin at `folder`. The caller frees *secret with
 * mem_free_secret(). No message repeats the text, which may be the password.
 */
bool secret_resolve(const char *text, const char *folder, char **secret, struct error *err);

#endif
