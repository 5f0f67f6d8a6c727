/*
 * quota.h - how much runs under a limit that counts over all workers: max_concurrency
 * and rate.
 *
 * One quota for each rule (max_concurrency), or for each rule and user (rate). It is
 * looked up when a ruling is made, and then asked without a lock.
 */
#ifndef SESSION_QUOTA_H
#define SESSION_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct quotas;
struct quota;

/*
 * The quota of the rule that the limit comes from; `user` is "" where all users share it.
 * It lives as long as the quotas: counts go on over reloads.
 */
struct quota *quotas_find(struct quotas *quotas, const char *limit_name,
    const struct policy_limit *limit, const char *user);

/* One more statement runs. False: there are `most` already. */
bool quota_enter(struct quota *quota, int64_t most);
void quota_leave(struct quota *quota);
/* How many run now. */
int64_t quota_running(const struct quota *quota);

/*
 * Take so many tokens of a bucket that gets `hourly` an hour and holds a second's worth,
 * at least one. False: not now, but in *wait_us.
 */
bool quota_take(struct quota *quota, int64_t hourly, uint64_t tokens, uint64_t now_us,
    uint64_t *wait_us);

#endif
