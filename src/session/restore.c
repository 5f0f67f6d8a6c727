/*
 * restore.c - a client's settings on the server that it was lent.
 *
 * They go in the same write as the client's first message, in front of it (ahead.h): BEGIN, what
 * makes the server's settings the client's, COMMIT. So the client's statement begins as on a
 * connection of its own, whatever it is, and rolls nothing of this back; nor can it run under
 * settings that are not its own. Called by the handlers of messages, ahead.c and answer.c.
 */
#include <string.h>

#include "ahead.h"
#include "base/mem.h"
#include "listens.h"
#include "pool/rendering.h"
#include "sequences.h"
#include "session_internal.h"
#include "wire/frame.h"
#include "wire/read.h"

enum { LONE_MOST = 4096 }; /* bytes of a batch that runs one SET or RESET */

static void
put_each(const char *name, const char *statement, void *arg)
{
	(void)name;
	ahead_run(arg, statement);
}

static void
put_difference(struct link *link)
{
	link->restored = 0;
	settings_difference(&link->server->settings, &link->restoring, put_each, link);
	if (listens_want_shown(link))
		listens_show(link, ahead_run);
	if (sequences_want_clean(link)) {
		ahead_run(link, "DISCARD SEQUENCES");
		link->sequences |= SEQUENCES_CLEANING;
	}
}

/* All from the i-th on; the last Execute of them. */
static struct request *
mark_restoring(struct link *link, size_t i)
{
	struct request *request, *last = NULL;

	for (; (request = requests_at(&link->requests, i)) != NULL; i++) {
		request->restores = true;
		if (request->kind == REQUEST_EXECUTE)
			last = request;
	}
	return last;
}

static void
put_ahead(struct link *link)
{
	size_t first = ahead_begin(link);

	put_difference(link);
	ahead_end(link, first);
	mark_restoring(link, first)->settles = true;
	link->restore = RESTORE_AHEAD;
	link->restore_batch = link->server->batch;
}

/* The server has what was restored. */
static void
settle(struct link *link)
{
	bool lacks = !settings_are_equal(&link->restoring, &link->client->settings);

	settings_copy(&link->server->settings, &link->restoring);
	settings_clear(&link->restoring);
	link->restore = lacks ? RESTORE_LACKING : RESTORE_NONE;
	link->client->unrestorable &= lacks;
	if (link->sequences & SEQUENCES_CLEANING)
		sequences_cleaned(link);
}

void
restore_advanced(struct link *link, const struct request *request)
{
	link->restored++;
	if (request->settles && link->client != NULL)
		settle(link);
}

/* The setting whose statement the server refused. */
struct refused {
	size_t before; /* so many statements were not */
	const char *name;
};

static void
find_refused(const char *name, const char *statement, void *arg)
{
	struct refused *refused = arg;

	(void)statement;
	if (refused->before-- == 0)
		refused->name = name;
}

/* What its client can do; NULL where it was none of its settings. */
static char *
hint_of(const struct link *link)
{
	struct refused refused = { .before = link->restored };

	if (refused.before-- == 0)
		return NULL; /* the BEGIN */
	settings_difference(&link->server->settings, &link->restoring, find_refused, &refused);
	if (refused.name == NULL)
		return NULL;
	if (settings_get(&link->client->defaults, refused.name) != NULL)
		return mem_printf("Set \"%s\" to another value, or connect without it.", refused.name);
	return mem_printf("RESET \"%s\", or set it to another value.", refused.name);
}

void
restore_tell(struct link *link, const struct wire_report *report)
{
	char *hint = hint_of(link);

	build_error(relay_emit(link),
	    &(struct wire_error){ .severity = "ERROR",
		.sqlstate = report->sqlstate,
		.message = report->message,
		.detail = "while restoring this session's settings on a server connection",
		.hint = hint });
	mem_free(hint);
	link->client->unrestorable = true;
}

void
restore_failed(struct link *link)
{
	settings_clear(&link->restoring);
	link->restore = RESTORE_DUE;
	link->sequences &= (uint8_t)~SEQUENCES_CLEANING;
	link->shown = false;
}

void
restore_apart(struct link *link)
{
	client_enter(link->client, CLIENT_RESTORING);
	put_difference(link);
	mark_restoring(link, 0);
	build_sync(stream_out(link->server->stream));
	link_expect(link, REQUEST_SYNC, ANSWER_SWALLOW);
	link->restore = RESTORE_SENT;
	stream_flush(link->server->stream);
}

/* The settings that its client asked for as it logged in. */
static void
end_refused(struct link *link)
{
	struct client *client = link->client;

	/* Some of it may be set, some not: only a reset knows. */
	link->server->residue |= SQL_RESIDUE_SETTING;
	link->failed = false;
	link->restore = RESTORE_DUE;
	settings_clear(&link->restoring);
	client_enter(client, CLIENT_ACTIVE);
	client_end(client, link->last_state,
	    link->last_message != NULL ? link->last_message : "a setting was refused");
}

void
restore_answered(struct link *link)
{
	struct client *client = link->client;

	/* The client has been told nothing yet. */
	link->hearing = LINK_KEEPING;
	if (link->failed) {
		end_refused(link);
		return;
	}
	settle(link);
	link->restore = RESTORE_ANSWERED;
	client_enter(client, CLIENT_ACTIVE);
	rendering_take(&link->server->settings, &link->server->parameters);
	login_greet(client, &link->server->parameters);
}

/*
 * Nothing is under way, and what it has is not what the client has: after a RESET it has its
 * own defaults, and not those that the client logged in with.
 */
static bool
is_out_of_step(const struct link *link)
{
	return link->restore == RESTORE_DUE ||
	    (link->requests.count == 0 && !link->unsynced && link->server->transaction == 'I' &&
		(!settings_are_equal(&link->server->settings, &link->client->settings) ||
		    listens_want_shown(link) || sequences_want_clean(link)));
}

/* Is it a SET or RESET, which reads nothing of what it changes? */
static bool
only_sets(const struct sql_statement *statement)
{
	return strcmp(statement->verb, "SET") == 0 || strcmp(statement->verb, "RESET") == 0 ||
	    statement->discards_all;
}

/*
 * Does the text set this first of all, for its session? Half a DateStyle is set upon what it
 * was before.
 */
static bool
sets_itself(const struct sql_statement *statement, const char *name)
{
	for (size_t i = 0; i < statement->setting_count; i++) {
		const struct sql_setting *setting = &statement->settings[i];

		if (!setting->local && (setting->kind == SQL_SETTING_RESET_ALL ||
		    (strcmp(setting->name, name) == 0 && strcmp(name, "datestyle") != 0)))
			return true;
	}
	return false;
}

enum lone { LONE_NOT, LONE_UNTOLD, LONE };

/* The statement that a Parse makes, or that a Bind uses; NULL: it is malformed. */
static const char *
named_by(uint8_t type, const uint8_t *body, size_t length)
{
	struct reader reader = reader_over(body, length);
	const char *name = read_cstring(&reader);

	if (type == 'B')
		name = read_cstring(&reader);
	return reader_ok(&reader) ? name : NULL;
}

/*
 * Does nothing else run before the next Sync than what the message at hand makes, uses or is?
 * What it leaves out of the server's settings would be missing there. That may not be told yet.
 */
static enum lone
is_lone(const struct client *client)
{
	const uint8_t *at = client->coming, *end = at + client->coming_length;
	const char *made = NULL;
	unsigned binds = 0;
	struct frame frame;

	for (; end - client->coming <= LONE_MOST; at += frame.length) {
		enum frame_status status = frame_read(at, (size_t)(end - at), &frame);
		bool named = status == FRAME_GOOD && (frame.type == 'P' || frame.type == 'B');
		const char *name;

		if (status != FRAME_GOOD)
			return status == FRAME_SHORT ? LONE_UNTOLD : LONE_NOT;
		if ((frame.type == 'Q' && at == client->coming) || frame.type == 'S')
			return LONE;
		if (strchr("PBDEC", frame.type) == NULL || (frame.type == 'P' && at != client->coming) ||
		    frame.length > LONE_MOST)
			return LONE_NOT;
		if (frame.length > (size_t)(end - at))
			return LONE_UNTOLD;
		if (!named)
			continue;
		name = named_by(frame.type, at + FRAME_HEADER, frame.length - FRAME_HEADER);
		binds += frame.type == 'B';
		if (name == NULL || binds > 1 || (made != NULL && strcmp(name, made) != 0))
			return LONE_NOT;
		made = name;
	}
	return LONE_NOT;
}

/* Does a ROLLBACK in it take back what it began with? */
static bool
may_take_back(const struct sql_facts *facts)
{
	for (size_t i = 0; i < facts->statement_count; i++)
		if (facts->statements[i].transaction != SQL_TXN_NOTHING)
			return true;
	return false;
}

static void
leave_out(struct link *link, const struct sql_facts *facts)
{
	const struct client *client = link->client;
	const struct sql_statement *first = &facts->statements[0];

	if (facts->statement_count == 1 && strcmp(first->verb, "RESET") == 0) {
		settings_clear(&link->restoring);
		return;
	}
	for (size_t i = settings_length(&client->settings); i > 0; i--) {
		const char *name = settings_at(&client->settings, i - 1)->name;

		if (sets_itself(first, name))
			settings_remove(&link->restoring, name);
	}
}

/*
 * What the server must have for this text. A setting that servers take no more must not stand in
 * the way of the statement that does away with it; a RESET by itself needs no other setting
 * either: there may be two of them. In a batch only if that runs nothing else; false: more of it
 * has to come before that is told.
 */
static bool
choose_wanted(struct link *link, const struct judged *judged)
{
	const struct client *client = link->client;
	const struct sql_facts *facts = judged == NULL ? NULL : judged->facts;
	enum lone lone;

	settings_copy(&link->restoring, &client->settings);
	if (facts == NULL || facts->statement_count == 0 || !client->unrestorable ||
	    !only_sets(&facts->statements[0]) || may_take_back(facts))
		return true;
	lone = is_lone(client);
	if (lone == LONE)
		leave_out(link, facts);
	else if (lone == LONE_UNTOLD)
		settings_clear(&link->restoring);
	return lone != LONE_UNTOLD;
}

bool
restore_awaits(struct link *link)
{
	const struct request *head = requests_head(&link->requests);

	link->unsettled = link->restore == RESTORE_DUE && head != NULL && head->batch != link->server->batch;
	return link->unsettled;
}

bool
restore_in_step(struct client *client, const struct judged *judged)
{
	struct link *link = client->link;

	if (link->restore == RESTORE_LACKING && link->requests.count == 0)
		link->restore = RESTORE_NONE;
	if (!is_out_of_step(link))
		return true;
	if (!choose_wanted(link, judged))
		return false;
	if (settings_are_equal(&link->server->settings, &link->restoring) && !listens_want_shown(link) &&
	    !sequences_want_clean(link)) {
		settings_clear(&link->restoring);
		link->restore = RESTORE_LACKING;
		link->restore_batch = link->server->batch;
		return true;
	}
	put_ahead(link);
	return true;
}
