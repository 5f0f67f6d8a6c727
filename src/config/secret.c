/* secret.c - see secret.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/secret.h"

bool
secret_open(const char *path, int *fd, struct error *err)
{
	struct stat st;

	/* Not blocking, so that a FIFO cannot hold the load up. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0 || fstat(*fd, &st) != 0) {
		error_set(err, ERROR_CONFIG, "cannot open %s: %s", path, strerror(errno));
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		error_set(err, ERROR_CONFIG, "%s is not a regular file", path);
		goto fail;
	}
	if ((st.st_mode & S_IRWXO) != 0) {
		error_set(err, ERROR_CONFIG,
		    "%s is open to every user of this machine (mode %04o): chmod o= %s", path,
		    (unsigned)(st.st_mode & 07777), path);
		goto fail;
	}
	return true;

fail:
	if (*fd >= 0)
		close(*fd);
	return false;
}

/* All of a small file; -1 with errno set when it cannot be read. */
static ssize_t
read_all(int fd, char *bytes, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t got = read(fd, bytes + length, size - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

/* The line that a secret's file consists of. */
static bool
secret_of_bytes(
    const char *path, const char *bytes, size_t length, char **secret, struct error *err)
{
	if (length > 0 && bytes[length - 1] == '\n')
		length--;
	if (length > 0 && bytes[length - 1] == '\r')
		length--;
	if (length > SECRET_BYTES_MOST)
		return error_set(err, ERROR_CONFIG, "%s is longer than %d bytes: it is no password",
		    path, SECRET_BYTES_MOST);
	if (length == 0)
		return error_set(err, ERROR_CONFIG, "%s is empty", path);
	if (memchr(bytes, '\n', length) != NULL)
		return error_set(err, ERROR_CONFIG,
		    "%s has more than one line: it must hold the password alone", path);
	if (memchr(bytes, '\0', length) != NULL)
		return error_set(err, ERROR_CONFIG, "%s has a NUL byte in it", path);
	*secret = mem_strndup(bytes, length);
	return true;
}

static bool
secret_of_path(const char *path, char **secret, struct error *err)
{
	char bytes[SECRET_BYTES_MOST + 3]; /* a line's end, and one more to see too long ones */
	ssize_t length;
	bool good;
	int fd;

	if (!secret_open(path, &fd, err))
		return false;
	length = read_all(fd, bytes, sizeof(bytes));
	good = length < 0
	    ? error_set(err, ERROR_CONFIG, "cannot read %s: %s", path, strerror(errno))
	    : secret_of_bytes(path, bytes, (size_t)length, secret, err);
	close(fd);
	explicit_bzero(bytes, sizeof(bytes));
	return good;
}

static bool
from_file(const char *name, const char *folder, char **secret, struct error *err)
{
	char *path = name[0] == '/' ? mem_strdup(name) : mem_printf("%s/%s", folder, name);
	bool good = secret_of_path(path, secret, err);

	mem_free(path);
	return good;
}

static bool
from_env(const char *name, const char *folder, char **secret, struct error *err)
{
	const char *value = getenv(name);

	(void)folder;
	if (value == NULL)
		return error_set(
		    err, ERROR_CONFIG, "the environment variable %s is not set", name);
	if (value[0] == '\0')
		return error_set(err, ERROR_CONFIG, "the environment variable %s is empty", name);
	*secret = mem_strdup(value);
	return true;
}

static bool
from_credential(const char *name, const char *folder, char **secret, struct error *err)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");

	(void)folder;
	if (strchr(name, '/') != NULL)
		return error_set(err, ERROR_CONFIG,
		    "a credential's name has no slash: name a file by ${file:PATH}");
	if (credentials == NULL)
		return error_set(err, ERROR_CONFIG,
		    "no credential %s: systemd passed none (LoadCredential= in the unit)", name);
	return from_file(name, credentials, secret, err);
}

static const struct source {
	const char *prefix;
	bool (*get)(const char *name, const char *folder, char **secret, struct error *err);
} sources[] = {
	{ "${file:", from_file },
	{ "${env:", from_env },
	{ "${cred:", from_credential },
};

bool
secret_resolve(const char *text, const char *folder, char **secret, struct error *err)
{
	size_t length = strlen(text);

	if (strncmp(text, "${", 2) != 0) {
		*secret = mem_strdup(text);
		return true;
	}
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		size_t prefix = strlen(sources[i].prefix);
		char *name;
		bool good;

		if (strncmp(text, sources[i].prefix, prefix) != 0)
			continue;
		if (length < prefix + 2 || text[length - 1] != '}')
			break;
		name = mem_strndup(text + prefix, length - prefix - 1);
		good = sources[i].get(name, folder, secret, err);
		mem_free(name);
		return good;
	}
	return error_set(err, ERROR_CONFIG,
	    "a secret that begins with ${ must be ${file:PATH}, ${env:NAME} or ${cred:NAME}");
}
