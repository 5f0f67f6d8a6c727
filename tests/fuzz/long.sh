#!/bin/sh
# Fuzzes one target for as long as you like, with clang's libFuzzer and the address and
# undefined sanitizers. `make check` only replays the seeds and what is near them.
#
#   tests/fuzz/long.sh TARGET [SECONDS]    TARGET: shape, facts, frame, startup, yaml, policy, …
#
# Builds in ./build-fuzz. What it found goes into build-fuzz/found/TARGET, the texts
# that it learnt from into build-fuzz/corpus/TARGET, from where the next run goes on.
# Exit status 0: nothing was found.
set -eu

[ $# -ge 1 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
target=$1 seconds=${2:-600}
top=$(cd "$(dirname "$0")/../.." && pwd)
[ -f "$top/tests/fuzz/fuzz_$target.c" ] || { echo "there is no tests/fuzz/fuzz_$target.c" >&2; exit 2; }
build=$top/build-fuzz
mkdir -p "$build/found/$target" "$build/corpus/$target"
cd "$build"
if [ ! -f config.status ]; then
	"$top/configure" CC="${CC:-clang}" CFLAGS="-O1 -g -fsanitize=fuzzer-no-link,address,undefined" >configure.log 2>&1
fi
make -j"$(nproc)" libpgweir.a >make.log 2>&1 || { tail -20 make.log; exit 1; }
say() { printf 'say:\n\t@echo $(%s)\n' "$1" | make -s -f Makefile -f - say; }
# shellcheck disable=SC2046 # lists of words
${CC:-clang} -O1 -g -fsanitize=fuzzer,address,undefined -DHAVE_CONFIG_H $(say AM_CPPFLAGS) -o "fuzz_$target" \
	"$top/tests/fuzz/fuzz_$target.c" "$top/tests/support/twin.c" "$top/tests/support/places.c" $(say LIBS_ALL)
# Long texts are parsed on a deep stack, as in the daemon.
ulimit -s 131072
exec "./fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -max_len=16384 -print_final_stats=1 \
	-dict="$top/tests/fuzz/sql.dict" -artifact_prefix="found/$target/" "corpus/$target" "$top/tests/fuzz/seeds/$target"
