/*
 * peer.c - see peer.h. Called at the log-in of clients on unix sockets.
 *
 * The table of users may be far away (LDAP behind NSS), so names are kept for a minute, by all
 * threads together.
 */
#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/peer.h"

enum {
	KEPT_MOST = 64,
	KEPT_US = 60 * 1000000,
	PASSWD_BYTES = 16384,
};

/* A name that was found. Guarded by `lock`. */
static struct kept {
	uid_t uid;
	uint64_t until_us; /* 0: nothing is kept here */
	char name[PEER_NAME_SIZE];
} kept[KEPT_MOST];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool
find(uid_t uid, char name[PEER_NAME_SIZE])
{
	uint64_t now_us = clock_monotonic_us();
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < KEPT_MOST && !found; i++) {
		found = kept[i].uid == uid && kept[i].until_us > now_us;
		if (found)
			memcpy(name, kept[i].name, PEER_NAME_SIZE);
	}
	pthread_mutex_unlock(&lock);
	return found;
}

/* In the place of the one that ends first. */
static void
keep(uid_t uid, const char name[PEER_NAME_SIZE])
{
	size_t place = 0;

	pthread_mutex_lock(&lock);
	for (size_t i = 1; i < KEPT_MOST; i++)
		if (kept[i].until_us < kept[place].until_us)
			place = i;
	kept[place].uid = uid;
	kept[place].until_us = clock_monotonic_us() + KEPT_US;
	memcpy(kept[place].name, name, PEER_NAME_SIZE);
	pthread_mutex_unlock(&lock);
}

static bool
look_up(uid_t uid, char name[PEER_NAME_SIZE], struct error *err)
{
	char bytes[PASSWD_BYTES];
	struct passwd entry, *found = NULL;
	int status = getpwuid_r(uid, &entry, bytes, sizeof(bytes), &found);

	if (found == NULL)
		return error_set(err, ERROR_IO, "the user %lu of this machine has no name: %s",
		    (unsigned long)uid, status != 0 ? strerror(status) : "it is not in the table");
	if (strlen(entry.pw_name) >= PEER_NAME_SIZE)
		return error_set(err, ERROR_IO, "the name of the user %lu of this machine is too long",
		    (unsigned long)uid);
	memset(name, 0, PEER_NAME_SIZE);
	snprintf(name, PEER_NAME_SIZE, "%s", entry.pw_name);
	return true;
}

bool
peer_user_name(int fd, char name[PEER_NAME_SIZE], struct error *err)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return error_set(err, ERROR_IO, "cannot ask who is at the other end: %s", strerror(errno));
	if (find(peer.uid, name))
		return true;
	if (!look_up(peer.uid, name, err))
		return false;
	keep(peer.uid, name);
	return true;
}
