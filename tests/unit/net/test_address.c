/* test_address.c - behaviour of net/address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>
#include <cmocka.h>

#include "net/address.h"

static void
assert_reads_as(const char *host, int port, const char *text, int shown_port)
{
	struct address address;
	char got[ADDRESS_TEXT_SIZE];

	assert_true(address_from_text(host, port, &address));
	address_text(&address, got);
	assert_string_equal(got, text);
	assert_int_equal(address_port(&address), shown_port);
	assert_int_equal(address_is_unix(&address), host[0] == '/');
}

static void
numbers_and_folders_are_addresses(void **state)
{
	assert_reads_as("127.0.0.1", 5432, "127.0.0.1", 5432);
	assert_reads_as("255.255.255.255", 65535, "255.255.255.255", 65535);
	assert_reads_as("0000:0::0:1", 1, "::1", 1);
	assert_reads_as("::ffff:10.1.2.3", 5432, "::ffff:10.1.2.3", 5432);
	assert_reads_as("/run/postgresql", 5432, "/run/postgresql/.s.PGSQL.5432", 0);
	(void)state;
}

static void
names_and_misspelled_numbers_are_not(void **state)
{
	static const char *const odd[] = { "", "localhost", "*", "127.1", "1.2.3.4.5", "256.0.0.1",
		" 127.0.0.1", "127.0.0.1 ", "127.0.0.1:5432", "[::1]", "::1%lo", ":::", "run",
		"./run", "0x7f.0.0.1" };
	struct address address;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		if (address_from_text(odd[i], 5432, &address))
			fail_msg("\"%s\" was taken for an address", odd[i]);
	(void)state;
}

/* sun_path has 108 bytes, its NUL included; "/.s.PGSQL.5432" takes 14 of them. */
static void
a_path_that_does_not_fit_is_refused_and_not_cut(void **state)
{
	enum { FITS = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 - 14 };
	char folder[FITS + 2];
	char text[ADDRESS_TEXT_SIZE];
	struct address address;

	memset(folder, 'd', sizeof(folder));
	folder[0] = '/';
	folder[FITS] = '\0';
	assert_true(address_from_text(folder, 5432, &address));
	address_text(&address, text);
	assert_int_equal(strlen(text), FITS + 14);
	assert_string_equal(text + FITS, "/.s.PGSQL.5432");
	folder[FITS] = 'd';
	folder[FITS + 1] = '\0';
	assert_false(address_from_text(folder, 5432, &address));
	(void)state;
}

/* What accept(2) gives for a client's unix socket, which has no name. */
static void
an_address_without_a_name_has_an_empty_text(void **state)
{
	struct address address = { .storage.ss_family = AF_UNIX, .length = sizeof(sa_family_t) };
	char text[ADDRESS_TEXT_SIZE];

	address_text(&address, text);
	assert_string_equal(text, "");
	assert_int_equal(address_port(&address), 0);
	address.storage.ss_family = AF_UNSPEC;
	address_text(&address, text);
	assert_string_equal(text, "");
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_folders_are_addresses),
		cmocka_unit_test(names_and_misspelled_numbers_are_not),
		cmocka_unit_test(a_path_that_does_not_fit_is_refused_and_not_cut),
		cmocka_unit_test(an_address_without_a_name_has_an_empty_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
