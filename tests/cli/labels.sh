#!/bin/sh
# Goal: several labels a row from a recipe to a report: one model whatever the threads, replayed, private, its predictions and
# what was measured of them the same numbers, wrong input one line. Method: three columns of 300 German credit applicants
# predicted together; a few made-up lines of text; measures computed again by Python from the predictions.
. tests/cli/lib.sh

head -301 "$root/data/german_credit.csv" > "$room/small.csv"
cat > "$room/three.yaml" <<'YAML'
onus: 1
name: three
purpose: a test
seed: 7
data:
  source: small.csv
  label: {columns: [risk, telephone, sex], positive: [good, yes, female]}
  protected: [{column: age, bins: [30]}]
  split: {train: 0.6, valid: 0.2, test: 0.2, stratify: [risk, sex]}
model: {kind: mlp, hidden: [8], dropout: 0.1}
train: {epochs: 20, batch: 32, shards: 2, lr: 0.01, checkpoint: 10}
privacy: off
explain: {method: both, rows: 6, background: 6}
policy:
  - f1.micro >= 0.2
  - label.risk.auc.upper >= 0.5
  - label.sex.fairness.age.demographic_parity_difference.lower <= 1
YAML
cd "$room" || exit 1

# ---- the whole thread --------------------------------------------------------------------
expect 0 'policies met: 3 of 3' env ONUS_THREADS=2 "$onus" run three.yaml --out r1
expect 0 '^label.risk.fairness.age$' "$onus" run three.yaml --out r2 --quiet
for way in ONUS_THREADS=1 ONUS_ISA=ref; do
    rm -rf r2
    expect 0 'hamming_loss' env "$way" "$onus" run three.yaml --out r2 --quiet
    same "residuals of both ways, a label each, $way" "$(printf '%s\n' "$out" | grep -Ec '^  (explain|relevance)[.]residual +[0-9]')" 6
    same "the model, $way" "$(sha r2/model.safetensors)" "$(sha r1/model.safetensors)"
    expect 0 'claim the same' "$onus" diff r1 r2
done
sed 's/shards: 2/shards: 2, micro_batches: 1/' three.yaml > one.yaml
expect 0 . "$onus" run one.yaml --out r3 --quiet
same "the model, one micro-batch" "$(sha r3/model.safetensors)" "$(sha r1/model.safetensors)"
expect 0 '^intact' "$onus" verify r1
expect 0 'every bit the same' env ONUS_ISA=ref ONUS_THREADS=1 "$onus" replay r1 --quiet
expect 0 'every bit the same' "$onus" replay r1 --from 60 --to 120 --quiet
for n in 1 2 3; do [ -s r1/private/explanations-$n.html ] && ok || bad "no page of explanations of label $n"; done
grep -q 'probability of “telephone”' r1/private/explanations-2.html && ok || bad "explanations-2.html does not say of what"
grep -q '"label.sex.relevance.residual"' r1/ledger.jsonl && ok || bad 'no relevance of the label sex'
for text in 'By relevance' 'By label' '<summary>telephone' 'sex: By age' 'rows all right'; do
    grep -q "$text" r1/report.html && ok || bad "the report does not say '$text'"
done
python3 - r1/report.html r1/private/explanations-2.html <<'PY' && ok || bad 'the pages, read as XML'
import sys, xml.etree.ElementTree as tree
for path in sys.argv[1:]: tree.fromstring(open(path, encoding='utf-8').read().removeprefix('<!doctype html>'))
PY
expect 0 '^telephone$' "$onus" explain r1 --rows 4
expect 0 'line 5: score' "$onus" explain r1 --line 5

# ---- predictions, and the measures again from them ------------------------------------------
expect 0 . "$onus" eval r1 --data small.csv --predictions-out guesses.csv
"$onus" eval r1 --data small.csv --json > facts.json
python3 - <<'PY' && ok || bad 'predictions of three labels'
import csv, json
facts, names = json.load(open('facts.json')), ('risk', 'telephone', 'sex')
yes = dict(zip(names, ('good', 'yes', 'female')))
rows, table = list(csv.DictReader(open('guesses.csv'))), list(csv.DictReader(open('small.csv')))
assert list(rows[0]) == ['line'] + [f'{n}.{what}' for n in names for what in ('label', 'prediction', 'score')], list(rows[0])
assert len(rows) == len(table) == 300
y, d = [], []
for r in rows:
    assert all(table[int(r['line']) - 2][n] == r[f'{n}.label'] for n in names)
    assert all((float(r[f'{n}.score']) >= .5) == (r[f'{n}.prediction'] == yes[n]) for n in names)
    y.append([r[f'{n}.label'] == yes[n] for n in names])
    d.append([r[f'{n}.prediction'] == yes[n] for n in names])
f1 = lambda cells: 2 * sum(a and b for a, b in cells) / sum(a + b for a, b in cells)
cells = [list(zip((r[k] for r in y), (r[k] for r in d))) for k in range(3)]
want = {'subset_accuracy': sum(a == b for a, b in zip(y, d)) / 300, 'f1.micro': f1(sum(cells, [])),
        'f1.macro': sum(map(f1, cells)) / 3, 'hamming_loss': sum(a != b for a, b in sum(cells, [])) / 900,
        'hamming_loss.baseline': sum(min(sum(a for a, _ in c), 300 - sum(a for a, _ in c)) for c in cells) / 900,
        **{f'label.{n}.f1': f1(c) for n, c in zip(names, cells)},
        **{f'label.{n}.accuracy': sum(a == b for a, b in c) / 300 for n, c in zip(names, cells)}}
for name, v in want.items(): assert abs(facts[name] - v) < 1e-12, (name, facts[name], v)
assert abs(facts['hamming_loss.gain'] - facts['hamming_loss.baseline'] + facts['hamming_loss']) < 1e-12
assert 'label.sex.fairness.age.group.<30.tpr' in facts
PY
auc() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
same "the area of one label, judged as somebody else's predictions" "$(auc label.risk.auc < facts.json)" \
    "$("$onus" eval --predictions guesses.csv --label risk.label --score risk.score --positive good --json | auc auc)"

# ---- another table: what a run that tests on it says -----------------------------------------
(head -1 small.csv; sed -n 302,501p "$root/data/german_credit.csv") > later.csv
sed 's/source: small.csv/source: small.csv\n  test: later.csv/; s/train: 0.6, valid: 0.2, test: 0.2/train: 0.8, valid: 0.2/' three.yaml > elsewhere.yaml
expect 0 'policies met' "$onus" run elsewhere.yaml --out e1 --quiet
"$onus" eval e1 --data later.csv --json > later.json
python3 - <<'PY' && ok || bad 'three labels of another table'
import json
later, said = json.load(open('later.json')), {}
for line in open('e1/ledger.jsonl'):
    event = json.loads(line)
    if event['type'] in ('metric', 'fairness'): said.update(event['claim'])
assert said['subset_accuracy.n'] == 200 and len(said) > 300, len(said)
lacks = [name for name, v in said.items() if not isinstance(v, list) and later.get(name) != v]
assert not lacks, lacks
PY
cut -d, -f1-8,10-19,21 small.csv > without.csv
expect 1 'has no label column' "$onus" eval r1 --data without.csv
expect 0 . "$onus" eval r1 --data without.csv --predictions-out without-labels.csv
same "no label to write" "$(sed -n 2p without-labels.csv | cut -d, -f2,5)" ','
cut -d, -f1-21 small.csv > some.csv
expect 1 "data.label.columns: 'risk' is no column" "$onus" eval r1 --data some.csv

# ---- private; one label's columns left open -----------------------------------------------
sed 's/^privacy: off/privacy: {noise: 1.5, delta: 1e-5, clip: 1}/; s/checkpoint: 10/checkpoint: 10, keep: last/' three.yaml > secret.yaml
expect 0 'privacy.epsilon' "$onus" run secret.yaml --out p1 --quiet
expect 0 'opens the commitment' "$onus" verify p1
expect 0 'every bit the same' env ONUS_ISA=ref ONUS_THREADS=1 "$onus" replay p1 --quiet

# ---- lines of JSON: text, and labels that are not known everywhere ---------------------------
python3 - <<'PY'
import json, random
r = random.Random(3)
with open('posts.jsonl', 'w') as f:
    for n in range(120):
        rude, loud = n % 3 == 0, n % 2 == 0
        words = [r.choice(['you fool', 'go away'] if rude else ['thank you', 'well said']) for _ in range(3)]
        text = ' '.join(words).upper() if loud else ' '.join(words)
        f.write(json.dumps({'text': text, 'rude': rude if n % 7 else None, 'loud': loud}) + '\n')
PY
cat > posts.yaml <<'YAML'
onus: 1
name: posts
seed: 3
data:
  format: jsonl
  source: posts.jsonl
  label: {columns: [rude, loud], positive: 'true', missing: ignore}
  columns: {text: text}
  context: 40
  protected: none
model: {kind: gru, embedding: 8, hidden: 12}
train: {epochs: 15, batch: 16, lr: 0.02}
privacy: off
explain: off
policy: [label.loud.accuracy >= 0.9]
YAML
expect 0 'policies met: 1 of 1' env ONUS_THREADS=2 "$onus" run posts.yaml --out t1
expect 0 'every bit the same' env ONUS_ISA=ref ONUS_THREADS=1 "$onus" replay t1 --quiet
grep -q '"data.missing.rude":18' t1/ledger.jsonl && ok || bad 'labels that are missing are not counted'
same "rows that lack one stay" "$(grep -o '"data.rows":[0-9]*' t1/ledger.jsonl)" '"data.rows":120'
[ -s t1/private/mistakes.html ] && ok || bad 'no page of mistakes'

# ---- explanations do not count small groups ---------------------------------------------------
# Of a linear model a column of two groups has two Shapley values, so their mean and standard error over rows are functions of how
# many of each group there are in the test and in the training part; so is how often the column differs in a pair. The attacker
# below tries every pair of numbers.
python3 - <<'PY' > few.csv
import random
r = random.Random(3)
print("x,g,y")
for i in range(130):
    few, x = r.random() < 0.07, round(r.gauss(0, 1), 2)
    print(f"{x},{'few' if few else 'many'},{round(x + 2 * few + r.gauss(0, 1), 2)}")
PY
cat > count.py <<'PY'
import json, math, sys
said = {}
for line in open(sys.argv[1]):
    said |= json.loads(line)["claim"]
n, N = said["explain.rows"], said["explain.background"]
mean, se, differ = (said[f"explain.{w}"] for w in ("g.mean_abs", "g.mean_abs.se", "columns_differing"))
found = set()
for k in range(1, 10):
    for j in range(N + 1):
        p, q = k / n, j / N
        share = p * (1 - q) + (1 - p) * q
        if not isinstance(mean, str) and math.isclose(se / mean, math.sqrt(p * (1 - p) / (n - 1)) * abs(1 - 2 * q) / share, rel_tol=1e-5):
            found.add(k)
        if not isinstance(differ, str) and abs(differ - math.floor(differ) - share) < 1e-9:
            found.add(k)
print("found", sorted(found))
PY
few() { # few NAME PROTECTED
    printf 'onus: 1\nname: few\nseed: 3\ndata: {source: few.csv, label: {column: y, type: number}, protected: %s}\nmodel: {kind: linear}
train: {epochs: 3}\nprivacy: off\nexplain: {rows: 200, background: 100, method: both}\n' "$2" > few.yaml
    expect 0 . "$onus" run few.yaml --out "$1"
    expect 0 '^intact' "$onus" verify "$1"
    expect 0 'every bit the same' "$onus" replay "$1"
}
few told none
expect 0 '^found \[[1-9]\]$' python3 count.py told/ledger.jsonl # of a column that nobody protects: both ways find the same number
few kept '[g]'
same 'a small group is not counted' "$(python3 count.py kept/ledger.jsonl)" 'found []'
grep -q '"explain.evaluations":"undefined"' kept/ledger.jsonl && ok || bad 'coalitions count the pairs that differ'
grep -q 'Of the columns whose weight is told, <b>x</b>' kept/report.html && ok || bad 'the page does not say that a weight is withheld'

# a group that is small among those learned from alone counts, too: the background is drawn from them
python3 - <<'PY'
import random
r = random.Random(2)
for name, a, b in (("rare.csv", 95, 5), ("common.csv", 95, 95), ("alike.csv", 20, 20)):
    people = "a" * a + "b" * b
    open(name, "w").write("x,g,y\n" + "".join(f"{i % 7},{g},{r.randint(0, 9)}\n" for i, g in enumerate(people)))
PY
for of in rare common; do
    printf 'onus: 1\nname: alike\nseed: 3\ndata: {source: %s.csv, test: alike.csv, label: {column: y, type: number}, protected: [g]}
model: {kind: linear}\ntrain: {epochs: 3}\nprivacy: off\nexplain: {rows: 20, background: 20}\n' $of > $of.yaml
    expect 0 . "$onus" run $of.yaml --out $of
    same "both groups of 20 are told of the test part" "$(grep -o '"data.group.g...test":20' $of/ledger.jsonl | wc -l)" 2
done
grep -q '"explain.evaluations":[0-9]' common/ledger.jsonl && ok || bad 'large groups hide an explanation'
grep -q '"explain.evaluations":"undefined"' rare/ledger.jsonl && ok || bad 'coalitions count a group that is small in the training part'
grep -q '"explain.g.mean_abs":"undefined"' rare/ledger.jsonl && ok || bad 'a weight counts a group that is small in the training part'

# rows to evaluate on, of which nobody's group is known
sed -i 's/protected: .g./&, columns: {g: {type: category, missing: mode}}/' few.yaml
expect 0 . "$onus" run few.yaml --out filled
printf 'x,g,y\n1,,2\n3,,4\n0,,1\n' > blank.csv
expect 0 '^mae ' "$onus" eval filled --data blank.csv
expect 0 '"fairness.g.missing":3,' "$onus" eval filled --data blank.csv --json

# a group that only the test file has, of a model that reads nothing else: who is not found in the training part is of it
python3 - <<'PY'
import random
r = random.Random(1)
for name, n, extra in (("pairs.csv", 100, 0), ("other.csv", 30, 3)):
    rows = ["ab"[i % 2] for i in range(n)] + ["c"] * extra
    open(name, "w").write("g,y\n" + "".join(f"{g},{r.choice(['yes', 'no'])}\n" for g in rows))
PY
pairs() { # pairs NAME PROTECTED
    printf 'onus: 1\nname: pairs\nseed: 1\ndata: {source: pairs.csv, test: other.csv, label: {column: y, positive: yes}, protected: %s}
model: {kind: logistic}\nprivacy: off\nexplain: off\n' "$2" > pairs.yaml
    expect 0 . "$onus" run pairs.yaml --out "$1"
    expect 0 '^intact' "$onus" verify "$1"
    expect 0 'every bit the same' "$onus" replay "$1"
}
pairs open none
grep -q '"data.overlap.test.features":30,' open/ledger.jsonl && ok || bad 'three of 33 are not found in the training part'
pairs shut '[g]'
grep -q '"data.overlap.test.features":"undefined","data.overlap.test.rows":"undefined"' shut/ledger.jsonl && ok || bad 'shared rows count a small group'

# ---- wrong input: one line, file, line, what was expected -------------------------------------
wrong() { # wrong SED PATTERN
    sed "$1" three.yaml > wrong.yaml
    expect 1 "$2" "$onus" run wrong.yaml --out wrong
    same "one line: $2" "$(printf '%s\n' "$out" | grep -vc '^memory: \|^hint')" 1
    rm -rf wrong
}
wrong 's/telephone, sex/telephony, sex/' "wrong.yaml:7: data.label.columns: 'telephony' is no column of .*small.csv"
wrong 's/telephone, sex/risk, sex/' "wrong.yaml:7:[0-9]+: data.label.columns: 'risk' is said twice"
wrong 's/columns: .risk, telephone, sex./columns: risk/; s/positive: .*]}/positive: good}/' 'data.label.columns: one column; say column: risk'
wrong 's/telephone, sex/housing, sex/; s/positive: .*]}/missing: drop}/' "small.csv:[0-9]+: label 'housing' is '[a-z]+', a third value beside"
wrong 's/telephone, sex/amount, sex/; s/positive: .*]}/missing: drop}/' "small.csv:[0-9]+: label 'amount' is '[0-9]+', a third value beside"
wrong 's/good, yes/good, maybe/' "wrong.yaml:7: data.label.positive: 'maybe' is no value of 'telephone'"
wrong 's/good, yes, female/good, yes/' 'data.label.positive: 2 values for 3 columns'
wrong 's/protected: .*/protected: [sex]/' "data.protected: 'sex' is a label"
wrong 's/batch: 32/batch: 32, class_weights: balanced/' 'train.class_weights: a weight is an example'
wrong 's/batch: 32/batch: 32, label_smoothing: 0.1/' "train.label_smoothing is for classes and tokens, the label is 'labels'"
wrong 's/kind: mlp, hidden: .8., dropout: 0.1/kind: logistic/' 'logistic .*does not fit'
wrong 's/good, yes, female/good, yes, female], type: number, values: [0, 1/' 'a number has no positive and no values'
sed '5s/,yes,/,perhaps,/' small.csv > stray.csv
sed '5s/,no,/,perhaps,/' stray.csv > strays.csv
wrong 's/small.csv/strays.csv/; s/risk, telephone, sex/foreign_worker, telephone/; s/positive: .*]}/values: [yes, no]}/; s/stratify: .*]}/stratify: [sex]}/' \
    "strays.csv:5: label '[a-z_]+' is 'perhaps', expected a value of data.label.values"
sed '7s/,good$/,/; 7s/,bad$/,/' small.csv > holes.csv
wrong 's/small.csv/holes.csv/' "holes.csv:7: column 'risk' is missing .*say label: {missing: drop or ignore}"
finish
