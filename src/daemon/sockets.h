/* sockets.h - the sockets on which clients and monitors arrive, bound before threads start. */
#ifndef DAEMON_SOCKETS_H
#define DAEMON_SOCKETS_H

#include "base/error.h"
#include "config/config.h"
#include "net/listener.h"

/* Owned by the supervisor, which gives the descriptors away. */
struct sockets {
	int *fds; /* fds[worker * config->listen_count + i] is that worker's i-th */
	struct listener_file *files; /* of each entry, if it is a unix socket */
	int http_fd;		     /* -1: nothing listens for HTTP */
};

bool sockets_bind(
    struct sockets *sockets, const struct config *config, unsigned workers, struct error *err);
/* Remove the unix sockets' files that are still ours. */
void sockets_unlink(const struct sockets *sockets, const struct config *config);
void sockets_free(struct sockets *sockets);

#endif
