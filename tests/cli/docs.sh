#!/bin/sh
# Goal: a document that shows, counts or names what is not so is found. Method: a copy of the tree's documents, spoiled in one way
# after the other; each must be found by name, and nothing else; what --write makes of it is the tree's own again.
. tests/cli/lib.sh

copy=$room/tree
mkdir "$copy"
cp -r README.md LICENSE Makefile run docs src cli include tools tests bench fuzz examples .ci "$copy"
ln -s "$root/data" "$copy/data"
(cd "$copy" && find README.md docs -type f | sort | xargs sha256sum) > "$room/before"

compare="python3 tools/docs.py $buildabs --root $copy"
names="python3 tools/check_names.py $buildabs --root $copy"
expect 0 'what comes out now' $compare
expect 0 '^$' $names

# spoil CHECK FILE SED PATTERN: the change is found (exit 1), in a line that PATTERN fits
spoil() {
    check=$1 file=$copy/$2 change=$3 pattern=$4
    cp "$file" "$room/kept"
    sed -i "$change" "$file"
    if cmp -s "$file" "$room/kept"; then
        bad "nothing to spoil in $2: $change"
    else
        expect 1 "$pattern" $check
        same "one complaint: $change" "$(printf '%s\n' "$out" | grep -cE '^(README.md|docs/)')" 1
    fi
    cp "$room/kept" "$file"
}

# what is shown
spoil "$compare" README.md 's/^model.sha256 \( *\)[0-9a-f]/model.sha256 \1x/' 'README.md: the output of `./run demo`'
spoil "$compare" README.md 's/^accuracy  \( *\)0\.7650/accuracy  \10.8650/' 'README.md: the output of `./run demo`'
spoil "$compare" README.md 's/-->0.778<!--/-->0.878<!--/' "README.md: german-credit's auc"
spoil "$compare" docs/EVIDENCE.md '/^onus\/german-credit$/{n;s/.*/59/}' 'docs/EVIDENCE.md: the output of `cat runs/german-credit-1/ledger.note`'
spoil "$compare" docs/EVIDENCE.md '/^| `run.seed`/d' "docs/EVIDENCE.md: the table 'event run.begin'"
spoil "$compare" docs/EVIDENCE.md '/^<!-- table: event privacy.budget -->/,/^<!-- end -->/d' 'lacks <!-- table: event privacy.budget'
spoil "$compare" docs/EVIDENCE.md '/^ *key.pub /d' 'has key.pub, which has no line'
spoil "$compare" docs/ARCHITECTURE.md 's/^| lines | [0-9]/| lines | 9/' "docs/ARCHITECTURE.md: the table 'sizes'"
spoil "$compare" docs/PRIVACY.md 's/-->7\.9974</-->7.9</' "docs/PRIVACY.md: german-credit-private's privacy.epsilon"
spoil "$compare" docs/report.png.txt 's/76\.5%/86.5%/' 'docs/report.png: the page'
spoil "$compare" docs/report.png '1s/.*/no picture/' 'docs/report.png: the page'
spoil "$compare" docs/RECIPE.md '/^<!-- recipe -->$/d' 'docs/RECIPE.md:[0-9]*: a block of code that no comment speaks for'
cp docs/RECIPE.md "$room/kept"
sed -i 's/^    seed: 7/    seeds: 7/' "$copy/docs/RECIPE.md"
expect 1  "unknown key 'seeds'" $compare
cp "$room/kept" "$copy/docs/RECIPE.md"

# what is named
spoil "$names" docs/NUMERICS.md 's#tests/net/test_vectors.c#tests/net/test_recurrent_vectors.c#' 'no file tests/net/test_recurrent_vectors.c'
spoil "$names" docs/ARCHITECTURE.md 's/`gemm_ref.c`/`gemm_reference.c`/' 'no file gemm_reference.c'
spoil "$names" docs/NUMERICS.md 's/^\(.*\)`make aarch64`/\1`make arm`/' 'no target arm'
spoil "$names" docs/EVIDENCE.md 's/with `--key FILE.pub` also/with `--pubkey FILE.pub` also/' 'no command has --pubkey'
spoil "$names" docs/RECIPE.md 's/`onus run --all`/`onus verify --all`/' '`onus verify` has no --all'
spoil "$names" README.md 's#(docs/MODELS.md): families#(docs/FAMILIES.md): families#' 'there is no docs/FAMILIES.md'
spoil "$names" docs/ARCHITECTURE.md 's/`onus_allocator`/`onus_alloc_fn`/' 'nothing is called onus_alloc_fn'
spoil "$names" docs/NUMERICS.md 's/`ONUS_SLOW=1` and/`ONUS_LONG=1` and/' 'nothing is called ONUS_LONG'
spoil "$names" docs/EVIDENCE.md 's/`relevance.shared.mean`, or/`relevance.shared.median`, or/' 'is relevance.shared.median'

# what is written again is what it was
sed -i 's/^accuracy  \( *\)0\.7650/accuracy  \10.8650/' "$copy/README.md"
sed -i '/^| `run.seed`/d; /^<!-- table: event privacy.budget -->/,/^<!-- end -->/d' "$copy/docs/EVIDENCE.md"
sed -i 's/^| lines | [0-9]/| lines | 9/' "$copy/docs/ARCHITECTURE.md"
expect 0 'written: docs/EVIDENCE.md' $compare --write
expect 0 'what comes out now' $compare
cp "$copy/docs/EVIDENCE.md" "$room/written" # the table that was gone has a heading of its own, behind the one before
grep -q '^| `privacy.epsilon` ' "$room/written" && ok || bad "the lost table did not come back"
cp docs/EVIDENCE.md "$copy/docs/EVIDENCE.md"
(cd "$copy" && find README.md docs -type f | sort | xargs sha256sum) > "$room/after"
same "documents written again" "$(cat "$room/after")" "$(cat "$room/before")"
finish
