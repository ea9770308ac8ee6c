#!/bin/sh
# Goal: what this version says of a run that another version made: its hashes, tree and signature hold or do not; what its names
# mean is for that version to say. Method: a stored run of 0.1.0, whole, and with one byte changed in each of its files.
. tests/cli/lib.sh

sed '1,/^$/d' tests/run/made-by-0.1.0.txt | base64 -d | tar -xzf - -C "$room"
cd "$room" || exit 1
line() { # one line of error, no report, nothing else said
    same "lines of: $*" "$("$onus" "$@" 2>&1 >/dev/null | wc -l)" 1
}

# ---- whole -------------------------------------------------------------------------------
expect 1 'run: made by version 0\.1\.0: hashes, tree and signature hold; not judged \(this is version ' "$onus" verify run
expect 1 '^report.html  *is what event 20 says$' "$onus" verify run
expect 1 '"verify.verdict":"not judged"' "$onus" verify run --json
expect 1 '"verify.files.checked":5.*"verify.files.unknown":0' "$onus" verify run --json
for command in replay report explain; do
    expect 1 'made by version 0\.1\.0: not judged by version ' "$onus" $command run
    line $command run
done
expect 1 'made by version 0\.1\.0: not judged by version ' "$onus" diff run run
line diff run run
expect 1 'begun by version 0\.1\.0; it is resumed by that one' "$onus" run hire.yaml --out run --resume
line run hire.yaml --out run --resume
same 'the report that report leaves' "$(sha run/report.html)" \
    "$(grep -o '"report.sha256":"[0-9a-f]*' run/ledger.jsonl | cut -d'"' -f4)"

# The model has its hash, so it can be measured with new data; what is right of its predictions is counted here.
expect 0 '^accuracy  *0\.[0-9]' "$onus" eval run --data people.csv --predictions-out guesses.csv
python3 - guesses.csv "$("$onus" eval run --data people.csv --json)" <<'PY' && ok || bad 'accuracy is not the share of right predictions'
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1])))
right = sum(r["label"] == r["prediction"] for r in rows) / len(rows)
sys.exit(len(rows) != 48 or abs(json.loads(sys.argv[2])["accuracy"] - right) > 1e-12)
PY

# ---- one byte changed --------------------------------------------------------------------
for file in $(cd run && find . -type f | sed 's|^./||' | sort); do
    for at in 0.1 0.5 0.9; do
        rm -rf other && cp -r run other
        python3 - "other/$file" $at <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(len(data) * float(sys.argv[2]))] ^= 1
open(sys.argv[1], "wb").write(data)
PY
        expect 1 '"verify.verdict":"not verified"' "$onus" verify other --json
    done
done
for file in report.html model.safetensors recipe.yaml ledger.note key.pub; do
    rm -rf other && cp -r run other && rm other/$file
    expect 1 '"verify.verdict":"not verified"' "$onus" verify other --json
done
rm -rf other && cp -r run other && printf x >> other/model.safetensors
expect 1 'not the model of the ledger' "$onus" eval other --data people.csv
finish
