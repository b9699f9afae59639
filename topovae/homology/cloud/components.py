"""Connected components of the data, seen through its landmarks."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial.distance import cdist

from topovae.homology.calibration import tuned
from topovae.homology.cloud.landmarks import assign, centres, farthest_points, self_tuned

GAP = tuned("component_gap")
COMPONENT_LANDMARKS, SAMPLES_PER_LANDMARK = int(tuned("component_landmarks")), int(tuned("component_samples"))
LEAST_SHARE = tuned("component_share")


def components(distances: np.ndarray, weights: np.ndarray, least: int = 1) -> np.ndarray:
    """Return for each landmark the component that it belongs to, 0, 1, … from the largest; stragglers join the nearest.

    Args:
        distances: (m, m) self-tuned distances.
        weights: (m,) how many samples each landmark stands for.
        least: components looked for: where the gap that counts parts fewer, the widest gap that parts so many counts; where
            none does, that which counts anyway.
    """
    label, weight, large = _parted(distances, weights, GAP)
    if len(large) < least:
        # The longest edges of the minimum spanning tree are the bars of H0 that live longest.
        edges = np.unique(minimum_spanning_tree(csr_matrix(distances)).data)
        finer = (_parted(distances, weights, np.nextafter(edge, 0)) for edge in edges[::-1] if edge <= GAP)
        label, weight, large = next((found for found in finer if len(found[2]) >= least), (label, weight, large))
    if len(large) < 2:
        return np.zeros(len(distances), dtype=int)
    large = large[np.argsort(-weight[large], kind="stable")]
    rank = np.full(len(weight), -1)
    rank[large] = np.arange(len(large))
    owned = np.flatnonzero(rank[label] >= 0)
    nearest = owned[distances[:, owned].argmin(1)]
    return rank[label[nearest]]


def _parted(distances: np.ndarray, weights: np.ndarray, gap: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what landmarks fall into that are joined up to a gap: the part of each, the weight of each part, and the large."""
    _, label = connected_components(csr_matrix((distances <= gap).astype(np.int8)), directed=False)
    weight = np.bincount(label, weights=weights)
    return label, weight, np.flatnonzero(weight > LEAST_SHARE * weights.sum())


def components_of_points(points: np.ndarray, seed: int, least: int = 1) -> np.ndarray:
    """Return the component (n,) of each point (n, p), 0 being the largest; at least so many where gaps part them."""
    centre = centres(points, min(COMPONENT_LANDMARKS, len(points) // SAMPLES_PER_LANDMARK), seed)
    tuned, _ = self_tuned(cdist(centre, centre))
    owner = assign(points, centre)
    return components(tuned, np.bincount(owner, minlength=len(centre)), least)[owner]


def components_of_distances(distances: np.ndarray, seed: int) -> np.ndarray:
    """Return the component (n,) of each sample of a distance matrix (n, n), 0 being the largest."""
    index = farthest_points(distances, min(COMPONENT_LANDMARKS, len(distances) // SAMPLES_PER_LANDMARK), seed)
    tuned, _ = self_tuned(distances[np.ix_(index, index)])
    owner = distances[:, index].argmin(1)
    return components(tuned, np.bincount(owner, minlength=len(index)))[owner]
