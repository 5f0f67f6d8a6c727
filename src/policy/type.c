/*
 * type.c - names of types as people write them, and as PostgreSQL keeps them. For the
 * built-in rules that are given types by their policy; read by given.c.
 */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "policy_internal.h"

/* The spellings of the SQL standard, and short ones of PostgreSQL. */
static const struct {
	const char *written, *kept;
} spellings[] = { { "int", "int4" }, { "integer", "int4" }, { "bigint", "int8" },
	{ "smallint", "int2" }, { "boolean", "bool" }, { "real", "float4" },
	{ "double precision", "float8" }, { "float", "float8" }, { "decimal", "numeric" },
	{ "dec", "numeric" }, { "character varying", "varchar" }, { "char varying", "varchar" },
	{ "character", "bpchar" }, { "char", "bpchar" }, { "nchar", "bpchar" },
	{ "bit varying", "varbit" }, { "timestamp with time zone", "timestamptz" },
	{ "timestamp without time zone", "timestamp" }, { "time with time zone", "timetz" },
	{ "time without time zone", "time" } };

/* What a column becomes that is written so. */
static const struct {
	const char *written, *becomes;
} serials[] = { { "serial", "int4" }, { "serial4", "int4" }, { "bigserial", "int8" },
	{ "serial8", "int8" }, { "smallserial", "int2" }, { "serial2", "int2" } };

const char *
type_kept_name(const char *written)
{
	for (size_t i = 0; i < ARRAY_LENGTH(spellings); i++)
		if (strcasecmp(spellings[i].written, written) == 0)
			return spellings[i].kept;
	return written;
}

bool
type_fits(const char *pattern, const char *type)
{
	if (text_fits_glob(pattern, type))
		return true;
	for (size_t i = 0; i < ARRAY_LENGTH(serials); i++)
		if (strcmp(serials[i].written, type) == 0)
			return text_fits_glob(pattern, serials[i].becomes);
	return false;
}
