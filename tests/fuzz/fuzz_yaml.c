/*
 * fuzz_yaml.c - arbitrary bytes as pgweir.yaml. What is refused has a reason, and
 * what is accepted is printed and read back.
 */
#include <assert.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/yaml.h"
#include "fuzz.h"

/* Read as a configuration, unless it asks for further files of this machine. */
static struct config *
read_config(const char *text, size_t length)
{
	struct problems problems = { 0 };
	struct yaml *root = yaml_parse("fuzz.yaml", text, length, &problems);
	bool alone = root != NULL && yaml_get(root, "include") == NULL;
	struct config *config = NULL;

	assert((root != NULL) == (problems.errors == 0));
	if (alone)
		config = config_parse("fuzz.yaml", text, length, &problems);
	assert(!alone || (config != NULL) == (problems.errors == 0));
	yaml_tree_free(root);
	problems_free(&problems);
	return config;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct config *config = read_config((const char *)bytes, length);
	struct buf text = { 0 };
	struct config *again;

	if (config == NULL)
		return 0;
	config_print(config, &text);
	again = read_config((const char *)buf_bytes(&text), buf_length(&text));
	assert(again != NULL);
	config_release(again);
	config_release(config);
	buf_free(&text);
	return 0;
}
