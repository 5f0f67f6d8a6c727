/*
 * metrics.c - see metrics.h. Used by monitor.c.
 *
 * A row of a table is a metric; labels are database and role, never a text or a
 * fingerprint: what a client may choose at will must not make new time series.
 */
#include "config.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "metrics.h"
#include "session/client.h"

/* Bounds of the histograms' buckets: powers of two, 256 us to 33.6 s. */
enum { BOUND_FIRST = 8, BOUND_LAST = 25 };

static void
put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP pgweir_%s %s\n# TYPE pgweir_%s %s\n", name, help, name, type);
}

/* A label's value, with what the format needs escaped. */
static void
put_value(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			buf_put_text(out, "\\n");
		else if (*text == '"' || *text == '\\')
			buf_printf(out, "\\%c", *text);
		else
			buf_put_u8(out, (uint8_t)*text);
	}
}

/* `pgweir_NAME{database="…",role="…"`: the caller adds labels, and the brace. */
static void
put_series(struct buf *out, const char *name, const struct tally_pool *pool)
{
	buf_printf(out, "pgweir_%s{database=\"", name);
	put_value(out, pool->database);
	buf_put_text(out, "\",role=\"");
	put_value(out, pool->role);
	buf_put_u8(out, '"');
}

static void
put_seconds(struct buf *out, uint64_t us)
{
	buf_printf(out, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

/* --- of each pool ------------------------------------------------------------- */

/* Counters, and gauges that are an int in struct tally_pool. */
static const struct counted {
	const char *name, *help;
	size_t where; /* in struct pool_counters */
	bool is_time; /* microseconds, told as seconds */
} counters[] = {
	{ "transactions_total", "Transactions that ended.",
	    offsetof(struct pool_counters, xact_count), false },
	{ "queries_total", "Queries that were answered.",
	    offsetof(struct pool_counters, query_count), false },
	{ "received_bytes_total", "Bytes from clients.",
	    offsetof(struct pool_counters, bytes_received), false },
	{ "sent_bytes_total", "Bytes to clients.",
	    offsetof(struct pool_counters, bytes_sent), false },
	{ "transaction_seconds_total", "Time that transactions took, in sum.",
	    offsetof(struct pool_counters, xact_time_us), true },
	{ "server_assignments_total", "Servers lent to clients.",
	    offsetof(struct pool_counters, server_assignment_count), false },
	{ "logins_total", "Clients that logged in.",
	    offsetof(struct pool_counters, logins), false },
	{ "denied_total", "Statements refused by policies.",
	    offsetof(struct pool_counters, denied), false },
	{ "guardrail_parse_failures_total", "Texts that the parser could not read: defaults.on_unparseable.",
	    offsetof(struct pool_counters, unparseable), false },
	{ "guardrail_oversize_total", "Texts too long to be parsed: defaults.on_oversize.",
	    offsetof(struct pool_counters, oversize), false },
	{ "audit_misses_total", "Servers that the self-audit (protocol.audit_sample) found to have more than was known.",
	    offsetof(struct pool_counters, audit_misses), false },
	{ "pins_refused_total", "Statements refused because of protocol.pin_budget.",
	    offsetof(struct pool_counters, pins_refused), false },
	{ "pins_over_budget_total", "Pins beyond protocol.pin_budget, for what was there already.",
	    offsetof(struct pool_counters, pins_over), false },
	{ "client_parses_total", "Statements that clients prepared.",
	    offsetof(struct pool_counters, client_parse_count), false },
	{ "server_parses_total", "Statements prepared on servers.",
	    offsetof(struct pool_counters, server_parse_count), false },
	{ "binds_total", "Binds of prepared statements.",
	    offsetof(struct pool_counters, bind_count), false },
};

static const struct gauge {
	const char *state;
	size_t where; /* an int in struct tally_pool */
} client_states[] = {
	{ "active", offsetof(struct tally_pool, clients_active) },
	{ "waiting", offsetof(struct tally_pool, clients_waiting) },
}, server_states[] = {
	{ "active", offsetof(struct tally_pool, servers_active) },
	{ "idle", offsetof(struct tally_pool, servers_idle) },
	{ "used", offsetof(struct tally_pool, servers_used) },
	{ "tested", offsetof(struct tally_pool, servers_tested) },
	{ "login", offsetof(struct tally_pool, servers_login) },
	{ "canceled", offsetof(struct tally_pool, servers_canceled) },
};

static void
put_counter(struct buf *out, const struct counted *row, const struct tally *tally)
{
	put_head(out, row->name, "counter", row->help);
	for (const struct tally_pool *pool = tally->pools; pool != NULL; pool = pool->hh.next) {
		uint64_t value;

		memcpy(&value, (const char *)&pool->now + row->where, sizeof(value));
		put_series(out, row->name, pool);
		buf_put_text(out, "} ");
		if (row->is_time)
			put_seconds(out, value);
		else
			buf_printf(out, "%" PRIu64, value);
		buf_put_u8(out, '\n');
	}
}

static void
put_states(struct buf *out, const char *name, const char *help, const struct gauge *states,
    size_t count, const struct tally *tally)
{
	put_head(out, name, "gauge", help);
	for (const struct tally_pool *pool = tally->pools; pool != NULL; pool = pool->hh.next)
		for (size_t i = 0; i < count; i++) {
			int value;

			memcpy(&value, (const char *)pool + states[i].where, sizeof(value));
			put_series(out, name, pool);
			buf_printf(out, ",state=\"%s\"} %d\n", states[i].state, value);
		}
}

static void
put_bucket(struct buf *out, const char *name, const struct tally_pool *pool, const char *bound,
    uint64_t count)
{
	put_series(out, name, pool);
	buf_printf(out, ",le=\"%s\"} %" PRIu64 "\n", bound, count);
}

/* `name` is that of the metric; the three kinds of its series end in words of their own. */
static void
put_histogram(struct buf *out, const char *name, const char *help, size_t where,
    const struct tally *tally)
{
	char bucket[64], sum[64], count[64], bound[32];

	snprintf(bucket, sizeof(bucket), "%s_bucket", name);
	snprintf(sum, sizeof(sum), "%s_sum", name);
	snprintf(count, sizeof(count), "%s_count", name);
	put_head(out, name, "histogram", help);
	for (const struct tally_pool *pool = tally->pools; pool != NULL; pool = pool->hh.next) {
		const struct histogram *histogram =
		    (const struct histogram *)((const char *)pool + where);

		for (unsigned power = BOUND_FIRST; power <= BOUND_LAST; power++) {
			uint64_t us = UINT64_C(1) << power;

			snprintf(bound, sizeof(bound), "%" PRIu64 ".%06" PRIu64, us / 1000000,
			    us % 1000000);
			put_bucket(out, bucket, pool, bound,
			    histogram_count_up_to(histogram, us - 1));
		}
		put_bucket(out, bucket, pool, "+Inf", histogram->count);
		put_series(out, sum, pool);
		buf_put_text(out, "} ");
		put_seconds(out, histogram->sum_us);
		buf_put_u8(out, '\n');
		put_series(out, count, pool);
		buf_printf(out, "} %" PRIu64 "\n", histogram->count);
	}
}

/* Series for the reasons that the pool has seen, and no others: most pools see none. */
static void
put_pins(struct buf *out, const struct tally *tally)
{
	put_head(out, "pins_total", "counter",
	    "Pins begun, by reason; those that ended with their transaction too.");
	for (const struct tally_pool *pool = tally->pools; pool != NULL; pool = pool->hh.next)
		for (size_t i = 0; pin_reason(i) != NULL; i++)
			if (pool->pins[i] > 0) {
				put_series(out, "pins_total", pool);
				buf_printf(out, ",reason=\"%s\"} %" PRIu64 "\n", pin_reason(i), pool->pins[i]);
			}
	put_head(out, "pins", "gauge", "Clients that keep their server now, by reason.");
	for (const struct tally_pool *pool = tally->pools; pool != NULL; pool = pool->hh.next)
		for (size_t i = 0; pin_reason(i) != NULL; i++)
			if (pool->pins[i] > 0) {
				put_series(out, "pins", pool);
				buf_printf(out, ",reason=\"%s\"} %d\n", pin_reason(i), pool->pinned_by[i]);
			}
}

/* Of databases that somebody listened in. */
static const struct listened {
	const char *name, *type, *help;
	size_t where; /* a uint64_t in struct tally_name */
} listened[] = {
	{ "listen_channels", "gauge", "Channels that clients listen to by a shared connection.",
	    offsetof(struct tally_name, channels) },
	{ "listen_notifications_total", "counter", "Notifications that came by it.",
	    offsetof(struct tally_name, notifications) },
	{ "listen_losses_total", "counter", "How often it was lost, and with it perhaps events.",
	    offsetof(struct tally_name, losses) },
};

static void
put_listened(struct buf *out, const struct listened *row, const struct tally *tally)
{
	put_head(out, row->name, row->type, row->help);
	for (const struct tally_name *name = tally->databases; name != NULL; name = name->hh.next) {
		uint64_t value;

		if (!name->listens)
			continue;
		memcpy(&value, (const char *)name + row->where, sizeof(value));
		buf_printf(out, "pgweir_%s{database=\"", row->name);
		put_value(out, name->name);
		buf_printf(out, "\"} %" PRIu64 "\n", value);
	}
}

static void
put_pools(struct buf *out, const struct tally *tally)
{
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		put_counter(out, &counters[i], tally);
	put_states(out, "clients", "Clients that are logged in.", client_states,
	    sizeof(client_states) / sizeof(client_states[0]), tally);
	put_states(out, "servers", "Connections to PostgreSQL.", server_states,
	    sizeof(server_states) / sizeof(server_states[0]), tally);
	put_head(out, "pinned_clients", "gauge", "Clients that keep their server.");
	for (const struct tally_pool *pool = tally->pools; pool != NULL; pool = pool->hh.next) {
		put_series(out, "pinned_clients", pool);
		buf_printf(out, "} %d\n", pool->pinned);
	}
	put_pins(out, tally);
	put_head(out, "longest_wait_seconds", "gauge",
	    "How long the first client in line has been waiting for a server.");
	for (const struct tally_pool *pool = tally->pools; pool != NULL; pool = pool->hh.next) {
		put_series(out, "longest_wait_seconds", pool);
		buf_put_text(out, "} ");
		put_seconds(out, pool->longest_wait_us);
		buf_put_u8(out, '\n');
	}
	put_histogram(out, "query_duration_seconds", "How long queries took on their server.",
	    offsetof(struct tally_pool, query_times), tally);
	put_histogram(out, "wait_duration_seconds",
	    "How long those clients waited for a server that had to wait.",
	    offsetof(struct tally_pool, wait_times), tally);
	for (size_t i = 0; i < sizeof(listened) / sizeof(listened[0]); i++)
		put_listened(out, &listened[i], tally);
}

/* --- of the process -------------------------------------------------------------- */

static void
put_number(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	put_head(out, name, type, help);
	buf_printf(out, "pgweir_%s %" PRIu64 "\n", name, value);
}

/* A moment of the wall clock; 0 is none, and then there is no series. */
static void
put_moment(struct buf *out, const char *name, const char *help, uint64_t wall_us)
{
	put_head(out, name, "gauge", help);
	if (wall_us == 0)
		return;
	buf_printf(out, "pgweir_%s ", name);
	put_seconds(out, wall_us);
	buf_put_u8(out, '\n');
}

static void
put_audit(struct buf *out, const struct audit_status *audit)
{
	put_number(out, "audit_enabled", "gauge", "Is there an access log.", audit->enabled);
	put_number(out, "audit_healthy", "gauge",
	    "1 while the access log is whole and can be written.", audit->healthy);
	put_number(out, "audit_records_total", "counter",
	    "The seq of the last record, counted since the log began.", audit->seq);
	put_number(out, "audit_lost_records_total", "counter",
	    "Records that could not be written, since the start.", audit->lost);
	put_number(out, "audit_refused_statements_total", "counter",
	    "Statements that did not begin because their record could not be kept.", audit->refused);
	put_number(out, "audit_queued_bytes", "gauge", "Bytes on their way to the writer.",
	    audit->queued);
	put_head(out, "slow_log_plans_total", "counter",
	    "Plans for the slow log: taken, failed, and skipped as there were enough in the hour.");
	buf_printf(out, "pgweir_slow_log_plans_total{result=\"taken\"} %llu\n"
			"pgweir_slow_log_plans_total{result=\"failed\"} %llu\n"
			"pgweir_slow_log_plans_total{result=\"skipped\"} %llu\n",
	    (unsigned long long)audit->plans_taken, (unsigned long long)audit->plans_failed,
	    (unsigned long long)audit->plans_skipped);
	put_moment(out, "audit_last_sync_timestamp_seconds",
	    "When records were last forced to the disk.", audit->last_sync_us);
}

/* One metric, of each database that is read. */
static void
put_of_catalogs(struct buf *out, const struct metrics_facts *facts, const char *name,
    const char *type, const char *help, size_t where)
{
	put_head(out, name, type, help);
	for (size_t i = 0; i < facts->catalog_count; i++) {
		const struct catalogs_state *state = &facts->catalogs[i];
		uint64_t value;

		memcpy(&value, (const char *)state + where, sizeof(value));
		buf_printf(out, "pgweir_%s{database=\"", name);
		put_value(out, state->database);
		buf_put_text(out, "\"} ");
		if (where == offsetof(struct catalogs_state, read_us))
			put_seconds(out, value);
		else
			buf_printf(out, "%" PRIu64, value);
		buf_put_u8(out, '\n');
	}
}

static void
put_catalogs(struct buf *out, const struct metrics_facts *facts)
{
	put_of_catalogs(out, facts, "catalog_read_timestamp_seconds", "gauge",
	    "When what is known of a database was read.", offsetof(struct catalogs_state, read_us));
	put_of_catalogs(out, facts, "catalog_relations", "gauge", "Relations that are known.",
	    offsetof(struct catalogs_state, relations));
	put_of_catalogs(out, facts, "catalog_bytes", "gauge", "Memory that it takes.",
	    offsetof(struct catalogs_state, bytes));
	put_of_catalogs(out, facts, "catalog_reads_total", "counter", "Readings that went well.",
	    offsetof(struct catalogs_state, reads));
	put_of_catalogs(out, facts, "catalog_failures_total", "counter", "Readings that failed.",
	    offsetof(struct catalogs_state, failures));
}

void
metrics_render(struct buf *out, const struct metrics_facts *facts, const struct tally *tally)
{
	put_head(out, "build_info", "gauge", "The version, as a label.");
	buf_put_text(out, "pgweir_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
	put_moment(out, "start_time_seconds", "When the process started.", facts->started_us);
	put_number(out, "workers", "gauge", "Threads that serve clients.", facts->workers);
	put_number(out, "logins_in_progress", "gauge", "Clients that have not logged in yet.",
	    (uint64_t)tally->logins);
	put_number(out, "config_last_reload_successful", "gauge",
	    "0 after a reload that failed and so changed nothing.", facts->reloaded);
	put_moment(out, "config_last_reload_success_timestamp_seconds",
	    "When the configuration in force was read.", facts->reloaded_us);
	put_number(out, "policies", "gauge", "Policies in force.", facts->policies);
	put_moment(out, "policies_loaded_timestamp_seconds", "When they were loaded.",
	    facts->policies_loaded_us);
	put_number(out, "guardrail_break_glass_open", "gauge",
	    "Exceptions with break_glass that have not ended.", facts->break_glass_open);
	put_audit(out, &facts->audit);
	if (facts->catalog_count > 0)
		put_catalogs(out, facts);
	put_pools(out, tally);
}
