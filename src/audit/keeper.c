/*
 * keeper.c - see keeper.h. It works by what it finds in the folder, so that what a stop
 * or a crash left undone is done at the next start.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "keeper.h"
#include "seal.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/packed.h"

enum {
	LOOK_EVERY_S = 3600,
	KEEPER_NICE = 19, /* nobody waits for it, and workers want the processor */
};

/* Where a name is cut to put the seq in: before its extension. */
static size_t
stem_length(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash != NULL ? slash : path, '.');

	return dot != NULL ? (size_t)(dot - path) : strlen(path);
}

char *
rotated_name(const char *path, uint64_t first_seq)
{
	size_t stem = stem_length(path);

	return mem_printf("%.*s-%llu%s", (int)stem, path, (unsigned long long)first_seq, path + stem);
}

/* What is done in one look at the folder; a copy, so that no lock is held meanwhile. */
struct rounds {
	struct keeper *keeper;
	char *path, *instance;
	int64_t keep_ms;
	bool compress;
};

/* ---- sealing ---- */

static void
note_seq(struct seal *seal, const struct lines *lines)
{
	json_t *record = json_loadb(lines->line, lines->length, 0, NULL);
	json_int_t seq = json_integer_value(json_object_get(record, "seq"));

	if (seq > 0 && seal->first_seq == 0)
		seal->first_seq = (uint64_t)seq;
	if (seq > 0)
		seal->last_seq = (uint64_t)seq;
	json_decref(record);
}

/* Only the first records and the last one need be understood; all are hashed. */
static bool
measure(const struct rounds *rounds, const char *file, struct seal *seal, struct error *err)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct buf last = { 0 };
	struct lines lines;
	bool good = lines_open(&lines, file, err);

	err->code = ERROR_NONE;
	EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	while (good && lines_next(&lines, err)) {
		EVP_DigestUpdate(context, lines.line, lines.length + lines.whole);
		seal->bytes += lines.length + lines.whole;
		if (seal->first_seq == 0)
			note_seq(seal, &lines);
		buf_clear(&last);
		buf_put(&last, lines.line, lines.length);
		if (atomic_load(&rounds->keeper->stopping))
			good = error_set(err, ERROR_IO, "stopped");
	}
	if (good && buf_length(&last) > 0)
		note_seq(seal, &(struct lines){ .line = (const char *)buf_bytes(&last),
			.length = buf_length(&last) });
	seal_digest(context, seal->sha256);
	EVP_MD_CTX_free(context);
	lines_close(&lines);
	buf_free(&last);
	return good && err->code == ERROR_NONE;
}

static bool
seal_file(const struct rounds *rounds, const char *file, struct error *err)
{
	struct seal seal = { .instance = rounds->instance,
		.instance_length = strlen(rounds->instance) };
	char *beside = seal_path(file);
	bool good = access(beside, F_OK) == 0;

	if (!good)
		good = measure(rounds, file, &seal, err) &&
		    seal_write(&seal, file, rounds->keeper->sign, err);
	mem_free(beside);
	return good;
}

/* ---- compressing ---- */

/* The copy is whole and on the disk before the original goes. */
static bool
compress_into(const struct rounds *rounds, const char *file, const char *fresh, struct error *err)
{
	int from = open(file, O_RDONLY | O_CLOEXEC);
	int to = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	struct stat was;
	bool good = from >= 0 && to >= 0 && fstat(from, &was) == 0;

	if (!good)
		error_set(err, ERROR_IO, "cannot open %s or %s: %s", file, fresh, strerror(errno));
	else
		good = packed_write(from, to, &rounds->keeper->stopping, err);
	/* Its age is that of its records. */
	if (good) {
		const struct timespec times[2] = { was.st_atim, was.st_mtim };

		good = futimens(to, times) == 0 && fchown(to, (uid_t)-1, was.st_gid) == 0 &&
		    fsync(to) == 0;
		if (!good)
			error_set(err, ERROR_IO, "cannot write %s: %s", fresh, strerror(errno));
	}
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return good;
}

static bool
compress_file(const struct rounds *rounds, const char *file, struct error *err)
{
	char *packed = mem_printf("%s.zst", file);
	char *fresh = mem_printf("%s.zst.new", file);
	bool good = compress_into(rounds, file, fresh, err);

	if (good) {
		good = rename(fresh, packed) == 0 && unlink(file) == 0;
		if (!good)
			error_set(err, ERROR_IO, "cannot put %s in place of %s: %s", packed, file,
			    strerror(errno));
	} else {
		unlink(fresh);
	}
	mem_free(packed);
	mem_free(fresh);
	return good;
}

/* ---- deleting ---- */

static bool
is_old(const struct rounds *rounds, const char *file)
{
	struct stat there;

	return rounds->keep_ms > 0 && stat(file, &there) == 0 &&
	    (int64_t)(time(NULL) - there.st_mtime) > rounds->keep_ms / 1000;
}

static bool
delete_file(const struct rounds *rounds, const char *file, struct error *err)
{
	struct keeper *keeper = rounds->keeper;
	char *beside = seal_path(file);
	bool good = unlink(file) == 0;

	if (!good) {
		error_set(err, ERROR_IO, "cannot delete %s: %s", file, strerror(errno));
	} else {
		unlink(beside);
		log_info("audit: %s was deleted: it is older than audit.keep", file);
		pthread_mutex_lock(&keeper->lock);
		buf_put_cstring(&keeper->deleted, file);
		atomic_store(&keeper->any_deleted, true);
		pthread_mutex_unlock(&keeper->lock);
	}
	mem_free(beside);
	return good;
}

/* ---- the folder ---- */

/* Is this name one that rotated_name() gives, with or without ".zst"? */
static bool
is_rotated(const struct rounds *rounds, const char *name)
{
	const char *slash = strrchr(rounds->path, '/');
	const char *own = slash != NULL ? slash + 1 : rounds->path;
	size_t stem = stem_length(rounds->path) - (size_t)(own - rounds->path);
	const char *extension = own + stem;
	size_t digits;

	if (strncmp(name, own, stem) != 0 || name[stem] != '-')
		return false;
	name += stem + 1;
	digits = strspn(name, "0123456789");
	name += digits;
	return digits > 0 && strncmp(name, extension, strlen(extension)) == 0 &&
	    (strcmp(name + strlen(extension), "") == 0 ||
		strcmp(name + strlen(extension), ".zst") == 0);
}

/* While a file is being rotated it has two names, and is still written to. */
static bool
is_closed(const char *file)
{
	struct stat there;

	return lstat(file, &there) == 0 && S_ISREG(there.st_mode) && there.st_nlink == 1;
}

static void
keep_file(const struct rounds *rounds, const char *file)
{
	struct error err;
	bool good;

	if (!is_closed(file))
		return;
	if (is_old(rounds, file))
		good = delete_file(rounds, file, &err);
	else
		good = seal_file(rounds, file, &err) &&
		    (!rounds->compress || packed_name(file) || compress_file(rounds, file, &err));
	if (!good && !atomic_load(&rounds->keeper->stopping))
		log_error("audit: %s; tried again within the hour", err.text);
}

static void
look_at_folder(const struct rounds *rounds)
{
	size_t length = (size_t)(strrchr(rounds->path, '/') - rounds->path);
	char *folder = mem_strndup(rounds->path, length > 0 ? length : 1);
	struct dirent **names;
	int count = scandir(folder, &names, NULL, versionsort);

	if (count < 0)
		log_error("audit: cannot read the folder %s: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (is_rotated(rounds, names[i]->d_name) && !atomic_load(&rounds->keeper->stopping)) {
			char *file = mem_printf("%s/%s", folder, names[i]->d_name);

			keep_file(rounds, file);
			mem_free(file);
		}
		free(names[i]); /* scandir's own */
	}
	if (count >= 0)
		free(names);
	mem_free(folder);
}

static struct rounds
begin_rounds(struct keeper *keeper)
{
	struct rounds rounds = { .keeper = keeper, .keep_ms = keeper->keep_ms,
		.compress = keeper->compress };

	rounds.path = mem_strdup(keeper->path);
	rounds.instance = mem_strdup(keeper->instance);
	return rounds;
}

static void *
keeper_main(void *arg)
{
	struct keeper *keeper = arg;

	/* On Linux this is the calling thread's alone. Without it the work is done all the same. */
	(void)setpriority(PRIO_PROCESS, 0, KEEPER_NICE);
	pthread_mutex_lock(&keeper->lock);
	while (!atomic_load(&keeper->stopping)) {
		struct rounds rounds = begin_rounds(keeper);
		struct timespec until;

		keeper->asked = false;
		pthread_mutex_unlock(&keeper->lock);
		if (rounds.path[0] == '/')
			look_at_folder(&rounds);
		mem_free(rounds.path);
		mem_free(rounds.instance);
		pthread_mutex_lock(&keeper->lock);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += LOOK_EVERY_S;
		while (!keeper->asked && !atomic_load(&keeper->stopping) &&
		    pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until) != ETIMEDOUT)
			continue;
	}
	pthread_mutex_unlock(&keeper->lock);
	return NULL;
}

/* ---- the writer's side ---- */

void
keeper_open(struct keeper *keeper, const struct sign_key *sign)
{
	pthread_mutex_init(&keeper->lock, NULL);
	pthread_cond_init(&keeper->wake, NULL);
	keeper->sign = sign;
}

static void
start_thread(struct keeper *keeper)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	keeper->running = pthread_create(&keeper->thread, NULL, keeper_main, keeper) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!keeper->running)
		log_error("audit: cannot start the thread that seals and compresses old files");
}

void
keeper_configure(struct keeper *keeper, const char *path, const char *instance,
    size_t instance_length, int64_t keep_ms, bool compress)
{
	pthread_mutex_lock(&keeper->lock);
	mem_free(keeper->path);
	mem_free(keeper->instance);
	keeper->path = mem_strdup(path);
	keeper->instance = mem_strndup(instance, instance_length);
	keeper->keep_ms = keep_ms;
	keeper->compress = compress;
	keeper->asked = true;
	pthread_cond_signal(&keeper->wake);
	pthread_mutex_unlock(&keeper->lock);
	if (!keeper->running && path[0] != '\0')
		start_thread(keeper);
}

void
keeper_ask(struct keeper *keeper)
{
	pthread_mutex_lock(&keeper->lock);
	keeper->asked = true;
	pthread_cond_signal(&keeper->wake);
	pthread_mutex_unlock(&keeper->lock);
}

bool
keeper_take_deleted(struct keeper *keeper, struct buf *names)
{
	if (!atomic_exchange(&keeper->any_deleted, false))
		return false;
	pthread_mutex_lock(&keeper->lock);
	*names = keeper->deleted;
	keeper->deleted = (struct buf){ 0 };
	pthread_mutex_unlock(&keeper->lock);
	return buf_length(names) > 0;
}

void
keeper_close(struct keeper *keeper)
{
	if (keeper->running) {
		atomic_store(&keeper->stopping, true);
		keeper_ask(keeper);
		pthread_join(keeper->thread, NULL);
	}
	pthread_cond_destroy(&keeper->wake);
	pthread_mutex_destroy(&keeper->lock);
	mem_free(keeper->path);
	mem_free(keeper->instance);
	buf_free(&keeper->deleted);
}
