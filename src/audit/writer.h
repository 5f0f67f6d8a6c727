/*
 * writer.h - the audit as its own thread sees it: shared by audit.c (start, reload,
 * stop), writer.c (the thread) and own.c (the writer's own records).
 */
#ifndef AUDIT_WRITER_H
#define AUDIT_WRITER_H

#include "audit_internal.h"
#include "keeper.h"

/* Losses not yet told; `records` 0 when there are none. */
struct gap {
	uint64_t since_us, until_us;
	uint64_t records, refused; /* refused: statements that did not begin */
	uint64_t lost[EVENT_COUNT];
};

/* Made by audit_start(), freed by audit_stop(). */
struct audit {
	_Atomic(struct audit_settings *) settings; /* the newest; older ones hang behind it */
	struct audit_lane *lanes;
	size_t lane_count;
	struct lane_bell bell;
	pthread_t thread;
	atomic_bool stopping;

	pthread_mutex_t lock; /* held by the writer in a round, and by a reload */
	struct chain chain;
	struct sign_key sign;
	uint64_t checkpoint_us; /* monotonic, of the newest */
	bool key_unsaved;	/* the file of audit.mac_key is of an epoch that ended */
	uint64_t key_saved_us;	/* monotonic: when it was tried last */
	struct sink access, slow;
	uint64_t file_first_seq, file_first_us; /* of the access log's file; wall clock */
	uint64_t rotate_bytes, rotate_every_us; /* 0: never */
	uint64_t rotate_retry_us; /* monotonic; after a failure, not before */
	struct keeper keeper;
	struct gap gaps[GAP_REASONS];
	struct audit_lane own; /* renders the writer's own records; nothing is posted to it */
	enum audit_sync sync;
	uint64_t sync_every_us;
	uint64_t slow_lost; /* lines, since the last word about it */
	struct plans plans;

	/* For audit_get_status(), from any thread. */
	atomic_uint_least64_t seq, lost, synced_wall_us;
	atomic_int failure; /* errno of the access log, 0 when healthy */
	atomic_bool broken; /* the log was not whole at the start, and nobody has accepted that */
	atomic_bool key_failed;
};

/* ---- writer.c ---- */

void *writer_main(void *audit);
/* Take what is queued, write it, tell what was lost. With the lock held. */
bool writer_round(struct audit *audit);
/* A checkpoint, on the disk, and the key's file after it. */
void writer_checkpoint(struct audit *audit);

/* ---- opening.c ---- */

/*
 * Open the access log and go on from its end; begin a new file when it is not whole.
 * Its first records are put.
 */
bool opening_open(struct audit *audit, const char *path, const char *reason, struct error *err);
/* Open another file for the chain that is being written. */
bool opening_follow(struct audit *audit, const char *path, struct sink *fresh,
    struct error *err);

/* ---- rotate.c ---- */

void rotate_if_due(struct audit *audit, uint64_t now_us);
/* After a crash in the middle of a rotation the file may have both names: it keeps its own. */
void rotate_recover(const struct audit *audit);
/* Records of files that the keeper has deleted. */
void rotate_tell_deleted(struct audit *audit);

/* ---- own.c: records of the writer, put into the access log's sink ---- */

void own_put_start(struct audit *audit, const char *reason);
void own_put_stop(struct audit *audit, const char *reason);
/* The last record but one of a file: where it goes on. */
void own_put_rotate(struct audit *audit, const char *next_file);
/* A file that was older than audit.keep is no more. */
void own_put_deleted(struct audit *audit, const char *file);
void own_put_checkpoint(struct audit *audit);
void own_put_torn(struct audit *audit, const struct chain_torn *torn);
/* Note that records were lost; they are told by the next own_tell_gaps(). */
/* Why a record is lost while writing fails with this errno; 0: its lane was full. */
enum gap_reason gap_reason_of(int failure);
void own_count_lost(struct audit *audit, enum gap_reason reason, enum record_event event,
    uint64_t records, uint64_t since_us, uint64_t until_us);
/* The same of statements that did not begin, because their record could not have been kept. */
void own_count_refused(struct audit *audit, enum gap_reason reason, uint64_t statements);
/* One audit.gap for each reason that has losses, when the file can be written. */
void own_tell_gaps(struct audit *audit);

#endif
