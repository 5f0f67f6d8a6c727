/* name_regex.c - see name_regex.h. Called by hba.c and ident.c; names come from strangers. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include <pcre2.h>
#include <string.h>

#include "base/mem.h"
#include "name_regex.h"

enum {
	STEPS_MOST = 20000, /* a fraction of a millisecond, on a worker's thread */
	HEAP_KIB_MOST = 256,
};

struct name_regex {
	pcre2_code *code;
	uint32_t captures;
};

struct name_regex *
name_regex_new(const char *text, struct error *err)
{
	PCRE2_UCHAR message[160];
	PCRE2_SIZE offset = 0;
	int number = 0;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, strlen(text),
	    PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
		PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL,
	    &number, &offset, NULL);
	struct name_regex *regex;

	if (code == NULL) {
		pcre2_get_error_message(number, message, sizeof(message));
		error_set(err, ERROR_CONFIG, "bad regular expression \"%.200s\": %s at character %zu",
		    text, (const char *)message, (size_t)offset + 1);
		return NULL;
	}
	regex = mem_zalloc(1, sizeof(*regex));
	regex->code = code;
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &regex->captures);
	return regex;
}

void
name_regex_free(struct name_regex *regex)
{
	if (regex == NULL)
		return;
	pcre2_code_free(regex->code);
	mem_free(regex);
}

unsigned
name_regex_captures(const struct name_regex *regex)
{
	return regex->captures;
}

/* Match; the caller frees the data that it may ask for parts. NULL: it does not fit. */
static pcre2_match_data *
match(const struct name_regex *regex, const char *name, bool *undecided)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(regex->code, NULL);
	int found = PCRE2_ERROR_NOMEMORY;

	if (context != NULL && data != NULL) {
		pcre2_set_match_limit(context, STEPS_MOST);
		pcre2_set_heap_limit(context, HEAP_KIB_MOST);
		found = pcre2_match(
		    regex->code, (PCRE2_SPTR)name, strlen(name), 0, 0, data, context);
	}
	pcre2_match_context_free(context);
	if (found >= 0)
		return data;
	if (undecided != NULL && found != PCRE2_ERROR_NOMATCH)
		*undecided = true;
	pcre2_match_data_free(data);
	return NULL;
}

bool
name_regex_fits(const struct name_regex *regex, const char *name, bool *undecided)
{
	pcre2_match_data *data = match(regex, name, undecided);

	pcre2_match_data_free(data);
	return data != NULL;
}

char *
name_regex_replace(const struct name_regex *regex, const char *name, const char *form)
{
	pcre2_match_data *data = match(regex, name, NULL);
	const char *place = strstr(form, "\\1");
	const PCRE2_SIZE *at;
	char *made = NULL;

	if (data == NULL)
		return NULL;
	at = pcre2_get_ovector_pointer(data);
	if (place == NULL || regex->captures == 0)
		made = mem_strdup(form);
	else if (pcre2_get_ovector_count(data) > 1 && at[2] != PCRE2_UNSET && at[2] <= at[3])
		made = mem_printf("%.*s%.*s%s", (int)(place - form), form, (int)(at[3] - at[2]),
		    name + at[2], place + 2);
	pcre2_match_data_free(data);
	return made;
}
