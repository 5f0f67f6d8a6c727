/*
 * fuzz_hba.c - arbitrary bytes as pg_hba.conf and pg_ident.conf. What is refused has a reason, and
 * what is accepted can be asked.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auth/hba.h"
#include "fuzz.h"

static void
ask(const struct hba *hba)
{
	struct hba_client client = { .database = "shop", .user = "app" };
	struct hba_verdict verdict;

	for (int i = 0; i < 4; i++) {
		client.local = (i & 1) != 0;
		client.replication = (i & 2) != 0;
		if (hba_find(hba, &client, &verdict))
			assert(verdict.line > 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct problems problems = { 0 };
	struct idents *idents;
	struct hba *hba;
	char path[64];
	int fd;

	/* Not further files of this machine. */
	if (memchr(bytes, '@', length) != NULL)
		return 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	assert(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	idents = idents_load(path, &problems);
	assert((idents != NULL) == (problems.errors == 0));
	problems_free(&problems);
	problems = (struct problems){ 0 };
	hba = hba_load(path, idents, &problems);
	assert((hba != NULL) == (problems.errors == 0));
	if (hba != NULL)
		ask(hba);
	if (idents != NULL)
		idents_permit(idents, "staff", "alice", "app");
	hba_free(hba);
	idents_free(idents);
	problems_free(&problems);
	close(fd);
	return 0;
}
