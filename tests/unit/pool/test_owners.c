/* test_owners.c - behaviour of pool/owners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pool/owners.h"
#include "pool/server.h"

static struct server
server_at(const char *host, int pid)
{
	return (struct server){ .pid = pid, .host_key = owners_host(host, 5432) };
}

static void
test_the_last_owner_is_told(void **state)
{
	struct server server = server_at("10.0.0.1", 4711);

	(void)state;
	assert_int_equal(owners_find(server.host_key, 4711), 0);
	owners_note(&server, 1 << 30);
	owners_note(&server, 1 << 30 | 1);
	assert_int_equal(owners_find(server.host_key, 4711), 1 << 30 | 1);
	assert_int_equal(owners_find(server.host_key, 4712), 0);
}

static void
test_a_pid_of_another_host_is_another(void **state)
{
	struct server here = server_at("10.0.0.1", 815), there = server_at("10.0.0.2", 815);

	(void)state;
	owners_note(&here, 1 << 30);
	assert_int_equal(owners_find(there.host_key, 815), 0);
}

static void
test_all_addresses_of_a_name_are_one_host(void **state)
{
	struct server here = server_at("localhost", 816), there = server_at("localhost", 816);

	(void)state;
	assert_true(address_from_text("127.0.0.1", 5432, &here.address));
	assert_true(address_from_text("::1", 5432, &there.address));
	owners_note(&here, 1 << 30 | 7);
	assert_int_equal(owners_find(there.host_key, 816), 1 << 30 | 7);
}

static void
test_another_port_of_a_host_is_another_server(void **state)
{
	struct server server = server_at("10.0.0.1", 817);

	(void)state;
	owners_note(&server, 1 << 30);
	assert_int_equal(owners_find(owners_host("10.0.0.1", 5433), 817), 0);
}

static void
test_what_has_ended_is_forgotten(void **state)
{
	struct server server = server_at("10.0.0.1", 99);

	(void)state;
	owners_want();
	owners_note(&server, 1 << 30);
	owners_forget(&server);
	assert_int_equal(owners_find(server.host_key, 99), 0);
}

static void
test_wanting_is_told_the_first_time_only(void **state)
{
	(void)state;
	owners_want();
	assert_true(owners_wanted());
	assert_false(owners_want());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_owner_is_told),
		cmocka_unit_test(test_a_pid_of_another_host_is_another),
		cmocka_unit_test(test_all_addresses_of_a_name_are_one_host),
		cmocka_unit_test(test_another_port_of_a_host_is_another_server),
		cmocka_unit_test(test_what_has_ended_is_forgotten),
		cmocka_unit_test(test_wanting_is_told_the_first_time_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
