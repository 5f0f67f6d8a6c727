/* ring.c - see ring.h; io_uring(7). */
#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "ring.h"

enum {
	SUBMISSIONS = 256,  /* a full queue is submitted early */
	COMPLETIONS = 4096, /* the kernel keeps what does not fit */
	BUFFERS = 64,
	BUFFER_SIZE = 32 * 1024,
	BUFFER_GROUP = 0,
};

/* The low bit of an operation's user data: it is the `sent` of a ring_send(). */
enum { IS_SENT = 1 };

/*
 * Owned by its loop. Buffers go to the kernel at the tail of a list that both see, and
 * come back with what was received; they are given again only after what was forwarded
 * straight out of them has been sent.
 */
struct ring {
	struct io_uring uring;
	bool enabled;	 /* at the first submit */
	struct io_uring_buf_ring *free;
	uint8_t *memory;
	uint16_t
	    used[BUFFERS]; /* buffers that were received into since the last submit */
	unsigned used_count;
	unsigned seen; /* completions before this one have been looked at for sends */
	struct __kernel_timespec time;
};

static void
give(struct ring *ring, uint16_t buffer, int place)
{
	io_uring_buf_ring_add(ring->free, ring->memory + (size_t)buffer * BUFFER_SIZE,
	    BUFFER_SIZE, buffer, io_uring_buf_ring_mask(BUFFERS), place);
}

static void *
pages(size_t size)
{
	void *memory =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		log_fatal("cannot map %zu bytes: %s", size, strerror(errno));
	return memory;
}

static bool
register_buffers(struct ring *ring, struct error *err)
{
	struct io_uring_buf_reg list = { .ring_entries = BUFFERS, .bgid = BUFFER_GROUP };
	int failed;

	ring->free = pages(BUFFERS * sizeof(struct io_uring_buf));
	ring->memory = pages((size_t)BUFFERS * BUFFER_SIZE);
	list.ring_addr = (uintptr_t)ring->free;
	failed = io_uring_register_buf_ring(&ring->uring, &list, 0);
	if (failed < 0)
		return error_set(
		    err, ERROR_IO, "io_uring takes no buffers: %s", strerror(-failed));
	io_uring_buf_ring_init(ring->free);
	for (uint16_t i = 0; i < BUFFERS; i++)
		give(ring, i, i);
	io_uring_buf_ring_advance(ring->free, BUFFERS);
	return true;
}

struct ring *
ring_new(struct error *err)
{
	/*
	 * One thread submits, and the kernel's part of the work is done when that thread
	 * asks for it. Linux 6.1 is the first that can; multishot receives are older
	 * (6.0).
	 */
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |
			 IORING_SETUP_CQSIZE,
		.cq_entries = COMPLETIONS,
	};
	struct ring *ring = mem_zalloc(1, sizeof(*ring));
	int failed = io_uring_queue_init_params(SUBMISSIONS, &ring->uring, &params);

	if (failed < 0) {
		error_set(err, ERROR_IO, "no io_uring: %s", strerror(-failed));
		mem_free(ring);
		return NULL;
	}
	if (!register_buffers(ring, err)) {
		ring_free(ring);
		return NULL;
	}
	return ring;
}

void
ring_free(struct ring *ring)
{
	io_uring_queue_exit(&ring->uring);
	munmap(ring->free, BUFFERS * sizeof(struct io_uring_buf));
	munmap(ring->memory, (size_t)BUFFERS * BUFFER_SIZE);
	mem_free(ring);
}

/* Sends that failed are told to their streams before anything else happens to these. */
static void
note_sends(struct ring *ring)
{
	struct io_uring_cq *queue = &ring->uring.cq;
	unsigned tail = io_uring_smp_load_acquire(queue->ktail);

	for (; ring->seen != tail; ring->seen++) {
		struct io_uring_cqe *entry = &queue->cqes[ring->seen & queue->ring_mask];

		if (!(entry->user_data & IS_SENT))
			continue;
		*(int *)(uintptr_t)(entry->user_data - IS_SENT) = entry->res;
		entry->user_data = 0;
	}
}

static void
enable(struct ring *ring)
{
	/* Debian 12's liburing declares io_uring_enable_rings() and does not export it. */
	int failed = io_uring_register(
	    (unsigned)ring->uring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

	if (failed < 0)
		log_fatal("io_uring: %s", strerror(-failed));
	/* Saves the kernel a look-up each time; it does without. */
	(void)io_uring_register_ring_fd(&ring->uring);
	ring->enabled = true;
}

static bool
is_passing(int error)
{
	return error == EINTR || error == EAGAIN || error == EBUSY || error == ETIME;
}

static int
submit_and_wait(struct io_uring *uring)
{
	return io_uring_submit_and_wait(uring, 1);
}

/* One system call, or more if a signal came; see give_back_used() for what it leaves to
 * be done. */
static void
hand_over(struct ring *ring, enum ring_until until)
{
	static int (*const calls[])(struct io_uring *) = {
		[RING_UNTIL_SENT] = io_uring_submit,
		[RING_UNTIL_RUN] = io_uring_submit_and_get_events,
		[RING_UNTIL_SOMETHING] = submit_and_wait,
	};
	int done;

	if (!ring->enabled)
		enable(ring);
	do {
		done = calls[until](&ring->uring);
		if (done < 0 && !is_passing(-done))
			log_fatal("io_uring: %s", strerror(-done));
	} while (io_uring_sq_ready(&ring->uring) > 0);
	note_sends(ring);
}

static struct io_uring_sqe *
next_entry(struct ring *ring)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);

	if (entry != NULL)
		return entry;
	hand_over(ring, RING_UNTIL_SENT);
	return io_uring_get_sqe(&ring->uring);
}

static void
set_owner(struct io_uring_sqe *entry, struct ring_op *op)
{
	io_uring_sqe_set_data(entry, op);
}

void
ring_receive(struct ring *ring, int fd, struct ring_op *op)
{
	struct io_uring_sqe *entry = next_entry(ring);

	io_uring_prep_recv_multishot(entry, fd, NULL, 0, 0);
	entry->flags |= IOSQE_BUFFER_SELECT;
	entry->buf_group = BUFFER_GROUP;
	set_owner(entry, op);
}

void
ring_await_readable(struct ring *ring, int fd, struct ring_op *op)
{
	struct io_uring_sqe *entry = next_entry(ring);

	io_uring_prep_poll_add(entry, fd, POLLIN);
	set_owner(entry, op);
}

void
ring_await_writable(struct ring *ring, int fd, struct ring_op *op)
{
	struct io_uring_sqe *entry = next_entry(ring);

	io_uring_prep_poll_add(entry, fd, POLLOUT);
	set_owner(entry, op);
}

void
ring_await_time(struct ring *ring, long nanoseconds, struct ring_op *op)
{
	struct io_uring_sqe *entry = next_entry(ring);

	ring->time.tv_nsec =
	    nanoseconds; /* read when it is submitted; there is one timer a ring */
	io_uring_prep_timeout(entry, &ring->time, 0, 0);
	set_owner(entry, op);
}

void
ring_cancel(struct ring *ring, struct ring_op *op)
{
	struct io_uring_sqe *entry = next_entry(ring);

	/* That it had ended already is nobody's concern. */
	io_uring_prep_cancel(entry, op, 0);
	entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
	io_uring_sqe_set_data64(entry, 0);
}

void
ring_send(struct ring *ring, int fd, const void *bytes, size_t length, int *sent)
{
	struct io_uring_sqe *entry = next_entry(ring);

	/*
	 * Not to wait, so that it is over when the submit is; and a short send counts as
	 * failed, so that only this is told.
	 */
	io_uring_prep_send(
	    entry, fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
	entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
	io_uring_sqe_set_data64(entry, (uintptr_t)sent | IS_SENT);
	*sent = (int)length;
}

bool
ring_holds(const struct ring *ring, const void *bytes)
{
	uintptr_t at = (uintptr_t)bytes, start = (uintptr_t)ring->memory;

	return at >= start && at < start + (size_t)BUFFERS * BUFFER_SIZE;
}

static void
give_back_used(struct ring *ring)
{
	for (unsigned i = 0; i < ring->used_count; i++)
		give(ring, ring->used[i], (int)i);
	io_uring_buf_ring_advance(ring->free, (int)ring->used_count);
	ring->used_count = 0;
}

void
ring_submit(struct ring *ring, enum ring_until until)
{
	hand_over(ring, until);
	give_back_used(ring);
}

static struct ring_result
result_of(struct ring *ring, const struct io_uring_cqe *entry)
{
	struct ring_result result = { .value = entry->res,
		.more = entry->flags & IORING_CQE_F_MORE };

	if (entry->flags & IORING_CQE_F_BUFFER) {
		uint16_t buffer = (uint16_t)(entry->flags >> IORING_CQE_BUFFER_SHIFT);

		assert(buffer < BUFFERS && ring->used_count < BUFFERS);
		ring->used[ring->used_count++] = buffer;
		result.bytes = ring->memory + (size_t)buffer * BUFFER_SIZE;
	}
	return result;
}

bool
ring_deliver(struct ring *ring)
{
	struct io_uring_cq *queue = &ring->uring.cq;
	struct io_uring_cqe *entry = &queue->cqes[*queue->khead & queue->ring_mask];
	struct ring_op *op;
	struct ring_result result;

	if (*queue->khead == ring->seen)
		return false;
	op = (struct ring_op *)(uintptr_t)entry->user_data;
	if (op != NULL)
		result = result_of(ring, entry);
	io_uring_cq_advance(&ring->uring, 1);
	if (op != NULL)
		op->done(op, result);
	return true;
}

void
ring_deliver_only(struct ring *ring, const struct ring_op *op)
{
	struct io_uring_cq *queue = &ring->uring.cq;

	hand_over(ring, RING_UNTIL_RUN);
	for (unsigned at = *queue->khead; at != ring->seen; at++) {
		struct io_uring_cqe *entry = &queue->cqes[at & queue->ring_mask];
		struct ring_op *owner = (struct ring_op *)(uintptr_t)entry->user_data;

		if (owner != op)
			continue;
		entry->user_data = 0;
		owner->done(owner, result_of(ring, entry));
	}
}
