/*
 * plan.c - plans in the slow log: how many may be taken, and what of one is shown. Who asks
 * the server is session/plan.c.
 *
 * The line of a slow statement waits for its plan, so that there is one line for each.
 */
#include <ctype.h>
#include <stdio.h>

#include "base/mem.h"
#include "writer.h"

enum { HOUR_US = 60 * 60 * 1000000L };

/* Called by its worker only; freed by audit_plan_end(). */
struct audit_plan {
	struct buf line; /* as it is without a plan */
	struct buf with; /* its beginning with one … */
	struct buf end;	 /* … and what is behind it */
	bool raw; /* constants may be shown */
};

/* ---- how many ---- */

/* The place of a fingerprint, else the one that was used longest ago. */
static struct plan_taken *
place_of(struct plans *plans, const char *fingerprint)
{
	struct plan_taken *oldest = &plans->taken[0];

	for (size_t i = 0; i < PLANS_REMEMBERED; i++) {
		if (strcmp(plans->taken[i].fingerprint, fingerprint) == 0)
			return &plans->taken[i];
		if (plans->taken[i].when_us < oldest->when_us)
			oldest = &plans->taken[i];
	}
	return oldest;
}

bool
plans_take(struct plans *plans, const char *fingerprint, int64_t per_hour, uint64_t now_us)
{
	struct plan_taken *taken;
	bool good = false;

	pthread_mutex_lock(&plans->lock);
	taken = place_of(plans, fingerprint);
	if (plans->hour_us == 0 || now_us - plans->hour_us >= HOUR_US) {
		plans->hour_us = now_us;
		plans->in_hour = 0;
	}
	if (strcmp(taken->fingerprint, fingerprint) != 0 || now_us - taken->when_us >= HOUR_US) {
		good = !plans->busy && plans->in_hour < per_hour;
		if (!good)
			plans->skipped++;
	}
	if (good) {
		snprintf(taken->fingerprint, sizeof(taken->fingerprint), "%s", fingerprint);
		taken->when_us = now_us;
		plans->busy = true;
		plans->in_hour++;
	}
	pthread_mutex_unlock(&plans->lock);
	return good;
}

void
plans_done(struct plans *plans, bool good)
{
	pthread_mutex_lock(&plans->lock);
	plans->busy = false;
	if (good)
		plans->good++;
	else
		plans->failed++;
	pthread_mutex_unlock(&plans->lock);
}

/* ---- what is shown ---- */

/* Behind `at`, past the quote that ends what begins there; a doubled one does not. */
static const char *
past_quoted(const char *at, const char *end)
{
	char quote = *at++;

	for (; at < end; at++) {
		if (*at != quote)
			continue;
		if (at + 1 == end || at[1] != quote)
			return at + 1;
		at++;
	}
	return end;
}

static bool
is_word(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || byte == '$' || (byte & 0x80) != 0;
}

static const char *
past_word(const char *at, const char *end)
{
	while (at < end && (is_word(*at) || *at == '.'))
		at++;
	return at;
}

/* One line. Numbers that a plan has of itself stand outside of parentheses, or behind "(cost=". */
static void
hide_in_line(struct buf *out, const char *at, const char *end)
{
	const char *cost = memmem(at, (size_t)(end - at), "  (cost=", 8);
	const char *stop = cost != NULL ? cost : end;
	int depth = 0;

	while (at < stop) {
		const char *from = at;

		if (*at == '"') {
			at = past_quoted(at, stop);
			buf_put(out, from, (size_t)(at - from));
		} else if (*at == '\'') {
			at = past_quoted(at, stop);
			buf_put_u8(out, '?');
		} else if (isdigit((unsigned char)*at) && depth > 0) {
			at = past_word(at, stop);
			buf_put_u8(out, '?');
		} else if (is_word(*at)) {
			at = past_word(at, stop);
			buf_put(out, from, (size_t)(at - from));
		} else {
			depth += (*at == '(') - (*at == ')');
			buf_put_u8(out, (uint8_t)*at++);
		}
	}
	buf_put(out, stop, (size_t)(end - stop));
}

void
plan_hide_constants(struct buf *out, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *lf = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = lf != NULL ? lf : end;

		hide_in_line(out, text, line_end);
		if (lf != NULL)
			buf_put_u8(out, '\n');
		text = lf != NULL ? lf + 1 : end;
	}
}

/* ---- a statement whose plan is taken ---- */

struct audit_plan *
audit_plan_begin(struct audit_lane *lane, const struct audit_statement *statement, uint64_t now_us)
{
	const struct audit_settings *settings = audit_settings(lane->audit);
	struct audit_plan *plan;

	if (statement->facts == NULL ||
	    !plans_take(&lane->audit->plans, statement->facts->fingerprint,
		settings->plans_per_hour, now_us))
		return NULL;
	plan = mem_zalloc(1, sizeof(*plan));
	plan->raw = settings->raw_text;
	slow_render(&plan->line, statement);
	slow_render_around_plan(&plan->with, &plan->end, statement);
	return plan;
}

void
audit_plan_end(struct audit_lane *lane, struct audit_plan *plan, const char *text, size_t length)
{
	struct buf shown = { 0 };

	plans_done(&lane->audit->plans, text != NULL);
	if (text != NULL) {
		if (plan->raw)
			buf_put(&shown, text, length);
		else
			plan_hide_constants(&shown, text, length);
		slow_put_plan(&plan->with, (const char *)buf_bytes(&shown), buf_length(&shown));
		buf_put(&plan->with, buf_bytes(&plan->end), buf_length(&plan->end));
	}
	lane_post(lane, LANE_SLOW, EVENT_OTHER, text != NULL ? &plan->with : &plan->line);
	buf_free(&shown);
	buf_free(&plan->line);
	buf_free(&plan->with);
	buf_free(&plan->end);
	mem_free(plan);
}
