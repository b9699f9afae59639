"""Write sample_data/head_direction.csv: spike counts of simulated head-direction cells, as a lab keeps them.

    python tests/benchmarks/head_direction.py > sample_data/head_direction.csv

An animal looks around for twelve minutes, in the light and then in the dark. Thirty cells fire around a preferred direction
each (von Mises tuning on a small background), counted in bins of 0.5 s with Poisson noise. The table has an index without a
name, a clock, a column of texts and a column a cell; the direction itself is not in it. Equal seeds write equal bytes.
"""

from __future__ import annotations

import sys

import numpy as np

CELLS, BINS, SECONDS, SEED = 30, 1500, 0.5, 7
TURN = 0.1  # radians a bin of unit speed: some 10 to 20 degrees a second


def recording() -> tuple[np.ndarray, np.ndarray]:
    """Directions (BINS,) in radians, and counts (BINS, CELLS)."""
    rng = np.random.default_rng(SEED)
    speed = np.convolve(rng.normal(size=BINS + 20), np.exp(-np.arange(20) / 5), "valid")[:BINS]
    angle = np.cumsum(TURN * speed)
    preferred = 2 * np.pi * (np.arange(CELLS) + rng.uniform(-0.3, 0.3, CELLS)) / CELLS
    peak, width = rng.uniform(60, 120, CELLS), rng.uniform(3, 6, CELLS)  # spikes a second; concentration
    rate = 2 + peak * np.exp(width * (np.cos(angle[:, None] - preferred) - 1))
    return angle, rng.poisson(SECONDS * rate)


def main() -> None:
    _, counts = recording()
    lines = [",seconds,epoch," + ",".join(f"cell_{number:02}" for number in range(CELLS))]
    for i, row in enumerate(counts):
        epoch = "light" if i < BINS // 2 else "dark"
        lines.append(f"{i},{SECONDS * i:.1f},{epoch}," + ",".join(map(str, row)))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
