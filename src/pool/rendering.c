/* rendering.c - see rendering.h. Called by the files of session that follow settings. */
#include <string.h>

#include "pool/rendering.h"

/*
 * What can be set and is reported. application_name is not here: it has no halves, and what is
 * reported when a client is greeted may be another's.
 */
static const struct reported_setting {
	const char *name;	 /* as settings have it */
	const char *reported_as;
} reported_settings[] = {
	{ "client_encoding", "client_encoding" },
	{ "datestyle", "DateStyle" },
	{ "default_transaction_read_only", "default_transaction_read_only" },
	{ "intervalstyle", "IntervalStyle" },
	{ "search_path", "search_path" },
	{ "standard_conforming_strings", "standard_conforming_strings" },
	{ "timezone", "TimeZone" },
};

enum { REPORTED_SETTINGS = sizeof(reported_settings) / sizeof(reported_settings[0]) };

static void
render(struct settings *settings, const char *name, const char *value)
{
	struct buf replay = { 0 };

	settings_put_set(&replay, name, value);
	buf_put_u8(&replay, 0);
	if (strcmp(settings_get(settings, name), (const char *)buf_bytes(&replay)) != 0)
		settings_set(settings, name, (const char *)buf_bytes(&replay));
	buf_free(&replay);
}

void
rendering_take(struct settings *settings, const struct parameters *reported)
{
	for (size_t i = 0; i < REPORTED_SETTINGS; i++) {
		const struct reported_setting *row = &reported_settings[i];
		const char *value = parameters_get(reported, row->reported_as);

		if (value != NULL && settings_get(settings, row->name) != NULL)
			render(settings, row->name, value);
	}
}

void
rendering_take_both(
    struct settings *client, struct settings *server, const struct parameters *reported)
{
	for (size_t i = 0; i < REPORTED_SETTINGS; i++) {
		const struct reported_setting *row = &reported_settings[i];
		const char *value = parameters_get(reported, row->reported_as);
		const char *wanted = settings_get(client, row->name);
		const char *had = settings_get(server, row->name);

		if (value == NULL || wanted == NULL || had == NULL || strcmp(wanted, had) != 0)
			continue;
		render(client, row->name, value);
		render(server, row->name, value);
	}
}
