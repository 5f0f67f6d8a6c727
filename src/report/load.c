/*
 * load.c - how many sessions were running a statement, waiting for a server, or idle in
 * a transaction, over time. Used by performance.
 */
#include <string.h>

#include "report_internal.h"
#include "base/clock.h"
#include "base/mem.h"

enum { SESSIONS_MOST = 50000, TXN_MOST = 64 };

/* The last statement of a session. Owned by its load. */
struct load_session {
	UT_hash_handle hh;
	uint64_t end_us;
	char txn[TXN_MOST];
	char session[];
};

void
load_free(struct load *load)
{
	struct load_session *session, *next;

	HASH_ITER (hh, load->sessions, session, next) {
		HASH_DEL(load->sessions, session);
		mem_free(session);
	}
}

static struct load_session *
find_session(struct load *load, const char *name, bool add)
{
	struct load_session *session;
	size_t length = strlen(name);

	HASH_FIND(hh, load->sessions, name, length, session);
	if (session != NULL || !add || length == 0 || HASH_COUNT(load->sessions) >= SESSIONS_MOST)
		return session;
	session = mem_zalloc(1, sizeof(*session) + length + 1);
	memcpy(session->session, name, length);
	HASH_ADD_KEYPTR(hh, load->sessions, session->session, length, session);
	return session;
}

/* Two statements of one transaction, and nothing in between. */
static void
add_idle(struct load *load, const struct record *record, uint64_t begin_us)
{
	struct load_session *session = find_session(load, record->session, true);

	if (session == NULL)
		return;
	if (record->txn[0] != '\0' && strncmp(session->txn, record->txn, TXN_MOST - 1) == 0 &&
	    session->end_us < begin_us)
		series_spread(&load->idle, session->end_us, begin_us);
	session->end_us = record->time_us;
	memcpy(session->txn, record->txn, strnlen(record->txn, TXN_MOST - 1) + 1);
	session->txn[TXN_MOST - 1] = '\0';
}

void
load_add(struct load *load, const struct record *record)
{
	uint64_t end = record->time_us;
	uint64_t run = record->duration_us < end ? record->duration_us : end;
	uint64_t wait = record->queue_us < end - run ? record->queue_us : end - run;
	struct load_session *gone;

	if (strcmp(record->event, "session.end") == 0 &&
	    (gone = find_session(load, record->session, false)) != NULL) {
		HASH_DEL(load->sessions, gone);
		mem_free(gone);
	}
	if (!record->is_statement || record->is_denied)
		return;
	series_add(&load->statements, end, 1);
	series_spread(&load->running, end - run, end);
	series_spread(&load->waiting, end - run - wait, end - run);
	add_idle(load, record, end - run - wait);
}

struct series_shape
load_shape(const struct load *load)
{
	struct series_shape shape = { 0 };

	series_cover(&shape, &load->statements);
	series_cover(&shape, &load->running);
	series_cover(&shape, &load->waiting);
	series_cover(&shape, &load->idle);
	return shape;
}

/* Microseconds in a slot, as how many there were at a time. */
static void
put_average(struct table *table, uint64_t us, uint64_t width_us)
{
	table_ms(table, us * 1000 / width_us);
}

void
load_print(const struct load *load, enum report_format format, struct buf *out)
{
	static const struct column columns[] = { { "from", CELL_TEXT, 0 },
		{ "running", CELL_NUMBER, 0 }, { "waiting", CELL_NUMBER, 0 },
		{ "idle_in_transaction", CELL_NUMBER, 0 }, { "statements", CELL_NUMBER, 0 } };
	struct series_shape shape = load_shape(load);
	uint64_t slots[4][SERIES_SLOTS];
	uint64_t width = series_width_us(&shape);
	struct table table;
	size_t count = series_fit(&load->running, &shape, slots[0]);

	series_fit(&load->waiting, &shape, slots[1]);
	series_fit(&load->idle, &shape, slots[2]);
	series_fit(&load->statements, &shape, slots[3]);
	table_begin(&table, "Load over time: sessions running, waiting for a server, idle in transaction",
	    columns, 5);
	table.chart = chart_load;
	for (size_t i = 0; i < count; i++) {
		table_time(&table, series_slot_us(&shape, i));
		for (size_t state = 0; state < 3; state++)
			put_average(&table, slots[state][i], width);
		table_count(&table, slots[3][i]);
	}
	table_end(&table, format, out);
}
