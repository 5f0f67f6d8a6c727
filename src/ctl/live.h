/* live.h - `pgweirctl check --live`: do the mapped roles have no more than they need? */
#ifndef CTL_LIVE_H
#define CTL_LIVE_H

#include "ctl.h"
#include "auth/users.h"
#include "config/config.h"

/* What the command line says beyond the file; all borrowed. Lists end with NULL. */
struct live_options {
	bool on, json;
	const char *user; /* NULL: catalog.user */
	const char **databases, **roles, **owners;
};

/*
 * Connect to each database and tell what is found, on standard output. CTL_NO when
 * something was, or a database could not be asked.
 */
enum ctl_exit live_check(const struct live_options *options, const struct config *config,
    const struct users *users);

/*
 * One thing to look for. `sql` is asked of each database with $1 the mapped roles and $2
 * those that are meant to own objects, both text[]; its rows are role, what, SQL that mends it.
 */
struct live_question {
	const char *id, *why, *sql;
	int least_version; /* of the server, as libpq tells it; 0: any */
};

extern const struct live_question live_questions[];
extern const size_t live_question_count;

#endif
