/*
 * replay.c - feeds a fuzz target its seeds, for `make check`.
 *
 * tests/fuzz/fuzz_NAME reads every file in $srcdir/tests/fuzz/seeds/NAME: whole,
 * cut at every length (in a block of just that size, so that a sanitizer sees a
 * byte read too many), and with each byte changed once.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fuzz.h"

enum { SEED_MOST = 1 << 20, NEAR_MOST = 4096 };

static void
feed_cut(const uint8_t *bytes, size_t length)
{
	uint8_t *exact = mem_copy(bytes, length);

	LLVMFuzzerTestOneInput(exact, length);
	mem_free(exact);
}

static void
feed(uint8_t *bytes, size_t length)
{
	feed_cut(bytes, length);
	if (length > NEAR_MOST) /* a large seed is there for its size */
		return;
	for (size_t cut = 0; cut < length; cut++)
		feed_cut(bytes, cut);
	for (size_t i = 0; i < length; i++) {
		bytes[i] ^= (uint8_t)(1 + i % 255);
		LLVMFuzzerTestOneInput(bytes, length);
		bytes[i] ^= (uint8_t)(1 + i % 255);
	}
}

static int
feed_file(const char *path)
{
	struct buf bytes = { 0 };
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		perror(path);
		return 1;
	}
	buf_grown(&bytes, fread(buf_reserve(&bytes, SEED_MOST), 1, SEED_MOST, file));
	fclose(file);
	feed(buf_bytes(&bytes), buf_length(&bytes));
	buf_free(&bytes);
	return 0;
}

/* Where the seeds of "…/fuzz_NAME" are. */
static char *
seed_folder(const char *program)
{
	const char *name = strrchr(program, '/');
	const char *srcdir = getenv("srcdir");

	name = name != NULL ? name + 1 : program;
	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	return mem_printf("%s/tests/fuzz/seeds/%s", srcdir != NULL ? srcdir : ".", name);
}

int
main(int argc, char **argv)
{
	char *folder = argc > 1 ? mem_strdup(argv[1]) : seed_folder(argv[0]);
	DIR *seeds = opendir(folder);
	struct dirent *entry;
	int count = 0, faults = 0;

	while (seeds != NULL && (entry = readdir(seeds)) != NULL) {
		char *path = mem_printf("%s/%s", folder, entry->d_name);

		if (entry->d_name[0] != '.') {
			faults += feed_file(path);
			count++;
		}
		mem_free(path);
	}
	if (seeds != NULL)
		closedir(seeds);
	printf("%d seeds in %s\n", count, folder);
	mem_free(folder);
	return count == 0 || faults != 0;
}
