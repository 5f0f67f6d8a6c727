/*
 * action.h - the commands that do something: PAUSE, KILL, RELOAD and their kin.
 */
#ifndef ADMIN_ACTION_H
#define ADMIN_ACTION_H

#include "errand.h"

/* Where a command goes once it was begun. */
enum action_way {
	ACTION_DONE,  /* nowhere: it is done, or failed */
	ACTION_ROUND, /* to every worker: errand_send() */
	ACTION_AWAY,  /* it was given to the supervisor, and will come home */
};

/* Check it and begin, on the thread of the client that asks. */
enum action_way action_begin(struct errand *errand, struct clients *home);
/* Do this worker's part. */
void action_visit(struct errand *errand, struct clients *clients);
/* Home again, and it must go round once more: tell whom it waits for, the first time. */
void action_unfinished(struct errand *errand, struct clients *home);
/* Home again, and done everywhere. */
void action_finish(struct errand *errand, struct clients *home);

#endif
