/* readings.c - see readings.h. Called by gate.c, prepared.c and place.c. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "readings.h"

/* No statement means anything else by one of these, and no constant in it. */
static const char *const harmless[] = { "*.*", "*_timeout", "application_name", "autovacuum_*",
	"backend_flush_after", "bytea_output", "client_connection_check_interval",
	"client_min_messages", "commit_delay", "commit_siblings", "debug_*", "default_transaction_*",
	"effective_io_concurrency", "exit_on_error", "extra_float_digits", "gin_*",
	"hash_mem_multiplier", "log_*", "logical_decoding_work_mem", "maintenance_*",
	"parallel_leader_participation", "synchronize_seqscans", "synchronous_commit", "tcp_*",
	"temp_buffers", "temp_file_limit", "trace_*", "track_*", "transaction_*", "vacuum_*", "wal_*",
	"work_mem", "xmlbinary" };

bool
readings_have(const char *name)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (fnmatch(harmless[i], name, 0) == 0)
			return false;
	return true;
}

static int
by_name(const void *a, const void *b)
{
	const struct setting *const *one = a, *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

bool
readings_digest(const struct settings *settings, uint8_t digest[DIGEST_SIZE])
{
	size_t length = settings_length(settings), count = 0;
	const struct setting **read;
	struct buf all = { 0 };

	if (length == 0)
		return false;
	read = mem_zalloc(length, sizeof(const struct setting *));
	for (size_t i = 0; i < length; i++)
		if (readings_have(settings_at(settings, i)->name))
			read[count++] = settings_at(settings, i);
	qsort(read, count, sizeof(const struct setting *), by_name);
	for (size_t i = 0; i < count; i++) {
		buf_put_cstring(&all, read[i]->name);
		buf_put_cstring(&all, read[i]->replay);
	}
	if (count > 0)
		digest_sha256(buf_bytes(&all), buf_length(&all), digest);
	buf_free(&all);
	mem_free(read);
	return count > 0;
}

/* PostgreSQL remembers the search_path with a statement, and reads that anew under another. */
static bool
is_lasting(const char *name)
{
	return strcmp(name, "search_path") != 0 && readings_have(name);
}

bool
readings_may_change(const struct sql_facts *facts)
{
	for (size_t i = 0; facts != NULL && i < facts->statement_count; i++)
		for (size_t j = 0; j < facts->statements[i].setting_name_count; j++)
			if (is_lasting(facts->statements[i].setting_names[j]))
				return true;
	return false;
}

struct filter {
	void (*each)(const char *name, const char *statement, void *arg);
	void *arg;
	bool any;
};

static void
pass_lasting(const char *name, const char *statement, void *arg)
{
	struct filter *filter = arg;

	if (!is_lasting(name))
		return;
	filter->any = true;
	if (filter->each != NULL)
		filter->each(name, statement, filter->arg);
}

bool
readings_difference(const struct settings *have, const struct settings *want,
    void (*each)(const char *name, const char *statement, void *arg), void *arg)
{
	struct filter filter = { .each = each, .arg = arg };

	if (!settings_are_equal(have, want))
		settings_difference(have, want, pass_lasting, &filter);
	return filter.any;
}
