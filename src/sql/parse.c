/*
 * parse.c - see parse.h. The only file that calls libpg_query.
 *
 * The library keeps state per thread and never lets go of its thread key, so it
 * must be called from long-lived threads only; what makes it slow or crash is
 * kept out by precheck.c and by the stack that the callers' threads have.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pg_query.h>

#include "base/mem.h"

#include "parse.h"

/* The parser counts characters from 1, our callers bytes. */
static int
byte_position(const char *text, int characters)
{
	const char *at = text;

	if (characters <= 0)
		return 0;
	while (--characters > 0 && *at != '\0') {
		at++;
		while ((*at & 0xc0) == 0x80)
			at++;
	}
	return (int)(at - text) + 1;
}

bool
parse(const char *text, struct parsed *parsed, struct error *err, int *position)
{
	PgQueryProtobufParseResult result = pg_query_parse_protobuf(text);

	if (result.error != NULL) {
		*position = byte_position(text, result.error->cursorpos);
		error_set_state(err, ERROR_SYNTAX, "42601", "%s", result.error->message);
		pg_query_free_protobuf_parse_result(result);
		return false;
	}
	*parsed = (struct parsed){ result.parse_tree.data, result.parse_tree.len };
	result.parse_tree.data = NULL;
	pg_query_free_protobuf_parse_result(result);
	return true;
}

void
parse_free(struct parsed *parsed)
{
	PgQueryProtobufParseResult result = { .parse_tree.data = parsed->memory };

	pg_query_free_protobuf_parse_result(result);
}

void
parse_fingerprint(const char *text, char fingerprint[FINGERPRINT_SIZE])
{
	PgQueryFingerprintResult result = pg_query_fingerprint(text);

	fingerprint[0] = '\0';
	if (result.error == NULL)
		snprintf(fingerprint, FINGERPRINT_SIZE, "pg15:%016" PRIx64,
		    result.fingerprint);
	pg_query_free_fingerprint_result(result);
}

char *
parse_normalize(const char *text)
{
	PgQueryNormalizeResult result = pg_query_normalize(text);
	char *normalized = NULL;

	if (result.error == NULL)
		normalized = mem_strdup(result.normalized_query);
	pg_query_free_normalize_result(result);
	return normalized;
}
