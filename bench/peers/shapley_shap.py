# SPDX-License-Identifier: Apache-2.0
"""shap's explainers on an MLP 64-32-1 in NumPy: shapley_shap.py permutation ROWS | exact ROWS TABLE.csv.

permutation: the German credit table, 20 columns (a category is one), 100 background rows, the explainer's standard
500 evaluations a row. exact: the 12 numbers of TABLE.csv (bench.py draws them so that all of them always differ),
100 background rows. The network's weights are drawn: its values do not matter to the time, its size does.
Prints {"seconds": for ROWS rows, "permutations": pairs of a permutation and its reverse a row, ...}."""
import csv
import json
import sys
import time
import warnings

import numpy as np
import shap

import german

warnings.filterwarnings("ignore")
mode, rows = sys.argv[1], int(sys.argv[2])
BACKGROUND = 100
rng = np.random.default_rng(0)


def network(inputs):
    sizes = [inputs, 64, 32, 1]
    layers = [(rng.normal(size=(a, b)).astype(np.float32) / np.float32(np.sqrt(a)),
               np.zeros(b, np.float32)) for a, b in zip(sizes, sizes[1:])]

    def score(x):
        h = np.asarray(x, np.float32)
        for w, b in layers[:-1]:
            h = np.maximum(h @ w + b, 0)
        return (1 / (1 + np.exp(-(h @ layers[-1][0] + layers[-1][1]))))[:, 0].astype(np.float64)

    return score


def german_game():
    """Columns as codes, so that a category is one player; the model decodes them."""
    X, _, groups, codes = german.load()
    score = network(X.shape[1])
    numbers = [(k, s) for k, (s, n) in enumerate(groups) if n == 1]
    words = [(k, s) for k, (s, n) in enumerate(groups) if n > 1]
    at, first = np.array([k for k, _ in words]), np.array([s for _, s in words])

    def decoded(z):
        z = np.asarray(z)
        out = np.zeros((len(z), X.shape[1]), np.float32)
        out[np.arange(len(z))[:, None], first + z[:, at].astype(np.int64)] = 1
        for k, s in numbers:
            out[:, s] = z[:, k]
        return score(out)

    order = rng.permutation(len(codes))
    return decoded, codes[order[:BACKGROUND]], codes[order[BACKGROUND:BACKGROUND + rows]]


def numbers_game(path):
    with open(path, newline="") as f:
        table = list(csv.reader(f))[1:]
    x = np.array([row[:12] for row in table], dtype=np.float64)
    return network(12), x[:BACKGROUND], x[BACKGROUND:BACKGROUND + rows]


score, background, asked = german_game() if mode == "permutation" else numbers_game(sys.argv[3])
masker = shap.maskers.Independent(background, max_samples=BACKGROUND)
explainer = (shap.PermutationExplainer if mode == "permutation" else shap.ExactExplainer)(score, masker)
explainer(asked[:1], silent=True)  # what is compiled on first use is not timed
start = time.perf_counter()
explainer(asked, silent=True)
seconds = time.perf_counter() - start
columns = background.shape[1]
print(json.dumps({"seconds": seconds, "rows": rows, "columns": columns, "version": "shap " + shap.__version__,
                  "permutations": 500 // (2 * columns + 1) if mode == "permutation" else None,
                  "settings": f"{type(explainer).__name__}, {BACKGROUND} background rows, NumPy {np.__version__}"}))
