/*
 * alone.h - budgets of a process with one worker, and that worker's mailbox, for tests that look at
 * one pool against another and not at workers.
 */
#ifndef TESTS_POOL_ALONE_H
#define TESTS_POOL_ALONE_H

#include "pool/budget.h"

struct alone {
	struct loop *loop;
	struct mailbox *mailbox;
	struct budgets *budgets;
};

void alone_open(struct alone *alone);
/* Its budgets go with it. */
void alone_close(struct alone *alone);

#endif
