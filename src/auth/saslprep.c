/* saslprep.c - see saslprep.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <stringprep.h>

#include "base/mem.h"
#include "base/text.h"
#include "saslprep.h"

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

char *
saslprep(const char *password)
{
	char *profiled = NULL;
	char *prepared;
	int rc;

	/* ASCII maps to itself, and most passwords are ASCII. */
	if (is_ascii(password) || !text_is_utf8(password, strlen(password)))
		return mem_strdup(password);
	rc = stringprep_profile(password, &profiled, "SASLprep", STRINGPREP_NO_UNASSIGNED);
	if (rc != STRINGPREP_OK)
		return mem_strdup(password);
	/* Nothing is left of a password of soft hyphens: PostgreSQL counts that as refused. */
	prepared = mem_strdup(profiled[0] != '\0' ? profiled : password);
	explicit_bzero(profiled, strlen(profiled));
	free(profiled); /* libidn's own malloc() */
	return prepared;
}
