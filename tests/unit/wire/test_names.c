/* test_names.c - behaviour of wire/names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "wire/names.h"

static void
every_message_of_the_protocol_has_its_name(void **state)
{
	static const char clients[] = "BCDEFHPQSXcdfp";
	static const char servers[] = "123ACDEGHIKNRSTVWZcdnstv";

	for (const char *at = clients; *at != '\0'; at++)
		assert_string_not_equal(message_name_from_client((uint8_t)*at), "unknown");
	for (const char *at = servers; *at != '\0'; at++)
		assert_string_not_equal(message_name_from_server((uint8_t)*at), "unknown");
	(void)state;
}

static void
one_letter_means_other_things_in_each_direction(void **state)
{
	assert_string_equal(message_name_from_client('C'), "Close");
	assert_string_equal(message_name_from_server('C'), "CommandComplete");
	assert_string_equal(message_name_from_client('S'), "Sync");
	assert_string_equal(message_name_from_server('S'), "ParameterStatus");
	assert_string_equal(message_name_from_client('D'), "Describe");
	assert_string_equal(message_name_from_server('D'), "DataRow");
	(void)state;
}

static void
any_byte_has_some_name_and_most_are_unknown(void **state)
{
	size_t clients = 0, servers = 0;

	for (unsigned type = 0; type < 256; type++) {
		clients += strcmp(message_name_from_client((uint8_t)type), "unknown") != 0;
		servers += strcmp(message_name_from_server((uint8_t)type), "unknown") != 0;
	}
	assert_int_equal(clients, strlen("BCDEFHPQSXcdfp"));
	assert_int_equal(servers, strlen("123ACDEGHIKNRSTVWZcdnstv"));
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_of_the_protocol_has_its_name),
		cmocka_unit_test(one_letter_means_other_things_in_each_direction),
		cmocka_unit_test(any_byte_has_some_name_and_most_are_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
