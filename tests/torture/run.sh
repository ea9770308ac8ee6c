#!/bin/sh
# Goal: memory that ends and a disk that is full at any moment give one line and an exit code, never a crash, and what was
# written before is whole: the run goes on with --resume and ends in the same model. Method: fail the Nth allocation, the Nth
# write (once, and from then on), for every N of a small run (every 7th with ONUS_SHORT).
. tests/cli/lib.sh
step=${ONUS_SHORT:+7}
step=${step:-1}

gcc -shared -fPIC -O1 -o "$room/preload.so" tests/torture/preload.c -ldl || exit 1
head -81 "$root/data/german_credit.csv" > "$room/small.csv"
cat > "$room/small.yaml" <<'YAML'
onus: 1
name: small
seed: 7
data:
  source: small.csv
  label: {column: risk, positive: good}
  protected: [sex]
  split: {train: 0.6, valid: 0.2, test: 0.2}
model: {kind: mlp, hidden: [4]}
train: {epochs: 2, batch: 32, checkpoint: 1}
privacy: off
explain: {rows: 2, background: 2}
policy: none
YAML
cd "$room" || exit 1
export ONUS_THREADS=1

"$onus" run small.yaml --out good --quiet >/dev/null 2>&1 || { echo "the untouched run fails"; exit 1; }
good=$(sha good/model.safetensors)
TORTURE=count TORTURE_OUT=count LD_PRELOAD=./preload.so "$onus" run small.yaml --out counted --quiet >/dev/null 2>&1
read -r mallocs writes < count
echo "# $mallocs allocations, $writes writes in a small run"

one() { # one WHAT N STICKY
    rm -rf bad
    out=$(TORTURE=$1:$2 ${3:+TORTURE_STICKY=1} LD_PRELOAD=./preload.so "$onus" run small.yaml --out bad --quiet 2>&1 >/dev/null)
    code=$?
    if [ $code -ge 128 ]; then bad "$1 $2 $3: crashed with $code"; return; fi
    if [ $code = 0 ]; then
        [ "$(sha bad/model.safetensors)" = "$good" ] && "$onus" verify bad >/dev/null 2>&1 && ok || bad "$1 $2 $3: says it is done, and is not"
        return
    fi
    [ "$(printf '%s\n' "$out" | wc -l)" -le 3 ] && [ -n "$out" ] || bad "$1 $2 $3: exit $code with '$out'"
    if [ -d bad ]; then
        "$onus" run small.yaml --out bad --resume --quiet >/dev/null 2>err ||
            { bad "$1 $2 $3: cannot be resumed: $(head -1 err)"; return; }
        [ "$(sha bad/model.safetensors)" = "$good" ] && "$onus" verify bad >/dev/null 2>&1 || { bad "$1 $2 $3: resumed to something else"; return; }
    fi
    ok
}

n=1
while [ $n -le "$mallocs" ]; do one malloc $n ""; n=$((n + step)); done
n=1
while [ $n -le "$writes" ]; do one write $n ""; one write $n sticky; n=$((n + 1)); done
finish
