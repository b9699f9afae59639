"""Circular coordinates: maps to the circle from classes in the first cohomology.

A class over Z/p is lifted to an integer cocycle z and replaced by its harmonic representative z − δf; then
f mod 1 is the coordinate, as even as the class allows.

References:
    de Silva, Morozov and Vejdemo-Johansson (2011), Persistent cohomology and circular coordinates, section 2.
    Scoccola, Gakhar, Bush, Schonsheck, Rask, Zhou and Perea (2023), Toroidal coordinates, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import lsqr

from topovae.homology.landmarks import Landmarks
from topovae.homology.neighbours import nearest
from topovae.homology.persistence import persistence

PRIMES = (47, 53, 61)
"""Fields in which cocycles are sought; the next is tried where the integer lift fails."""

LONGEST_EDGE = 6.0


@dataclass(frozen=True)
class Graph:
    """Edges i < j of the landmarks at one scale, with weights.

    Attributes:
        size: number of vertices m.
        ends: (e, 2) ends of the edges.
        weights: (e,) positive weights.
    """

    size: int
    ends: np.ndarray
    weights: np.ndarray

    def coboundary(self) -> csr_matrix:
        """Return δ: functions on vertices (m,) → differences along edges (e,)."""
        count = len(self.ends)
        edge = np.arange(count)
        values = np.concatenate([-np.ones(count), np.ones(count)])
        places = (np.concatenate([edge, edge]), self.ends.T.ravel())
        return coo_matrix((values, places), shape=(count, self.size)).tocsr()


def graph_at(distances: np.ndarray, scale: float) -> Graph:
    """Return the graph of edges up to `scale`, weighted by exp(−4 d²/scale²).

    Args:
        distances: (m, m) distance matrix.
    """
    ends = np.argwhere(np.triu(distances <= scale, 1))
    lengths = distances[ends[:, 0], ends[:, 1]]
    return Graph(len(distances), ends, np.exp(-((2 * lengths / scale) ** 2)))


def integer_lift(cocycle: np.ndarray, prime: int, graph: Graph) -> np.ndarray | None:
    """Lift a cocycle over Z/prime to integers of least size; None where that is no cocycle.

    Args:
        cocycle: (c, 3) ends and values, as ripser gives them.
        prime: characteristic of the field.
        graph: edges to keep.

    Returns:
        Integer values (e,) on the edges, in the direction i → j, i < j.
    """
    matrix = np.zeros((graph.size, graph.size), dtype=np.int32)
    value = cocycle[:, 2].astype(np.int32)
    value = np.where(value > prime // 2, value - prime, value)
    matrix[cocycle[:, 0], cocycle[:, 1]] = value
    matrix[cocycle[:, 1], cocycle[:, 0]] = -value
    i, j = graph.ends.T
    edge = np.zeros((graph.size, graph.size), dtype=bool)
    edge[i, j] = edge[j, i] = True
    for vertex in range(graph.size):
        star = np.flatnonzero(edge[vertex])
        around = matrix[vertex, star][:, None] + matrix[np.ix_(star, star)] - matrix[vertex, star][None, :]
        if (around[edge[np.ix_(star, star)]] != 0).any():
            return None
    return matrix[i, j]


def harmonic_potential(values: np.ndarray, graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """Solve min ‖z − δf‖ in the graph's weights.

    Args:
        values: (e,) integer cocycle z.
        graph: edges and weights.

    Returns:
        f (m,), in turns, and the weighted harmonic representative √w (z − δf) (e,).
    """
    root = np.sqrt(graph.weights)
    delta = graph.coboundary().multiply(root[:, None]).tocsr()
    potential = lsqr(delta, root * values, atol=1e-10, btol=1e-10, iter_lim=3000)[0]
    return potential, root * values - delta @ potential


def reduce_lattice(gram: np.ndarray) -> np.ndarray:
    """Return an integer matrix of determinant ±1 whose rows make a short basis of a lattice.

    Pairwise (Lagrange–Gauss) reduction, repeated until nothing shortens: exact for two classes.

    Args:
        gram: (k, k) inner products of the basis.
    """
    k = len(gram)
    change = np.eye(k, dtype=int)
    for _ in range(100):
        order = np.argsort(np.diag(change @ gram @ change.T), kind="stable")
        change = change[order]
        before = change.copy()
        for i in range(k):
            for j in range(k):
                product = change @ gram @ change.T
                if product[j, j] < product[i, i] or i == j:
                    continue
                change[j] -= int(np.rint(product[i, j] / product[i, i])) * change[i]
        if np.array_equal(before, change):
            break
    return change


def landmark_angles(landmarks: Landmarks, count: int) -> np.ndarray:
    """Return circular coordinates of the landmarks, as orthogonal as the lattice of classes allows.

    Args:
        landmarks: landmarks with self-tuned distances.
        count: how many classes to use, most persistent first.

    Returns:
        Angles (m, k) in radians, k ≤ count: fewer where there are fewer classes alive at one scale.
    """
    nothing = np.zeros((len(landmarks.distances), 0))
    for prime in PRIMES if count else ():
        diagram = persistence(landmarks.distances, prime, 1, LONGEST_EDGE, cocycles=True)
        bars = diagram.bars[1]
        best = np.argsort(-bars[:, 1] / np.maximum(bars[:, 0], 1e-12), kind="stable")[:count]
        while len(best) and bars[best, 0].max() >= bars[best, 1].min():
            best = best[:-1]
        if not len(best) or diagram.cocycles is None:
            return nothing
        birth, death = bars[best, 0].max(), bars[best, 1].min()
        graph = graph_at(landmarks.distances, birth + 0.5 * (death - birth))
        lifts = [integer_lift(diagram.cocycles[1][bar], prime, graph) for bar in best]
        integral = [lift for lift in lifts if lift is not None]
        if len(integral) == len(lifts):
            pairs = [harmonic_potential(lift, graph) for lift in integral]
            harmonic = np.array([form for _, form in pairs])
            change = reduce_lattice(harmonic @ harmonic.T)
            turns = change @ np.array([potential for potential, _ in pairs])
            return 2 * np.pi * (turns.T % 1.0)
    return nothing


def circular_coordinates(points: np.ndarray, landmarks: Landmarks, angles: np.ndarray, k: int = 8) -> np.ndarray:
    """Extend landmarks' angles to points by a partition of unity over the nearest landmarks.

    Args:
        points: (n, q) points.
        landmarks: landmarks with points (m, q).
        angles: (m, c) radians.
        k: number of landmarks that share in a point.

    Returns:
        Angles (n, c) in [0, 2π), radians.
    """
    if landmarks.points is None:
        raise ValueError("landmarks without points: angles extend only where the samples have features")
    distances, index = nearest(landmarks.points, k, points)
    # A bandwidth of each point's own: where one sample lies must not depend on which others are placed with it.
    bandwidth = np.maximum(distances[:, [distances.shape[1] // 2]], 1e-300)
    weights = np.exp(-((distances / bandwidth) ** 2)) + 1e-12
    mean = np.einsum("nk,nkc->nc", weights, np.exp(1j * angles[index]))
    return np.angle(mean) % (2 * np.pi)
