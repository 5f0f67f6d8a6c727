/* test_metrics.c - behaviour of admin/metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/admin/metrics.h"
#include "base/mem.h"

/* A tally of one pool. */
static struct tally_pool *
add_pool(struct tally *tally, const char *database, const char *role)
{
	struct tally_pool *pool = mem_zalloc(1, sizeof(*pool));

	pool->key = mem_strdup(database);
	pool->database = pool->key;
	pool->role = role;
	HASH_ADD_KEYPTR(hh, tally->pools, pool->key, strlen(pool->key), pool);
	return pool;
}

static char *
rendered(const struct metrics_facts *facts, const struct tally *tally)
{
	struct buf out = { 0 };

	metrics_render(&out, facts, tally);
	return buf_steal_text(&out);
}

static void
assert_has(const char *text, const char *line)
{
	if (strstr(text, line) == NULL)
		fail_msg("%s is not in\n%s", line, text);
}

static void
what_a_pool_did_is_told_in_seconds_and_bytes(void **state)
{
	struct tally tally = { 0 };
	struct tally_pool *pool = add_pool(&tally, "shop", "app");
	char *text;

	pool->now = (struct pool_counters){ .query_count = 7,
		.bytes_sent = UINT64_C(18446744073709551615),
		.xact_time_us = 1234567 };
	pool->clients_waiting = 3;
	pool->longest_wait_us = 50;
	text = rendered(&(struct metrics_facts){ 0 }, &tally);

	assert_has(text, "\npgweir_queries_total{database=\"shop\",role=\"app\"} 7\n");
	assert_has(text, "} 18446744073709551615\n");
	assert_has(text, "\npgweir_transaction_seconds_total{database=\"shop\",role=\"app\"} 1.234567\n");
	assert_has(text, "\npgweir_clients{database=\"shop\",role=\"app\",state=\"waiting\"} 3\n");
	assert_has(text, "\npgweir_longest_wait_seconds{database=\"shop\",role=\"app\"} 0.000050\n");
	mem_free(text);
	tally_free(&tally);
	(void)state;
}

static void
buckets_count_what_took_no_longer(void **state)
{
	struct tally tally = { 0 };
	struct tally_pool *pool = add_pool(&tally, "shop", "app");
	char *text;

	histogram_record(&pool->query_times, 255);
	histogram_record(&pool->query_times, 256);
	histogram_record(&pool->query_times, UINT64_C(1) << 30);
	text = rendered(&(struct metrics_facts){ 0 }, &tally);

	assert_has(text, "role=\"app\",le=\"0.000256\"} 1\n");
	assert_has(text, "role=\"app\",le=\"0.000512\"} 2\n");
	assert_has(text, "role=\"app\",le=\"33.554432\"} 2\n");
	assert_has(text, "role=\"app\",le=\"+Inf\"} 3\n");
	assert_has(text, "\npgweir_query_duration_seconds_count{database=\"shop\",role=\"app\"} 3\n");
	mem_free(text);
	tally_free(&tally);
	(void)state;
}

static void
listeners_are_told_of_databases_that_have_one(void **state)
{
	struct tally tally = { 0 };
	struct tally_name *name = mem_zalloc(1, sizeof(*name));
	char *text;

	add_pool(&tally, "other", "app");
	*name = (struct tally_name){ .name = mem_strdup("shop"),
		.listens = true,
		.channels = 3,
		.notifications = 700,
		.losses = 1 };
	HASH_ADD_KEYPTR(hh, tally.databases, name->name, strlen(name->name), name);
	text = rendered(&(struct metrics_facts){ 0 }, &tally);

	assert_has(text, "\npgweir_listen_channels{database=\"shop\"} 3\n");
	assert_has(text, "\npgweir_listen_notifications_total{database=\"shop\"} 700\n");
	assert_has(text, "\npgweir_listen_losses_total{database=\"shop\"} 1\n");
	assert_null(strstr(text, "pgweir_listen_channels{database=\"other\"}"));
	mem_free(text);
	tally_free(&tally);
	(void)state;
}

static void
pins_are_told_by_reason_once_there_was_one(void **state)
{
	struct tally tally = { 0 };
	struct tally_pool *pool = add_pool(&tally, "shop", "app");
	char *text;

	pool->pins[1] = 3;
	pool->pinned_by[1] = 2;
	text = rendered(&(struct metrics_facts){ 0 }, &tally);

	assert_has(text, "\npgweir_pins_total{database=\"shop\",role=\"app\",reason=\"LISTEN\"} 3\n");
	assert_has(text, "\npgweir_pins{database=\"shop\",role=\"app\",reason=\"LISTEN\"} 2\n");
	assert_null(strstr(text, "temporary object"));
	mem_free(text);
	tally_free(&tally);
	(void)state;
}

static void
a_name_cannot_end_its_label(void **state)
{
	struct tally tally = { 0 };
	char *text;

	add_pool(&tally, "a\"} 1\npgweir_x{b=\"\\", "r");
	text = rendered(&(struct metrics_facts){ 0 }, &tally);

	assert_has(text, "{database=\"a\\\"} 1\\npgweir_x{b=\\\"\\\\\",role=\"r\"} 0\n");
	assert_null(strstr(text, "\npgweir_x"));
	mem_free(text);
	tally_free(&tally);
	(void)state;
}

static void
what_never_was_has_no_moment(void **state)
{
	struct tally tally = { 0 };
	char *text = rendered(&(struct metrics_facts){ .audit = { .healthy = true, .lost = 5 } }, &tally);

	assert_has(text, "# TYPE pgweir_audit_last_sync_timestamp_seconds gauge\n");
	assert_null(strstr(text, "\npgweir_audit_last_sync_timestamp_seconds "));
	assert_has(text, "\npgweir_audit_healthy 1\n");
	assert_has(text, "\npgweir_audit_lost_records_total 5\n");
	mem_free(text);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_pool_did_is_told_in_seconds_and_bytes),
		cmocka_unit_test(listeners_are_told_of_databases_that_have_one),
		cmocka_unit_test(pins_are_told_by_reason_once_there_was_one),
		cmocka_unit_test(buckets_count_what_took_no_longer),
		cmocka_unit_test(a_name_cannot_end_its_label),
		cmocka_unit_test(what_never_was_has_no_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
