/*
 * audit_support.h - what the tests of the audit layer share: a configuration made
 * by hand, facts made by hand, and an own reader that checks the chain.
 */
#ifndef AUDIT_SUPPORT_H
#define AUDIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include <openssl/sha.h>

#include "audit/audit.h"
#include "base/mem.h"
#include "base/text.h"

/* A folder with the two logs' names, and a configuration that names them. */
struct place {
	char folder[64], access[96], slow[96];
	struct config config;
};

static inline struct place *
place_new(void)
{
	struct place *place = mem_zalloc(1, sizeof(*place));

	strcpy(place->folder, "/tmp/pgweir-audit-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->access, sizeof(place->access), "%s/audit.jsonl", place->folder);
	snprintf(place->slow, sizeof(place->slow), "%s/slow.json", place->folder);
	place->config.audit_file = place->access;
	place->config.audit_statements = AUDIT_ALL;
	place->config.audit_text = AUDIT_TEXT_NORMALIZED;
	place->config.audit_sync = AUDIT_SYNC_INTERVAL;
	place->config.audit_sync_every_ms = 1000;
	place->config.slow_log_file = "";
	place->config.slow_log_threshold_ms = 200;
	place->config.instance = "edge-1";
	return place;
}

static inline void
place_free(struct place *place)
{
	char *command = mem_printf("rm -rf '%s'", place->folder);

	assert_int_equal(system(command), 0);
	mem_free(command);
	mem_free(place);
}

/* "UPDATE orders SET state = $1 WHERE id = $2", as the parser would tell it. */
static inline struct sql_facts *
facts_of_an_update(void)
{
	static struct sql_relation relation = { "public", "orders", SQL_ACCESS_WRITE };
	static struct sql_statement statement = { .classes = SQL_WRITE, .verb = "UPDATE",
		.relations = &relation, .relation_count = 1 };
	static struct sql_facts facts = { .statements = &statement, .statement_count = 1,
		.classes = SQL_WRITE, .fingerprint = "pg15:a0ead580058af585",
		.normalized = "UPDATE orders SET state = $1 WHERE id = $2" };

	return &facts;
}

static inline struct audit_who *
who_of_a_service(void)
{
	return audit_who_new(&(struct audit_who_fields){ .session = "01JD4Q8Z5K00001",
	    .client_address = "10.1.2.3", .client_port = 51514, .user = "orders-svc",
	    .role = "app_rw", .database = "shop", .application = "billing" });
}

/* A file's bytes with a NUL behind them. */
static inline char *
file_read(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	struct buf bytes = { 0 };
	size_t got;

	assert_non_null(file);
	while ((got = fread(buf_reserve(&bytes, 65536), 1, 65536, file)) > 0)
		buf_grown(&bytes, got);
	fclose(file);
	if (length != NULL)
		*length = buf_length(&bytes);
	return buf_steal_text(&bytes);
}

static inline void
hash_of(const char *bytes, size_t length, char hash[45])
{
	uint8_t digest[32];
	struct buf text = { 0 };

	SHA256((const uint8_t *)bytes, length, digest);
	text_put_base64(&text, digest, sizeof(digest));
	memcpy(hash, buf_bytes(&text), 44);
	hash[44] = '\0';
	buf_free(&text);
}

static inline const char *
member(const json_t *record, const char *key)
{
	return json_string_value(json_object_get(record, key));
}

static inline json_int_t
number(const json_t *record, const char *key)
{
	json_t *value = json_object_get(record, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

/*
 * Every record of a file as a JSON array; fails the test when seq or prev do not
 * fit. Lines that are no records are put into *torn as strings (may be NULL: none allowed).
 */
static inline json_t *
chain_read(const char *path, json_t *torn)
{
	size_t length;
	char *bytes = file_read(path, &length);
	json_t *records = json_array();
	uint8_t zeros[32] = { 0 };
	struct buf first = { 0 };
	char prev[45];
	json_int_t seq = 0;

	text_put_base64(&first, zeros, sizeof(zeros));
	memcpy(prev, buf_bytes(&first), 44);
	prev[44] = '\0';
	buf_free(&first);
	for (char *line = bytes; line < bytes + length;) {
		char *lf = memchr(line, '\n', length - (size_t)(line - bytes));
		char end[80];
		json_t *record;

		assert_non_null(lf);
		record = json_loadb(line, (size_t)(lf - line), JSON_REJECT_DUPLICATES, NULL);
		if (record == NULL) {
			assert_non_null(torn);
			json_array_append_new(torn,
			    json_stringn_nocheck(line, (size_t)(lf - line)));
			line = lf + 1;
			continue;
		}
		assert_int_equal(number(record, "seq"), ++seq);
		snprintf(end, sizeof(end), ",\"prev\":\"%s\",\"mac\":\"\"}", prev);
		assert_true((size_t)(lf - line) > strlen(end));
		assert_memory_equal(lf - strlen(end), end, strlen(end));
		hash_of(line, (size_t)(lf - line) + 1, prev);
		json_array_append_new(records, record);
		line = lf + 1;
	}
	mem_free(bytes);
	return records;
}

/* How many records of an event there are. */
static inline size_t
count_event(const json_t *records, const char *event)
{
	size_t count = 0, i;
	json_t *record;

	json_array_foreach (records, i, record)
		count += strcmp(member(record, "event"), event) == 0;
	return count;
}

/* The first record of an event. */
static inline json_t *
find_event(const json_t *records, const char *event)
{
	json_t *record;
	size_t i;

	json_array_foreach (records, i, record)
		if (strcmp(member(record, "event"), event) == 0)
			return record;
	fail_msg("no record of %s", event);
	return NULL;
}

#endif
