/* parameters.c - see parameters.h. */
#include <string.h>

#include "base/mem.h"
#include "pool/parameters.h"

static struct parameter *
find(const struct parameters *parameters, const char *name)
{
	for (size_t i = 0; i < parameters->count; i++)
		if (strcmp(parameters->items[i].name, name) == 0)
			return &parameters->items[i];
	return NULL;
}

bool
parameters_set(struct parameters *parameters, const char *name, const char *value)
{
	struct parameter *parameter = find(parameters, name);

	if (parameter != NULL && strcmp(parameter->value, value) == 0)
		return false;
	if (parameter == NULL) {
		if (parameters->count == PARAMETERS_MOST)
			return false;
		parameters->items =
		    mem_resize(parameters->items, parameters->count + 1, sizeof(*parameter));
		parameter = &parameters->items[parameters->count++];
		*parameter = (struct parameter){ .name = mem_strdup(name) };
	}
	mem_free(parameter->value);
	parameter->value = mem_strdup(value);
	return true;
}

const char *
parameters_get(const struct parameters *parameters, const char *name)
{
	const struct parameter *parameter = find(parameters, name);

	return parameter == NULL ? NULL : parameter->value;
}

void
parameters_copy(struct parameters *to, const struct parameters *from)
{
	parameters_free(to);
	for (size_t i = 0; i < from->count; i++)
		parameters_set(to, from->items[i].name, from->items[i].value);
}

void
parameters_free(struct parameters *parameters)
{
	for (size_t i = 0; i < parameters->count; i++) {
		mem_free(parameters->items[i].name);
		mem_free(parameters->items[i].value);
	}
	mem_free(parameters->items);
	*parameters = (struct parameters){ 0 };
}
