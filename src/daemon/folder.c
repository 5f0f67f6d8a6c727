/* folder.c - see folder.h. Called by supervisor.c. */
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/mem.h"
#include "folder.h"

enum {
	REST_US = 500 * 1000,	/* without a change, until it is told */
	AGAIN_US = 1000 * 1000, /* between two tries to watch a folder that is not there */
	LOOK_US = 2000 * 1000,	/* between two looks at the files themselves */
};

/* What may make other policies of the folder. A symbolic link is created or moved. */
enum {
	CHANGES = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
	    IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR
};

/* Owned by the supervisor. */
struct folder {
	int fd;		 /* -1: the kernel gives none */
	int wd;		 /* -1: it is not watched now */
	char *glob;	 /* ours; that it was told of last, or NULL */
	char *path;	 /* ours; the glob's folder, NULL: that is no single one */
	uint64_t changed_us; /* the last change that is not told yet; 0: none */
	uint64_t tried_us;   /* when the folder was last tried */
	uint64_t looked_us;  /* when the files were last looked at */
	uint64_t stamp;	     /* of the files as they were then */
	bool moved;	     /* they were others at the look before: wait until they rest */
};

struct folder *
folder_new(void)
{
	struct folder *folder = mem_zalloc(1, sizeof(*folder));

	folder->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	folder->wd = -1;
	if (folder->fd < 0)
		log_warning("the policies' folder is only looked at now and then: %s", strerror(errno));
	return folder;
}

void
folder_free(struct folder *folder)
{
	if (folder == NULL)
		return;
	if (folder->fd >= 0)
		close(folder->fd);
	mem_free(folder->glob);
	mem_free(folder->path);
	mem_free(folder);
}

/* NULL when there is none, or when it is a pattern: then only its files are looked at. */
static char *
path_of(const char *pattern)
{
	const char *slash = strrchr(pattern, '/');
	char *path;

	if (slash == NULL)
		return NULL;
	path = slash == pattern ? mem_strdup("/") :
				  mem_strndup(pattern, (size_t)(slash - pattern));
	if (strpbrk(path, "*?[") == NULL)
		return path;
	mem_free(path);
	return NULL;
}

/* Watch what stands under the path now: through symbolic links that may be another folder. */
static bool
try_folder(struct folder *folder, uint64_t now_us)
{
	int before = folder->wd;

	folder->tried_us = now_us;
	if (folder->path == NULL || folder->fd < 0)
		return false;
	folder->wd = inotify_add_watch(folder->fd, folder->path, CHANGES);
	if (before >= 0 && before != folder->wd)
		inotify_rm_watch(folder->fd, before);
	return folder->wd >= 0;
}

static void
stamp_file(XXH64_state_t *hash, const char *path)
{
	struct stat what;
	uint64_t facts[6] = { 0 };

	XXH64_update(hash, path, strlen(path) + 1);
	if (stat(path, &what) == 0) {
		facts[0] = (uint64_t)what.st_dev;
		facts[1] = (uint64_t)what.st_ino;
		facts[2] = (uint64_t)what.st_size;
		facts[3] = (uint64_t)what.st_mtim.tv_sec;
		facts[4] = (uint64_t)what.st_mtim.tv_nsec;
		facts[5] = (uint64_t)what.st_ctim.tv_nsec;
	}
	XXH64_update(hash, facts, sizeof(facts));
}

/* Which files the pattern names, and which bytes they have as far as stat(2) tells. */
static uint64_t
stamp_of(const char *pattern)
{
	XXH64_state_t *hash = XXH64_createState();
	glob_t found = { 0 };
	uint64_t stamp;

	XXH64_reset(hash, 0);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			char *signature = mem_printf("%s.sig", found.gl_pathv[i]);

			stamp_file(hash, found.gl_pathv[i]);
			stamp_file(hash, signature);
			mem_free(signature);
		}
	globfree(&found);
	stamp = XXH64_digest(hash);
	XXH64_freeState(hash);
	return stamp;
}

void
folder_set(struct folder *folder, const char *pattern)
{
	if (folder->glob != NULL && strcmp(folder->glob, pattern) == 0)
		return;
	if (folder->wd >= 0)
		inotify_rm_watch(folder->fd, folder->wd);
	folder->wd = -1;
	folder->changed_us = 0;
	folder->moved = true; /* they were read before this look: told once, so that they are compared */
	mem_free(folder->glob);
	mem_free(folder->path);
	folder->glob = mem_strdup(pattern);
	folder->path = path_of(pattern);
	try_folder(folder, 0);
	folder->stamp = stamp_of(pattern);
}

/* Did anything come? The folder itself may be gone: then it is looked for anew. */
static bool
take_events(struct folder *folder)
{
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;
	ssize_t got;

	while ((got = read(folder->fd, bytes, sizeof(bytes))) > 0) {
		const struct inotify_event *event;

		for (ssize_t at = 0; at < got; at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const struct inotify_event *)(bytes + at);
			if (event->mask & IN_Q_OVERFLOW)
				any = true;
			if (event->wd != folder->wd)
				continue; /* of a folder that is no longer watched */
			any = true;
			if (event->mask & IN_MOVE_SELF)
				inotify_rm_watch(folder->fd, folder->wd);
			if (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF))
				folder->wd = -1;
		}
	}
	return any;
}

/*
 * What the kernel does not tell of the folder: a file behind a symbolic link, a link that leads
 * elsewhere now, a folder by a pattern, a file system of another machine. Told when two
 * looks found the same, for else somebody may still be writing.
 */
static bool
look_at_files(struct folder *folder, uint64_t now_us)
{
	uint64_t stamp;

	if (now_us - folder->looked_us < LOOK_US)
		return false;
	folder->looked_us = now_us;
	stamp = stamp_of(folder->glob);
	if (stamp != folder->stamp) {
		folder->stamp = stamp;
		folder->moved = true;
		try_folder(folder, now_us);
		return false;
	}
	if (!folder->moved)
		return false;
	folder->moved = false;
	return true;
}

/* The folder's own events: quicker, and told when they have come to rest. */
static bool
folder_rests(struct folder *folder, uint64_t now_us)
{
	if (folder->wd >= 0 && take_events(folder))
		folder->changed_us = now_us;
	else if (folder->wd < 0 && now_us - folder->tried_us >= AGAIN_US &&
	    try_folder(folder, now_us))
		folder->changed_us = now_us; /* it is there again, with whatever is in it */
	if (folder->changed_us == 0 || now_us - folder->changed_us < REST_US)
		return false;
	folder->changed_us = 0;
	folder->moved = false;
	folder->stamp = stamp_of(folder->glob);
	return true;
}

bool
folder_is_due(struct folder *folder, uint64_t now_us)
{
	if (folder->glob == NULL || folder->glob[0] == '\0')
		return false;
	return folder_rests(folder, now_us) || look_at_files(folder, now_us);
}
