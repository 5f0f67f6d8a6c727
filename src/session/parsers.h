/* parsers.h - threads with a large stack that parse long texts off the loops. */
#ifndef SESSION_PARSERS_H
#define SESSION_PARSERS_H

#include <stddef.h>

#include "base/error.h"
#include "net/mailbox.h"
#include "sql/facts.h"

struct client;
struct parsers;

/* A question and its answer; not to be touched by the asker in between. */
struct parse_job {
	struct message message; /* first member; delivered with the answer */
	struct mailbox *answer_to;
	struct parse_job *next; /* the parsers' queue */
	struct client *client;	/* the asker's own; NULL when it went */
	char *text;
	size_t length, cap;
	enum sql_outcome outcome;
	struct sql_facts *facts;
	struct error err;
	int position;
};

void parsers_ask(struct parsers *parsers, struct parse_job *job);

#endif
