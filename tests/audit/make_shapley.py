#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes expected_shapley.h: the values of shap's exact explainer for a small net, on the table and with the weights that
test_explain.c draws, too. Four numbers and two categories are six players; the net sees nine features. Run with shap
installed: make_shapley.py > expected_shapley.h"""
import numpy as np
import shap

from make_expected import Draws

ROWS, EXPLAINED, BACKGROUND = 40, range(8), range(20, 40)


def table():
    d = Draws(21)
    return np.array([[int(d.next() * 9) / 4 - 1 for _ in range(4)] + [int(d.next() * 3), int(d.next() * 2)]
                     for _ in range(ROWS)])


def encode(codes):
    codes = np.asarray(codes)
    return np.concatenate([codes[:, :4], np.eye(3)[codes[:, 4].astype(int)], np.eye(2)[codes[:, 5].astype(int)]], axis=1)


def weights():
    d = Draws(22)
    draw = lambda *shape: np.array([int(d.next() * 65) / 32 - 1 for _ in range(int(np.prod(shape)))]).reshape(shape)
    return [(draw(8, 9), draw(8)), (draw(4, 8), draw(4)), (draw(1, 4), draw(1))]


def main():
    w, rows = weights(), table()

    def model(codes):
        h = encode(codes)
        for i, (m, b) in enumerate(w):
            h = h @ m.T + b
            h = np.maximum(h, 0) if i < 2 else h
        return h[:, 0]

    explainer = shap.ExactExplainer(model, shap.maskers.Independent(rows[list(BACKGROUND)], max_samples=100))
    values = explainer(rows[list(EXPLAINED)], silent=True).values
    print("/* SPDX-License-Identifier: Apache-2.0")
    print(f" * expected_shapley.h - made by make_shapley.py: shap {shap.__version__}, exact explainer. */")
    print("/* clang-format off */")
    print(f"static const double shapley[8][6] = {{")
    for v in values:
        print("    {" + ", ".join(repr(float(x)) for x in v) + "},")
    print("};")


if __name__ == "__main__":
    main()
