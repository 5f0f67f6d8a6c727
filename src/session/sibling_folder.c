/* sibling_folder.c - see sibling_folder.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/random.h"
#include "sibling_folder.h"

enum { SECRETS_MOST = 2, HEX_SIZE = 2 * CANCEL_SECRET_SIZE };

bool
sibling_folder_check(const char *folder, struct error *err)
{
	struct stat status;

	if (lstat(folder, &status) < 0)
		return error_set(err, ERROR_IO, "siblings.folder %s: %s; make it with mode 0700",
		    folder, strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return error_set(err, ERROR_IO, "siblings.folder %s is not a folder", folder);
	if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
		return error_set(err, ERROR_IO,
		    "siblings.folder %s must belong to the user that pgweir runs as, and have mode "
		    "0700: it holds the secret of cancel keys", folder);
	return true;
}

bool
sibling_folder_letterbox(const char *folder, unsigned number, char path[SIBLING_PATH_SIZE])
{
	int length = snprintf(path, SIBLING_PATH_SIZE, "%s/%u.sock", folder, number);

	return length > 0 && length < SIBLING_PATH_SIZE;
}

/* The descriptor that holds the lock; -1: another process has it, or errno. */
static int
try_number(const char *folder, unsigned number)
{
	char *path = mem_printf("%s/%u.lock", folder, number);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	mem_free(path);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	errno = EWOULDBLOCK;
	return -1;
}

unsigned
sibling_folder_claim(const char *folder, int *lock, struct error *err)
{
	for (unsigned number = 1; number < CANCEL_PROCESSES; number++) {
		*lock = try_number(folder, number);
		if (*lock >= 0)
			return number;
		if (errno != EWOULDBLOCK) {
			error_set(err, ERROR_IO, "siblings.folder %s: %s", folder, strerror(errno));
			return 0;
		}
	}
	error_set(err, ERROR_IO, "siblings.folder %s: %d processes have a number there already",
	    folder, CANCEL_PROCESSES - 1);
	return 0;
}

/* --- the secret ----------------------------------------------------------------- */

static int
digit(char letter)
{
	if (letter >= '0' && letter <= '9')
		return letter - '0';
	if (letter >= 'a' && letter <= 'f')
		return letter - 'a' + 10;
	return -1;
}

/* Lines of 64 hexadecimal digits; how many, 0 if anything else is there. */
static size_t
parse(const char *text, size_t length, uint8_t secrets[SECRETS_MOST][CANCEL_SECRET_SIZE])
{
	size_t count = 0;

	for (size_t at = 0; at < length; at += HEX_SIZE + 1) {
		if (count == SECRETS_MOST || length - at < HEX_SIZE + 1 ||
		    text[at + HEX_SIZE] != '\n')
			return 0;
		for (size_t i = 0; i < CANCEL_SECRET_SIZE; i++) {
			int high = digit(text[at + 2 * i]), low = digit(text[at + 2 * i + 1]);

			if (high < 0 || low < 0)
				return 0;
			secrets[count][i] = (uint8_t)(high << 4 | low);
		}
		count++;
	}
	return count;
}

/* A new one, unless another process is quicker: link(2) replaces nothing. */
static bool
make_secret(const char *folder, const char *path)
{
	char *fresh = mem_printf("%s/cancel_secret.%d", folder, (int)getpid());
	uint8_t secret[CANCEL_SECRET_SIZE];
	char text[HEX_SIZE + 2];
	bool good;
	int fd;

	random_fill(secret, sizeof(secret));
	for (size_t i = 0; i < sizeof(secret); i++)
		snprintf(text + 2 * i, 3, "%02x", secret[i]);
	memcpy(text + HEX_SIZE, "\n", 2);
	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	good = fd >= 0 && write(fd, text, HEX_SIZE + 1) == HEX_SIZE + 1 && fsync(fd) == 0 &&
	    (link(fresh, path) == 0 || errno == EEXIST);
	if (fd >= 0)
		close(fd);
	unlink(fresh);
	mem_free(fresh);
	return good;
}

static bool
read_secret(int fd, struct cancel_secret *secret, const char *path, struct error *err)
{
	uint8_t secrets[SECRETS_MOST][CANCEL_SECRET_SIZE];
	char text[SECRETS_MOST * (HEX_SIZE + 1) + 1];
	struct stat status;
	ssize_t length = read(fd, text, sizeof(text));
	size_t count = length > 0 ? parse(text, (size_t)length, secrets) : 0;

	if (fstat(fd, &status) < 0 || (status.st_mode & 077) != 0)
		return error_set(err, ERROR_IO,
		    "%s may be read by others: give it mode 0600, and a new secret", path);
	if (count == 0)
		return error_set(err, ERROR_IO,
		    "%s: expected one or two lines of 64 hexadecimal digits (0-9, a-f)", path);
	cancel_secret_set(secret, secrets, count);
	explicit_bzero(secrets, sizeof(secrets));
	explicit_bzero(text, sizeof(text));
	return true;
}

bool
sibling_folder_secret(const char *folder, struct cancel_secret *secret, struct error *err)
{
	char *path = mem_printf("%s/cancel_secret", folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool good;

	if (fd < 0 && errno == ENOENT && make_secret(folder, path))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	good = fd >= 0 ? read_secret(fd, secret, path, err)
		       : error_set(err, ERROR_IO, "cannot read %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	mem_free(path);
	return good;
}
