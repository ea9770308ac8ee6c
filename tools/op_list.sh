#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints a header that lists the operations whose rows stand in the given files, in the order of their names:
# ONUS_OP_LIST(X) for src/op/op.h. A row is `const onus_op onus_op_NAME =` at the start of a line.
set -eu
echo '/* made by tools/op_list.sh */'
printf '#define ONUS_OP_LIST(X)'
sed -n 's/^const onus_op onus_op_\([a-z0-9_]*\) =.*/\1/p' "$@" | LC_ALL=C sort | while read -r name; do
    printf ' \\\n    X(%s)' "$name"
done
printf '\n'
