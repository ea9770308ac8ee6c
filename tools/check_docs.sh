#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/check_docs.sh BUILD: what documents say of operations and of recipes is what the source says now, and what they name is
# there. What they show of the program, tools/docs.py compares.
set -eu
cd "$(dirname "$0")/.."
build=${1:?usage: tools/check_docs.sh BUILD}
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"$build/tools/operations_doc" >"$made"
if ! cmp -s "$made" docs/OPERATIONS.md; then
    echo "docs/OPERATIONS.md: is not what the table of operations says: run make docs"
    exit 1
fi

python3 tools/models_doc.py >"$made"
if ! cmp -s "$made" docs/MODELS.md; then
    echo "docs/MODELS.md: is not what the descriptions of families say: run make docs"
    exit 1
fi

# Every key of a recipe has its row in docs/RECIPE.md, with what the schema says of it, and no other row is there.
bad=0
"$build/tools/recipe_doc" >"$made"
while IFS= read -r row; do
    grep -qF -- "$row" docs/RECIPE.md || { echo "docs/RECIPE.md: lacks a row that begins with $row"; bad=1; }
done <"$made"
grep -o '^| `[a-z0-9_.]*`' docs/RECIPE.md | while read -r row; do
    grep -qF -- "$row" "$made" || { echo "docs/RECIPE.md: $row is no key of a recipe"; exit 1; }
done || bad=1

# Files, tests, targets, options, functions, names of the ledger.
python3 tools/check_names.py "$build" || bad=1
exit $bad
