#!/bin/sh
# fuzz/run.sh BUILD SECONDS [NAME...]: every parser (or the named ones) for so long under libFuzzer and the address and
# undefined-behaviour sanitizers, from the seeds of fuzz/corpus. What is found stays in BUILD/fuzz/found; the tree is not touched.
set -eu
build=${1:?usage: fuzz/run.sh BUILD SECONDS [NAME...]}
seconds=${2:?usage: fuzz/run.sh BUILD SECONDS [NAME...]}
shift 2
[ $# -gt 0 ] || set -- csv jsonl table recipe safetensors layers ledger note idx encoder policy tokenizer
out=$build/fuzz
mkdir -p "$out/found"
failed=0
passed=0
for name in "$@"; do
    clang -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Iinclude -Isrc -I"$build/gen" \
        -o "$out/$name" "fuzz/fuzz_$name.c" "$build/libonus.a" -lyaml -ljansson -lsodium -lcrypto -lutf8proc -ldeflate -lm -pthread
    mkdir -p "$out/corpus/$name"
    dictionary=
    [ ! -f "fuzz/$name.dict" ] || dictionary=-dict=fuzz/$name.dict
    if "$out/$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -max_len=65536 -print_final_stats=1 \
        -verbosity=0 -close_fd_mask=1 -artifact_prefix="$out/found/$name-" $dictionary \
        "$out/corpus/$name" "fuzz/corpus/$name" >"$out/$name.log" 2>&1; then
        passed=$((passed + 1))
        printf '%-12s %s inputs, nothing found\n' "$name" "$(sed -n 's/.*number_of_executed_units: *//p' "$out/$name.log")"
    else
        failed=$((failed + 1))
        printf '%-12s FOUND: see %s and %s\n' "$name" "$out/$name.log" "$(ls -t "$out"/found/"$name"-* 2>/dev/null | head -1)"
        grep -m3 -E 'ERROR|not so|runtime error|SUMMARY' "$out/$name.log" || tail -3 "$out/$name.log"
    fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
