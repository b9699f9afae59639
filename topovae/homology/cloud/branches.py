"""Points at which curves branch: an annulus around one holds three pieces and more, around any other two or one.

The annulus is of points so far away along the curve: another strand that passes by, as at a hairpin, is none of its pieces.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree
from scipy.spatial.distance import cdist

from topovae.homology.calibration import tuned
from topovae.homology.cloud.planes import onto_planes
from topovae.homology.cloud.tangents import neighbour_graph

PLANE_SHARE, BALL_SHARE = tuned("branch_plane_share"), tuned("branch_ball_share")
INNER, APART = tuned("branch_inner"), tuned("branch_apart")
PIECE_SHARE = tuned("branch_piece_share")
NEIGHBOURS = int(tuned("branch_neighbours"))
MOST_POINTS, MOST_CENTRES = 1000, 200
"""Points that are looked at, and those around which annuli are: limits on cost, not tuned."""


def branching_share(points: np.ndarray) -> float:
    """Return the share of points (n, p) on curves whose annulus falls into three pieces or more."""
    some = points[np.linspace(0, len(points) - 1, min(len(points), MOST_POINTS)).astype(int)]
    curve = onto_planes(some, 1, max(int(PLANE_SHARE * len(some)), 4))
    centres = np.linspace(0, len(some) - 1, min(len(some), MOST_CENTRES)).astype(int)
    along = dijkstra(_graph(curve), directed=False, indices=centres)
    radius = float(np.median(np.sort(along, axis=1)[:, int(BALL_SHARE * len(some))]))
    return float(np.mean([_pieces(curve, far, radius) >= 3 for far in along]))


def _graph(curve: np.ndarray) -> csr_matrix:
    """Return the graph of neighbours on a curve, in one piece: averages gather in clumps, between which there are none."""
    near = neighbour_graph(curve, min(NEIGHBOURS, len(curve) - 1))
    return near.maximum(minimum_spanning_tree(cdist(curve, curve)).tocsr())


def _pieces(curve: np.ndarray, far: np.ndarray, radius: float) -> int:
    """Return into how many pieces the annulus of points (n, p) at distances (n,) along the curve falls."""
    ring = curve[(far > INNER * radius) & (far < radius)]
    if len(ring) < 3:
        return 0
    _, label = connected_components(cdist(ring, ring) < APART * radius, directed=False)
    return int((np.bincount(label) >= max(2, PIECE_SHARE * len(ring))).sum())
