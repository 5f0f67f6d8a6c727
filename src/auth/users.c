/*
 * users.c - see users.h. Two tables by name: who may log in, and with what we
 * log in; and the lines of auth.hba and auth.ident. Made when a configuration is loaded,
 * then only read.
 */
#include <stdatomic.h>
#include <string.h>
#include <uthash.h>

#include "auth/conversation.h"
#include "auth/userlist.h"
#include "auth/users.h"
#include "base/mem.h"
#include "scram.h"

static const char scram_prefix[] = SCRAM_MECHANISM "$";

/* Who may log in, or a role. Owned by the table it is in. */
struct user {
	char *name;
	char *secret; /* NULL: none */
	char *role;   /* NULL: the same name */
	UT_hash_handle hh;
};

struct users {
	atomic_int references;
	struct user *clients; /* by user name */
	struct user *roles;   /* by role name; only those with a password of their own */
	struct hba *hba;      /* ours; NULL: auth.hba names no file */
	struct idents *idents; /* ours; NULL: auth.ident names no file */
};

static const struct user *
find(const struct user *table, const char *name)
{
	struct user *found;

	HASH_FIND_STR(table, name, found);
	return found;
}

/* The entry of this name, made when there is none. */
static struct user *
entry(struct user **table, const char *name)
{
	struct user *found;

	HASH_FIND_STR(*table, name, found);
	if (found == NULL) {
		found = mem_zalloc(1, sizeof(*found));
		found->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, *table, found->name, strlen(found->name), found);
	}
	return found;
}

static void
free_table(struct user *table)
{
	struct user *user, *next;

	HASH_ITER(hh, table, user, next) {
		HASH_DEL(table, user);
		mem_free(user->name);
		mem_free_secret(user->secret);
		mem_free(user->role);
		mem_free(user);
	}
}

/* --- what a stored secret is ------------------------------------------------ */

static bool
is_scram(const char *secret)
{
	struct scram_verifier verifier;

	return scram_verifier_parse(secret, &verifier);
}

enum secret_kind
secret_kind(const char *secret)
{
	if (secret == NULL || secret[0] == '\0')
		return SECRET_NONE;
	if (strncmp(secret, "md5", 3) == 0 && strlen(secret) == 35 &&
	    strspn(secret + 3, "0123456789abcdef") == 32)
		return SECRET_MD5;
	return is_scram(secret) ? SECRET_SCRAM : SECRET_CLEAR;
}

/* A verifier that lost a character on its way would be taken for a clear password. */
static bool
is_broken_scram(const char *secret)
{
	return strncmp(secret, scram_prefix, strlen(scram_prefix)) == 0 && !is_scram(secret);
}

/* --- loading ---------------------------------------------------------------- */

/* Where a userlist's entries go. */
struct loading {
	struct users *users;
	struct problems *problems;
	const char *file;
};

static void
on_userlist_entry(void *arg, const struct userlist_entry *line)
{
	struct loading *loading = arg;
	struct user *user = entry(&loading->users->clients, line->name);

	if (is_broken_scram(line->secret))
		problems_add(loading->problems, loading->file, line->line, line->secret_col,
		    "the secret of \"%s\" begins with %s and is no SCRAM verifier: copy "
		    "rolpassword from pg_authid again",
		    line->name, scram_prefix);
	if (line->secret[0] != '\0')
		user->secret = mem_strdup(line->secret);
}

/* The configuration's word counts: its password replaces the userlist's. */
static void
add_configured_user(struct users *users, const struct config *config,
    const struct user_config *one, struct problems *problems)
{
	struct user *user = entry(&users->clients, one->name);

	user->role = mem_strdup(one->role);
	if (one->password == NULL)
		return;
	if (is_broken_scram(one->password))
		problems_add(problems, config->path, 0, 0,
		    "users.%s.password begins with %s and is no SCRAM verifier: copy "
		    "rolpassword from pg_authid again",
		    one->name, scram_prefix);
	mem_free_secret(user->secret);
	user->secret = mem_strdup(one->password);
}

/*
 * What an unknown user is shown is made up after the secrets of these; where the server is
 * asked, after what it stores, which is this until the first answer.
 */
static void
teach_mocks(const struct users *users, bool asked)
{
	static const char *const usual = "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	const char **secrets = mem_zalloc(HASH_COUNT(users->clients) + 1, sizeof(*secrets));
	size_t count = 0;

	for (const struct user *user = users->clients; user != NULL; user = user->hh.next)
		if (user->secret != NULL)
			secrets[count++] = user->secret;
	if (asked)
		auth_mock_learn(usual);
	else
		auth_mock_resemble(secrets, count);
	mem_free(secrets);
}

/* The maps first: lines of auth.hba name them. */
static void
load_rules(struct users *users, const struct config *config, struct problems *problems)
{
	size_t errors_before = problems->errors;

	if (config->auth_ident[0] != '\0')
		users->idents = idents_load(config->auth_ident, problems);
	/* Without the maps each line that names one would be a fault, and the others go unheard. */
	if (problems->errors != errors_before) {
		idents_free(users->idents);
		users->idents = idents_unread();
	}
	if (config->auth_hba[0] != '\0')
		users->hba = hba_load(config->auth_hba, users->idents, problems);
}

struct users *
users_load(const struct config *config, struct problems *problems)
{
	struct users *users = mem_zalloc(1, sizeof(*users));
	struct loading loading = { users, problems, config->auth_userlist };
	size_t errors_before = problems->errors;

	atomic_init(&users->references, 1);
	if (config->auth_userlist[0] != '\0')
		userlist_read(config->auth_userlist, on_userlist_entry, &loading, problems);
	for (size_t i = 0; i < config->user_count; i++)
		add_configured_user(users, config, &config->users[i], problems);
	for (size_t i = 0; i < config->role_count; i++)
		if (config->roles[i].password != NULL)
			entry(&users->roles, config->roles[i].name)->secret =
			    mem_strdup(config->roles[i].password);
	load_rules(users, config, problems);
	if (problems->errors > errors_before) {
		users_release(users);
		return NULL;
	}
	teach_mocks(users, config->auth_query_user[0] != '\0');
	if (users->clients == NULL && config->auth_query_user[0] == '\0')
		problems_warn(problems, config->path, 0, 0,
		    "nobody can log in: there are no users, and no userlist names any");
	return users;
}

struct users *
users_reference(struct users *users)
{
	atomic_fetch_add_explicit(&users->references, 1, memory_order_relaxed);
	return users;
}

void
users_release(struct users *users)
{
	if (users == NULL ||
	    atomic_fetch_sub_explicit(&users->references, 1, memory_order_acq_rel) > 1)
		return;
	free_table(users->clients);
	free_table(users->roles);
	hba_free(users->hba);
	idents_free(users->idents);
	mem_free(users);
}

/* --- look-ups ---------------------------------------------------------------- */

const char *
users_secret(const struct users *users, const char *name)
{
	const struct user *user = find(users->clients, name);

	return user != NULL ? user->secret : NULL;
}

bool
users_known(const struct users *users, const char *name)
{
	return find(users->clients, name) != NULL;
}

const char *
users_role(const struct users *users, const char *name)
{
	const struct user *user = find(users->clients, name);

	return user != NULL && user->role != NULL ? user->role : name;
}

void
users_each_role(
    const struct users *users, void (*take)(void *arg, const char *role), void *arg)
{
	for (const struct user *user = users->clients; user != NULL; user = user->hh.next)
		take(arg, user->role != NULL ? user->role : user->name);
}

const char *
users_role_secret(const struct users *users, const char *role)
{
	const struct user *own = find(users->roles, role);

	return own != NULL ? own->secret : users_secret(users, role);
}

const struct hba *
users_hba(const struct users *users)
{
	return users->hba;
}

bool
users_may_be(const struct users *users, const char *map, const char *system, const char *user)
{
	if (map == NULL)
		return strcmp(system, user) == 0;
	return users->idents != NULL && idents_permit(users->idents, map, system, user);
}
