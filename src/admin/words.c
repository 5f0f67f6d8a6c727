/* words.c - see words.h. */
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "words.h"

static const char blanks[] = " \t\r\n\f\v";

/* The first byte that is neither blank nor comment. A comment that is not ended ends the
 * text. */
static const char *
skip_blanks(const char *at)
{
	for (;;) {
		at += strspn(at, blanks);
		if (strncmp(at, "--", 2) == 0) {
			at += strcspn(at, "\n");
		} else if (strncmp(at, "/*", 2) == 0) {
			const char *end = strstr(at + 2, "*/");

			at = end == NULL ? at + strlen(at) : end + 2;
		} else {
			return at;
		}
	}
}

/* Text in quotes that begins at *at; NULL when the closing quote is missing. */
static char *
read_quoted(const char **at)
{
	const char quote = **at, *from = *at + 1;
	struct buf text = { 0 };

	for (;;) {
		size_t run = strcspn(from, quote == '"' ? "\"" : "'");

		buf_put(&text, from, run);
		from += run;
		if (*from == '\0') {
			buf_free(&text);
			return NULL;
		}
		if (from[1] != quote)
			break;
		buf_put_u8(&text, (uint8_t)quote);
		from += 2;
	}
	*at = from + 1;
	return buf_steal_text(&text);
}

static char *
read_plain(const char **at)
{
	size_t length =
	    strchr("=,", **at) != NULL ? 1 : strcspn(*at, " \t\r\n\f\v;\"'=,");
	char *word = mem_strndup(*at, length);

	*at += length;
	return word;
}

static bool
fail(struct words *words, struct error *err, const char *why)
{
	words_free(words);
	return error_set_state(err, ERROR_SYNTAX, "42601", "%s", why);
}

bool
words_read(const char **at, struct words *words, struct error *err)
{
	*words = (struct words){ 0 };
	for (*at = skip_blanks(*at); **at != '\0' && **at != ';';
	     *at = skip_blanks(*at)) {
		char *word;

		if (words->count == WORDS_MOST)
			return fail(
			    words, err, "the command has too many words: see SHOW HELP");
		word = **at == '"' || **at == '\'' ? read_quoted(at) : read_plain(at);
		if (word == NULL)
			return fail(words, err, "a quoted text has no closing quote");
		words->items[words->count++] = word;
	}
	if (**at == ';')
		(*at)++;
	return true;
}

void
words_free(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		mem_free(words->items[i]);
	*words = (struct words){ 0 };
}

const char *
words_at(const struct words *words, size_t i)
{
	return i < words->count ? words->items[i] : "";
}

bool
words_is(const struct words *words, size_t i, const char *word)
{
	return strcasecmp(words_at(words, i), word) == 0;
}

bool
words_are_left(const char *at)
{
	for (at = skip_blanks(at); *at == ';'; at = skip_blanks(at + 1))
		continue;
	return *at != '\0';
}
