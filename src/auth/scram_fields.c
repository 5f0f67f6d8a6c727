/* scram_fields.c - see scram_fields.h. */
#include <string.h>
#include <openssl/crypto.h>

#include "base/buf.h"
#include "base/text.h"
#include "scram_fields.h"

bool
scram_fields_open(struct scram_fields *fields, const uint8_t *message, size_t length,
    size_t most, struct error *err)
{
	if (length == 0)
		return error_set_state(err, ERROR_PROTOCOL, "08P01", "the SCRAM message is empty");
	if (length > most)
		return error_set_state(err, ERROR_PROTOCOL, "08P01",
		    "the SCRAM message has %zu bytes, at most %zu are accepted", length, most);
	if (memchr(message, '\0', length) != NULL)
		return error_set_state(
		    err, ERROR_PROTOCOL, "08P01", "the SCRAM message has a NUL byte in it");
	*fields = (struct scram_fields){
		.at = (const char *)message, .end = (const char *)message + length
	};
	return true;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A letter, '=', and anything up to a comma that has another field behind it, or the end. */
char
scram_any_field(struct scram_fields *fields, struct scram_span *value)
{
	size_t left = (size_t)(fields->end - fields->at);
	const char *comma;
	char name;

	*value = (struct scram_span){ fields->at, 0 };
	if (fields->bad || left < 2 || !is_letter(fields->at[0]) || fields->at[1] != '=') {
		fields->bad = true;
		return '\0';
	}
	name = fields->at[0];
	value->at = fields->at + 2;
	comma = memchr(value->at, ',', left - 2);
	value->length = (size_t)((comma != NULL ? comma : fields->end) - value->at);
	fields->at = comma != NULL ? comma + 1 : fields->end;
	fields->bad = comma != NULL && fields->at == fields->end;
	return name;
}

struct scram_span
scram_field(struct scram_fields *fields, char name)
{
	struct scram_span value;

	if (scram_any_field(fields, &value) != name)
		fields->bad = true;
	return value;
}

bool
scram_fields_done(const struct scram_fields *fields)
{
	return !fields->bad && fields->at == fields->end;
}

bool
scram_span_is(struct scram_span span, const char *text, size_t length)
{
	return span.length == length && CRYPTO_memcmp(span.at, text, length) == 0;
}

bool
scram_span_is_nonce(struct scram_span span)
{
	for (size_t i = 0; i < span.length; i++)
		if (span.at[i] < 0x21 || span.at[i] > 0x7e || span.at[i] == ',')
			return false;
	return span.length > 0;
}

bool
scram_span_number(struct scram_span span, uint32_t most, uint32_t *number)
{
	uint64_t value = 0;

	if (span.length == 0 || span.length > 10)
		return false;
	for (size_t i = 0; i < span.length; i++) {
		if (span.at[i] < '0' || span.at[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(span.at[i] - '0');
	}
	*number = (uint32_t)value;
	return value >= 1 && value <= most;
}

/* Decode base64 of least to most bytes into out. */
static bool
get_bytes(struct scram_span span, size_t least, size_t most, uint8_t *out, size_t *length)
{
	struct buf bytes = { 0 };
	bool good = span.length <= (most + 2) / 3 * 4 &&
	    text_get_base64(span.at, span.length, &bytes) && buf_length(&bytes) >= least &&
	    buf_length(&bytes) <= most;

	*length = buf_length(&bytes);
	if (good)
		memcpy(out, buf_bytes(&bytes), *length);
	if (bytes.data != NULL)
		OPENSSL_cleanse(bytes.data, bytes.size);
	buf_free(&bytes);
	return good;
}

bool
scram_span_key(struct scram_span span, uint8_t key[SCRAM_KEY_SIZE])
{
	size_t length;

	return get_bytes(span, SCRAM_KEY_SIZE, SCRAM_KEY_SIZE, key, &length);
}

bool
scram_span_salt(struct scram_span span, uint8_t salt[SCRAM_SALT_MOST], size_t *length)
{
	return get_bytes(span, 1, SCRAM_SALT_MOST, salt, length);
}
