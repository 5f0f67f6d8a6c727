/*
 * make_log.c - writes an access log of any size through the writer of pgweir itself,
 * for bench/logs.py:  make_log FILE RECORDS [MAC-KEY-FILE]
 *
 * Forty services run statements of some fifty kinds; one in a hundred fails, one in
 * a hundred has waited for a server. Which is which depends on the number alone, so
 * two runs write the same but for the times of the writer's own records.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/audit.h"
#include "base/error.h"
#include "base/mem.h"

enum { SERVICES = 40, TABLES = 12, VERBS = 4, TEXTS = TABLES * VERBS, QUEUED_MOST = 256 << 10 };

static const char *const tables[TABLES] = { "orders", "customers", "invoices", "items", "stock",
	"sessions", "payments", "prices", "audit_trail", "addresses", "carts", "shipments" };
static const char *const texts[VERBS] = {
	"SELECT id, state, total, created_at FROM public.%s WHERE customer_id = 4711 ORDER BY created_at DESC LIMIT 20",
	"UPDATE public.%s SET state = 'paid', changed_at = now() WHERE id = 4711",
	"INSERT INTO public.%s (id, customer_id, state) VALUES (1, 2, 'new') RETURNING id",
	"SELECT t.*, c.name FROM public.%s t JOIN public.customers c ON c.id = t.customer_id WHERE t.state IN ('new', 'paid')",
};

/* One kind of statement. */
struct kind {
	struct sql_facts *facts;
	struct audit_text_parts *parts;
};

static void
make_kinds(const struct config *config, struct kind kinds[TEXTS])
{
	for (size_t i = 0; i < TEXTS; i++) {
		char *text = mem_printf(texts[i % VERBS], tables[i / VERBS]);
		struct error err;
		int at;

		if (sql_facts(text, strlen(text), SQL_TEXT_MOST, &kinds[i].facts, &err, &at) != SQL_KNOWN) {
			fprintf(stderr, "make_log: %s: %s\n", text, err.text);
			exit(1);
		}
		kinds[i].parts =
		    audit_text_parts_new(config, text, strlen(text), kinds[i].facts);
		mem_free(text);
	}
}

static void
make_services(struct audit_who *services[SERVICES])
{
	for (int i = 0; i < SERVICES; i++) {
		char session[24], user[24], address[24];

		snprintf(session, sizeof(session), "01JD4Q8Z5K%05d", i);
		snprintf(user, sizeof(user), "service-%02d", i);
		snprintf(address, sizeof(address), "10.1.2.%d", i + 1);
		services[i] = audit_who_new(&(struct audit_who_fields){ .session = session,
		    .client_address = address, .client_port = 50000 + i, .user = user,
		    .role = "app_rw", .database = "shop", .application = "billing" });
	}
}

static uint64_t
mix(uint64_t number)
{
	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
	number = (number ^ number >> 27) * 0x94d049bb133111ebu;
	return number ^ number >> 31;
}

static void
post(struct audit_lane *lane, const struct kind *kind, const struct audit_who *who, uint64_t number)
{
	uint64_t dice = mix(number + 1);
	bool failed = dice % 100 == 7, waited = dice % 100 == 9;

	audit_statement(lane, &(struct audit_statement){ .who = who, .text = kind->parts,
	    .facts = kind->facts, .txn = number / 3, .stmt = number + 1,
	    .sqlstate = failed ? "23505" : "00000", .returned_rows = (int64_t)(dice >> 8) % 20,
	    .rows_affected = -1, .bytes_in = 96, .bytes_out = 77 + dice % 1000,
	    .duration_us = 50 + (dice >> 16) % 4000 * ((dice >> 32) % 50 == 0 ? 100 : 1),
	    .queue_us = waited ? dice >> 40 & 0xffff : 0, .server_pid = 4000 + (int)(number % 16),
	    .wall_us = 1790000000000000 + number * 300, .outcome = failed ? AUDIT_ERROR : AUDIT_OK });
}

/* The writer must keep up, or its gap records would be what is measured. */
static void
wait_for_writer(struct audit *audit)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	struct audit_status status;

	for (;;) {
		audit_get_status(audit, &status);
		if (status.queued < QUEUED_MOST)
			return;
		nanosleep(&pause, NULL);
	}
}

static bool
write_log(const struct config *config, uint64_t records)
{
	static struct kind kinds[TEXTS];
	struct audit_who *services[SERVICES];
	struct audit_status status;
	struct error err;
	struct audit *audit = audit_start(config, 1, &err);

	if (audit == NULL) {
		fprintf(stderr, "make_log: %s\n", err.text);
		return false;
	}
	make_kinds(config, kinds);
	make_services(services);
	for (uint64_t i = 0; i < records; i++) {
		if (i % 500 == 0)
			wait_for_writer(audit);
		post(audit_lane(audit, 0), &kinds[mix(i) % TEXTS], services[i % SERVICES], i);
	}
	audit_get_status(audit, &status);
	audit_stop(audit, "written");
	for (size_t i = 0; i < TEXTS; i++) {
		audit_text_parts_free(NULL, kinds[i].parts);
		sql_facts_free(kinds[i].facts);
	}
	for (size_t i = 0; i < SERVICES; i++)
		audit_who_free(NULL, services[i]);
	if (status.lost > 0)
		fprintf(stderr, "make_log: %" PRIu64 " records were lost\n", status.lost);
	return status.lost == 0;
}

int
main(int argc, char **argv)
{
	struct config config = { .audit_statements = AUDIT_ALL, .audit_text = AUDIT_TEXT_NORMALIZED,
		.audit_sync = AUDIT_SYNC_NONE, .audit_sync_every_ms = 1000, .instance = "bench",
		.slow_log_file = "" };

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: make_log FILE RECORDS [MAC-KEY-FILE]\n");
		return 2;
	}
	config.audit_file = argv[1];
	config.audit_mac_key = argc > 3 ? argv[3] : "";
	return write_log(&config, strtoull(argv[2], NULL, 10)) ? 0 : 1;
}
