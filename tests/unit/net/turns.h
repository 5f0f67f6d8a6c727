/*
 * turns.h - running a loop for as long as there is something to do, so that tests
 * of the net layer neither sleep nor guess.
 */
#ifndef TESTS_NET_TURNS_H
#define TESTS_NET_TURNS_H

#include "net/loop.h"

/* Let the loop see everything that has happened by now. */
void settle(struct loop *loop);
/* Stop a test that hangs; call first in main(). */
void give_up_after_a_minute(void);

#endif
