/*
 * sign.h - detached signatures of files: Ed25519 over the bytes of FILE, in base64 in
 * FILE.sig. With the keys of pgweirctl keygen; for policies that must be signed.
 */
#ifndef AUDIT_SIGN_H
#define AUDIT_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "config/config.h"
#include "policy/policy.h"

/* Who may sign. */
struct trust;

/* A public key in PEM; NULL with *err. */
struct trust *trust_open(const char *public_key, struct error *err);
void trust_close(struct trust *trust); /* NULL is fine */
/* Are these the bytes that FILE.sig signs? Not when there is none. */
bool trust_holds(const struct trust *trust, const char *file, const void *bytes, size_t length,
    struct error *err);

/* The policies that a configuration names, signed where it asks for that; NULL after a fault. */
struct policies *policies_signed(const struct config *config, struct problems *problems);

/* Write FILE.sig beside each file. False at the first that fails; those before it are signed. */
bool sign_files(
    const char *private_key, char *const *files, size_t count, struct error *err);

#endif
