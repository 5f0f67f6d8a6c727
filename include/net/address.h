/*
 * address.h - where a peer is: an IP address and port, or a unix socket's path.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT_SIZE = 128 };

struct address {
	struct sockaddr_storage storage;
	socklen_t length;
};

/* From a numeric IP address, or from the folder of PostgreSQL's unix socket ('/…'). */
bool address_from_text(const char *host, int port, struct address *address);
bool address_is_unix(const struct address *address);
/* "10.1.2.3", "::1", or the unix socket's path. */
void address_text(const struct address *address, char text[ADDRESS_TEXT_SIZE]);
/* 0 for a unix socket. */
int address_port(const struct address *address);

#endif
