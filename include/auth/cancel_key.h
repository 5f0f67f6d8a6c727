/*
 * cancel_key.h - the keys by which clients cancel: made of whose they are and a secret,
 * so that no table of them is needed.
 *
 * The pid that goes with a key names process, worker and slot of its client. Protocol 3.0
 * has keys of 4 bytes; from 3.2 on a key is 32: version, process, worker, 0, slot, host
 * and epoch, each number big-endian, and the first 16 bytes of their HMAC-SHA-256. The
 * short one is the first four bytes of the HMAC of the same with another version.
 */
#ifndef AUTH_CANCEL_KEY_H
#define AUTH_CANCEL_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
	CANCEL_KEY_SHORT = 4,
	CANCEL_KEY_LONG = 32,
	CANCEL_PROCESSES = 16, /* that may be on one host, siblings of one another */
	CANCEL_WORKERS = 128,
	CANCEL_SLOTS = 1 << 19, /* of one worker */
	CANCEL_SECRET_SIZE = 32,
};

/* Whose a key is. */
struct cancel_target {
	unsigned process, worker;
	uint32_t slot;
	uint32_t epoch; /* which of the clients that have had this slot */
};

/*
 * What keys are made with, and which host and process makes them. The newest secret makes
 * them, both are good. Any thread; owned by daemon.
 */
struct cancel_secret;
/* Secrets that live and die with the process. */
struct cancel_secret *cancel_secret_new(void);
void cancel_secret_free(struct cancel_secret *secret);
/* Other ones: `count` of them, 1 or 2, the newest first. */
void cancel_secret_set(struct cancel_secret *secret,
    const uint8_t secrets[][CANCEL_SECRET_SIZE], size_t count);

/* Above 2^30, so never that of a real process. */
uint32_t cancel_pid(const struct cancel_target *target);
/* Whose it would be, but for the epoch; false: it is none of ours. */
bool cancel_pid_read(uint32_t pid, struct cancel_target *target);
/* A key of CANCEL_KEY_SHORT or CANCEL_KEY_LONG bytes for this client. */
void cancel_key_make(struct cancel_secret *secret, const struct cancel_target *target,
    size_t length, uint8_t *key);
/*
 * Whom is this for? The epoch is 0 where a short key does not tell. False: nobody that we
 * know; of a long key that is sure, a short one is known by its client's worker only.
 */
bool cancel_key_read(struct cancel_secret *secret, uint32_t pid, const uint8_t *key,
    size_t length, struct cancel_target *target);
/* Is it this client's? Takes as long whatever the difference is. */
bool cancel_key_fits(struct cancel_secret *secret, const struct cancel_target *target,
    const uint8_t *key, size_t length);

#endif
