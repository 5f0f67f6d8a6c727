/* sibling_folder.h - what lies in siblings.folder: numbers that are taken, letterboxes, the secret. */
#ifndef SESSION_SIBLING_FOLDER_H
#define SESSION_SIBLING_FOLDER_H

#include "auth/cancel_key.h"

enum { SIBLING_PATH_SIZE = 128 };

/* Is it a folder of this user, that nobody else may enter? */
bool sibling_folder_check(const char *folder, struct error *err);
/* Take the first free number, from 1 on; the lock is held while *lock is open. 0: *err. */
unsigned sibling_folder_claim(const char *folder, int *lock, struct error *err);
/* Where the letterbox of a number is. False: the path is too long. */
bool sibling_folder_letterbox(
    const char *folder, unsigned number, char path[SIBLING_PATH_SIZE]);
/* Read the secrets, one or two, of the file cancel_secret, which is made if it is not there. */
bool sibling_folder_secret(
    const char *folder, struct cancel_secret *secret, struct error *err);

#endif
