/*
 * address.h - where a peer is: an IP address and port, or a unix socket's path.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT_SIZE = 128 };

struct address {
	struct sockaddr_storage storage;
	socklen_t length;
};

/* The same in little room, for those of whom there are many; a unix socket has no address. */
struct packed_address {
	uint8_t family; /* AF_INET, AF_INET6 or AF_UNIX */
	uint16_t port;
	uint8_t ip[16];
};
struct packed_address address_pack(const struct address *address);
struct address address_unpack(const struct packed_address *packed);

/* From a numeric IP address, or from the folder of PostgreSQL's unix socket ('/…'). */
bool address_from_text(const char *host, int port, struct address *address);
bool address_is_unix(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);
/* "10.1.2.3", "::1", or the unix socket's path. */
void address_text(const struct address *address, char text[ADDRESS_TEXT_SIZE]);
/* 0 for a unix socket. */
int address_port(const struct address *address);

#endif
