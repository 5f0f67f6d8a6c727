#!/bin/sh
# What is generated from the table of settings and committed must be what the
# table prints now. Run by make check, from the build folder.
status=0
compare() {
	if ! ./tests/support/describe "$1" | cmp -s - "$srcdir/$2"; then
		echo "$2 is not what src/config/settings.c says. Write it anew from the build folder:"
		echo "    ./tests/support/describe $1 > $srcdir/$2"
		status=1
	fi
}
compare sample etc/pgweir.yaml
compare manual docs/man/pgweir.yaml.5
exit $status
