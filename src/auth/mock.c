/* mock.c - see mock.h. */
#include <pthread.h>
#include <string.h>

#include "auth/conversation.h"
#include "base/buf.h"
#include "base/mem.h"
#include "md5.h"
#include "mock.h"
#include "process_key.h"
#include "scram.h"

enum {
	SHAPES_MOST = 16,
	SALT_OURS = 16, /* bytes, as PostgreSQL's */
};

/* What is visible of a stored secret from outside, and how many look so. */
struct shape {
	enum secret_kind kind;
	uint32_t iterations;
	size_t salt_length;
	uint64_t count;
};

static struct {
	struct shape shapes[SHAPES_MOST];
	size_t shape_count;
	uint64_t secret_count;
} seen;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A digest that depends on what it is for and on the name. */
static bool
digest(const char *purpose, const char *user, uint8_t out[PROCESS_DIGEST_SIZE])
{
	struct buf all = { 0 };
	bool good;

	buf_put_cstring(&all, purpose);
	buf_put_cstring(&all, user);
	good = process_digest(buf_bytes(&all), buf_length(&all), out);
	buf_free(&all);
	return good;
}

static struct shape
shape_of(const char *secret)
{
	struct shape shape = { SECRET_CLEAR, SCRAM_ITERATIONS_OURS, SALT_OURS, 1 };
	struct scram_verifier verifier;

	if (scram_verifier_parse(secret, &verifier)) {
		shape.kind = SECRET_SCRAM;
		shape.iterations = verifier.iterations;
		shape.salt_length = verifier.salt_length;
		if (shape.salt_length > PROCESS_DIGEST_SIZE)
			shape.salt_length = PROCESS_DIGEST_SIZE;
	}
	return shape;
}

/* Where it stands among those seen; their count if it is new. */
static size_t
find_shape(const struct shape *shape)
{
	size_t i;

	for (i = 0; i < seen.shape_count; i++)
		if (seen.shapes[i].kind == shape->kind &&
		    seen.shapes[i].iterations == shape->iterations &&
		    seen.shapes[i].salt_length == shape->salt_length)
			break;
	return i;
}

static void
count_shape(const struct shape *shape)
{
	size_t i = find_shape(shape);

	if (i == SHAPES_MOST)
		return;
	if (i == seen.shape_count)
		seen.shapes[seen.shape_count++] = (struct shape){
			shape->kind, shape->iterations, shape->salt_length, 0
		};
	seen.shapes[i].count++;
	seen.secret_count++;
}

void
auth_mock_resemble(const char *const *secrets, size_t count)
{
	pthread_mutex_lock(&lock);
	memset(&seen, 0, sizeof(seen));
	for (size_t i = 0; i < count; i++) {
		struct shape shape = shape_of(secrets[i]);

		count_shape(&shape);
	}
	pthread_mutex_unlock(&lock);
}

void
auth_mock_learn(const char *secret)
{
	struct shape shape = shape_of(secret);

	pthread_mutex_lock(&lock);
	if (find_shape(&shape) == seen.shape_count)
		count_shape(&shape);
	pthread_mutex_unlock(&lock);
}

/* The name picks; each shape is as frequent among made-up secrets as among real ones. */
static struct shape
pick_shape(uint64_t by_name)
{
	struct shape picked = shape_of("");
	size_t i = 0;

	pthread_mutex_lock(&lock);
	if (seen.secret_count > 0) {
		by_name %= seen.secret_count;
		while (by_name >= seen.shapes[i].count)
			by_name -= seen.shapes[i++].count;
		picked = seen.shapes[i];
	}
	pthread_mutex_unlock(&lock);
	return picked;
}

bool
mock_salt(const char *user, uint8_t *salt, size_t length)
{
	uint8_t bytes[PROCESS_DIGEST_SIZE];

	if (length > sizeof(bytes) || !digest("salt", user, bytes))
		return false;
	memcpy(salt, bytes, length);
	return true;
}

static char *
mock_verifier(const char *user, const struct shape *shape)
{
	struct scram_verifier verifier = { .iterations = shape->iterations,
		.salt_length = shape->salt_length };
	struct buf text = { 0 };

	if (!mock_salt(user, verifier.salt, verifier.salt_length) ||
	    !digest("stored key", user, verifier.stored_key) ||
	    !digest("server key", user, verifier.server_key))
		return mem_strdup("");
	scram_verifier_put(&text, &verifier);
	return buf_steal_text(&text);
}

static char *
mock_md5(const char *user)
{
	uint8_t bytes[PROCESS_DIGEST_SIZE];
	char text[MD5_TEXT_SIZE];

	if (!digest("md5", user, bytes))
		return mem_strdup("");
	md5_put_hex(bytes, text);
	return mem_strdup(text);
}

char *
mock_secret(enum auth_method method, const char *user)
{
	uint8_t bytes[PROCESS_DIGEST_SIZE];
	uint64_t by_name;
	struct shape shape;

	if (!digest("shape", user, bytes))
		return mem_strdup("");
	memcpy(&by_name, bytes, sizeof(by_name));
	shape = pick_shape(by_name);
	if (method == AUTH_METHOD_SCRAM || shape.kind == SECRET_SCRAM)
		return mock_verifier(user, &shape);
	return mock_md5(user);
}
