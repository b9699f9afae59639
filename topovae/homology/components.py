"""Connected components of the data, seen through its landmarks."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

GAP = 2.0
"""Landmarks further apart than so many usual spacings are not joined."""

LEAST_SHARE = 0.05
"""Smaller components are stragglers and not counted."""


def count_components(distances: np.ndarray, weights: np.ndarray) -> int:
    """Count the components of landmarks joined below the gap.

    Args:
        distances: (m, m) self-tuned distances.
        weights: (m,) how many samples each landmark stands for.
    """
    _, label = connected_components(csr_matrix((distances <= GAP).astype(np.int8)), directed=False)
    share = np.bincount(label, weights=weights) / weights.sum()
    return max(1, int((share > LEAST_SHARE).sum()))
