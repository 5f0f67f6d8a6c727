/* folder.c - see folder.h. Called by supervisor.c. */
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "folder.h"

enum {
	REST_US = 500 * 1000,	/* without a change, until it is told */
	AGAIN_US = 1000 * 1000, /* between two tries to watch a folder that is not there */
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
	char *path;	 /* ours; NULL: nothing is to be watched */
	uint64_t changed_us; /* the last change that is not told yet; 0: none */
	uint64_t tried_us;   /* when the folder was last tried */
};

struct folder *
folder_new(void)
{
	struct folder *folder = mem_zalloc(1, sizeof(*folder));

	folder->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	folder->wd = -1;
	if (folder->fd < 0)
		log_warning("the policies' folder is not watched: %s", strerror(errno));
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

/* NULL when there is none, or when it is a pattern. */
static char *
path_of(const char *glob)
{
	const char *slash = strrchr(glob, '/');
	char *path;

	if (slash == NULL)
		return NULL;
	path = slash == glob ? mem_strdup("/") : mem_strndup(glob, (size_t)(slash - glob));
	if (strpbrk(path, "*?[") == NULL)
		return path;
	log_warning("%s: policies in folders by a pattern are not watched", glob);
	mem_free(path);
	return NULL;
}

static bool
try_folder(struct folder *folder, uint64_t now_us)
{
	folder->tried_us = now_us;
	folder->wd = inotify_add_watch(folder->fd, folder->path, CHANGES);
	return folder->wd >= 0;
}

void
folder_set(struct folder *folder, const char *glob)
{
	if (folder->fd < 0 || (folder->glob != NULL && strcmp(folder->glob, glob) == 0))
		return;
	if (folder->wd >= 0)
		inotify_rm_watch(folder->fd, folder->wd);
	folder->wd = -1;
	folder->changed_us = 0;
	mem_free(folder->glob);
	mem_free(folder->path);
	folder->glob = mem_strdup(glob);
	folder->path = path_of(glob);
	if (folder->path != NULL)
		try_folder(folder, 0);
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

bool
folder_is_due(struct folder *folder, uint64_t now_us)
{
	if (folder->path == NULL)
		return false;
	if (folder->wd >= 0 && take_events(folder))
		folder->changed_us = now_us;
	else if (folder->wd < 0 && now_us - folder->tried_us >= AGAIN_US &&
	    try_folder(folder, now_us))
		folder->changed_us = now_us; /* it is there again, with whatever is in it */
	if (folder->changed_us == 0 || now_us - folder->changed_us < REST_US)
		return false;
	folder->changed_us = 0;
	return true;
}
