#!/bin/sh
# Goal: memory that ends and a disk that is full at any moment give one line and an exit code, never a crash, and what was
# written before is whole: the run goes on with --resume and ends in the same model. Method: fail the Nth allocation and the Nth
# write (once, and from then on) for every N of a small run; the Nth allocation of every other command (every 7th; with
# ONUS_SHORT every 7th and 49th); and the same in a private run (every 5th).
set -u
parts=${JOBS:-$(nproc)}
if [ -z "${PART:-}" ]; then # every processor takes its share of the Ns
    pids=
    for part in $(seq 0 $((parts - 1))); do
        PART=$part "$0" "$@" &
        pids="$pids $!"
    done
    failed=0
    for pid in $pids; do wait "$pid" || failed=1; done
    exit $failed
fi
. tests/cli/lib.sh
. tests/cli/authority.sh
every=1
[ -z "${ONUS_SHORT:-}" ] || every=7
step=$((parts * every))
first=$((1 + PART * every))

gcc -shared -fPIC -O1 -o "$room/preload.so" tests/torture/preload.c -ldl || exit 1
{ applicants 80 && cat <<'YAML'; } > "$room/small.yaml"
model: {kind: mlp, hidden: [4]}
train: {epochs: 2, batch: 32, checkpoint: 1, keep: last}
privacy: off
explain: {rows: 2, background: 2}
policy:
  - accuracy >= 0
YAML
sed 's/^privacy: off/privacy: {noise: 2, delta: 1e-5, clip: 1}/; s/^name: small/name: secret/' "$room/small.yaml" > "$room/secret.yaml"
cd "$room" || exit 1
export ONUS_THREADS=1
felt=0 # commands that ended because of the failure

# counts COMMAND...: how often it allocates and writes
counts() {
    TORTURE=count TORTURE_OUT=count LD_PRELOAD=./preload.so "$@" >/dev/null 2>&1
    read -r mallocs writes < count
    [ "$PART" != 0 ] || echo "# $mallocs allocations, $writes writes: ${*#"$buildabs"/}"
}

# fails WHAT N STICKY COMMAND...: runs it with that failure; 1 where it crashed or said nothing
fails() {
    what="$1 $2 $3"
    out=$(what=$1 n=$2 sticky=$3; shift 3; TORTURE=$what:$n ${sticky:+env TORTURE_STICKY=1} env LD_PRELOAD=./preload.so "$@" 2>&1 >/dev/null)
    code=$?
    shift 3
    if [ $code -ge 128 ]; then bad "$what: crashed with $code: $*"; return 1; fi
    [ $code = 0 ] && return 0
    felt=$((felt + 1))
    [ "$(printf '%s\n' "$out" | wc -l)" -le 3 ] && [ -n "$out" ] || { bad "$what: exit $code with '$out': $*"; return 1; }
}

# one RECIPE WHAT N STICKY: a run that fails there is whole or nothing, and goes on
one() {
    rm -rf bad
    fails "$2" "$3" "$4" "$onus" run "$1.yaml" --out bad --quiet || return
    if [ $code != 0 ] && [ -d bad ]; then
        "$onus" run "$1.yaml" --out bad --resume --quiet >/dev/null 2>err ||
            { bad "$2 $3 $4: cannot be resumed: $(head -1 err)"; return; }
    fi
    if [ -d bad ]; then
        "$onus" verify bad >/dev/null 2>err || { bad "$2 $3 $4: does not verify: $(head -1 err)"; return; }
        [ "$1" = secret ] || [ "$(sha bad/model.safetensors)" = "$good" ] || { bad "$2 $3 $4: another model"; return; }
    fi
    ok
}

"$onus" run small.yaml --out good --quiet >/dev/null 2>&1 || { echo "the untouched run fails"; exit 1; }
good=$(sha good/model.safetensors)

counts "$onus" run small.yaml --out counted --quiet
n=$first
while [ $n -le "$mallocs" ]; do one small malloc $n ""; n=$((n + step)); done
n=$((1 + PART))
while [ $n -le "$writes" ]; do one small write $n ""; one small write $n sticky; n=$((n + parts)); done

counts "$onus" run secret.yaml --out counted2 --quiet
n=$first
while [ $n -le "$mallocs" ]; do one secret malloc $n ""; n=$((n + 5 * step)); done
n=$((1 + PART))
while [ $n -le "$writes" ]; do one secret write $n sticky; n=$((n + parts)); done

# every other command, over the finished run
whole=$(sha good/ledger.jsonl)
printf 'y,p,g\n1,0.9,a\n0,0.2,b\n1,0.4,a\n0,0.6,b\n' > pred.csv
every() {
    counts "$@"
    n=$first
    while [ $n -le "$mallocs" ]; do
        fails malloc $n "" "$@" && ok
        n=$((n + 7 * step))
    done
}
"$onus" keygen witness --witness >/dev/null && "$onus" witness good --key witness >/dev/null && "$onus" stamp good --request query >/dev/null
authority good.tsa 20200101000000Z 20990101000000Z
reply good.tsa query reply.tsr
every "$onus" stamp good --token query # which is none
"$onus" stamp good --token reply.tsr >/dev/null
every "$onus" verify good --witness witness.pub --tsa-cert good.tsa/root.pem
every "$onus" prove good 3
"$onus" prove good 3 > third.tlog-proof
every "$onus" prove --check third.tlog-proof --key good/key.pub --witness witness.pub
every "$onus" verify good
every "$onus" verify good --json
every "$onus" replay good --quiet
every "$onus" diff good counted
every "$onus" report good
every "$onus" data small.yaml
every "$onus" explain good --line 5
every "$onus" eval good --data small.csv --json
every "$onus" eval --predictions pred.csv --label y --score p --protected g
same "the run that was looked at stays as it was" "$(sha good/ledger.jsonl) $("$onus" verify good | tail -1)" "$whole intact since it was signed; signer unknown; claims not recomputed: good"
echo "# $felt commands ended by a failure, each in a line and an exit code"
[ $felt -gt 100 ] || bad "only $felt commands felt their failure"
finish
