/*
 * folder.h - has anything changed in the folder of the policies?
 *
 * Asked at each tick of the supervisor's loop. It tells of changes only when nothing has
 * moved for a moment: a file that is being written is not half read.
 */
#ifndef DAEMON_FOLDER_H
#define DAEMON_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

struct folder;

struct folder *folder_new(void);
void folder_free(struct folder *folder);
/*
 * Look at the folder of this glob from now on; "" or one whose folder is a pattern itself
 * is not watched. The same as before changes nothing.
 */
void folder_set(struct folder *folder, const char *glob);
/* True once for each time that something has changed and come to rest. */
bool folder_is_due(struct folder *folder, uint64_t now_us);

#endif
