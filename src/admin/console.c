/*
 * console.c - see console.h. The responder: messages of a client in, answers out.
 *
 * A command is done at once or sent round the workers as an errand; then the
 * console waits, and console_take() goes on when the errand is home.
 */
#include <stdlib.h>
#include <string.h>

#include "action.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "console_internal.h"
#include "cursor.h"
#include "session/client.h"
#include "show.h"
#include "wire/build.h"
#include "wire/frame.h"
#include "wire/names.h"
#include "wire/read.h"

enum {
	COMMAND_MOST = 64 * 1024
}; /* bytes of one message: no command is nearly so long */

/* One client at the console. Its client->responder_state; freed when that goes. */
struct console {
	char *script;           /* ours: the Query under way; NULL: none */
	const char *at;         /* what of it is still to be done */
	struct cursor *running; /* whose Execute is under way; NULL: none */
	bool skipping;          /* an error was sent: everything up to Sync is ignored */
	struct draft_list drafts;
	struct cursor_list cursors;
};

static struct admin_setup setup; /* written before the first worker starts */

void
admin_start(const struct admin_setup *given)
{
	setup = *given;
}

const struct admin_setup *
console_setup(void)
{
	return &setup;
}

static bool
answers(const char *database)
{
	return strcmp(database, "pgweir") == 0 || strcmp(database, TALLY_CONSOLE) == 0;
}

static bool
admits(const struct client *client)
{
	return access_of(clients_config(client->clients), client_user(client)) !=
	       ACCESS_NONE;
}

static struct console *
console_of(struct client *client)
{
	struct console *console = client->responder_state;

	if (console == NULL) {
		console = client->responder_state = mem_zalloc(1, sizeof(*console));
		LIST_INIT(&console->drafts);
		LIST_INIT(&console->cursors);
	}
	return console;
}

static void
closed(struct client *client)
{
	struct console *console = client->responder_state;

	client->responder_state = NULL;
	if (console == NULL)
		return;
	draft_drop_all(&console->drafts);
	cursor_drop_all(&console->cursors);
	mem_free(console->script);
	mem_free(console);
}

static struct buf *
out_of(struct client *client)
{
	return stream_out(client->stream);
}

static void
put_error(struct client *client, const char *sqlstate, const char *message)
{
	build_error(out_of(client),
	    &(struct wire_error){
		.severity = "ERROR", .sqlstate = sqlstate, .message = message });
}

void
console_notice(struct client *client, const char *message, const char *detail)
{
	build_notice(out_of(client), &(struct wire_error){ .severity = "NOTICE",
					 .sqlstate = "00000",
					 .message = message,
					 .detail = detail });
	stream_flush(client->stream);
}

/* --- running a command ------------------------------------------------------------ */

/* What changes something leaves a line in the log and a record in the access log. */
static void
record(const struct errand *errand, const struct clients *clients)
{
	const char *result = errand->failed ? errand->err.text : "ok";
	struct buf members = { 0 };

	if (!command_is_recorded(&errand->command))
		return;
	log_info("%s console: %s: %s", errand->asker, errand->command.text, result);
	json_put_member(&members, "text", errand->command.text);
	json_put_member(&members, "result", result);
	audit_event(clients_lane(clients), "console.command", errand->who, &members);
	buf_free(&members);
}

static bool
may(struct errand *errand, const struct client *client)
{
	enum access needs = command_needs(&errand->command);

	if (access_allows(
		access_of(clients_config(client->clients), client_user(client)), needs))
		return true;
	errand_fail(errand, "42501", "permission denied: %s%s%s is for users in %s",
	    command_tag(&errand->command), errand->command.table != NULL ? " " : "",
	    errand->command.table != NULL ? errand->command.table->name : "",
	    access_name(needs));
	return false;
}

/* Do it, or send it on its way. The errand when it is done, NULL when it is under way. */
static struct errand *
begin(struct client *client, const struct command *command)
{
	struct errand *errand = errand_new(client, command);
	const struct table *table = command->table;
	enum action_way way = ACTION_DONE;

	if (may(errand, client) && table == NULL)
		way = action_begin(errand, client->clients);
	else if (!errand->failed && table->visit != NULL)
		way = ACTION_ROUND;
	if (way == ACTION_ROUND)
		errand_send(errand);
	if (way != ACTION_DONE)
		return NULL;
	if (!errand->failed)
		errand_finish(errand, client->clients);
	record(errand, client->clients);
	return errand;
}

/* Its counters, which are the console's row of SHOW STATS. */
static void
count_command(struct client *client, const struct errand *errand)
{
	struct pool_counters *counters =
	    &tally_console(clients_worker(client->clients))->now;

	counters->query_count++;
	counters->xact_count++;
	counters->query_time_us +=
	    loop_now_us(clients_loop(client->clients)) - errand->began_us;
}

static bool
put_outcome(struct client *client, struct errand *errand)
{
	count_command(client, errand);
	buf_put(
	    out_of(client), buf_bytes(&errand->notices), buf_length(&errand->notices));
	if (errand->failed)
		put_error(client, errand->err.sqlstate, errand->err.text);
	return !errand->failed;
}

/* --- the simple protocol -------------------------------------------------------------
 */

/* The answer to one command of a Query; false when it failed. Frees the errand. */
static bool
answer_query(struct client *client, struct errand *errand)
{
	const struct table *table = errand->command.table;
	bool good = put_outcome(client, errand);

	if (good && table_column_count(table) > 0) {
		build_row_description(
		    out_of(client), table->columns, table->column_count);
		buf_put(out_of(client), buf_bytes(&errand->rows.out),
		    buf_length(&errand->rows.out));
	}
	if (good)
		build_command_complete(out_of(client), command_tag(&errand->command));
	errand_free(errand);
	return good;
}

/* The next command of the Query; false when it failed, or is under way (then *away). */
static bool
next_command(struct client *client, struct console *console, bool *away)
{
	struct command command;
	struct error err = { 0 };
	struct errand *errand;

	if (!command_read(&console->at, &command, &err)) {
		put_error(client, err.sqlstate, err.text);
		return false;
	}
	if (command.verb == VERB_NONE) /* nothing between two semicolons */
		return true;
	errand = begin(client, &command);
	command_free(&command);
	*away = errand == NULL;
	return errand != NULL && answer_query(client, errand);
}

/* Do what is left of the Query. False: it waits for an errand. */
static bool
go_on_with_query(struct client *client, struct console *console, bool good)
{
	bool away = false;

	while (good && words_are_left(console->at))
		good = next_command(client, console, &away);
	if (away)
		return false;
	mem_free(console->script);
	console->script = NULL;
	build_ready(out_of(client), 'I');
	return true;
}

static void
malformed(struct client *client, uint8_t type)
{
	char *text = mem_printf("malformed %s message", message_name_from_client(type));

	client_end(client, "08P01", text);
	mem_free(text);
}

static bool
on_query(struct client *client, struct console *console, struct reader *reader)
{
	const char *text = read_cstring(reader);

	if (!reader_done(reader)) {
		malformed(client, 'Q');
		return true;
	}
	draft_drop(&console->drafts, "");
	cursor_drop_all(&console->cursors);
	if (!words_are_left(text))
		build_empty_query(out_of(client));
	console->script = mem_strdup(text);
	console->at = console->script;
	return go_on_with_query(client, console, true);
}

/* --- the extended protocol
 * --------------------------------------------------------------- */

static void
refuse(struct client *client, struct console *console, const char *sqlstate,
    const char *message)
{
	put_error(client, sqlstate, message);
	console->skipping = true;
}

static void
put_bare(struct client *client, uint8_t type)
{
	build_end(out_of(client), build_begin(out_of(client), type));
}

static bool
on_parse(struct client *client, struct console *console, struct reader *reader)
{
	const char *name = read_cstring(reader);
	const char *text = read_cstring(reader);
	struct command command;
	struct error err = { 0 };

	read_bytes(reader, 4 * (size_t)read_u16(reader));
	if (!reader_done(reader)) {
		malformed(client, 'P');
		return true;
	}
	if (*name != '\0' && draft_find(&console->drafts, name) != NULL) {
		refuse(client, console, "42P05",
		    "a prepared statement of this name exists already");
		return true;
	}
	if (!command_read(&text, &command, &err)) {
		refuse(client, console, err.sqlstate, err.text);
		return true;
	}
	if (words_are_left(text))
		refuse(client, console, "42601",
		    "cannot insert multiple commands into a prepared statement");
	else if (draft_put(&console->drafts, name, &command) == NULL)
		refuse(
		    client, console, "53400", "too many prepared statements: close some");
	else
		put_bare(client, '1');
	command_free(&command);
	return true;
}

/* The format of each column: none given is text for all, one is for all. */
static uint16_t *
read_formats(struct reader *reader, size_t columns)
{
	uint16_t *formats = mem_zalloc(columns + 1, sizeof(*formats));
	uint16_t given = read_u16(reader);

	for (size_t i = 0; i < given && !reader->failed; i++) {
		uint16_t format = read_u16(reader);

		if (i < columns)
			formats[i] = format == 1;
		for (size_t all = 1; given == 1 && all < columns; all++)
			formats[all] = formats[0];
	}
	return formats;
}

static bool
on_bind(struct client *client, struct console *console, struct reader *reader)
{
	const char *name = read_cstring(reader);
	const struct draft *draft = draft_find(&console->drafts, read_cstring(reader));
	uint16_t *formats;
	uint16_t parameter_count;

	read_bytes(reader, 2 * (size_t)read_u16(reader));
	parameter_count = read_u16(reader);
	if (reader_ok(reader) && parameter_count > 0) {
		refuse(client, console, "08P01",
		    "the console's commands take no parameters");
		return true;
	}
	formats = read_formats(
	    reader, draft == NULL ? 0 : table_column_count(draft->command.table));
	if (!reader_done(reader)) {
		mem_free(formats);
		malformed(client, 'B');
		return true;
	}
	if (draft == NULL) {
		mem_free(formats);
		refuse(client, console, "26000", "there is no such prepared statement");
	} else if (cursor_put(&console->cursors, name, &draft->command, formats) ==
		   NULL) {
		refuse(client, console, "53400",
		    "too many portals: end the pipeline with Sync");
	} else {
		put_bare(client, '2');
	}
	return true;
}

static void
describe_draft(struct client *client, const struct draft *draft)
{
	size_t mark = build_begin(out_of(client), 't'); /* ParameterDescription */

	buf_put_u16(out_of(client), 0);
	build_end(out_of(client), mark);
	cursor_describe(out_of(client), &draft->command, NULL);
}

static bool
on_describe(struct client *client, struct console *console, struct reader *reader)
{
	uint8_t what = read_u8(reader);
	const char *name = read_cstring(reader);
	const struct draft *draft = draft_find(&console->drafts, name);
	const struct cursor *cursor = cursor_find(&console->cursors, name);

	if (!reader_done(reader) || (what != 'S' && what != 'P'))
		malformed(client, 'D');
	else if (what == 'S' && draft == NULL)
		refuse(client, console, "26000", "there is no such prepared statement");
	else if (what == 'P' && cursor == NULL)
		refuse(client, console, "34000", "there is no such portal");
	else if (what == 'S')
		describe_draft(client, draft);
	else
		cursor_describe(out_of(client), &cursor->command, cursor->formats);
	return true;
}

/* The answer to an Execute. Frees the errand. */
static void
answer_execute(struct client *client, struct console *console, struct cursor *cursor,
    struct errand *errand)
{
	if (put_outcome(client, errand)) {
		cursor->rows = errand->rows;
		errand->rows = (struct rows){ 0 };
		cursor->ran = true;
		cursor_send(cursor, out_of(client));
	} else {
		console->skipping = true;
	}
	errand_free(errand);
}

static bool
on_execute(struct client *client, struct console *console, struct reader *reader)
{
	struct cursor *cursor = cursor_find(&console->cursors, read_cstring(reader));
	uint32_t limit = read_u32(reader);
	struct errand *errand;

	if (!reader_done(reader)) {
		malformed(client, 'E');
		return true;
	}
	if (cursor == NULL) {
		refuse(client, console, "34000", "there is no such portal");
		return true;
	}
	cursor->limit = limit > INT32_MAX ? 0 : limit;
	if (cursor->ran || cursor->command.verb == VERB_NONE) {
		cursor_send(cursor, out_of(client));
		return true;
	}
	errand = begin(client, &cursor->command);
	if (errand == NULL) {
		console->running = cursor;
		return false;
	}
	answer_execute(client, console, cursor, errand);
	return true;
}

static bool
on_close(struct client *client, struct console *console, struct reader *reader)
{
	uint8_t what = read_u8(reader);
	const char *name = read_cstring(reader);

	if (!reader_done(reader) || (what != 'S' && what != 'P')) {
		malformed(client, 'C');
		return true;
	}
	if (what == 'S')
		draft_drop(&console->drafts, name);
	else
		cursor_drop(&console->cursors, name);
	put_bare(client, '3');
	return true;
}

static bool
on_sync(struct client *client, struct console *console, struct reader *reader)
{
	console->skipping = false;
	cursor_drop_all(&console->cursors);
	build_ready(out_of(client), 'I');
	(void)reader;
	return true;
}

static bool
on_flush(struct client *client, struct console *console, struct reader *reader)
{
	stream_flush(client->stream);
	(void)console;
	(void)reader;
	return true;
}

static bool
on_function_call(struct client *client, struct console *console, struct reader *reader)
{
	put_error(client, "0A000", "the console has no functions: see SHOW HELP");
	build_ready(out_of(client), 'I');
	(void)console;
	(void)reader;
	return true;
}

/* CopyData, CopyDone, CopyFail: nothing here ever asks for them; PostgreSQL drops them
 * too. */
static bool
ignore(struct client *client, struct console *console, struct reader *reader)
{
	(void)client;
	(void)console;
	(void)reader;
	return true;
}

/* Each returns false when it waits for an errand. */
static bool (*const handlers[256])(
    struct client *client, struct console *console, struct reader *reader) = {
	['B'] = on_bind,
	['C'] = on_close,
	['D'] = on_describe,
	['E'] = on_execute,
	['F'] = on_function_call,
	['H'] = on_flush,
	['P'] = on_parse,
	['Q'] = on_query,
	['S'] = on_sync,
	['c'] = ignore,
	['d'] = ignore,
	['f'] = ignore,
};

static bool
message(struct client *client, uint8_t type, const uint8_t *body, size_t length)
{
	struct pool_counters *counters =
	    &tally_console(clients_worker(client->clients))->now;
	struct console *console = console_of(client);
	struct reader reader = reader_over(body, length);
	size_t before = buf_length(out_of(client));
	bool done;

	counters->bytes_received += FRAME_HEADER + length;
	if (handlers[type] == NULL) {
		malformed(client, type);
		return true;
	}
	if (console->skipping && type != 'S')
		return true;
	if (length > COMMAND_MOST) {
		client_end(
		    client, "54000", "a message to the console is at most 64 KiB long");
		return true;
	}
	done = handlers[type](client, console, &reader);
	if (client->state != CLIENT_CLOSING && buf_length(out_of(client)) > before)
		counters->bytes_sent += buf_length(out_of(client)) - before;
	return done;
}

void
console_take(struct errand *errand, struct clients *clients)
{
	struct client *client = client_find(clients, errand->client);
	struct console *console = client == NULL ? NULL : client->responder_state;
	struct cursor *cursor = console == NULL ? NULL : console->running;
	size_t before;
	bool done = true;

	record(errand, clients);
	if (console == NULL) { /* it left before the answer came */
		errand_free(errand);
		return;
	}
	before = buf_length(out_of(client));
	if (cursor != NULL) {
		console->running = NULL;
		answer_execute(client, console, cursor, errand);
	} else {
		done = go_on_with_query(client, console, answer_query(client, errand));
	}
	tally_console(clients_worker(clients))->now.bytes_sent +=
	    buf_length(out_of(client)) - before;
	if (done)
		client_answered(client);
}

const struct responder admin_console = {
	.answers = answers,
	.admits = admits,
	.parameters = console_parameters,
	.message = message,
	.closed = closed,
};
