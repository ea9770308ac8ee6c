#!/bin/sh
# Goal: one final hash for every family of models, and one of what explains it: whatever the threads, the instruction set, the micro-batches of its shards,
# killed and resumed, replayed. Method: the small recipes of families.py; each is run once, everything else must end at the
# same bytes of model.safetensors. ONUS_SLOW=1: replays on every instruction set, kills at more moments.
. tests/cli/lib.sh

python3 "$root/tests/cli/families.py" "$room" || exit 1
cd "$room" || exit 1
for isa in ref avx2 avx512 neon; do
    if ONUS_ISA=$isa "$onus" data gpt2.yaml >/dev/null 2>&1; then isas="${isas:-} $isa"; else echo "# $isa: not proven on this machine"; fi
done

# again WHAT NAME RECIPE [VARIABLE=VALUE..]: a run that must end at the model of the first, NAME
again() {
    what=$1 name=$2 recipe=$3
    shift 3
    rm -rf again
    expect 0 'report: again' env "$@" "$onus" run "$recipe" --out again --quiet
    same "$name, $what" "$(sha again/model.safetensors)" "$(sha "$name/model.safetensors")"
    same "$name, $what: explanations" "$(explained again)" "$(explained "$name")"
}

# hashes of a run's explanations: of all values, and of the page of single rows
explained() {
    grep -E '"type":"(explain|relevance)"' "$1/ledger.jsonl" | grep -o '[a-z]*.values.sha256":"[0-9a-f]*'
    [ ! -e "$1/private/explanations.html" ] || sha "$1/private/explanations.html"
}

# micro NAME N..: its shards as so many micro-batches, which only the recipe's own hash may show
micro() {
    name=$1
    shift
    for n in "$@"; do
        sed "s/shards: /micro_batches: $n, shards: /" "$name.yaml" > cut.yaml
        again "$n micro-batches" "$name" cut.yaml ONUS_THREADS=2
    done
}

# kill -9 once so many checkpoints stand; a run that was faster is tried again
killed() {
    name=$1 n=$2
    for try in 1 2 3 4 5; do
        rm -rf killed
        "$onus" run "$name.yaml" --out killed --quiet >/dev/null 2>&1 &
        pid=$!
        while kill -0 $pid 2>/dev/null && [ "$(ls killed/checkpoints 2>/dev/null | grep -c '^[0-9]*.safetensors$')" -lt "$n" ]; do :; done
        kill -9 $pid 2>/dev/null
        wait $pid 2>/dev/null
        [ -e killed/model.safetensors ] || break
    done
    [ -e killed/model.safetensors ] && echo "# $name: ended before it could be killed"
    expect 0 'report: killed' "$onus" run "$name.yaml" --out killed --resume --quiet
    same "$name, killed after checkpoint $n and resumed" "$(sha killed/model.safetensors)" "$(sha "$name/model.safetensors")"
    expect 0 '^intact' "$onus" verify killed
}

for name in gpt2 llama masked mood moods cnn resnet18 lstm gru; do
    expect 0 'report: ' env ONUS_THREADS=2 "$onus" run "$name.yaml" --out "$name" --quiet
    for isa in $isas; do
        again "$isa, 1 thread" "$name" "$name.yaml" "ONUS_ISA=$isa" ONUS_THREADS=1
    done
    micro "$name" 1 2 4
    killed "$name" 1
    expect 0 '^intact' "$onus" verify "$name"
    expect 0 'every bit the same' env ONUS_ISA=ref ONUS_THREADS=2 "$onus" replay "$name" --quiet
    [ -z "${ONUS_SLOW:-}" ] || for isa in $isas; do
        killed "$name" 2
        again "$isa, 3 threads" "$name" "$name.yaml" "ONUS_ISA=$isa" ONUS_THREADS=3
        expect 0 'every bit the same' env "ONUS_ISA=$isa" ONUS_THREADS=1 "$onus" replay "$name" --quiet
    done
done

# ---- a finished model on another text: what a run that tests on it says ----------------------------------
# elsewhere NAME DATA SED METRIC: a run whose test part is DATA, and eval over the run's model
elsewhere() {
    sed "$3" "$1.yaml" > elsewhere.yaml
    expect 0 'report: ' "$onus" run elsewhere.yaml --out elsewhere --quiet
    said=$("$onus" eval elsewhere --data "$2" --json | grep -o "\"$4\":[^,]*")
    same "$1 on $2: $4" "$said" "$(grep -o "\"$4\":[^,]*" elsewhere/ledger.jsonl)"
    same "$1 on $2: $4 is said" "$(printf '%s\n' "$said" | grep -c .)" 1
}
tail -c 700 play.txt > later.txt
head -81 few.csv > early.csv
(head -1 few.csv; tail -60 few.csv) > later.csv
elsewhere gpt2 later.txt 's/source: short.txt/source: short.txt, test: later.txt/; s/train: 0.7, valid: 0.15, test: 0.15/train: 0.8, valid: 0.2/' perplexity
expect 2 'a model of tokens, which decides on no row' "$onus" eval elsewhere --data later.txt --predictions-out guesses.csv
expect 1 'a model of tokens has no columns' "$onus" explain elsewhere
printf 'Привет, мир! Как дела? %.0s' 1 2 3 4 5 6 > other.txt
expect 0 'data.tokens.unknown +[1-9]' "$onus" eval elsewhere --data other.txt
rm -rf elsewhere
elsewhere lstm later.csv 's/source: few.csv/source: early.csv, test: later.csv/; s/train: 0.7, valid: 0.1, test: 0.2/train: 0.8, valid: 0.2/' accuracy
expect 0 'accuracy' "$onus" eval elsewhere --data later.csv --predictions-out guesses.csv
same "a decision a text" "$(wc -l < guesses.csv | tr -d ' ')" 61
rm -rf elsewhere
expect 0 'perplexity' "$onus" eval masked --data later.txt

# ---- explained: at a terminal, too; a page of single texts that marks their words ------------------------------
expect 0 'mean .Shapley value. over 9 rows against a text without its words' "$onus" explain mood
expect 0 'mean .relevance. over 9 rows' "$onus" explain gru
expect 0 'share of its first quarter *[0-9.]*$' "$onus" explain mood
expect 0 'line 3: score .* that of a text without its words$' "$onus" explain mood --line 3
expect 0 '^  .CLS. *.0[.]0000 $' "$onus" explain mood --line 3
"$onus" explain mood --json > all.json
"$onus" explain mood --line 3 --json > one.json
python3 - <<'PY' && ok || bad 'explanations of texts as JSON'
import json
every, one = json.load(open('all.json')), json.load(open('one.json'))
ledger = {}
for line in open('mood/ledger.jsonl'):
    event = json.loads(line)
    if event['type'] in ('explain', 'relevance'): ledger.update(event['claim'])
assert every == ledger, set(every.items()) ^ set(ledger.items())
assert every['explain.rows'] == 9 and one['explain.rows'] == one['relevance.rows'] == 1
for way in ('explain', 'relevance'):
    for said in (every, one): assert 0 <= said[f'{way}.residual'] < 1e-5 and f'{way}.place.1.share' in said
assert not any(word in open('all.json').read() for word in ('"t4"', 'up', 'low'))
PY
# a token that is a line feed, one that steers, one of two bytes: a line each, as wide as any
python3 -c "
for n in range(60): print('\"' + ('a\x1b[1m\nb' if n % 2 else 'ä\u202ec') + 'xyz'[n % 3] + '\",' + 'gb'[n % 2])" > letters.csv
sed -i '1i text,mood' letters.csv
sed 's/^data: .*/data: {source: letters.csv, label: {column: mood, positive: g}, columns: {text: text}, tokenizer: {kind: character}, context: 9, protected: none}/' \
    mood.yaml > letters.yaml
expect 0 'report: letters' "$onus" run letters.yaml --out letters --quiet
"$onus" explain letters --line 2 > two.txt
"$onus" explain letters --line 3 > three.txt
same 'a line a token' "$(wc -l < two.txt | tr -d ' ') $(wc -l < three.txt | tr -d ' ')" '6 10'
same 'what steers shows as ?' "$(sed -n '2,$s/^  \([^ ]*\) .*/\1/p' two.txt three.txt | tr -d '\n')" '[CLS]ä?cx[CLS]a?[1m?by'
expect 0 'tk (up|low) t4' cat mood/private/explanations.html
expect 0 'class=.heat' cat cnn/private/explanations.html cnn/report.html
same 'explained in two ways' "$(explained mood | grep -c values)" 2

# ---- long shards: cut where segments end, whether they are alone in a micro-batch or not ----------------
for name in gpt2-long llama-long masked-long gru-long mood-long lstm-long cnn-long resnet18-long; do
    expect 0 'report: ' env ONUS_THREADS=2 "$onus" run "$name.yaml" --out "$name" --quiet
    again "ref, 1 thread" "$name" "$name.yaml" ONUS_ISA=ref ONUS_THREADS=1
    micro "$name" 1 2
done

# ---- from another run's weights, some of them frozen, the shared table among them -------------------------
expect 0 'report: ' env ONUS_THREADS=2 "$onus" run tuned.yaml --out tuned --quiet
again "ref, 1 thread" tuned tuned.yaml ONUS_ISA=ref ONUS_THREADS=1
micro tuned 1 4
killed tuned 1
expect 0 'every bit the same' env ONUS_ISA=ref ONUS_THREADS=1 "$onus" replay tuned --quiet
cat > frozen.py <<'PY'
import json, struct, sys
def tensors(path):
    b = open(path, 'rb').read(); n = struct.unpack('<Q', b[:8])[0]; head = json.loads(b[8:8 + n]); head.pop('__metadata__')
    return {k: b[8 + n + v['data_offsets'][0]:8 + n + v['data_offsets'][1]] for k, v in head.items()}
old, new = (tensors(f'{run}/model.safetensors') for run in ('gpt2', 'tuned'))
for name in old:
    kept = name.startswith('transformer.wte.') or name.endswith('.bias')
    if (old[name] == new[name]) != kept: sys.exit(f'{name} is {"changed" if kept else "as it was"}')
PY
expect 0 '^$' python3 frozen.py

# ---- private: tied embeddings with their cross terms, recurrence ------------------------------------------
for name in gpt2-private lstm-private moods-private; do
    expect 0 'report: ' env ONUS_THREADS=2 "$onus" run "$name.yaml" --out "$name" --quiet
    expect 0 'opens the commitment' "$onus" verify "$name"
    for isa in $isas; do
        expect 0 'every bit the same' env "ONUS_ISA=$isa" ONUS_THREADS=1 "$onus" replay "$name" --quiet
    done
    mv "$name/private/noise.key" kept.key
    expect 1 'not proven' "$onus" replay "$name"
done
sed 's/^privacy: off/privacy: {noise: 1.5, delta: 1e-5, clip: 1}/' resnet18.yaml > public.yaml
expect 1 'batch_norm' "$onus" run public.yaml --out public

# ---- what does not fit: one line that names both sides ------------------------------------------------------
# unfit NAME SED PATTERN
unfit() {
    sed "$2" "$1.yaml" > unfit.yaml
    expect 1 "$3" "$onus" run unfit.yaml --out unfit --quiet
    same "one line: $3" "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 1
    rm -rf unfit
}
vectors=$root/tests/vectors
unfit gpt2 "s#checkpoint: 1#from: $vectors/lstm.weights.safetensors#" "lstm.weights.safetensors: another architecture's weights: of its 19 .*'transformer.h.0"
unfit gru "s#checkpoint: 1#from: $vectors/lstm.weights.safetensors#" "another architecture's weights: it has 2 of the model's 7 tensors, and lacks 'gru"
unfit gpt2 "s#checkpoint: 1#from: $vectors/gpt2.weights.safetensors#" "wpe.weight' has shape .32, 24., the model's .* has .8, 24."
unfit gpt2 's/dropout: 0.1/positions: 4/' 'has 8 places, the table 4 rows'
unfit gpt2 's/heads: 3/heads: 5/' 'model.heads: 5 does not divide model.width, which is 24'
unfit gpt2 's/^explain: .*/explain: {method: relevance}/' 'explain: a model of tokens has a score for every token at every place .*: say off'
unfit mood 's/^explain: .*/explain: {background: 9}/' 'explain.background: has no place where the data is text'
unfit cnn 's/^model: .*/model: {kind: layers, layers: [{op: flatten}, {op: dense, units: 4}, {op: softmax, name: mix}, {op: dense, units: outputs}]}/' \
    'mix .softmax. cannot be explained by relevance: a probability depends on every logit at once'
unfit cnn 's/^model: .*/model: {kind: layers, layers: [{op: flatten}, {op: add}, {op: dense, units: outputs}]}/' \
    'add_1: add takes at least 2 inputs, got 1'
unfit cnn 's/^model: .*/model: {kind: layers, layers: [{op: flatten, in: b}, {op: dense, name: b, units: outputs}]}/' \
    "flatten_0: there is no layer 'b' to read"
unfit cnn 's/^model: .*/model: {kind: layers, layers: [{op: flatten}, {op: dense, units: 3}, {op: dense, in: flatten_0, units: outputs}]}/' \
    "the loss does not depend on 'dense_1'"
unfit gpt2 's/^model: .*/model: {kind: encoder}/' 'sees the tokens that follow .causal: 0., the label is the next token'
unfit masked 's/^model: .*/model: {kind: decoder}/' 'sees only the tokens before .causal: 1., the label is a masked token'
unfit mood 's/^model: .*/model: {kind: decoder}/' 'decoder gpt2 does not fit a label of two classes'
unfit mood 's/^model: .*/model: {kind: cnn}/' 'cnn reads images, the data holds text'
unfit cnn 's/^model: .*/model: {kind: gru}/' 'gru reads text, the data holds images'
finish
