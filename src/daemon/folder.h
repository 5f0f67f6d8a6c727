/*
 * folder.h - has anything changed in the folder of the policies?
 *
 * Asked at each tick of the supervisor's loop. The kernel tells of changes in the folder at
 * once (inotify); what it cannot tell, files behind symbolic links and folders by a pattern,
 * is looked at every two seconds. Changes are told only when nothing has moved for a
 * moment: a file that is being written is not half read.
 */
#ifndef DAEMON_FOLDER_H
#define DAEMON_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

struct folder;

struct folder *folder_new(void);
void folder_free(struct folder *folder);
/*
 * Look at the files of this glob from now on; at nothing if it is "". The same as before
 * changes nothing; another one is told once in any case, for it was read before it was looked at.
 */
void folder_set(struct folder *folder, const char *pattern);
/* True once for each time that something has changed and come to rest. */
bool folder_is_due(struct folder *folder, uint64_t now_us);

#endif
