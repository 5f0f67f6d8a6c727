/*
 * http.h - a small HTTP server on a loop: GET and HEAD, answered now or later.
 *
 * Libevent's evhttp does the work and is seen here only. Meant for a few monitors, on a
 * loop that serves no clients.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/loop.h"

struct http;

/* What was asked. Borrowed for the call. */
struct http_request {
	uint64_t number;	   /* for http_answer() */
	const char *path;	   /* without the query, never NULL */
	const char *authorization; /* the header's value; NULL: none was sent */
};
/* Answer with http_answer(), in the call or later on the loop's thread. */
typedef void http_callback(const struct http_request *request, void *arg);

struct http_answer {
	int status;
	const char *type;      /* Content-Type */
	const char *challenge; /* WWW-Authenticate of a 401; NULL: none */
	const struct buf *body;
};

/* Serve on a socket that listens (listener_bind()); owns it. */
struct http *http_new(struct loop *loop, int fd, http_callback *callback, void *arg);
/* Close every connection; what is unanswered stays so. Call when the loop runs no more. */
void http_free(struct http *http);
/* Answer a request, once; a number that is not known (its connection is gone) is ignored. */
void http_answer(struct http *http, uint64_t number, const struct http_answer *answer);

#endif
