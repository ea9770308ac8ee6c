#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Includes go one way: a folder of src/ sees itself and the ones before it in the list, and onus.h; the program and
# the examples see the public header alone. Private headers are seen by their own folder only. Tests, fuzzers,
# benches and tools may include anything. Prints one line a fault, exits 1 if there is one.
set -eu
cd "$(dirname "$0")/.."

layers='base num op net data train audit proof report run'
private='num/tables.h num/gemm_kernels.h num/gemm_plan.h num/gemm_avx.h num/elem_template.h num/gemm_template.h
op/each.h op/attention_run.h op/recurrent_run.h net/graph.h net/family.h net/expression.h data/parts.h data/tokenizer_parts.h proof/line.h proof/name_index.h proof/names_rows.h proof/judge_names.h proof/closed.h proof/closed_parts.h data/disclosure_parts.h run/session.h run/verify_head.h
run/schema_parts.h'
# libraries that the program must not need: it does what onus.h can do, and nothing else
inside='jansson.h sodium.h openssl/crypto.h openssl/evp.h openssl/sha.h utf8proc.h yaml.h libdeflate.h'

bad=0
export layers private inside
# shellcheck disable=SC2046
awk '
BEGIN {
    n = split(ENVIRON["layers"], l, " ");  for (i = 1; i <= n; i++) rank[l[i]] = i
    n = split(ENVIRON["private"], p, /[ \n]+/); for (i = 1; i <= n; i++) own[p[i]] = 1
    n = split(ENVIRON["inside"], s, " ");  for (i = 1; i <= n; i++) lib[s[i]] = 1
}
function fault(text) { printf "%s:%d: includes %s: %s\n", FILENAME, FNR, what, text; bad = 1 }
/^[ \t]*#[ \t]*include/ {
    what = $0
    if (!match(what, /[<"][^>"]*[>"]/)) next
    quoted = substr(what, RSTART, 1) == "\""
    what = substr(what, RSTART + 1, RLENGTH - 2)
    split(FILENAME, at, "/")
    if (at[1] != "src") {
        if ((quoted && what != "onus.h" && what != "cli.h") || what in lib || what ~ /^openssl\//)
            fault("outside src/ only onus.h is to be had")
        next
    }
    if (what in lib && at[2] in rank) next
    if (!quoted || what == "onus.h" || (what == "op_list.h" && FILENAME == "src/op/op.h") || (what == "families.h" && FILENAME == "src/net/family.c")) next  # op_list.h: made by the build
    if (!(at[2] in rank)) { fault("src/" at[2] " is not one of the layers: " ENVIRON["layers"]); next }
    split(what, to, "/")
    if (!(to[1] in rank)) { fault("not LAYER/FILE with a layer of: " ENVIRON["layers"]); next }
    if (rank[to[1]] > rank[at[2]]) fault(at[2] " comes before " to[1])
    if (what in own && to[1] != at[2]) fault("private to src/" to[1])
    if ((getline line < ("src/" what)) < 0) fault("no such file")
    else close("src/" what)
}
END { exit bad }
' $(find src cli examples -name '*.[ch]' | sort) || bad=1

# What an installed header may not do: include anything but the standard.
if grep -n '^#include "' include/onus.h; then
    echo "include/onus.h: includes a header that is not installed"
    bad=1
fi
exit $bad
