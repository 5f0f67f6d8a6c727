/* test_stream.c - behaviour of net/stream. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/stream.h"
#include "turns.h"

/* More than a socket pair holds. */
enum { LARGE = 3000000 };

/* A stream, the other end of its socket, and what the stream has told. */
struct link {
	struct loop *loop;
	struct stream *stream;
	int peer;
	struct buf got;	    /* bytes of STREAM_DATA */
	char told[16];	    /* events in order, data in a row once: O D W C */
	bool close_on_data; /* the callback closes the stream */
};

static const char letters[] = {
	[STREAM_OPENED] = 'O', [STREAM_DATA] = 'D', [STREAM_DRAINED] = 'W', [STREAM_CLOSED] = 'C'
};

static void
note(struct link *link, enum stream_event event)
{
	size_t length = strlen(link->told);

	if (event == STREAM_DATA && length > 0 && link->told[length - 1] == 'D')
		return;
	assert_true(length + 1 < sizeof(link->told));
	link->told[length] = letters[event];
}

static void
on_event(struct stream *stream, enum stream_event event, void *arg)
{
	struct link *link = arg;
	const uint8_t *bytes;
	size_t length;

	assert_ptr_equal(stream, link->stream);
	note(link, event);
	if (event == STREAM_DATA) {
		bytes = stream_data(stream, &length);
		buf_put(&link->got, bytes, length);
	}
	if (event == STREAM_DATA && link->close_on_data) {
		stream_close(stream);
		link->stream = NULL;
	}
	/* As every owner does: a stream that is closed has nothing more to say. */
	if (event == STREAM_CLOSED)
		stream_pause(stream);
}

static void
link_open(struct link *link)
{
	int fds[2];

	*link = (struct link){ .loop = loop_of_this_run() };
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	link->peer = fds[1];
	link->stream = stream_accepted(link->loop, fds[0], on_event, link);
}

static void
link_close(struct link *link)
{
	if (link->stream != NULL)
		stream_close(link->stream);
	if (link->peer >= 0)
		close(link->peer);
	buf_free(&link->got);
	loop_free(link->loop);
}

static void
peer_writes(const struct link *link, const char *text)
{
	assert_int_equal(write(link->peer, text, strlen(text)), strlen(text));
}

static void
peer_closes(struct link *link)
{
	close(link->peer);
	link->peer = -1;
}

/* Read at the peer's end, loop by loop, until so many bytes came; they go to *all. */
static void
peer_reads(struct link *link, struct buf *all, size_t count)
{
	while (buf_length(all) < count) {
		ssize_t got = read(link->peer, buf_reserve(all, 65536), 65536);

		if (got > 0)
			buf_grown(all, (size_t)got);
		else
			settle(link->loop);
	}
	settle(link->loop);
}

/* `length` bytes that differ from place to place. */
static uint8_t *
pattern(size_t length)
{
	uint8_t *bytes = mem_alloc(length);

	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	return bytes;
}

static void
assert_got(const struct link *link, const char *text)
{
	assert_int_equal(buf_length(&link->got), strlen(text));
	assert_memory_equal(buf_bytes(&link->got), text, strlen(text));
}

static void
what_the_peer_wrote_before_it_closed_is_delivered_first(void **state)
{
	struct link link;

	link_open(&link);
	peer_writes(&link, "last words");
	peer_closes(&link);
	settle(link.loop);
	assert_string_equal(link.told, "DC");
	assert_got(&link, "last words");
	assert_string_equal(stream_why(link.stream), "connection closed by the other side");
	link_close(&link);
	(void)state;
}

static void
what_was_built_goes_out_before_what_is_sent(void **state)
{
	struct link link;
	struct buf all = { 0 };

	link_open(&link);
	buf_put_text(stream_out(link.stream), "one ");
	buf_put_text(stream_out(link.stream), "two ");
	assert_int_equal(read(link.peer, buf_reserve(&all, 10), 10), -1); /* not yet */
	stream_send(link.stream, "three ", 6);
	stream_flush(link.stream);
	buf_put_text(stream_out(link.stream), "four");
	stream_flush(link.stream);
	peer_reads(&link, &all, 18);
	assert_memory_equal(buf_bytes(&all), "one two three four", 18);
	assert_int_equal(stream_pending(link.stream), 0);
	assert_string_equal(link.told, ""); /* the kernel took all at once: nothing to tell */
	buf_free(&all);
	link_close(&link);
	(void)state;
}

/* Send LARGE bytes, so many of them built and the rest sent; each arrives in its place. */
static void
assert_large(size_t built)
{
	uint8_t *bytes = pattern(LARGE + 4);
	struct buf all = { 0 };
	struct link link;

	link_open(&link);
	buf_put(stream_out(link.stream), bytes, built);
	stream_send(link.stream, bytes + built, LARGE - built);
	assert_true(stream_pending(link.stream) > 0);
	buf_put(stream_out(link.stream), bytes + LARGE, 2); /* while it waits */
	stream_send(link.stream, bytes + LARGE + 2, 2);
	settle(link.loop);
	assert_string_equal(link.told, "");

	peer_reads(&link, &all, LARGE + 4);
	assert_int_equal(buf_length(&all), LARGE + 4);
	assert_memory_equal(buf_bytes(&all), bytes, LARGE + 4);
	assert_string_equal(link.told, "W");
	assert_int_equal(stream_pending(link.stream), 0);
	buf_free(&all);
	mem_free(bytes);
	link_close(&link);
}

static void
what_the_kernel_does_not_take_is_kept_in_order_until_drained(void **state)
{
	assert_large(0);
	assert_large(1);
	assert_large(LARGE / 2);
	assert_large(LARGE);
	(void)state;
}

static void
a_paused_stream_is_silent_and_loses_nothing(void **state)
{
	struct link link;

	link_open(&link);
	stream_pause(link.stream);
	stream_pause(link.stream);
	assert_true(stream_is_paused(link.stream));
	peer_writes(&link, "early ");
	settle(link.loop);
	assert_string_equal(link.told, "");
	peer_writes(&link, "late");
	stream_resume(link.stream);
	assert_false(stream_is_paused(link.stream));
	settle(link.loop);
	assert_got(&link, "early late");
	link_close(&link);
	(void)state;
}

static void
a_suspended_stream_hears_nothing_whatever_its_owner_says(void **state)
{
	struct link link;

	link_open(&link);
	stream_suspend(link.stream);
	stream_suspend(link.stream);
	peer_writes(&link, "while suspended");
	stream_pause(link.stream);
	assert_true(stream_is_paused(link.stream));
	stream_resume(link.stream);
	assert_false(stream_is_paused(link.stream));
	settle(link.loop);
	assert_string_equal(link.told, "");

	stream_wake(link.stream);
	settle(link.loop);
	assert_got(&link, "while suspended");
	link_close(&link);
	(void)state;
}

static void
a_stream_that_was_paused_is_so_again_when_it_wakes(void **state)
{
	struct link link;

	link_open(&link);
	stream_pause(link.stream);
	stream_suspend(link.stream);
	stream_wake(link.stream);
	peer_writes(&link, "later");
	settle(link.loop);
	assert_true(stream_is_paused(link.stream));
	assert_string_equal(link.told, "");

	stream_suspend(link.stream);
	stream_resume(link.stream);
	stream_wake(link.stream);
	settle(link.loop);
	assert_got(&link, "later");
	link_close(&link);
	(void)state;
}

static void
a_suspended_stream_tells_when_all_is_sent(void **state)
{
	struct link link;
	struct buf all = { 0 };
	uint8_t *bytes = pattern(LARGE);

	link_open(&link);
	stream_suspend(link.stream);
	assert_true(stream_is_flushed(link.stream));
	stream_send(link.stream, bytes, LARGE);
	settle(link.loop);
	assert_false(stream_is_flushed(link.stream));
	peer_reads(&link, &all, LARGE);
	assert_true(stream_is_flushed(link.stream));
	assert_memory_equal(buf_bytes(&all), bytes, LARGE);
	buf_free(&all);
	mem_free(bytes);
	link_close(&link);
	(void)state;
}

/* Until the machine's clock has gone on by so much. */
static void
let_pass(uint64_t us)
{
	uint64_t until_us = clock_monotonic_us() + us;

	while (clock_monotonic_us() < until_us)
		continue;
}

static void
a_clock_that_is_held_goes_on_from_where_it_stood(void **state)
{
	struct loop *loop = loop_of_this_run();
	uint64_t held_us;

	loop_hold_clock(loop);
	held_us = loop_now_us(loop);
	let_pass(2000);
	settle(loop);
	loop_hold_clock(loop);
	assert_int_equal(loop_now_us(loop), held_us);
	loop_release_clock(loop);
	assert_int_equal(loop_now_us(loop), held_us);
	settle(loop);
	assert_true(loop_now_us(loop) >= held_us);
	assert_true(loop_now_us(loop) + 2000 <= clock_monotonic_us());
	loop_release_clock(loop);
	assert_true(loop_now_us(loop) + 2000 <= clock_monotonic_us());
	loop_free(loop);
	(void)state;
}

static void
a_paused_stream_still_writes(void **state)
{
	struct link link;
	struct buf all = { 0 };
	uint8_t *bytes = pattern(LARGE);

	link_open(&link);
	stream_pause(link.stream);
	stream_send(link.stream, bytes, LARGE);
	peer_reads(&link, &all, LARGE);
	assert_string_equal(link.told, "W");
	buf_free(&all);
	mem_free(bytes);
	link_close(&link);
	(void)state;
}

static void
a_stream_that_moved_to_another_loop_tells_its_new_owner_only(void **state)
{
	struct link link, heir = { .loop = loop_of_this_run(), .peer = -1 };
	struct buf all = { 0 };

	link_open(&link);
	stream_send(link.stream, "a", 1);
	stream_detach(link.stream);
	peer_writes(&link, "between");
	settle(link.loop);
	assert_string_equal(link.told, "");

	heir.stream = link.stream;
	link.stream = NULL;
	stream_attach(heir.stream, heir.loop, on_event, &heir);
	settle(link.loop);
	settle(heir.loop);
	assert_string_equal(link.told, "");
	assert_got(&heir, "between");
	stream_send(heir.stream, "b", 1);
	settle(heir.loop);
	peer_reads(&link, &all, 2);
	assert_memory_equal(buf_bytes(&all), "ab", 2);
	peer_closes(&link);
	settle(heir.loop);
	assert_string_equal(heir.told, "DC");
	buf_free(&all);
	link_close(&heir);
	link_close(&link);
	(void)state;
}

/* Queued for the end of the turn, and then the peer takes nothing: it was lost in the move. */
static void
what_a_peer_did_not_take_goes_along_to_the_next_loop(void **state)
{
	static const char filler[4096];
	struct link link;
	struct buf all = { 0 };
	size_t filled = 0;

	if (!this_run_is_on_io_uring())
		return; /* libevent sends at once, and what waits does not move */
	link_open(&link);
	for (ssize_t got = 1; got > 0; filled += got > 0 ? (size_t)got : 0)
		got = write(stream_fd(link.stream), filler, sizeof(filler));
	stream_send(link.stream, "last", 4);
	stream_detach(link.stream);
	stream_attach(link.stream, link.loop, on_event, &link);
	peer_reads(&link, &all, filled + 4);
	assert_memory_equal(buf_bytes(&all) + filled, "last", 4);
	buf_free(&all);
	link_close(&link);
	(void)state;
}

static void
a_stream_that_was_paused_listens_again_where_it_is_attached(void **state)
{
	struct link link;

	link_open(&link);
	stream_pause(link.stream);
	peer_writes(&link, "x");
	stream_detach(link.stream);
	stream_attach(link.stream, link.loop, on_event, &link);
	assert_false(stream_is_paused(link.stream));
	settle(link.loop);
	assert_got(&link, "x");
	link_close(&link);
	(void)state;
}

static void
a_send_to_a_peer_that_is_gone_tells_from_the_loop_and_not_from_the_caller(void **state)
{
	struct link link;

	link_open(&link);
	peer_writes(&link, "FATAL: bye");
	peer_closes(&link);
	stream_send(link.stream, "hello", 5);
	stream_send(link.stream, "hello", 5);
	buf_put_text(stream_out(link.stream), "hello");
	stream_flush(link.stream);
	assert_string_equal(link.told, "");
	assert_int_equal(stream_pending(link.stream), 0);
	settle(link.loop);
	assert_string_equal(link.told, "DC");
	assert_got(&link, "FATAL: bye");
	assert_string_equal(stream_why(link.stream), "Broken pipe");
	link_close(&link);
	(void)state;
}

static void
a_peer_that_goes_while_bytes_wait_is_told_as_closed_and_not_as_drained(void **state)
{
	struct link link;
	uint8_t *bytes = pattern(LARGE);

	link_open(&link);
	stream_pause(link.stream);
	stream_send(link.stream, bytes, LARGE);
	peer_closes(&link);
	settle(link.loop);
	assert_string_equal(link.told, "C");
	mem_free(bytes);
	link_close(&link);
	(void)state;
}

/* A listening socket on 127.0.0.1, and its address. */
static int
listen_somewhere(struct address *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(address_from_text("127.0.0.1", 0, address));
	assert_int_equal(bind(fd, (struct sockaddr *)&address->storage, address->length), 0);
	assert_int_equal(listen(fd, 10), 0);
	assert_int_equal(
	    getsockname(fd, (struct sockaddr *)&address->storage, &address->length), 0);
	return fd;
}

/* Both ends of a TCP connection on loopback; the second is not to block. */
static void
tcp_pair(int fds[2])
{
	struct address address;
	int listening = listen_somewhere(&address);

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
	    connect(fds[0], (struct sockaddr *)&address.storage, address.length), 0);
	fds[1] = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
	assert_true(fds[1] >= 0);
	close(listening);
}

/* One edge tells of both, and the read that takes the bytes does not see the reset. */
static void
a_reset_that_came_with_the_last_bytes_is_noticed(void **state)
{
	const struct linger at_once = { .l_onoff = 1 };
	struct link link = { .loop = loop_of_this_run() };
	int fds[2];

	tcp_pair(fds);
	link.peer = fds[0];
	link.stream = stream_accepted(link.loop, fds[1], on_event, &link);
	settle(link.loop);
	peer_writes(&link, "last words");
	setsockopt(link.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	peer_closes(&link);
	while (strchr(link.told, 'C') == NULL)
		settle(link.loop);
	assert_string_equal(stream_why(link.stream), "Connection reset by peer");
	link_close(&link);
	(void)state;
}

static void
a_stream_that_fills_the_buffer_is_read_to_its_end(void **state)
{
	enum { MUCH = 150000 };
	uint8_t *bytes = pattern(MUCH);
	struct link link;

	link_open(&link);
	assert_int_equal(write(link.peer, bytes, MUCH), MUCH);
	while (buf_length(&link.got) < MUCH)
		settle(link.loop);
	assert_memory_equal(buf_bytes(&link.got), bytes, MUCH);
	mem_free(bytes);
	link_close(&link);
	(void)state;
}

/* A stream that passes on all it gets, each piece between two letters of its own. */
struct relay {
	struct stream *from, *to;
	size_t pieces;
};

static void
on_event_of_relay(struct stream *stream, enum stream_event event, void *arg)
{
	struct relay *relay = arg;
	const uint8_t *bytes;
	size_t length;

	if (event != STREAM_DATA || stream != relay->from)
		return;
	bytes = stream_data(stream, &length);
	if (relay->pieces % 3 > 0)
		buf_put_u8(stream_out(relay->to), '<');
	stream_send(relay->to, bytes, length);
	if (relay->pieces++ % 3 > 1)
		stream_send(relay->to, ">", 1);
	buf_put_u8(stream_out(relay->to), ';');
	stream_flush(relay->to);
}

static void
what_is_passed_on_and_what_is_built_leave_in_order(void **state)
{
	struct loop *loop = loop_of_this_run();
	struct relay relay = { 0 };
	struct buf all = { 0 };
	int in[2], out[2];

	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, in); /* pieces stay pieces */
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, out);
	relay.from = stream_accepted(loop, in[0], on_event_of_relay, &relay);
	relay.to = stream_accepted(loop, out[0], on_event_of_relay, &relay);
	settle(loop);
	for (char piece = 'a'; piece < 'f'; piece++)
		assert_int_equal(write(in[1], &piece, 1), 1);
	while (relay.pieces < 5)
		settle(loop);
	settle(loop);
	assert_int_equal(read(out[1], buf_reserve(&all, 100), 100), 14);
	buf_grown(&all, 14);
	assert_memory_equal(buf_bytes(&all), "a;<b;<c>;d;<e;", 14);
	stream_close(relay.from);
	stream_close(relay.to);
	close(in[1]);
	close(out[1]);
	buf_free(&all);
	loop_free(loop);
	(void)state;
}

static void
more_streams_are_heard_at_once_than_a_ring_has_buffers(void **state)
{
	enum { STREAMS = 300 };
	struct loop *loop = loop_of_this_run();
	struct link links[STREAMS] = { 0 };
	int fds[2];

	for (int i = 0; i < STREAMS; i++) {
		links[i].loop = loop;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
		links[i].peer = fds[1];
		links[i].stream = stream_accepted(loop, fds[0], on_event, &links[i]);
	}
	settle(loop);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < STREAMS; i++)
			peer_writes(&links[i], "word ");
	for (int i = 0; i < STREAMS; i++) {
		while (buf_length(&links[i].got) < 15)
			settle(loop);
		assert_got(&links[i], "word word word ");
		stream_close(links[i].stream);
		close(links[i].peer);
		buf_free(&links[i].got);
	}
	loop_free(loop);
	(void)state;
}

static void
a_pause_in_the_middle_of_much_loses_nothing(void **state)
{
	uint8_t *bytes = pattern(LARGE);
	struct link link;
	size_t written = 0;

	link_open(&link);
	for (int turn = 0; buf_length(&link.got) < LARGE; turn++) {
		ssize_t taken = write(link.peer, bytes + written, LARGE - written);

		written += taken < 0 ? 0 : (size_t)taken;
		if (turn % 3 == 0)
			stream_pause(link.stream);
		else
			stream_resume(link.stream);
		settle(link.loop);
	}
	assert_int_equal(buf_length(&link.got), LARGE);
	assert_memory_equal(buf_bytes(&link.got), bytes, LARGE);
	peer_closes(&link);
	stream_resume(link.stream);
	settle(link.loop);
	assert_string_equal(link.told, "DC");
	mem_free(bytes);
	link_close(&link);
	(void)state;
}

/* Resumes and pauses another stream, as an owner does whose peer took all and is full again. */
static void
on_event_of_nudger(struct stream *stream, enum stream_event event, void *arg)
{
	struct link *nudged = arg;

	stream_resume(nudged->stream);
	stream_pause(nudged->stream);
	(void)stream;
	(void)event;
}

/* What its peer can write in many turns. */
static size_t
all_that_is_taken_of(const struct link *link, const uint8_t *bytes, size_t length)
{
	size_t taken = 0;

	for (int turn = 0; turn < 100; turn++) {
		ssize_t done = write(link->peer, bytes + taken, length - taken);

		taken += done < 0 ? 0 : (size_t)done;
		settle(link->loop);
	}
	return taken;
}

/* One nudger hears its byte before the paused stream does, and one behind it, whatever the order. */
static void
a_stream_paused_anew_in_the_turn_in_which_data_was_held_takes_no_more(void **state)
{
	uint8_t *bytes = pattern(LARGE);
	struct link link;
	struct stream *nudgers[2];
	int fds[2][2];
	size_t taken;

	link_open(&link);
	settle(link.loop);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds[i]), 0);
		nudgers[i] = stream_accepted(link.loop, fds[i][0], on_event_of_nudger, &link);
	}
	settle(link.loop);
	stream_pause(link.stream);
	assert_int_equal(write(fds[0][1], "!", 1), 1);
	assert_int_equal(write(link.peer, bytes, 1), 1);
	assert_int_equal(write(fds[1][1], "!", 1), 1);
	settle(link.loop);
	taken = 1 + all_that_is_taken_of(&link, bytes + 1, LARGE - 1);

	assert_true(taken < LARGE);
	stream_resume(link.stream);
	while (buf_length(&link.got) < taken)
		settle(link.loop);
	assert_memory_equal(buf_bytes(&link.got), bytes, taken);
	for (int i = 0; i < 2; i++) {
		stream_close(nudgers[i]);
		close(fds[i][1]);
	}
	mem_free(bytes);
	link_close(&link);
	(void)state;
}

static void
after_close_no_event_follows(void **state)
{
	struct link link;

	link_open(&link);
	link.close_on_data = true;
	peer_writes(&link, "x");
	peer_closes(&link);
	settle(link.loop);
	assert_string_equal(link.told, "D");
	link_close(&link);

	link_open(&link);
	peer_closes(&link);
	stream_send(link.stream, "x", 1); /* fails: would be told on the next turn */
	stream_close(link.stream);
	link.stream = NULL;
	settle(link.loop);
	assert_string_equal(link.told, "");
	link_close(&link);
	(void)state;
}

/* Begin to connect; nothing is told before this returns. */
static void
link_connect(struct link *link, const struct address *to)
{
	*link = (struct link){ .loop = loop_of_this_run(), .peer = -1 };
	link->stream = stream_connect(link->loop, to, on_event, link);
	assert_string_equal(link->told, "");
}

/* What was sent before OPENED stayed in the buffer until something else was sent. */
static void
what_is_sent_while_it_connects_goes_out_when_it_is_open(void **state)
{
	struct address address;
	struct link link;
	struct buf all = { 0 };
	int listening = listen_somewhere(&address);

	link_connect(&link, &address);
	stream_send(link.stream, "early", 5);
	link.peer = accept(listening, NULL, NULL);
	fcntl(link.peer, F_SETFL, O_NONBLOCK);
	settle(link.loop);
	peer_reads(&link, &all, 5);
	assert_memory_equal(buf_bytes(&all), "early", 5);
	peer_writes(&link, "answer");
	while (buf_length(&link.got) < strlen("answer"))
		settle(link.loop);
	assert_string_equal(link.told, "OWD");
	assert_got(&link, "answer");
	buf_free(&all);
	close(listening);
	link_close(&link);
	(void)state;
}

static void
a_refused_connect_is_told_later_with_its_reason(void **state)
{
	struct address address;
	struct link link;

	close(listen_somewhere(&address));
	link_connect(&link, &address);
	while (link.told[0] == '\0')
		settle(link.loop);
	assert_string_equal(link.told, "C");
	assert_string_equal(stream_why(link.stream), "Connection refused");
	link_close(&link);

	assert_true(address_from_text("/nonexistent", 5432, &address));
	link_connect(&link, &address);
	settle(link.loop);
	assert_string_equal(link.told, "C");
	assert_string_equal(stream_why(link.stream), "No such file or directory");
	link_close(&link);
	(void)state;
}

static void
without_a_descriptor_left_a_connect_fails_later_too(void **state)
{
	struct rlimit limit, none;
	struct address address;
	struct link link;

	assert_true(address_from_text("127.0.0.1", 1, &address));
	link = (struct link){ .loop = loop_of_this_run(), .peer = -1 };
	getrlimit(RLIMIT_NOFILE, &limit);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	link.stream = stream_connect(link.loop, &address, on_event, &link);
	setrlimit(RLIMIT_NOFILE, &limit);

	stream_send(link.stream, "x", 1);
	stream_pause(link.stream);
	settle(link.loop);
	assert_string_equal(link.told, "C");
	assert_string_equal(stream_why(link.stream), "Too many open files");
	link_close(&link);
	(void)state;
}

static void
a_connect_that_is_given_up_tells_nothing(void **state)
{
	struct address address;
	struct link link;
	int listening = listen_somewhere(&address);

	link_connect(&link, &address);
	stream_close(link.stream);
	link.stream = NULL;
	settle(link.loop);
	assert_string_equal(link.told, "");
	close(listening);
	link_close(&link);

	assert_true(address_from_text("/nonexistent", 5432, &address));
	link_connect(&link, &address);
	stream_close(link.stream);
	link.stream = NULL;
	settle(link.loop);
	assert_string_equal(link.told, "");
	link_close(&link);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_peer_wrote_before_it_closed_is_delivered_first),
		cmocka_unit_test(what_was_built_goes_out_before_what_is_sent),
		cmocka_unit_test(what_the_kernel_does_not_take_is_kept_in_order_until_drained),
		cmocka_unit_test(a_paused_stream_is_silent_and_loses_nothing),
		cmocka_unit_test(a_suspended_stream_hears_nothing_whatever_its_owner_says),
		cmocka_unit_test(a_stream_that_was_paused_is_so_again_when_it_wakes),
		cmocka_unit_test(a_suspended_stream_tells_when_all_is_sent),
		cmocka_unit_test(a_clock_that_is_held_goes_on_from_where_it_stood),
		cmocka_unit_test(a_paused_stream_still_writes),
		cmocka_unit_test(a_stream_that_moved_to_another_loop_tells_its_new_owner_only),
		cmocka_unit_test(what_a_peer_did_not_take_goes_along_to_the_next_loop),
		cmocka_unit_test(a_stream_that_was_paused_listens_again_where_it_is_attached),
		cmocka_unit_test(
		    a_send_to_a_peer_that_is_gone_tells_from_the_loop_and_not_from_the_caller),
		cmocka_unit_test(
		    a_peer_that_goes_while_bytes_wait_is_told_as_closed_and_not_as_drained),
		cmocka_unit_test(a_reset_that_came_with_the_last_bytes_is_noticed),
		cmocka_unit_test(a_stream_that_fills_the_buffer_is_read_to_its_end),
		cmocka_unit_test(what_is_passed_on_and_what_is_built_leave_in_order),
		cmocka_unit_test(more_streams_are_heard_at_once_than_a_ring_has_buffers),
		cmocka_unit_test(a_pause_in_the_middle_of_much_loses_nothing),
		cmocka_unit_test(
		    a_stream_paused_anew_in_the_turn_in_which_data_was_held_takes_no_more),
		cmocka_unit_test(after_close_no_event_follows),
		cmocka_unit_test(what_is_sent_while_it_connects_goes_out_when_it_is_open),
		cmocka_unit_test(a_refused_connect_is_told_later_with_its_reason),
		cmocka_unit_test(without_a_descriptor_left_a_connect_fails_later_too),
		cmocka_unit_test(a_connect_that_is_given_up_tells_nothing),
	};

	give_up_when_it_hangs();
	return RUN_ON_BOTH(tests);
}
