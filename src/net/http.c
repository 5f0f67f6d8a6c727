/* http.c - see http.h. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/http.h"
#include "net_internal.h"

enum {
	PATIENCE_SECONDS = 10, /* for a request's end, and for one who does not read */
	HEADERS_MOST = 8192,
	BODY_MOST = 1024,	/* read and ignored */
	UNANSWERED_MOST = 64,	/* at a time; those beyond are told to come later */
	REST_AFTER_EMFILE = 1,	/* seconds */
};

/* A request that waits for its answer. Evhttp owns the request; we never free it. */
struct unanswered {
	LIST_ENTRY(unanswered) in_http;
	uint64_t number;
	struct evhttp_request *request;
};

struct http {
	struct evhttp *server;
	http_callback *callback;
	void *arg;
	uint64_t numbers; /* given so far */
	unsigned unanswered_count;
	LIST_HEAD(, unanswered) unanswered;
};

static void
send_answer(struct evhttp_request *request, const struct http_answer *answer)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evbuffer_new();

	if (body == NULL)
		log_fatal("out of memory");
	evbuffer_add(body, buf_bytes(answer->body), buf_length(answer->body));
	evhttp_add_header(headers, "Content-Type", answer->type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	if (answer->challenge != NULL)
		evhttp_add_header(headers, "WWW-Authenticate", answer->challenge);
	evhttp_send_reply(request, answer->status, NULL, body);
	evbuffer_free(body);
}

static void
forget(struct http *http, struct unanswered *unanswered)
{
	LIST_REMOVE(unanswered, in_http);
	http->unanswered_count--;
	mem_free(unanswered);
}

void
http_answer(struct http *http, uint64_t number, const struct http_answer *answer)
{
	struct unanswered *unanswered;

	LIST_FOREACH(unanswered, &http->unanswered, in_http)
	{
		struct evhttp_request *request = unanswered->request;

		if (unanswered->number != number)
			continue;
		forget(http, unanswered);
		send_answer(request, answer);
		return;
	}
}

/*
 * Its connection broke while we were at work: evhttp calls once more, without a path,
 * and frees the request with that answer.
 */
static bool
is_taken_back(struct http *http, struct evhttp_request *request)
{
	struct unanswered *unanswered;

	LIST_FOREACH(unanswered, &http->unanswered, in_http)
	{
		if (unanswered->request != request)
			continue;
		forget(http, unanswered);
		evhttp_send_error(request, HTTP_BADREQUEST, NULL);
		return true;
	}
	return false;
}

static void
on_request(struct evhttp_request *request, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	struct http *http = arg;
	struct unanswered *unanswered;
	const char *path;

	if (is_taken_back(http, request))
		return;
	if (uri == NULL || http->unanswered_count >= UNANSWERED_MOST) {
		evhttp_send_error(request, uri == NULL ? HTTP_BADREQUEST : HTTP_SERVUNAVAIL, NULL);
		return;
	}
	path = evhttp_uri_get_path(uri);
	unanswered = mem_zalloc(1, sizeof(*unanswered));
	unanswered->number = ++http->numbers;
	unanswered->request = request;
	LIST_INSERT_HEAD(&http->unanswered, unanswered, in_http);
	http->unanswered_count++;
	http->callback(&(struct http_request){ .number = unanswered->number,
			   .path = path != NULL ? path : "",
			   .authorization = evhttp_find_header(
			       evhttp_request_get_input_headers(request), "Authorization") },
	    http->arg);
}

static void
on_rested(evutil_socket_t fd, short what, void *listener)
{
	evconnlistener_enable(listener);
	(void)fd;
	(void)what;
}

/* No descriptor is left: stop accepting for a moment instead of spinning. */
static void
on_accept_failed(struct evconnlistener *listener, void *arg)
{
	const struct timeval pause = { .tv_sec = REST_AFTER_EMFILE };

	log_warning("cannot accept an HTTP connection: %s; trying again in %d s",
	    evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()), REST_AFTER_EMFILE);
	evconnlistener_disable(listener);
	event_base_once(
	    evconnlistener_get_base(listener), -1, EV_TIMEOUT, on_rested, listener, &pause);
	(void)arg;
}

struct http *
http_new(struct loop *loop, int fd, http_callback *callback, void *arg)
{
	struct evhttp *server = evhttp_new(loop_base(loop));
	struct evhttp_bound_socket *bound;
	struct http *http;

	if (server == NULL)
		log_fatal("cannot make an HTTP server");
	bound = evhttp_accept_socket_with_handle(server, fd);
	if (bound == NULL)
		log_fatal("cannot listen for HTTP");
	evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(bound), on_accept_failed);
	http = mem_zalloc(1, sizeof(*http));
	*http = (struct http){ .server = server, .callback = callback, .arg = arg };
	LIST_INIT(&http->unanswered);
	evhttp_set_timeout(server, PATIENCE_SECONDS);
	evhttp_set_max_headers_size(server, HEADERS_MOST);
	evhttp_set_max_body_size(server, BODY_MOST);
	evhttp_set_allowed_methods(server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_gencb(server, on_request, http);
	return http;
}

void
http_free(struct http *http)
{
	struct unanswered *unanswered;

	if (http == NULL)
		return;
	evhttp_free(http->server);
	while ((unanswered = LIST_FIRST(&http->unanswered)) != NULL)
		forget(http, unanswered);
	mem_free(http);
}
