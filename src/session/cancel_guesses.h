/*
 * cancel_guesses.h - who sends CancelRequests with keys that are nobody's.
 *
 * One of the process, under a mutex; asked once for each CancelRequest. Whoever was wrong
 * too often is not looked at for a while, so that nobody tries out keys.
 */
#ifndef SESSION_CANCEL_GUESSES_H
#define SESSION_CANCEL_GUESSES_H

#include "session/clients.h"

enum {
	GUESSER_SIZE = ADDRESS_TEXT_SIZE,
	GUESSES_MOST = 50,	    /* wrong keys of one address … */
	GUESSES_WITHIN_S = 10,	    /* … in so many seconds */
	GUESSERS_MOST = 4096,	    /* addresses that are remembered */
};

/* False: too many wrong keys came from there of late. */
bool guesses_permit(struct guesses *guesses, const char *guesser, uint64_t now_us);
/* A key from there was nobody's. */
void guesses_note(struct guesses *guesses, const char *guesser, uint64_t now_us);

#endif
