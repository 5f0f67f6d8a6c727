/*
 * load.c - policy files: found by a glob, read, checked, tested, and made one
 * set. All or nothing: a single fault leaves the caller with the set it has.
 * Called by the daemon at start and reload, and by pgweirctl.
 *
 * The digest is SHA-256 as auditors compute it, so libcrypto's EVP is used
 * here: the one place of this layer, and no type of it leaves the function.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "policy_internal.h"

enum {
	POLICY_BYTES_MOST = 4 * 1024 * 1024,
	OVERSIZE_ABOVE = 64 * 1024,
	OVERSIZE_LEAST = 1024,
	SHA256_BYTES = 32,
};

static const struct field policy_fields[] = { { "apiVersion" }, { "kind" },
	{ "metadata" }, { "mode" }, { "applies_to" },
	{ "defaults" }, { "sets" }, { "rules" }, { "exceptions" },
	{ "tests" } };
static const struct field metadata_fields[] = { { "name" }, { "owner" },
	{ "revision" } };
static const struct field applies_fields[] = { { "databases" }, { "users" },
	{ "roles" } };
static const struct field default_fields[] = { { "action" },
	{ "on_unparseable" }, { "on_oversize" }, { "limits" },
	{ "client_settings" } };
static const struct field oversize_fields[] = { { "above" }, { "action" } };

static atomic_uint generations;

/* ---- one file ---- */

static void
read_metadata(struct reader *reader, struct policy *policy)
{
	const struct yaml *metadata = yaml_get(policy->tree, "metadata");
	const char *text;

	if (metadata == NULL) {
		yaml_problem(
		    reader->problems, policy->tree, "\"metadata\" is missing: it gives the name");
		return;
	}
	if (!fields_check(reader, metadata, "metadata", metadata_fields,
		ARRAY_LENGTH(metadata_fields)) && metadata->kind != YAML_MAP)
		return;
	text = field_text(reader, metadata, "name", true);
	policy->name = text != NULL ? text : "";
	text = field_text(reader, metadata, "owner", false);
	policy->owner = text != NULL ? text : "";
	text = field_text(reader, metadata, "revision", false);
	policy->revision = text != NULL ? text : "";
	if (policy->name[strspn(policy->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
					      "XYZ0123456789-_.")] != '\0')
		yaml_problem(reader->problems, yaml_get(metadata, "name"),
		    "name \"%s\": use letters, digits, dashes, dots and underscores",
		    policy->name);
}

static void
read_header(struct reader *reader, struct policy *policy)
{
	static const char *const versions[] = { "pgweir/v1" };
	static const char *const kinds[] = { "GuardrailPolicy" };
	int mode = field_choice(reader, policy->tree, "mode", rule_mode_names,
	    ARRAY_LENGTH(rule_mode_names), POLICY_MODE_ENFORCE);

	if (field_choice(reader, policy->tree, "apiVersion", versions, 1, -2) == -2)
		yaml_problem(reader->problems, policy->tree,
		    "\"apiVersion\" is missing: write apiVersion: pgweir/v1");
	if (field_choice(reader, policy->tree, "kind", kinds, 1, -2) == -2)
		yaml_problem(reader->problems, policy->tree,
		    "\"kind\" is missing: write kind: GuardrailPolicy");
	policy->mode = mode < 0 ? POLICY_MODE_ENFORCE : (enum policy_mode)mode;
	read_metadata(reader, policy);
}

static void
read_applies(struct reader *reader, struct policy *policy)
{
	const struct yaml *node = yaml_get(policy->tree, "applies_to");
	const struct {
		enum match_key key;
		struct pattern_list *list;
	} lists[] = { { MATCH_DATABASE, &policy->databases }, { MATCH_USER, &policy->users },
		{ MATCH_ROLE, &policy->roles } };

	if (node == NULL)
		return;
	fields_check(
	    reader, node, "applies_to", applies_fields, ARRAY_LENGTH(applies_fields));
	for (size_t i = 0; i < ARRAY_LENGTH(lists) && node->kind == YAML_MAP; i++) {
		const struct yaml *names = yaml_get(node, applies_fields[i].name);

		if (names != NULL)
			match_read_list(reader, names, lists[i].key, "applies_to", lists[i].list);
	}
}

static void
read_oversize(struct reader *reader, const struct yaml *defaults, struct policy *policy)
{
	static const char *const actions[] = { "deny", "allow_log", "allow_insert_only" };
	const struct yaml *node = yaml_get(defaults, "on_oversize");
	const char *above;
	int64_t bytes = OVERSIZE_ABOVE;
	int action;

	if (node == NULL)
		return;
	fields_check(
	    reader, node, "on_oversize", oversize_fields, ARRAY_LENGTH(oversize_fields));
	if (node->kind != YAML_MAP)
		return;
	policy->oversize.line = node->line;
	action = field_choice(
	    reader, node, "action", actions, ARRAY_LENGTH(actions), OVERSIZE_DENY);
	policy->oversize_action = action < 0 ? OVERSIZE_DENY : (enum oversize_action)action;
	above = field_text(reader, node, "above", false);
	if (above == NULL)
		return;
	if (!text_to_size(above, &bytes) || bytes < OVERSIZE_LEAST || bytes > SQL_TEXT_MOST)
		yaml_problem(reader->problems, yaml_get(node, "above"),
		    "above: \"%s\" is not a size from 1KiB to 256KiB", above);
	else
		policy->oversize_above = (size_t)bytes;
}

static void
read_defaults(struct reader *reader, struct policy *policy)
{
	static const char *const otherwise[] = { "allow", "deny" };
	static const char *const unparseable[] = { "deny", "allow_log" };
	const struct yaml *node = yaml_get(policy->tree, "defaults");
	const struct yaml *limits, *at;

	if (node == NULL)
		return;
	fields_check(reader, node, "defaults", default_fields, ARRAY_LENGTH(default_fields));
	if (node->kind != YAML_MAP)
		return;
	policy->otherwise_denies = field_choice(reader, node, "action", otherwise, 2, 0) == 1;
	policy->unparseable_denies =
	    field_choice(reader, node, "on_unparseable", unparseable, 2, 0) != 1;
	if ((at = yaml_get(node, "action")) != NULL)
		policy->otherwise.line = at->line;
	if ((at = yaml_get(node, "on_unparseable")) != NULL)
		policy->unparseable.line = at->line;
	read_oversize(reader, node, policy);
	limits = yaml_get(node, "limits");
	if (limits != NULL)
		limits_read(reader, limits, "limits", &policy->limits);
	if ((at = yaml_get(node, "client_settings")) != NULL)
		match_read_list(
		    reader, at, MATCH_USER, "client_settings", &policy->client_settings);
}

static void
check_sets(struct reader *reader)
{
	const struct yaml *sets = reader->sets;

	if (sets->kind != YAML_MAP) {
		yaml_problem(reader->problems, sets, "sets must be a map, not %s",
		    yaml_kind_name(sets->kind));
		return;
	}
	for (size_t i = 0; i < sets->count; i++) {
		const struct yaml *set = sets->items[i];

		if (set->kind != YAML_LIST || set->count == 0) {
			yaml_problem(reader->problems, set,
			    "set \"%s\" must be a list with something in it", sets->keys[i]->text);
			continue;
		}
		for (size_t j = 0; j < set->count; j++)
			if (set->items[j]->kind != YAML_SCALAR || set->items[j]->text[0] == '@')
				yaml_problem(reader->problems, set->items[j],
				    "set \"%s\" holds names and patterns only, no sets or lists",
				    sets->keys[i]->text);
	}
}

/* The findings that `defaults` make have the shape of rules. */
static void
make_findings(struct policy *policy)
{
	struct rule *const made[] = { &policy->unparseable, &policy->oversize,
		&policy->otherwise };
	static const char *const ids[] = { "sql-unparseable", "sql-oversize", "default-deny" };

	for (size_t i = 0; i < ARRAY_LENGTH(made); i++) {
		made[i]->id = ids[i];
		made[i]->at = policy->tree;
		made[i]->mode = policy->mode;
		made[i]->action = POLICY_DENY;
		if (made[i]->line == 0)
			made[i]->line = policy->tree->line;
	}
	if (!policy->unparseable_denies)
		policy->unparseable.action = POLICY_LOG;
	if (policy->oversize_action == OVERSIZE_ALLOW_LOG)
		policy->oversize.action = POLICY_LOG;
}

static void
read_parts(struct reader *reader, struct policy *policy)
{
	const struct yaml *rules = yaml_get(policy->tree, "rules");
	const struct yaml *exceptions = yaml_get(policy->tree, "exceptions");
	const struct yaml *tests = yaml_get(policy->tree, "tests");
	size_t errors = reader->problems->errors;

	fields_check(reader, policy->tree, "a policy", policy_fields,
	    ARRAY_LENGTH(policy_fields));
	if (policy->tree->kind != YAML_MAP)
		return;
	read_header(reader, policy);
	read_defaults(reader, policy);
	if (reader->sets != NULL)
		check_sets(reader);
	read_applies(reader, policy);
	if (rules != NULL)
		rules_read(reader, rules, policy);
	rules_check(reader, policy);
	rules_imply(policy);
	candidates_make(policy);
	if (exceptions != NULL)
		exceptions_read(reader, exceptions, policy);
	make_findings(policy);
	/* With a faulty rule, what a test says would be noise. */
	if (tests != NULL)
		selftests_read(reader, tests, policy, reader->problems->errors == errors);
}

static bool
digest(const void *bytes, size_t length, char hex[2 * SHA256_BYTES + 1])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int size = 0;

	if (EVP_Digest(bytes, length, sum, &size, EVP_sha256(), NULL) != 1 ||
	    size != SHA256_BYTES)
		return false;
	for (size_t i = 0; i < SHA256_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	return true;
}

void
policy_free(struct policy *policy)
{
	if (policy == NULL)
		return;
	for (size_t i = 0; i < policy->rule_count; i++)
		rule_free(&policy->rules[i]);
	for (size_t i = 0; i < policy->exception_count; i++)
		match_free(policy->exceptions[i].match);
	mem_free(policy->rules);
	mem_free(policy->exceptions);
	pattern_list_free(&policy->databases);
	pattern_list_free(&policy->users);
	pattern_list_free(&policy->roles);
	candidates_free(policy);
	pattern_list_free(&policy->client_settings);
	mem_free(policy->ident);
	mem_free(policy->file);
	yaml_tree_free(policy->tree);
	mem_free(policy);
}

struct policy *
policy_read(const char *file, const char *text, size_t length, struct problems *problems)
{
	struct policy *policy = mem_zalloc(1, sizeof(*policy));
	struct reader reader = { .problems = problems, .now_us = clock_wall_us() };
	size_t errors = problems->errors;

	policy->file = mem_strdup(file);
	policy->name = policy->owner = policy->revision = "";
	policy->unparseable_denies = true;
	policy->oversize_above = OVERSIZE_ABOVE;
	policy->tree = yaml_parse(file, text, length, problems);
	if (policy->tree != NULL) {
		if (!digest(text, length, policy->sha256))
			problems_add(problems, file, 0, 0, "SHA-256 is not available");
		reader.sets = policy->tree->kind == YAML_MAP ? yaml_get(policy->tree, "sets") : NULL;
		read_parts(&reader, policy);
		policy->ident = mem_printf("%s@sha256:%.8s", policy->name, policy->sha256);
	}
	if (policy->tree != NULL && problems->errors == errors)
		return policy;
	policy_free(policy);
	return NULL;
}

/* ---- all files ---- */

/* The bytes of a file; false with a problem noted. */
static bool
read_bytes(const char *path, struct buf *bytes, struct problems *problems)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	ssize_t got = -1;

	if (fd < 0 || fstat(fd, &status) != 0) {
		problems_add(problems, path, 0, 0, "cannot open: %s", strerror(errno));
		goto done;
	}
	if (!S_ISREG(status.st_mode)) {
		problems_add(problems, path, 0, 0, "not a file");
		goto done;
	}
	do {
		got = read(fd, buf_reserve(bytes, 64 * 1024), 64 * 1024);
		if (got > 0)
			buf_grown(bytes, (size_t)got);
	} while (got > 0 && buf_length(bytes) <= POLICY_BYTES_MOST);
	if (got < 0)
		problems_add(problems, path, 0, 0, "cannot read: %s", strerror(errno));
	else if (got > 0)
		problems_add(problems, path, 0, 0, "longer than 4MiB");
done:
	if (fd >= 0)
		close(fd);
	return got == 0;
}

static const struct policy *
find_by_name(const struct policies *policies, const char *name)
{
	for (size_t i = 0; i < policies->count; i++)
		if (strcmp(policies->items[i]->name, name) == 0)
			return policies->items[i];
	return NULL;
}

static bool
is_trusted(const struct policies_trust *trust, const char *path, const struct buf *bytes,
    struct problems *problems)
{
	struct error err;

	if (trust == NULL || trust->holds(trust->arg, path, buf_bytes(bytes), buf_length(bytes), &err))
		return true;
	problems_add(problems, path, 0, 0, "not trusted: %s", err.text);
	return false;
}

static void
load_file(struct policies *policies, const char *path, const struct policies_trust *trust,
    struct problems *problems)
{
	struct buf bytes = { 0 };
	struct policy *policy = NULL;
	const struct policy *other;

	if (read_bytes(path, &bytes, problems) && is_trusted(trust, path, &bytes, problems))
		policy = policy_read(path, buf_length(&bytes) > 0 ? (const char *)buf_bytes(&bytes) : "",
		    buf_length(&bytes), problems);
	buf_free(&bytes);
	if (policy == NULL)
		return;
	other = find_by_name(policies, policy->name);
	if (other != NULL)
		yaml_problem(problems,
		    yaml_get(yaml_get(policy->tree, "metadata"), "name"),
		    "the name \"%s\" is already that of %s", policy->name, other->file);
	policies->items =
	    mem_resize(policies->items, policies->count + 1, sizeof(struct policy *));
	policies->items[policies->count++] = policy;
}

/* A folder that is not there holds no policy; one that cannot be read might. */
static int
on_glob_error(const char *path, int why)
{
	(void)path;
	return why != ENOENT && why != ENOTDIR;
}

static void
load_glob(struct policies *policies, const char *pattern, const struct policies_trust *trust,
    struct problems *problems)
{
	glob_t found = { 0 };
	int outcome = glob(pattern, 0, on_glob_error, &found);

	if (outcome == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			load_file(policies, found.gl_pathv[i], trust, problems);
	else if (outcome != GLOB_NOMATCH)
		problems_add(problems, pattern, 0, 0, "cannot look for policies here: %s",
		    outcome == GLOB_NOSPACE ? "no memory" : strerror(errno));
	globfree(&found);
}

static void
policies_free(struct policies *policies)
{
	for (size_t i = 0; i < policies->count; i++)
		policy_free(policies->items[i]);
	mem_free(policies->items);
	mem_free(policies);
}

static struct policies *
policies_new(void)
{
	struct policies *policies = mem_zalloc(1, sizeof(*policies));

	atomic_init(&policies->references, 1);
	policies->generation = atomic_fetch_add(&generations, 1) + 1;
	policies->loaded_us = clock_wall_us();
	return policies;
}

struct policies *
policies_load(const char *glob_pattern, struct problems *problems)
{
	return policies_load_trusted(glob_pattern, NULL, problems);
}

struct policies *
policies_load_trusted(
    const char *glob_pattern, const struct policies_trust *trust, struct problems *problems)
{
	struct policies *policies = policies_new();
	size_t errors = problems->errors;

	if (glob_pattern[0] != '\0')
		load_glob(policies, glob_pattern, trust, problems);
	if (problems->errors == errors)
		return policies;
	policies_free(policies);
	return NULL;
}

struct policies *
policies_from_text(const char *name, const char *text, struct problems *problems)
{
	struct policy *policy = policy_read(name, text, strlen(text), problems);
	struct policies *policies;

	if (policy == NULL)
		return NULL;
	policies = policies_new();
	policies->items = mem_resize(NULL, 1, sizeof(struct policy *));
	policies->items[policies->count++] = policy;
	return policies;
}

struct policies *
policies_reference(struct policies *policies)
{
	atomic_fetch_add_explicit(&policies->references, 1, memory_order_relaxed);
	return policies;
}

void
policies_release(struct policies *policies)
{
	if (policies != NULL && atomic_fetch_sub(&policies->references, 1) == 1)
		policies_free(policies);
}

bool
policies_are_same(const struct policies *a, const struct policies *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i]->file, b->items[i]->file) != 0 ||
		    strcmp(a->items[i]->sha256, b->items[i]->sha256) != 0)
			return false;
	return true;
}

uint64_t
policies_loaded_us(const struct policies *policies)
{
	return policies->loaded_us;
}

uint32_t
policies_generation(const struct policies *policies)
{
	return policies->generation;
}

size_t
policies_text_cap(const struct policies *policies)
{
	size_t cap = policies->count == 0 ? OVERSIZE_ABOVE : 0;

	for (size_t i = 0; i < policies->count; i++)
		if (policies->items[i]->oversize_above > cap)
			cap = policies->items[i]->oversize_above;
	return cap;
}

bool
policies_are_empty(const struct policies *policies)
{
	for (size_t i = 0; i < policies->count; i++)
		if (policies->items[i]->mode != POLICY_MODE_OFF)
			return false;
	return true;
}

bool
policies_read_text(const struct policies *policies)
{
	for (size_t i = 0; i < policies->count; i++) {
		if (policies->items[i]->breaks_glass)
			return true;
		for (size_t r = 0; r < policies->items[i]->rule_count; r++) {
			const struct rule *rule = &policies->items[i]->rules[r];

			if (rule->match != NULL && match_all_keys(rule->match) & MATCH_TEXT_KEYS)
				return true;
			/* The number behind LIMIT is no fact. */
			if (rule->builtin != NULL && rule->builtin->given == GIVEN_ROWS &&
			    rule->given != NULL)
				return true;
		}
	}
	return false;
}

size_t
policies_expired(const struct policies *policies)
{
	size_t count = 0;

	for (size_t i = 0; i < policies->count; i++)
		count += policies->items[i]->expired_count;
	return count;
}

size_t
policies_count(const struct policies *policies)
{
	return policies->count;
}

void
policies_info(const struct policies *policies, size_t i, struct policy_info *info)
{
	const struct policy *policy = policies->items[i];

	*info = (struct policy_info){ .name = policy->name,
		.owner = policy->owner,
		.file = policy->file,
		.mode = policy->mode,
		.rule_count = policy->rule_count - policy->implied_count };
	memcpy(info->sha256, policy->sha256, sizeof(info->sha256));
}
