/*
 * copy_in.h - COPY FROM STDIN: when the server reads rows, and nothing else.
 *
 * While PostgreSQL reads CopyData it ignores Sync and Flush, and fails on any other message; once
 * the COPY has failed it answers a Sync, and drops what is left of the rows (PostgreSQL
 * documentation, "COPY Operations"; ReceiveCopyBegin() and CopyGetData() in copyfromparse.c). What
 * a message behind the rows brings hangs on that, so nothing but rows is sent until the server has
 * said that it reads them, or that it does not. A client that waits for CopyInResponse, as drivers
 * do, waits no longer by that.
 */
#ifndef SESSION_COPY_IN_H
#define SESSION_COPY_IN_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/report.h"

struct client;
struct judged;
struct link;
struct request;

/* A Query or Execute that is sent: how many COPYs may begin in it. */
void copy_in_expect(struct link *link, struct request *request, const struct judged *judged);

enum copy_in_way {
	COPY_IN_FREE,	/* it can be handled */
	COPY_IN_WAITS,	/* not before the server has answered */
	COPY_IN_BROKEN, /* it came among the rows: PostgreSQL ends the connection */
};
/* What is to become of the client's next message, which is of this type? */
enum copy_in_way copy_in_way_of(struct client *client, uint8_t type);

/* CopyDone or CopyFail is sent. */
void copy_in_end(struct client *client);

/* CopyInResponse came; false: nothing was asked that brings one. */
bool copy_in_begin(struct link *link);

/* An ErrorResponse came: is it that of a message that broke into the rows? Then say so. */
bool copy_in_broken(struct link *link, const struct wire_report *report);

#endif
