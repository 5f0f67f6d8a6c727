/* snapshot.c - see snapshot.h. */
#include "audit/sign.h"
#include "snapshot.h"

bool
snapshot_load(const char *path, struct snapshot *snapshot, struct problems *problems)
{
	*snapshot = (struct snapshot){ .config = config_load(path, problems) };
	if (snapshot->config == NULL)
		return false;
	snapshot->users = users_load(snapshot->config, problems);
	snapshot->policies = policies_signed(snapshot->config, problems);
	snapshot->security = security_load(snapshot->config, problems);
	if (snapshot->users != NULL && snapshot->policies != NULL && snapshot->security != NULL)
		return true;
	snapshot_release(snapshot);
	return false;
}

struct snapshot
snapshot_reference(const struct snapshot *snapshot)
{
	return (struct snapshot){ .config = config_reference(snapshot->config),
		.users = users_reference(snapshot->users),
		.policies = policies_reference(snapshot->policies),
		.security = security_reference(snapshot->security) };
}

void
snapshot_release(struct snapshot *snapshot)
{
	if (snapshot->config != NULL)
		config_release(snapshot->config);
	if (snapshot->users != NULL)
		users_release(snapshot->users);
	if (snapshot->policies != NULL)
		policies_release(snapshot->policies);
	security_release(snapshot->security);
	*snapshot = (struct snapshot){ 0 };
}
