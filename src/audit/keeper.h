/*
 * keeper.h - what becomes of log files once they are closed: sealed by a .sig,
 * compressed, deleted after audit.keep. A thread of its own, so that the writer never
 * waits for it.
 */
#ifndef AUDIT_KEEPER_H
#define AUDIT_KEEPER_H

#include <pthread.h>
#include <stdatomic.h>

#include "keys.h"

/* Files that were deleted and not yet told in the log, one name a line. */
struct keeper {
	pthread_t thread;
	bool running;
	atomic_bool stopping;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t wake;
	bool asked;	      /* look at the folder */
	char *path;	      /* audit.file, by which rotated files are found */
	char *instance;	      /* as it stands in the records */
	int64_t keep_ms;      /* 0: for ever */
	bool compress;
	struct buf deleted;   /* names, each with its NUL */
	atomic_bool any_deleted;
	const struct sign_key *sign; /* borrowed; never changes */
};

/* What the configuration says now; starts the thread at the first call that names a file. */
void keeper_configure(struct keeper *keeper, const char *path, const char *instance,
    size_t instance_length, int64_t keep_ms, bool compress);
void keeper_open(struct keeper *keeper, const struct sign_key *sign);
/* A file was rotated. */
void keeper_ask(struct keeper *keeper);
/* Take the names of deleted files, each with its NUL; false when there are none. */
bool keeper_take_deleted(struct keeper *keeper, struct buf *names);
void keeper_close(struct keeper *keeper);

/* "…/audit.jsonl" and 7 to "…/audit-7.jsonl"; the caller frees it. */
char *rotated_name(const char *path, uint64_t first_seq);

#endif
