/*
 * secret.h - a password that stands somewhere else: ${file:PATH}, ${env:NAME},
 * ${cred:NAME} (a credential of systemd).
 */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include <stdbool.h>

#include "base/error.h"

/*
 * The secret that a text of the configuration stands for: itself, or what it
 * refers to. Relative paths begin at `folder`. The caller frees *secret with
 * mem_free_secret(). No message repeats the text, which may be the password.
 */
bool secret_resolve(const char *text, const char *folder, char **secret, struct error *err);

#endif
