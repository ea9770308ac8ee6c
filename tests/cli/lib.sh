# Shared by the command-line tests: a room that is cleaned up, checks that name what they expected, a small recipe's beginning.
set -u
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:exitcode=99" UBSAN_OPTIONS="${UBSAN_OPTIONS:-}:exitcode=99" # 1 is what refusals give
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

json() { # json NAME VALUE COMMAND...: it prints one flat object that holds this, whatever its exit code
    name=$1 value=$2
    shift 2
    found=$("$@" --json 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1]))' "$name")
    same "$name of $*" "$found" "$value"
}

applicants() { # applicants N: so many of German credit in $room/small.csv; prints the recipe that reads them, up to the model
    head -$(($1 + 1)) "$root/data/german_credit.csv" > "$room/small.csv"
    cat <<'YAML'
onus: 1
name: small
purpose: a test
seed: 7
data:
  source: small.csv
  licence: CC-BY-4.0
  label: {column: risk, positive: good}
  protected: [sex]
  split: {train: 0.6, valid: 0.2, test: 0.2, stratify: [risk]}
YAML
}

finish() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ]
}
