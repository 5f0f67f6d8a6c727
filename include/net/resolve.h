/*
 * resolve.h - host names to addresses, off the loops.
 *
 * A few threads ask getaddrinfo(3); answers come by mailbox. They remember nothing:
 * who asks keeps the last good answer (pool/host_names.c).
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <stdbool.h>

#include "net/address.h"
#include "net/mailbox.h"

struct resolver;

enum { RESOLVE_ADDRESSES_MOST = 16 };

/* A question, and then its answer. Owned by the asker; not to be touched in between. */
struct resolve_request {
	struct message message; /* delivered to the asker's mailbox with the answer */
	struct mailbox *answer_to;
	char *host; /* owned by the request's owner; outlives the question */
	int port;
	struct resolve_request *next; /* the resolver's queue */
	struct address addresses[RESOLVE_ADDRESSES_MOST];
	int count;	/* 0: why says what failed */
	char why[160];
};

struct resolver *resolver_new(void);
void resolver_free(struct resolver *resolver);
/* Ask. request->message.deliver runs later on the thread of request->answer_to. */
void resolver_ask(struct resolver *resolver, struct resolve_request *request);

#endif
