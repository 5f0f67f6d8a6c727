/* test_keepalive.c - behaviour of net/keepalive, read back from the kernel. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/keepalive.h"

static int
option_of(int fd, int level, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);

	assert_int_equal(getsockopt(fd, level, option, &value, &length), 0);
	return value;
}

static void
the_kernel_is_told_in_its_own_units(void **state)
{
	const struct keepalive keepalive = { .idle_ms = 30 * 1000,
		.interval_ms = 1500,
		.count = 4,
		.user_timeout_ms = 12345 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	keepalive_set(fd, &keepalive);

	assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 2);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 12345);
	close(fd);
	(void)state;
}

static void
nothing_leaves_what_the_system_has(void **state)
{
	const struct keepalive nothing = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int idle = option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE);
	int count = option_of(fd, IPPROTO_TCP, TCP_KEEPCNT);

	keepalive_set(fd, &nothing);

	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), idle);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), count);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	close(fd);
	(void)state;
}

/* Clients have no system call of their own for it. */
static void
who_is_accepted_has_what_the_listening_socket_has(void **state)
{
	const struct keepalive keepalive = { .idle_ms = 7000, .count = 3, .user_timeout_ms = 9000 };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(in);
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int accepted;

	assert_int_equal(bind(listening, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&in, &length), 0);
	assert_int_equal(listen(listening, 1), 0);
	keepalive_set(listening, &keepalive);
	assert_int_equal(connect(client, (struct sockaddr *)&in, length), 0);
	accepted = accept(listening, NULL, NULL);

	assert_int_equal(option_of(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option_of(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 7);
	assert_int_equal(option_of(accepted, IPPROTO_TCP, TCP_KEEPCNT), 3);
	assert_int_equal(option_of(accepted, IPPROTO_TCP, TCP_USER_TIMEOUT), 9000);
	close(accepted);
	close(client);
	close(listening);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_is_told_in_its_own_units),
		cmocka_unit_test(nothing_leaves_what_the_system_has),
		cmocka_unit_test(who_is_accepted_has_what_the_listening_socket_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
