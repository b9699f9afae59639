"""Spike counts of cells that are tuned to a heading."""

from __future__ import annotations

import numpy as np


def heading_cells(n: int, cells: int, mean: float, step: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts (n, cells) of von Mises tuned cells on a random walk of the heading; `step` inf is no order in time."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, step, n)) if np.isfinite(step) else rng.uniform(0, 2 * np.pi, n)
    preferred, width, gain = rng.uniform(0, 2 * np.pi, cells), rng.uniform(1.5, 4.5, cells), rng.gamma(4, 0.25, cells)
    tuning = np.exp(width * np.cos(walk[:, None] - preferred)) / np.i0(width)
    return rng.poisson(mean * gain * tuning).astype(np.float64), walk % (2 * np.pi)
