#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/check_docs.sh BUILD: the documents that are made from the source are what the source says now.
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
