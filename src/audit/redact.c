/*
 * redact.c - what of a text must not stand in the logs: comments, bodies of
 * functions, and whole texts that hold a secret by their kind. Used by parts.c;
 * literals and passwords are hidden before, in sql's normalized text.
 */
#include <ctype.h>

#include "audit_internal.h"
#include "base/text.h"

/* ---- a text without its comments and bodies ---- */

/* Where the scan of redact_text() stands. */
struct scan {
	const char *text;
	size_t length, at;
	struct buf *out;
	struct buf *cuts;
};

static bool
is_name_byte(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || byte == '$' || (byte & 0x80);
}

static bool
looking_at(const struct scan *scan, const char *word)
{
	size_t length = strlen(word);

	return scan->length - scan->at >= length &&
	    memcmp(scan->text + scan->at, word, length) == 0;
}

static void
copy_to(struct scan *scan, size_t end)
{
	buf_put(scan->out, scan->text + scan->at, end - scan->at);
	scan->at = end;
}

/* A comment becomes a blank; block comments nest. */
static void
skip_comment(struct scan *scan)
{
	int depth = 0;

	if (scan->text[scan->at] == '-') {
		while (scan->at < scan->length && scan->text[scan->at] != '\n')
			scan->at++;
		return;
	}
	do {
		if (looking_at(scan, "/*")) {
			depth++;
			scan->at += 2;
		} else if (looking_at(scan, "*/")) {
			depth--;
			scan->at += 2;
		} else {
			scan->at++;
		}
	} while (depth > 0 && scan->at < scan->length);
	buf_put_u8(scan->out, ' ');
}

/* One past the closing quote; a doubled quote does not close, nor one behind a backslash. */
static size_t
quote_end(const struct scan *scan, char quote, bool backslashes)
{
	size_t at = scan->at + 1;

	for (; at < scan->length; at++) {
		if (backslashes && scan->text[at] == '\\')
			at++;
		else if (scan->text[at] == quote && at + 1 < scan->length &&
		    scan->text[at + 1] == quote)
			at++;
		else if (scan->text[at] == quote)
			return at + 1;
	}
	return scan->length;
}

/* Length of the opening $tag$ at the scan's place, or 0. */
static size_t
dollar_tag(const struct scan *scan)
{
	size_t at = scan->at + 1;

	if (scan->at > 0 && is_name_byte(scan->text[scan->at - 1]))
		return 0;
	if (at < scan->length && isdigit((unsigned char)scan->text[at]))
		return 0;
	while (at < scan->length && scan->text[at] != '$' && is_name_byte(scan->text[at]))
		at++;
	return at < scan->length && scan->text[at] == '$' ? at + 1 - scan->at : 0;
}

static void
put_dollar_quoted(struct scan *scan, size_t tag, enum redact_bodies bodies)
{
	const char *body = scan->text + scan->at + tag;
	const char *close = memmem(body, scan->length - scan->at - tag, scan->text + scan->at, tag);
	size_t length = close != NULL ? (size_t)(close - body) : scan->length - scan->at - tag;
	size_t end = close != NULL ? scan->at + 2 * tag + length : scan->length;
	char hash[CHAIN_HASH_SIZE];
	struct chain chain;

	if (bodies == REDACT_KEEP_BODIES) {
		copy_to(scan, end);
		return;
	}
	chain_open(&chain);
	chain_hash(&chain, body, length, hash);
	chain_close(&chain);
	buf_printf(scan->out, "'[%zu bytes, SHA-256 %s]'", length, hash);
	scan->at = end;
}

static void
put_quoted(struct scan *scan)
{
	char quote = scan->text[scan->at];
	bool escapes = quote == '\'' && scan->at > 0 && tolower((unsigned char)scan->text[scan->at - 1]) == 'e' &&
	    (scan->at == 1 || !is_name_byte(scan->text[scan->at - 2]));

	copy_to(scan, quote_end(scan, quote, escapes));
}

void
redact_text(const char *text, size_t length, enum redact_bodies bodies, struct buf *out,
    struct buf *cuts)
{
	struct scan scan = { text, length, 0, out, cuts };
	int depth = 0;

	while (scan.at < length) {
		char byte = text[scan.at];
		size_t tag = byte == '$' ? dollar_tag(&scan) : 0;

		if (looking_at(&scan, "--") || looking_at(&scan, "/*")) {
			skip_comment(&scan);
		} else if (byte == '\'' || byte == '"') {
			put_quoted(&scan);
		} else if (tag > 0) {
			put_dollar_quoted(&scan, tag, bodies);
		} else {
			uint32_t here = (uint32_t)buf_length(out);

			depth += (byte == '(') - (byte == ')');
			if (byte == ';' && depth == 0)
				buf_put(cuts, &here, sizeof(here));
			copy_to(&scan, scan.at + 1);
		}
	}
}

/* ---- which texts hold secrets by their kind ---- */

static bool
fits_any(const char *word, const char *const *patterns)
{
	for (; *patterns != NULL; patterns++)
		if (text_fits_glob(*patterns, word))
			return true;
	return false;
}

static bool
statement_is_secret(const struct sql_statement *statement)
{
	static const char *const verbs[] = { "*SUBSCRIPTION*", "*SERVER*", "*USER*", "*ROLE*",
		"*FOREIGN*", NULL };
	static const char *const functions[] = { "dblink*", "pgp_sym_*", "crypt", "encrypt*",
		"decrypt*", "hmac", NULL };

	if ((statement->classes & (SQL_ROLE | SQL_COPY_PROGRAM)) != 0 ||
	    (statement->verb != NULL && fits_any(statement->verb, verbs)))
		return true;
	for (size_t i = 0; i < statement->function_count; i++)
		if (fits_any(statement->functions[i], functions))
			return true;
	return false;
}

bool
redact_raw_is_safe(const char *text, size_t length, const struct sql_facts *facts)
{
	if (facts == NULL) {
		/* Not understood: any mention of a password is one too many. */
		for (size_t i = 0; i + 8 <= length; i++)
			if (strncasecmp(text + i, "password", 8) == 0)
				return false;
		return true;
	}
	for (size_t i = 0; i < facts->statement_count; i++)
		if (statement_is_secret(&facts->statements[i]))
			return false;
	return true;
}
