/* test_lane.c - behaviour of audit/lane: what goes in comes out, or is counted. */
#include "audit_support.h"

#include <sys/eventfd.h>

#include "../../../src/audit/audit_internal.h"

/* A lane with its bell, as the audit makes them. */
static struct audit_lane *
lane_new(void)
{
	struct audit_lane *lane = mem_zalloc(1, sizeof(*lane));

	lane_init(lane, NULL, mem_zalloc(1, sizeof(*lane->bell)));
	lane->bell->fd = eventfd(0, EFD_NONBLOCK);
	return lane;
}

static void
lane_end(struct audit_lane *lane)
{
	close(lane->bell->fd);
	mem_free(lane->bell);
	lane_free(lane);
	mem_free(lane);
}

/* Post `length` bytes that begin with a number. */
static void
post(struct audit_lane *lane, uint32_t number, size_t length)
{
	struct buf bytes = { 0 };

	memset(buf_reserve(&bytes, length), (int)(number & 0xff), length);
	buf_grown(&bytes, length);
	memcpy(buf_bytes(&bytes), &number, sizeof(number));
	lane_post(lane, LANE_ACCESS, EVENT_CANCEL, &bytes);
	buf_free(&bytes);
}

/* Take one entry and check that it is this one, to its last byte. */
static void
assert_taken(struct audit_lane *lane, uint32_t number, size_t length)
{
	struct lane_entry entry;
	uint32_t found;

	assert_true(lane_take(lane, &entry));
	assert_int_equal(entry.header.length, length);
	memcpy(&found, entry.bytes, sizeof(found));
	assert_int_equal(found, number);
	for (size_t i = sizeof(found); i < length; i++)
		assert_int_equal(entry.bytes[i], number & 0xff);
}

static bool
bell_rang(struct audit_lane *lane)
{
	uint64_t count;

	return read(lane->bell->fd, &count, sizeof(count)) == sizeof(count);
}

static void
a_full_lane_loses_the_newest_and_counts_each(void **state)
{
	enum { LENGTH = 1000, ENTRY = 1008, FIT = LANE_SIZE / ENTRY };
	struct audit_lane *lane = lane_new();
	struct lane_entry entry;

	for (uint32_t i = 0; i < FIT + 7; i++)
		post(lane, i, LENGTH);
	assert_int_equal(lane->lost[EVENT_CANCEL], 7);
	assert_true(lane->lost_first_us > 0 && lane->lost_first_us <= lane->lost_last_us);
	for (uint32_t i = 0; i < FIT; i++)
		assert_taken(lane, i, LENGTH);
	assert_false(lane_take(lane, &entry));
	post(lane, 1, LENGTH); /* taken is not given back yet */
	assert_int_equal(lane->lost[EVENT_CANCEL], 8);
	lane_release(lane);
	post(lane, 2, LENGTH);
	assert_taken(lane, 2, LENGTH);
	lane_end(lane);
	(void)state;
}

static void
entries_of_any_length_come_out_whole_around_the_end(void **state)
{
	static const size_t lengths[] = { 4, 5, 11, 12, 13, 1 << 20, 3 << 20, 77777 };
	struct audit_lane *lane = lane_new();

	/* One always stays in, so that the ring is never begun anew. */
	post(lane, 0, 4);
	for (uint32_t i = 0; i < 100; i++) {
		post(lane, i + 1, lengths[(i + 1) % 8]);
		assert_taken(lane, i, i == 0 ? 4 : lengths[i % 8]);
		lane_release(lane);
	}
	assert_int_equal(lane->lost[EVENT_CANCEL], 0);
	assert_true(lane->head - lane->base > LANE_SIZE);
	lane_end(lane);
	(void)state;
}

static void
a_light_load_stays_in_the_same_pages(void **state)
{
	struct audit_lane *lane = lane_new();

	for (uint32_t i = 0; i < 20000; i++) {
		post(lane, i, 1000);
		assert_taken(lane, i, 1000);
		lane_release(lane);
		assert_true(lane->head - lane->base < 80000);
	}
	lane_end(lane);
	(void)state;
}

static void
the_bell_rings_for_a_sleeper_and_for_a_lane_half_full(void **state)
{
	struct audit_lane *lane = lane_new();

	post(lane, 1, 100);
	assert_false(bell_rang(lane));
	lane->bell->asleep = true;
	post(lane, 2, 100);
	assert_true(bell_rang(lane));
	assert_false(lane->bell->asleep);
	post(lane, 3, 3 << 20);
	assert_false(bell_rang(lane));
	post(lane, 4, 3 << 20);
	assert_true(bell_rang(lane));
	post(lane, 5, 100);
	assert_false(bell_rang(lane));
	lane_end(lane);
	(void)state;
}

static void
what_could_never_fit_is_counted(void **state)
{
	struct audit_lane *lane = lane_new();

	post(lane, 1, LANE_SIZE / 2 + 1);
	assert_int_equal(lane->lost[EVENT_CANCEL], 1);
	assert_int_equal(lane_queued(lane), 0);
	lane_end(lane);
	(void)state;
}

static void
what_is_retired_stays_until_the_writer_is_past_it(void **state)
{
	struct audit_lane *lane = lane_new();
	struct lane_entry entry;

	lane_retire(lane, mem_alloc(1)); /* nothing is queued: freed at once */
	assert_true(STAILQ_EMPTY(&lane->retired));
	post(lane, 1, 100);
	lane_retire(lane, mem_alloc(1));
	post(lane, 2, 100);
	lane_retire(lane, mem_alloc(1));
	assert_true(lane_take(lane, &entry));
	lane_release(lane);
	post(lane, 3, 100); /* reaps what the writer has passed */
	assert_non_null(STAILQ_FIRST(&lane->retired));
	assert_null(STAILQ_NEXT(STAILQ_FIRST(&lane->retired), next));
	assert_true(lane_take(lane, &entry) && lane_take(lane, &entry));
	lane_release(lane);
	lane_retire(lane, NULL);
	assert_true(STAILQ_EMPTY(&lane->retired));
	lane_end(lane);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_lane_loses_the_newest_and_counts_each),
		cmocka_unit_test(entries_of_any_length_come_out_whole_around_the_end),
		cmocka_unit_test(a_light_load_stays_in_the_same_pages),
		cmocka_unit_test(the_bell_rings_for_a_sleeper_and_for_a_lane_half_full),
		cmocka_unit_test(what_could_never_fit_is_counted),
		cmocka_unit_test(what_is_retired_stays_until_the_writer_is_past_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
