"""The graph of landmarks at one scale, and cochains of degree 1 on it: integer lifts, harmonic forms, lattices of classes.

References:
    de Silva, Morozov and Vejdemo-Johansson (2011), Persistent cohomology and circular coordinates, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import breadth_first_order
from scipy.sparse.linalg import lsqr

from topovae.homology.calibration import tuned

EDGE_DECAY = tuned("edge_decay")

MULTIPLES = (1, 2, 3)
"""The generator that persistence gives may be a class over the integers divided by one of these: tried in turn, not tuned."""


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
    """Return the graph of edges up to `scale`, weighted by exp(−(`EDGE_DECAY` d/scale)²).

    Args:
        distances: (m, m) distance matrix.
    """
    ends = np.argwhere(np.triu(distances <= scale, 1))
    lengths = distances[ends[:, 0], ends[:, 1]]
    return Graph(len(distances), ends, np.exp(-((EDGE_DECAY * lengths / scale) ** 2)))


def list_triangles(near: np.ndarray) -> np.ndarray:
    """Return the triangles (t, 3), i < j < k, of the upper triangle (m, m) of an adjacency matrix."""
    found = []
    for i in range(len(near)):
        star = np.flatnonzero(near[i])
        j, k = (star[end] for end in np.nonzero(near[np.ix_(star, star)]))
        found.append(np.column_stack([np.full(len(j), i), j, k]))
    return np.concatenate(found)


def mod_two_matrix(cocycle: np.ndarray, size: int) -> np.ndarray:
    """Return the symmetric bool matrix (size, size) of a cocycle over Z/2, rows (c, 3) of ends and values."""
    matrix = np.zeros((size, size), dtype=bool)
    i, j, value = cocycle.T
    matrix[i, j] = matrix[j, i] = value % 2 == 1
    return matrix


def double_cover(distances: np.ndarray, edges: np.ndarray, crosses: np.ndarray) -> csr_matrix:
    """Return the double cover of a graph, as the lengths (2m, 2m) of its edges.

    Vertices are (i, ±), at i and i + m; an edge i – j has two above it, which change sheets where it crosses.

    Args:
        distances: (m, m) lengths.
        edges: (m, m) which edges there are, from the entries above the diagonal.
        crosses: (m, m) bool, where the sheets change.
    """
    m = len(distances)
    i, j = np.nonzero(np.triu(edges, 1))
    across = crosses[i, j]
    low, high = np.concatenate([i, i + m]), np.concatenate([j + m * across, j + m * ~across])
    places = (np.minimum(low, high), np.maximum(low, high))
    half = coo_matrix((np.tile(distances[i, j], 2), places), shape=(2 * m, 2 * m)).tocsr()
    return (half + half.T).tocsr()


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
    around = periods(cocycles, graph)
    basis = _integer_basis(around.T)
    return None if basis is None else np.rint(np.linalg.solve(basis.T.astype(float), around)).astype(int)


def periods(cocycles: np.ndarray, graph: Graph) -> np.ndarray:
    """Return the values (k, e) of integer cocycles (k, e) around the loop that each edge closes with a spanning forest."""
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
    return np.asarray(cocycles + heights[:, i] - heights[:, j])


def lattice_index(vectors: np.ndarray) -> int | None:
    """Return the index in Z^k of the lattice spanned by integer vectors (n, k); None where its rank is less."""
    basis = _integer_basis(vectors)
    return None if basis is None else round(abs(float(np.linalg.det(basis))))


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
