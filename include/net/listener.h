/*
 * listener.h - sockets on which clients arrive.
 *
 * For TCP each worker has a socket of its own on the same address (SO_REUSEPORT),
 * so the kernel spreads connections; workers share a unix socket, which knows no
 * such option.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "net/address.h"
#include "net/loop.h"

struct listener;

/* Where to listen: TCP when host is set, else a unix socket. Borrowed strings. */
struct listen_address {
	const char *host;     /* numeric address or "*" */
	const char *unix_dir; /* folder of the unix socket */
	int port;
	int mode;    /* of the unix socket's file */
	bool shared; /* siblings may listen there too; a unix socket then becomes ours */
};

/* A client arrived: the receiver owns the socket. */
typedef void listener_callback(int fd, const struct address *peer, void *arg);

/*
 * Open and bind a socket as the entry says, `copies` times (one per worker); fds
 * receives them. Call before threads start. *err names the address and what to do.
 */
bool listener_bind(
    const struct listen_address *entry, int *fds, int copies, struct error *err);
/* The path of the entry's unix socket. The caller frees it. */
char *listener_unix_path(const struct listen_address *entry);

/* Which file a unix socket is: another process may have put its own in the place. */
struct listener_file {
	dev_t device;
	ino_t inode;
};
/* Of the entry's unix socket now. */
struct listener_file listener_file_of(const struct listen_address *entry);
/* Remove the entry's unix socket, if it still is this file. */
void listener_unlink(const struct listen_address *entry, const struct listener_file *file);

/* Accept on a bound socket from this loop; owns the socket. */
struct listener *listener_new(struct loop *loop, int fd, listener_callback *callback, void *arg);
/* Take in those who have connected already, then stop accepting and close. */
void listener_free(struct listener *listener);

#endif
