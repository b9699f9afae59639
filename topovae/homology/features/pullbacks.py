"""Cohomology classes of the data on landmarks, as yardsticks for maps to other spaces.

A map f to a space M pulls a class of M back to one of the data. On landmarks the pulled-back class is a cochain: how far f
moves along each edge. Its coefficients in the data's own classes are found by projection onto harmonic cocycles where they are
whole numbers, and by removing a gauge where they are mod 2.

References:
    de Silva, Morozov and Vejdemo-Johansson (2011), Persistent cohomology and circular coordinates, section 2.
    Singer (2011), Angular synchronization by eigenvectors and semidefinite programming, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.sparse.linalg import eigsh, lsqr

from topovae.homology.calibration import tuned
from topovae.homology.complexes.bars import bar_ratios, by_ratio
from topovae.homology.complexes.graph import Graph, graph_at, harmonic_potential, integer_lift, list_triangles
from topovae.homology.complexes.rips import persistence
from topovae.homology.features.circles import PRIMES
from topovae.homology.features.double_covers import Classes

EARLY = tuned("pullback_early")
"""Early, as short edges are moved least by a bad landmark."""

FINEST, MARGIN = tuned("finest_edge"), tuned("finest_margin")

MOST_TRIANGLES = 40_000


@dataclass(frozen=True)
class FreeClasses:
    """Classes of degree 1 over the integers, by their harmonic cocycles on the landmarks' graph.

    Attributes:
        graph: edges at a scale at which all classes live.
        forms: (k, e) harmonic cocycles, multiplied by the roots of the edges' weights.
    """

    graph: Graph
    forms: np.ndarray

    def coefficients(self, cochains: np.ndarray) -> np.ndarray:
        """Return the coefficients (r, k) of the classes of cocycles (r, e), in turns along each edge i → j."""
        weighted = np.sqrt(self.graph.weights) * cochains
        return np.linalg.solve(self.forms @ self.forms.T, self.forms @ weighted.T).T


def early_scale(birth: float, death: float) -> float:
    """Return a scale early in the life of a class."""
    return birth * (death / birth) ** EARLY


def free_classes(distances: np.ndarray, count: int, longest_edge: float) -> FreeClasses | None:
    """Return the `count` most persistent classes; None where they are not alive at one scale or have no integer lift.

    Args:
        distances: (m, m) self-tuned distances of landmarks.
        count: number of classes, at least 1.
        longest_edge: cap of the filtration.
    """
    for prime in PRIMES:
        diagram = persistence(distances, prime, 1, longest_edge, cocycles=True)
        bars = diagram.bars[1]
        best = by_ratio(bars)[:count]
        if len(best) < count or diagram.cocycles is None or bars[best, 0].max() >= bars[best, 1].min():
            return None
        graph = graph_at(distances, early_scale(bars[best, 0].max(), bars[best, 1].min()))
        lifts = [integer_lift(diagram.cocycles[1][bar], prime, graph) for bar in best]
        integral = [lift for lift in lifts if lift is not None]
        if len(integral) == count:
            return FreeClasses(graph, np.array([harmonic_potential(lift, graph)[1] for lift in integral]))
    return None


def connected_graph(distances: np.ndarray) -> Graph:
    """Return about the finest graph of landmarks that holds together.

    Args:
        distances: (m, m) self-tuned distances.
    """
    tree = minimum_spanning_tree(csr_matrix(distances))
    return graph_at(distances, max(FINEST, MARGIN * float(tree.data.max())))


def exactness(graph: Graph, cochains: np.ndarray) -> tuple[float, tuple[int, ...]]:
    """Return the least share of a small combination of cochains that is no difference of a function, and that combination.

    The share is near 0 where the combination's class vanishes, whichever classes the graph has.

    Args:
        graph: edges and weights.
        cochains: (k, e) in turns along the edges.
    """
    root = np.sqrt(graph.weights)
    rest = np.array([harmonic_potential(cochain, graph)[1] for cochain in cochains])
    found = []
    for chosen in product((0, 1, -1), repeat=len(cochains)):
        if next((c for c in chosen if c), -1) > 0:
            whole = float(((np.array(chosen) @ cochains * root) ** 2).sum())
            found.append((float(((np.array(chosen) @ rest) ** 2).sum()) / max(whole, 1e-300), chosen))
    return min(found)


@dataclass(frozen=True)
class SurfaceClass:
    """A class of degree 2, by its harmonic cocycle on the triangles of the landmarks.

    Attributes:
        triangles: (t, 3) landmarks i < j < k.
        form: (t,) harmonic cocycle.
    """

    triangles: np.ndarray
    form: np.ndarray

    def coefficient(self, cochain: np.ndarray) -> float:
        """Return the coefficient of the class of a cocycle (t,)."""
        return float(self.form @ cochain / (self.form @ self.form))


def surface_class(distances: np.ndarray, longest_edge: float) -> SurfaceClass | None:
    """Return the most persistent class of degree 2 with the harmonic cocycle of least norm; None where there is none.

    Args:
        distances: (m, m) self-tuned distances of landmarks.
        longest_edge: cap of the filtration.
    """
    prime = PRIMES[0]
    diagram = persistence(distances, prime, 2, longest_edge, cocycles=True)
    bars = diagram.bars[2]
    if not len(bars) or diagram.cocycles is None:
        return None
    best = int(bar_ratios(bars).argmax())
    birth, death = bars[best]
    near = np.triu(distances <= early_scale(birth, death), 1)
    triangles = list_triangles(near)
    if not 0 < len(triangles) <= MOST_TRIANGLES:
        return None
    cocycle = _values(diagram.cocycles[2][best], prime, triangles, len(distances))
    delta = _coboundary(near, triangles)
    potential = lsqr(delta, cocycle, atol=1e-9, btol=1e-9, iter_lim=2000)[0]
    return SurfaceClass(triangles, cocycle - delta @ potential)


def _values(cocycle: np.ndarray, prime: int, triangles: np.ndarray, size: int) -> np.ndarray:
    """Return the values (t,) on triangles of a cocycle (c, 4), whose rows are vertices and a number mod prime."""
    order = np.argsort(cocycle[:, :3], axis=1)
    vertices = np.take_along_axis(cocycle[:, :3], order, 1).astype(np.int64)
    odd = np.linalg.det(np.eye(3)[order]) < 0
    value = np.where(cocycle[:, 3] > prime // 2, cocycle[:, 3] - prime, cocycle[:, 3])
    value = np.where(odd, -value, value)
    known = {_key(vertex, size): number for vertex, number in zip(vertices, value.tolist(), strict=True)}
    return np.array([known.get(_key(triangle, size), 0) for triangle in triangles.astype(np.int64)], dtype=float)


def _key(vertices: np.ndarray, size: int) -> int:
    return int((vertices[0] * size + vertices[1]) * size + vertices[2])


def _coboundary(near: np.ndarray, triangles: np.ndarray) -> csr_matrix:
    """Return δ: functions on edges (e,) → on triangles (t,)."""
    number = np.full(near.shape, -1)
    number[near] = np.arange(int(near.sum()))
    i, j, k = triangles.T
    edges = np.concatenate([number[j, k], number[i, k], number[i, j]])
    signs = np.repeat([1.0, -1.0, 1.0], len(triangles))
    rows = np.tile(np.arange(len(triangles)), 3)
    return coo_matrix((signs, (rows, edges)), shape=(len(triangles), int(near.sum()))).tocsr()


@dataclass(frozen=True)
class ModTwoMatch:
    """A class mod 2 in terms of the data's.

    Attributes:
        combination: coefficients of the data's classes that fit best.
        frustration: share of the edges on which the two still differ.
        rival: that share for the next best coefficients.
    """

    combination: tuple[int, ...]
    frustration: float
    rival: float


def mod_two_graph(classes: Classes) -> Graph:
    """Return the graph of the landmarks early in the life of classes mod 2."""
    return graph_at(classes.distances, early_scale(classes.birth, classes.death))


def match_mod_two(classes: Classes, graph: Graph, cochain: np.ndarray) -> ModTwoMatch:
    """Find the sum of the data's classes that a cocycle mod 2 differs from by a coboundary on the most edges.

    Args:
        classes: classes on the landmarks.
        graph: `mod_two_graph` of them.
        cochain: (e,) bool.
    """
    i, j = graph.ends.T
    own = classes.cocycles[:, i, j]
    found = []
    for chosen in product((0, 1), repeat=len(own)):
        total = np.logical_xor.reduce(own[np.array(chosen, dtype=bool)]) if any(chosen) else np.zeros(len(i), dtype=bool)
        found.append((frustration(graph, cochain ^ total), chosen))
    found.sort()
    return ModTwoMatch(found[0][1], found[0][0], found[1][0])


def frustration(graph: Graph, cochain: np.ndarray) -> float:
    """Return the share of weighted edges on which a cochain mod 2 (e,) is no coboundary, after the best gauge found.

    The gauge starts at the signs of the leading eigenvector and each vertex then follows its neighbours.
    """
    i, j = graph.ends.T
    signed = np.where(cochain, -graph.weights, graph.weights)
    half = coo_matrix((signed, (i, j)), shape=(graph.size, graph.size)).tocsr()
    adjacency = half + half.T
    start = np.random.default_rng(0).normal(size=graph.size)
    _, vector = eigsh(adjacency, k=1, which="LA", v0=start)
    sign = np.where(vector[:, 0] < 0, -1.0, 1.0)
    for _ in range(20):
        turned = np.where(adjacency @ sign < 0, -1.0, 1.0)
        if np.array_equal(turned, sign):
            break
        sign = turned
    return float(graph.weights[signed * sign[i] * sign[j] < 0].sum() / graph.weights.sum())
