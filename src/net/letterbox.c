/* letterbox.c - see letterbox.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/letterbox.h"
#include "watch.h"

enum { LETTERS_A_TURN = 64 };

struct letterbox {
	int fd;
	struct watch *watch;
	letterbox_callback *callback;
	void *arg;
};

static bool
address_of(const char *path, struct sockaddr_un *address)
{
	size_t length = strlen(path);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (length >= sizeof(address->sun_path))
		return false;
	memcpy(address->sun_path, path, length + 1);
	return true;
}

int
letterbox_bind(const char *path, struct error *err)
{
	const int on = 1;
	struct sockaddr_un address;
	int fd;

	if (!address_of(path, &address)) {
		error_set(err, ERROR_IO, "cannot make the socket %s: the path is too long", path);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(path);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, 0600) < 0) {
		error_set(err, ERROR_IO, "cannot make the socket %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* Who sent it, as the kernel says. */
static bool
is_ours(struct msghdr *header)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL;
	     part = CMSG_NXTHDR(header, part)) {
		struct ucred sender;

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&sender, CMSG_DATA(part), sizeof(sender));
		return sender.uid == geteuid() || sender.uid == 0;
	}
	return false;
}

static void
on_letter(void *arg)
{
	struct letterbox *letterbox = arg;

	for (int i = 0; i < LETTERS_A_TURN; i++) {
		uint8_t letter[LETTER_MOST];
		char control[CMSG_SPACE(sizeof(struct ucred))];
		struct iovec part = { .iov_base = letter, .iov_len = sizeof(letter) };
		struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control) };
		ssize_t length = recvmsg(letterbox->fd, &header, MSG_CMSG_CLOEXEC);

		if (length < 0)
			return;
		if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || !is_ours(&header)) {
			log_warning("a letter of another user, or too long, was thrown away");
			continue;
		}
		letterbox->callback(letter, (size_t)length, letterbox->arg);
	}
}

struct letterbox *
letterbox_new(struct loop *loop, int fd, letterbox_callback *callback, void *arg)
{
	struct letterbox *letterbox = mem_zalloc(1, sizeof(*letterbox));

	*letterbox = (struct letterbox){ .fd = fd, .callback = callback, .arg = arg };
	letterbox->watch = watch_new(loop, fd, on_letter, letterbox);
	return letterbox;
}

void
letterbox_free(struct letterbox *letterbox)
{
	watch_free(letterbox->watch);
	close(letterbox->fd);
	mem_free(letterbox);
}

bool
letterbox_send(
    const struct letterbox *letterbox, const char *path, const uint8_t *letter, size_t length)
{
	struct sockaddr_un address;

	return address_of(path, &address) &&
	    sendto(letterbox->fd, letter, length, MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)&address, sizeof(address)) == (ssize_t)length;
}

bool
letterbox_is_open(const char *path)
{
	struct sockaddr_un address;
	bool open;
	int fd;

	if (!address_of(path, &address))
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	open = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		close(fd);
	return open;
}
