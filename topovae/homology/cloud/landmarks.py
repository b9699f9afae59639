"""Landmarks: a few hundred points that stand for the data, and the distances between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import dijkstra
from scipy.spatial.distance import cdist

from topovae.homology.calibration import tuned
from topovae.homology.cloud.tangents import neighbour_graph, tangent_frames, tangent_graph

GEODESIC_STRETCH = tuned("geodesic_stretch")
GEODESIC_NEIGHBOURS, GEODESIC_FRAME = int(tuned("geodesic_neighbours")), int(tuned("geodesic_frame"))
GEODESIC_COSINE = tuned("geodesic_cosine")
SPACING_NEIGHBOURS = int(tuned("spacing_neighbours"))

ROUNDS = 15
"""Lloyd's rounds at most: a limit on cost, not tuned."""


@dataclass(frozen=True)
class Landmarks:
    """Landmarks and their distances.

    Attributes:
        distances: (m, m) self-tuned distances: 1 is the usual spacing.
        scales: (m,) local spacing, in the unit of the points.
        points: (m, q) places, or None when only distances were given.
        index: (m,) rows of the data, or None for k-means centres.
    """

    distances: np.ndarray
    scales: np.ndarray
    points: np.ndarray | None = None
    index: np.ndarray | None = None


def centres(points: np.ndarray, count: int, seed: int, rounds: int = ROUNDS) -> np.ndarray:
    """Return k-means centres (count, p) of points (n, p) by Lloyd's rounds from a random start.

    Written out because the library's threads add in varying order, and equal seeds must give equal bits.
    """
    rng = np.random.default_rng(seed)
    centre = points[rng.choice(len(points), count, replace=False)].copy()
    for _ in range(rounds):
        label = assign(points, centre)
        size = np.bincount(label, minlength=count)
        order = np.argsort(label, kind="stable")
        filled = np.flatnonzero(size)
        first = np.concatenate([[0], np.cumsum(size[filled])[:-1]])
        moved = centre.copy()
        moved[filled] = np.add.reduceat(points[order], first) / size[filled, None]
        if np.array_equal(moved, centre):
            break
        centre = moved
    return centre


def assign(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return for each point (n, p) the index of the nearest centre."""
    half = 0.5 * (centre**2).sum(1)
    step = max(1, 2**22 // len(centre))
    blocks = [(half - points[i : i + step] @ centre.T).argmin(1) for i in range(0, len(points), step)]
    return np.concatenate(blocks)


def farthest_points(distances: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Choose rows of a distance matrix (n, n) one after another, each farthest from those before it."""
    chosen = [int(np.random.default_rng(seed).integers(len(distances)))]
    reach = distances[chosen[0]].copy()
    while len(chosen) < count and reach.max() > 0:
        chosen.append(int(reach.argmax()))
        reach = np.minimum(reach, distances[chosen[-1]])
    return np.array(chosen)


def self_tuned(distances: np.ndarray, k: int = SPACING_NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
    """Return d_ij/√(s_i s_j) and s, the mean distance to the k nearest.

    Args:
        distances: (m, m) distance matrix.

    References:
        Zelnik-Manor and Perona (2004), Self-tuning spectral clustering.
    """
    scales = np.sort(distances, axis=1)[:, 1 : k + 1].mean(1)
    scales = np.maximum(scales, max(1e-12 * float(distances.max()), 1e-150))  # the product of two is a number
    tuned = distances / np.sqrt(scales[:, None] * scales[None, :])
    return (tuned + tuned.T) / 2, scales


def hybrid_distances(
    centre: np.ndarray, points: np.ndarray, dimension: int, k_frame: int, k: int = GEODESIC_NEIGHBOURS
) -> np.ndarray:
    """Return max(Euclidean, geodesic/1.3) between centres (m, p), geodesics through `points` (n, p).

    Edges that leave the tangent planes are cut first, so that sheets that come close stay apart. Curves are left
    whole: the neighbours of a point on one reach less far, and one cut at a sharp bend would open a circle.
    """
    straight = cdist(centre, centre)
    together = np.vstack([centre, points])
    if dimension == 1:
        graph = neighbour_graph(together, k)
    else:
        frames = tangent_frames(together, dimension, max(k_frame, GEODESIC_FRAME))
        graph = tangent_graph(together, frames, k, least_cosine=GEODESIC_COSINE)
    geodesic = dijkstra(graph, indices=np.arange(len(centre)))[:, : len(centre)]
    geodesic[~np.isfinite(geodesic)] = 0.0
    hybrid = np.maximum(straight, np.maximum(geodesic, geodesic.T) / GEODESIC_STRETCH)
    np.fill_diagonal(hybrid, 0.0)
    return hybrid


def choose_landmarks(
    points: np.ndarray, averaged: np.ndarray, count: int, dimension: int, k_frame: int, seed: int
) -> Landmarks:
    """Choose k-means landmarks among `points` (n, q), with hybrid self-tuned distances.

    Args:
        averaged: (n', q) points averaged over neighbours, which carry the geodesics.
        count: number of landmarks.
        dimension: intrinsic dimension.
        k_frame: neighbours for tangent frames.
    """
    centre = centres(points, count, seed)
    distances, scales = self_tuned(hybrid_distances(centre, averaged, dimension, k_frame))
    return Landmarks(distances, scales, centre)


def covering_radius(points: np.ndarray, centre: np.ndarray) -> float:
    """Return the largest distance from a point (n, p) to its nearest centre (m, p)."""
    return float(np.linalg.norm(points - centre[assign(points, centre)], axis=1).max())
