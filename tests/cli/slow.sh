#!/bin/sh
# Goal: what takes longer: every byte of a run folder that changes is found, a run killed at any moment and a disk that fills up
# lose nothing, the classic networks reach what they should. Method: a small real run, flipped byte by byte; kills at a grid
# of moments; a file system of one megabyte (root only); Debian's Fashion-MNIST where it is installed.
. tests/cli/lib.sh

{ applicants 120 && cat <<'YAML'; } > "$room/small.yaml"
model: {kind: mlp, hidden: [4]}
train: {epochs: 2, batch: 32, checkpoint: 1, keep: last}
privacy: {noise: 1.5, delta: 1e-5, clip: 1}
explain: {rows: 3, background: 5}
policy: none
YAML
cd "$room" || exit 1

# ---- every byte of every file, one bit of each (the long ones: every 37th byte) ---------------------
expect 0 'report: run/report.html' "$onus" run small.yaml --out run --quiet
cat > flip.py <<'PY'
import os, subprocess, sys
onus, run = sys.argv[1:]
tried, missed = 0, []
for folder, _, names in os.walk(run):
    for name in names:
        path = os.path.join(folder, name)
        data = open(path, 'rb').read()
        for at in range(0, len(data), 1 if len(data) < 4096 else 37):
            spoilt = bytearray(data)
            spoilt[at] ^= 1 << at % 8
            open(path, 'wb').write(spoilt)
            done = subprocess.run([onus, 'verify', run], capture_output=True, text=True)
            tried += 1
            if done.returncode != 1 or done.stderr.count('\n') != 1 or name not in done.stderr:
                missed.append(f'{path} byte {at}: exit {done.returncode} {done.stderr!r}')
        open(path, 'wb').write(data)
print(tried, 'bytes flipped;', len(missed), 'not found, or not by the name of their file', *missed[:5])
sys.exit(bool(missed))
PY
expect 0 '^[1-9][0-9]{3,} bytes flipped; 0 not found' python3 flip.py "$onus" run
expect 0 '^intact' "$onus" verify run

# ---- kills: at any moment of a run, and again while it is resumed -------------------------------------
sed 's/epochs: 2/epochs: 60/; s/^name: small/name: long/; s/checkpoint: 1/checkpoint: 7/; s/^privacy.*/privacy: off/; s/background: 5/background: 60/' small.yaml > long.yaml
"$onus" run long.yaml --out whole --quiet >/dev/null 2>&1
whole=$(sha whole/model.safetensors)
for wait in 0.005 0.01 0.02 0.03 0.04 0.05 0.06 0.08 0.1 0.12 0.15 0.2; do
    rm -rf killed
    resume=
    for again in 1 2; do
        "$onus" run long.yaml --out killed $resume --quiet >/dev/null 2>&1 &
        pid=$!
        sleep $wait
        kill -9 $pid 2>/dev/null
        wait $pid 2>/dev/null
        [ -e killed/ledger.jsonl ] && resume=--resume
    done
    [ -n "$resume" ] || rm -rf killed
    expect 0 'report: killed/report.html' "$onus" run long.yaml --out killed $resume --quiet
    same "killed twice after $wait s and resumed" "$(sha killed/model.safetensors)" "$whole"
    expect 0 '^intact' "$onus" verify killed
    expect 0 'every bit the same' "$onus" replay killed --quiet
done

# ---- a disk that is full: one line, nothing half written, and more room is enough to go on ------------------
mkdir disk
if mount -t tmpfs -o size=64k tmpfs disk 2>/dev/null; then
    trap 'umount "$room/disk"; rm -rf "$room"' EXIT
    for size in 4 8 16 24 32 48 64 96 128 160 192 256; do
        rm -rf disk/*
        mount -o remount,size=${size}k disk
        expect 1 'No space left on device' "$onus" run long.yaml --out disk/run --quiet
        same "one line and a hint, $size KiB" "$("$onus" run long.yaml --out disk/run --resume --quiet 2>&1 >/dev/null | wc -l | tr -d ' ' | sed 's/[12]/1 or 2/')" '1 or 2'
        mount -o remount,size=16m disk
        [ -e disk/run/ledger.jsonl ] && resume=--resume || { resume=; rm -rf disk/run; }
        expect 0 'report: disk/run/report.html' "$onus" run long.yaml --out disk/run $resume --quiet
        same "a full disk of $size KiB, then more room" "$(sha disk/run/model.safetensors)" "$whole"
        expect 0 '^intact' "$onus" verify disk/run
    done
else
    echo "# a full disk: not tried, only root may mount one"
fi

# ---- a ledger of 100 MB: an event for each of 243,000 epochs ----------------------------------------------------
sed -e 's/^model: .*/model: {kind: mlp, hidden: [1]}/' -e 's/^privacy: .*/privacy: off/' \
    -e 's/^train: .*/train: {epochs: 243000, batch: 120, checkpoint: -1, keep: last}/' small.yaml > huge.yaml
expect 0 'report: huge/report.html' "$onus" run huge.yaml --out huge --quiet
cat > most.py <<'PY'
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(code, 'within' if most <= float(sys.argv[1]) else f'{most:.0f} MB')
PY
same "a large ledger is one" "$([ "$(stat -c %s huge/ledger.jsonl)" -gt 95000000 ] && echo large)" large
same "a large ledger verifies within 200 MB" "$(python3 most.py 200 "$onus" verify huge)" '0 within'
for n in 17 121234 242999; do # a digit of a loss: the form stays, the tree does not
    cp huge/ledger.jsonl kept
    sed -i "${n}s/\"train.loss\":0.\(.\)/\"train.loss\":0.\1\1/" huge/ledger.jsonl
    same "event $n of a large ledger changed" "$(cmp -s kept huge/ledger.jsonl || echo changed)" changed
    expect 1 'do not have the signed head|not canonical' "$onus" verify huge
    mv kept huge/ledger.jsonl
done
rm -rf huge

# ---- whole data sets -------------------------------------------------------------------------------------------
# data_set NAME FILE LEAST: accuracy of an example where its data is there; the same model on one thread; verified, replayed
data_set() {
    if [ ! -e "$2" ]; then
        echo "# $1: not tried, $2 is not here"
        return
    fi
    found=$("$onus" run "$root/examples/$1.yaml" --out "$1" --quiet --json | python3 -c "import json, sys; print(json.load(sys.stdin)['accuracy'] >= $3)")
    same "$1: accuracy of at least $3" "$found" True
    expect 0 . "$onus" run "$root/examples/$1.yaml" --out "$1-one" --threads 1 --quiet
    same "$1: one thread" "$(sha "$1/model.safetensors")" "$(sha "$1-one/model.safetensors")"
    expect 0 '^intact' "$onus" verify "$1"
    expect 0 'every bit the same' "$onus" replay "$1" --quiet
}
data_set fashion-mnist /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz 0.86
data_set mnist "$root/data/mnist/train-images-idx3-ubyte" 0.965
data_set adult "$root/data/adult/adult.data" 0.84
finish
