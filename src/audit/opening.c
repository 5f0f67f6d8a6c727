/*
 * opening.c - the access log's file at the start: gone on from, or, when it is not
 * whole, put aside with every byte it has and a new one begun. Used by audit.c.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "writer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

/* "audit.jsonl" to "audit-broken-20261122T093753Z.jsonl" beside it. */
static char *
broken_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash != NULL ? slash : path, '.');
	size_t stem = dot != NULL ? (size_t)(dot - path) : strlen(path);
	time_t now = time(NULL);
	char when[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	return mem_printf("%.*s-broken-%s%s", (int)stem, path, when, path + stem);
}

static bool
put_aside(struct audit *audit, const char *path, const struct chain_tail *tail,
    struct error *err)
{
	char *aside = broken_name(path);
	bool good;

	log_error("audit.file %s is not whole: %s", path, tail->broken);
	if (audit->access.bytes == 0) {
		mem_free(aside);
		return true;
	}
	/* link() never replaces a file, as rename() would. */
	good = link(path, aside) == 0 && unlink(path) == 0;
	if (!good)
		error_set(err, ERROR_IO, "audit.file %s is not whole and cannot be put aside as %s: %s",
		    path, aside, strerror(errno));
	else
		log_error("audit.file %s was left as it is, under the name %s; pgweirctl verify tells "
			  "the place", path, aside);
	mem_free(aside);
	sink_close(&audit->access);
	return good && sink_open(&audit->access, path, true, err);
}

/* The key remembers a record that was on the disk; without one the last line must do. */
static void
continue_broken(struct audit *audit, const struct chain_tail *tail)
{
	const struct mac_key *key = &audit->chain.mac;
	struct chain_tail from = { .seq = tail->seq, .checkpoint_seq = tail->seq,
		.checkpoint_sig = "-" };

	memcpy(from.head, tail->head, sizeof(from.head));
	if (key->path != NULL && key->seq > 0) {
		from.seq = from.checkpoint_seq = key->seq;
		memcpy(from.head, key->head, sizeof(from.head));
	}
	chain_continue(&audit->chain, &from);
}

static void
note_file(struct audit *audit, const struct chain_tail *tail)
{
	bool fresh = tail->first_seq == 0 || tail->broken[0] != '\0';

	audit->file_first_seq = fresh ? audit->chain.seq + 1 : tail->first_seq;
	audit->file_first_us = fresh || tail->first_us == 0 ? clock_wall_us() : tail->first_us;
	audit->checkpoint_us = clock_monotonic_us();
}

/*
 * A crash may have come between the checkpoint and the key's file: its epoch is
 * ended first, before anything is written with it.
 */
static bool
catch_up(struct audit *audit, struct error *err)
{
	struct chain *chain = &audit->chain;

	if (chain->mac.path == NULL)
		return true;
	chain->mac.seq = chain->seq;
	memcpy(chain->mac.head, chain->prev, sizeof(chain->mac.head));
	return mac_key_save(&chain->mac, err);
}

bool
opening_open(struct audit *audit, const char *path, const char *reason, struct error *err)
{
	struct chain_tail tail;

	if (!sink_open(&audit->access, path, true, err))
		return false;
	if (!chain_read_tail(path, &audit->chain.mac, &tail, err))
		goto fail;
	if (tail.broken[0] != '\0') {
		if (!put_aside(audit, path, &tail, err))
			goto fail;
		continue_broken(audit, &tail);
		atomic_store(&audit->broken, true);
		reason = "chain_broken";
		tail.torn.bytes = 0;
	} else if (tail.seq > 0) {
		chain_continue(&audit->chain, &tail);
	}
	if (!catch_up(audit, err))
		goto fail;
	note_file(audit, &tail);
	rotate_recover(audit);
	if (tail.torn.bytes > 0)
		buf_put_u8(&audit->access.out, '\n');
	own_put_start(audit, reason);
	if (tail.torn.bytes > 0)
		own_put_torn(audit, &tail.torn);
	return true;

fail:
	sink_close(&audit->access);
	return false;
}

bool
opening_follow(struct audit *audit, const char *path, struct sink *fresh, struct error *err)
{
	static const struct mac_key no_key;
	struct chain_tail tail;

	if (!sink_open(fresh, path, true, err))
		return false;
	if (!chain_read_tail(path, &no_key, &tail, err))
		return false;
	/* A file that holds a chain other than ours must not get our records. */
	if (tail.broken[0] != '\0' || tail.torn.bytes > 0 ||
	    (tail.seq > 0 && strcmp(tail.head, audit->chain.prev) != 0))
		return error_set(err, ERROR_IO,
		    "audit.file %s holds other records already, so this run's cannot follow "
		    "them; name a new file", path);
	return true;
}
