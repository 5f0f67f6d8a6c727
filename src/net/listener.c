/* listener.c - see listener.h. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/listener.h"
#include "watch.h"

enum {
	BACKLOG = 4096,
	ACCEPTS_A_TURN = 64,   /* so that a storm of connects does not starve queries */
	REST_AFTER_EMFILE = 1, /* seconds */
};

struct listener {
	int fd;
	struct watch *watch;
	listener_callback *callback;
	void *arg;
};

char *
listener_unix_path(const struct listen_address *entry)
{
	return mem_printf("%s/.s.PGSQL.%d", entry->unix_dir, entry->port);
}

/*
 * A socket's file that nobody listens on any more is in our way; a live one is an
 * error, and so is a file of another kind: it is not ours to delete.
 */
static bool
clear_stale(const struct address *address, const char *path, struct error *err)
{
	struct stat status;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool live =
	    connect(fd, (const struct sockaddr *)&address->storage, address->length) == 0;

	close(fd);
	if (live)
		return error_set(err, ERROR_IO,
		    "cannot listen on %s: another process listens there; stop it, or "
		    "choose another "
		    "port or unix_dir",
		    path);
	if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode))
		return error_set(err, ERROR_IO,
		    "cannot listen on %s: the file is not a socket; move it away", path);
	unlink(path);
	return true;
}

/* What was bound before something failed is given back. */
static bool
close_all(const int *fds, int count)
{
	for (int i = 0; i < count; i++)
		close(fds[i]);
	return false;
}

/* What is not a socket is not ours to replace. */
static bool
may_replace(const char *path, struct error *err)
{
	struct stat status;

	if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode))
		return error_set(err, ERROR_IO,
		    "cannot listen on %s: the file is not a socket; move it away", path);
	return true;
}

/* Bound under another name, and renamed when it listens: nobody finds no socket there. */
static bool
put_over(int fd, const struct listen_address *entry, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.%d",
	    entry->unix_dir, (int)getpid());

	if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	unlink(address.sun_path);
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    chmod(address.sun_path, (mode_t)entry->mode) == 0 && listen(fd, BACKLOG) == 0 &&
	    rename(address.sun_path, path) == 0;
}

static bool
put_anew(int fd, const struct listen_address *entry, const struct address *address,
    const char *path)
{
	return bind(fd, (const struct sockaddr *)&address->storage, address->length) == 0 &&
	    chmod(path, (mode_t)entry->mode) == 0 && listen(fd, BACKLOG) == 0;
}

static bool
open_unix(int fd, const struct listen_address *entry, const char *path, struct error *err)
{
	struct address address;

	if (!address_from_text(entry->unix_dir, entry->port, &address))
		return error_set(err, ERROR_IO, "cannot listen on %s: the path is too long", path);
	if (!(entry->shared ? may_replace(path, err) : clear_stale(&address, path, err)))
		return false;
	return (entry->shared ? put_over(fd, entry, path)
			      : put_anew(fd, entry, &address, path)) ||
	    error_set(err, ERROR_IO, "cannot listen on %s: %s", path, strerror(errno));
}

static bool
bind_unix(const struct listen_address *entry, int *fds, int copies, struct error *err)
{
	char *path = listener_unix_path(entry);
	bool good;

	fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	good = open_unix(fds[0], entry, path, err);
	mem_free(path);
	if (!good)
		return close_all(fds, 1);
	for (int i = 1; i < copies; i++)
		fds[i] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	return true;
}

struct listener_file
listener_file_of(const struct listen_address *entry)
{
	char *path = listener_unix_path(entry);
	struct stat status = { 0 };

	lstat(path, &status);
	mem_free(path);
	return (struct listener_file){ .device = status.st_dev, .inode = status.st_ino };
}

void
listener_unlink(const struct listen_address *entry, const struct listener_file *file)
{
	struct listener_file now = listener_file_of(entry);
	char *path = listener_unix_path(entry);

	if (now.device == file->device && now.inode == file->inode)
		unlink(path);
	mem_free(path);
}

/*
 * With SO_REUSEPORT a second pgweir of the same user would silently take half of
 * the clients. A socket without it tells.
 */
static bool
is_free(const struct address *address)
{
	const int on = 1;
	int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool taken;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	taken =
	    bind(fd, (const struct sockaddr *)&address->storage, address->length) < 0 &&
	    errno == EADDRINUSE;
	close(fd);
	return !taken;
}

static bool
bind_tcp(const struct listen_address *entry, int *fd, bool first, struct error *err)
{
	const char *host = strcmp(entry->host, "*") == 0 ? "0.0.0.0" : entry->host;
	const int on = 1;
	struct address address;

	if (!address_from_text(host, entry->port, &address) || address_is_unix(&address))
		return error_set(err, ERROR_IO,
		    "cannot listen on %s: not a numeric address (write 127.0.0.1, ::1 or "
		    "\"*\")",
		    entry->host);
	if (first && !entry->shared && !is_free(&address))
		return error_set(err, ERROR_IO,
		    "cannot listen on %s port %d: Address already in use; stop who uses "
		    "it "
		    "(ss -ltnp), or choose another port",
		    entry->host, entry->port);
	*fd = socket(
	    address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return error_set(
		    err, ERROR_IO, "cannot make a socket: %s", strerror(errno));
	/* Accepted sockets inherit the last two. */
	setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(*fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	setsockopt(*fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(*fd, (struct sockaddr *)&address.storage, address.length) < 0 ||
	    listen(*fd, BACKLOG) < 0) {
		error_set(err, ERROR_IO, "cannot listen on %s port %d: %s", entry->host,
		    entry->port, strerror(errno));
		return close_all(fd, 1);
	}
	return true;
}

bool
listener_bind(const struct listen_address *entry, int *fds, int copies, struct error *err)
{
	if (entry->host == NULL)
		return bind_unix(entry, fds, copies, err);
	for (int i = 0; i < copies; i++)
		if (!bind_tcp(entry, &fds[i], i == 0, err))
			return close_all(fds, i);
	return true;
}

/* No descriptor is left: stop accepting for a moment instead of spinning. */
static void
take_a_rest(struct listener *listener)
{
	log_warning("cannot accept a client: %s; trying again in %d s", strerror(errno),
	    REST_AFTER_EMFILE);
	watch_rest(listener->watch, REST_AFTER_EMFILE * 1000 / LOOP_TICK_MS);
}

/* False: nobody waits any more, or nobody can be taken in. */
static bool
take_in_one(struct listener *listener)
{
	struct address peer = { .length = sizeof(peer.storage) };
	int client = accept4(listener->fd, (struct sockaddr *)&peer.storage, &peer.length,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (client >= 0) {
		listener->callback(client, &peer, listener->arg);
		return true;
	}
	return errno == ECONNABORTED || errno == EINTR;
}

static void
on_connection(void *arg)
{
	struct listener *listener = arg;

	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		if (take_in_one(listener))
			continue;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			take_a_rest(listener);
		return;
	}
}

/* Whoever is connected when the socket is closed, and not accepted, would be reset. */
static void
take_in(struct listener *listener)
{
	for (int i = 0; i < BACKLOG && take_in_one(listener); i++)
		;
}

struct listener *
listener_new(struct loop *loop, int fd, listener_callback *callback, void *arg)
{
	struct listener *listener = mem_zalloc(1, sizeof(*listener));

	*listener = (struct listener){ .fd = fd, .callback = callback, .arg = arg };
	listener->watch = watch_new(loop, fd, on_connection, listener);
	return listener;
}

void
listener_free(struct listener *listener)
{
	watch_free(listener->watch);
	take_in(listener);
	close(listener->fd);
	mem_free(listener);
}
