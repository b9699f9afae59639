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
from scipy.sparse.csgraph import breadth_first_order
from scipy.sparse.linalg import lsqr

from topovae.homology.cloud.landmarks import Landmarks
from topovae.homology.cloud.neighbours import nearest
from topovae.homology.complexes.rips import persistence

PRIMES = (47, 53, 61)
"""Fields in which cocycles are sought; the next is tried where the integer lift fails."""

MULTIPLES = (1, 2, 3)
"""The generator that persistence gives may be a class over the integers divided by one of these."""

LONGEST_EDGE = 6.0

WIDE = 0.22
"""Participation ratio of the energy of a class that goes around all of the data: there 0.24 and more, for noise up to 0.15."""


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


def whole_lift(cocycle: np.ndarray, prime: int, graph: Graph) -> np.ndarray | None:
    """Lift the first of a cocycle's small multiples that has an integer lift, as `integer_lift` does."""
    for multiple in MULTIPLES:
        scaled = np.column_stack([cocycle[:, :2], multiple * cocycle[:, 2].astype(int) % prime])
        lift = integer_lift(scaled, prime, graph)
        if lift is not None:
            return lift
    return None


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


def saturate(cocycles: np.ndarray, graph: Graph) -> np.ndarray | None:
    """Return integer cocycles whose classes are a basis of all integer classes in the rational span of the given ones.

    What a generator over a field lifts to may be a multiple of a class, or generators may together miss half of them. The
    periods of a basis around all loops span Z^k; those of the given ones span a lattice, in whose basis they are written.

    Args:
        cocycles: (k, e) integer values.
        graph: edges.

    Returns:
        (k, e) integer values; None where the given classes are dependent.
    """
    i, j = graph.ends.T
    steps = np.zeros((len(cocycles), graph.size, graph.size), dtype=int)
    steps[:, i, j] = cocycles
    steps[:, j, i] = -cocycles
    links = coo_matrix((np.ones(len(i)), (i, j)), shape=(graph.size, graph.size)).tocsr()
    heights = np.zeros((len(cocycles), graph.size), dtype=int)
    seen = np.zeros(graph.size, dtype=bool)
    while not seen.all():
        order, parent = breadth_first_order(links, int(seen.argmin()), directed=False)
        seen[order] = True
        for vertex in order[1:]:
            heights[:, vertex] = heights[:, parent[vertex]] + steps[:, parent[vertex], vertex]
    periods = cocycles + heights[:, i] - heights[:, j]
    basis = _integer_basis(periods.T)
    return None if basis is None else np.rint(np.linalg.solve(basis.T.astype(float), periods)).astype(int)


def _integer_basis(vectors: np.ndarray) -> np.ndarray | None:
    """Return rows (k, k) that are a basis of the lattice spanned by integer vectors (n, k); None where its rank is less."""
    rows = np.unique(vectors, axis=0)
    basis = []
    for column in range(vectors.shape[1]):
        while np.count_nonzero(rows[:, column]) > 1:
            active = np.flatnonzero(rows[:, column])
            least = active[np.abs(rows[active, column]).argmin()]
            pivot = rows[least].copy()
            rows = rows - (rows[:, column] // pivot[column])[:, None] * pivot
            rows[least] = pivot
            rows = np.unique(rows, axis=0)
        filled = np.flatnonzero(rows[:, column])
        if not len(filled):
            return None
        basis.append(rows[filled[0]])
        rows = np.delete(rows, filled[0], axis=0)
    return np.array(basis)


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


@dataclass(frozen=True)
class Circles:
    """Maps of the landmarks to circles.

    Attributes:
        scale: edges up to it are those of the graph.
        turns: (k, m, m) integer cocycles: how often edge i → j passes each circle's origin; 0 off the graph.
        potentials: (m, k) positions in turns, with potentials[j] − potentials[i] near turns[:, i, j] along every edge.
    """

    scale: float
    turns: np.ndarray
    potentials: np.ndarray


def find_circles(distances: np.ndarray, count: int, trusted: int | None = None) -> Circles | None:
    """Find maps to circles, as orthogonal as the lattice of classes allows.

    Args:
        distances: (m, m) self-tuned distances of landmarks.
        count: how many classes to use, most persistent first; fewer where fewer are alive at one scale.
        trusted: how many of them are taken for classes of the data and not of noise, all by default; others are used only
            where they go around all of the data, as a loop not yet filled does not.
    """
    trusted = count if trusted is None else min(trusted, count)
    for prime in PRIMES if count else ():
        diagram = persistence(distances, prime, 1, LONGEST_EDGE, cocycles=True)
        bars = diagram.bars[1]
        order = np.argsort(-bars[:, 1] / np.maximum(bars[:, 0], 1e-12), kind="stable")
        assert diagram.cocycles is not None  # as asked
        wide = [bar for bar in order[trusted:count] if _is_wide(diagram.cocycles[1][bar], bars[bar], prime, distances)]
        best = np.array([*order[:trusted], *wide], dtype=int)
        while len(best) and bars[best, 0].max() >= bars[best, 1].min():
            best = best[:-1]
        if not len(best):
            return None
        scale = _within(bars[best, 0].max(), bars[best, 1].min())
        graph = graph_at(distances, scale)
        lifts = [whole_lift(diagram.cocycles[1][bar], prime, graph) for bar in best]
        integral = [lift for lift in lifts if lift is not None]
        if len(integral) == len(lifts):
            cocycles = np.array(integral)
            whole = saturate(cocycles, graph)
            return _reduced(cocycles if whole is None else whole, graph, scale)
    return None


def _within(birth: float, death: float) -> float:
    return float(birth + 0.5 * (death - birth))


def _reduced(cocycles: np.ndarray, graph: Graph, scale: float) -> Circles:
    """Return the maps of integer cocycles (k, e), in a short basis of their lattice."""
    pairs = [harmonic_potential(cocycle, graph) for cocycle in cocycles]
    harmonic = np.array([form for _, form in pairs])
    change = reduce_lattice(harmonic @ harmonic.T)
    turns = np.zeros((len(change), graph.size, graph.size), dtype=int)
    i, j = graph.ends.T
    turns[:, i, j] = change @ cocycles
    potentials = change @ np.array([potential for potential, _ in pairs])
    return Circles(scale, turns - turns.transpose(0, 2, 1), potentials.T)


def _is_wide(cocycle: np.ndarray, bar: np.ndarray, prime: int, distances: np.ndarray) -> bool:
    """Whether the harmonic form of a class has its energy spread over the data."""
    graph = graph_at(distances, _within(*bar))
    values = whole_lift(cocycle, prime, graph)
    if values is None:
        return False
    energy = harmonic_potential(values, graph)[1] ** 2
    return bool(energy.sum() ** 2 >= WIDE * len(energy) * (energy**2).sum())


def landmark_angles(landmarks: Landmarks, count: int) -> np.ndarray:
    """Return circular coordinates of the landmarks, as orthogonal as the lattice of classes allows.

    Args:
        landmarks: landmarks with self-tuned distances.
        count: how many classes to use, most persistent first.

    Returns:
        Angles (m, k) in radians, k ≤ count: fewer where there are fewer classes alive at one scale.
    """
    found = find_circles(landmarks.distances, count)
    if found is None:
        return np.zeros((len(landmarks.distances), 0))
    return 2 * np.pi * (found.potentials % 1.0)


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
