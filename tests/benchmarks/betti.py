"""How often bars of surfaces give the right Betti numbers, on sets that nothing was fitted to (homology/DIAGNOSIS.md).

    python tests/benchmarks/betti.py [--save rows.jsonl]

Surfaces through random smooth maps into 50 dimensions, or as they are, noise 0.02, 0.05 or 0.1; and flat tori of two circles in
three coordinates each. A Betti number is missed where it comes out too low, invented where it comes out too high. The score
is the mean logarithm of the probability that the bars give the right one of 0 to 4, each as probable before: 0 at best.
"""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from topovae.benchmarks.calibrate import bars_of, saved_rows
from topovae.benchmarks.diagnosis import appending
from topovae.benchmarks.simulated import betti_numbers
from topovae.data import generate
from topovae.homology.features.nulls import likelihoods
from topovae.homology.fitted import law_of

SURFACES = ("disk", "cylinder", "annulus", "mobius", "torus", "klein", "sphere", "rp2")
GROUPS = {"700 to 2000": (700, 2000, 8), "300 to 600": (300, 600, 9)}
"""Smallest and largest number of samples, and sets of each surface."""

MOTORS = (150, 300, 600)
MOST = 4
"""Betti numbers beyond it are not asked about."""

ALPHA = 0.01
"""The usual level of the test that a bar is noise."""


def sets() -> Iterator[tuple[int, str, str, np.ndarray]]:
    """Yield the number, the group, the space and the samples of each set."""
    number = 0
    for group, (low, high, each) in GROUPS.items():
        for name in SURFACES * each:
            rng = np.random.default_rng([5000, number])
            n, noise, ambient = int(rng.uniform(low, high)), float(rng.choice([0.02, 0.05, 0.1])), rng.random() < 0.7
            x = generate(name, n, ambient=50 if ambient else None, noise=noise, seed=50_000 + number).x
            yield number, group, name, x
            number += 1
    for n in MOTORS:
        for _ in range(8):
            yield number, f"two circles, {n}", "torus", two_circles(np.random.default_rng([5000, number]), n)
            number += 1


def two_circles(rng: np.random.Generator, n: int) -> np.ndarray:
    """A flat torus, each circle seen by three sensors 120 degrees apart, noise 0.05."""
    angles = rng.uniform(0, 2 * np.pi, (n, 2, 1))
    seen = np.sqrt(2 / 3) * np.cos(angles + np.arange(3) * 2 * np.pi / 3)
    return seen.reshape(n, 6) + 0.05 * rng.normal(size=(n, 6))


def judge(row: dict[str, Any], asked: bool) -> str:
    """Say how the Betti numbers over Z/2 come out, on the usual landmarks or on more."""
    errors = []
    for bars in row["bars"]:
        if (bars["asked"] is not None) == asked:
            law = law_of(bars["degree"], row["found"], bars["landmarks"], row["n"], np.array(bars["ratios"]))
            number = sum(ratio > law.critical_ratio(ALPHA) for ratio in bars["ratios"])
            errors.append(number - dict(enumerate(row["betti"])).get(bars["degree"], 0))
    return "invented" if max(errors) > 0 else "missed" if min(errors) < 0 else "right"


def scores(row: dict[str, Any], asked: bool) -> Iterator[float]:
    """Yield the logarithm of the probability of the right Betti number of each degree."""
    for bars in row["bars"]:
        if (bars["asked"] is not None) == asked:
            ratios = np.array(bars["ratios"])
            law = law_of(bars["degree"], row["found"], bars["landmarks"], row["n"], ratios)
            likely = likelihoods(ratios, law)[: MOST + 1]
            right = dict(enumerate(row["betti"])).get(bars["degree"], 0)
            yield float(np.log(likely[right] / likely.sum()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", help="keep what was measured in this file")
    save = parser.parse_args().save
    rows = {row["seed"]: row for row in (saved_rows(save) if save else ())}
    with appending(save) if save else contextlib.nullcontext(lambda row: None) as append:
        for number, group, name, x in sets():
            if number not in rows:
                rows[number] = {"seed": number, "group": group, "betti": betti_numbers((name,), 2), **bars_of(x, 0, (2,))}
                append(rows[number])
    for asked, words in ((False, "usual landmarks"), (True, "three quarters of few samples")):
        print(f"{words}:")
        for group in dict.fromkeys(row["group"] for row in rows.values()):
            counts = Counter(judge(row, asked) for row in rows.values() if row["group"] == group)
            right = f"{counts['right']} of {counts.total()} right"
            score = np.mean([one for row in rows.values() if row["group"] == group for one in scores(row, asked)])
            print(f"  {group}: {right}, {counts['missed']} missed, {counts['invented']} invented; score {score:.3f}")


if __name__ == "__main__":
    main()
