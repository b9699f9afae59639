"""Extreme parameters of every posterior family: is everything that training takes from them a number?

    python tests/benchmarks/extremes.py --n 1000000 --seed 1

Outputs of an encoder are drawn log-uniformly over thirty powers of ten, of either sign, and become posteriors as in training.
Draws, divergences, log densities, features and the gradients of all by the outputs are looked at in both precisions. The table
counts the posteriors with NaN, or with infinity where a finite number exists; the exit code is 1 if there are any.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.extremes import FAMILIES, PRECISIONS, faults


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--n", type=int, default=1_000_000, help="posteriors of a family and precision")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--families", nargs="*", default=list(FAMILIES), choices=list(FAMILIES), metavar="FAMILY")
    given = options.parse_args()
    total = 0
    for name in given.families:
        for precision, dtype in PRECISIONS.items():
            start = time.monotonic()
            found = faults(name, dtype, given.n, given.seed)
            total += found.total()
            told = ", ".join(f"{count} {quantity}" for quantity, count in found.items()) or "none"
            print(f"{name:22} {precision}  {given.n:9d} posteriors  {time.monotonic() - start:6.0f} s  {told}", flush=True)
    return 1 if total else 0


if __name__ == "__main__":
    raise SystemExit(main())
