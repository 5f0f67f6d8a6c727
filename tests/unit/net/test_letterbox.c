/* test_letterbox.c - letters between processes of one user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/letterbox.h"

/* What came last. */
struct heard {
	struct loop *loop;
	size_t length, count;
	uint8_t letter[LETTER_MOST];
};

static char folder[] = "/tmp/pgweir-letters-XXXXXX";
static char mine[64], yours[64];

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(mine, sizeof(mine), "%s/1.sock", folder);
	snprintf(yours, sizeof(yours), "%s/2.sock", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	unlink(mine);
	unlink(yours);
	return rmdir(folder);
}

static void
on_letter(const uint8_t *letter, size_t length, void *arg)
{
	struct heard *heard = arg;

	memcpy(heard->letter, letter, length);
	heard->length = length;
	heard->count++;
	loop_stop(heard->loop);
}

static struct letterbox *
open_at(const char *path, struct loop *loop, struct heard *heard)
{
	struct error err = { 0 };
	int fd = letterbox_bind(path, &err);

	assert_true(fd >= 0);
	return letterbox_new(loop, fd, on_letter, heard);
}

static void
a_letter_arrives_whole_and_only_where_somebody_is(void **state)
{
	struct heard heard = { .loop = loop_new() };
	struct letterbox *from = open_at(mine, heard.loop, &heard);
	struct letterbox *to;
	struct stat status;

	assert_false(letterbox_is_open(yours));
	assert_false(letterbox_send(from, yours, (const uint8_t *)"lost", 4));
	to = open_at(yours, heard.loop, &heard);
	assert_int_equal(stat(yours, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_true(letterbox_is_open(yours));
	assert_true(letterbox_send(from, yours, (const uint8_t *)"hello", 5));
	loop_run(heard.loop);
	assert_int_equal(heard.count, 1);
	assert_int_equal(heard.length, 5);
	assert_memory_equal(heard.letter, "hello", 5);
	letterbox_free(to);
	assert_false(letterbox_is_open(yours)); /* the file of a dead one */
	assert_false(letterbox_send(from, yours, (const uint8_t *)"lost", 4));
	to = open_at(yours, heard.loop, &heard); /* goes into its place */
	assert_true(letterbox_is_open(yours));
	letterbox_free(to);
	letterbox_free(from);
	loop_free(heard.loop);
	(void)state;
}

static void
a_letter_that_is_too_long_is_thrown_away(void **state)
{
	static const uint8_t longest[LETTER_MOST + 1] = { 'x' };
	struct heard heard = { .loop = loop_new() };
	struct letterbox *box = open_at(mine, heard.loop, &heard);

	assert_true(letterbox_send(box, mine, longest, sizeof(longest)));
	assert_true(letterbox_send(box, mine, longest, LETTER_MOST));
	loop_run(heard.loop);
	assert_int_equal(heard.count, 1);
	assert_int_equal(heard.length, LETTER_MOST);
	letterbox_free(box);
	loop_free(heard.loop);
	(void)state;
}

static void
sending_never_waits(void **state)
{
	struct heard heard = { .loop = loop_new() };
	struct letterbox *from = open_at(mine, heard.loop, &heard);
	struct letterbox *to = open_at(yours, heard.loop, &heard);
	size_t sent = 0;

	while (letterbox_send(from, yours, (const uint8_t *)"again", 5))
		sent++; /* ends when no more fits */
	assert_true(sent > 0);
	letterbox_free(from);
	letterbox_free(to);
	loop_free(heard.loop);
	(void)state;
}

static void
a_path_that_no_socket_can_have_is_an_error(void **state)
{
	struct error err = { 0 };
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(letterbox_bind(path, &err), -1);
	assert_non_null(strstr(err.text, "too long"));
	assert_false(letterbox_is_open(path));
	assert_int_equal(letterbox_bind("/nowhere/1.sock", &err), -1);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_letter_arrives_whole_and_only_where_somebody_is),
		cmocka_unit_test(a_letter_that_is_too_long_is_thrown_away),
		cmocka_unit_test(sending_never_waits),
		cmocka_unit_test(a_path_that_no_socket_can_have_is_an_error),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
