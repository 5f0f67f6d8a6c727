/* privileges.c - see privileges.h. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "privileges.h"

void
privileges_raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise the limit of open files: %s", strerror(errno));
}

static bool
become(const char *user, struct error *err)
{
	const struct passwd *entry = getpwnam(user);

	if (entry == NULL)
		return error_set(err, ERROR_CONFIG, "cannot become user %s: no such user", user);
	if (initgroups(user, entry->pw_gid) < 0 || setgid(entry->pw_gid) < 0 ||
	    setuid(entry->pw_uid) < 0)
		return error_set(
		    err, ERROR_IO, "cannot become user %s: %s", user, strerror(errno));
	return true;
}

bool
privileges_drop(const char *user, struct error *err)
{
	if (user != NULL && !become(user, err))
		return false;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_set(err, ERROR_IO, "cannot give up privileges: %s", strerror(errno));
	return true;
}
