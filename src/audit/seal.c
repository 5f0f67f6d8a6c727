/* seal.c - see seal.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal.h"
#include "base/mem.h"

enum { SEAL_MOST = 4096, SEAL_LINES = 7 };

/* The name without its folder and without ".zst". */
static char *
plain_name(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash != NULL ? slash + 1 : file;
	size_t length = strlen(name);

	if (length > 4 && strcmp(name + length - 4, ".zst") == 0)
		length -= 4;
	return mem_strndup(name, length);
}

char *
seal_path(const char *file)
{
	char *name = plain_name(file);
	const char *slash = strrchr(file, '/');
	char *dot = strrchr(name, '.');
	char *path;

	if (dot != NULL && dot != name)
		*dot = '\0';
	path = mem_printf("%.*s%s.sig", slash != NULL ? (int)(slash + 1 - file) : 0, file, name);
	mem_free(name);
	return path;
}

void
seal_digest(EVP_MD_CTX *context, char sha256[65])
{
	uint8_t digest[32] = { 0 };

	EVP_DigestFinal_ex(context, digest, NULL);
	for (int i = 0; i < 32; i++)
		snprintf(sha256 + 2 * i, 3, "%02x", digest[i]);
}

/* The seven lines that are signed. */
static void
put_note(struct buf *out, const struct seal *seal, const char *file)
{
	char *name = plain_name(file);

	buf_put_text(out, "pgweir-audit-file-v1\n");
	buf_put(out, seal->instance, seal->instance_length);
	buf_printf(out, "\n%s\n%" PRIu64 "\n%s\n%" PRIu64 "\n%" PRIu64 "\n", name, seal->bytes,
	    seal->sha256, seal->first_seq, seal->last_seq);
	mem_free(name);
}

bool
seal_write(const struct seal *seal, const char *file, const struct sign_key *key,
    struct error *err)
{
	char *path = seal_path(file);
	struct buf text = { 0 };
	char sig[SIG_SIZE];
	struct stat sealed;
	bool good;
	int fd;

	put_note(&text, seal, file);
	sign_key_sign(key, &text, sig);
	buf_printf(&text, "sig %s\n", sig);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	good = fd >= 0 && stat(file, &sealed) == 0 &&
	    fchown(fd, (uid_t)-1, sealed.st_gid) == 0 &&
	    write(fd, buf_bytes(&text), buf_length(&text)) == (ssize_t)buf_length(&text) &&
	    fsync(fd) == 0;
	if (!good)
		error_set(err, ERROR_IO, "cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	buf_free(&text);
	mem_free(path);
	return good;
}

static bool
is_signed_by(const struct sign_key *keys, size_t count, const struct buf *note, const char *sig)
{
	for (size_t i = 0; i < count; i++)
		if (sign_key_verify(&keys[i], note, sig))
			return true;
	return false;
}

/* The length of a text's first seven lines, 0 when it has fewer. */
static size_t
note_length(const char *text)
{
	const char *at = text;

	for (int i = 0; i < SEAL_LINES; i++) {
		at = strchr(at, '\n');
		if (at == NULL)
			return 0;
		at++;
	}
	return (size_t)(at - text);
}

/* The second line is the instance; it is not known otherwise, and it is signed. */
static bool
take_instance(struct seal *seal, const char *text)
{
	const char *begin = strchr(text, '\n');
	const char *end = begin != NULL ? strchr(begin + 1, '\n') : NULL;

	if (end == NULL)
		return false;
	seal->instance = begin + 1;
	seal->instance_length = (size_t)(end - begin) - 1;
	return true;
}

static bool
check_text(const struct seal *read, const char *file, const char *text,
    const struct sign_key *keys, size_t key_count, char reason[200])
{
	size_t length = note_length(text);
	struct seal seal = *read;
	struct buf note = { 0 };
	char sig[SIG_SIZE] = "";
	bool same, good;

	if (length == 0 || !take_instance(&seal, text)) {
		snprintf(reason, 200, "the .sig beside it is not one");
		return false;
	}
	put_note(&note, &seal, file);
	same = buf_length(&note) == length && memcmp(buf_bytes(&note), text, length) == 0;
	sscanf(text + length, "sig %88s", sig);
	good = same && (keys == NULL || is_signed_by(keys, key_count, &note, sig));
	if (!same)
		snprintf(reason, 200, "the file is not the one that its .sig tells: size, SHA-256, "
				      "first or last seq differ");
	else if (!good)
		snprintf(reason, 200, "the signature in its .sig is not good under the public key");
	buf_free(&note);
	return good;
}

enum seal_state
seal_check(const struct seal *read, const char *file, const struct sign_key *keys,
    size_t key_count, char reason[200])
{
	char *path = seal_path(file);
	FILE *opened = fopen(path, "re");
	char text[SEAL_MOST];
	size_t length;

	mem_free(path);
	if (opened == NULL)
		return SEAL_NONE;
	length = fread(text, 1, sizeof(text) - 1, opened);
	fclose(opened);
	text[length] = '\0';
	return check_text(read, file, text, keys, key_count, reason) ? SEAL_GOOD : SEAL_BAD;
}
