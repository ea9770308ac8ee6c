# Shared by the command-line tests: a room that is cleaned up, and checks that name what they expected.
set -u
build=${1:?usage: $0 BUILD}
buildabs=$(realpath "$build")
onus=$buildabs/onus
root=$(pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
passed=0
failed=0

ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); printf 'FAILED: %s\n' "$*"; }

# expect CODE PATTERN COMMAND...: exit code, and a pattern that stdout or stderr must hold
expect() {
    want=$1 pattern=$2
    shift 2
    out=$("$@" 2>&1 </dev/null)
    code=$?
    if [ "$code" != "$want" ]; then
        bad "exit $code, expected $want: $* -- $(printf '%s' "$out" | tail -2)"
    elif ! printf '%s\n' "$out" | grep -qE -- "$pattern"; then
        bad "no '$pattern' from: $* -- $(printf '%s' "$out" | tail -3)"
    else
        ok
    fi
}

same() { # same WHAT A B
    if [ "$2" = "$3" ]; then ok; else bad "$1: '$2' is not '$3'"; fi
}

sha() { sha256sum "$1" | cut -d' ' -f1; }

finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ]
}
