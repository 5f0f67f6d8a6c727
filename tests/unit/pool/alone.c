/* alone.c - see alone.h. */
#include "../net/turns.h"
#include "alone.h"

static void
on_poke(struct message *message, void *receiver)
{
	struct poke *poke = (struct poke *)message; /* its first member */

	atomic_store(&poke->pending, false);
	(void)receiver;
}

void
alone_open(struct alone *alone)
{
	*alone = (struct alone){ .loop = loop_new(), .budgets = budgets_new(1) };
	alone->mailbox = mailbox_new(alone->loop, alone);
	budgets_attach(alone->budgets, 0, alone->mailbox, on_poke);
}

void
alone_close(struct alone *alone)
{
	settle(alone->loop);
	mailbox_free(alone->mailbox);
	budgets_free(alone->budgets);
	loop_free(alone->loop);
}
