#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes epsilons.h: bounds of epsilon by dp_accounting's privacy loss distributions, from above (losses rounded up, "connect the
dots") and from below (rounded down), at settings drawn at random: sigma 0.5 to 20, q 1e-4 to 1, 1 to 1e5 steps, delta 1e-3 to 1e-12,
epsilon not in the hundreds. The interval is quartered until both are within 0.2%, or 20 seconds have passed (the lower one suffers first).

    pip install dp-accounting==0.6.0; make_epsilons.py > epsilons.h      (about an hour)"""
import math, random, sys, time
from importlib.metadata import version
from dp_accounting.pld import privacy_loss_distribution as pld


def settings():
    r, out = random.Random(1010), []
    while len(out) < 200:
        s = round(math.exp(r.uniform(math.log(.5), math.log(20))), 3)
        q = float('%.3g' % math.exp(r.uniform(math.log(1e-4), 0)))
        T = int(float('%.2g' % math.exp(r.uniform(0, math.log(1e5)))))
        d = float('%.0e' % 10 ** r.uniform(-12, -3))
        if q * math.sqrt(T * min(math.expm1(min(1 / s ** 2, 50)), 1e9)) <= 8:
            out.append((s, q, T, d))
    return out


def epsilon(s, q, T, d, interval, upper):
    one = pld.from_gaussian_mechanism(s, sampling_prob=q, value_discretization_interval=interval, pessimistic_estimate=upper,
                                      use_connect_dots=upper)
    return one.self_compose(T).get_epsilon_for_delta(d)


def bounds(s, q, T, d):
    interval, begun, lower, upper = 1e-3, time.time(), 0, math.inf
    while True:
        upper = min(upper, epsilon(s, q, T, d, interval, True))
        lower = max(lower, epsilon(s, q, T, d, interval, False))
        if upper - lower <= 2e-3 * upper or interval < 2e-6 or time.time() - begun > 20:
            return lower, upper
        interval /= 4


def row(s, q, T, d, lower, upper):
    return f"    {{{s!r}, {q!r}, {T}, {d!r}, {lower!r}, {upper!r}}},"


def main():
    print(f"""/* SPDX-License-Identifier: Apache-2.0
 * epsilons.h - written by make_epsilons.py with dp_accounting {version("dp-accounting")}. */
#ifndef ONUS_TESTS_EPSILONS_H
#define ONUS_TESTS_EPSILONS_H
#include <stdint.h>
/* clang-format off */
typedef struct {{
    double sigma, q;
    int64_t steps;
    double delta, lower, upper;
}} peer_epsilon;
static const peer_epsilon peer_epsilons[] = {{""")
    for s in settings():
        print(row(*s, *bounds(*s)), flush=True)
    print("};\n/* clang-format on */\n#endif")


if __name__ == "__main__":
    main()
