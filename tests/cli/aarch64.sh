#!/bin/sh
# Goal: a run made on x86-64 is the same run on 64-bit ARM, to the last bit: models and every claim of the ledger. Method: the
# program built for AArch64 (tools/aarch64.sh), under qemu-user; each example runs here on the best instruction set, and there
# on NEON and on the reference, with one thread and with two; then qemu replays the folder that was made here, and this machine
# one that was made there. The layers' tests of numbers run under qemu, too. Where qemu or the cross compiler is not, it says
# "not proven on this machine" and ends well.
#
# A processor in software takes some hundred times as long: examples are cut to seconds by the sed expressions in the list.
. tests/cli/lib.sh

# CHECKLIST: a family of models has a small recipe in families.py, which is replayed here; an example whose shortened form
# ends within some ten seconds here under qemu stands in this list: its name, and what makes it short. What follows data/ that is not there is said and passed over.
examples='
german-credit          s/rows: 200, background: 100/rows: 2, background: 10/; s/epochs: 30/epochs: 8/
german-credit-private  s/rows: 200, background: 100/rows: 2, background: 10/; s/epochs: 40/epochs: 8/
'
families='gpt2 llama masked mood cnn resnet18 lstm gru gpt2-private lstm-private'
# Layers whose tests run under qemu; ONUS_SLOW=1 takes all of them (in their short form).
layers=num
[ -z "${ONUS_SLOW:-}" ] || layers='base num op net data train audit proof report run'

arm=$build-aarch64
tools/aarch64.sh "$arm" -j"$(nproc)" all $(for l in $layers; do ls tests/"$l"/test_*.c; done | sed "s#^#$arm/#; s#\.c\$##") >"$room/build.log" 2>&1
case $? in
0) ;;
77) tail -1 "$room/build.log"; exit 0 ;;
*) tail -20 "$room/build.log"; exit 1 ;;
esac
qemu="qemu-aarch64-static -L $(realpath "$arm/sysroot")"
there="$qemu $(realpath "$arm/onus")"

expect 0 'numerics contract' $there --version
expect 2 "ONUS_ISA: 'avx2' is not on this machine, which has ref, neon" env ONUS_ISA=avx2 $there run examples/german-credit.yaml --out "$room/none"
expect 0 '^$' tools/check_libm.sh "$arm/libonus.a"

mkdir "$room/examples" && ln -s "$root/data" "$room/data"
example() { # example NAME SED
    recipe=$room/examples/$1.yaml
    { sed -e "$2" -e '/^policy:/,$d' "examples/$1.yaml"; echo 'policy: none'; } > "$recipe" # a policy is not for a run cut short
    source=$(sed -n 's/^ *source: *\([^ ]*\).*/\1/p' "$recipe" | head -1)
    if ! (cd "$room/examples" && [ -e "$source" ]); then
        echo "# aarch64: $1 not tried, $source is not here"
        return
    fi
    run=$room/$1
    expect 0 'report: ' "$onus" run "$recipe" --out "$run" --quiet
    for isa in neon ref; do
        for threads in 1 2; do
            expect 0 "recomputed on $isa with $threads thread.*every bit the same" env ONUS_ISA=$isa $there replay "$run" --threads $threads --quiet
        done
    done
    expect 0 'report: ' $there run "$recipe" --out "$run-arm" --threads 2 --quiet
    expect 0 'recomputed .*every bit the same' "$onus" replay "$run-arm" --quiet
    expect 0 '^intact' "$onus" verify "$run-arm"
    if [ ! -e "$run/private/noise.key" ]; then # private runs draw a key each
        same "$1: the model made on aarch64" "$(sha "$run-arm/model.safetensors")" "$(sha "$run/model.safetensors")"
        expect 0 'claim the same' "$onus" diff "$run" "$run-arm"
    fi
    echo "  aarch64: $1 on x86-64 and on neon and ref under qemu, 1 and 2 threads"
}
while read -r name how; do
    [ -z "$name" ] || example "$name" "$how"
done <<LIST
$examples
LIST

# ---- every family ---------------------------------------------------------------------------------------------------
mkdir "$room/families" && python3 tests/cli/families.py "$room/families" || exit 1
for name in $families; do
    run=$room/families/$name-run
    expect 0 'report: ' "$onus" run "$room/families/$name.yaml" --out "$run" --quiet
    for isa in neon ref; do
        expect 0 "recomputed on $isa with 2 threads.*every bit the same" env ONUS_ISA=$isa $there replay "$run" --threads 2 --quiet
    done
done
echo "  aarch64: families $families on neon and ref under qemu"

# ---- the layers' own tests, on the other processor ----------------------------------------------------------------
RUNNER=$qemu LAYERS=$layers env -u ONUS_SLOW ONUS_SHORT=1 tests/all.sh "$arm" >"$room/layers.log" 2>&1 && ok || bad "the layers' tests under qemu: $(tail -30 "$room/layers.log")"
echo "  aarch64: tests of $layers under qemu: $(wc -l < "$room/layers.log") programs"
finish
