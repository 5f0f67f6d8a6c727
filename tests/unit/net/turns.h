/*
 * turns.h - running a loop for as long as there is something to do, so that tests
 * of the net layer neither sleep nor guess.
 */
#ifndef TESTS_NET_TURNS_H
#define TESTS_NET_TURNS_H

#include <stdbool.h>

#include "net/loop.h"

/* A loop of the kind that this run of the tests is about. */
struct loop *loop_of_this_run(void);
bool this_run_is_on_io_uring(void);
/*
 * Run the tests with loops on libevent and then with loops on io_uring. A kernel that forbids
 * it is told in one line, and the second run is left out.
 */
#define RUN_ON_BOTH(tests) \
	(cmocka_run_group_tests_name("on libevent", tests, NULL, NULL) + \
	    (turn_to_io_uring() ? \
		    cmocka_run_group_tests_name("on io_uring", tests, NULL, NULL) : \
		    0))
bool turn_to_io_uring(void);
/* Let the loop see everything that has happened by now. */
void settle(struct loop *loop);
/* Stop a test that hangs; call first in main(). */
void give_up_when_it_hangs(void);

#endif
