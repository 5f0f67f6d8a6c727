/* keepalive.c - see keepalive.h. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/keepalive.h"

/* A value that the kernel does not take leaves its own in place. */
static void
set(int fd, int option, int64_t value)
{
	const int number = (int)value;

	if (value > 0)
		setsockopt(fd, IPPROTO_TCP, option, &number, sizeof(number));
}

void
keepalive_set(int fd, const struct keepalive *keepalive)
{
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	set(fd, TCP_KEEPIDLE, (keepalive->idle_ms + 999) / 1000);
	set(fd, TCP_KEEPINTVL, (keepalive->interval_ms + 999) / 1000);
	set(fd, TCP_KEEPCNT, keepalive->count);
	set(fd, TCP_USER_TIMEOUT, keepalive->user_timeout_ms);
}
