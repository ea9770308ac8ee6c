# SPDX-License-Identifier: Apache-2.0
"""scikit-learn's MLPClassifier on the German credit table: german_sklearn.py THREADS REPS [float32|float64].

Prints {"seconds": best fit of REPS, ...}. Reading and encoding are not timed. The settings are those of
bench/recipes/german-plain.yaml: 64-32, Adam, batch 64, 30 epochs, no early end."""
import json
import sys
import time
import warnings

import sklearn
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

import german

threads, reps, kind = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
warnings.filterwarnings("ignore")
X, y, _, _ = german.load()
X, y = X[:700].astype(kind), y[:700]
best = float("inf")
with threadpool_limits(threads):
    for _ in range(reps):
        model = MLPClassifier((64, 32), solver="adam", batch_size=64, max_iter=30, early_stopping=False, tol=0.0,
                              n_iter_no_change=1000, learning_rate_init=1e-3, random_state=0)
        start = time.perf_counter()
        model.fit(X, y)
        best = min(best, time.perf_counter() - start)
        assert model.n_iter_ == 30
print(json.dumps({"seconds": best, "version": "scikit-learn " + sklearn.__version__,
                  "settings": f"MLPClassifier 64-32, batch 64, 30 epochs, {kind}, {threads} thread(s)"}))
