"""Points at which curves branch: an annulus around one holds three pieces and more, around any other two or one."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from topovae.homology.calibration import tuned
from topovae.homology.cloud.planes import onto_planes

PLANE_SHARE, BALL_SHARE = tuned("branch_plane_share"), tuned("branch_ball_share")
INNER, APART = tuned("branch_inner"), tuned("branch_apart")
PIECE_SHARE = tuned("branch_piece_share")
MOST_POINTS, MOST_CENTRES = 1000, 200
"""Points that are looked at, and those around which annuli are: limits on cost, not tuned."""


def branching_share(points: np.ndarray) -> float:
    """Return the share of points (n, p) on curves whose annulus falls into three pieces or more."""
    some = points[np.linspace(0, len(points) - 1, min(len(points), MOST_POINTS)).astype(int)]
    curve = onto_planes(some, 1, max(int(PLANE_SHARE * len(some)), 4))
    distances = cdist(curve, curve)
    radius = float(np.median(np.sort(distances, axis=1)[:, int(BALL_SHARE * len(some))]))
    centres = np.linspace(0, len(some) - 1, min(len(some), MOST_CENTRES)).astype(int)
    return float(np.mean([_pieces(distances, centre, radius) >= 3 for centre in centres]))


def _pieces(distances: np.ndarray, centre: int, radius: float) -> int:
    """Return into how many pieces the annulus around a point falls."""
    ring = np.flatnonzero((distances[centre] > INNER * radius) & (distances[centre] < radius))
    if len(ring) < 3:
        return 0
    _, label = connected_components(distances[np.ix_(ring, ring)] < APART * radius, directed=False)
    return int((np.bincount(label) >= max(2, PIECE_SHARE * len(ring))).sum())
