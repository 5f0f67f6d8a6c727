/*
 * fuzz_object.c - arbitrary bytes as a line of the access log. What object_scan() takes,
 * jansson takes, without duplicate keys and with the same members; object_read() takes
 * just what jansson does.
 */
#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "fuzz.h"
#include "base/mem.h"
#include "base/object.h"

static void
check_members(const struct object *object, const json_t *json)
{
	assert(object->count == json_object_size(json));
	for (size_t i = 0; i < object->count; i++) {
		struct object_member *member = &object->members[i];
		json_t *value = NULL;
		char *key = mem_strndup(member->key, member->key_length);

		if (strchr(key, '\\') == NULL) {
			value = json_object_get(json, key);
			assert(value != NULL);
		}
		if (value != NULL && member->kind == OBJECT_TEXT)
			assert(strcmp(object_text(member), json_string_value(value)) == 0);
		if (json_is_integer(value))
			assert(object_number(member) == json_integer_value(value));
		mem_free(key);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	json_t *strict = json_loadb((const char *)bytes, length, JSON_REJECT_DUPLICATES, NULL);
	json_t *lax = json_loadb((const char *)bytes, length, 0, NULL);
	char *line = mem_alloc(length + 1); /* one more: no memory of no bytes */
	struct object object = { 0 };

	memcpy(line, bytes, length);
	if (object_scan(&object, line, length)) {
		assert(json_is_object(strict));
		check_members(&object, strict);
		memcpy(line, bytes, length);
	}
	assert(object_read(&object, line, length) == json_is_object(lax));
	if (json_is_object(lax))
		check_members(&object, lax);
	object_free(&object);
	mem_free(line);
	json_decref(strict);
	json_decref(lax);
	return 0;
}
