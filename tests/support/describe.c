/*
 * describe.c - prints what is generated from the table of settings, for
 * tests/generated.sh:  describe sample > etc/pgweir.yaml
 *                      describe manual > docs/man/pgweir.yaml.5
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/config.h"

int
main(int argc, char **argv)
{
	struct buf out = { 0 };

	if (argc == 2 && strcmp(argv[1], "sample") == 0) {
		config_print_sample(&out);
	} else if (argc == 2 && strcmp(argv[1], "manual") == 0) {
		config_print_manual(&out);
	} else {
		fprintf(stderr, "usage: describe sample|manual\n");
		return 2;
	}
	fwrite(buf_bytes(&out), 1, buf_length(&out), stdout);
	buf_free(&out);
	return ferror(stdout) || fflush(stdout) != 0;
}
