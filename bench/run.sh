#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bench/run.sh BUILD [GROUP...]: figures of Onus beside its peers', measured in the same run; bench/results.json and a
# table. Groups: bench/bench.py --list. Peers live in a Python environment (ONUS_PEERS_VENV, default .venv-peers), which
# is made here once; what cannot be installed is left out, and the rows say so.
set -eu
cd "$(dirname "$0")/.."
build=${1:?usage: bench/run.sh BUILD [GROUP...]}
shift
venv=${ONUS_PEERS_VENV:-.venv-peers}

if [ ! -x "$venv/bin/python" ]; then
    echo "bench: making $venv with torch, torchvision, transformers, tokenizers, opacus, shap, scikit-learn (some gigabytes, once)" >&2
    python3 -m venv "$venv" || echo "bench: no $venv: rows are written without Python peers" >&2
    for package in numpy scikit-learn shap torch torchvision transformers tokenizers opacus intel-openmp mkl; do
        [ -x "$venv/bin/pip" ] || break
        "$venv/bin/pip" install -q "$package" >&2 || echo "bench: $package could not be installed" >&2
    done
fi

make -s -j"$(nproc)" BUILD="$build" "$build/onus" "$build/bench/gemm_bench" "$build/bench/layer_bench" \
    "$build/bench/net_bench" "$build/bench/first" "$build/bench/proof_cost" "$build/bench/tokenizer_bench" "$build/bench/grid_bench"
if [ -f /usr/include/dnnl.h ]; then # the convolutions' peer
    make -s BUILD="$build" "$build/bench/conv_bench"
fi
exec python3 bench/bench.py "$build" "$venv" "$@"
