/*
 * pin.h - why a client keeps its server outside transactions, and what ends that.
 *
 * A pin begins with the statement that leaves something in the server's session. It ends by
 * proof: when it begins, and after each statement that may have taken away the reason, the
 * server itself is asked what is left (probe.c); nothing, and the pin is over.
 */
#ifndef SESSION_PIN_H
#define SESSION_PIN_H

#include <stdbool.h>

#include "sql/facts.h"

struct judged;
struct link;

/* What can be asked for: everything else lasts as long as the server connection. */
enum {
	PIN_VERIFIABLE = SQL_RESIDUE_TEMP | SQL_RESIDUE_LISTEN | SQL_RESIDUE_ADVISORY |
	    SQL_RESIDUE_HOLD | SQL_RESIDUE_PREPARE | SQL_RESIDUE_SETTING | SQL_RESIDUE_ROLE |
	    SQL_RESIDUE_OPAQUE
};

/* This residue was left by a statement of this text (NULL: not known which). */
void pin_note(struct link *link, unsigned residue, struct judged *judged);
/* May the statement have taken away what the pin is for? */
bool pin_may_end(const struct sql_statement *statement);
/* The server says that of the verifiable residue this is there. `unseen`: it cannot know all. */
void pin_settle(struct link *link, unsigned found, bool unseen, struct judged *judged);
/* Tell the client what it was not told of its pins: a ReadyForQuery comes next. */
void pin_tell(struct link *link);
void pin_forget_notices(struct link *link);
/* All is taken away. */
void pin_end(struct link *link);
/*
 * May its client send this text, which pins it? It has a place in the budget then, if it needs
 * one, until the pin ends or its server is given back.
 */
bool pin_is_affordable(struct link *link, const struct judged *judged, unsigned residue);
/* The link ends: its place is free. */
void pin_give_place(struct link *link);

#endif
