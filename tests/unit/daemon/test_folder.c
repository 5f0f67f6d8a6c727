/* test_folder.c - what has changed among the policies' files is told, once it rests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

enum { SECOND = 1000000 };

/* A folder with one policy; the pattern of its files. */
struct place {
	char folder[32], file[64], pattern[64];
};

static void
write_file(const struct place *place, const char *text)
{
	FILE *file = fopen(place->file, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static struct place
make_place(void)
{
	struct place place = { .folder = "/tmp/pgweir-folder-XXXXXX" };

	assert_non_null(mkdtemp(place.folder));
	snprintf(place.file, sizeof(place.file), "%s/a.yaml", place.folder);
	snprintf(place.pattern, sizeof(place.pattern), "%s/*.yaml", place.folder);
	write_file(&place, "one");
	return place;
}

static void
remove_place(const struct place *place)
{
	unlink(place->file);
	rmdir(place->folder);
}

/* Whoever watches has read the files already: they may have changed in between. */
static void
what_was_read_before_the_first_look_is_compared_once(void **state)
{
	struct place place = make_place();
	struct folder *folder = folder_new();

	folder_set(folder, place.pattern);
	assert_true(folder_is_due(folder, 10 * SECOND));
	for (uint64_t now = 11; now < 30; now++)
		assert_false(folder_is_due(folder, now * SECOND));
	folder_set(folder, place.pattern);
	assert_false(folder_is_due(folder, 40 * SECOND));
	folder_free(folder);
	remove_place(&place);
	(void)state;
}

static void
a_file_that_is_written_is_told_when_it_rests(void **state)
{
	struct place place = make_place();
	struct folder *folder = folder_new();
	bool told = false;

	folder_set(folder, place.pattern);
	folder_is_due(folder, 10 * SECOND);
	write_file(&place, "another");
	assert_false(folder_is_due(folder, 11 * SECOND)); /* it may still be written */
	for (uint64_t now = 12; now < 30 && !told; now++)
		told = folder_is_due(folder, now * SECOND);
	assert_true(told);
	assert_false(folder_is_due(folder, 40 * SECOND));
	folder_free(folder);
	remove_place(&place);
	(void)state;
}

static void
nothing_is_told_where_nothing_is_watched(void **state)
{
	struct folder *folder = folder_new();

	assert_false(folder_is_due(folder, 10 * SECOND));
	folder_set(folder, "");
	assert_false(folder_is_due(folder, 20 * SECOND));
	folder_free(folder);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_before_the_first_look_is_compared_once),
		cmocka_unit_test(a_file_that_is_written_is_told_when_it_rests),
		cmocka_unit_test(nothing_is_told_where_nothing_is_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
