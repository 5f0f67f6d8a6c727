/* pam_talk.h - one conversation with PAM, from pam_start() to pam_end(). For pam.c. */
#ifndef AUTH_PAM_TALK_H
#define AUTH_PAM_TALK_H

#include "auth/pam.h"

/* Ask PAM, and wait for it as long as it takes: on a thread that may. */
void pam_talk(const struct pam_asked *asked, struct pam_answer *answer);

#endif
