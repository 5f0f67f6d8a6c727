/* pulse.c - see pulse.h. */
#include "admin/pulse.h"

#include "base/log.h"
#include "base/mem.h"
#include "pulse_text.h"
#include "tally.h"

/* Owned by the supervisor. On its way it is its own message, and one worker's at a time. */
struct pulse {
	struct message message;	       /* first member */
	struct clients_shared *shared; /* borrowed */
	struct mailbox *home;	       /* borrowed */
	uint64_t period;	       /* counted as pool_history_cut() does; 0: none yet */
	unsigned at;		       /* worker */
	bool under_way;
	struct tally tally;
};

void
pulse_put(struct buf *out, const struct tally *tally)
{
	struct pool_counters older = { 0 }, newer = { 0 }, average;

	for (const struct tally_pool *pool = tally->pools; pool != NULL; pool = pool->hh.next) {
		pool_counters_add(&older, &pool->older);
		pool_counters_add(&newer, &pool->newer);
	}
	pool_counters_average(&average, &older, &newer, POOL_HISTORY_PERIOD_US);
	buf_printf(out, "stats: %llu xacts/s, %llu queries/s, in %llu B/s, out %llu B/s, xact %llu us, "
			"query %llu us, wait %llu us",
	    (unsigned long long)average.xact_count, (unsigned long long)average.query_count,
	    (unsigned long long)average.bytes_received, (unsigned long long)average.bytes_sent,
	    (unsigned long long)average.xact_time_us, (unsigned long long)average.query_time_us,
	    (unsigned long long)average.wait_time_us);
}

static void
on_home(struct message *message, void *receiver)
{
	struct pulse *pulse = (struct pulse *)message; /* its first member */
	struct buf line = { 0 };

	pulse_put(&line, &pulse->tally);
	buf_put_u8(&line, 0);
	log_info("%s", (const char *)buf_bytes(&line));
	buf_free(&line);
	tally_free(&pulse->tally);
	pulse->under_way = false;
	(void)receiver;
}

static void on_visit(struct message *message, void *receiver);

static void
go_on(struct pulse *pulse)
{
	struct mailbox *next = pulse->home;

	pulse->message.deliver = on_home;
	if (pulse->at < pulse->shared->workers) {
		pulse->message.deliver = on_visit;
		next = clients_mailbox(pulse->shared->of_worker[pulse->at]);
	}
	mailbox_post(next, &pulse->message);
}

static void
on_visit(struct message *message, void *receiver)
{
	struct pulse *pulse = (struct pulse *)message; /* its first member */
	struct clients *clients = receiver;

	/* When everything is being closed there is soon no mailbox: this is its last place. */
	if (clients_draining(clients) == CLIENTS_END)
		return;
	tally_add(&pulse->tally, clients);
	pulse->at++;
	go_on(pulse);
}

struct pulse *
pulse_new(struct clients_shared *shared, struct mailbox *home)
{
	struct pulse *pulse = mem_zalloc(1, sizeof(*pulse));

	pulse->shared = shared;
	pulse->home = home;
	return pulse;
}

void
pulse_free(struct pulse *pulse)
{
	tally_free(&pulse->tally);
	mem_free(pulse);
}

void
pulse_tick(struct pulse *pulse, uint64_t now_us)
{
	uint64_t period = now_us / POOL_HISTORY_PERIOD_US + 1;
	bool first = pulse->period == 0;

	if (period == pulse->period || pulse->under_way)
		return;
	pulse->period = period;
	if (first)
		return; /* there is no whole minute yet */
	pulse->at = 0;
	pulse->under_way = true;
	go_on(pulse);
}
