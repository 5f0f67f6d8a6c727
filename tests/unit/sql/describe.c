/* describe.c - see describe.h. */
#include <string.h>

#include "base/mem.h"

#include "describe.h"

static const char *const where_names[] = { "", " where:present", " where:tautology",
	" where:absent" };
static const char *const transaction_names[] = { "", " begin", " commit", " rollback",
	" savepoint", " release", " rollback-to", " prepare-txn", " commit-prepared" };
static const char *const residue_names[] = { "temp", "listen", "advisory", "hold",
	"prepare", "load", "seed", "setting", "opaque", "role", "dblink" };

static void
put_classes(struct buf *out, const char *before, unsigned classes)
{
	for (unsigned bit = 1; bit <= SQL_OTHER; bit <<= 1) {
		if ((classes & bit) == 0)
			continue;
		buf_put_text(out, before);
		buf_put_text(out, sql_class_name(bit));
		before = ",";
	}
}

static void
put_relation(struct buf *out, const struct sql_relation *relation)
{
	buf_put_u8(out, ' ');
	if ((relation->access & SQL_ACCESS_READ) != 0)
		buf_put_u8(out, 'r');
	if ((relation->access & SQL_ACCESS_WRITE) != 0)
		buf_put_u8(out, 'w');
	if ((relation->access & SQL_ACCESS_DDL) != 0)
		buf_put_u8(out, 'd');
	buf_put_u8(out, ':');
	if (relation->schema != NULL)
		buf_printf(out, "%s.", relation->schema);
	buf_put_text(out, relation->name);
}

static void
put_setting(struct buf *out, const struct sql_setting *setting)
{
	static const char *const kinds[] = { "set", "reset", "reset-all" };

	buf_printf(out, " %s%s:%s", setting->local ? "local-" : "", kinds[setting->kind],
	    setting->name);
	if (setting->replay != NULL)
		buf_printf(out, "{%s}", setting->replay);
}

static void
put_names(struct buf *out, const char *before, char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(out, " %s:%s", before, names[i]);
}

static void
put_objects(struct buf *out, const struct sql_statement *statement)
{
	if (statement->index_created)
		buf_printf(out, " index:%s%s",
		    statement->index_name != NULL ? statement->index_name : "?",
		    statement->index_concurrently ? ":concurrently" : "");
	if (statement->drop_kind != NULL)
		buf_printf(out, " drop:%s%s%s", statement->drop_kind,
		    statement->drop_cascade ? ":cascade" : "",
		    statement->drop_concurrently ? ":concurrently" : "");
	if (statement->column_dropped != NULL)
		buf_printf(out, " drop-column:%s", statement->column_dropped);
}

static void
put_statement(struct buf *out, const struct sql_statement *statement)
{
	buf_put_text(out, statement->verb);
	for (size_t i = 1; statement->verbs[0] != NULL && statement->verbs[i] != NULL;
	     i++)
		buf_printf(out, ",%s", statement->verbs[i]);
	put_classes(out, " ", statement->classes);
	if (statement->effects != statement->classes)
		put_classes(out, " effects:", statement->effects);
	for (size_t i = 0; i < statement->relation_count; i++)
		put_relation(out, &statement->relations[i]);
	put_names(out, "f", statement->functions, statement->function_count);
	buf_put_text(out, where_names[statement->where]);
	if (statement->where != SQL_WHERE_NONE && statement->where_relation != NULL)
		buf_printf(out, ":%s", statement->where_relation);
	buf_put_text(out, transaction_names[statement->transaction]);
	if (statement->chain)
		buf_put_text(out, " chain");
	if (statement->savepoint != NULL)
		buf_printf(out, ":%s", statement->savepoint);
	for (unsigned i = 0; i < sizeof(residue_names) / sizeof(residue_names[0]); i++)
		if ((statement->residue >> i & 1) != 0)
			buf_printf(out, " leaves:%s", residue_names[i]);
	for (size_t i = 0; i < statement->setting_count; i++)
		put_setting(out, &statement->settings[i]);
	put_names(out, "guc", statement->setting_names, statement->setting_name_count);
	if (statement->setting_stored)
		buf_put_text(out, " stored");
	if (statement->read_write)
		buf_put_text(out, " read-write");
	if (statement->misread)
		buf_put_text(out, " misread");
	if (statement->prepared_name != NULL)
		buf_printf(out, " prepared:%s", statement->prepared_name);
	if (statement->discards_all)
		buf_put_text(out, " discards-all");
	if (statement->deallocates)
		buf_put_text(out, " deallocates");
	if (statement->listened != NULL)
		buf_printf(out, " listens:%s", statement->listened);
	if (statement->unlistened != NULL)
		buf_printf(out, " unlistens:%s", statement->unlistened);
	if (statement->notifies)
		buf_put_text(out, " notifies");
	if (statement->asks_channels)
		buf_put_text(out, " asks-channels");
	if (statement->asks_sequence)
		buf_put_text(out, " asks-sequence");
	if (statement->advances_sequence)
		buf_put_text(out, " advances-sequence");
	if (statement->stored != NULL)
		buf_printf(out, " of:%s/%s",
		    statement->stored->role == NULL ? "*" : statement->stored->role,
		    statement->stored->database == NULL ? "*" : statement->stored->database);
	if (statement->asks_pid)
		buf_put_text(out, " asks-pid");
	if (statement->signals)
		buf_put_text(out, " signals");
	put_objects(out, statement);
}

char *
describe(const struct sql_facts *facts)
{
	struct buf out = { 0 };

	for (size_t i = 0; i < facts->statement_count; i++) {
		if (i > 0)
			buf_put_text(&out, " ; ");
		put_statement(&out, &facts->statements[i]);
	}
	return buf_steal_text(&out);
}

char *
describe_text(const char *text)
{
	struct sql_facts *facts;
	struct error err = { 0 };
	int position;
	char *line;

	if (sql_facts(text, strlen(text), SQL_TEXT_MOST, &facts, &err, &position) !=
	    SQL_KNOWN)
		return mem_printf("!%d %s", position, err.text);
	line = describe(facts);
	sql_facts_free(facts);
	return line;
}
