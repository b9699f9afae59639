"""Connected components of the data, seen through its landmarks."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from topovae.homology.calibration import tuned
from topovae.homology.cloud.landmarks import assign, centres, farthest_points, self_tuned

GAP = tuned("component_gap")
COMPONENT_LANDMARKS, SAMPLES_PER_LANDMARK = int(tuned("component_landmarks")), int(tuned("component_samples"))
LEAST_SHARE = tuned("component_share")


def components(distances: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return for each landmark the component that it belongs to, 0, 1, … from the largest; stragglers join the nearest.

    Args:
        distances: (m, m) self-tuned distances.
        weights: (m,) how many samples each landmark stands for.
    """
    _, label = connected_components(csr_matrix((distances <= GAP).astype(np.int8)), directed=False)
    weight = np.bincount(label, weights=weights)
    large = np.flatnonzero(weight > LEAST_SHARE * weights.sum())
    if len(large) < 2:
        return np.zeros(len(distances), dtype=int)
    large = large[np.argsort(-weight[large], kind="stable")]
    rank = np.full(len(weight), -1)
    rank[large] = np.arange(len(large))
    owned = np.flatnonzero(rank[label] >= 0)
    nearest = owned[distances[:, owned].argmin(1)]
    return rank[label[nearest]]


def components_of_points(points: np.ndarray, seed: int) -> np.ndarray:
    """Return the component (n,) of each point (n, p), 0 being the largest."""
    centre = centres(points, min(COMPONENT_LANDMARKS, len(points) // SAMPLES_PER_LANDMARK), seed)
    tuned, _ = self_tuned(cdist(centre, centre))
    owner = assign(points, centre)
    return components(tuned, np.bincount(owner, minlength=len(centre)))[owner]


def components_of_distances(distances: np.ndarray, seed: int) -> np.ndarray:
    """Return the component (n,) of each sample of a distance matrix (n, n), 0 being the largest."""
    index = farthest_points(distances, min(COMPONENT_LANDMARKS, len(distances) // SAMPLES_PER_LANDMARK), seed)
    tuned, _ = self_tuned(distances[np.ix_(index, index)])
    owner = distances[:, index].argmin(1)
    return components(tuned, np.bincount(owner, minlength=len(index)))[owner]
