#!/bin/sh
# Goal: the program as a person uses it: exit codes, one-line errors, same bits, verify, replay, resume, tampering.
# Method: a small real recipe (300 German credit applicants), every command, wrong input in every place.
. tests/cli/lib.sh

{ applicants 300 | sed 's/\[sex\]/[sex, {column: age, bins: [25]}]/' && cat <<'YAML'; } > "$room/small.yaml"
model: {kind: mlp, hidden: [8], dropout: 0.1}
train: {epochs: 6, batch: 32, checkpoint: 2}
privacy: off
explain: {rows: 10, background: 10}
policy:
  - accuracy >= 0.2
YAML
sed -e 's/^name: small/name: strict/' -e 's/accuracy >= 0.2/accuracy >= 1/' "$room/small.yaml" > "$room/strict.yaml"
sed -e 's/^name: small/name: secret/' -e 's/^privacy: off/privacy: {noise: 1.5, delta: 1e-5, clip: 1}/' -e 's/checkpoint: 2/checkpoint: 2, keep: last/' \
    "$room/small.yaml" > "$room/secret.yaml"
cd "$room" || exit 1

# ---- the whole thread --------------------------------------------------------------------
expect 0 'report: r1/report.html' "$onus" run small.yaml --out r1
expect 3 'policies met: 0 of 1' "$onus" run strict.yaml --out strict
expect 0 'signed by .throw-away.: key not known; unwitnessed' "$onus" verify r1
expect 0 'every bit the same' "$onus" replay r1
expect 0 'every bit the same' env ONUS_ISA=ref ONUS_THREADS=1 "$onus" replay r1
expect 0 'every bit the same' "$onus" replay r1 --from 12 --to 24
expect 2 'no checkpoint of that step; it has 12, 24, 36' "$onus" replay r1 --from 13
expect 2 'expected a step after --from 24' "$onus" replay r1 --from 24 --to 12
mkdir moved && cp small.yaml small.csv moved && "$onus" run moved/small.yaml --out away --quiet >/dev/null && mv moved gone
expect 1 'say where it is: --recipe-dir' "$onus" replay away
expect 0 'every bit the same' "$onus" replay away --recipe-dir gone
expect 0 'claim the same' "$onus" diff r1 r1
expect 0 '"accuracy":' "$onus" run small.yaml --out r2 --json --quiet
expect 0 'by operation' "$onus" train small.yaml --out r2p --profile
expect 0 '^memory: [0-9]+ MB' "$onus" train small.yaml --out r2q
same "a profile, one model" "$(sha r1/model.safetensors)" "$(sha r2p/model.safetensors)"
same "two runs, one model" "$(sha r1/model.safetensors)" "$(sha r2/model.safetensors)"
expect 0 . env ONUS_ISA=ref ONUS_THREADS=2 "$onus" run small.yaml --out r3 --quiet
same "ref and 2 threads" "$(sha r1/model.safetensors)" "$(sha r3/model.safetensors)"
# no protected column: evaluations are told where no group's size is withheld
sed 's/protected: .*/protected: none/; s/background: 10}/background: 10, exact_columns: 0, permutations: 700}/' small.yaml > long.yaml
expect 0 '^explanation: [0-9.]+ million rows through the model$' "$onus" run long.yaml --out r2l
same "the rows that were said" "$(printf '%s\n' "$out" | sed -n 's/^explanation: \([0-9.]*\) .*/\1/p')" \
    "$(python3 -c "import re; print('%.1f' % (1e-6 * float(re.search(r'explain.evaluations\":([0-9.e+]*)', open('r2l/ledger.jsonl').read())[1])))")"
same "nothing is said of few rows" "$("$onus" run small.yaml --out r2m 2>&1 | grep -c '^explanation')" 0
sed 's/lr: 1e-3/lr: 2e-3/; s/seed: 7/seed: 8/' small.yaml > other.yaml
expect 0 . "$onus" run other.yaml --out r4 --quiet
expect 1 'the runs part at event' "$onus" diff r1 r4
expect 1 "recipe.yaml, line 4: 'seed: 7' and 'seed: 8'" "$onus" diff r1 r4
sed 's/batch: 32/batch: 32, lr: 2e-3/' small.yaml > faster.yaml
expect 0 . "$onus" run faster.yaml --out r6 --quiet
expect 1 'part at event [0-9]+ .train.begin.: train.lr is 0.001 and 0.002' "$onus" diff r1 r6
sed 's/0.2$/0.1/' small.yaml > laxer.yaml
expect 0 . "$onus" run laxer.yaml --out r7 --quiet
expect 1 'part at event [0-9]+ .policy.: policy.1.bound is 0.2 and 0.1' "$onus" diff r1 r7
expect 0 '<!doctype html>' "$onus" report r1
"$onus" report r1 --out again.html && same "report from the ledger" "$(sha r1/report.html)" "$(sha again.html)"
"$onus" run small.yaml --out r1j --quiet --json > run.json && "$onus" report r1j --json > report.json &&
    same "the numbers of a run, then and later" "$(sha run.json)" "$(sha report.json)"
expect 2 'prints numbers, --out' "$onus" report r1 --json --out again.html
if grep -qi '<script' r1/report.html; then bad 'the report holds a script'; else ok; fi
# an independent reader: well-formed, every link leads to an entry, nothing is loaded
python3 - r1/report.html r1/private/explanations.html <<'PY' && ok || bad 'the pages, read as XML'
import sys, xml.etree.ElementTree as tree
for path in sys.argv[1:]:
    text = open(path, encoding='utf-8').read()
    page = tree.fromstring(text.removeprefix('<!doctype html>'))
    ids = {e.get('id') for e in page.iter()}
    links = [e.get('href') for e in page.iter('a')]
    assert all(l.startswith('#') and l[1:] in ids for l in links), path
    assert not any(e.get('src') or e.tag in ('script', 'link', 'img', 'iframe') for e in page.iter()), path
    assert all(e.find('title') is not None and e.find('desc') is not None for e in page.iter('svg') if e.get('role')), path
PY

# ---- for machines ---------------------------------------------------------------------------
json verify.verdict intact "$onus" verify r1
json verify.key 'not known' "$onus" verify r1
json replay.verdict same "$onus" replay r1
json replay.mismatches 0 "$onus" replay r1
json diff.verdict same "$onus" diff r1 r1
json diff.verdict part "$onus" diff r1 r4
json data.rows 300 "$onus" data small.yaml
json model.sha256 "$(sha r1/model.safetensors)" "$onus" train small.yaml --out r5 --quiet

# ---- keys -----------------------------------------------------------------------------------
expect 0 'key.pub' "$onus" keygen ./key --name bank
expect 1 'exist' "$onus" keygen ./key
same "private key's mode" "$(stat -c %a key)" 600
json key.name two "$onus" keygen ./key2 --name two
"$onus" keygen ./key3 --json > key3.json
same "what is told of a key" \
    "$(python3 -c 'import json; k = json.load(open("key3.json")); print(k["key.public"], k["key.file"], k["key.public_file"])')" \
    "$(cat key3.pub) ./key3 ./key3.pub"
same "and nothing else" "$(grep -c -e PRIVATE -e "$(cut -d+ -f5 key3)" key3.json)" 0
expect 0 . "$onus" run small.yaml --out signed --key key --quiet
expect 0 "signed by 'bank', a key that you know" "$onus" verify signed --key key.pub
expect 1 'not by the key' "$onus" verify r1 --key key.pub
cp -r signed cut && sed -i '/"type":"report"/,$d' cut/ledger.jsonl # killed before its report
expect 2 "says that 'bank' signs this run" "$onus" run small.yaml --out cut --resume
expect 0 . "$onus" run small.yaml --out cut --resume --key key --quiet
expect 0 "signed by 'bank'" "$onus" verify cut --key key.pub

# ---- without Onus: the script of docs/EVIDENCE.md -----------------------------------------------
if command -v openssl >/dev/null; then
    awk '/^```python$/{on=1;next}/^```/{on=0}on' "$root/docs/EVIDENCE.md" > check.py
    expect 0 'report.html is unchanged' python3 check.py signed
    cp -r signed spoilt && sed -i '3s/"rows"/"rowz"/; 3s/:300/:301/' spoilt/ledger.jsonl
    expect 1 'does not have the signed head' python3 check.py spoilt
fi

# ---- private runs -------------------------------------------------------------------------------
expect 0 'privacy.epsilon' "$onus" run secret.yaml --out p1 --quiet
expect 0 'opens the commitment' "$onus" verify p1
expect 0 'every bit the same' env ONUS_ISA=ref ONUS_THREADS=1 "$onus" replay p1
# a stated rate: the steps of an epoch follow from it, and the ledger that says otherwise does not hold
sed 's/clip: 1}/clip: 1, sampling_rate: 0.3}/; s/^name: secret/name: stated/' secret.yaml > stated.yaml
expect 0 'privacy.epsilon' "$onus" train stated.yaml --out p1s --quiet
expect 0 'intact' "$onus" verify p1s
expect 0 'every bit the same' "$onus" replay p1s
grep -q '"privacy.sampling_rate":0.3,"privacy.sampling_rate.stated":"yes"' p1s/ledger.jsonl && ok || bad "the stated rate is told"
grep -q '"train.steps_per_epoch":4' p1s/ledger.jsonl && ok || bad "an epoch is 1 / q steps"
same "noise key's mode" "$(stat -c %a p1/private/noise.key)" 600
# hashes of the data are under the key that docs/PRIVACY.md derives, which nobody without private/ has
python3 - p1 <<'PY' && ok || bad "hashes of a private run's data"
import hashlib, hmac, json, pathlib, sys
run, said = pathlib.Path(sys.argv[1]), {}
for line in (run / 'ledger.jsonl').read_text().splitlines():
    said |= json.loads(line)['claim']
noise = bytes.fromhex((run / 'private/noise.key').read_text())
table = hashlib.sha256(pathlib.Path(said['data.file.1.name']).read_bytes()).digest()
key = hashlib.sha256(b'onus noise hashes 1\n' + noise).digest()
assert said['data.file.1.sha256'] == hmac.new(key, table, 'sha256').hexdigest()
PY
if grep -q '"train.loss"' p1/ledger.jsonl; then bad "a private run's training loss is in its ledger"; else ok; fi
table=$(sed -n 's/.*source: \([^ ,}]*\).*/\1/p' secret.yaml | head -1)
if grep -q "$(sha "$table")" p1/ledger.jsonl; then bad "a private run tells the plain hash of its table"; else ok; fi
expect 0 . "$onus" run secret.yaml --out p2 --quiet
hash_of() { grep -o '"data.sha256.train":"[0-9a-f]*"' "$1/ledger.jsonl"; }
if [ "$(hash_of p1)" = "$(hash_of p2)" ]; then bad "two private runs have the same hash of their rows"; else ok; fi
if [ "$(sha p1/model.safetensors)" = "$(sha p2/model.safetensors)" ]; then bad "two private runs have the same noise"; else ok; fi
mv p2/private/noise.key kept.key
expect 1 'not proven' "$onus" replay p2
expect 0 'cannot be drawn again' "$onus" verify p2

# ---- a label that is a number: predicted, measured and explained in its own unit ------------------
sed -e 's/^name: small/name: amount/' -e 's/{column: risk, positive: good}/{column: amount, type: number}/' \
    -e 's/epochs: 6/epochs: 20, lr: 0.01/' -e 's/accuracy >= 0.2/r2 >= 0.2/' small.yaml > amount.yaml
expect 0 'policies met: 1 of 1' "$onus" run amount.yaml --out n1
expect 0 'every bit the same' env ONUS_ISA=ref ONUS_THREADS=1 "$onus" replay n1
expect 0 . "$onus" verify n1
expect 0 . "$onus" eval n1 --data small.csv --predictions-out guesses.csv
python3 - <<'PY' && ok || bad 'predictions of amounts'
import csv, json
labels = [float(r['amount']) for r in csv.DictReader(open('small.csv'))]
rows = list(csv.DictReader(open('guesses.csv')))
guesses = [float(r['prediction']) for r in rows]
mean = sum(labels) / len(labels)
assert len(guesses) == len(labels) == 300 and abs(sum(guesses) / 300 - mean) < 0.2 * mean, guesses[:3]
said = [json.loads(line) for line in open('n1/ledger.jsonl')]
claims = {k: v for e in said for k, v in e['claim'].items()}
assert 'mean and deviation of amount' in claims['data.fitted'] and 1000 < claims['data.target.scale'] < 4000
assert 500 < claims['train.valid_metric'] < 4000 and claims['train.valid_loss'] < 4, claims['train.valid_metric']
PY
sed -e 's/^privacy: off/privacy: {noise: 1.5, delta: 1e-5, clip: 1}/' -e 's/type: number/bounds: [0, 20000]/' -e 's/r2 >= 0.2/r2 >= -1/' \
    -e 's/^name: amount/name: amount-private/' amount.yaml > amount-private.yaml
expect 0 'policies met: 1 of 1' "$onus" run amount-private.yaml --out n2
if grep -q 'deviation of amount' n2/ledger.jsonl; then bad "the label's mean was fitted in spite of bounds"; else ok; fi
expect 0 'every bit the same' env ONUS_ISA=ref ONUS_THREADS=1 "$onus" replay n2

# ---- tampering: one weight, one metric, one byte of data, any byte ----------------------------------
cp -r r1 t1
python3 - <<'PY'
b = bytearray(open('t1/model.safetensors', 'rb').read()); b[-5] ^= 1; open('t1/model.safetensors', 'wb').write(b)
PY
expect 1 'model.safetensors was changed' "$onus" verify t1
rm -rf t1 && cp -r r1 t1
python3 - <<'PY'
import re
s = open('t1/ledger.jsonl').read()
t = re.sub(r'"accuracy":0\.(\d)', lambda m: '"accuracy":0.' + str((int(m.group(1)) + 1) % 10), s, count=1)
assert s != t
open('t1/ledger.jsonl', 'w').write(t)
PY
expect 1 'ledger.jsonl was changed' "$onus" verify t1
expect 1 'event [0-9]+ \(metric\).*accuracy is' "$onus" replay t1
cp small.csv kept.csv
python3 - <<'PY'
s = open('small.csv').read().split('\n'); s[5] = s[5].replace('1', '2', 1) if '1' in s[5] else s[5].replace('4', '5', 1)
open('small.csv', 'w').write('\n'.join(s))
PY
expect 1 'event [0-9]+ \(data.read\).*sha256' "$onus" replay r1
mv kept.csv small.csv

# ---- a stranger's folder: nothing in it holds a reader up, none of our files' words are shown ----------------
{ echo user,secret,shell; for i in 1 2 3 4 5 6 7 8 9 10; do printf 'me,hunter2,sh\nyou,hunter3,sh\nme,hunter3,no\nyou,hunter2,no\n'; done; } > ours.csv
quiet() { # quiet PATTERN COMMAND...: fails in these words, within seconds, and never says what stands in ours.csv
    pattern=$1
    shift
    expect 1 "$pattern" timeout -k 1 20 "$@"
    case $out in *hunter* | *secret*) bad "ours.csv is shown: $out" ;; esac
}
stranger() { rm -rf t1 && cp -r r1 t1; }
for source in ../ours.csv ours.csv "$room/ours.csv"; do
    stranger && sed -i "s#source: small.csv#source: $source#; s/label: .*/label: user/; s/protected: .*/protected: [secret]/; s/, stratify: .risk.//" t1/recipe.yaml
    quiet 'does not replay|cannot open' "$onus" replay t1 --quiet
    quiet 'not what the run read|cannot open' "$onus" explain t1
done
stranger && sed -i 's#source: small.csv#source: /dev/zero#' t1/recipe.yaml
quiet 'neither a file nor a pipe' "$onus" replay t1 --quiet
stranger && rm t1/recipe.yaml && ln -s ../ours.csv t1/recipe.yaml
for command in verify replay explain 'diff r1'; do quiet 'neither a file nor a directory' "$onus" $command t1; done
stranger && rm t1/ledger.jsonl && mkfifo t1/ledger.jsonl
for command in verify replay explain; do quiet 'neither a file nor a directory' "$onus" $command t1; done
quiet 'no run.begin' "$onus" report t1
stranger && touch t1/"$(printf 'x\342\200\256txt.egdel')"
expect 1 'control characters' "$onus" verify t1
stranger && touch 't1/report.html    is what event 1 says'
expect 0 "nothing is proven of it: 'report.html    is what event 1 says'" "$onus" verify t1

# ---- what a crash leaves ------------------------------------------------------------------------------
ulimit -c unlimited 2>/dev/null
"$onus" run secret.yaml --out dumped --quiet >/dev/null 2>&1 &
pid=$!
limit=
for try in $(seq 500); do # the program's own limit, once it is the program
    now=$(grep 'Max core file size' /proc/$pid/limits 2>/dev/null) || break
    limit=$now
    case "$limit" in *size\ *\ 0\ *) break ;; esac
done
case "$limit" in *size\ *\ 0\ *) ok ;; *) bad "a process that holds a key would leave a core: '$limit'" ;; esac
wait $pid

# ---- kill and resume ----------------------------------------------------------------------------------
expect 2 'holds a run already' "$onus" run small.yaml --out r1
sed 's/epochs: 6/epochs: 400/; s/^name: small/name: long/; s/checkpoint: 2/checkpoint: 40/' small.yaml > long.yaml
"$onus" run long.yaml --out whole --quiet >/dev/null 2>&1
for wait in 0.05 0.15 0.3; do
    rm -rf killed
    "$onus" run long.yaml --out killed --quiet >/dev/null 2>&1 &
    pid=$!
    sleep $wait
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    if [ -f killed/ledger.jsonl ]; then
        expect 0 'report: killed/report.html' "$onus" run long.yaml --out killed --resume
        same "killed after $wait s and resumed" "$(sha whole/model.safetensors)" "$(sha killed/model.safetensors)"
        expect 0 '^intact' "$onus" verify killed
    fi
done
cp -r r1 cut2 && rm cut2/ledger.note cut2/key.pub
expect 1 'no ledger.note: the run did not come to its end' "$onus" verify cut2
expect 1 'resumed with the recipe that began it' "$onus" run small.yaml --out whole --resume

# ---- no room ----------------------------------------------------------------------------------------------
# a limit on files' sizes (of 512 or 1,024 bytes, as the shell counts) that the ledger fits into and a checkpoint does not
sed 's/hidden: \[[0-9, ]*\]/hidden: [600, 600]/; s/^name: small/name: wide/; s/epochs: 6/epochs: 2/; s/checkpoint: 2/checkpoint: 1/' small.yaml > wide.yaml
expect 1 "cannot write 'tight/checkpoints/[0-9]*.safetensors': File too large" sh -c 'ulimit -f 800; exec "$@"' _ "$onus" train wide.yaml --out tight --quiet
same "what a failed checkpoint leaves" "$(ls tight/checkpoints)" ''
for name in 1.safetensors.4711.new mine.new; do echo cut > tight/checkpoints/$name; done # the first is what a kill leaves
expect 0 'model: tight/model' "$onus" train wide.yaml --out tight --resume --quiet
expect 0 '^intact' "$onus" verify tight
same "what a resumed run leaves of a killed one" "$(ls tight/checkpoints | grep new)" mine.new
case $build in # the thread sanitizer writes a file of its own before the program begins
*-tsan) ;;
*) expect 1 "cannot create '[^']*': File too large" sh -c 'ulimit -f 0; exec "$@"' _ "$onus" keygen nokey ;;
esac
same "what a failed keygen leaves" "$(ls | grep -c nokey)" 0
expect 1 'eval: tight/checkpoints/.*: no metadata .onus.model.' "$onus" eval "$(ls tight/checkpoints/*.safetensors | head -1)" --data small.csv
rm tight/model.safetensors && sed 's/checkpoint: 1/from: tight/' wide.yaml > on.yaml
expect 1 "cannot open 'tight/model.safetensors'" "$onus" train on.yaml --out on --quiet

# ---- small groups, rows in two parts ------------------------------------------------------------------------
python3 -c "
print('x,g,y')
for i in range(400): print(f'{i % 40},{\"abc\"[(i % 40 > 1) + (i % 40 > 20)]},{i % 3 % 2}')" > groups.csv
printf 'onus: 1\nname: groups\nseed: 1\ndata: {source: groups.csv, label: {column: y, positive: 1}, protected: [g]}\nmodel: {kind: logistic}\ntrain: {epochs: 2}\nprivacy: off\nexplain: off\npolicy:\n  - fairness.g.group.a.n >= 1\n' > groups.yaml
expect 3 'fairness.g.group.a.n >= 1 *undefined *undefined' "$onus" run groups.yaml --out g1 --quiet
expect 0 'every bit the same' "$onus" replay g1
python3 - g1 <<'PY' && ok || bad "a small group in ledger and report"
import json, sys
said = {}
for line in open(sys.argv[1] + '/ledger.jsonl'): said |= json.loads(line)['claim']
told = {k: v for k, v in said.items() if k.startswith(('fairness.g.group.a.', 'data.group.g.a.')) and v != 'undefined' and not k.endswith('.train')}
assert not told, told
assert said['data.overlap.test.features'] == said['data.rows.test'] == 80, said['data.overlap.test.features']
report = open(sys.argv[1] + '/report.html').read()
assert 'Some groups are withheld' in report and 'rows of the test part have the features of rows of the training part' in report
PY

# ---- evaluation -----------------------------------------------------------------------------------------
expect 0 '"accuracy":' "$onus" eval r1 --data small.csv --json --predictions-out pred.csv
cp -r r1 other && python3 -c "
p = 'other/model.safetensors'; b = bytearray(open(p, 'rb').read()); b[-9] ^= 1; open(p, 'wb').write(b)"
expect 1 'other/model.safetensors is not the model of the ledger' "$onus" eval other --data small.csv
expect 1 'other/model.safetensors is not the model of the ledger' "$onus" explain other --line 5
same "predictions, one a row" "$(wc -l < pred.csv)" 301
sed '2,4s/^[a-z0-9_]*,/spaceship,/' small.csv > unseen.csv
expect 0 'data.unseen.checking_account +3' "$onus" eval r1 --data unseen.csv
expect 0 '"data.unseen.checking_account":3' "$onus" eval r1 --data unseen.csv --json
python3 -c "
print('y,p,g')
for y, p, g in zip('011110101000111111', '001011100111100110', 'bbabbcccaacabccbcc'): print(f'{y},{p},{g}')" > fair.csv
out=$("$onus" eval --predictions fair.csv --label y --prediction p --protected g --json)
python3 - "$out" <<'PY' && ok || bad "fairness of the reference example"
import json, sys
f = json.loads(sys.argv[1])
near = lambda name, want: abs(f[name] - want) < 5e-5 or sys.exit(f'{name} is {f[name]}, expected {want}')
for g, tpr, fpr, rate in (('a', .5, 1, .75), ('b', .6, 0, .5), ('c', .4, 2 / 3, .5)):
    near(f'fairness.g.group.{g}.tpr', tpr); near(f'fairness.g.group.{g}.fpr', fpr); near(f'fairness.g.group.{g}.selection_rate', rate)
near('fairness.g.demographic_parity_difference', .25); near('fairness.g.demographic_parity_ratio', 2 / 3)
near('fairness.g.equalized_odds_difference', 1); near('fairness.g.equalized_odds_ratio', 0); near('fairness.g.equal_opportunity_difference', .2)
PY
expect 2 'is needed' "$onus" eval --predictions fair.csv
printf 'y,s\n1,2.5\n0,-1\n' > logits.csv
expect 1 "logits.csv:2: score '2.5' is no probability" "$onus" eval --predictions logits.csv --label y --score s
printf 'y,s,p\n1,2.5,1\n0,-1,0\n' > logits.csv
expect 0 'auc' "$onus" eval --predictions logits.csv --label y --score s --prediction p
expect 1 "no column 'z'" "$onus" eval --predictions fair.csv --label z --prediction p
printf 'y,p,g\n1,2,a\n2,2,a\n4.5,2,b\n3.5,2.5,b\n' > amounts.csv # errors 1, 0, -2.5, -1; the mean of y is 2.75
out=$("$onus" eval --predictions amounts.csv --label y --prediction p --protected g --regression --json)
python3 - "$out" <<'PY' && ok || bad "amounts that somebody else predicted"
import json, sys
f = json.loads(sys.argv[1])
for name, want in ('mse', 8.25 / 4), ('mae', 4.5 / 4), ('mean_error', -.625), ('r2', 1 - 8.25 / 7.25), ('fairness.g.mae_difference', 1.25):
    abs(f[name] - want) < 1e-12 or sys.exit(f'{name} is {f[name]}, expected {want}')
PY
expect 1 "amounts.csv:2: '2' in column 'p' is no value of label 'g'" "$onus" eval --predictions amounts.csv --label g --prediction p --positive a
expect 1 'amounts, not classes. --regression' "$onus" eval --predictions amounts.csv --label y --score p
expect 1 "amounts.csv:2: 'a' in column 'g', expected a number" "$onus" eval --predictions amounts.csv --label y --prediction g --regression
expect 2 'with neither --score' "$onus" eval --predictions amounts.csv --label y --score p --regression
expect 0 'mean .Shapley value. over' "$onus" explain r1
expect 0 'line 5: score' "$onus" explain r1 --line 5
expect 2 'no row of the table starts there' "$onus" explain r1 --line 5000
cp small.csv kept.csv && echo "$(tail -1 small.csv)" >> small.csv
expect 1 'not what the run read' "$onus" explain r1
mv kept.csv small.csv
expect 0 'data.rows' "$onus" data small.yaml
expect 0 'model: trained/model.safetensors' "$onus" train small.yaml --out trained
expect 0 '^intact' "$onus" verify trained

# ---- wrong input: one line, file, line, column, what was expected ------------------------------------------
expect 2 'no command' "$onus" fly
expect 2 "did you mean 'verify'" "$onus" verfy
expect 0 'usage: onus COMMAND' "$onus" --help
expect 0 'numerics contract 3' "$onus" --version
for command in run data train eval explain report verify replay diff keygen; do
    expect 0 "Usage: onus $command" "$onus" $command --help
done
expect 2 'expected at least 1' "$onus" run small.yaml --out x --threads 0
expect 2 'threads: .*, expected 1 to 256' "$onus" run small.yaml --out x --threads 1000
expect 2 'one word too many' "$onus" run small.yaml small.yaml
expect 2 'names .g. twice' "$onus" eval --predictions fair.csv --label y --prediction p --protected g,g
expect 2 'go with --predictions' "$onus" eval r1 --data small.csv --label y
mkdir full && echo mine > full/recipe.yaml
expect 2 'not empty' "$onus" run small.yaml --out full
same "a full folder stays as it was" "$(cat full/recipe.yaml)" mine
expect 2 'usage' "$onus" run
expect 2 'unknown option' "$onus" run small.yaml --fast
expect 2 'ONUS_ISA' env ONUS_ISA=sse9 "$onus" run small.yaml --out x
expect 2 'ONUS_THREADS' env ONUS_THREADS=many "$onus" run small.yaml --out x
expect 1 "cannot (open|read).*nowhere.yaml" "$onus" run nowhere.yaml
wrong() { # wrong SED PATTERN: the recipe, spoilt
    sed "$1" small.yaml > wrong.yaml
    expect 1 "$2" "$onus" run wrong.yaml --out wrong
    [ -e wrong/ledger.jsonl ] && bad "left behind after: $1"
    rm -rf wrong
}
wrong 's/epochs: 6/epocs: 6/' "wrong.yaml:12:[0-9]+: unknown key 'train.epocs', did you mean 'epochs'"
wrong 's/epochs: 6/epochs: six/' "train.epochs: 'six' is not a whole number from 1"
wrong 's/epochs: 6/epochs: 6, epochs: 7/' 'said twice'
wrong 's/^privacy: off//' "'privacy' is missing"
wrong 's/^  protected.*//' "'protected' is missing"
wrong 's/privacy: off/privacy: {epsilon: 1, delta: 1e-5}/' "'clip' is missing"
wrong 's/source: small.csv/source: nofile.csv/' 'nofile.csv'
wrong 's/column: risk/column: risky/' "risky"
wrong 's/positive: good/positive: great/' 'great'
wrong 's/kind: mlp/kind: transformer/' 'transformer'
wrong 's/source: small.csv/source: small.csv\n  test: small.csv/; s/split: .*/split: {train: 0.8, valid: 0.2}/' \
    "wrong.yaml:[0-9]+: data.test: 'small.csv' holds the same bytes"
wrong 's/privacy: off/privacy: {epsilon: 0.01, delta: 1e-29, clip: 1}/' 'privacy.delta: 1e-29 is less than can be proven of computed numbers; [0-9.e-]* can be'
wrong 's/privacy: off/privacy: {epsilon: 500, delta: 1e-9, clip: 1}/' 'privacy.epsilon: 500 cannot be proven of computed numbers at any delta below 1 / rows; ask for less'
wrong 's/privacy: off/privacy: {epsilon: 8, delta: 1e-9, clip: 1, sampling_rate: 2}/' "privacy.sampling_rate: '2' is not a number from"
wrong 's/^seed: 7/seed: -1/' "seed: '-1' is not a whole number from 0"
wrong 's/train: 0.6/train: 0.9/' 'train . valid . test = 1.3'
wrong 's/accuracy >= 0.2/accuracy => 0.2/' 'wrong.yaml:16'
wrong 's/^onus: 1/onus: 2/' "onus: '2' is not 1"
wrong 's/privacy: off/privacy: \&a off/' 'anchor'
wrong 's/protected: .*/protected: [sex, {column: purpose, bins: [3]}]/' 'purpose'
printf 'a,b\n1,2\n3\n' > ragged.csv
wrong 's/source: small.csv/source: ragged.csv/' 'ragged.csv:3'
sed '7s/,[0-9][0-9]*,/,abc,/' small.csv > stray.csv
wrong 's/source: small.csv/source: stray.csv/' "stray.csv:7.*'abc'.*not a number"
expect 1 . "$onus" verify "$room"
expect 1 . "$onus" verify nowhere
if [ -w /dev/full ]; then expect 1 'cannot write|No space' sh -c "'$onus' report r1 > /dev/full"; fi
if [ -w /dev/full ]; then expect 1 'cannot write' sh -c "'$onus' --version > /dev/full"; fi

[ ! -x "$buildabs/examples/embed" ] || expect 0 '^intact' "$buildabs/examples/embed" small.yaml embedded
finish
