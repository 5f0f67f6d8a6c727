/*
 * manual.c - pgweir.yaml(5), from the table in settings.c. docs/man holds its
 * output, and a test fails when the two differ.
 */
#include <string.h>

#include "base/mem.h"
#include "config/config.h"
#include "describe.h"
#include "settings.h"
#include "value.h"

/* Text that roff reads as text, a sentence a line. */
static void
put_roff(const char *text, struct buf *out)
{
	bool line_start = true;

	for (; *text != '\0'; text++) {
		if (line_start && (*text == '.' || *text == '\''))
			buf_put_text(out, "\\&");
		line_start = *text == '\n';
		if (*text == '\\') {
			buf_put_text(out, "\\e");
		} else if (*text == '-') {
			buf_put_text(out, "\\-");
		} else if (strncmp(text, ". ", 2) == 0) {
			buf_put_text(out, ".\n");
			line_start = true;
			text++;
		} else {
			buf_put_u8(out, (uint8_t)*text);
		}
	}
	buf_put_text(out, "\n");
}

static void
put_example(const char *yaml, struct buf *out)
{
	buf_put_text(out, ".PP\n.nf\n");
	put_roff(yaml, out);
	buf_put_text(out, ".fi\n");
}

static void
put_item(const char *name, const char *text, const struct setting *row, bool restart,
    struct buf *out)
{
	struct buf all = { 0 };
	char *copy;

	buf_put_text(out, ".TP\n.B ");
	put_roff(name, out);
	buf_put_text(&all, text);
	if (row != NULL)
		describe_facts(row, true, &all);
	if (restart)
		buf_put_text(&all, " A change needs a restart.");
	copy = buf_steal_text(&all);
	put_roff(copy, out);
	mem_free(copy);
}

static void
put_part(const struct part *part, struct buf *out)
{
	buf_printf(out, ".SS %s\n", part->name);
	put_roff(part->text, out);
	if (!part->reloadable)
		put_roff("A change needs a restart.", out);
	if (part->key_text != NULL)
		put_item("NAME", part->key_text, NULL, false, out);
	for (size_t i = 0; i < part->field_count; i++)
		put_item(part->fields[i].name, part->fields[i].text, &part->fields[i], false, out);
}

static const char introduction[] =
    "pgweir reads one YAML file, /etc/pgweir/pgweir.yaml unless its command line names "
    "another. "
    "Check it with pgweir \\-t, which prints every fault with its line and column, and see "
    "what is in force with pgweir \\-T, which masks passwords.\n"
    ".PP\n"
    "The signal HUP and the console's RELOAD read it again. "
    "A file with a fault changes nothing. "
    "What needs a restart is said below; everything else takes effect at once.\n"
    ".PP\n"
    "An unknown or repeated key, an alias, an anchor, a tag, a value of the wrong type or out "
    "of its range is refused. "
    "Durations are written 500ms, 5s, 2m, 1h or 1d, and sizes 64KiB, 10MiB or 1GiB; 0 needs no "
    "unit. "
    "Relative paths begin at the folder of the file.\n"
    ".SH SECRETS\n"
    "A password may stand in the file, or be one of these.\n"
    ".TP\n.B ${file:PATH}\n"
    "The contents of a file, without the line's end. "
    "A file that every user of the machine may open is refused.\n"
    ".TP\n.B ${env:NAME}\n"
    "The value of an environment variable.\n"
    ".TP\n.B ${cred:NAME}\n"
    "A credential that systemd passes (LoadCredential= in the unit).\n";

static const char example[] = "databases:\n"
			      "  shop: {host: 10.0.0.5, pool_size: 30}\n"
			      "users:\n"
			      "  orders-svc: {password: \"${file:secrets/orders}\", role: app_rw}\n"
			      "roles:\n"
			      "  app_rw: {password: \"${file:secrets/app_rw}\"}\n"
			      "policies: policies.d/*.yaml\n"
			      "audit: {file: /var/log/pgweir/audit.jsonl}";

void
config_print_manual(struct buf *out)
{
	char *before = mem_strdup("");

	buf_put_text(out, ".\\\" Generated from the table of settings: change src/config/settings.c.\n"
			  ".TH PGWEIR.YAML 5 \"\" \"pgweir\" \"File Formats\"\n"
			  ".SH NAME\npgweir.yaml \\- configuration of pgweir\n"
			  ".SH DESCRIPTION\n");
	buf_put_text(out, introduction);
	buf_put_text(out, ".SH STRUCTURED PARTS\n");
	for (size_t i = 0; i < parts_count; i++)
		put_part(&parts[i], out);
	buf_put_text(out, ".SS include\n");
	put_roff(include_text, out);
	buf_put_text(out, ".SH SETTINGS\n"
			  "A name with dots is written as nested maps: pool.size is "
			  "pool: {size: 20}.\n");
	for (size_t i = 0; i < settings_count; i++) {
		char *group = describe_group(settings[i].name);

		if (group[0] != '\0' && strcmp(group, before) != 0)
			buf_printf(out, ".SS %s\n", group);
		put_item(settings[i].name, settings[i].text, &settings[i],
		    !settings[i].reloadable, out);
		mem_free(before);
		before = group;
	}
	mem_free(before);
	buf_put_text(out, ".SH EXAMPLE\n");
	put_example(example, out);
	buf_put_text(out, ".SH SEE ALSO\n.BR pgweir (1),\n.BR pgweirctl (1)\n");
}
