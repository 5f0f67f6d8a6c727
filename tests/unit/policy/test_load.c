/*
 * test_load.c - what a faulty policy file is told: every fault, at its place.
 * Also the life of a set of policies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A text behind HEADER (so its first line is line 5), and what is said of it. */
struct fault {
	const char *text;
	const char *told;
};

static void
check_faults(const struct fault *faults, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *text = mem_printf("%s%s", HEADER, faults[i].text);
		char *told = faults_of(text);

		assert_string_equal(told, faults[i].told);
		mem_free(told);
		mem_free(text);
	}
}

static void
what_a_file_must_begin_with_is_asked_for(void **state)
{
	static const struct fault faults[] = {
		{ "[]\n", "1:1: a policy must be a map, not a list\n" },
		{ "mode: enforce\n",
		    "1:1: \"apiVersion\" is missing: write apiVersion: pgweir/v1\n"
		    "1:1: \"kind\" is missing: write kind: GuardrailPolicy\n"
		    "1:1: \"metadata\" is missing: it gives the name\n" },
		{ "apiVersion: pgweir/v2\nkind: GuardrailPolicy\nmetadata: {name: p}\n",
		    "1:13: apiVersion: \"pgweir/v2\" is not pgweir/v1 (did you mean \"pgweir/v1\"?)\n" },
		{ "apiVersion: pgweir/v1\nkind: Policy\nmetadata: {name: \"a b\"}\n",
		    "2:7: kind: \"Policy\" is not GuardrailPolicy\n"
		    "3:18: name \"a b\": use letters, digits, dashes, dots and underscores\n" },
		{ "apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {owner: me, nam: p}\n",
		    "3:23: unknown key in metadata \"nam\" (did you mean \"name\"?)\n"
		    "3:11: \"name\" is missing\n" },
		{ "apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: p\n",
		    "3:11: metadata must be a map, not a value\n" },
		{ "apiVersion: pgweir/v1\nkind: GuardrailPolicy\nmetadata: {name: p}\nmode: enforced\n",
		    "4:7: mode: \"enforced\" is not off, warn or enforce (did you mean \"enforce\"?)\n" },
	};

	for (size_t i = 0; i < COUNT(faults); i++) {
		char *told = faults_of(faults[i].text);

		assert_string_equal(told, faults[i].told);
		mem_free(told);
	}
	(void)state;
}

static void
unknown_keys_and_words_are_refused_with_the_nearest_known_one(void **state)
{
	static const struct fault faults[] = {
		{ "rule: []\n", "5:1: unknown key in a policy \"rule\" (did you mean \"rules\"?)\n" },
		{ "rules:\n  - {use: index-not-concurent}\n",
		    "6:11: unknown built-in rule or pack \"index-not-concurent\" (did you mean "
		    "\"index-not-concurrent\"?)\n" },
		{ "rules:\n  - {use: quite-something-else}\n",
		    "6:11: unknown built-in rule or pack \"quite-something-else\"\n" },
		{ "rules:\n  - {id: x, match: {clas: DDL}, action: deny}\n",
		    "6:21: unknown key in match \"clas\" (did you mean \"class\"?)\n" },
		{ "rules:\n  - {id: x, match: {class: [DDL, RAED]}, action: deny}\n",
		    "6:34: class: unknown class \"RAED\" (did you mean \"READ\"?)\n" },
		{ "rules:\n  - {id: x, match: {verb: UPDAT}, action: deny}\n",
		    "6:27: verb: unknown verb \"UPDAT\" (did you mean \"UPDATE\"?)\n" },
		{ "rules:\n  - {id: x, match: {where: missing}, action: deny}\n",
		    "6:28: where: unknown where \"missing\"\n" },
		{ "rules:\n  - {id: x, match: {relations: {reads: [a]}}, action: deny}\n",
		    "6:33: unknown key in relations \"reads\" (did you mean \"read\"?)\n" },
		{ "rules:\n  - {id: x, match: {user: a}, action: denny}\n",
		    "6:39: action: \"denny\" is not allow, log, warn or deny (did you mean \"deny\"?)\n" },
		{ "sets: {pii: [a]}\nrules:\n  - {id: x, match: {relations: {read: \"@pi\"}}, action: deny}\n",
		    "7:39: unknown set \"pi\" (did you mean \"pii\"?)\n" },
		{ "defaults: {actoin: deny}\n",
		    "5:12: unknown key in defaults \"actoin\" (did you mean \"action\"?)\n" },
		{ "defaults: {limits: {statement_timout: 5s}}\n",
		    "5:21: unknown key in limits \"statement_timout\" (did you mean "
		    "\"statement_timeout\"?)\n" },
		{ "tests:\n  - {as: {usr: a}, sql: SELECT 1, expect: allow}\n",
		    "6:11: unknown key in as \"usr\" (did you mean \"user\"?)\n" },
	};

	check_faults(faults, COUNT(faults));
	(void)state;
}

static void
what_this_version_cannot_do_is_refused_and_not_ignored(void **state)
{
	static const struct fault faults[] = {
		{ "rules:\n  - {id: x, action: deny, match: {columns: [a..b], limit: 5, select_star: yes, "
		  "tag: {k: v}}}\n",
		    "6:45: columns: \"a..b\" has an empty name part\n"
		    "6:59: limit: \"5\" is not absent, the only thing to ask for\n"
		    "6:75: select_star: \"yes\" is not true or false\n"
		    "6:85: tag in match must be a value or a list, not a map\n" },
		{ "rules:\n  - {use: startup-option}\n",
		    "6:11: \"startup-option\" is in force by itself wherever a policy is: take it out\n" },
		{ "rules:\n  - {use: dml-safety}\n", "" },
		{ "rules:\n  - {use: truncate, large_table: {rows: 5}}\n",
		    "6:34: large_table does not go with rule \"truncate\": what it flags is as bad on a "
		    "small table\n" },
		{ "rules:\n  - {use: set-not-null, action: warn, large_table: {rows: 5}}\n",
		    "6:52: large_table makes a deny of small tables a warning, and rule "
		    "\"set-not-null\" does not deny\n" },
		{ "rules:\n  - {use: set-not-null, large_table: {rows: few, pages: 1}}\n"
		  "  - {use: add-serial, large_table: 5}\n  - {use: table-rewrite, large_table: {}}\n"
		  "  - {use: change-type, large_table: {rows: 0}}\n",
		    "6:50: unknown key in large_table \"pages\"\n"
		    "6:45: large_table.rows is a whole number above 0, not \"few\"\n"
		    "7:36: large_table must be a map, not a value\n"
		    "8:39: \"rows\" is missing\n"
		    "9:44: large_table.rows is a whole number above 0, not \"0\"\n" },
		{ "rules:\n  - {use: unsafe-ddl, large_table: {rows: 5}}\n"
		  "  - {use: hygiene, large_table: {rows: 5}}\n", "" },
	};

	check_faults(faults, COUNT(faults));
	(void)state;
}

static void
wrong_values_are_refused_where_they_stand(void **state)
{
	static const struct fault faults[] = {
		{ "defaults: {limits: {statement_timeout: 5}}\n",
		    "5:40: statement_timeout: \"5\" is not a duration: write it as 500ms, 5s, 2m or "
		    "1h, or 0 for none\n" },
		{ "defaults: {limits: {statement_timeout: 25h}}\n",
		    "5:40: statement_timeout: \"25h\" is more than 1d\n" },
		{ "defaults: {limits: {}}\n", "5:20: limits is empty\n" },
		{ "defaults: {on_oversize: {above: 1MiB}}\n",
		    "5:33: above: \"1MiB\" is not a size from 1KiB to 256KiB\n" },
		{ "defaults: {on_oversize: {above: 64KiB, action: allow}}\n",
		    "5:48: action: \"allow\" is not deny, allow_log or allow_insert_only\n" },
		{ "defaults: {on_unparseable: allow}\n",
		    "5:28: on_unparseable: \"allow\" is not deny or allow_log\n" },
		{ "rules: {use: drop-table}\n", "5:8: rules must be a list, not a map\n" },
		{ "rules: [drop-table]\n", "5:9: a rule must be a map, not a value\n" },
		{ "rules:\n  - {match: {user: a}}\n",
		    "6:5: \"id\" is missing\n"
		    "6:5: rule \"?\" has no action: write deny, warn, log or allow\n" },
		{ "rules:\n  - {id: \"a b\", match: {user: a}, action: deny}\n",
		    "6:10: id \"a b\": use up to 63 letters, digits, dashes, dots and underscores\n" },
		{ "rules:\n  - {id: sql-oversize, match: {user: a}, action: deny}\n",
		    "6:10: id \"sql-oversize\" is taken: it names what defaults decide\n" },
		{ "rules:\n  - {use: sql-unparseable}\n",
		    "6:11: \"sql-unparseable\" is in force by itself: defaults decide what it does\n" },
		{ "rules:\n  - {use: truncate, action: allow}\n",
		    "6:29: a built-in rule cannot allow: write mode: off to switch it off\n" },
		{ "rules:\n  - {use: truncate, id: x}\n",
		    "6:25: a rule has either use or id: a built-in rule keeps its own name\n" },
		{ "rules:\n  - {id: x, match: {client: 10.0.0.0/33}, action: deny}\n",
		    "6:29: client: \"10.0.0.0/33\" is not an address range: write 10.0.0.0/8, ::1, or "
		    "local for unix sockets\n" },
		{ "rules:\n  - {id: x, match: {client: 10.1.0.0/8}, action: deny}\n",
		    "6:29: client: \"10.1.0.0/8\" has bits set behind its length\n" },
		{ "rules:\n  - {id: x, match: {regex: \"a(\"}, action: deny}\n",
		    "6:28: regex: bad regex \"a(\": missing closing parenthesis at character 3\n" },
		{ "rules:\n  - {id: x, match: {fingerprint: \"pg16:a0ead580058af585\"}, action: deny}\n",
		    "6:34: fingerprint: \"pg16:a0ead580058af585\" is not a fingerprint of this grammar: "
		    "it reads \"pg15:\" and 16 hex digits\n" },
		{ "rules:\n  - {id: x, match: {relations: {read: a.b.c}}, action: deny}\n",
		    "6:39: read: \"a.b.c\" is not a name: write name, schema.name or "
		    "\"quoted\".\"name\"\n" },
		{ "rules:\n  - {id: x, match: {relations: {read: a.}}, action: deny}\n",
		    "6:39: read: \"a.\" has an empty name part\n" },
		{ "rules:\n  - {id: x, match: {relations: {read: '\"a'}}, action: deny}\n",
		    "6:39: read: \"\"a\" is not a name: write name, schema.name or "
		    "\"quoted\".\"name\"\n" },
		{ "rules:\n  - {id: x, match: {within: \"Mon-Fri 07:00-19:00\"}, action: deny}\n",
		    "6:29: within: \"Mon-Fri 07:00-19:00\" is not a time window: write days, hours and "
		    "zone, such as \"Mon-Fri 07:00-19:00 Europe/Berlin\"\n" },
		{ "rules:\n  - {id: x, match: {within: \"Mon-Fir 07:00-19:00 UTC\"}, action: deny}\n",
		    "6:29: within: \"Mon-Fir\" names no days: write Mon to Sun as in \"Mon-Fri\" or "
		    "\"Sat,Sun\", or \"daily\"\n" },
		{ "rules:\n  - {id: x, match: {within: \"daily 07:00-25:00 UTC\"}, action: deny}\n",
		    "6:29: within: \"07:00-25:00\" is not a span of hours: write it as 07:00-19:00\n" },
		{ "rules:\n  - {id: x, match: {within: \"daily 07:00-19:00 ../../etc/passwd\"}, action: deny}\n",
		    "6:29: within: unknown time zone \"../../etc/passwd\": write UTC, an offset such as "
		    "+02:00, or a name from /usr/share/zoneinfo/ such as Europe/Berlin\n" },
		{ "sets: {a: []}\n", "5:11: set \"a\" must be a list with something in it\n" },
		{ "sets: {a: [x], b: [\"@a\"]}\n",
		    "5:20: set \"b\" holds names and patterns only, no sets or lists\n" },
		{ "tests: [{sql: SELECT 1}]\n", "5:9: \"expect\" is missing\n" },
		{ "tests: [{sql: SELECT 1, expect: log}]\n",
		    "5:33: expect: \"log\" is not allow, warn or deny\n" },
	};

	check_faults(faults, COUNT(faults));
	(void)state;
}

static void
a_rule_that_can_never_fire_is_refused(void **state)
{
	static const struct fault faults[] = {
		{ "rules:\n  - {id: x, match: {user: []}, action: deny}\n",
		    "6:27: user in match is an empty list: it would never fit\n" },
		{ "rules:\n  - {id: x, match: {user: \"\"}, action: deny}\n",
		    "6:27: user: an empty text never fits\n" },
		{ "rules:\n  - {id: x, match: {}, action: deny}\n",
		    "6:20: match is empty: write {user: \"*\"} if every statement is meant\n" },
		{ "rules:\n  - {id: x, match: {class: [READ, WRITE], not: {class: [WRITE, READ]}}, action: deny}\n",
		    "6:57: rule \"x\" can never fire: not leaves out every class that the match asks "
		    "for\n" },
		{ "rules:\n  - {id: x, match: {user: a, not: {user: [b, \"*\"]}}, action: deny}\n",
		    "6:43: rule \"x\" can never fire: not leaves out every user that the match asks "
		    "for\n" },
		{ "rules:\n  - {id: x, match: {within: \"daily 07:00-19:00 UTC\", outside: \"daily "
		  "07:00-19:00 UTC\"}, action: deny}\n",
		    "6:63: rule \"x\" can never fire: within and outside name the same hours\n" },
		{ "rules:\n  - {id: x, match: {within: \"daily 07:00-07:00 UTC\"}, action: deny}\n",
		    "6:29: within: the window \"07:00-07:00\" is empty: write 00:00-24:00 for the whole "
		    "day\n" },
		{ "applies_to: {databases: [shop, \"b*\"]}\nrules:\n"
		  "  - {id: x, match: {database: crm}, action: deny}\n"
		  "  - {id: y, match: {database: [crm, bank]}, action: deny}\n",
		    "7:31: rule \"x\" can never fire: applies_to.databases leaves \"crm\" out\n" },
		{ "rules:\n  - {use: truncate, match: {user: a}}\n  - {use: truncate, mode: off}\n",
		    "6:5: rule \"truncate\" can never fire: line 7 switches it off\n" },
		{ "rules:\n  - {use: truncate}\n  - {use: truncate, action: warn}\n",
		    "7:5: rule \"truncate\" is used twice, first in line 6\n" },
		{ "rules:\n  - {id: x, match: {user: a}, action: deny}\n  - {id: x, match: {user: b}, "
		  "action: deny}\n",
		    "7:5: rule \"x\" is already in line 6\n" },
		{ "rules:\n  - {id: x, match: {relations: {read: "
		  "a23456789012345678901234567890123456789012345678901234567890123x}}, action: deny}\n",
		    "6:39: read: \"a23456789012345678901234567890123456789012345678901234567890123x\" "
		    "can never fit: PostgreSQL cuts names at 63 bytes\n" },
		{ "rules:\n  - {id: x, match: {user: a, not: {user: b, not: {user: c}}}, action: deny}\n",
		    "6:50: a not inside a not is not supported: turn the match round\n" },
	};

	check_faults(faults, COUNT(faults));
	(void)state;
}

static void
a_rule_in_a_file_that_is_off_cannot_be_switched_on(void **state)
{
	char *told = faults_of("apiVersion: pgweir/v1\nkind: GuardrailPolicy\n"
			       "metadata: {name: p}\nmode: off\nrules:\n"
			       "  - {use: truncate, mode: enforce}\n");

	assert_string_equal(
	    told, "6:5: rule \"truncate\" can never fire: the mode of the file is off\n");
	mem_free(told);
	(void)state;
}

static void
what_a_client_claims_cannot_be_made_to_allow(void **state)
{
	static const struct fault faults[] = {
		{ "rules:\n  - {id: x, match: {application: psql}, action: allow}\n",
		    "6:5: rule \"x\" allows by application, regex or tag: what a client says of itself, and "
		    "text, can only make a verdict stricter\n" },
		{ "rules:\n  - {id: x, match: {user: a, regex: b}, action: allow}\n",
		    "6:5: rule \"x\" allows by application, regex or tag: what a client says of itself, and "
		    "text, can only make a verdict stricter\n" },
		{ "rules:\n  - {id: x, match: {class: DDL, not: {application: flyway}}, action: deny}\n",
		    "6:38: not cannot ask for application, regex or tag: what a client says of itself never "
		    "lifts a rule\n" },
		{ "rules:\n  - {id: x, match: {role: a, application: b}, action: log, limits: "
		  "{statement_timeout: 1h}}\n",
		    "6:5: rule \"x\" sets limits by application, regex or tag: a client could loosen its own "
		    "limits\n" },
	};

	check_faults(faults, COUNT(faults));
	(void)state;
}

static void
a_failing_test_refuses_the_file_and_says_what_happened_instead(void **state)
{
	static const struct fault faults[] = {
		{ "rules:\n  - {use: drop-table}\ntests:\n"
		  "  - {sql: DROP TABLE t, expect: allow}\n"
		  "  - {sql: SELECT 1, expect: deny, rule: drop-table}\n"
		  "  - {sql: DROP TABLE t, expect: deny, rule: truncate}\n"
		  "  - {sql: DROP TABLE t, expect: deny, rule: drop-table}\n"
		  "  - {sql: SELEC 1, expect: allow}\n",
		    "8:5: test failed: expected allow, got deny by rule \"drop-table\" (DROP TABLE "
		    "deletes \"t\" and its data for good (ACCESS EXCLUSIVE lock); whoever still uses it "
		    "breaks.): DROP TABLE t\n"
		    "9:5: test failed: expected deny by rule \"drop-table\", got allow: SELECT 1\n"
		    "10:5: test failed: expected deny by rule \"truncate\", got deny by rule "
		    "\"drop-table\" (DROP TABLE deletes \"t\" and its data for good (ACCESS EXCLUSIVE "
		    "lock); whoever still uses it breaks.): DROP TABLE t\n"
		    "12:5: test failed: expected allow, got deny by rule \"sql-unparseable\" (The "
		    "statement cannot be analysed: syntax error at or near \"SELEC\".): SELEC 1\n" },
	};

	check_faults(faults, COUNT(faults));
	(void)state;
}

static void
tests_hold_in_every_mode_and_say_only_what_they_need(void **state)
{
	static const char *const modes[] = { "off", "warn", "enforce" };

	for (size_t i = 0; i < COUNT(modes); i++) {
		char *text = mem_printf("apiVersion: pgweir/v1\nkind: GuardrailPolicy\n"
					"metadata: {name: p}\nmode: %s\n"
					"applies_to: {databases: [\"shop*\"], roles: [app]}\n"
					"rules: [{use: truncate}, {id: late, action: deny, match: "
					"{outside: \"daily 08:00-18:00 UTC\", class: DDL}}]\n"
					"tests:\n"
					"  - {sql: TRUNCATE t, expect: deny, rule: truncate}\n"
					"  - {as: {database: crm}, sql: TRUNCATE t, expect: allow}\n"
					"  - {sql: CREATE TABLE t (), at: \"2026-11-25T19:00:00Z\", "
					"expect: deny}\n"
					"  - {sql: CREATE TABLE t (), at: \"2026-11-25T19:00:00+02:00\", "
					"expect: allow}\n", modes[i]);

		policies_release(load(text));
		mem_free(text);
	}
	(void)state;
}

/* A date so many seconds from now. */
static char *
seconds_ahead(int seconds)
{
	char text[40];
	time_t moment = (time_t)(clock_wall_us() / 1000000) + seconds;
	struct tm utc;

	gmtime_r(&moment, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return mem_strdup(text);
}

static void
an_exception_needs_a_rule_a_ticket_an_owner_and_an_end(void **state)
{
	static const struct fault faults[] = {
		{ "rules: [{use: truncate}]\nexceptions:\n  - {match: {user: a}}\n",
		    "7:5: \"rule\" is missing\n7:5: \"ticket\" is missing\n7:5: \"owner\" is missing\n"
		    "7:5: \"expires\" is missing\n" },
		{ "rules: [{use: truncate}]\nexceptions:\n  - {rule: trunkate, ticket: T, owner: o, "
		  "expires: 2020-01-01T00:00:00Z}\n",
		    "7:12: unknown rule of this file \"trunkate\" (did you mean \"truncate\"?)\n"
		    "7:5: \"match\" is missing\n"
		    "7:52: warning: the exception to \"trunkate\" (T) has expired at "
		    "2020-01-01T00:00:00Z and is void: take it out\n" },
		{ "rules: [{use: truncate}]\nexceptions:\n  - {rule: destructive-ddl, match: {user: a}, "
		  "ticket: T, owner: o, expires: soon}\n",
		    "7:12: an exception lifts exactly one rule, not \"destructive-ddl\"\n"
		    "7:77: expires: \"soon\" is not a moment: write it as 2027-01-31T00:00:00Z\n" },
		{ "rules: [{use: truncate}]\nexceptions:\n  - {rule: \"*\", match: {application: a}, "
		  "ticket: T, owner: o, expires: 2026-02-30T00:00:00Z}\n",
		    "7:12: an exception lifts exactly one rule, not \"*\"\n"
		    "7:24: an exception cannot ask for application, regex or tag: what a client says of "
		    "itself never lifts a rule\n"
		    "7:72: expires: \"2026-02-30T00:00:00Z\" is not a moment: write it as "
		    "2027-01-31T00:00:00Z\n" },
		{ "exceptions:\n  - {rule: sql-unparseable, match: {class: DDL}, ticket: T, owner: o, "
		  "expires: 2020-01-01T00:00:00Z}\n",
		    "6:36: the exception can never hold: a text under \"sql-unparseable\" was not "
		    "analysed, so only user, role, database, client and hours are known\n"
		    "6:80: warning: the exception to \"sql-unparseable\" (T) has expired at "
		    "2020-01-01T00:00:00Z and is void: take it out\n" },
	};

	check_faults(faults, COUNT(faults));
	(void)state;
}

static void
break_glass_needs_a_reason_and_lifts_no_more_than_other_exceptions(void **state)
{
	static const struct fault faults[] = {
		{ "rules: [{use: truncate}]\nexceptions:\n  - {rule: truncate, match: {user: a}, "
		  "ticket: T, owner: o, expires: soon, break_glass: true}\n",
		    "7:5: \"reason\" is missing\n"
		    "7:70: expires: \"soon\" is not a moment: write it as 2027-01-31T00:00:00Z\n" },
		{ "rules: [{use: truncate}]\nexceptions:\n  - {rule: truncate, match: {user: a}, "
		  "ticket: T, owner: o, expires: 2020-01-01T00:00:00Z, break_glass: true, reason: \"\"}\n",
		    "7:119: \"reason\" is empty\n"
		    "7:70: warning: the exception to \"truncate\" (T) has expired at "
		    "2020-01-01T00:00:00Z and is void: take it out\n" },
		{ "rules: [{use: truncate}]\nexceptions:\n  - {rule: truncate, match: {user: a}, "
		  "ticket: T, owner: o, expires: soon, break_glass: yes, reason: r}\n",
		    "7:89: break_glass: \"yes\" is not false or true\n"
		    "7:70: expires: \"soon\" is not a moment: write it as 2027-01-31T00:00:00Z\n" },
		{ "rules: [{use: truncate}]\nexceptions:\n  - {rule: session-integrity, match: {user: a}, "
		  "ticket: T, owner: o, expires: soon, break_glass: true, reason: [r]}\n",
		    "7:12: an exception lifts exactly one rule, not \"session-integrity\"\n"
		    "7:112: \"reason\" must be a value, not a list\n"
		    "7:79: expires: \"soon\" is not a moment: write it as 2027-01-31T00:00:00Z\n" },
		{ "rules: [{use: truncate}]\nexceptions:\n  - {rule: \"*\", match: {application: a}, "
		  "expires: soon, break_glass: true, reason: r, glass: 1}\n",
		    "7:87: unknown key in an exception \"glass\"\n"
		    "7:5: \"ticket\" is missing\n7:5: \"owner\" is missing\n"
		    "7:12: an exception lifts exactly one rule, not \"*\"\n"
		    "7:24: an exception cannot ask for application, regex or tag: what a client says of "
		    "itself never lifts a rule\n"
		    "7:51: expires: \"soon\" is not a moment: write it as 2027-01-31T00:00:00Z\n" },
	};

	check_faults(faults, COUNT(faults));
	(void)state;
}

static void
break_glass_is_open_for_four_hours_at_most_and_stops_no_restart_when_it_has_ended(void **state)
{
	static const struct {
		int seconds;
		const char *told;
	} cases[] = {
		{ 4 * 3600 + 60, "7:115: expires: \"%s\" is more than 4 hours ahead: break_glass is for no "
				 "longer\n" },
		{ 4 * 3600 - 60, "7:115: warning: break glass: the exception to \"truncate\" (T) of o is open "
				 "until %s: the disk is full\n" },
		{ -60, "7:115: warning: the exception to \"truncate\" (T) has expired at %s and is void: take "
		       "it out\n" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *date = seconds_ahead(cases[i].seconds);
		char *text = mem_printf("%srules: [{use: truncate}]\nexceptions:\n"
					"  - {break_glass: true, reason: the disk is full, rule: truncate, "
					"match: {user: a}, ticket: T, owner: o, expires: %s}\n",
		    HEADER, date);
		char *told = faults_of(text);
		const char *gap = strstr(cases[i].told, "%s");
		char *wanted = mem_printf(
		    "%.*s%s%s", (int)(gap - cases[i].told), cases[i].told, date, gap + 2);

		assert_string_equal(told, wanted);
		mem_free(wanted);
		mem_free(told);
		mem_free(text);
		mem_free(date);
	}
	(void)state;
}

static void
an_exception_ends_within_ninety_days_and_an_expired_one_stops_no_restart(void **state)
{
	static const struct {
		int days;
		const char *told;
	} cases[] = { { 80, "" }, { 100, " is more than 90 days ahead\n" },
		{ -1, " and is void: take it out\n" } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		char *date = seconds_ahead(cases[i].days * 86400);
		char *text = mem_printf("%srules: [{use: truncate}]\nexceptions:\n"
					"  - {rule: truncate, match: {user: a}, ticket: T, owner: o, "
					"expires: %s}\n", HEADER, date);
		char *told = faults_of(text);

		if (cases[i].told[0] == '\0')
			assert_string_equal(told, "");
		else
			assert_non_null(strstr(told, cases[i].told));
		assert_int_equal(strstr(told, "warning") != NULL, cases[i].days < 0);
		mem_free(told);
		mem_free(text);
		mem_free(date);
	}
	(void)state;
}

static void
all_faults_of_all_files_are_told_and_nothing_is_loaded(void **state)
{
	struct problems problems = { 0 };

	write_file("p.yaml", HEADER "rules: [{use: nope-nope}]\n");
	write_file("q.yaml", HEADER "mood: x\nkey: [\n");
	assert_null(policies_load("[pq].yaml", &problems));
	assert_true(problems.errors >= 2);
	assert_string_equal(problems.items[0].file, "p.yaml");
	assert_string_equal(problems.items[problems.count - 1].file, "q.yaml");
	problems_free(&problems);

	write_file("p.yaml", HEADER);
	write_file("q.yaml", HEADER);
	assert_null(policies_load("[pq].yaml", &problems));
	assert_int_equal(problems.errors, 1);
	assert_string_equal(
	    problems.items[0].text, "the name \"p\" is already that of p.yaml");
	assert_int_equal(problems.items[0].line, 3);
	problems_free(&problems);
	unlink("q.yaml");
	(void)state;
}

static void
no_file_is_an_empty_set_and_a_folder_is_a_fault(void **state)
{
	struct problems problems = { 0 };
	struct policies *policies = policies_load("", &problems);

	assert_non_null(policies);
	assert_true(policies_are_empty(policies));
	policies_release(policies);
	policies = policies_load("none/*.yaml", &problems);
	assert_non_null(policies);
	assert_int_equal(policies_count(policies), 0);
	assert_int_equal(policies_text_cap(policies), 64 * 1024);
	policies_release(policies);
	assert_null(policies_load(".", &problems));
	assert_int_equal(problems.errors, 1);
	assert_string_equal(problems.items[0].text, "not a file");
	problems_free(&problems);
	(void)state;
}

static void
a_set_knows_its_files_and_differs_from_every_other_load(void **state)
{
	struct policies *first = load(HEADER "rules: [{use: truncate}, {use: drop-table}]\n"
					     "defaults: {on_oversize: {above: 100KiB}}\n");
	struct policies *second = load("apiVersion: pgweir/v1\nkind: GuardrailPolicy\n"
				       "metadata: {name: p}\nmode: off\n");
	struct policy_info info;

	assert_int_not_equal(policies_generation(first), policies_generation(second));
	assert_int_equal(policies_text_cap(first), 100 * 1024);
	assert_false(policies_are_empty(first));
	assert_true(policies_are_empty(second));
	policies_info(first, 0, &info);
	assert_string_equal(info.name, "p");
	assert_string_equal(info.owner, "me");
	assert_string_equal(info.file, "p.yaml");
	assert_int_equal(info.rule_count, 2);
	assert_int_equal(strlen(info.sha256), 64);
	assert_ptr_equal(policies_reference(first), first);
	policies_release(first);
	policies_release(first);
	policies_release(second);
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_file_must_begin_with_is_asked_for),
		cmocka_unit_test(unknown_keys_and_words_are_refused_with_the_nearest_known_one),
		cmocka_unit_test(what_this_version_cannot_do_is_refused_and_not_ignored),
		cmocka_unit_test(wrong_values_are_refused_where_they_stand),
		cmocka_unit_test(a_rule_that_can_never_fire_is_refused),
		cmocka_unit_test(a_rule_in_a_file_that_is_off_cannot_be_switched_on),
		cmocka_unit_test(what_a_client_claims_cannot_be_made_to_allow),
		cmocka_unit_test(a_failing_test_refuses_the_file_and_says_what_happened_instead),
		cmocka_unit_test(tests_hold_in_every_mode_and_say_only_what_they_need),
		cmocka_unit_test(break_glass_needs_a_reason_and_lifts_no_more_than_other_exceptions),
		cmocka_unit_test(
		    break_glass_is_open_for_four_hours_at_most_and_stops_no_restart_when_it_has_ended),
		cmocka_unit_test(an_exception_needs_a_rule_a_ticket_an_owner_and_an_end),
		cmocka_unit_test(
		    an_exception_ends_within_ninety_days_and_an_expired_one_stops_no_restart),
		cmocka_unit_test(all_faults_of_all_files_are_told_and_nothing_is_loaded),
		cmocka_unit_test(no_file_is_an_empty_set_and_a_folder_is_a_fault),
		cmocka_unit_test(a_set_knows_its_files_and_differs_from_every_other_load),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
