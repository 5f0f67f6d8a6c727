/* quota.c - see quota.h. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/mem.h"
#include "quota.h"
#include "session/clients.h"

/* Owned by its quotas. */
struct quota {
	UT_hash_handle hh;
	char *key; /* ours */
	_Atomic int64_t running;
	/*
	 * When the bucket will be full again (the generic cell rate algorithm): one number in
	 * place of a level and the time of its last change, so that no lock is needed.
	 */
	_Atomic uint64_t full_ns;
};

/* One of the process; owned by the supervisor. Quotas are made under the lock. */
struct quotas {
	pthread_mutex_t lock;
	struct quota *all; /* by key */
};

struct quotas *
quotas_new(void)
{
	struct quotas *quotas = mem_zalloc(1, sizeof(*quotas));

	pthread_mutex_init(&quotas->lock, NULL);
	return quotas;
}

void
quotas_free(struct quotas *quotas)
{
	struct quota *quota, *next;

	HASH_ITER(hh, quotas->all, quota, next) {
		HASH_DEL(quotas->all, quota);
		mem_free(quota->key);
		mem_free(quota);
	}
	pthread_mutex_destroy(&quotas->lock);
	mem_free(quotas);
}

/* The parts one after the other, each with its NUL. */
static void
put_key(struct buf *key, const char *limit_name, const struct policy_limit *limit,
    const char *user)
{
	buf_put_cstring(key, limit_name);
	buf_put_cstring(key, limit->policy);
	buf_put_cstring(key, limit->rule != NULL ? limit->rule : "");
	buf_put_cstring(key, user);
}

struct quota *
quotas_find(struct quotas *quotas, const char *limit_name, const struct policy_limit *limit,
    const char *user)
{
	struct buf key = { 0 };
	struct quota *quota;
	size_t length;

	put_key(&key, limit_name, limit, user);
	length = buf_length(&key);
	pthread_mutex_lock(&quotas->lock);
	HASH_FIND(hh, quotas->all, buf_bytes(&key), length, quota);
	if (quota == NULL) {
		quota = mem_zalloc(1, sizeof(*quota));
		quota->key = mem_copy(buf_bytes(&key), length);
		HASH_ADD_KEYPTR(hh, quotas->all, quota->key, length, quota);
	}
	pthread_mutex_unlock(&quotas->lock);
	buf_free(&key);
	return quota;
}

bool
quota_enter(struct quota *quota, int64_t most)
{
	int64_t running = atomic_load_explicit(&quota->running, memory_order_relaxed);

	do {
		if (running >= most)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&quota->running, &running, running + 1,
	    memory_order_relaxed, memory_order_relaxed));
	return true;
}

void
quota_leave(struct quota *quota)
{
	atomic_fetch_sub_explicit(&quota->running, 1, memory_order_relaxed);
}

int64_t
quota_running(const struct quota *quota)
{
	return atomic_load_explicit(&quota->running, memory_order_relaxed);
}

bool
quota_take(struct quota *quota, int64_t hourly, uint64_t tokens, uint64_t now_us,
    uint64_t *wait_us)
{
	static const uint64_t second_ns = UINT64_C(1000000000);
	uint64_t now_ns = now_us * 1000;
	uint64_t each_ns = 3600 * second_ns / (uint64_t)hourly;
	uint64_t holds_ns = each_ns > second_ns ? each_ns : second_ns;
	uint64_t full_ns = atomic_load_explicit(&quota->full_ns, memory_order_relaxed);
	uint64_t after_ns;

	/* More than the bucket ever holds would wait for ever. */
	if (tokens > holds_ns / each_ns)
		tokens = holds_ns / each_ns;
	do {
		after_ns = (full_ns > now_ns ? full_ns : now_ns) + tokens * each_ns;
		if (after_ns > now_ns + holds_ns) {
			*wait_us = (after_ns - now_ns - holds_ns) / 1000 + 1;
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(&quota->full_ns, &full_ns, after_ns,
	    memory_order_relaxed, memory_order_relaxed));
	return true;
}
