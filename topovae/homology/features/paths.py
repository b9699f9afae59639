"""Few samples in the order of a path: pictures of an object that turns once around, readings of a motor that does."""

from __future__ import annotations

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.neighbours import nearest

SHARE = tuned("path_share")
MOST = int(tuned("path_most"))


def is_closed_path(points: np.ndarray) -> bool:
    """Whether few rows run once around: each is nearest to the one before or after, and the last comes back to the first.

    Where a curve nearly covers another twice, as the pictures of an object whose opposite views look alike do, a few dozen
    samples look like a band; their order tells. Of many rows it does not: a slow walk over a surface, which comes home in the
    end, is nearest to itself one row later too.

    Args:
        points: (n, p) samples in the order of the rows.
    """
    n = len(points)
    if n > MOST:
        return False
    steps = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    if steps[-1] > steps[:-1].max():
        return False
    _, index = nearest(points, 1)
    apart = np.abs(index[:, 0] - np.arange(n))
    return bool((np.minimum(apart, n - apart) == 1).mean() >= SHARE)
