/*
 * startup_settings.c - settings that a client gives in its first packet.
 *
 * Each stands for the SET that servers are sent for it, and the policies are asked about
 * that statement: a client cannot ask here for what it could not set later. Called by
 * client_login.c.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "session/guardrails.h"
#include "session_internal.h"

enum {
	NAME_MOST = 127,  /* of a setting */
	VALUE_MOST = 100, /* of one that a rule looks at */
};

/*
 * Settings that a client may give in its startup packet. The others can change who
 * it is or what the server loads; names with a dot are an application's own.
 */
static const char *const known_settings[] = { "application_name", "array_nulls",
	"backslash_quote", "bytea_output", "client_encoding", "client_min_messages",
	"constraint_exclusion", "cursor_tuple_fraction", "datestyle",
	"default_transaction_deferrable", "default_transaction_isolation",
	"default_transaction_read_only", "effective_io_concurrency", "enable_bitmapscan",
	"enable_hashagg", "enable_hashjoin", "enable_indexscan", "enable_indexonlyscan",
	"enable_material", "enable_mergejoin", "enable_nestloop", "enable_seqscan", "enable_sort",
	"escape_string_warning", "extra_float_digits", "force_parallel_mode", "geqo",
	"gin_fuzzy_search_limit", "idle_in_transaction_session_timeout", "intervalstyle", "jit",
	"lc_messages", "lc_monetary", "lc_numeric", "lc_time", "lock_timeout",
	"max_parallel_workers_per_gather", "maintenance_work_mem", "plan_cache_mode",
	"quote_all_identifiers", "random_page_cost", "search_path", "statement_timeout",
	"synchronize_seqscans", "synchronous_commit", "temp_buffers", "timezone",
	"transform_null_equals", "work_mem", "xmlbinary", "xmloption" };

static char *
folded(const char *name)
{
	char *copy = mem_strdup(name);

	for (char *at = copy; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	return copy;
}

static bool
is_allowed(const char *name)
{
	if (strchr(name, '.') != NULL)
		return strlen(name) <= NAME_MOST;
	for (size_t i = 0; i < sizeof(known_settings) / sizeof(known_settings[0]); i++)
		if (strcmp(name, known_settings[i]) == 0)
			return true;
	return false;
}

/* Are the letters and digits of `encoding` those of `name`, which is in lower case? */
static bool
is_encoding(const char *encoding, const char *name)
{
	for (; *encoding != '\0'; encoding++) {
		if (!isalnum((unsigned char)*encoding))
			continue;
		if (tolower((unsigned char)*encoding) != *name)
			return false;
		name++;
	}
	return *name == '\0';
}

/*
 * Server connections speak UTF-8; SQL_ASCII asks for no conversion, which is the same
 * bytes. PostgreSQL looks at letters and digits only (encnames.c), and asyncpg says
 * 'utf-8' with the quotes.
 */
static bool
is_utf8_name(const char *encoding)
{
	static const char *const names[] = { "utf8", "unicode", "sqlascii", "" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_encoding(encoding, names[i]))
			return true;
	return false;
}

/* A setting of the first packet. */
struct asked_setting {
	char *name;	   /* ours: folded */
	const char *value; /* borrowed from the packet */
};

/* Of those with the same name the last counts. */
static bool
is_overridden(const struct startup *startup, size_t i)
{
	for (size_t later = i + 1; later < startup->parameter_count; later++)
		if (strcasecmp(startup->parameters[i].name, startup->parameters[later].name) == 0)
			return true;
	return false;
}

static struct asked_setting
asked_setting(const struct startup_parameter *parameter)
{
	return (struct asked_setting){ .name = folded(parameter->name),
		.value = parameter->value };
}

/* It asks for what every session has. */
static bool
is_as_ever(const struct asked_setting *asked)
{
	return strcmp(asked->name, "client_encoding") == 0 && is_utf8_name(asked->value);
}

/* Where a policy applies, what pgweir itself does not pass on has the name of a rule. */
static void
refuse_option(struct verdict *verdict)
{
	verdict_free(verdict);
	verdict->action = POLICY_DENY;
	verdict->mode = POLICY_MODE_ENFORCE;
	verdict->would_deny = false;
	verdict->rule = "startup-option";
	verdict->file = NULL;
	verdict->line = 0;
	verdict->message = mem_strdup("blocked by pgweir rule \"startup-option\"");
	verdict->detail = mem_strdup("It is not among the settings that may be given there.");
	verdict->hint = mem_strdup("Set it once connected, where the policies let you.");
	memcpy(verdict->sqlstate, "42501", sizeof(verdict->sqlstate));
}

/* The words of a rule are about a statement: say that there was none. */
static void
name_parameter(const struct asked_setting *asked, struct verdict *verdict)
{
	char *detail = mem_printf("Startup parameter \"%s\". %s", asked->name,
	    verdict->detail != NULL ? verdict->detail : "");

	mem_free(verdict->detail);
	verdict->detail = detail;
	verdict->position = 0;
}

void
startup_settings_judge_set(
    const struct client *client, const char *text, size_t length, struct verdict *verdict)
{
	static const struct policy_script script = { .is_startup = true };
	struct clients *clients = client->clients;
	struct judged *judged = gate_judge_now(clients_gate(clients), text, length);

	policies_judge_in(clients_policies(clients), &client->identity->subject, judged->text,
	    judged->length, judged->outcome, judged->facts, &judged->err,
	    loop_wall_us(clients_loop(clients)), &script, verdict);
	judged_release(judged);
}

/*
 * Values that matter to a rule are short; for a longer one stands the empty one, which is
 * none of those that a rule lets pass. So the parser has nothing to do that takes long.
 */
void
startup_settings_judge(const struct client *client, const char *name, const char *value,
    struct verdict *verdict)
{
	struct buf text = { 0 };

	settings_put_set(&text, name, strlen(value) <= VALUE_MOST ? value : "");
	startup_settings_judge_set(
	    client, (const char *)buf_bytes(&text), buf_length(&text), verdict);
	buf_free(&text);
}

/* What the policies say of the statement that it stands for. */
static void
judge(const struct client *client, const struct asked_setting *asked, struct verdict *verdict)
{
	startup_settings_judge(
	    client, strlen(asked->name) <= NAME_MOST ? asked->name : "too long", asked->value, verdict);
	if (verdict->action != POLICY_DENY && verdict->policy != NULL && !is_allowed(asked->name))
		refuse_option(verdict);
	if (verdict->action >= POLICY_WARN)
		name_parameter(asked, verdict);
}

/* Tell `each` of every setting that is no matter of course; it returns false to stop. */
static bool
each_judged(struct client *client,
    bool (*each)(struct client *client, const struct asked_setting *asked,
	const struct verdict *verdict, void *arg),
    void *arg)
{
	const struct startup *startup = client->startup;
	bool go_on = true;

	for (size_t i = 0; go_on && i < startup->parameter_count; i++) {
		struct asked_setting asked;
		struct verdict verdict = { 0 };

		if (is_overridden(startup, i))
			continue;
		asked = asked_setting(&startup->parameters[i]);
		if (!is_as_ever(&asked)) {
			judge(client, &asked, &verdict);
			go_on = each(client, &asked, &verdict, arg);
			verdict_free(&verdict);
		}
		mem_free(asked.name);
	}
	return go_on;
}

static void
count(const struct client *client, const struct verdict *verdict)
{
	guardrails_note(clients_shared(client->clients)->guardrails, verdict, "",
	    loop_wall_us(clients_loop(client->clients)));
}

/* As a refused statement: nothing of it reaches a server, and it is told which rule it was. */
static void
refuse(struct client *client, const struct asked_setting *asked, const struct verdict *verdict)
{
	struct wire_error error = refuse_error(verdict, "FATAL");
	char label[CLIENT_LABEL_SIZE];
	char *why = mem_printf("%s: startup parameter \"%s\"", verdict->message, asked->name);

	client_label(client, label);
	log_warning("%s login failed: %s", label, why);
	audit_session_judged(clients_lane(client->clients), "session.fail", client->who, why,
	    verdict->sqlstate, verdict);
	count(client, verdict);
	client_end_with(client, &error);
	mem_free(why);
}

static bool
permit(struct client *client, const struct asked_setting *asked, const struct verdict *verdict,
    void *arg)
{
	(void)arg;
	if (verdict->action == POLICY_DENY) {
		refuse(client, asked, verdict);
		return false;
	}
	client->startup_remarked |= verdict->action == POLICY_WARN || verdict->exception != NULL;
	return true;
}

bool
startup_settings_permit(struct client *client)
{
	if (policies_are_empty(clients_policies(client->clients)))
		return true;
	return each_judged(client, permit, NULL);
}

static bool
take(struct client *client, const struct asked_setting *asked, struct error *err)
{
	struct buf replay = { 0 };

	if (!is_allowed(asked->name))
		return error_set_state(err, ERROR_PROTOCOL, "42501",
		    "parameter \"%s\" cannot be set in the startup packet through pgweir",
		    asked->name);
	if (is_as_ever(asked))
		return true;
	if (strcmp(asked->name, "client_encoding") == 0)
		return error_set_state(err, ERROR_PROTOCOL, "0A000",
		    "client_encoding \"%s\" is not supported through pgweir: use UTF8",
		    asked->value);
	settings_put_set(&replay, asked->name, asked->value);
	buf_put_u8(&replay, 0);
	settings_set(&client->defaults, asked->name, (const char *)buf_bytes(&replay));
	buf_free(&replay);
	return true;
}

bool
startup_settings_take(struct client *client, struct error *err)
{
	const struct startup *startup = client->startup;
	bool good = true;

	for (size_t i = 0; good && i < startup->parameter_count; i++) {
		struct asked_setting asked;

		if (is_overridden(startup, i))
			continue;
		asked = asked_setting(&startup->parameters[i]);
		good = take(client, &asked, err);
		mem_free(asked.name);
	}
	settings_copy(&client->settings, &client->defaults);
	return good;
}

/* What is told of the settings while the client is greeted. */
struct welcome {
	struct buf *out;
	bool recorded;
};

/* The record of the session's start has room for one of them. */
static bool
remark(struct client *client, const struct asked_setting *asked, const struct verdict *verdict,
    void *arg)
{
	struct welcome *welcome = arg;
	struct wire_error notice = refuse_error(verdict, "NOTICE");

	(void)asked;
	if (verdict->action == POLICY_DENY ||
	    (verdict->action != POLICY_WARN && verdict->exception == NULL))
		return true;
	if (!welcome->recorded)
		audit_session_judged(clients_lane(client->clients), "session.start", client->who,
		    NULL, NULL, verdict);
	welcome->recorded = true;
	if (verdict->action != POLICY_WARN)
		return true;
	notice.sqlstate = "01000";
	build_notice(welcome->out, &notice);
	count(client, verdict);
	return true;
}

void
startup_settings_welcome(struct client *client, struct buf *out)
{
	struct welcome welcome = { .out = out };

	if (client->startup_remarked)
		each_judged(client, remark, &welcome);
	if (!welcome.recorded)
		audit_session(clients_lane(client->clients), "session.start", client->who, NULL,
		    NULL, 0, client->bytes_in, client->bytes_out);
}
