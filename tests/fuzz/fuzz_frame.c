/*
 * fuzz_frame.c - arbitrary bytes as a stream of messages. Those that are whole are
 * read as reports, and what a report says is built and read back.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "wire/build.h"
#include "wire/frame.h"
#include "wire/names.h"
#include "wire/report.h"

/* An empty field is left out when it is built, and has its default when it is read. */
static void
check_same(const char *before, const char *after)
{
	assert(before[0] == '\0' || strcmp(before, after) == 0);
}

static void
check_report(const struct wire_report *report)
{
	const struct wire_error error = { .severity = report->severity,
		.sqlstate = report->sqlstate,
		.message = report->message,
		.detail = report->detail,
		.hint = report->hint };
	struct buf out = { 0 };
	struct wire_report again;
	struct frame frame;

	assert(strlen(report->sqlstate) == 5);
	build_error(&out, &error);
	assert(frame_read(buf_bytes(&out), buf_length(&out), &frame) == FRAME_GOOD);
	assert(frame.length == buf_length(&out));
	again = report_read(buf_bytes(&out) + FRAME_HEADER, frame.length - FRAME_HEADER);
	check_same(report->severity, again.severity);
	check_same(report->sqlstate, again.sqlstate);
	check_same(report->message, again.message);
	check_same(report->detail, again.detail);
	check_same(report->hint, again.hint);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct frame frame;

	while (frame_read(bytes, length, &frame) == FRAME_GOOD && frame.length <= length) {
		struct wire_report report =
		    report_read(bytes + FRAME_HEADER, frame.length - FRAME_HEADER);

		assert(frame.length >= FRAME_HEADER);
		assert(message_name_from_client(frame.type)[0] != '\0');
		assert(message_name_from_server(frame.type)[0] != '\0');
		check_report(&report);
		bytes += frame.length;
		length -= frame.length;
	}
	return 0;
}
