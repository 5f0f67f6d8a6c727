/*
 * plan.c - see plan.h.
 *
 * What is asked runs nothing: EXPLAIN without ANALYZE, in a read-only transaction that is
 * rolled back, for its generic plan. The text is the normalized one, so its literals are
 * parameters too; the role is the client's, as the pool is; its settings are put on the server
 * inside of that transaction. Functions that the planner calls ahead may leave something in
 * the session, so the server is reset before it serves again.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "plan.h"
#include "pool/talk.h"
#include "session_internal.h"
#include "wire/build.h"
#include "wire/read.h"
#include "wire/report.h"

#define PLAN_STATEMENT "pgweir_plan"

enum {
	PLAN_WAIT_US = 10 * 1000000,   /* for an idle server */
	PLAN_ANSWER_US = 10 * 1000000, /* for all its answers */
	PLAN_TEXT_MOST = 64 * 1024,    /* of a statement */
	PLAN_SHOWN_MOST = 64 * 1024,   /* of a plan; beyond it is cut */
	PLAN_MESSAGE_MOST = 1024 * 1024,
};

enum plan_step {
	PLAN_WAITING,	/* no server yet */
	PLAN_PREPARING, /* BEGIN, settings, Parse, Describe */
	PLAN_EXPLAINING,
	PLAN_ENDING,	/* ROLLBACK, Close */
};

/* One slow statement. Owned by its worker's clients; freed when its line is written. */
struct plan {
	struct clients *clients; /* borrowed */
	struct pool *pool;	 /* borrowed; lives as long as the worker */
	struct talk talk;	 /* without a server while WAITING */
	struct audit_plan *line; /* ours */
	char *text;		 /* ours */
	char fingerprint[32];
	struct settings settings; /* of the client, then */
	enum plan_step step;
	unsigned parameters;
	bool failed;
	char why[200];
	struct buf shown; /* the plan, a line for each row */
	uint64_t deadline_us;
};

static void
fail(struct plan *plan, const char *why)
{
	if (!plan->failed)
		snprintf(plan->why, sizeof(plan->why), "%s", why);
	plan->failed = true;
}

/* Its line is written, and it is no more. */
static void
end(struct plan *plan)
{
	if (plan->failed)
		log_warning("slow_log.plan: no plan of %s in %s/%s: %s", plan->fingerprint,
		    plan->pool->database, plan->pool->role, plan->why);
	audit_plan_end(clients_lane(plan->clients), plan->line,
	    plan->failed ? NULL : (const char *)buf_bytes(&plan->shown), buf_length(&plan->shown));
	clients_set_plan(plan->clients, NULL);
	settings_clear(&plan->settings);
	talk_free(&plan->talk);
	buf_free(&plan->shown);
	mem_free(plan->text);
	mem_free(plan);
}

/* ---- what is sent ---- */

static void
put_setting(const char *name, const char *statement, void *arg)
{
	struct buf *query = arg;

	(void)name;
	buf_put_text(query, statement);
	buf_put_text(query, "; ");
}

static void
send_query(struct plan *plan, struct buf *query)
{
	buf_put_u8(query, 0);
	build_query(stream_out(plan->talk.server->stream), (const char *)buf_bytes(query));
	buf_free(query);
	talk_await(&plan->talk);
}

static void
send_sync(struct plan *plan)
{
	build_sync(stream_out(plan->talk.server->stream));
	plan->talk.server->batch++;
	talk_await(&plan->talk);
	stream_flush(plan->talk.server->stream);
}

/* All but BEGIN is undone by ROLLBACK, the client's settings too. */
static void
prepare(struct plan *plan)
{
	struct buf *out = stream_out(plan->talk.server->stream);
	struct buf query = { 0 };
	size_t mark;

	plan->step = PLAN_PREPARING;
	buf_put_text(&query, "BEGIN READ ONLY; ");
	settings_difference(&plan->talk.server->settings, &plan->settings, put_setting, &query);
	buf_put_text(&query, "SET LOCAL statement_timeout TO '2s'; SET LOCAL lock_timeout TO '200ms'; "
			     "SET LOCAL plan_cache_mode TO force_generic_plan");
	send_query(plan, &query);
	build_parse(out, PLAN_STATEMENT, plan->text);
	mark = build_begin(out, 'D');
	buf_put(out, "S" PLAN_STATEMENT, sizeof("S" PLAN_STATEMENT)); /* with its NUL */
	build_end(out, mark);
	send_sync(plan);
}

static void
explain(struct plan *plan)
{
	struct buf query = { 0 };

	plan->step = PLAN_EXPLAINING;
	buf_put_text(&query, "EXPLAIN EXECUTE " PLAN_STATEMENT);
	for (unsigned i = 0; i < plan->parameters; i++)
		buf_put_text(&query, i == 0 ? "(NULL" : ", NULL");
	buf_put_text(&query, plan->parameters > 0 ? ")" : "");
	send_query(plan, &query);
	stream_flush(plan->talk.server->stream);
}

static void
roll_back(struct plan *plan)
{
	struct buf query = { 0 };

	plan->step = PLAN_ENDING;
	buf_put_text(&query, "ROLLBACK");
	send_query(plan, &query);
	build_close(stream_out(plan->talk.server->stream), 'S', PLAN_STATEMENT);
	send_sync(plan);
}

/* ---- what is answered ---- */

static void
take_row(struct plan *plan, const uint8_t *body, size_t length)
{
	struct reader reader = reader_over(body, length);
	uint16_t columns = read_u16(&reader);
	uint32_t here = read_u32(&reader);
	const uint8_t *bytes = here <= reader.left ? read_bytes(&reader, here) : NULL;

	if (plan->step != PLAN_EXPLAINING || columns != 1 || bytes == NULL ||
	    buf_length(&plan->shown) + here > PLAN_SHOWN_MOST)
		return;
	if (buf_length(&plan->shown) > 0)
		buf_put_u8(&plan->shown, '\n');
	buf_put(&plan->shown, bytes, here);
}

/* Give the server back as one that may have anything left in it. */
static void
give_back(struct plan *plan)
{
	if (buf_length(&plan->shown) == 0)
		fail(plan, "the server told none");
	plan->talk.server->residue |= SQL_RESIDUE_OPAQUE;
	talk_return(&plan->talk);
	end(plan);
}

/* A server that says more than it is asked is asked nothing else. */
static void
on_answered(void *arg)
{
	struct plan *plan = arg;

	if (plan->talk.broken)
		fail(plan, plan->talk.why);
	if (plan->step == PLAN_ENDING || plan->talk.broken)
		give_back(plan);
	else if (plan->step == PLAN_PREPARING && !plan->failed)
		explain(plan);
	else
		roll_back(plan);
}

static void
on_message(void *arg, uint8_t type, const uint8_t *body, size_t length)
{
	struct plan *plan = arg;
	struct reader reader = reader_over(body, length);

	switch (type) {
	case 'E':
		fail(plan, report_read(body, length).message);
		break;
	case 't':
		plan->parameters = read_u16(&reader);
		break;
	case 'D':
		take_row(plan, body, length);
		break;
	default:
		break;
	}
}

/* The server is gone, or not to be used again. */
static void
on_lost(void *arg, const char *why)
{
	struct plan *plan = arg;

	fail(plan, why);
	end(plan);
}

static const struct talk_user plan_talk = {
	.message = on_message,
	.answered = on_answered,
	.lost = on_lost,
};

/* ---- when ---- */

/* One statement that reads or writes rows, and whose text is known. */
static const char *
text_of(const struct judged *judged, const struct config *config)
{
	const struct sql_facts *facts = judged->facts;
	const char *text;

	if (facts == NULL || facts->statement_count != 1 ||
	    (facts->classes & (unsigned)(SQL_READ | SQL_WRITE)) == 0 ||
	    (facts->classes & ~(unsigned)(SQL_READ | SQL_WRITE)) != 0)
		return NULL;
	text = config->audit_text == AUDIT_TEXT_RAW ? judged->text : facts->normalized;
	return text != NULL && strlen(text) <= PLAN_TEXT_MOST ? text : NULL;
}

bool
plan_begin(struct link *link, const struct request *request,
    const struct audit_statement *statement)
{
	struct clients *clients = link->clients;
	struct audit_lane *lane = clients_lane(clients);
	uint64_t now_us = loop_now_us(clients_loop(clients));
	struct audit_plan *line;
	struct plan *plan;
	const char *text;

	if (!audit_plans(lane) || clients_plan(clients) != NULL || request->judged == NULL ||
	    (statement->outcome != AUDIT_OK && statement->outcome != AUDIT_ERROR))
		return false;
	text = text_of(request->judged, clients_config(clients));
	line = text != NULL ? audit_plan_begin(lane, statement, now_us) : NULL;
	if (line == NULL)
		return false;
	plan = mem_zalloc(1, sizeof(*plan));
	plan->clients = clients;
	plan->pool = link->client->pool;
	plan->line = line;
	plan->text = mem_strdup(text);
	snprintf(plan->fingerprint, sizeof(plan->fingerprint), "%s", statement->facts->fingerprint);
	settings_copy(&plan->settings, &link->client->settings);
	plan->deadline_us = now_us + PLAN_WAIT_US;
	clients_set_plan(clients, plan);
	return true;
}

void
plan_tick(struct plan *plan)
{
	uint64_t now_us = loop_now_us(clients_loop(plan->clients));
	struct server *server = plan->talk.server;

	if (server == NULL && (server = pool_borrow_idle(plan->pool, plan->settings.hash)) != NULL) {
		talk_begin(&plan->talk, server, PLAN_MESSAGE_MOST, &plan_talk, plan);
		plan->deadline_us = now_us + PLAN_ANSWER_US;
		prepare(plan);
		return;
	}
	if (now_us < plan->deadline_us)
		return;
	fail(plan, server == NULL ? "no server of its pool was idle for 10 s" : "no answer in 10 s");
	if (server != NULL)
		talk_close(&plan->talk, "no answer to a statement of pgweir's own");
	end(plan);
}

void
plan_abandon(struct plan *plan)
{
	fail(plan, "pgweir ends");
	end(plan);
}
