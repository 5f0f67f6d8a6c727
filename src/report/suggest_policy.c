/*
 * suggest_policy.c - what was observed as a policy: an allow-list in mode warn, with a rule
 * for each user, role, database and shape of statement, and a test for each rule. A
 * statement that was observed fits the rule of its own shape; another needs that one rule
 * carries its verbs, functions and columns, so nothing is allowed by joining two.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "observed.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

enum { LINE_MOST = 100, NETWORKS_MOST = 16, SHOWN_MOST = 60 };

/* What no relation is called, where a shape touches none: a rule without relations allows all. */
static const char no_relation[] = "\"(none was seen)\"";

/* Drivers send these when they connect, which the log does not tell. */
static const char *const driver_settings[] = { "application_name", "client_encoding", "datestyle",
	"extra_float_digits", "intervalstyle", "timezone" };

/* A list in brackets, over several lines when it is long. */
struct list {
	struct buf *out;
	size_t begin, count;
};

static void
list_begin(struct list *list, const char *key, struct buf *out)
{
	*list = (struct list){ .out = out, .begin = buf_length(out) };
	buf_printf(out, "%s: [", key);
}

static void
list_add(struct list *list, const char *text)
{
	bool full = buf_length(list->out) - list->begin > LINE_MOST;

	if (list->count++ > 0)
		buf_put_text(list->out, full ? ",\n        " : ", ");
	if (full)
		list->begin = buf_length(list->out);
	json_put_string(list->out, text, strlen(text));
}

static void
list_end(struct list *list)
{
	buf_put_u8(list->out, ']');
}

/* The names of a kind as a member `key` of a map; nothing when there are none. */
static bool
put_names(const struct observed *observed, size_t at, size_t end, enum seen_kind kind,
    const char *group, const char *key, struct buf *out)
{
	struct list list;

	at = seen_next(observed, at, end, kind, group);
	if (at == end)
		return false;
	list_begin(&list, key, out);
	for (; at < end; at = seen_next(observed, at + 1, end, kind, group))
		list_add(&list, observed->sorted[at]->name);
	list_end(&list);
	return true;
}

static void
put_classes(unsigned classes, struct buf *out)
{
	struct list list;

	list_begin(&list, "class", out);
	for (; classes != 0; classes &= classes - 1)
		list_add(&list, sql_class_name(classes & -classes));
	list_end(&list);
}

/* "SELECT,INSERT,f": the verbs, each behind its comma. */
static void
put_verbs(const char *shape, struct buf *out)
{
	struct list list;
	char verb[64];

	if (strchr(shape, ',') == NULL)
		return;
	list_begin(&list, ", verb", out);
	for (size_t length; shape[length = strcspn(shape, ",")] == ','; shape += length + 1) {
		snprintf(verb, sizeof(verb), "%.*s", (int)length, shape);
		list_add(&list, verb);
	}
	list_end(&list);
}

static void
put_relations(const struct observed *observed, size_t at, size_t end, const char *shape,
    struct buf *out)
{
	static const struct {
		enum seen_kind kind;
		const char *key;
	} accesses[] = { { SEEN_READ, "read" }, { SEEN_WRITE, "write" }, { SEEN_DDL, "ddl" } };
	bool any = false;

	buf_put_text(out, ",\n      relations: {");
	for (size_t i = 0; i < ARRAY_LENGTH(accesses); i++) {
		size_t before = buf_length(out);

		if (any)
			buf_put_text(out, ", ");
		if (put_names(observed, at, end, accesses[i].kind, shape, accesses[i].key, out))
			any = true;
		else
			out->end = out->start + before;
	}
	if (!any) {
		buf_put_text(out, "read: [");
		json_put_string(out, no_relation, strlen(no_relation));
		buf_put_u8(out, ']');
	}
	buf_put_u8(out, '}');
}

static void
put_member(const char *key, const char *text, struct buf *out)
{
	buf_printf(out, "%s: ", key);
	json_put_string(out, text, strlen(text));
}

static void
put_networks(const struct observed *observed, size_t at, size_t end, struct buf *out)
{
	size_t count = 0;

	for (size_t i = seen_next(observed, at, end, SEEN_NETWORK, NULL); i < end;
	     i = seen_next(observed, i + 1, end, SEEN_NETWORK, NULL)) {
		count++;
		if (observed->sorted[i]->name[0] == '\0')
			count = NETWORKS_MOST; /* an address that is not known */
	}
	if (count > 0 && count < NETWORKS_MOST)
		put_names(observed, at, end, SEEN_NETWORK, NULL, ", client", out);
}

/*
 * Functions and columns that are named; where there are none, none may be. A `not` takes
 * back what fits all of its keys, so it can name one kind only: functions, if both are none.
 */
static void
put_names_used(const struct observed *observed, size_t at, size_t end, const char *shape,
    struct buf *out)
{
	const char *flags = strrchr(shape, ',');

	if (flags == NULL) /* the record tells nothing of them */
		return;
	buf_put_text(out, ",\n      ");
	if (strchr(flags, 'f') == NULL)
		buf_put_text(out, "not: {functions: [\"*\"]}");
	else
		put_names(observed, at, end, SEEN_FUNCTION, shape, "functions", out);
	if (strchr(flags, 'c') != NULL) {
		buf_put_text(out, ", ");
		put_names(observed, at, end, SEEN_COLUMN, shape, "columns", out);
	} else if (strchr(flags, 'f') != NULL && strchr(flags, '*') == NULL) {
		buf_put_text(out, ", not: {columns: [\"*\"]}");
	}
}

/* The rule of one shape. Its place in the table makes its id. */
static void
put_rule(const struct observed *observed, size_t at, size_t end, size_t place, struct buf *out)
{
	const struct seen *shape = observed->sorted[place];

	buf_printf(out, "  # ");
	seen_put_count(shape, out);
	buf_printf(out, "\n  - id: observed-%zu\n    action: allow\n    match: {", place);
	put_member("user", shape->user, out);
	put_member(", role", shape->role, out);
	put_member(", database", shape->database, out);
	put_networks(observed, at, end, out);
	buf_put_text(out, ",\n      ");
	put_classes(shape->bits, out);
	put_verbs(shape->group, out);
	put_relations(observed, at, end, shape->group, out);
	put_names_used(observed, at, end, shape->group, out);
	buf_put_text(out, "}\n");
}

/* Who it is, and what no rule says of it. */
static void
put_subject(const struct observed *observed, size_t at, size_t end, struct buf *out)
{
	const struct seen *subject = observed->sorted[at];
	const char *comma = "  # applications, as they call themselves: ";

	buf_put_text(out, "\n  # ");
	text_put_safe(out, subject->user, SHOWN_MOST);
	buf_put_text(out, " as ");
	text_put_safe(out, subject->role, SHOWN_MOST);
	buf_put_text(out, " in ");
	text_put_safe(out, subject->database, SHOWN_MOST);
	buf_put_text(out, ": ");
	seen_put_count(subject, out);
	buf_put_u8(out, '\n');
	for (size_t i = seen_next(observed, at, end, SEEN_APPLICATION, NULL); i < end;
	     i = seen_next(observed, i + 1, end, SEEN_APPLICATION, NULL)) {
		buf_put_text(out, comma);
		text_put_safe(out, observed->sorted[i]->name, SHOWN_MOST);
		comma = ", ";
	}
	if (comma[0] == ',')
		buf_put_u8(out, '\n');
	seen_put_unseen(observed, at, end, "  # ", out);
}

static void
put_rules(const struct observed *observed, struct buf *out)
{
	size_t end;

	buf_put_text(out, "\nrules:\n"
			  "  # One rule that names no one, so that the list is there also when nothing was seen.\n"
			  "  - {id: nothing-else, match: {relations: {read: [\"\\\"(nothing)\\\"\"]}}, action: deny}\n");
	for (size_t at = seen_subject(observed, 0, false, &end); at < observed->count;
	     at = seen_subject(observed, end, false, &end)) {
		put_subject(observed, at, end, out);
		for (size_t i = seen_next(observed, at, end, SEEN_SHAPE, NULL); i < end;
		     i = seen_next(observed, i + 1, end, SEEN_SHAPE, NULL))
			put_rule(observed, at, end, i, out);
	}
}

/* ---- settings ---- */

static bool
is_driver_setting(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(driver_settings); i++)
		if (strcasecmp(name, driver_settings[i]) == 0)
			return true;
	return false;
}

/* All users' together: a file has one list. */
static void
put_settings(const struct observed *observed, struct buf *out)
{
	const struct sight nobody = { "", "", "", 0 };
	struct observed names = { 0 };
	struct list list;

	list_begin(&list, "  client_settings", out);
	for (size_t i = 0; i < ARRAY_LENGTH(driver_settings); i++)
		list_add(&list, driver_settings[i]);
	for (size_t i = 0; i < observed->count; i++)
		if (observed->sorted[i]->kind == SEEN_SETTING &&
		    !is_driver_setting(observed->sorted[i]->name))
			seen_note(&names, &nobody, SEEN_SETTING, "", observed->sorted[i]->name, "", 0);
	seen_sort(&names);
	for (size_t i = 0; i < names.count; i++)
		list_add(&list, names.sorted[i]->name);
	list_end(&list);
	buf_put_u8(out, '\n');
	seen_forget(&names);
}

/* ---- tests ---- */

/* As whom a test asks: from one of the networks that the rule names. */
static void
put_as(const struct observed *observed, size_t at, size_t end, struct buf *out)
{
	const struct seen *subject = observed->sorted[at];
	size_t network = seen_next(observed, at, end, SEEN_NETWORK, NULL);

	put_member("  - {as: {user", subject->user, out);
	put_member(", role", subject->role, out);
	put_member(", database", subject->database, out);
	if (network < end && observed->sorted[network]->name[0] != '\0') {
		char *address = mem_strdup(observed->sorted[network]->name);

		address[strcspn(address, "/")] = '\0';
		put_member(", client", address, out);
		mem_free(address);
	}
	buf_put_text(out, "},\n     ");
}

/* One statement of each shape passes, and what was never seen does not. */
static void
put_tests(const struct observed *observed, struct buf *out)
{
	size_t end;

	buf_put_text(out, "\ntests:\n"
			  "  - {as: {user: \"nobody that was seen\"}, sql: \"SELECT 1\", expect: deny}\n");
	for (size_t at = seen_subject(observed, 0, false, &end); at < observed->count;
	     at = seen_subject(observed, end, false, &end)) {
		put_as(observed, at, end, out);
		buf_put_text(out, "sql: 'SELECT 1 FROM \"(never seen)\"', expect: deny}\n");
		for (size_t i = seen_next(observed, at, end, SEEN_SHAPE, NULL); i < end;
		     i = seen_next(observed, i + 1, end, SEEN_SHAPE, NULL)) {
			if (observed->sorted[i]->example == NULL)
				continue;
			put_as(observed, at, end, out);
			put_member("sql", observed->sorted[i]->example, out);
			buf_put_text(out, ", expect: allow}\n");
		}
	}
}

void
suggest_policy(struct observed *observed, struct buf *out)
{
	seen_sort(observed);
	buf_put_text(out, "# An allow-list of what was observed, made by pgweirctl suggest,\n");
	seen_put_summary(observed, "# ", out);
	buf_put_text(out,
	    "# Read it, load it, look with pgweirctl replay and report at what it would deny, and then\n"
	    "# set mode: enforce. What functions, views and triggers do is not seen here: hold it by\n"
	    "# GRANTs (pgweirctl suggest --as grants). A bare name is allowed in any schema.\n"
	    "apiVersion: pgweir/v1\n"
	    "kind: GuardrailPolicy\n"
	    "metadata: {name: observed}\n"
	    "mode: warn\n"
	    "\n"
	    "defaults:\n"
	    "  action: deny\n"
	    "  on_unparseable: deny\n"
	    "  # The first six are what drivers send when they connect: the log does not tell them.\n");
	put_settings(observed, out);
	put_rules(observed, out);
	put_tests(observed, out);
}
