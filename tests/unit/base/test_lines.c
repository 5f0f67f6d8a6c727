/* test_lines.c - behaviour of base/lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/lines.h"

/* A file of these bytes, opened. */
static void
open_bytes(struct lines *lines, const char *bytes, size_t length)
{
	char path[] = "/tmp/pgweir-lines-XXXXXX";
	int fd = mkstemp(path);
	struct error err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
	assert_true(lines_open(lines, path, &err));
	unlink(path);
}

static void
assert_line(struct lines *lines, const char *text, bool whole)
{
	struct error err;

	assert_true(lines_next(lines, &err));
	assert_int_equal(lines->length, strlen(text));
	assert_memory_equal(lines->line, text, strlen(text));
	assert_int_equal(lines->whole, whole);
}

static void
lines_come_one_by_one_and_the_last_may_lack_its_end(void **state)
{
	struct lines lines;
	struct error err;

	open_bytes(&lines, "one\n\nthree", 10);
	assert_line(&lines, "one", true);
	assert_line(&lines, "", true);
	assert_line(&lines, "three", false);
	assert_int_equal(lines.number, 3);
	assert_false(lines_next(&lines, &err));
	assert_int_equal(err.code, ERROR_NONE);
	assert_false(lines_next(&lines, &err));
	lines_close(&lines);
	(void)state;
}

static void
a_line_without_end_is_cut_and_the_next_is_found(void **state)
{
	size_t length = LINES_LINE_MOST + 200000;
	char *bytes = malloc(length + 6);
	struct lines lines;
	struct error err;

	memset(bytes, 'x', length);
	memcpy(bytes + length, "\nnext\n", 6);
	open_bytes(&lines, bytes, length + 6);
	free(bytes);
	assert_true(lines_next(&lines, &err));
	assert_true(lines.cut);
	assert_line(&lines, "next", true);
	assert_int_equal(lines.number, 2);
	lines_close(&lines);
	(void)state;
}

static void
what_cannot_be_opened_or_read_is_named(void **state)
{
	struct lines lines;
	struct error err;

	assert_false(lines_open(&lines, "/nonexistent/file", &err));
	assert_non_null(strstr(err.text, "/nonexistent/file"));
	assert_true(lines_open(&lines, "/", &err));
	assert_false(lines_next(&lines, &err));
	assert_int_equal(err.code, ERROR_IO);
	lines_close(&lines);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_one_by_one_and_the_last_may_lack_its_end),
		cmocka_unit_test(a_line_without_end_is_cut_and_the_next_is_found),
		cmocka_unit_test(what_cannot_be_opened_or_read_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
