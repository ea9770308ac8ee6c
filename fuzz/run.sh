#!/bin/sh
# fuzz/run.sh BUILD SECONDS [NAME...]: every parser (or the named ones) for so long under libFuzzer and the address and
# undefined-behaviour sanitizers, from the seeds of fuzz/corpus. What is found stays in BUILD/fuzz/found; the tree is not touched.
set -eu
build=${1:?usage: fuzz/run.sh BUILD SECONDS [NAME...]}
seconds=${2:?usage: fuzz/run.sh BUILD SECONDS [NAME...]}
shift 2
[ $# -gt 0 ] || set -- csv jsonl table recipe safetensors layers ledger judge note proof stamp idx encoder policy tokenizer
out=$build/fuzz
mkdir -p "$out/found"
if [ $# -gt 1 ]; then # every processor takes one
    printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc)}" -n 1 "$0" "$build" "$seconds" && echo "nothing found by $# fuzzers" && exit
    echo "some fuzzers found something, or did not build" >&2
    exit 1
fi
name=$1

# Ledgers for the judge are made, not kept: a kept one is of an older registry one day, refused at its first event.
made() {
    rm -rf "$out/runs" "$out/seeds/judge"
    mkdir -p "$out/runs" "$out/seeds/judge"
    python3 tests/cli/families.py "$out/runs"
    head -81 data/german_credit.csv > "$out/runs/small.csv"
    recipe() { # recipe NAME LABEL PRIVACY POLICY
        cat > "$out/runs/$1.yaml" <<YAML
onus: 1
name: $1
seed: 7
data: {source: small.csv, label: $2, protected: [sex, housing], split: {train: 0.4, valid: 0.2, test: 0.4}}
model: {kind: mlp, hidden: [4]}
train: {epochs: 2, batch: 32, checkpoint: 1, keep: last}
privacy: $3
explain: {rows: 2, background: 2}
policy: $4
YAML
    }
    recipe small '{column: risk, positive: good}' off '[accuracy >= 0, energy.joules <= 1000, auc >= 0.99]'
    recipe secret '{column: risk, positive: good}' '{noise: 2, delta: 1e-5, clip: 1}' '[privacy.epsilon <= 8]'
    recipe labels '{columns: [risk, telephone], positive: [good, yes]}' off '[f1.micro >= 0.2]'
    recipe value '{column: amount, type: number}' off '[mae <= 100]'
    recipe classes '{column: job}' off none
    export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
    for run in small secret labels value classes mood gpt2 masked lstm-private cnn; do
        "$build/onus" run "$out/runs/$run.yaml" --out "$out/runs/$run" --quiet >/dev/null || [ $? = 3 ] # a demand is not met, on purpose
        cp "$out/runs/$run/ledger.jsonl" "$out/seeds/judge/$run"
    done
}
clang -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Iinclude -Isrc -I"$build/gen" \
    -o "$out/$name" "fuzz/fuzz_$name.c" "$build/libonus.a" -lyaml -ljansson -lsodium -lcrypto -lutf8proc -ldeflate -lm -pthread
mkdir -p "$out/corpus/$name"
seeds=fuzz/corpus/$name
limits=-max_len=65536
[ "$name" != judge ] || { made; seeds=$out/seeds/judge limits="-max_len=131072 -mutate_depth=2"; }
dictionary=
[ ! -f "fuzz/$name.dict" ] || dictionary=-dict=fuzz/$name.dict
if "$out/$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 $limits -print_final_stats=1 \
    -verbosity=0 -close_fd_mask=1 -artifact_prefix="$out/found/$name-" $dictionary \
    "$out/corpus/$name" "$seeds" >"$out/$name.log" 2>&1; then
    printf '%-12s %s inputs, nothing found\n' "$name" "$(sed -n 's/.*number_of_executed_units: *//p' "$out/$name.log")"
else
    printf '%-12s FOUND: see %s and %s\n' "$name" "$out/$name.log" "$(ls -t "$out"/found/"$name"-* 2>/dev/null | head -1)"
    grep -m3 -E 'ERROR|not so|runtime error|SUMMARY' "$out/$name.log" || tail -3 "$out/$name.log"
    exit 1
fi
