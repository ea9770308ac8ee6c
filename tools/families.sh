#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints a header that holds the given descriptions of families (src/net/families/*.json) as texts:
# onus_family_texts, ended by NULL.
set -eu
echo '/* made by tools/families.sh */'
echo 'static const char *const onus_family_texts[] = {'
for f in "$@"; do
    printf '    /* %s */\n' "$(basename "$f")"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/    "/' -e 's/$/\\n"/' "$f"
    echo '    ,'
done
echo '    NULL};'
