/* test_writer.c - behaviour of audit/writer, lane, chain and sink: nothing is lost unseen. */
#include "audit_support.h"

#include <signal.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../../src/audit/audit_internal.h"
#include "../../../src/audit/writer.h"
#include "audit/verify.h"

/* `count` statements of a who and no text. */
static void
post_statements(struct audit *audit, size_t lane, const struct audit_who *who, size_t count)
{
	for (size_t i = 0; i < count; i++)
		audit_statement(audit_lane(audit, lane),
		    &(struct audit_statement){ .who = who, .stmt = i + 1, .sqlstate = "00000",
			.wall_us = 1700000000000000 + i });
}

/* All of them in one round of the writer, which may come by at any time. */
static void
post_at_once(struct audit *audit, const struct audit_who *who, size_t count)
{
	pthread_mutex_lock(&audit->lock);
	post_statements(audit, 0, who, count);
	pthread_mutex_unlock(&audit->lock);
}

/* Start, record, stop. */
static void
run_with(struct place *place, size_t statements)
{
	struct audit_who *who = who_of_a_service();
	struct error err;
	struct audit *audit = audit_start(&place->config, 1, &err);

	assert_non_null(audit);
	post_statements(audit, 0, who, statements);
	audit_stop(audit, "test");
	audit_who_free(NULL, who);
}

static void
append(const char *path, const char *text)
{
	FILE *file = fopen(path, "ab");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Records lost by event, summed over all gaps of a reason (NULL: any). */
static size_t
lost_of(const json_t *records, const char *reason, const char *event)
{
	size_t lost = 0, i;
	json_t *record;

	json_array_foreach (records, i, record)
		if (strcmp(member(record, "event"), "audit.gap") == 0 &&
		    (reason == NULL || strcmp(member(record, "reason"), reason) == 0))
			lost += (size_t)json_integer_value(
			    json_object_get(json_object_get(record, "lost"), event));
	return lost;
}

/* No file may grow beyond this many bytes; 0 takes the limit away. */
static void
limit_files(size_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes > 0 ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
the_chain_goes_on_through_restarts(void **state)
{
	struct place *place = place_new();
	json_t *records;

	run_with(place, 2);
	run_with(place, 0);
	run_with(place, 1);
	records = chain_read(place->access, NULL);

	assert_int_equal(json_array_size(records), 12);
	assert_int_equal(count_event(records, "audit.start"), 3);
	assert_int_equal(count_event(records, "audit.stop"), 3);
	assert_int_equal(number(json_array_get(records, 5), "last_seq"), 5);
	assert_string_equal(member(json_array_get(records, 10), "reason"), "test");
	json_decref(records);
	place_free(place);
	(void)state;
}

static void
a_torn_line_stays_and_is_told_by_the_gap_after_it(void **state)
{
	static const char torn_bytes[] = "{\"v\":1,\"seq\":3,\"ti";
	struct place *place = place_new();
	json_t *torn = json_array();
	json_t *records, *gap;
	char hash[45];

	run_with(place, 0);
	append(place->access, torn_bytes);
	run_with(place, 1);
	records = chain_read(place->access, torn);
	gap = json_array_get(records, 4);
	hash_of("{\"v\":1,\"seq\":3,\"ti\n", strlen(torn_bytes) + 1, hash);

	assert_string_equal(json_string_value(json_array_get(torn, 0)), torn_bytes);
	assert_string_equal(member(json_array_get(records, 3), "event"), "audit.start");
	assert_string_equal(member(gap, "event"), "audit.gap");
	assert_string_equal(member(gap, "reason"), "torn_line");
	assert_int_equal(number(gap, "torn_bytes"), strlen(torn_bytes) + 1);
	assert_string_equal(member(gap, "torn_sha256"), hash);
	json_decref(records);
	json_decref(torn);
	place_free(place);
	(void)state;
}

static void
a_file_with_nothing_but_a_torn_line_is_gone_on_from(void **state)
{
	struct place *place = place_new();
	json_t *torn = json_array();
	json_t *records;

	append(place->access, "{");
	run_with(place, 0);
	records = chain_read(place->access, torn);

	assert_int_equal(json_array_size(torn), 1);
	assert_int_equal(number(json_array_get(records, 0), "seq"), 1);
	json_decref(records);
	json_decref(torn);
	place_free(place);
	(void)state;
}

static void
a_file_that_holds_something_else_is_refused_and_left_alone(void **state)
{
	struct place *place = place_new();
	struct error err;
	char *bytes;

	append(place->access, "these are not records\n");
	assert_null(audit_start(&place->config, 1, &err));
	bytes = file_read(place->access, NULL);

	assert_non_null(strstr(err.text, "is not an audit record"));
	assert_string_equal(bytes, "these are not records\n");
	mem_free(bytes);
	place_free(place);
	(void)state;
}

static void
a_file_that_cannot_be_opened_or_is_in_use_is_refused(void **state)
{
	struct place *place = place_new();
	struct error err;
	struct audit *audit = audit_start(&place->config, 1, &err);

	assert_null(audit_start(&place->config, 1, &err));
	assert_non_null(strstr(err.text, "in use by another process"));
	audit_stop(audit, "test");
	place->config.audit_file = place->folder;
	assert_null(audit_start(&place->config, 1, &err));
	assert_non_null(strstr(err.text, place->folder));
	place_free(place);
	(void)state;
}

static void
a_full_device_ends_nothing_and_is_told_in_the_status(void **state)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct audit_status status;
	struct error err;
	struct audit *audit;

	place->config.audit_file = "/dev/full";
	audit = audit_start(&place->config, 1, &err);
	assert_non_null(audit);
	post_statements(audit, 0, who, 10);
	assert_true(audit_reload(audit, &place->config, &err));
	audit_get_status(audit, &status);

	assert_true(status.enabled);
	assert_false(status.healthy);
	assert_non_null(strstr(status.failure, "No space left on device"));
	assert_int_equal(status.lost, 0);
	audit_stop(audit, "test");
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
a_partial_write_is_finished_when_there_is_room_again(void **state)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct audit_status status;
	struct error err;
	struct audit *audit;
	json_t *records;

	limit_files(10000); /* in the middle of a line */
	audit = audit_start(&place->config, 1, &err);
	post_statements(audit, 0, who, 100);
	assert_true(audit_reload(audit, &place->config, &err));
	audit_get_status(audit, &status);
	limit_files(0);
	assert_false(status.healthy);
	assert_true(audit_reload(audit, &place->config, &err));
	audit_get_status(audit, &status);
	assert_true(status.healthy);
	audit_stop(audit, "test");
	records = chain_read(place->access, NULL);

	assert_int_equal(count_event(records, "statement"), 100);
	assert_int_equal(count_event(records, "audit.gap"), 0);
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
what_a_full_disk_lost_is_told_exactly_once_it_has_room(void **state)
{
	enum { ROUNDS = 12, EACH = 2000 };
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct audit_status status;
	struct error err;
	struct audit *audit;
	json_t *records;
	size_t lost;

	limit_files(10000);
	audit = audit_start(&place->config, 1, &err);
	for (int i = 0; i < ROUNDS; i++) {
		post_statements(audit, 0, who, EACH);
		assert_true(audit_reload(audit, &place->config, &err));
	}
	audit_session(audit_lane(audit, 0), "session.end", who, NULL, NULL, 1, 2, 3);
	assert_true(audit_reload(audit, &place->config, &err));
	limit_files(0);
	assert_true(audit_reload(audit, &place->config, &err));
	audit_get_status(audit, &status);
	audit_stop(audit, "test");
	records = chain_read(place->access, NULL);
	lost = lost_of(records, "disk_full", "statement");

	assert_true(lost > 0);
	assert_int_equal(count_event(records, "statement") + lost, ROUNDS * EACH);
	assert_int_equal(lost_of(records, "disk_full", "session.end"), 1);
	assert_int_equal(status.lost, lost + 1);
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
a_refusal_that_is_counted_once_there_is_room_again_is_told_with_its_own_reason(void **state)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct sql_facts facts = { .classes = SQL_READ };
	struct error err;
	struct audit *audit;
	json_t *records, *gap;
	bool before, after;

	place->config.audit_on_failure = AUDIT_REFUSE;
	audit = audit_start(&place->config, 1, &err);
	limit_files(1);
	post_statements(audit, 0, who, 1);
	assert_true(audit_reload(audit, &place->config, &err));
	before = audit_may_begin(audit_lane(audit, 0), &facts, NULL);
	limit_files(0);
	assert_true(audit_reload(audit, &place->config, &err));
	audit_refused(audit_lane(audit, 0));
	after = audit_may_begin(audit_lane(audit, 0), &facts, NULL);
	audit_stop(audit, "test");
	records = chain_read(place->access, NULL);
	gap = find_event(records, "audit.gap");

	assert_false(before);
	assert_true(after);
	assert_non_null(gap);
	assert_string_equal(member(gap, "reason"), "disk_full");
	assert_int_equal(number(gap, "refused"), 1);
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
a_record_that_no_queue_can_hold_is_a_gap_not_a_crash(void **state)
{
	struct place *place = place_new();
	struct buf members = { 0 };
	struct error err;
	struct audit *audit = audit_start(&place->config, 1, &err);
	json_t *records;

	memset(buf_reserve(&members, 6 << 20), ' ', 6 << 20);
	buf_grown(&members, 6 << 20);
	for (int i = 0; i < 3; i++)
		audit_event(audit_lane(audit, 0), "config.change", NULL, &members);
	audit_stop(audit, "test");
	records = chain_read(place->access, NULL);

	assert_int_equal(lost_of(records, "queue_full", "config.change"), 3);
	json_decref(records);
	buf_free(&members);
	place_free(place);
	(void)state;
}

static void
a_burst_is_written_or_counted_to_the_last_record(void **state)
{
	enum { BURST = 40000 };
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct error err;
	struct audit *audit = audit_start(&place->config, 3, &err);
	json_t *records;

	for (size_t lane = 0; lane < 3; lane += 2)
		post_statements(audit, lane, who, BURST);
	audit_stop(audit, "test");
	records = chain_read(place->access, NULL);

	assert_int_equal(count_event(records, "statement") +
	    lost_of(records, "queue_full", "statement"), 2 * BURST);
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

/* Record until killed; tell through `ready` when the first records are in the file. */
static void
record_for_ever(struct place *place, int ready)
{
	struct audit_who *who = who_of_a_service();
	struct error err;
	struct audit *audit = audit_start(&place->config, 1, &err);

	post_statements(audit, 0, who, 100);
	audit_reload(audit, &place->config, &err);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		post_statements(audit, 0, who, 100);
}

static void
a_killed_process_leaves_a_file_to_go_on_from(void **state)
{
	struct place *place = place_new();
	static const struct audit_verify_options chain_only;
	struct audit_verified found;
	struct error err;
	char *path = place->access;
	int ready[2], status;
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0)
		record_for_ever(place, ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	run_with(place, 1);

	assert_true(audit_verify(&path, 1, &chain_only, &found, &err));
	assert_true(found.good);
	assert_true(found.records >= 104);
	close(ready[0]);
	close(ready[1]);
	place_free(place);
	(void)state;
}

static void
a_moved_file_is_left_and_the_chain_goes_on_in_a_new_one(void **state)
{
	struct place *place = place_new();
	char *moved = mem_printf("%s/old.jsonl", place->folder);
	char *both = mem_printf("cat %s/old.jsonl %s/audit.jsonl > %s/both.jsonl", place->folder,
	    place->folder, place->folder);
	char *joined = mem_printf("%s/both.jsonl", place->folder);
	struct error err;
	struct audit *audit = audit_start(&place->config, 1, &err);
	json_t *old, *all;

	assert_int_equal(rename(place->access, moved), 0);
	assert_true(audit_reload(audit, &place->config, &err));
	audit_stop(audit, "test");
	old = chain_read(moved, NULL);
	assert_int_equal(system(both), 0);
	all = chain_read(joined, NULL);

	assert_int_equal(json_array_size(old), 3);
	assert_string_equal(member(json_array_get(old, 2), "event"), "audit.checkpoint");
	assert_string_equal(member(json_array_get(old, 1), "event"), "audit.rotate");
	assert_int_equal(json_array_size(all), 6);
	assert_string_equal(member(json_array_get(all, 3), "event"), "audit.start");
	assert_string_equal(member(json_array_get(all, 3), "reason"), "rotate");
	json_decref(old);
	json_decref(all);
	mem_free(moved);
	mem_free(both);
	mem_free(joined);
	place_free(place);
	(void)state;
}

static void
a_file_at_its_size_gets_a_name_of_its_own_and_the_chain_goes_on(void **state)
{
	static const struct audit_verify_options chain_only;
	struct place *place = place_new();
	char *first = mem_printf("%s/audit-1.jsonl", place->folder);
	char *seal = mem_printf("rm -f %s/audit-*.sig", place->folder);
	struct audit_who *who = who_of_a_service();
	struct audit_verified found;
	struct error err;
	struct audit *audit;
	json_t *old;

	place->config.audit_rotate_size = 65536;
	audit = audit_start(&place->config, 1, &err);
	post_at_once(audit, who, 500);
	assert_true(audit_reload(audit, &place->config, &err));
	post_statements(audit, 0, who, 10);
	audit_stop(audit, "test");
	old = chain_read(first, NULL);
	assert_int_equal(system(seal), 0);
	assert_true(audit_verify((char *[]){ first, place->access }, 2, &chain_only, &found, &err));

	assert_true(found.good);
	assert_int_equal(count_event(old, "statement"), 500);
	assert_string_equal(member(json_array_get(old, json_array_size(old) - 2), "event"),
	    "audit.rotate");
	assert_string_equal(member(json_array_get(old, json_array_size(old) - 1), "event"),
	    "audit.checkpoint");
	assert_int_equal(found.records, json_array_size(old) + 13);
	json_decref(old);
	audit_who_free(NULL, who);
	mem_free(first);
	mem_free(seal);
	place_free(place);
	(void)state;
}

/* How often a name in the watched folder was deleted or moved away. */
static size_t
count_vanished(int watch, const char *name)
{
	char bytes[65536] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t got;
	size_t count = 0;

	while ((got = read(watch, bytes, sizeof(bytes))) > 0)
		for (ssize_t at = 0; at < got;) {
			const struct inotify_event *event = (void *)(bytes + at);

			count += event->len > 0 && strcmp(event->name, name) == 0;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	return count;
}

static void
the_files_name_is_there_at_any_time_also_while_it_rotates(void **state)
{
	struct place *place = place_new();
	char *first = mem_printf("%s/audit-1.jsonl", place->folder);
	struct audit_who *who = who_of_a_service();
	struct error err;
	struct audit *audit;
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	place->config.audit_rotate_size = 65536;
	audit = audit_start(&place->config, 1, &err);
	assert_true(inotify_add_watch(watch, place->folder, IN_DELETE | IN_MOVED_FROM) >= 0);
	post_statements(audit, 0, who, 500);
	assert_true(audit_reload(audit, &place->config, &err));
	audit_stop(audit, "test");

	assert_int_equal(access(first, F_OK), 0);
	assert_int_equal(count_vanished(watch, "audit.jsonl"), 0);
	close(watch);
	audit_who_free(NULL, who);
	mem_free(first);
	place_free(place);
	(void)state;
}

/* As after a crash between giving it its name and taking the old one. */
static void
a_file_with_both_names_keeps_its_own(void **state)
{
	struct place *place = place_new();
	char *second = mem_printf("%s/audit-1.jsonl", place->folder);
	struct stat file;

	run_with(place, 3);
	assert_int_equal(link(place->access, second), 0);
	run_with(place, 3);

	assert_int_equal(stat(place->access, &file), 0);
	assert_int_equal(file.st_nlink, 1);
	assert_int_not_equal(access(second, F_OK), 0);
	mem_free(second);
	place_free(place);
	(void)state;
}

static void
a_reload_that_cannot_open_its_file_changes_nothing(void **state)
{
	struct place *place = place_new();
	struct config other = place->config;
	struct error err;
	struct audit *audit = audit_start(&place->config, 1, &err);
	struct audit_who *who = who_of_a_service();
	char *foreign = mem_printf("%s/foreign.jsonl", place->folder);
	json_t *records;

	append(foreign, "{\"seq\":7,\"prev\":\"\",\"mac\":\"\"}\n");
	other.audit_file = foreign;
	assert_false(audit_reload(audit, &other, &err));
	assert_non_null(strstr(err.text, "name a new file"));
	other.audit_file = "/nonexistent/audit.jsonl";
	assert_false(audit_reload(audit, &other, &err));
	post_statements(audit, 0, who, 1);
	audit_stop(audit, "test");
	records = chain_read(place->access, NULL);

	assert_int_equal(count_event(records, "statement"), 1);
	json_decref(records);
	mem_free(foreign);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
logs_can_be_turned_off_and_on_by_a_reload(void **state)
{
	struct place *place = place_new();
	struct config off = place->config;
	struct audit_who *who = who_of_a_service();
	struct error err;
	struct audit *audit;
	struct audit_status status;
	json_t *records;

	off.audit_file = "";
	audit = audit_start(&off, 1, &err);
	post_statements(audit, 0, who, 1);
	audit_get_status(audit, &status);
	assert_false(status.enabled);
	assert_true(audit_reload(audit, &place->config, &err));
	post_statements(audit, 0, who, 1);
	assert_true(audit_reload(audit, &off, &err));
	post_statements(audit, 0, who, 1);
	audit_stop(audit, "test");
	records = chain_read(place->access, NULL);

	assert_int_equal(json_array_size(records), 4);
	assert_int_equal(count_event(records, "statement"), 1);
	assert_string_equal(member(find_event(records, "audit.stop"), "reason"), "reload");
	json_decref(records);
	audit_who_free(NULL, who);
	place_free(place);
	(void)state;
}

static void
the_file_is_not_for_others_to_read(void **state)
{
	struct place *place = place_new();
	struct stat file;

	run_with(place, 0);
	assert_int_equal(stat(place->access, &file), 0);
	assert_int_equal(file.st_mode & 0007, 0);
	place_free(place);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_chain_goes_on_through_restarts),
		cmocka_unit_test(a_torn_line_stays_and_is_told_by_the_gap_after_it),
		cmocka_unit_test(a_file_with_nothing_but_a_torn_line_is_gone_on_from),
		cmocka_unit_test(a_file_that_holds_something_else_is_refused_and_left_alone),
		cmocka_unit_test(a_file_that_cannot_be_opened_or_is_in_use_is_refused),
		cmocka_unit_test(a_full_device_ends_nothing_and_is_told_in_the_status),
		cmocka_unit_test(a_partial_write_is_finished_when_there_is_room_again),
		cmocka_unit_test(what_a_full_disk_lost_is_told_exactly_once_it_has_room),
		cmocka_unit_test(
		    a_refusal_that_is_counted_once_there_is_room_again_is_told_with_its_own_reason),
		cmocka_unit_test(a_record_that_no_queue_can_hold_is_a_gap_not_a_crash),
		cmocka_unit_test(a_burst_is_written_or_counted_to_the_last_record),
		cmocka_unit_test(a_killed_process_leaves_a_file_to_go_on_from),
		cmocka_unit_test(a_moved_file_is_left_and_the_chain_goes_on_in_a_new_one),
		cmocka_unit_test(a_file_at_its_size_gets_a_name_of_its_own_and_the_chain_goes_on),
		cmocka_unit_test(the_files_name_is_there_at_any_time_also_while_it_rotates),
		cmocka_unit_test(a_file_with_both_names_keeps_its_own),
		cmocka_unit_test(a_reload_that_cannot_open_its_file_changes_nothing),
		cmocka_unit_test(logs_can_be_turned_off_and_on_by_a_reload),
		cmocka_unit_test(the_file_is_not_for_others_to_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
