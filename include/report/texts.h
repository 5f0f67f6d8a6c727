/*
 * texts.h - texts of a log, parsed once each as long as they are remembered.
 */
#ifndef REPORT_TEXTS_H
#define REPORT_TEXTS_H

#include "sql/facts.h"

struct known_text;

/* Zeroed is empty; emptied by texts_forget(). Not more than some thousands are kept. */
struct texts {
	struct known_text *known;
};

/*
 * What the text does; NULL: it cannot be parsed. Valid until the next call. Call it on a
 * stack of sql_stack_size(SQL_TEXT_MOST) bytes.
 */
const struct sql_facts *texts_facts(struct texts *texts, const char *text);
void texts_forget(struct texts *texts);

#endif
