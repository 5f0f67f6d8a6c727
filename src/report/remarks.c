/*
 * remarks.c - what a suggestion says of itself, as comments: from what it was made, and
 * what could not be told. Nothing in it can end a comment. Used by suggest_policy.c and
 * suggest_grants.c.
 */
#include <inttypes.h>
#include <string.h>

#include "observed.h"
#include "base/text.h"

enum { NAME_MOST = 100, EXAMPLE_MOST = 120 };

static void
put_time(uint64_t wall_us, struct buf *out)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format_rfc3339(wall_us, text);
	buf_printf(out, "%.19sZ", text);
}

void
seen_put_count(const struct seen *seen, struct buf *out)
{
	buf_printf(out, "%" PRIu64 " time%s, last ", seen->count, seen->count == 1 ? "" : "s");
	put_time(seen->last_us, out);
}

static void
put_line(const char *prefix, uint64_t count, const char *what, struct buf *out)
{
	if (count > 0)
		buf_printf(out, "%s%" PRIu64 " %s\n", prefix, count, what);
}

void
seen_put_summary(const struct observed *observed, const char *prefix, struct buf *out)
{
	buf_printf(out, "%sfrom %" PRIu64 " statements", prefix, observed->statements);
	if (observed->statements > 0) {
		buf_put_text(out, " of ");
		put_time(observed->first_us, out);
		buf_put_text(out, " to ");
		put_time(observed->last_us, out);
	}
	buf_put_u8(out, '\n');
	put_line(prefix, observed->denied, "more were refused by pgweir, and count for nothing", out);
	put_line(prefix, observed->refused_by_server,
	    "more were refused by PostgreSQL (42501), and count for nothing", out);
	put_line(prefix, observed->bad_lines, "lines are no records", out);
	put_line(prefix, observed->lost,
	    "things did not fit: this is NOT WHOLE; suggest for one database at a time", out);
}

void
seen_put_unseen(const struct observed *observed, size_t at, size_t end, const char *prefix,
    struct buf *out)
{
	while ((at = seen_next(observed, at, end, SEEN_UNSEEN, NULL)) < end) {
		const struct seen *seen = observed->sorted[at++];

		buf_printf(out, "%snot seen: %s", prefix, seen->group);
		if (seen->name[0] != '\0') {
			buf_put_text(out, ": ");
			text_put_safe(out, seen->name, NAME_MOST);
		}
		buf_put_text(out, " (");
		seen_put_count(seen, out);
		buf_put_u8(out, ')');
		if (seen->example != NULL && seen->example[0] != '\0') {
			buf_put_text(out, ", such as ");
			text_put_safe(out, seen->example, EXAMPLE_MOST);
		}
		buf_put_u8(out, '\n');
	}
}
