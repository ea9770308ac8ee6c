#!/bin/sh
# tests/all.sh BUILD: every test program of a build folder, as many at once as there are processors; a line for each, and the
# whole output of those that fail. RUNNER="qemu-... -L ..." runs them on another processor; LAYERS="num op" runs these only.
set -u
build=${1:?usage: tests/all.sh BUILD}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export build logs

one='
name=${1%.c}
log=$logs/$(basename "$name")
if ${RUNNER:-} "$build/$name" >"$log" 2>&1; then
    printf "  %-40s %s\n" "$name" "$(sed -n "s/.*PASSED.* \([0-9]*\) test(s).*/\1 passed/p" "$log" | tail -1)"
else
    code=$?
    { echo "FAILED: $name (exit $code)"; cat "$log"; } >&2
    exit 1
fi'
for layer in ${LAYERS:-$(cd tests && ls)}; do
    for test in tests/"$layer"/test_*.c; do [ ! -e "$test" ] || echo "$test"; done
done | xargs -P "${JOBS:-$(nproc)}" -n 1 sh -c "$one" sh || { echo "tests failed" >&2; exit 1; }
