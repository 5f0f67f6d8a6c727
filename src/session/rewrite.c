/* rewrite.c - see rewrite.h. Called by simple.c, prepare.c, extended.c and answer.c. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "prepared.h"
#include "rewrite.h"
#include "sql/places.h"

/* A rewrite in the making; on the stack. */
struct making {
	const struct rewrite_for *whose;
	const char *text;
	size_t length, copied; /* so much of the text is in `out`, as it is or edited */
	struct buf out;
	struct rewrite *rewrite;
};

static bool
is_verb(const struct sql_statement *statement, const char *verb)
{
	return strcmp(statement->verb, verb) == 0;
}

/* DISCARD ALL has no client's default behind it: it runs in no transaction, see residue.c. */
static bool
resets(const struct sql_statement *statement)
{
	for (size_t i = 0; i < statement->setting_count; i++)
		if (statement->settings[i].kind != SQL_SETTING_SET)
			return !statement->discards_all;
	return false;
}

/* In a text of its own: elsewhere it is the server's that counts. */
static bool
asks_pid(const struct sql_facts *facts)
{
	return facts->statement_count == 1 && facts->statements[0].asks_pid;
}

static const char shown_relation[] = "pg_prepared_statements";

/* Does it read what the client has prepared? In a text of its own, as with the pid. */
bool
rewrite_shows(const struct sql_facts *facts)
{
	const struct sql_statement *only = facts != NULL && facts->statement_count == 1 ? facts->statements : NULL;

	for (size_t i = 0; only != NULL && is_verb(only, "SELECT") && i < only->relation_count; i++)
		if (strcmp(only->relations[i].name, shown_relation) == 0)
			return true;
	return false;
}

bool
rewrite_signals(const struct sql_facts *facts)
{
	return facts != NULL && facts->statement_count == 1 && facts->statements[0].signals;
}

bool
rewrite_may(const struct sql_facts *facts)
{
	if (rewrite_signals(facts) || rewrite_shows(facts) || (facts != NULL && asks_pid(facts)))
		return true;
	for (size_t i = 0; facts != NULL && i < facts->statement_count; i++)
		if (resets(&facts->statements[i]) || facts->statements[i].prepared_name != NULL)
			return true;
	return false;
}

bool
rewrite_resets_all(const struct sql_statement *statement)
{
	return is_verb(statement, "RESET") && statement->setting_count == 1 &&
	    statement->settings[0].kind == SQL_SETTING_RESET_ALL;
}

bool
rewrite_is_reset_all(const struct sql_facts *facts)
{
	return facts != NULL && facts->statement_count == 1 && rewrite_resets_all(&facts->statements[0]);
}

/* What is put in the place's stead is written to `out` between these two. */
static size_t
begin_edit(struct making *making, struct sql_place place)
{
	buf_put(&making->out, making->text + making->copied, place.start - making->copied);
	making->copied = place.end;
	return buf_length(&making->out);
}

static void
end_edit(struct making *making, struct sql_place place, size_t began)
{
	struct rewrite *rewrite = making->rewrite;

	rewrite->edits = mem_resize(rewrite->edits, rewrite->edit_count + 1, sizeof(*rewrite->edits));
	rewrite->edits[rewrite->edit_count++] = (struct rewrite_edit){ .at = place.start,
		.old_length = place.end - place.start,
		.new_length = buf_length(&making->out) - began };
}

/* "SET x TO y" in the place of "RESET x"; LOCAL as the client wrote it. */
static void
replace_reset(
    struct making *making, struct sql_place place, const char *replay, bool local)
{
	size_t began = begin_edit(making, place);

	buf_put_text(&making->out, local ? "SET LOCAL " : "SET ");
	buf_put_text(&making->out, replay + strlen("SET "));
	end_edit(making, place, began);
}

static void
put_each(const char *name, const char *statement, void *arg)
{
	(void)name;
	buf_put_u8(arg, ';');
	buf_put_text(arg, statement);
}

/* Behind RESET ALL, what the client gave at log-in. */
static void
follow_reset_all(struct making *making, struct sql_place place)
{
	struct sql_place behind = { place.end, place.end };
	size_t began = begin_edit(making, behind);

	settings_difference(&(struct settings){ 0 }, making->whose->defaults, put_each, &making->out);
	end_edit(making, behind, began);
	making->rewrite->behind_reset_all = settings_length(making->whose->defaults);
}

static bool
is_name_list(const char *name)
{
	return strcmp(name, "search_path") == 0 || strcmp(name, "temp_tablespaces") == 0;
}

/*
 * set_config(x, NULL, …) gets the value instead. One that is a list of names would have to be
 * one text: false.
 */
static bool
replace_null(struct making *making, struct sql_place place, const struct sql_setting *setting,
    const char *replay)
{
	const char *value = strstr(replay, " TO ");
	struct sql_place null;
	size_t began;

	if (value == NULL || is_name_list(setting->name) ||
	    !sql_place_null_value(making->text, place, setting->name, &null) ||
	    null.start < making->copied)
		return false;
	value += strlen(" TO ");
	began = begin_edit(making, null);
	if (*value == '\'' || *value == 'E')
		buf_put_text(&making->out, value);
	else
		buf_printf(&making->out, "'%s'", value);
	end_edit(making, null, began);
	return true;
}

static bool
edit_setting(struct making *making, const struct sql_statement *statement, struct sql_place place,
    const struct sql_setting *setting)
{
	const char *replay;

	if (setting->kind == SQL_SETTING_SET || settings_length(making->whose->defaults) == 0)
		return true;
	if (setting->kind == SQL_SETTING_RESET_ALL) {
		if (!making->whose->alone)
			follow_reset_all(making, place);
		return true;
	}
	replay = settings_get(making->whose->defaults, setting->name);
	if (replay == NULL)
		return true;
	if (!is_verb(statement, "RESET") && !is_verb(statement, "SET"))
		return replace_null(making, place, setting, replay);
	replace_reset(making, place, replay, setting->local);
	return true;
}

/* What a name means in the middle of the text. */
static struct statement *
find_name(const struct making *making, const char *name)
{
	for (size_t i = making->rewrite->name_count; i > 0; i--) {
		const struct rewrite_name *known = &making->rewrite->names[i - 1];

		if (known->change == REWRITE_TAKES_ALL)
			return NULL;
		if (strcmp(known->name, name) == 0)
			return known->change == REWRITE_TAKES ? NULL : known->statement;
	}
	return prepared_find(making->whose->prepared, name);
}

static void
add_name(struct making *making, enum rewrite_change change, size_t sub, const char *name,
    struct statement *statement)
{
	struct rewrite *rewrite = making->rewrite;

	rewrite->names = mem_resize(rewrite->names, rewrite->name_count + 1, sizeof(*rewrite->names));
	rewrite->names[rewrite->name_count++] = (struct rewrite_name){ .change = change,
		.sub = sub,
		.name = mem_strdup(name),
		.statement = statement == NULL ? NULL : statement_reference(statement) };
}

static void
replace(struct making *making, struct sql_place place, const char *text)
{
	size_t began = begin_edit(making, place);

	buf_put_text(&making->out, text);
	end_edit(making, place, began);
}

static bool
edit_prepare(struct making *making, const char *name, size_t sub, struct sql_place place)
{
	const char *text = making->text;
	bool taken = find_name(making, name) != NULL;
	struct statement_under under = { making->whose->settings, making->whose->own };
	struct sql_place where = place;
	struct statement *made;

	if (!sql_place_prepared_name(text, place, &where))
		return false;
	made = statement_of_prepare(making->whose->judged, sub, text + where.end, place.end - where.end,
	    making->rewrite->name_count, &under);
	made->source = mem_strndup(text, making->length);
	replace(making, where, made->server_name);
	add_name(making, REWRITE_ADDS, sub, name, made);
	statement_release(made);
	if (taken)
		making->rewrite->taken = making->rewrite->names[making->rewrite->name_count - 1].name;
	return true;
}

/*
 * What the server gets for a DEALLOCATE. Whether that is run at all, the server alone knows: it
 * may be skipping to a Sync, or in a failed transaction.
 */
static const char does_nothing[] = "UNLISTEN pgweir_nothing";

/* One that there is not goes as it is: the server says so, in its turn and place. */
static bool
edit_name(struct making *making, const struct sql_statement *statement, size_t sub,
    struct sql_place place)
{
	const char *name = statement->prepared_name;
	struct sql_place where = place;
	struct statement *found;

	if (is_verb(statement, "PREPARE"))
		return edit_prepare(making, name, sub, place);
	if (statement->deallocates && *name == '\0') {
		add_name(making, REWRITE_TAKES_ALL, sub, name, NULL);
		return true;
	}
	found = find_name(making, name);
	if (found == NULL || found->server_name[0] == '\0' ||
	    (statement->deallocates && making->whose->alone))
		return true;
	if (!statement->deallocates && !sql_place_prepared_name(making->text, place, &where))
		return false;
	replace(making, where, statement->deallocates ? does_nothing : found->server_name);
	add_name(making, statement->deallocates ? REWRITE_TAKES : REWRITE_USES, sub, name, found);
	return true;
}

static bool
edit_statement(struct making *making, const struct sql_statement *statement, size_t sub,
    struct sql_place within)
{
	struct sql_place place = within;

	if (!sql_place_words(making->text, within, &place))
		return false;
	for (size_t i = 0; resets(statement) && i < statement->setting_count; i++)
		if (!edit_setting(making, statement, place, &statement->settings[i]))
			return false;
	return statement->prepared_name == NULL || making->whose->prepared == NULL ||
	    edit_name(making, statement, sub, place);
}

/* The column has the function's name and type, whatever stands around the call. */
static bool
edit_pid(struct making *making)
{
	struct sql_place place;
	size_t began;

	if (!sql_place_call(making->text, (struct sql_place){ 0, making->length }, "pg_backend_pid", &place))
		return false;
	began = begin_edit(making, place);
	buf_printf(&making->out, "(SELECT %" PRIu32 " AS pg_backend_pid)", making->whose->pid);
	end_edit(making, place, began);
	return true;
}

/* It is not called: PostgreSQL only says whether it would be run at all. */
static bool
edit_signal(struct making *making)
{
	const struct backend_signal *signal = &making->whose->signal;
	const char *function = signal->ends ? "pg_terminate_backend" : "pg_cancel_backend";
	struct sql_place place;
	uint32_t pid;
	size_t began;

	if ((signal->client == 0 && !signal->forbidden) ||
	    !sql_place_call_of_number(
		making->text, (struct sql_place){ 0, making->length }, function, &place, &pid))
		return false;
	began = begin_edit(making, place);
	buf_printf(&making->out, "(SELECT %s AS %s)", signal->forbidden ? "false" : "true", function);
	end_edit(making, place, began);
	making->rewrite->signal = *signal;
	return true;
}

/* The relation becomes a query of the client's own. */
static bool
edit_shown(struct making *making)
{
	struct sql_place place;
	bool aliased, good;
	size_t began;

	if (making->whose->prepared == NULL ||
	    !sql_place_relation(making->text, (struct sql_place){ 0, making->length },
		shown_relation, &place, &aliased))
		return false;
	began = begin_edit(making, place);
	good = prepared_put_relation(making->whose->prepared, &making->out);
	if (!aliased)
		buf_printf(&making->out, " %s", shown_relation);
	end_edit(making, place, began);
	return good;
}

/* Locations are those of this very text where it has several statements. */
static bool
edit_all(struct making *making, const struct sql_facts *facts)
{
	struct sql_place place = { 0, making->length };

	if (asks_pid(facts))
		return edit_pid(making);
	if (rewrite_signals(facts))
		return edit_signal(making);
	if (rewrite_shows(facts))
		return edit_shown(making);
	for (size_t i = 0; i < facts->statement_count; i++) {
		const struct sql_statement *statement = &facts->statements[i];

		if (facts->statement_count > 1)
			place = (struct sql_place){ (size_t)statement->location,
				(size_t)(statement->location + statement->length) };
		if (!edit_statement(making, statement, i, place))
			return false;
	}
	return true;
}

struct rewrite *
rewrite_new(const struct rewrite_for *whose, const struct sql_facts *facts, const char *text,
    size_t length)
{
	struct making making = { .whose = whose, .text = text, .length = length };

	making.rewrite = mem_zalloc(1, sizeof(*making.rewrite));
	making.rewrite->references = 1;
	if (!edit_all(&making, facts) || making.rewrite->edit_count == 0) {
		buf_free(&making.out);
		rewrite_release(making.rewrite);
		return NULL;
	}
	buf_put(&making.out, text + making.copied, length - making.copied);
	making.rewrite->length = buf_length(&making.out);
	making.rewrite->text = buf_steal_text(&making.out);
	making.rewrite->original = mem_strndup(text, length);
	making.rewrite->original_length = length;
	return making.rewrite;
}

struct rewrite *
rewrite_reference(struct rewrite *rewrite)
{
	if (rewrite != NULL)
		rewrite->references++;
	return rewrite;
}

void
rewrite_release(struct rewrite *rewrite)
{
	if (rewrite == NULL || --rewrite->references > 0)
		return;
	mem_free(rewrite->original);
	mem_free(rewrite->text);
	mem_free(rewrite->edits);
	for (size_t i = 0; i < rewrite->name_count; i++) {
		mem_free(rewrite->names[i].name);
		statement_release(rewrite->names[i].statement);
	}
	mem_free(rewrite->names);
	mem_free(rewrite);
}

bool
rewrite_changes_names(const struct rewrite *rewrite)
{
	for (size_t i = 0; rewrite != NULL && i < rewrite->name_count; i++)
		if (rewrite->names[i].change == REWRITE_ADDS || rewrite->names[i].change == REWRITE_TAKES)
			return true;
	return false;
}

const char *
rewrite_tag(const struct sql_statement *statement, const char *tag)
{
	if (is_verb(statement, "RESET") && strcmp(tag, "SET") == 0)
		return "RESET";
	return is_verb(statement, "DEALLOCATE") && strcmp(tag, "UNLISTEN") == 0 ? "DEALLOCATE" : NULL;
}
