/*
 * lane.c - one worker's ring of rendered records. Used by record and slow on the
 * worker's thread, and by the writer.
 *
 * This is on the path of every query: a post is one copy and one store, without
 * a lock and, unless the writer sleeps for long, without a system call.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audit_internal.h"
#include "base/clock.h"
#include "base/mem.h"

/* Past this offset an empty ring is begun anew, so that a light load stays in few pages. */
enum { LANE_REWIND_AT = 64 << 10 };

static size_t
entry_size(size_t length)
{
	size_t unit = sizeof(struct lane_header);

	return unit + (length + unit - 1) / unit * unit;
}

static uint8_t *
map_ring(struct audit_lane *lane)
{
	uint8_t *ring = mmap(NULL, LANE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);

	if (ring == MAP_FAILED)
		return NULL;
	atomic_store_explicit(&lane->ring, ring, memory_order_release);
	return ring;
}

void
bell_ring(struct lane_bell *bell)
{
	uint64_t one = 1;
	ssize_t done;

	atomic_store_explicit(&bell->asleep, false, memory_order_relaxed);
	do
		done = write(bell->fd, &one, sizeof(one));
	while (done < 0 && errno == EINTR);
}

static void
count_lost(struct audit_lane *lane, enum lane_kind kind, enum record_event event)
{
	atomic_uint_least64_t *lost = kind == LANE_SLOW ? &lane->lost_slow : &lane->lost[event];
	uint64_t now = clock_wall_us();

	if (atomic_load(&lane->lost_first_us) == 0)
		atomic_store(&lane->lost_first_us, now);
	atomic_store(&lane->lost_last_us, now);
	/* Last, so that the writer which sees the count sees the times too. */
	atomic_fetch_add(lost, 1);
}

static void
copy_in(uint8_t *ring, size_t offset, const uint8_t *bytes, size_t length)
{
	size_t first = length < LANE_SIZE - offset ? length : LANE_SIZE - offset;

	memcpy(ring + offset, bytes, first);
	memcpy(ring, bytes + first, length - first);
}

void
lane_post(struct audit_lane *lane, enum lane_kind kind, enum record_event event,
    const struct buf *bytes)
{
	size_t length = buf_length(bytes);
	struct lane_header header = { (uint32_t)length, (uint16_t)kind, (uint16_t)event };
	size_t head = atomic_load_explicit(&lane->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&lane->tail, memory_order_acquire);
	uint8_t *ring = atomic_load_explicit(&lane->ring, memory_order_relaxed);
	size_t base = atomic_load_explicit(&lane->base, memory_order_relaxed);
	size_t before = head - tail;

	if (ring == NULL)
		ring = map_ring(lane);
	if (ring == NULL || length > LANE_SIZE / 2) {
		count_lost(lane, kind, event);
		return;
	}
	if (entry_size(length) > LANE_SIZE - before) {
		count_lost(lane, kind, event);
		return;
	}
	/* Empty: the writer needs `base` only for what comes now, so it may change. */
	if (before == 0 && head - base >= LANE_REWIND_AT) {
		base = head;
		atomic_store_explicit(&lane->base, base, memory_order_relaxed);
	}
	memcpy(ring + (head - base) % LANE_SIZE, &header, sizeof(header));
	copy_in(ring, (head - base + sizeof(header)) % LANE_SIZE, buf_bytes(bytes), length);
	/*
	 * Sequentially consistent, as is the writer's store to `asleep` before it looks
	 * at the heads once more: one of the two sees the other.
	 */
	atomic_store(&lane->head, head + entry_size(length));
	if (atomic_load(&lane->bell->asleep) ||
	    (before <= LANE_SIZE / 2 && before + entry_size(length) > LANE_SIZE / 2))
		bell_ring(lane->bell);
}

bool
lane_take(struct audit_lane *lane, struct lane_entry *entry)
{
	size_t head = atomic_load(&lane->head);
	const uint8_t *ring = atomic_load_explicit(&lane->ring, memory_order_acquire);
	size_t base = atomic_load_explicit(&lane->base, memory_order_relaxed);
	size_t offset, room;

	if (lane->taken == head)
		return false;
	memcpy(&entry->header, ring + (lane->taken - base) % LANE_SIZE, sizeof(entry->header));
	offset = (lane->taken - base + sizeof(entry->header)) % LANE_SIZE;
	room = LANE_SIZE - offset;
	entry->first = ring + offset;
	entry->first_length = entry->header.length < room ? entry->header.length : room;
	entry->second = ring;
	entry->second_length = entry->header.length - entry->first_length;
	lane->taken += entry_size(entry->header.length);
	return true;
}

void
lane_release(struct audit_lane *lane)
{
	if (atomic_load_explicit(&lane->tail, memory_order_relaxed) != lane->taken)
		atomic_store_explicit(&lane->tail, lane->taken, memory_order_release);
}

uint64_t
lane_queued(const struct audit_lane *lane)
{
	/* The tail first: it never passes a head read later. */
	size_t tail = atomic_load(&lane->tail);

	return atomic_load(&lane->head) - tail;
}

void
lane_free(struct audit_lane *lane)
{
	uint8_t *ring = atomic_load(&lane->ring);

	if (ring != NULL)
		munmap(ring, LANE_SIZE);
	buf_free(&lane->scratch);
}
