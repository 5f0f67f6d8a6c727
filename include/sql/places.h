/*
 * places.h - where in a text something stands that is to be replaced.
 *
 * Told from the tokens of the very text that is sent, and not from its facts: those may have
 * been made of another text that differs in literals (sql/shape.h).
 */
#ifndef SQL_PLACES_H
#define SQL_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a text: from `start` up to `end`, which is left out. */
struct sql_place {
	size_t start, end;
};

/* From the first token that is no semicolon to the last one; false: there is none. */
bool sql_place_words(const char *text, struct sql_place within, struct sql_place *place);
/* The name in a PREPARE, or behind the EXECUTE that the statement is or has. */
bool sql_place_prepared_name(
    const char *text, struct sql_place statement, struct sql_place *place);
/* The NULL that set_config() is given as the value of this setting (in lower case). */
bool sql_place_null_value(const char *text, struct sql_place statement, const char *setting,
    struct sql_place *place);
/* The only call of a SELECT without arguments, with its schema and its parentheses. */
bool sql_place_call(const char *text, struct sql_place statement, const char *function,
    struct sql_place *place);
/* The same with a whole number of at most 31 bits as its only argument. */
bool sql_place_call_of_number(const char *text, struct sql_place statement, const char *function,
    struct sql_place *place, uint32_t *number);
/*
 * A relation of pg_catalog behind FROM or JOIN, with its schema if that is written there. False
 * too where its name stands anywhere else in the statement but in front of a dot, for then
 * something else may be called so. `aliased`: another name follows it.
 */
bool sql_place_relation(const char *text, struct sql_place statement, const char *relation,
    struct sql_place *place, bool *aliased);

#endif
