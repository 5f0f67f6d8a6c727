/*
 * record.c - audit records, made of parts rendered at log-in (audit_who), at first
 * sight of a text (audit_text_parts) and of its verdict (audit_verdict).
 *
 * Statements are posted as they are and rendered by the writer; all else, which is
 * rare, is rendered by the worker. The writer adds what comes before "time" and after
 * the last member here.
 */
#include "audit_internal.h"
#include "pen.h"
#include "base/clock.h"
#include "base/json.h"

/* Keys, numbers and words that every record may have, with room to spare. */
enum { RECORD_FIXED_MOST = 768 };

static const char *const event_names[EVENT_COUNT] = {
	[EVENT_STATEMENT] = "statement",
	[EVENT_STATEMENT_DENIED] = "statement.denied",
	[EVENT_SESSION_START] = "session.start",
	[EVENT_SESSION_END] = "session.end",
	[EVENT_SESSION_FAIL] = "session.fail",
	[EVENT_CANCEL] = "cancel",
	[EVENT_POLICY_LOAD] = "policy.load",
	[EVENT_POLICY_REJECT] = "policy.reject",
	[EVENT_CONFIG_CHANGE] = "config.change",
	[EVENT_CONSOLE_COMMAND] = "console.command",
	[EVENT_EXCEPTION_USED] = "exception.used",
	[EVENT_AUDIT_START] = "audit.start",
	[EVENT_AUDIT_STOP] = "audit.stop",
	[EVENT_AUDIT_ROTATE] = "audit.rotate",
	[EVENT_AUDIT_GAP] = "audit.gap",
	[EVENT_AUDIT_CHECKPOINT] = "audit.checkpoint",
	[EVENT_AUDIT_DELETE] = "audit.delete",
	[EVENT_OTHER] = "other",
};

static const char *const outcome_names[] = {
	[AUDIT_OK] = "ok",
	[AUDIT_ERROR] = "error",
	[AUDIT_DENIED_OUTCOME] = "denied",
	[AUDIT_UNKNOWN] = "unknown",
	[AUDIT_INTENT] = "intent",
};
/* As struct audit_verdict begins: the end of the outcome, then the members. */
#define NO_VERDICT "\",\"decision\":\"allow\",\"mode\":\"none\",\"policy\":null,\"rule\":null,\"exception\":null"

const char *
record_event_name(enum record_event event)
{
	return event_names[event];
}

static enum record_event
event_by_name(const char *name)
{
	for (size_t i = 0; i < EVENT_COUNT; i++)
		if (strcmp(event_names[i], name) == 0)
			return (enum record_event)i;
	return EVENT_OTHER;
}

/* "2026-11-22T09:37:53" once a second, the microseconds by hand. */
static void
put_time(struct audit_lane *lane, struct pen *pen, uint64_t wall_us)
{
	uint32_t rest = (uint32_t)(wall_us % 1000000);
	char text[CLOCK_TEXT_SIZE];

	if (lane->second != wall_us / 1000000 || lane->second_text[0] == '\0') {
		lane->second = wall_us / 1000000;
		clock_format_rfc3339(wall_us, text);
		memcpy(lane->second_text, text, sizeof(lane->second_text) - 1);
	}
	pen_bytes(pen, lane->second_text, sizeof(lane->second_text) - 1);
	text[0] = '.';
	for (int i = 6; i >= 1; i--, rest /= 10)
		text[i] = (char)('0' + rest % 10);
	text[7] = 'Z';
	pen_bytes(pen, text, 8);
}

static void
begin(struct audit_lane *lane, const struct audit_settings *settings, struct pen *pen,
    uint64_t wall_us, const char *event)
{
	pen_literal(pen, ",\"time\":\"");
	put_time(lane, pen, wall_us);
	pen_literal(pen, "\",\"event\":\"");
	pen_bytes(pen, event, strlen(event));
	pen_literal(pen, "\"");
	pen_bytes(pen, settings->instance, settings->instance_length);
}

void
record_begin(struct audit_lane *lane, const struct audit_settings *settings, struct buf *out,
    uint64_t wall_us, const char *event)
{
	struct pen pen =
	    pen_take(out, RECORD_FIXED_MOST + settings->instance_length + strlen(event));

	begin(lane, settings, &pen, wall_us, event);
	pen_give(&pen, out);
}

/* Append a key (with its punctuation) and a number. */
static inline __attribute__((always_inline)) void
put_number(struct pen *pen, const char *key, uint64_t value)
{
	pen_literal(pen, key);
	pen_number(pen, value);
}

/* The same for what may not apply: `null` then, so that a reader finds the key. */
static inline __attribute__((always_inline)) void
put_count(struct pen *pen, const char *key, int64_t value)
{
	if (value >= 0) {
		put_number(pen, key, (uint64_t)value);
	} else {
		pen_literal(pen, key);
		pen_literal(pen, "null");
	}
}

static void
put_who_and_text(struct pen *pen, const struct audit_statement *statement,
    const struct audit_text_parts *text, const struct text_part *part)
{
	const struct audit_who *who = statement->who;
	const char *session = who->bytes + who->session.at;

	pen_literal(pen, ",\"session\":\"");
	pen_bytes(pen, session, who->session.length);
	pen_literal(pen, "\",\"txn\":\"");
	pen_bytes(pen, session, who->session.length);
	put_number(pen, ".", statement->txn);
	put_number(pen, "\",\"stmt\":", statement->stmt);
	if (part != NULL && text->count > 1)
		put_number(pen, ",\"sub\":", statement->sub);
	pen_bytes(pen, who->bytes, who->length);
	if (part != NULL)
		pen_bytes(pen, text->bytes + part->members.at, part->members.length);
}

static void
put_answer(struct pen *pen, const struct audit_statement *statement)
{
	if (statement->sqlstate != NULL) {
		pen_literal(pen, ",\"db.response.status_code\":\"");
		pen_bytes(pen, statement->sqlstate, strnlen(statement->sqlstate, 5));
		pen_literal(pen, "\"");
	}
	put_count(pen, ",\"db.response.returned_rows\":", statement->returned_rows);
	put_count(pen, ",\"rows_affected\":", statement->rows_affected);
	put_number(pen, ",\"bytes_in\":", statement->bytes_in);
	put_number(pen, ",\"bytes_out\":", statement->bytes_out);
	put_number(pen, ",\"duration_us\":", statement->duration_us);
	put_number(pen, ",\"queue_us\":", statement->queue_us);
	if (statement->server_pid > 0)
		put_number(pen, ",\"server.pid\":", (uint64_t)statement->server_pid);
}

/* Why the server stays, escaped in the lane's buffer; empty when it does not. */
static const struct buf *
pin_text(struct audit_lane *lane, const char *pin)
{
	struct buf *text = &lane->scratch;

	buf_clear(text);
	if (pin != NULL)
		json_put_string(text, pin, strlen(pin));
	return text;
}

static void
put_end(struct pen *pen, const struct audit_statement *statement, const struct buf *pin)
{
	pen_literal(pen, ",\"pin\":");
	if (buf_length(pin) == 0)
		pen_literal(pen, "null");
	else
		pen_bytes(pen, (const char *)buf_bytes(pin), buf_length(pin));
	pen_literal(pen, ",\"outcome\":\"");
	pen_text(pen, outcome_names[statement->outcome]);
	if (statement->rendered != NULL)
		pen_bytes(pen, statement->rendered->bytes, statement->rendered->length);
	else
		pen_literal(pen, NO_VERDICT);
}

/* What an exception let pass is recorded whatever audit.statements says. */
bool
record_has_exception(const struct audit_statement *statement)
{
	return statement->rendered != NULL && statement->rendered->used_length > 0 &&
	    statement->outcome != AUDIT_DENIED_OUTCOME;
}

/* What audit.statements says, or rules in its place. */
static enum audit_statements
statements_of(const struct audit_settings *settings, const struct audit_verdict *rendered)
{
	enum audit_statements setting = (enum audit_statements)settings->statements;

	return rendered != NULL ? policy_recorded(&rendered->logged, setting) : setting;
}

bool
record_will_be(const struct audit_settings *settings, const struct sql_facts *facts,
    const struct audit_verdict *rendered)
{
	if (rendered != NULL && rendered->used_length > 0)
		return true;
	switch (statements_of(settings, rendered)) {
	case AUDIT_ALL:
		return true;
	case AUDIT_WRITE:
		/* A text that was not understood may write. */
		return facts == NULL || (facts->classes & ~(unsigned)(SQL_READ | SQL_TXN)) != 0;
	case AUDIT_DENIED:
	case AUDIT_NONE:
		break;
	}
	return false;
}

static bool
is_wanted(const struct audit_settings *settings, const struct audit_statement *statement)
{
	if (statement->outcome == AUDIT_DENIED_OUTCOME)
		return statements_of(settings, statement->rendered) != AUDIT_NONE;
	return record_will_be(settings, statement->facts, statement->rendered);
}

/* What the records show of the text; NULL: no text is known. */
static const struct audit_text_parts *
text_of(const struct audit_statement *statement)
{
	if (statement->rendered != NULL && statement->rendered->text != NULL)
		return statement->rendered->text;
	return statement->text;
}

/* The rendered members of this statement of its text, or NULL. */
static const struct text_part *
part_of(const struct audit_statement *statement, const struct audit_text_parts *text)
{
	if (text == NULL)
		return NULL;
	return &text->parts[statement->sub < text->count ? statement->sub : text->count - 1];
}

static enum record_event
event_of(const struct audit_statement *statement)
{
	return statement->outcome == AUDIT_DENIED_OUTCOME ? EVENT_STATEMENT_DENIED : EVENT_STATEMENT;
}

void
record_put_statement(struct audit_lane *lane, const struct audit_settings *settings,
    struct buf *out, const struct audit_statement *statement)
{
	const struct audit_text_parts *text = text_of(statement);
	const struct text_part *part = part_of(statement, text);
	const struct buf *pin = pin_text(lane, statement->pin);
	struct pen pen = pen_take(out, RECORD_FIXED_MOST + settings->instance_length +
	    statement->who->length + 2 * statement->who->session.length +
	    (part != NULL ? part->members.length : 0) + buf_length(pin) +
	    (statement->rendered != NULL ? statement->rendered->length : 0));

	begin(lane, settings, &pen, statement->wall_us, event_names[event_of(statement)]);
	put_who_and_text(&pen, statement, text, part);
	put_answer(&pen, statement);
	put_end(&pen, statement, pin);
	pen_give(&pen, out);
}

bool
record_put_exception(struct audit_lane *lane, const struct audit_settings *settings,
    struct buf *out, const struct audit_statement *statement)
{
	const struct audit_verdict *rendered = statement->rendered;
	const struct audit_who *who = statement->who;

	if (!record_has_exception(statement) || statement->sub > 0 ||
	    statement->outcome == AUDIT_INTENT)
		return false;
	record_begin(lane, settings, out, statement->wall_us, event_names[EVENT_EXCEPTION_USED]);
	put_literal(out, ",\"session\":\"");
	buf_put(out, who->bytes + who->session.at, who->session.length);
	buf_printf(out, "\",\"stmt\":%llu", (unsigned long long)statement->stmt);
	buf_put(out, who->bytes, who->length);
	buf_put(out, rendered->bytes + rendered->length, rendered->used_length);
	return true;
}

static const char *
copy_sqlstate(char into[6], const char *sqlstate)
{
	size_t length = strnlen(sqlstate, 5);

	into[length] = '\0';
	return memcpy(into, sqlstate, length);
}

static bool
post_statement(struct audit_lane *lane, const struct audit_statement *statement)
{
	size_t pin_size = statement->pin != NULL ? strlen(statement->pin) + 1 : 0;
	size_t length = sizeof(struct lane_statement) + pin_size;
	enum record_event event = event_of(statement);
	struct lane_statement *entry =
	    (struct lane_statement *)lane_room(lane, LANE_STATEMENT, event, length);

	if (entry == NULL)
		return false;
	entry->statement = *statement;
	if (statement->sqlstate != NULL)
		entry->statement.sqlstate = copy_sqlstate(entry->sqlstate, statement->sqlstate);
	if (statement->pin != NULL)
		entry->statement.pin = memcpy(entry->pin, statement->pin, pin_size);
	lane_commit(lane, LANE_STATEMENT, event, length);
	return true;
}

void
audit_slow(struct audit_lane *lane, const struct audit_statement *statement)
{
	buf_clear(&lane->scratch);
	slow_render(&lane->scratch, statement);
	lane_post(lane, LANE_SLOW, EVENT_OTHER, &lane->scratch);
}

static bool
is_slow(const struct audit_settings *settings, const struct audit_statement *statement)
{
	int64_t threshold_ms = settings->slow_threshold_ms;

	if (statement->rendered != NULL)
		threshold_ms = policy_slow_ms(&statement->rendered->logged, threshold_ms);
	return statement->duration_us >= (uint64_t)threshold_ms * 1000;
}

struct audit_told
audit_tell(struct audit_lane *lane, const struct audit_statement *statement)
{
	const struct audit_settings *settings = audit_settings(lane->audit);
	bool denied = statement->outcome == AUDIT_DENIED_OUTCOME;
	struct audit_told told = { 0 };

	if (settings->access_on && is_wanted(settings, statement)) {
		bool waits = settings->waits || audit_is_needed(statement->rendered), posted;

		if (waits)
			audit_await(lane); /* before the writer can have it */
		posted = post_statement(lane, statement);
		if (waits)
			told.position = posted ? lane_position(lane) : NEVER_KEPT;
	} else if (audit_is_needed(statement->rendered)) {
		told.position = NEVER_KEPT; /* the log was taken away since it began */
	}
	told.slow = settings->slow_on && statement->outcome != AUDIT_INTENT &&
	    (denied || is_slow(settings, statement));
	return told;
}

uint64_t
audit_statement(struct audit_lane *lane, const struct audit_statement *statement)
{
	struct audit_told told = audit_tell(lane, statement);

	if (told.slow)
		audit_slow(lane, statement);
	return told.position;
}

bool
audit_plans(const struct audit_lane *lane)
{
	return audit_settings(lane->audit)->plans;
}

/* Begin a record that is not of a statement; NULL when the access log is off. */
static struct buf *
begin_event(struct audit_lane *lane, const char *event, const struct audit_who *who)
{
	const struct audit_settings *settings = audit_settings(lane->audit);
	struct buf *out = &lane->scratch;

	if (!settings->access_on)
		return NULL;
	buf_clear(out);
	record_begin(lane, settings, out, clock_wall_us(), event);
	if (who != NULL) {
		put_literal(out, ",\"session\":\"");
		buf_put(out, who->bytes + who->session.at, who->session.length);
		buf_put_u8(out, '"');
		buf_put(out, who->bytes, who->length);
	}
	return out;
}

void
audit_session(struct audit_lane *lane, const char *event, const struct audit_who *who,
    const char *reason, const char *sqlstate, uint64_t statements, uint64_t bytes_in,
    uint64_t bytes_out)
{
	enum record_event number = event_by_name(event);
	struct buf *out = begin_event(lane, event, who);

	if (out == NULL)
		return;
	json_put_member(out, "db.response.status_code", sqlstate);
	if (number == EVENT_SESSION_END) {
		json_put_member_int(out, "statements", (int64_t)statements);
		json_put_member_int(out, "bytes_in", (int64_t)bytes_in);
		json_put_member_int(out, "bytes_out", (int64_t)bytes_out);
	}
	record_put_text(out, "reason", reason, reason != NULL ? strlen(reason) : 0, NULL);
	lane_post(lane, LANE_ACCESS, number, out);
}

/* What an exception let a client ask for in its first packet. */
static void
post_exception(
    struct audit_lane *lane, const struct audit_who *who, const struct verdict *verdict)
{
	struct buf *out = begin_event(lane, event_names[EVENT_EXCEPTION_USED], who);

	if (out == NULL)
		return;
	verdict_put_used(out, verdict);
	lane_post(lane, LANE_ACCESS, EVENT_EXCEPTION_USED, out);
}

void
audit_session_judged(struct audit_lane *lane, const char *event, const struct audit_who *who,
    const char *reason, const char *sqlstate, const struct verdict *verdict)
{
	bool denied = verdict->action == POLICY_DENY;
	struct buf *out = begin_event(lane, event, who);

	if (out == NULL)
		return;
	json_put_member(out, "db.response.status_code", sqlstate);
	put_literal(out, ",\"outcome\":\"");
	buf_put_text(out, outcome_names[denied ? AUDIT_DENIED_OUTCOME : AUDIT_OK]);
	verdict_put(out, verdict);
	record_put_text(out, "reason", reason, reason != NULL ? strlen(reason) : 0, NULL);
	lane_post(lane, LANE_ACCESS, event_by_name(event), out);
	if (verdict->exception != NULL && !denied)
		post_exception(lane, who, verdict);
}

void
audit_cancel(struct audit_lane *lane, const struct audit_who *who, const char *origin)
{
	struct buf *out = begin_event(lane, event_names[EVENT_CANCEL], who);

	if (out == NULL)
		return;
	json_put_member(out, "origin", origin);
	lane_post(lane, LANE_ACCESS, EVENT_CANCEL, out);
}

void
audit_event(struct audit_lane *lane, const char *event, const struct audit_who *who,
    const struct buf *members)
{
	struct buf *out = begin_event(lane, event, who);

	if (out == NULL)
		return;
	if (buf_length(members) > 0)
		buf_put(out, buf_bytes(members), buf_length(members));
	lane_post(lane, LANE_ACCESS, event_by_name(event), out);
}
