/* support.h - what the tests of the policy layer share: policies from a text, verdicts. */
#ifndef TESTS_POLICY_SUPPORT_H
#define TESTS_POLICY_SUPPORT_H

#include "policy/policy.h"

/* What every policy begins with: four lines. */
#define HEADER                                                                              \
	"apiVersion: pgweir/v1\n"                                                           \
	"kind: GuardrailPolicy\n"                                                           \
	"metadata: {name: p, owner: me}\n"                                                  \
	"mode: enforce\n"
/* 2026-11-25 10:00:00 UTC, a Wednesday. */
#define TEN_US 1795600800000000ULL

/* Group setup and teardown: a folder of our own as the working directory. */
int enter_folder(void **state);
int leave_folder(void **state);
/* Write a file into it. */
void write_file(const char *name, const char *text);
/* Load a text as p.yaml; prints the problems and fails the test if there is an error. */
struct policies *load(const char *text);
/* Load a text that has faults; all of them as "line:col: text\n". The caller frees. */
char *faults_of(const char *text);

/* Who asks; NULL fields are "". */
struct who {
	const char *user, *role, *database, *application, *client;
};
/* Parse and judge at a moment; verdict_free() it. */
struct verdict judge_at(const struct policies *policies, struct who who, const char *sql,
    uint64_t wall_us);
struct verdict judge(const struct policies *policies, struct who who, const char *sql);
/* Judge and tell it in a line: "deny drop-table", "allow -"; static memory. */
const char *outcome(const struct policies *policies, struct who who, const char *sql);
const char *outcome_at(const struct policies *policies, struct who who, const char *sql,
    uint64_t wall_us);

#endif
