"""How far rows lie from their neighbours by what these have: the table behind the threshold of outliers in calibration.py.

    python tests/benchmarks/outliers.py [--seeds 1000:1003] [--shocks 0.03]

A line is a generated space, without shocks and with a share of the rows carried off by heavy-tailed ones: the largest log ratio
in robust standard deviations, the largest ratio, and of the shocked rows the share that is set aside and that of others.
"""

from __future__ import annotations

import argparse

import numpy as np

from topovae.data import generate
from topovae.homology.cloud.cleaning import clean, reach_ratios

SPACES = ("circle", "interval", "disk", "cylinder", "mobius", "torus", "klein", "sphere", "rp2", "so3", "figure-eight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000:1003")
    parser.add_argument("--shocks", type=float, default=0.03, help="share of the rows")
    parser.add_argument("-n", type=int, default=1500)
    options = parser.parse_args()
    for space in SPACES:
        for noise in (0.02, 0.1):
            for seed in range(*map(int, options.seeds.split(":"))):
                x = generate(space, options.n, ambient=10, noise=noise, seed=seed).x.astype(np.float64)
                ratio = reach_ratios(x)
                deviations = ratio.max() / (1.4826 * np.median(np.abs(ratio)))
                shocked, rows = shock(x, options.shocks, seed)
                found = np.isin(np.arange(len(x)), clean(shocked).outlying)
                print(
                    f"{space} {noise:g} seed {seed}: {deviations:.1f} deviations, {np.exp(ratio.max()):.1f} times;"
                    f" of shocks {found[rows].mean():.2f} set aside, of others {found[~rows].mean():.4f}",
                    flush=True,
                )


def shock(x: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Carry a share of the rows (n, p) off by half the spread of the data and more, and say which."""
    rng = np.random.default_rng((seed, 1))
    rows = rng.permutation(len(x)) < share * len(x)
    way = rng.standard_normal((int(rows.sum()), x.shape[1]))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    size = np.sqrt(x.var(axis=0).sum()) * (0.5 + np.abs(rng.standard_cauchy(len(way)))).clip(0, 20)
    moved = x.copy()
    moved[rows] += way * size[:, None]
    return moved, rows


if __name__ == "__main__":
    main()
