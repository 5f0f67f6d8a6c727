/* report.h - reading an ErrorResponse or NoticeResponse; every field may be missing. */
#ifndef WIRE_REPORT_H
#define WIRE_REPORT_H

#include <stddef.h>
#include <stdint.h>

/* Borrowed from the message. Never NULL: a missing SQLSTATE is "XX000", others are "". */
struct wire_report {
	const char *severity; /* the one that is not translated (V) when there is one */
	const char *sqlstate;
	const char *message, *detail, *hint;
	const char *routine; /* the function of the server that made it */
};

/* Read a message's body; stops at the first field that is not terminated. */
struct wire_report report_read(const uint8_t *body, size_t length);

#endif
