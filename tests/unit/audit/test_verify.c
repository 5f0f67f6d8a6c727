/* test_verify.c - behaviour of audit/verify: whoever touches the log is seen. */
#include "audit_support.h"

#include "audit/verify.h"

/* A log of two runs, three sessions each. */
static struct place *
place_with_log(void)
{
	struct place *place = place_new();
	struct audit_who *who = who_of_a_service();
	struct error err;

	for (int run = 0; run < 2; run++) {
		struct audit *audit = audit_start(&place->config, 1, &err);

		for (int i = 0; i < 3; i++)
			audit_session(audit_lane(audit, 0), "session.start", who, NULL, NULL, 0, 0, 0);
		audit_stop(audit, "test");
	}
	audit_who_free(NULL, who);
	return place;
}

static const struct audit_verify_options chain_only;

static struct audit_verified
verify(struct place *place)
{
	struct audit_verified found;
	struct error err;
	char *path = place->access;

	assert_true(audit_verify(&path, 1, &chain_only, &found, &err));
	return found;
}

/* Run sed on the log. */
static void
edit(struct place *place, const char *script)
{
	char *command = mem_printf("sed -i '%s' %s", script, place->access);

	assert_int_equal(system(command), 0);
	mem_free(command);
}

static void
an_untouched_log_is_whole(void **state)
{
	struct place *place = place_with_log();
	struct audit_verified found = verify(place);

	assert_true(found.good);
	assert_int_equal(found.records, 12);
	assert_int_equal(found.first_seq, 1);
	assert_int_equal(found.last_seq, 12);
	place_free(place);
	(void)state;
}

static void
each_way_of_touching_it_names_the_first_bad_record(void **state)
{
	static const struct {
		const char *script;
		uint64_t line, seq;
		const char *reason;
	} cases[] = {
		{ "3s/orders-svc/someone/", 4, 4, "prev does not fit" },
		{ "3d", 3, 4, "seq 3 is missing" },
		{ "1d;3d", 2, 4, "seq 3 is missing" },
		{ "3p", 4, 3, "seq 4 is missing" },
		{ "3s/.*/garbage/", 3, 0, "not a record" },
		{ "3s/^/garbage\\n/", 3, 0, "not a record" },
		{ "5s/,\"mac\":\"\"}/,\"mac\":\"\",\"x\":1}/", 5, 5, "does not end in prev" },
		{ "1s/\"prev\":\"A/\"prev\":\"B/", 1, 1, "prev does not fit" },
		{ "2s/\"event\"/\"seq\":2,\"event\"/", 2, 0, "not a record" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct place *place = place_with_log();
		struct audit_verified found;

		edit(place, cases[i].script);
		found = verify(place);
		assert_false(found.good);
		assert_int_equal(found.line, cases[i].line);
		assert_int_equal(found.seq, cases[i].seq);
		assert_non_null(strstr(found.reason, cases[i].reason));
		place_free(place);
	}
	(void)state;
}

static void
a_log_may_begin_where_an_older_file_ended(void **state)
{
	struct place *place = place_with_log();
	struct audit_verified found;

	edit(place, "1,4d");
	found = verify(place);
	assert_true(found.good);
	assert_int_equal(found.first_seq, 5);
	place_free(place);
	(void)state;
}

static void
a_torn_line_is_forgiven_only_when_told(void **state)
{
	struct place *place = place_with_log();
	struct audit_verified found;
	struct error err;
	FILE *file = fopen(place->access, "ab");

	fputs("{\"v\":1,", file);
	fclose(file);
	found = verify(place);
	assert_false(found.good);
	assert_non_null(strstr(found.reason, "torn by a crash"));
	audit_stop(audit_start(&place->config, 1, &err), "test");
	found = verify(place);
	assert_true(found.good);
	assert_int_equal(found.torn_lines, 1);
	edit(place, "13s/v/w/");
	found = verify(place);
	assert_false(found.good);
	assert_int_equal(found.line, 13);
	place_free(place);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_untouched_log_is_whole),
		cmocka_unit_test(each_way_of_touching_it_names_the_first_bad_record),
		cmocka_unit_test(a_log_may_begin_where_an_older_file_ended),
		cmocka_unit_test(a_torn_line_is_forgiven_only_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
