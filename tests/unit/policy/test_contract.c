/*
 * test_contract.c - the built-in rules against the list of them in the document that users
 * rely on: the same names in the same packs, what they do unless a policy says otherwise,
 * and the names of other tools that they answer to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "../../../src/policy/policy_internal.h"
#include "base/mem.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct promise {
	const char *id, *pack;
	enum policy_action action;
	const char *aliases; /* parted by blanks */
};

/*
 * lock-timeout-missing and statement-timeout-missing warn where the list says deny: they are
 * asked of files only, and the proxy sets both for whoever has the limits.
 */
static const struct promise promises[] = {
#define PACK "unsafe-ddl"
	{ "index-not-concurrent", PACK, POLICY_DENY, "require-concurrent-index-creation sm:add_index" },
	{ "drop-index-not-concurrent", PACK, POLICY_DENY,
	    "require-concurrent-index-deletion sm:remove_index" },
	{ "reindex-not-concurrent", PACK, POLICY_DENY, "require-concurrent-reindex" },
	{ "detach-not-concurrent", PACK, POLICY_DENY, "require-concurrent-partition-detach" },
	{ "attach-unchecked", PACK, POLICY_DENY, "" },
	{ "concurrently-in-txn", PACK, POLICY_DENY, "ban-concurrent-index-creation-in-transaction" },
	{ "add-constraint-valid", PACK, POLICY_DENY,
	    "constraint-missing-not-valid sm:add_check_constraint" },
	{ "add-fk-valid", PACK, POLICY_DENY,
	    "adding-foreign-key-constraint sm:add_foreign_key sm:add_reference" },
	{ "validate-same-txn", PACK, POLICY_DENY, "constraint-missing-not-valid" },
	{ "add-unique-constraint", PACK, POLICY_DENY,
	    "disallowed-unique-constraint sm:add_unique_constraint" },
	{ "add-primary-key", PACK, POLICY_DENY, "adding-serial-primary-key-field" },
	{ "add-exclusion", PACK, POLICY_DENY, "sm:add_exclusion_constraint" },
	{ "set-not-null", PACK, POLICY_DENY, "adding-not-nullable-field sm:change_column_null" },
	{ "add-required-column", PACK, POLICY_DENY, "adding-required-field" },
	{ "add-col-volatile-default", PACK, POLICY_DENY, "adding-field-with-default sm:add_column_default" },
	{ "add-generated-stored", PACK, POLICY_DENY, "sm:add_column_generated_stored" },
	{ "add-serial", PACK, POLICY_DENY, "sm:add_column_auto_incrementing" },
	{ "change-type", PACK, POLICY_DENY, "changing-column-type sm:change_column" },
	{ "table-rewrite", PACK, POLICY_DENY, "" },
	{ "rewrite-maintenance", PACK, POLICY_DENY, "prefer-repack" },
	{ "refresh-matview-blocking", PACK, POLICY_DENY, "" },
	{ "domain-constraint", PACK, POLICY_DENY,
	    "ban-create-domain-with-constraint ban-alter-domain-with-add-constraint" },
	{ "lock-timeout-missing", PACK, POLICY_WARN, "require-timeout-settings require-lock-timeout" },
	{ "statement-timeout-missing", PACK, POLICY_WARN, "require-statement-timeout" },
	{ "lock-then-more", PACK, POLICY_DENY, "" },
	{ "mix-ddl-dml", PACK, POLICY_DENY, "" },
	{ "rename-column", PACK, POLICY_DENY, "renaming-column sm:rename_column" },
	{ "rename-table", PACK, POLICY_DENY, "renaming-table sm:rename_table" },
	{ "rename-schema", PACK, POLICY_DENY, "sm:rename_schema" },
	{ "rename-enum-value", PACK, POLICY_DENY, "" },
#undef PACK
#define PACK "destructive-ddl"
	{ "drop-table", PACK, POLICY_DENY, "ban-drop-table" },
	{ "drop-column", PACK, POLICY_DENY, "ban-drop-column sm:remove_column" },
	{ "drop-database", PACK, POLICY_DENY, "ban-drop-database" },
	{ "drop-schema", PACK, POLICY_DENY, "ban-drop-schema" },
	{ "drop-owned", PACK, POLICY_DENY, "" },
	{ "drop-other", PACK, POLICY_WARN, "" },
	{ "drop-not-null", PACK, POLICY_DENY, "ban-drop-not-null" },
	{ "truncate", PACK, POLICY_DENY, "" },
	{ "cascade", PACK, POLICY_DENY, "ban-truncate-cascade" },
	{ "on-delete-cascade", PACK, POLICY_WARN, "" },
	{ "force-create", PACK, POLICY_DENY, "sm:create_table" },
#undef PACK
#define PACK "hygiene"
	{ "json-column", PACK, POLICY_WARN, "sm:add_column_json" },
	{ "prefer-text", PACK, POLICY_WARN, "prefer-text-field" },
	{ "char-field", PACK, POLICY_WARN, "ban-char-field" },
	{ "prefer-timestamptz", PACK, POLICY_WARN, "" },
	{ "prefer-bigint", PACK, POLICY_WARN, "prefer-bigint-over-int" },
	{ "prefer-identity", PACK, POLICY_WARN, "" },
	{ "enum-type", PACK, POLICY_WARN, "" },
	{ "enum-value-order", PACK, POLICY_WARN, "require-enum-value-ordering" },
	{ "robust-stmts", PACK, POLICY_WARN, "prefer-robust-stmts" },
	{ "multi-alter", PACK, POLICY_WARN, "" },
	{ "fk-without-index", PACK, POLICY_WARN, "" },
	{ "table-no-pk", PACK, POLICY_WARN, "" },
	{ "transaction-nesting", PACK, POLICY_WARN, "" },
	{ "transaction-open", PACK, POLICY_WARN, "ban-uncommitted-transaction" },
	{ "commit-in-script", PACK, POLICY_WARN, "transaction-nesting" },
	{ "schema-unqualified", PACK, POLICY_WARN, "require-table-schema" },
	{ "identifier-too-long", PACK, POLICY_WARN, "" },
	{ "duplicate-assignment", PACK, POLICY_WARN, "ban-duplicate-column-assignments" },
	{ "naming", PACK, POLICY_WARN, "" },
	{ "required-columns", PACK, POLICY_WARN, "" },
	{ "required-comment", PACK, POLICY_WARN, "" },
	{ "type-list", PACK, POLICY_WARN, "" },
#undef PACK
#define PACK "dml-safety"
	{ "where-required", PACK, POLICY_DENY, "" },
	{ "uncounted-write", PACK, POLICY_DENY, "" },
	{ "lock-table", PACK, POLICY_DENY, "" },
	{ "limit-required", PACK, POLICY_WARN, "" },
	{ "select-star", PACK, POLICY_WARN, "" },
	{ "select-where", PACK, POLICY_WARN, "" },
	{ "insert-columns", PACK, POLICY_WARN, "" },
	{ "insert-rows", PACK, POLICY_WARN, "" },
	{ "leading-wildcard", PACK, POLICY_WARN, "" },
	{ "function-on-column", PACK, POLICY_WARN, "" },
	{ "order-by-random", PACK, POLICY_WARN, "" },
#undef PACK
#define PACK "server-access"
	{ "copy-program", PACK, POLICY_DENY, "" },
	{ "copy-file", PACK, POLICY_DENY, "" },
	{ "server-files", PACK, POLICY_DENY, "" },
	{ "large-object-files", PACK, POLICY_DENY, "" },
	{ "network", PACK, POLICY_DENY, "" },
	{ "dynamic-sql", PACK, POLICY_DENY, "" },
	{ "untrusted-code", PACK, POLICY_DENY, "" },
	{ "extension", PACK, POLICY_DENY, "" },
	{ "server-admin", PACK, POLICY_DENY, "" },
	{ "replication", PACK, POLICY_DENY, "" },
	{ "secrets", PACK, POLICY_DENY, "" },
	{ "stall", PACK, POLICY_WARN, "" },
#undef PACK
#define PACK "session-integrity"
	{ "setting-not-allowed", PACK, POLICY_DENY, "" },
	{ "setting-persisted", PACK, POLICY_DENY, "" },
	{ "role-switch", PACK, POLICY_DENY, "" },
	{ "role-management", PACK, POLICY_DENY, "" },
	{ "transaction-mode", PACK, POLICY_DENY, "" },
	{ "catalog-write", PACK, POLICY_DENY, "" },
	{ "function-call-message", PACK, POLICY_DENY, "" },
	{ "encoding", PACK, POLICY_DENY, "" },
#undef PACK
};

/* These of session-integrity are decided by the session layer or by `defaults`. */
static const char *const elsewhere[] = { "prepared-unknown", "startup-option", "sql-unparseable",
	"sql-oversize" };

static const struct builtin *
rule_of(const char *id)
{
	for (size_t i = 0; i < builtin_count(); i++)
		if (strcmp(builtin_at(i)->id, id) == 0)
			return builtin_at(i);
	return NULL;
}

static void
each_rule_of_the_document_is_there_with_its_pack_and_action(void **state)
{
	for (size_t i = 0; i < COUNT(promises); i++) {
		const struct builtin *rule = rule_of(promises[i].id);

		if (rule == NULL)
			fail_msg("there is no rule %s", promises[i].id);
		if (strcmp(rule->pack, promises[i].pack) != 0 || rule->action != promises[i].action)
			fail_msg("%s is in %s", promises[i].id, rule->pack);
	}
	for (size_t i = 0; i < COUNT(elsewhere); i++)
		assert_true(builtin_is_elsewhere(elsewhere[i]));
	(void)state;
}

static void
no_rule_is_there_that_the_document_does_not_name(void **state)
{
	for (size_t i = 0; i < builtin_count(); i++) {
		bool found = false;

		for (size_t j = 0; j < COUNT(promises); j++)
			found |= strcmp(promises[j].id, builtin_at(i)->id) == 0;
		if (!found)
			fail_msg("%s is not in the list", builtin_at(i)->id);
	}
	assert_int_equal(builtin_count(), COUNT(promises));
	(void)state;
}

static void
each_alias_of_the_document_loads_and_stands_for_its_rule(void **state)
{
	for (size_t i = 0; i < COUNT(promises); i++) {
		const char *rest = promises[i].aliases;

		while (*rest != '\0') {
			size_t length = strcspn(rest, " ");
			char *alias = mem_strndup(rest, length);
			char *policy = mem_printf(HEADER "rules:\n  - {use: \"%s\"}\n", alias);

			if (!builtin_answers_to(rule_of(promises[i].id), alias))
				fail_msg("%s is no name of %s", alias, promises[i].id);
			policies_release(load(policy));
			mem_free(policy);
			mem_free(alias);
			rest += length + (rest[length] == ' ');
		}
	}
	(void)state;
}

static void
an_alias_may_stand_for_several_rules_and_is_told_by_our_name(void **state)
{
	static const struct who app = { .user = "u", .role = "r", .database = "d" };
	struct policies *policies =
	    load(HEADER "rules:\n  - {use: constraint-missing-not-valid}\n");

	assert_string_equal(outcome(policies, app, "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)"),
	    "deny add-constraint-valid");
	assert_string_equal(outcome(policies, app,
				"BEGIN; ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; "
				"ALTER TABLE t VALIDATE CONSTRAINT c"),
	    "deny validate-same-txn");
	policies_release(policies);
	(void)state;
}

static void
a_rule_and_a_pack_take_action_match_and_limits(void **state)
{
	static const struct who bob = { .user = "bob" }, eve = { .user = "eve" };
	struct policies *policies = load(HEADER
	    "rules:\n"
	    "  - {use: destructive-ddl, action: warn, match: {user: bob}, limits: {lock_timeout: 2s}}\n"
	    "  - {use: index-not-concurrent, action: log, match: {user: eve}}\n");
	struct verdict verdict = judge(policies, bob, "DROP TABLE t");

	assert_int_equal(verdict.action, POLICY_WARN);
	assert_string_equal(verdict.rule, "drop-table");
	assert_int_equal(verdict.limits.lock_timeout.value, 2000);
	verdict_free(&verdict);
	assert_string_equal(outcome(policies, eve, "DROP TABLE t"), "allow -");
	assert_string_equal(
	    outcome(policies, eve, "CREATE INDEX ON t (a)"), "log index-not-concurrent");
	policies_release(policies);
	(void)state;
}

static void
every_rule_tells_why_and_the_safe_way(void **state)
{
	for (size_t i = 0; i < builtin_count(); i++) {
		const struct builtin *rule = builtin_at(i);

		if ((rule->why == NULL && rule->put_why == NULL) ||
		    (rule->safe == NULL && rule->put_safe == NULL))
			fail_msg("%s", rule->id);
	}
	(void)state;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_of_the_document_is_there_with_its_pack_and_action),
		cmocka_unit_test(no_rule_is_there_that_the_document_does_not_name),
		cmocka_unit_test(each_alias_of_the_document_loads_and_stands_for_its_rule),
		cmocka_unit_test(an_alias_may_stand_for_several_rules_and_is_told_by_our_name),
		cmocka_unit_test(a_rule_and_a_pack_take_action_match_and_limits),
		cmocka_unit_test(every_rule_tells_why_and_the_safe_way),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
