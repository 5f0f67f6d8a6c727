/* keygen.c - pgweirctl keygen: the keys of audit.mac_key and audit.sign_key. */
#include "ctl.h"
#include "audit/verify.h"
#include "base/mem.h"

static int
fail(const struct error *err)
{
	fprintf(stderr, "pgweirctl keygen: %s\n", err->text);
	return CTL_NO;
}

static int
make_keys(const char *mac_key, const char *sign_key, const char *public_key)
{
	char *beside = sign_key != NULL ? mem_printf("%s.pub", sign_key) : NULL;
	const char *public_path = public_key != NULL ? public_key : beside;
	struct error err;
	int status = CTL_GOOD;

	if (mac_key != NULL && !audit_make_mac_key(mac_key, &err))
		status = fail(&err);
	else if (mac_key != NULL)
		printf("%s: keep a copy of it off this machine before pgweir starts with it\n",
		    mac_key);
	if (status == CTL_GOOD && sign_key != NULL) {
		if (!audit_make_sign_key(sign_key, public_path, &err))
			status = fail(&err);
		else
			printf("%s: the public half is %s\n", sign_key, public_path);
	}
	mem_free(beside);
	return status;
}

int
ctl_keygen(const struct ctl_command *command, int argc, char **argv)
{
	static const struct option names[] = { { "mac-key", required_argument, NULL, 'm' },
		{ "sign-key", required_argument, NULL, 's' },
		{ "public-key", required_argument, NULL, 'p' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	const char *mac_key = NULL, *sign_key = NULL, *public_key = NULL;
	int letter;

	while ((letter = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		switch (letter) {
		case 'm':
			mac_key = optarg;
			break;
		case 's':
			sign_key = optarg;
			break;
		case 'p':
			public_key = optarg;
			break;
		case 'h':
			return ctl_help(command);
		default:
			return ctl_usage(command, "unknown option");
		}
	}
	if (optind < argc || (mac_key == NULL && sign_key == NULL))
		return ctl_usage(command, "give --mac-key FILE, --sign-key FILE or both");
	if (public_key != NULL && sign_key == NULL)
		return ctl_usage(command, "--public-key is the other half of --sign-key FILE");
	return make_keys(mac_key, sign_key, public_key);
}
