/* test_http.c - behaviour of net/http. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"
#include "net/address.h"
#include "net/http.h"
#include "turns.h"

/* A server that answers nothing by itself. */
struct place {
	struct loop *loop;
	struct http *http;
	struct address address;
	uint64_t number; /* of the last request */
	char path[64], authorization[64];
};

static void
on_request(const struct http_request *request, void *arg)
{
	struct place *place = arg;

	place->number = request->number;
	snprintf(place->path, sizeof(place->path), "%s", request->path);
	snprintf(place->authorization, sizeof(place->authorization), "%s",
	    request->authorization != NULL ? request->authorization : "(none)");
}

static void
place_make(struct place *place)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	*place = (struct place){ .loop = loop_new() };
	assert_true(address_from_text("127.0.0.1", 0, &place->address));
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&place->address.storage, place->address.length), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&place->address.storage,
			     &place->address.length), 0);
	place->http = http_new(place->loop, fd, on_request, place);
}

static void
place_remove(struct place *place)
{
	http_free(place->http);
	loop_free(place->loop);
}

/* A client that has sent this, and the server has seen it, or has answered at once. */
static int
ask(struct place *place, const char *text)
{
	const uint64_t before = place->number;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char first;

	assert_int_equal(
	    connect(fd, (struct sockaddr *)&place->address.storage, place->address.length), 0);
	assert_int_equal(send(fd, text, strlen(text), 0), (int)strlen(text));
	while (place->number == before && recv(fd, &first, 1, MSG_DONTWAIT | MSG_PEEK) < 1)
		settle(place->loop);
	return fd;
}

static void
answer(struct place *place, uint64_t number, const char *text)
{
	struct buf body = { 0 };

	buf_put_text(&body, text);
	http_answer(place->http, number,
	    &(struct http_answer){ .status = 200, .type = "text/plain", .body = &body });
	buf_free(&body);
	for (int i = 0; i < 4; i++)
		settle(place->loop);
}

/* What has come so far; -1: nothing yet. */
static ssize_t
heard(int fd, char text[1024])
{
	ssize_t length = recv(fd, text, 1023, MSG_DONTWAIT);

	text[length > 0 ? length : 0] = '\0';
	return length;
}

/* Wait for what comes. */
static void
hear(struct place *place, int fd, char text[1024])
{
	while (heard(fd, text) < 0)
		settle(place->loop);
	assert_true(text[0] != '\0');
}

static void
a_request_is_answered_when_somebody_does(void **state)
{
	struct place place;
	char text[1024];
	int fd;

	place_make(&place);
	fd = ask(&place, "GET /a?b=c HTTP/1.1\r\nAuthorization: Bearer x\r\n\r\n");
	assert_string_equal(place.path, "/a");
	assert_string_equal(place.authorization, "Bearer x");
	assert_int_equal(heard(fd, text), -1);

	answer(&place, place.number, "later");
	hear(&place, fd, text);
	assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(text, "\r\n\r\nlater"));
	answer(&place, place.number, "twice");
	assert_int_equal(heard(fd, text), -1);

	close(fd);
	place_remove(&place);
	(void)state;
}

static void
an_answer_to_one_who_left_goes_nowhere(void **state)
{
	const struct linger reset = { .l_onoff = 1 };
	struct place place;
	char text[1024];
	int fd;

	place_make(&place);
	fd = ask(&place, "GET /a HTTP/1.1\r\n\r\n");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	settle(place.loop);
	answer(&place, place.number, "who is there");
	answer(&place, 12345, "nobody");

	fd = ask(&place, "GET /b HTTP/1.1\r\n\r\n");
	answer(&place, place.number, "still here");
	hear(&place, fd, text);
	close(fd);
	place_remove(&place);
	(void)state;
}

static void
whoever_asks_for_more_than_can_be_remembered_is_told_to_come_later(void **state)
{
	struct place place;
	char text[1024];
	int fds[64], fd;

	place_make(&place);
	for (int i = 0; i < 64; i++)
		fds[i] = ask(&place, "GET /a HTTP/1.1\r\n\r\n");
	fd = ask(&place, "GET /a HTTP/1.1\r\n\r\n");
	hear(&place, fd, text);
	assert_non_null(strstr(text, " 503 "));
	close(fd);
	for (int i = 0; i < 64; i++)
		close(fds[i]);
	place_remove(&place); /* with all of them unanswered */
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered_when_somebody_does),
		cmocka_unit_test(an_answer_to_one_who_left_goes_nowhere),
		cmocka_unit_test(whoever_asks_for_more_than_can_be_remembered_is_told_to_come_later),
	};

	give_up_when_it_hangs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
