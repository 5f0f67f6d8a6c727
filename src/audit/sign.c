/* sign.c - see sign.h. Called by policy loading (through who loads) and by pgweirctl sign. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/sign.h"
#include "base/mem.h"
#include "keys.h"

enum { FILE_MOST = 16 * 1024 * 1024 };

struct trust {
	struct sign_key key;
};

struct trust *
trust_open(const char *public_key, struct error *err)
{
	struct trust *trust = mem_zalloc(1, sizeof(*trust));

	if (sign_key_read_public(&trust->key, public_key, err))
		return trust;
	mem_free(trust);
	return NULL;
}

void
trust_close(struct trust *trust)
{
	if (trust == NULL)
		return;
	sign_key_close(&trust->key);
	mem_free(trust);
}

/* A whole file, bounded. */
static bool
read_file(const char *path, size_t most, struct buf *bytes, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : 0;

	if (fd >= 0)
		do {
			got = read(fd, buf_reserve(bytes, 4096), 4096);
			if (got > 0)
				buf_grown(bytes, (size_t)got);
		} while (got > 0 && buf_length(bytes) <= most);
	if (got < 0)
		error_set(err, ERROR_IO, "cannot read %s: %s", path, strerror(errno));
	else if (got > 0)
		error_set(err, ERROR_IO, "%s is longer than %zu bytes", path, most);
	if (fd >= 0)
		close(fd);
	return got == 0;
}

/* The first line of FILE.sig. */
static bool
read_signature(const char *path, char sig[SIG_SIZE], struct error *err)
{
	struct buf text = { 0 };
	bool good = read_file(path, 4096, &text, err);
	size_t length = SIG_SIZE - 1;

	/* One line of base64, and nothing else. */
	if (good && (buf_length(&text) != length + 1 || buf_bytes(&text)[length] != '\n'))
		good = error_set(err, ERROR_CONFIG, "%s is no signature", path);
	if (good) {
		memcpy(sig, buf_bytes(&text), length);
		sig[length] = '\0';
	}
	buf_free(&text);
	return good;
}

bool
trust_holds(const struct trust *trust, const char *file, const void *bytes, size_t length,
    struct error *err)
{
	char *path = mem_printf("%s.sig", file);
	struct buf note = { 0 };
	char sig[SIG_SIZE];
	bool good = read_signature(path, sig, err);

	buf_put(&note, bytes, length);
	if (good && !sign_key_verify(&trust->key, &note, sig))
		good = error_set(err, ERROR_CONFIG,
		    "the signature in %s is not of these bytes by key %s", path, trust->key.id);
	buf_free(&note);
	mem_free(path);
	return good;
}

static bool
holds(void *arg, const char *file, const void *bytes, size_t length, struct error *err)
{
	return trust_holds(arg, file, bytes, length, err);
}

struct policies *
policies_signed(const struct config *config, struct problems *problems)
{
	struct trust *trust;
	struct policies *policies;
	struct error err;

	if (config->policies_trust[0] == '\0')
		return policies_load(config->policies, problems);
	trust = trust_open(config->policies_trust, &err);
	if (trust == NULL) {
		problems_add(problems, config->policies_trust, 0, 0, "policies_trust: %s", err.text);
		return NULL;
	}
	policies = policies_load_trusted(config->policies,
	    &(struct policies_trust){ .holds = holds, .arg = trust }, problems);
	trust_close(trust);
	return policies;
}

/* All of it or nothing: a new file takes the place of the old one. */
static bool
write_signature(const char *file, const char *sig, struct error *err)
{
	char *path = mem_printf("%s.sig", file), *fresh = mem_printf("%s.sig.new", file);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	bool good = fd >= 0 && dprintf(fd, "%s\n", sig) > 0 && fsync(fd) == 0;

	if (fd >= 0)
		good = close(fd) == 0 && good;
	good = good && rename(fresh, path) == 0;
	if (!good)
		error_set(err, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
	mem_free(path);
	mem_free(fresh);
	return good;
}

static bool
sign_file(const struct sign_key *key, const char *file, struct error *err)
{
	struct buf bytes = { 0 };
	char sig[SIG_SIZE];
	bool good = read_file(file, FILE_MOST, &bytes, err);

	if (good) {
		sign_key_sign(key, &bytes, sig);
		good = write_signature(file, sig, err);
	}
	buf_free(&bytes);
	return good;
}

bool
sign_files(const char *private_key, char *const *files, size_t count, struct error *err)
{
	struct sign_key key = { 0 };
	bool good = sign_key_read(&key, private_key, err);

	for (size_t i = 0; good && i < count; i++)
		good = sign_file(&key, files[i], err);
	sign_key_close(&key);
	return good;
}
