/*
 * slow.c - lines of the slow log, as PostgreSQL's jsonlog, for pgBadger.
 *
 * pgBadger takes the lines apart with patterns: no blank after `,` or `:`, no
 * \uXXXX, two blanks behind the duration, `?` for parameters (it blanks out a `$n`
 * whose value it does not find). Values come already escaped for the access log.
 */
#include <ctype.h>
#include <unistd.h>

#include "audit_internal.h"
#include "base/clock.h"

enum { PARAMETERS_KEEP, PARAMETERS_BLANK };

static unsigned
hex_digits(const char *at)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = tolower((unsigned char)at[i]);

		value = value << 4 | (unsigned)(isdigit(digit) ? digit - '0' : digit - 'a' + 10);
	}
	return value;
}

/* One of json_put_string()'s \uXXXX in the words that pgBadger knows. */
static void
put_control(struct buf *out, unsigned code)
{
	switch (code) {
	case '\t':
		put_literal(out, "\\t");
		break;
	case '\n':
		put_literal(out, "\\n");
		break;
	case '\r':
		put_literal(out, "\\r");
		break;
	case 0x2028:
	case 0x2029:
		buf_put_u8(out, ' ');
		break;
	default:
		buf_put_u8(out, '?');
	}
}

/* How long the `$n` at `at` is, or 0 if it is none. */
static size_t
parameter_length(const char *text, size_t length, size_t at)
{
	size_t end = at + 1;
	unsigned char before = at > 0 ? (unsigned char)text[at - 1] : ' ';

	if (text[at] != '$' || isalnum(before) || before == '_' || before == '$' || before >= 0x80)
		return 0;
	while (end < length && isdigit((unsigned char)text[end]))
		end++;
	return end > at + 1 ? end - at : 0;
}

/* Append a value in the access log's escapes as the slow log writes it. */
static void
put_value(struct buf *out, const char *text, size_t length, int parameters)
{
	for (size_t at = 0; at < length;) {
		size_t parameter =
		    parameters == PARAMETERS_BLANK ? parameter_length(text, length, at) : 0;

		if (parameter > 0) {
			buf_put_u8(out, '?');
			at += parameter;
		} else if (text[at] == '\\' && text[at + 1] == 'u') {
			put_control(out, hex_digits(text + at + 2));
			at += 6;
		} else if (text[at] == '\\') {
			buf_put(out, text + at, 2);
			at += 2;
		} else {
			buf_put_u8(out, (uint8_t)text[at++]);
		}
	}
}

/* Append a plain text, escaped. */
static void
put_plain(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\') {
			buf_put_u8(out, '\\');
			buf_put_u8(out, byte);
		} else if (byte < 0x20 || byte == 0x7f) {
			put_control(out, byte);
		} else {
			buf_put_u8(out, byte);
		}
	}
}

static void
put_plain_member(struct buf *out, const char *key, const char *text)
{
	if (text == NULL)
		return;
	put_literal(out, key);
	put_plain(out, text);
	buf_put_u8(out, '"');
}

static void
put_who(struct buf *out, const char *key, const struct audit_who *who, struct span value)
{
	put_literal(out, key);
	put_value(out, who->bytes + value.at, value.length, PARAMETERS_KEEP);
	buf_put_u8(out, '"');
}

static void
put_text(struct buf *out, const struct audit_statement *statement)
{
	const struct audit_text_parts *text = statement->text;
	size_t i;

	if (text == NULL)
		return;
	i = statement->sub < text->count ? statement->sub : text->count - 1;
	if (text->parts[i].shown.length == 0)
		put_literal(out, "(text not shown)");
	else
		put_value(out, text->bytes + text->parts[i].shown.at, text->parts[i].shown.length,
		    PARAMETERS_BLANK);
}

static void
put_duration(struct buf *out, const struct audit_statement *statement, const char *what)
{
	uint64_t us = statement->duration_us;

	buf_printf(out, ",\"error_severity\":\"LOG\",\"message\":\"duration: %llu.%03u ms  %s",
	    (unsigned long long)(us / 1000), (unsigned)(us % 1000), what);
	put_text(out, statement);
}

static void
put_refusal(struct buf *out, const struct audit_statement *statement)
{
	const struct verdict *verdict = statement->verdict;
	bool denied = verdict != NULL && verdict->message != NULL;

	put_literal(out, ",\"error_severity\":\"ERROR\"");
	put_plain_member(out, ",\"state_code\":\"", statement->sqlstate);
	put_plain_member(out, ",\"message\":\"", denied ? verdict->message : "refused by pgweir");
	put_plain_member(out, ",\"detail\":\"", denied ? verdict->detail : NULL);
	put_plain_member(out, ",\"hint\":\"", denied ? verdict->hint : NULL);
	put_literal(out, ",\"statement\":\"");
	put_text(out, statement);
	buf_put_u8(out, '"');
}

static void
put_begin(struct buf *out, const struct audit_statement *statement)
{
	const struct audit_who *who = statement->who;
	char now[CLOCK_TEXT_SIZE];

	clock_format_log(statement->wall_us, now);
	buf_printf(out, "{\"timestamp\":\"%s", now);
	put_who(out, "\",\"user\":\"", who, who->user);
	put_who(out, ",\"dbname\":\"", who, who->database);
	/* Refused: no server has seen it, so it is this process that answered. */
	buf_printf(out, ",\"pid\":%d",
	    statement->server_pid != 0 ? statement->server_pid : (int)getpid());
	put_who(out, ",\"remote_host\":\"", who, who->address);
	buf_printf(out, ",\"remote_port\":%d", who->port);
}

static void
put_end(struct buf *out, const struct audit_statement *statement)
{
	put_who(out, ",\"application_name\":\"", statement->who, statement->who->application);
	buf_printf(out, ",\"backend_type\":\"client backend\",\"query_id\":0,\"pgweir\":"
			"{\"queue_us\":%llu,\"fingerprint\":\"%s\"}}\n",
	    (unsigned long long)statement->queue_us,
	    statement->facts != NULL ? statement->facts->fingerprint : "");
}

void
slow_render(struct buf *out, const struct audit_statement *statement)
{
	put_begin(out, statement);
	if (statement->outcome == AUDIT_DENIED_OUTCOME) {
		put_refusal(out, statement);
	} else {
		put_duration(out, statement, "statement: ");
		buf_put_u8(out, '"');
	}
	put_end(out, statement);
}

/* In the shape of auto_explain. */
void
slow_render_around_plan(
    struct buf *out, struct buf *end, const struct audit_statement *statement)
{
	put_begin(out, statement);
	put_duration(out, statement, "plan:\\nQuery Text: ");
	put_literal(out, "\\n");
	buf_put_u8(end, '"');
	put_end(end, statement);
}

/* A parameter is a `?` here as well, for the same reason. */
void
slow_put_plan(struct buf *out, const char *text, size_t length)
{
	for (size_t at = 0; at < length; at++) {
		size_t parameter = parameter_length(text, length, at);
		char one[2] = { text[at], '\0' };

		if (parameter == 0) {
			put_plain(out, one);
			continue;
		}
		buf_put_u8(out, '?');
		at += parameter - 1;
	}
}
