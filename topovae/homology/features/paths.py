"""Samples in the order of a path: a camera that goes once around an object, a motor that turns once."""

from __future__ import annotations

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.neighbours import nearest

SHARE = tuned("path_share")
STEP = tuned("path_step")
STRANDS, APART = tuned("path_strands"), tuned("path_apart")

MOST_NEIGHBOURS = 20
"""Neighbours among which other strands are looked for: a limit on cost, not tuned."""


def is_closed_path(points: np.ndarray) -> bool:
    """Whether rows run once around a simple closed curve: each nearest to the one before or after, the last near the first.

    Where a curve nearly covers another twice, as the pictures of an object whose opposite views look alike do, a few dozen
    samples look like a band; their order tells.

    Args:
        points: (n, p) samples in the order of the rows.
    """
    n = len(points)
    steps = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    if steps[-1] > STEP * steps[:-1].max():
        return False
    distances, index = nearest(points, min(MOST_NEIGHBOURS, n - 1))
    apart = np.abs(index - np.arange(n)[:, None])
    apart = np.minimum(apart, n - apart)
    if (apart[:, 0] == 1).mean() < SHARE:
        return False
    other = (apart > APART * n) & (distances < STEP * np.maximum(steps, np.roll(steps, 1))[:, None])
    return bool(other.any(1).mean() <= STRANDS)
