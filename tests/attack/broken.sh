#!/bin/sh
# tests/attack/broken.sh BUILD: Goal: the attacks would find a library that is broken. Method: the same scenes with one thing
# broken; each must end with a bound above its claim, and pass with the library as it is (which tests/all.sh sees to).
#
# A broken build is a file of tests/attack/broken/ (no switch for it stands in the library's own sources):
#   NAME.sed  first line "# FILE .., refuted by TEST: why"; a sed script that changes every FILE (C sources of src/). If it changes
#             nothing, because the library was rewritten, the build fails: write the script anew.
#   NAME.c    second line " * wraps FUNCTION .., refuted by TEST: why"; defines __wrap_FUNCTION for each, with the library's own
#             reachable as __real_FUNCTION. For a whole other way of doing something; calls within FUNCTION's own file are not
#             redirected.
# TEST is a test of tests/attack/test_attack.c, or a pattern (ghost_*), all of which must then fail.
# `make slow-attack` builds and runs all of them; `make BUILD/tests/attack/broken/NAME` one.
set -u
build=${1:?usage: tests/attack/broken.sh BUILD}
failed=0
for file in tests/attack/broken/*.sed tests/attack/broken/*.c; do
    [ -e "$file" ] || continue
    name=$(basename "${file%.*}")
    test=$(sed -n '1,2s/^.*, refuted by \([^:]*\):.*/\1/p' "$file")
    said=$(ONUS_SLOW=1 ONUS_ATTACK=$test "$build/tests/attack/broken/$name" 2>&1)
    if echo "$said" | grep -q 'exceeds the claim' && ! echo "$said" | grep -q '\[ *OK *\]'; then
        printf '  %-12s refuted: %s\n' "$name" "$(echo "$said" | sed -n 's/^largest beyond its claim: //p')"
    else
        printf '  %-12s NOT refuted by %s\n%s\n' "$name" "$test" "$said" >&2
        failed=1
    fi
done
exit $failed
