#!/bin/sh
# Goal: Ctrl-C and --resume, replays of stretches and samples, forged ledgers, and runs that end in a model, as a person meets them.
# Method: one small recipe (300 German credit applicants); signals to a running program; a ledger edited by a script.
. tests/cli/lib.sh

{ applicants 300 && cat <<'YAML'; } > "$room/small.yaml"
model: {kind: mlp, hidden: [8], dropout: 0.1}
train: {epochs: 6, batch: 32, checkpoint: 2}
privacy: off
explain: {rows: 5, background: 5}
policy:
  - accuracy >= 0.2
  - energy.joules >= 0
YAML
sed -e 's/^name: small/name: long/' -e 's/epochs: 6, batch: 32, checkpoint: 2/epochs: 300, batch: 8, checkpoint: 250/' -e 's/hidden: .8./hidden: [64, 64]/' \
    "$room/small.yaml" > "$room/long.yaml"
cd "$room" || exit 1

# ---- what is replayed, and what it is called ---------------------------------------------
expect 0 'policies met: 2 of 2 \(1 by claims, 1 by observation\)' "$onus" run small.yaml --out r
expect 0 'every bit the same$' "$onus" replay r
expect 0 '^replayed: r$' "$onus" replay r --quiet
expect 0 'every bit the same, of a stretch$' "$onus" replay r --from 12 --to 24
expect 0 '^replayed in part: r$' "$onus" replay r --from 24
expect 0 '"replay.from":12,.*"replay.to":24,"replay.verdict":"same, of a stretch"' "$onus" replay r --from 12 --to 24 --json
expect 0 'every bit the same, of a sample$' "$onus" replay r --sample 1 --seed mine
expect 0 '^1 of 4 stretches were drawn: a single false one had a chance of 3 in 4 to be missed$' "$onus" replay r --sample 1 --seed mine
expect 0 '^stretch [1-4] of 4: from step ' "$onus" replay r --sample 2 --seed mine
expect 0 '"replay.sample.k":3,"replay.sample.missed":0.25,"replay.sample.n":4,"replay.sample.seed":"mine",.*"same, of a sample"' \
    "$onus" replay r --sample 3 --seed mine --json
expect 0 'every bit the same$' "$onus" replay r --sample 4 --seed mine
expect 2 'a seed that the verifier chooses' "$onus" replay r --sample 1
expect 2 'say --sample K' "$onus" replay r --seed mine
expect 2 'expected at least 1' "$onus" replay r --sample 0 --seed mine
expect 2 'no --from, no --to' "$onus" replay r --sample 1 --seed mine --from 12
cp -r r gone && rm gone/checkpoints/12.safetensors
expect 1 'not proven: a stretch that was drawn starts from checkpoints/12.safetensors, which is not here' \
    "$onus" replay gone --sample 3 --seed "$(for i in 1 2 3 4 5 6 7 8 9; do
        "$onus" replay r --sample 3 --seed $i | grep -q '^stretch 2 ' && echo $i && break; done)"

# ---- an owner's ledgers ------------------------------------------------------------------
forge() { # forge NAME PYTHON: `lines` changed by a script, numbered again
    rm -rf "$1" && cp -r r "$1" && python3 - "$1" "$2" <<'PY'
import re, sys
path = sys.argv[1] + "/ledger.jsonl"
lines = open(path).read().splitlines()
kind = lambda line: re.search(r'"type":"([a-z.]*)"}$', line)[1]
exec(sys.argv[2])
open(path, "w").write("".join(re.sub(r'"n":[0-9]+,"observed"', f'"n":{n},"observed"', line) + "\n" for n, line in enumerate(lines, 1)))
PY
}
forge same 'pass'
expect 0 'every bit the same' "$onus" replay same
forge untested 'lines = [e for e in lines if kind(e) not in ("data.test", "metric")]'
expect 1 'type is "fairness" in the ledger, "data.test" when recomputed' "$onus" replay untested
forge attacked 'lines.insert(-4, lines[-4].replace(kind(lines[-4]), "privacy.attack"))
lines[-5] = re.sub(r"(\"claim\"|\"observed\"):{[^}]*}", r"\1:{}", lines[-5])'
expect 1 'privacy.attack' "$onus" replay attacked
expect 1 '"replay.field":"type".*"replay.stored":"\\"privacy.attack\\"".*"replay.verdict":"differs"' "$onus" replay attacked --json
between='del lines[-2:]; lines.insert(6, "{\"claim\":{},\"n\":7,\"observed\":{%s},\"time\":\"2026-11-30T12:00:00Z\",\"type\":\"run.%s\"}")'
resume='\"run.resume.step\":%d,\"run.resume.torn_bytes\":0'
forge late "$(printf "$between" "$(printf "$resume" 36)" resume)"
expect 0 '<title>small' "$onus" report late
forge later "$(printf "$between" "$(printf "$resume" 37)" resume)"
expect 1 "'run.resume.step' is 37, of 6 epochs with 6 steps each" "$onus" report later
stop='\"run.stop.checkpoint.bytes\":1,\"run.stop.checkpoint.sha256\":\"'$(printf '0%.0s' $(seq 64))'\",\"run.stop.epoch\":%d,\"run.stop.step\":%d'
forge between "$(printf "$between" "$(printf "$stop" 1 8)" stop)"
expect 0 '<title>small' "$onus" report between
forge elsewhere "$(printf "$between" "$(printf "$stop" 1 3)" stop)"
expect 1 "'run.stop.step' is 3, which is not after epoch 1" "$onus" report elsewhere
forge never 'lines[3] = re.sub(r"(\"time\":\"....)-..", r"\1-13", lines[3])'
expect 1 'event 4: expected claim, n, observed, time and type' "$onus" replay never
sed 's/data.read/data.reda/' r/report.html > page && cp -r r page.run && mv page page.run/report.html
expect 1 'report.html is' "$onus" replay page.run

# ---- demands that no run can meet are refused before the training ------------------------
never() { # never NAME WHY
    sed "s/energy.joules >= 0/$1 >= 0/" small.yaml > never.yaml
    expect 1 "never.yaml:[0-9]+: policy '$1 >= 0': .*$2" "$onus" run never.yaml --out never.run
    same "nothing of $1 is trained" "$(grep -c train.epoch never.run/ledger.jsonl 2> /dev/null)" "$(test -e never.run && echo 0)"
    rm -rf never.run
}
never acuracy "no result is called 'acuracy'; the nearest is 'accuracy'"
never mse 'because it decides between two classes'
for name in run.seconds report.events policy.met policy.1.bound; do never $name 'because it comes after demands are judged'; done
for name in run.resume.step run.stop.step; do never $name 'because what happened to a run .stopped, resumed. cannot be demanded'; done

# ---- what noise costs (bounds of dp_accounting 0.6.0, and of Balle and Wang 2018) ----------------
cost() { "$onus" epsilon --noise "$1" --sampling-rate "$2" --steps "$3" --delta "$4" --json; }
python3 - "$(cost 1 0.01 1000 1e-5)" "$(cost 1 1 1 1e-5)" <<'PY' && ok || bad "what noise costs"
import json, sys
a, b = map(json.loads, sys.argv[1:])
assert 1.8265 < a["epsilon.pld"] < 1.83 and abs(a["epsilon.rdp"] - 2.1013652716) < 1e-9 and a["epsilon"] == a["epsilon.pld"]
assert a["epsilon.by"] == "pld" and a["epsilon.order.last"] == "no" and a["epsilon.every_step"] > 100
assert abs(b["epsilon.every_step"] - 4.3771781) < 1e-7 and b["epsilon.rdp"] > b["epsilon.pld"] == b["epsilon.every_step"]
PY
expect 0 'epsilon.pld, by privacy loss distributions: proven' "$onus" epsilon --noise 1.5 --sampling-rate 0.04 --steps 2250 --delta 1e-5
expect 2 '^onus epsilon: --delta is missing' "$onus" epsilon --noise 1 --sampling-rate 1 --steps 5
expect 2 '^onus epsilon: noise: nan is no finite number above 0$' "$onus" epsilon --noise nan --sampling-rate 1 --steps 5 --delta 0.1
expect 2 '^onus epsilon: sampling rate: 1.5 is not above 0 and at most 1$' "$onus" epsilon --noise 1 --sampling-rate 1.5 --steps 5 --delta 0.1
expect 2 '^onus epsilon: steps: 0 is not from 1 to 2.53$' "$onus" epsilon --noise 1 --sampling-rate 1 --steps 0 --delta 0.1
expect 2 '^onus epsilon: delta: 1 is not above 0 and below 1$' "$onus" epsilon --noise 1 --sampling-rate 1 --steps 5 --delta 1
expect 2 '^onus epsilon: .*x' "$onus" epsilon --noise x

expect 2 "^onus names: no name matches 'acuracy'; the nearest is 'accuracy'$" "$onus" names acuracy

# ---- a model, or a report ----------------------------------------------------------------
expect 0 'model: half/model.safetensors' "$onus" train small.yaml --out half
expect 0 'every bit the same' "$onus" replay half
expect 1 'half is a run that ends trained .run.ends in event 1., not reported' "$onus" run small.yaml --out half --resume
expect 1 'r is a run that ends reported .run.ends in event 1., not trained' "$onus" train small.yaml --out r --resume
expect 0 '^intact' "$onus" verify half
grep -n '"type":"report"' r/ledger.jsonl | cut -d: -f1 > at && cp -r r short && sed -i "$(cat at),\$d" short/ledger.jsonl
expect 0 '<title>small' "$onus" report short
same "the report of the events before it" "$("$onus" report short | sha256sum | cut -d' ' -f1)" "$(sha r/report.html)"

# ---- Ctrl-C ------------------------------------------------------------------------------
expect 0 . "$onus" run long.yaml --out whole --quiet
"$onus" run long.yaml --out stopped --quiet 2> words &
pid=$!
for i in $(seq 200); do
    [ -e stopped/ledger.jsonl ] && grep -q '"train.epoch":20,' stopped/ledger.jsonl && break
    sleep 0.02
done
kill -INT $pid
wait $pid
same "exit code of a stopped run" $? 1
same "it says where" "$(grep -cE '^onus run: stopped after step [0-9]+ of 6900$' words)" 1
same "the last event" "$(tail -1 stopped/ledger.jsonl | grep -c '"type":"run.stop"')" 1
expect 1 'the run did not come to its end' "$onus" verify stopped
expect 0 'report: stopped/report.html' "$onus" run long.yaml --out stopped --resume --quiet
same "stopped and not" "$(sha stopped/model.safetensors)" "$(sha whole/model.safetensors)"
expect 0 'claim the same' "$onus" diff stopped whole
same "nothing is left over" "$(ls stopped/checkpoints | grep -c stop)" 0
expect 0 '^intact' "$onus" verify stopped
same "no file that nobody speaks of" "$("$onus" verify stopped | grep -c 'nothing is proven')" 0
expect 0 'every bit the same' "$onus" replay stopped --quiet

finish
