/*
 * users.h - who may log in, with which secret, as which PostgreSQL role.
 *
 * Made from `users`, `roles` of pgweir.yaml and from userlist.txt, which is
 * read in PgBouncer's own format ("name" "secret" a line, "" is a quote inside,
 * ; begins a comment), with the files of auth.hba and auth.ident beside them.
 * Never changes afterwards; shared by all threads, counted.
 */
#ifndef AUTH_USERS_H
#define AUTH_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/hba.h"
#include "auth/ident.h"
#include "base/problems.h"
#include "config/config.h"

struct users;

/* A secret as it is stored: clear text, "md5" and 32 hex digits, or "SCRAM-SHA-256$…". */
enum secret_kind { SECRET_NONE, SECRET_CLEAR, SECRET_MD5, SECRET_SCRAM };

/* Load. NULL when *problems has an error. A userlist readable by others is refused. */
struct users *users_load(const struct config *config, struct problems *problems);
struct users *users_reference(struct users *users);
void users_release(struct users *users);

/* The stored secret of a user who may log in. NULL: no such user, or it has none. */
const char *users_secret(const struct users *users, const char *name);
/* May this name log in at all? (trust needs no secret, but a known name.) */
bool users_known(const struct users *users, const char *name);
/* The PostgreSQL role of a user; the same name when nothing else is said. */
const char *users_role(const struct users *users, const char *name);
/* The role of each user who may log in; one that several have is told several times. */
void users_each_role(
    const struct users *users, void (*take)(void *arg, const char *role), void *arg);
/*
 * The secret with which to log in to PostgreSQL as this role: roles.x.password,
 * else the secret stored for the user of the same name. NULL: none.
 */
const char *users_role_secret(const struct users *users, const char *role);

/* The lines of auth.hba, which decide how each client proves who it is; NULL: auth.method does. */
const struct hba *users_hba(const struct users *users);
/* May `system`, a name of this machine, be `user`? `map` of auth.ident; NULL: if names are equal. */
bool users_may_be(
    const struct users *users, const char *map, const char *system, const char *user);

enum secret_kind secret_kind(const char *secret);

#endif
