/* pulse_text.h - what pulse.c writes, for its test too. */
#ifndef ADMIN_PULSE_TEXT_H
#define ADMIN_PULSE_TEXT_H

#include "base/buf.h"
#include "tally.h"

/* Append the line of the last whole minute. */
void pulse_put(struct buf *out, const struct tally *tally);

#endif
