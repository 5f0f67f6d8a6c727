/*
 * fuzz_startup.c - arbitrary bytes as the first packet of a connection. What is
 * refused has a reason and an SQLSTATE; what is taken is bounded and has a user.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "wire/build.h"
#include "wire/startup.h"

/* Names that passed once pass again. */
static void
check_names(const struct startup *startup)
{
	const char *const pairs[] = { "user", startup->user, "database", startup->database };
	struct buf packet = { 0 };
	struct startup again;
	struct error err;

	build_startup(&packet, pairs, 2);
	assert(startup_parse(buf_bytes(&packet), buf_length(&packet), &again, &err));
	assert(strcmp(again.user, startup->user) == 0);
	assert(strcmp(again.database, startup->database) == 0);
	startup_free(&again);
	buf_free(&packet);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct startup startup;
	struct error err = { 0 };
	size_t packet = 0;

	if (startup_length(bytes, length, &packet) == STARTUP_GOOD)
		assert(packet >= 8 && packet <= STARTUP_MOST);
	if (!startup_parse(bytes, length, &startup, &err)) {
		assert(err.text[0] != '\0' && strlen(err.sqlstate) == 5);
		return 0;
	}
	if (startup.kind == STARTUP_LOGIN) {
		assert(startup.user != NULL && startup.user[0] != '\0');
		assert(startup.database != NULL && startup.database[0] != '\0');
		assert(startup.parameter_count <= STARTUP_PARAMETERS_MOST);
		for (size_t i = 0; i < startup.parameter_count; i++)
			assert(startup.parameters[i].name[0] != '\0');
		check_names(&startup);
	}
	startup_free(&startup);
	return 0;
}
