# SPDX-License-Identifier: Apache-2.0
"""The German credit table as the peers take it: the columns of bench/recipes/german-plain.yaml, encoded as there."""
import csv
import pathlib

import numpy as np

TABLE = pathlib.Path(__file__).resolve().parents[2] / "data" / "german_credit.csv"


def load():
    """X (rows, features) binary32: numbers standardised, categories one-hot; y (rows) 1 = good; groups: (first
    feature, features) of every column; codes (rows, columns): a category's index or the number itself."""
    with open(TABLE, newline="") as f:
        table = list(csv.DictReader(f))
    y = np.array([row["risk"] == "good" for row in table], dtype=np.int64)
    parts, groups, codes = [], [], []
    for name in table[0]:
        if name in ("risk", "telephone"):
            continue
        texts = [row[name] for row in table]
        values = sorted(set(texts))
        if all(v.isdigit() for v in values):
            v = np.array(texts, dtype=np.float64)
            v = (v - v.mean()) / v.std()
            part = v[:, None]
            codes.append(v)
        else:
            index = np.array([values.index(t) for t in texts])
            part = np.eye(len(values))[index]
            codes.append(index.astype(np.float64))
        groups.append((sum(p.shape[1] for p in parts), part.shape[1]))
        parts.append(part)
    return np.concatenate(parts, 1).astype(np.float32), y, groups, np.stack(codes, 1)
