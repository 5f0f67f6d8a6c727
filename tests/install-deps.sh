#!/bin/sh
# Installs what building and testing pgweir needs and this Debian lacks. Called
# by ./check and ./demo; does nothing, and needs no rights, when all is there.
#
#   tests/install-deps.sh build     compiler and libraries, PostgreSQL
#   tests/install-deps.sh check     that, and everything ./check uses (default)
#   tests/install-deps.sh bench     that, and the poolers bench/ compares with
#   tests/install-deps.sh browser   build, and the Chromium of tests/browser.py
set -eu

build="build-essential pkg-config autoconf automake autoconf-archive
	libevent-dev liburing-dev libssl-dev libyaml-dev libpcre2-dev libjansson-dev libidn-dev libpam0g-dev libxxhash-dev libzstd-dev
	libpq-dev libpg-query-dev libprotobuf-c-dev uthash-dev libcmocka-dev
	postgresql postgresql-contrib postgresql-client python3 procps"
check="clang python3-psycopg python3-psycopg2 python3-asyncpg python3-sqlalchemy python3-django
	libdbd-pg-perl php-cli php-pgsql ruby-pg ruby-activerecord golang-go golang-github-lib-pq-dev golang-github-jackc-pgx-v4-dev
	pgbadger libnss-wrapper libpam-wrapper util-linux openssl zstd git rsyslog"
bench="pgbouncer haproxy"
browser="chromium poppler-utils"

case "${1:-check}" in
build)	wanted="$build" ;;
check)	wanted="$build $check" ;;
bench)	wanted="$build $check $bench" ;;
browser)	wanted="$build $browser" ;;
*)	echo "usage: $0 [build|check|bench|browser]" >&2; exit 2 ;;
esac

# node-postgres comes from npm where there is one, else from Debian.
if [ "${1:-check}" != build ] && ! command -v npm >/dev/null; then
	wanted="$wanted nodejs node-pg"
fi
# A whole Java only for the JDBC test would be much; its driver is little.
if [ "${1:-check}" != build ] && command -v java >/dev/null; then
	wanted="$wanted libpostgresql-jdbc-java"
fi

missing=""
for package in $wanted; do
	if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
		missing="$missing $package"
	fi
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
		echo "these packages are missing and only root may install them:$missing" >&2
		exit 1
	fi
	as_root="sudo -n"
fi

# The tests start servers of their own; Debian's usual one would only be in the way.
if ! [ -e /etc/postgresql-common/createcluster.conf ]; then
	$as_root mkdir -p /etc/postgresql-common
	echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
echo "installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! {
	$as_root apt-get -q update &&
	# shellcheck disable=SC2086 # a list of words
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
	    -o Dpkg::Options::=--force-confold install --no-install-recommends $missing
} >"$log" 2>&1 </dev/null; then
	tail -40 "$log" >&2
	exit 1
fi
