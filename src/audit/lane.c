/*
 * lane.c - one worker's ring of what is to be written. Used by record and slow on the
 * worker's thread, and by the writer.
 *
 * This is on the path of every query: an entry is written in place and made known by
 * one store, without a lock and, unless the writer sleeps for long, without a system call.
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

/* Begin the ring anew: the writer needs `base` only for what comes now. */
static void
rewind_empty(struct audit_lane *lane, size_t head)
{
	if (head - atomic_load_explicit(&lane->base, memory_order_relaxed) >= LANE_REWIND_AT)
		atomic_store_explicit(&lane->base, head, memory_order_relaxed);
}

static void
put_header(uint8_t *ring, size_t offset, enum lane_kind kind, enum record_event event,
    size_t length)
{
	struct lane_header header = { (uint32_t)length, (uint16_t)kind, (uint16_t)event };

	memcpy(ring + offset, &header, sizeof(header));
}

/* Free what the writer is past. */
static void
reap(struct audit_lane *lane, size_t tail)
{
	struct lane_retired *first;

	while ((first = STAILQ_FIRST(&lane->retired)) != NULL && first->position <= tail) {
		STAILQ_REMOVE_HEAD(&lane->retired, next);
		mem_free(first->memory);
		mem_free(first);
	}
}

void
lane_retire(struct audit_lane *lane, void *memory)
{
	struct lane_retired *retired;
	size_t head, tail;

	if (lane == NULL) {
		mem_free(memory);
		return;
	}
	head = atomic_load_explicit(&lane->head, memory_order_relaxed);
	tail = atomic_load_explicit(&lane->tail, memory_order_acquire);
	reap(lane, tail);
	if (memory == NULL || head == tail) {
		mem_free(memory);
		return;
	}
	retired = mem_alloc(sizeof(*retired));
	retired->position = head;
	retired->memory = memory;
	STAILQ_INSERT_TAIL(&lane->retired, retired, next);
}

uint8_t *
lane_room(struct audit_lane *lane, enum lane_kind kind, enum record_event event, size_t most)
{
	size_t head = atomic_load_explicit(&lane->head, memory_order_relaxed);
	size_t before = head - atomic_load_explicit(&lane->tail, memory_order_acquire);
	uint8_t *ring = atomic_load_explicit(&lane->ring, memory_order_relaxed);
	size_t offset, skip = 0;

	if (ring == NULL)
		ring = map_ring(lane);
	if (ring == NULL || most > LANE_SIZE / 2) {
		count_lost(lane, kind, event);
		return NULL;
	}
	if (before == 0)
		rewind_empty(lane, head);
	reap(lane, head - before);
	offset = (head - atomic_load_explicit(&lane->base, memory_order_relaxed)) % LANE_SIZE;
	if (entry_size(most) > LANE_SIZE - offset)
		skip = LANE_SIZE - offset;
	if (skip + entry_size(most) > LANE_SIZE - before) {
		count_lost(lane, kind, event);
		return NULL;
	}
	if (skip > 0) {
		put_header(ring, offset, LANE_SKIP, EVENT_OTHER,
		    skip - sizeof(struct lane_header));
		offset = 0;
	}
	lane->writing = head + skip;
	return ring + offset + sizeof(struct lane_header);
}

void
lane_commit(struct audit_lane *lane, enum lane_kind kind, enum record_event event, size_t length)
{
	uint8_t *ring = atomic_load_explicit(&lane->ring, memory_order_relaxed);
	size_t base = atomic_load_explicit(&lane->base, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&lane->tail, memory_order_relaxed);
	size_t before = atomic_load_explicit(&lane->head, memory_order_relaxed) - tail;
	size_t head = lane->writing + entry_size(length);

	put_header(ring, (lane->writing - base) % LANE_SIZE, kind, event, length);
	/*
	 * Sequentially consistent, as is the writer's store to `asleep` before it looks
	 * at the heads once more: one of the two sees the other.
	 */
	atomic_store(&lane->head, head);
	if (atomic_load(&lane->bell->asleep) ||
	    (before <= LANE_SIZE / 2 && head - tail > LANE_SIZE / 2))
		bell_ring(lane->bell);
}

void
lane_post(struct audit_lane *lane, enum lane_kind kind, enum record_event event,
    const struct buf *bytes)
{
	uint8_t *room = lane_room(lane, kind, event, buf_length(bytes));

	if (room == NULL)
		return;
	memcpy(room, buf_bytes(bytes), buf_length(bytes));
	lane_commit(lane, kind, event, buf_length(bytes));
}

bool
lane_take(struct audit_lane *lane, struct lane_entry *entry)
{
	size_t head = atomic_load(&lane->head);
	const uint8_t *ring = atomic_load_explicit(&lane->ring, memory_order_acquire);
	size_t base = atomic_load_explicit(&lane->base, memory_order_relaxed);

	while (lane->taken != head) {
		const uint8_t *at = ring + (lane->taken - base) % LANE_SIZE;

		memcpy(&entry->header, at, sizeof(entry->header));
		lane->taken += entry_size(entry->header.length);
		if (entry->header.kind == LANE_SKIP)
			continue;
		entry->bytes = at + sizeof(entry->header);
		return true;
	}
	return false;
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
lane_init(struct audit_lane *lane, struct audit *audit, struct lane_bell *bell)
{
	lane->audit = audit;
	lane->bell = bell;
	STAILQ_INIT(&lane->retired);
}

void
lane_free(struct audit_lane *lane)
{
	reap(lane, SIZE_MAX); /* the writer is gone */
	uint8_t *ring = atomic_load(&lane->ring);

	if (ring != NULL)
		munmap(ring, LANE_SIZE);
	buf_free(&lane->scratch);
}
