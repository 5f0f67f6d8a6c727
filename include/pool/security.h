/*
 * security.h - the TLS of both sides as one configuration has it.
 *
 * Read with the configuration, all or nothing, and never changed; shared by all threads,
 * counted. New connections take the newest one.
 */
#ifndef POOL_SECURITY_H
#define POOL_SECURITY_H

#include "base/problems.h"
#include "config/config.h"
#include "net/tls.h"

struct security {
	_Atomic int references;
	enum tls_mode client_mode, server_mode;
	struct tls_context *client, *server; /* NULL: disabled */
};

/* Read the files that tls.client and tls.server name. NULL, with every fault in *problems. */
struct security *security_load(const struct config *config, struct problems *problems);
struct security *security_reference(struct security *security);
/* NULL is fine. */
void security_release(struct security *security);
/* Do servers speak as before under the other? */
bool security_servers_are_equal(const struct security *a, const struct security *b);

#endif
