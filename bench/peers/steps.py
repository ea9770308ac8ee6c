# SPDX-License-Identifier: Apache-2.0
"""What the peers of training steps share: the best of several steps, and the line that bench.py reads."""
import json
import resource
import time


def best_of(step, n):
    """Seconds of the fastest of n calls after one that is not counted."""
    step()
    seconds = []
    for _ in range(n):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def say(seconds, version, settings, **more):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, **more, "version": version, "settings": settings, "maxrss_mb": peak}))
