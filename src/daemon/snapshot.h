/* snapshot.h - configuration, users, policies and TLS, read at one moment and whole. */
#ifndef DAEMON_SNAPSHOT_H
#define DAEMON_SNAPSHOT_H

#include <stdbool.h>

#include "auth/users.h"
#include "base/problems.h"
#include "config/config.h"
#include "policy/policy.h"
#include "pool/security.h"

/* Holds one reference of each. */
struct snapshot {
	struct config *config;
	struct users *users;
	struct policies *policies;
	struct security *security;
};

/* All or nothing; every fault is in *problems. */
bool snapshot_load(const char *path, struct snapshot *snapshot, struct problems *problems);
/* One more reference of each for whoever takes a copy. */
struct snapshot snapshot_reference(const struct snapshot *snapshot);
void snapshot_release(struct snapshot *snapshot);

#endif
