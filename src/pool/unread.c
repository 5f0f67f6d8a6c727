/*
 * unread.c - did a server that is gone read what was sent to it last?
 *
 * Asked when a server was found dead just as a statement was sent: what it has surely
 * not read, it has surely not run. "No" means only that it cannot be proved.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "net/tls.h"
#include "pool/server.h"

/* So many bytes, sent at once, a backend that waits for a message reads all or none of. */
enum {
	WHOLE_BY_UNIX = 8192, /* PQ_RECV_BUFFER_SIZE */
	WHOLE_BY_TCP = 1200,  /* one segment, whatever the path */
};

static const char closed_in_order[] = "connection closed by the other side";

/* stream_why() tells an errno by its text. */
static bool
ended_by(const struct server *server, int error)
{
	return strcmp(stream_why(server->stream), strerror(error)) == 0;
}

/* Bytes that the server's kernel has not acknowledged. */
static uint64_t
unacknowledged(const struct server *server)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	if (getsockopt(stream_fd(server->stream), IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ||
	    length < offsetof(struct tcp_info, tcpi_bytes_retrans) + sizeof(info.tcpi_bytes_retrans))
		return 0;
	/* The SYN was acknowledged as a byte. */
	return info.tcpi_bytes_sent - info.tcpi_bytes_retrans + 1 - info.tcpi_bytes_acked;
}

bool
server_left_unread(
    const struct server *server, size_t bytes, unsigned writes, bool said_farewell)
{
	bool by_unix = address_is_unix(&server->address);
	bool whole = writes == 1 && bytes <= (by_unix ? WHOLE_BY_UNIX : WHOLE_BY_TCP);

	if (bytes == 0)
		return false;
	if (stream_unsent(server->stream) >= bytes)
		return true; /* the end was seen before anything went out */
	if (writes == 1 && ended_by(server, EPIPE))
		return true; /* the first write failed: nothing went out */
	/*
	 * A socket is reset when it is closed with something unread in it. Over a network
	 * a firewall may reset too; so there the server must have said that it goes.
	 */
	if (whole && ended_by(server, ECONNRESET))
		return by_unix || said_farewell;
	/*
	 * It closed in order, and its kernel would have acknowledged with that what the
	 * process had. A connection that timed out says nothing of the kind. Encrypted, what
	 * was sent has more bytes than are counted here, more with each write.
	 */
	return !by_unix && (writes == 1 || !stream_is_encrypted(server->stream)) &&
	    strcmp(stream_why(server->stream), closed_in_order) == 0 &&
	    unacknowledged(server) >= bytes;
}
