/* address.c - see address.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "net/address.h"

static bool
from_unix(const char *folder, int port, struct address *address)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&address->storage;
	int length =
	    snprintf(un->sun_path, sizeof(un->sun_path), "%s/.s.PGSQL.%d", folder, port);

	if (length < 0 || (size_t)length >= sizeof(un->sun_path))
		return false;
	un->sun_family = AF_UNIX;
	address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length + 1);
	return true;
}

bool
address_from_text(const char *host, int port, struct address *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->storage;

	memset(address, 0, sizeof(*address));
	if (host[0] == '/')
		return from_unix(host, port, address);
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		address->length = sizeof(*in);
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		address->length = sizeof(*in6);
		return true;
	}
	return false;
}

bool
address_is_unix(const struct address *address)
{
	return address->storage.ss_family == AF_UNIX;
}

bool
address_equal(const struct address *a, const struct address *b)
{
	return a->length == b->length && memcmp(&a->storage, &b->storage, a->length) == 0;
}

void
address_text(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->storage;
	const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;

	text[0] = '\0';
	switch (address->storage.ss_family) {
	case AF_INET:
		inet_ntop(AF_INET, &in->sin_addr, text, ADDRESS_TEXT_SIZE);
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &in6->sin6_addr, text, ADDRESS_TEXT_SIZE);
		break;
	case AF_UNIX:
		snprintf(text, ADDRESS_TEXT_SIZE, "%s", un->sun_path);
		break;
	}
}

int
address_port(const struct address *address)
{
	switch (address->storage.ss_family) {
	case AF_INET:
		return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
	case AF_INET6:
		return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
	}
	return 0;
}

struct packed_address
address_pack(const struct address *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&address->storage;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->storage;
	struct packed_address packed = { .family = (uint8_t)address->storage.ss_family,
		.port = (uint16_t)address_port(address) };

	if (packed.family == AF_INET)
		memcpy(packed.ip, &in->sin_addr, sizeof(in->sin_addr));
	else if (packed.family == AF_INET6)
		memcpy(packed.ip, &in6->sin6_addr, sizeof(in6->sin6_addr));
	return packed;
}

struct address
address_unpack(const struct packed_address *packed)
{
	struct address address = { .length = sizeof(struct sockaddr) };
	struct sockaddr_in *in = (struct sockaddr_in *)&address.storage;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address.storage;

	address.storage.ss_family = packed->family;
	if (packed->family == AF_INET) {
		in->sin_port = htons(packed->port);
		memcpy(&in->sin_addr, packed->ip, sizeof(in->sin_addr));
		address.length = sizeof(*in);
	} else if (packed->family == AF_INET6) {
		in6->sin6_port = htons(packed->port);
		memcpy(&in6->sin6_addr, packed->ip, sizeof(in6->sin6_addr));
		address.length = sizeof(*in6);
	}
	return address;
}
