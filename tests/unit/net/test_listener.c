/* test_listener.c - behaviour of net/listener. */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"
#include "net/listener.h"
#include "turns.h"

enum { PORT = 5432 };

/* A folder for a unix socket, and the entry that names it. */
struct place {
	char folder[40];
	char *path;
	struct listen_address entry;
};

static void
place_make(struct place *place)
{
	strcpy(place->folder, "/tmp/pgweir-listener-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	place->entry =
	    (struct listen_address){ .unix_dir = place->folder, .port = PORT, .mode = 0750 };
	place->path = listener_unix_path(&place->entry);
}

static void
place_remove(struct place *place)
{
	unlink(place->path);
	rmdir(place->folder);
	mem_free(place->path);
}

/* How many descriptors this process has open. */
static int
open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

/* A connected socket, or -1. */
static int
knock(const struct address *address)
{
	int fd = socket(address->storage.ss_family, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)&address->storage, address->length) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool
someone_listens(const struct place *place)
{
	struct address address;
	int fd;

	assert_true(address_from_text(place->folder, PORT, &address));
	fd = knock(&address);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* A TCP socket that holds a port of the kernel's choice on 127.0.0.1; returns the port. */
static int
hold_a_port(int *fd, bool shared)
{
	struct address address;

	assert_true(address_from_text("127.0.0.1", 0, &address));
	*fd = socket(AF_INET, SOCK_STREAM, 0);
	if (shared)
		setsockopt(*fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int));
	assert_int_equal(bind(*fd, (struct sockaddr *)&address.storage, address.length), 0);
	assert_int_equal(
	    getsockname(*fd, (struct sockaddr *)&address.storage, &address.length), 0);
	return address_port(&address);
}

static void
workers_share_a_unix_socket_of_the_given_mode(void **state)
{
	struct place place;
	struct stat status;
	struct error err;
	int fds[3];

	place_make(&place);
	assert_true(listener_bind(&place.entry, fds, 3, &err));
	assert_int_equal(stat(place.path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 07777, 0750);
	close(fds[0]);
	close(fds[1]);
	assert_true(someone_listens(&place));
	close(fds[2]);
	assert_false(someone_listens(&place));
	place_remove(&place);
	(void)state;
}

static void
the_socket_of_a_process_that_was_killed_is_replaced(void **state)
{
	struct place place;
	struct error err;
	int dead, fd;

	place_make(&place);
	assert_true(listener_bind(&place.entry, &dead, 1, &err));
	close(dead); /* its file stays */
	assert_int_equal(access(place.path, F_OK), 0);
	assert_true(listener_bind(&place.entry, &fd, 1, &err));
	assert_true(someone_listens(&place));
	close(fd);
	place_remove(&place);
	(void)state;
}

static void
a_living_socket_is_left_alone_and_named(void **state)
{
	struct place place;
	struct error err;
	int living, fds[2] = { -1, -1 }, before;

	place_make(&place);
	assert_true(listener_bind(&place.entry, &living, 1, &err));
	before = open_descriptors();
	assert_false(listener_bind(&place.entry, fds, 2, &err));
	assert_int_equal(err.code, ERROR_IO);
	assert_non_null(strstr(err.text, place.path));
	assert_non_null(strstr(err.text, "another process listens there; stop it, or choose"));
	assert_int_equal(open_descriptors(), before);
	assert_true(someone_listens(&place));
	close(living);
	place_remove(&place);
	(void)state;
}

/* connect(2) refuses it as it refuses a stale socket, and so it was deleted. */
static void
a_file_that_is_no_socket_is_not_deleted(void **state)
{
	struct place place;
	struct error err;
	FILE *file;
	int fd;

	place_make(&place);
	file = fopen(place.path, "w");
	assert_non_null(file);
	fclose(file);
	assert_false(listener_bind(&place.entry, &fd, 1, &err));
	assert_non_null(strstr(err.text, place.path));
	assert_non_null(strstr(err.text, "not a socket"));
	assert_int_equal(access(place.path, F_OK), 0);
	place_remove(&place);
	(void)state;
}

static void
a_folder_that_is_missing_or_too_long_is_named(void **state)
{
	char folder[200];
	struct listen_address entry = { .unix_dir = "/nonexistent/pgweir", .port = PORT };
	struct error err;
	int fd;

	assert_false(listener_bind(&entry, &fd, 1, &err));
	assert_string_equal(err.text, "cannot listen on /nonexistent/pgweir/.s.PGSQL.5432: No such "
				      "file or directory");
	memset(folder, 'd', sizeof(folder) - 1);
	folder[0] = '/';
	folder[sizeof(folder) - 1] = '\0';
	entry.unix_dir = folder;
	assert_false(listener_bind(&entry, &fd, 1, &err));
	assert_non_null(strstr(err.text, "the path is too long"));
	(void)state;
}

static void
a_port_in_use_is_named_with_what_to_do(void **state)
{
	struct listen_address entry = { .host = "127.0.0.1" };
	struct error err;
	char expected[200];
	int holder, fds[2], before;

	entry.port = hold_a_port(&holder, false);
	assert_int_equal(listen(holder, 1), 0);
	before = open_descriptors();
	assert_false(listener_bind(&entry, fds, 2, &err));
	snprintf(expected, sizeof(expected),
	    "cannot listen on 127.0.0.1 port %d: Address already in use; stop who uses it "
	    "(ss -ltnp), or choose another port",
	    entry.port);
	assert_string_equal(err.text, expected);
	assert_int_equal(open_descriptors(), before);
	close(holder);
	(void)state;
}

static void
a_name_is_no_address_to_listen_on(void **state)
{
	static const char *const hosts[] = { "localhost", "", "/tmp", "127.0.0.1:6432" };
	struct error err;
	int fd, before = open_descriptors();

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		const struct listen_address entry = { .host = hosts[i], .port = PORT };

		assert_false(listener_bind(&entry, &fd, 1, &err));
		assert_non_null(strstr(err.text, "not a numeric address"));
	}
	assert_int_equal(open_descriptors(), before);
	(void)state;
}

/* Who arrived. */
struct arrivals {
	int count;
	struct address last;
};

static void
note_arrival(int fd, const struct address *peer, void *arg)
{
	struct arrivals *arrivals = arg;

	arrivals->count++;
	arrivals->last = *peer;
	close(fd);
}

static void
each_worker_accepts_on_the_same_port(void **state)
{
	enum { WORKERS = 3, CLIENTS = 100 };
	struct loop *loop = loop_of_this_run();
	struct listener *listeners[WORKERS];
	struct arrivals arrivals[WORKERS] = { 0 };
	struct listen_address entry = { .host = "127.0.0.1" };
	int fds[WORKERS], clients[CLIENTS], holder, all = 0;
	char text[ADDRESS_TEXT_SIZE];
	struct address address;
	struct error err;

	entry.port = hold_a_port(&holder, true); /* bound, but nobody listens there */
	close(holder);
	assert_true(listener_bind(&entry, fds, WORKERS, &err));
	for (int i = 0; i < WORKERS; i++)
		listeners[i] = listener_new(loop, fds[i], note_arrival, &arrivals[i]);
	assert_true(address_from_text("127.0.0.1", entry.port, &address));
	for (int i = 0; i < CLIENTS; i++)
		assert_true((clients[i] = knock(&address)) >= 0);
	/* A client that is connected need not be there to be accepted yet. */
	while (all < CLIENTS) {
		settle(loop);
		all = 0;
		for (int i = 0; i < WORKERS; i++)
			all += arrivals[i].count;
	}
	assert_int_equal(all, CLIENTS);

	for (int i = 0; i < WORKERS; i++) {
		assert_true(arrivals[i].count > 0); /* fails once in 10^17 runs */
		address_text(&arrivals[i].last, text);
		assert_string_equal(text, "127.0.0.1");
	}
	for (int i = 0; i < WORKERS; i++)
		listener_free(listeners[i]);
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
	assert_int_equal(knock(&address), -1);
	loop_free(loop);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_share_a_unix_socket_of_the_given_mode),
		cmocka_unit_test(the_socket_of_a_process_that_was_killed_is_replaced),
		cmocka_unit_test(a_living_socket_is_left_alone_and_named),
		cmocka_unit_test(a_file_that_is_no_socket_is_not_deleted),
		cmocka_unit_test(a_folder_that_is_missing_or_too_long_is_named),
		cmocka_unit_test(a_port_in_use_is_named_with_what_to_do),
		cmocka_unit_test(a_name_is_no_address_to_listen_on),
		cmocka_unit_test(each_worker_accepts_on_the_same_port),
	};

	give_up_when_it_hangs();
	return RUN_ON_BOTH(tests);
}
