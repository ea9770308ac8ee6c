#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes expected.h: what scikit-learn, SciPy and Fairlearn say of the rows that the tests make, too (draws below and
auditing.h's draw_next are one generator). Run with those packages installed: make_expected.py > expected.h"""
import fairlearn, scipy, sklearn, warnings
import numpy as np
from fairlearn import metrics as fl
from scipy import optimize, stats
from sklearn import metrics as sk

warnings.filterwarnings("ignore")


class Draws:
    """Knuth's linear congruential generator, 24 bits a draw."""
    def __init__(self, seed):
        self.s = seed

    def next(self):
        self.s = (self.s * 1664525 + 1013904223) % 2**32
        return (self.s >> 8) / 2**24


def binary(n, seed, share, steps):
    """Scores are multiples of 1/steps, so that many are equal; label likelier where the score is larger."""
    d, y, s = Draws(seed), [], []
    for _ in range(n):
        score = int(d.next() * (steps + 1)) / steps
        y.append(int(d.next() < share * (0.25 + 1.5 * score)))
        s.append(score)
    return np.array(y), np.array(s, np.float32)


def classes(n, k, seed):
    """Rows of k scores that are multiples of 1/64 and add up to one."""
    d, y, s = Draws(seed), [], []
    for _ in range(n):
        w = [1 + int(d.next() * 20) for _ in range(k)]
        row = [int(64 * v / sum(w)) for v in w]
        row[0] += 64 - sum(row)
        s.append([v / 64 for v in row])
        u, c, at = d.next(), 0, 0.0
        for c in range(k):
            at += s[-1][c]
            if u < at:
                break
        y.append(c)
    return np.array(y), np.array(s, np.float32)


def labels(n, shares, seed):
    """A row of labels at a time; a label's share is its own."""
    d, y, s = Draws(seed), [], []
    for _ in range(n):
        pairs = []
        for share in shares:
            score = int(d.next() * 17) / 16
            pairs.append((int(d.next() < share * (0.25 + 1.5 * score)), score))
        y.append([p[0] for p in pairs])
        s.append([p[1] for p in pairs])
    return np.array(y), np.array(s, np.float32)


def numbers(n, seed):
    d, y, s = Draws(seed), [], []
    for _ in range(n):
        v = 10 * d.next()
        y.append(v)
        s.append(0.5 + 0.9 * v + 2 * d.next() - 1)
    return np.array(y, np.float32), np.array(s, np.float32)


def put(name, value):
    print(f"static const double {name} = {float(value)!r};")


def put_array(name, values):
    print(f"static const double {name}[] = {{{', '.join(repr(float(v)) for v in values)}}};")


def logit_interval(p, se):
    z = stats.norm.ppf(0.975)
    e, h = np.log(p / (1 - p)), z * se / (p * (1 - p))
    return stats.logistic.cdf([e - h, e + h])


def wilson(k, n):
    z = stats.norm.ppf(0.975)
    mid, half = (k + z * z / 2) / (n + z * z), z * np.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return mid - half, mid + half


def delong(y, s):
    """From the pairs themselves, not from ranks."""
    pos, neg = s[y == 1], s[y == 0]
    pairs = (pos[:, None] > neg) + 0.5 * (pos[:, None] == neg)
    return pairs.mean(), pairs.mean(1).var(ddof=1) / len(pos) + pairs.mean(0).var(ddof=1) / len(neg)


def newcombe5(a, m, n):
    z, more = stats.norm.ppf(0.975), (m + n) / 2 - 1
    def off(t):
        return (t - a) ** 2 * m * n - z * z * t * (1 - t) * (1 + more * (1 - t) / (2 - t) + more * t / (1 + t))
    low = optimize.brentq(off, 1e-12, a - 1e-9) if a > 0 else 0
    return low, optimize.brentq(off, a + 1e-9, 1 - 1e-12) if a < 1 else 1


def put_binary(name, n, seed, share, steps):
    y, s = binary(n, seed, share, steps)
    d = (s >= 0.5).astype(int)
    put(f"{name}_positives", y.sum())
    put(f"{name}_accuracy", sk.accuracy_score(y, d))
    put(f"{name}_balanced_accuracy", sk.balanced_accuracy_score(y, d))
    put(f"{name}_precision", sk.precision_score(y, d))
    put(f"{name}_recall", sk.recall_score(y, d))
    put(f"{name}_f1", sk.f1_score(y, d))
    put(f"{name}_precision_macro", sk.precision_score(y, d, average="macro"))
    put(f"{name}_f1_macro", sk.f1_score(y, d, average="macro"))
    put(f"{name}_auc", sk.roc_auc_score(y, s))
    put(f"{name}_average_precision", sk.average_precision_score(y, s))
    put(f"{name}_log_loss", sk.log_loss(y, s))
    put(f"{name}_brier", sk.brier_score_loss(y, s))
    put_array(f"{name}_confusion", sk.confusion_matrix(y, d).ravel())
    area, variance = delong(y, s)
    put_array(f"{name}_delong", logit_interval(area, np.sqrt(variance)))
    put_array(f"{name}_newcombe", newcombe5(area, y.sum(), n - y.sum()))
    loss = np.where(y == 1, -np.log(np.clip(s, 2**-23, 1 - 2**-23, dtype=np.float64)),
                    -np.log(np.clip(1 - s.astype(float), 2**-23, 1 - 2**-23)))
    put_array(f"{name}_log_loss_t", stats.t.interval(0.95, n - 1, loss.mean(), stats.sem(loss)))
    fpr, tpr, _ = sk.roc_curve(y, s)
    put_array(f"{name}_fpr", fpr)
    put_array(f"{name}_tpr", tpr)
    j = sk.jaccard_score(y, d)
    low, high = wilson(round(j * (y | d).sum()), (y | d).sum())
    put_array(f"{name}_f1_wilson", [2 * low / (1 + low), 2 * high / (1 + high)])


def put_classes(name, n, k, seed):
    y, s = classes(n, k, seed)
    d = s.argmax(1)
    put(f"{name}_accuracy", sk.accuracy_score(y, d))
    put(f"{name}_balanced_accuracy", sk.balanced_accuracy_score(y, d))
    put(f"{name}_precision_macro", sk.precision_score(y, d, average="macro"))
    put(f"{name}_f1_macro", sk.f1_score(y, d, average="macro"))
    put(f"{name}_log_loss", sk.log_loss(y, s.astype(float)))
    put(f"{name}_brier", sk.brier_score_loss(y, s.astype(float), scale_by_half=False))
    put_array(f"{name}_precision", sk.precision_score(y, d, average=None))
    put_array(f"{name}_recall", sk.recall_score(y, d, average=None))
    put_array(f"{name}_f1", sk.f1_score(y, d, average=None))
    put_array(f"{name}_confusion", sk.confusion_matrix(y, d).ravel())
    # the delta method with the gradient by central differences
    c = sk.confusion_matrix(y, d).astype(float) / n
    def macro(c):
        return np.mean(2 * np.diag(c) / (c.sum(0) + c.sum(1)))
    g = np.zeros_like(c)
    for i in range(k):
        for j in range(k):
            e = np.zeros_like(c)
            e[i, j] = 1e-6
            g[i, j] = (macro(c + e) - macro(c - e)) / 2e-6
    se = np.sqrt(((c * g * g).sum() - (c * g).sum() ** 2) / n)
    put_array(f"{name}_f1_macro_delta", logit_interval(macro(c), se))


def put_labels(name, n, shares, seed):
    y, s = labels(n, shares, seed)
    d = (s >= 0.5).astype(int)
    put(f"{name}_subset_accuracy", sk.accuracy_score(y, d))
    put_array(f"{name}_subset_wilson", wilson((y == d).all(1).sum(), n))
    common = np.tile((y.mean(0) > 0.5).astype(int), (n, 1))
    put(f"{name}_baseline", sk.hamming_loss(y, common))
    # rows weighed up and down, one after the other: the infinitesimal jackknife, by central differences
    def spread(of):
        return np.sqrt(sum(((of(1 + 1e-4 * e) - of(1 - 1e-4 * e)) / 2e-4) ** 2 for e in np.eye(n)))
    measures = {"hamming": lambda w: sk.hamming_loss(y, d, sample_weight=w)}
    for average in ("micro", "macro"):
        for what in ("precision", "recall", "f1"):
            measures[f"{what}_{average}"] = lambda w, f=getattr(sk, f"{what}_score"), a=average: f(y, d, average=a, sample_weight=w)
    for what, of in measures.items():
        value = of(np.ones(n))
        put(f"{name}_{what}", value)
        put_array(f"{name}_{what}_delta", logit_interval(value, spread(of)))


def put_numbers(name, n, seed):
    y, s = (a.astype(float) for a in numbers(n, seed))
    put(f"{name}_mse", sk.mean_squared_error(y, s))
    put(f"{name}_rmse", sk.root_mean_squared_error(y, s))
    put(f"{name}_mae", sk.mean_absolute_error(y, s))
    put(f"{name}_r2", sk.r2_score(y, s))
    put(f"{name}_mean_error", (s - y).mean())
    e = np.abs(s - y)
    put_array(f"{name}_mae_t", stats.t.interval(0.95, n - 1, e.mean(), stats.sem(e)))
    half = n // 2
    w = stats.ttest_ind(s[:half] - y[:half], s[half:] - y[half:], equal_var=False).confidence_interval(0.95)
    put_array(f"{name}_welch", [w.low, w.high])


def put_fairness(name, n, seed):
    """Two attributes, of 2 and 3 groups, drawn after the rows."""
    y, s = binary(n, seed, 0.5, 64)
    d, g, h = Draws(seed + 1), [], []
    for _ in range(n):
        g.append("ab"[int(d.next() * 2)])
        h.append("abc"[int(d.next() * 3)])
    p = (s >= 0.5).astype(int)
    for tag, f in (("g", g), ("h", h), ("gh", [a + b for a, b in zip(g, h)])):
        f = np.array(f)
        put(f"{name}_{tag}_dp", fl.demographic_parity_difference(y, p, sensitive_features=f))
        put(f"{name}_{tag}_dp_ratio", fl.demographic_parity_ratio(y, p, sensitive_features=f))
        put(f"{name}_{tag}_eo", fl.equalized_odds_difference(y, p, sensitive_features=f))
        put(f"{name}_{tag}_eo_ratio", fl.equalized_odds_ratio(y, p, sensitive_features=f))
        put(f"{name}_{tag}_opportunity", fl.equal_opportunity_difference(y, p, sensitive_features=f))
        rates = fl.MetricFrame(metrics={"tpr": fl.true_positive_rate, "fpr": fl.false_positive_rate,
                                        "selection": fl.selection_rate, "ppv": sk.precision_score,
                                        "accuracy": sk.accuracy_score}, y_true=y, y_pred=p, sensitive_features=f)
        for m in rates.by_group:
            put_array(f"{name}_{tag}_{m}", rates.by_group[m])


def main():
    print("/* SPDX-License-Identifier: Apache-2.0")
    print(f" * expected.h - made by make_expected.py: scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}, "
          f"Fairlearn {fairlearn.__version__}. */")
    print("/* clang-format off */")
    put_binary("tied", 300, 7, 0.5, 16)
    put_binary("rare", 300, 8, 0.06, 16)
    put_classes("four", 250, 4, 9)
    put_labels("three", 200, (0.5, 0.3, 0.9), 12)
    put_numbers("value", 120, 10)
    put_fairness("fair", 400, 11)
    put_array("t_quantile", [stats.t.ppf(p, df) for p, df in ((0.975, 1), (0.975, 4), (0.975, 199), (0.9875, 7.5), (0.999, 30),
                                                                   (0.999995, 3), (0.975, 1e6), (0.99, 1.5))])


if __name__ == "__main__":
    main()
