"""Cup products of classes over Z/2 on the triangles of a complex of landmarks."""

from __future__ import annotations

import numpy as np

from topovae.errors import InputError


def cup_products(n_edges: int, triangles: np.ndarray, cocycles: np.ndarray) -> np.ndarray:
    """Decide which cup products of classes of degree 1 over Z/2 are not zero.

    x ∪ y on a triangle is x(e01) · y(e12); it vanishes in cohomology if it is the coboundary of some edges.

    Args:
        n_edges: number of edges; quickest when they are numbered by length.
        triangles: (t, 3) numbers of the edges (e01, e12, e02) of each triangle, its vertices 0, 1, 2 in one order
            that all triangles share.
        cocycles: (k, n_edges) values in {0, 1} of k cocycles; zero on every triangle.

    Returns:
        Symmetric (k, k) bool array.

    Raises:
        InputError: an edge number is out of range, the shapes disagree, or a row is not a cocycle.
    """
    triangles, cocycles = _checked(n_edges, triangles, cocycles)
    k = len(cocycles)
    pairs = [(i, j) for i in range(k) for j in range(i, k)]
    front, back = cocycles[:, triangles[:, 0]], cocycles[:, triangles[:, 1]]
    cochains = np.array([front[i] & back[j] for i, j in pairs], bool).reshape(len(pairs), len(triangles))
    found = np.zeros((k, k), bool)
    for (i, j), residue in zip(pairs, coboundary_residues(n_edges, triangles, cochains), strict=True):
        found[i, j] = found[j, i] = residue.any()
    return found


def _checked(n_edges: int, triangles: np.ndarray, cocycles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    triangles = np.asarray(triangles, np.int64).reshape(-1, 3)
    cocycles = np.asarray(cocycles).astype(bool)
    if cocycles.ndim != 2 or cocycles.shape[1] != n_edges:
        raise InputError(f"cocycles of shape {cocycles.shape} for {n_edges} edges; expected one value for each edge")
    if len(triangles) and not (triangles.min() >= 0 and triangles.max() < n_edges):
        raise InputError(f"edge numbers {triangles.min()} to {triangles.max()}; expected 0 to {n_edges - 1}")
    wrong = np.bitwise_xor.reduce(cocycles[:, triangles], axis=2).any(axis=1)
    if wrong.any():
        raise InputError(
            f"rows {np.flatnonzero(wrong).tolist()} are not cocycles: their sum around some triangle is odd. "
            "Leave out the triangles born after the classes die."
        )
    return triangles, cocycles


def coboundary_residues(n_edges: int, triangles: np.ndarray, cochains: np.ndarray) -> np.ndarray:
    """Return each 2-cochain over Z/2 modulo coboundaries, the same for equal classes.

    A triangle's longest edge is that of the highest number. The first triangle whose longest edge is e is met by
    the coboundary of no higher edge, so these coboundaries eliminate without being reduced first (the apparent
    pairs of persistent cohomology); the few other edges are eliminated as packed bits.

    Args:
        n_edges: number of edges.
        triangles: (t, 3) numbers of the edges of each triangle.
        cochains: (m, t) bool.

    Returns:
        (m, t) bool; a row is zero exactly where the cochain is a coboundary.

    References:
        Bauer, Ripser: efficient computation of Vietoris–Rips persistence barcodes, 2021, section 3.5.
    """
    edges, odd = _odd_incidences(triangles)
    longest = np.where(odd, edges, -1).max(axis=1, initial=-1)
    order = np.argsort(longest, kind="stable")
    edges, odd, longest = edges[order], odd[order], longest[order]
    starts, cofaces = _cofaces(n_edges, edges, odd)
    born, first = np.unique(longest, return_index=True)
    pivots = {int(e): int(t) for e, t in zip(born, first, strict=True) if e >= 0}
    rest = [e for e in range(n_edges) if e not in pivots and starts[e] < starts[e + 1]]
    bits = np.zeros((len(triangles), len(rest) + len(cochains)), bool)
    for column, e in enumerate(rest):
        bits[cofaces[starts[e] : starts[e + 1]], column] = True
    bits[:, len(rest) :] = cochains.T[order]
    words = _packed(bits)
    for e, t in pivots.items():
        value = words[t].copy()
        if value.any():
            words[cofaces[starts[e] : starts[e + 1]]] ^= value
    rows = np.unpackbits(words.view(np.uint8), axis=1, count=bits.shape[1], bitorder="little").T
    residues = np.empty((len(cochains), len(triangles)), bool)
    residues[:, order] = _eliminated(rows[: len(rest)], rows[len(rest) :])
    return residues


def _odd_incidences(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted edges (t, 3) of each triangle and which of them count once, pairs of equal ones cancelled."""
    edges = np.sort(np.asarray(triangles, np.int64).reshape(-1, 3), axis=1)
    odd = np.ones(edges.shape, bool)
    lower, upper = edges[:, 0] == edges[:, 1], edges[:, 1] == edges[:, 2]
    odd[lower, :2] = False
    odd[upper & ~lower, 1:] = False
    return edges, odd


def _cofaces(n_edges: int, edges: np.ndarray, odd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the triangles at each edge, one after the other, and where each edge's begin."""
    triangle, slot = np.nonzero(odd)
    edge = edges[triangle, slot]
    counts = np.bincount(edge, minlength=n_edges)
    return np.concatenate([[0], np.cumsum(counts)]), triangle[np.argsort(edge, kind="stable")]


def _packed(bits: np.ndarray) -> np.ndarray:
    """Return bool (t, c) as words (t, ⌈c/64⌉) of 64 bits."""
    packed = np.packbits(bits, axis=1, bitorder="little")
    filled = np.zeros((len(bits), -(-packed.shape[1] // 8) * 8), np.uint8)
    filled[:, : packed.shape[1]] = packed
    return filled.view(np.uint64)


def _eliminated(generators: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return bits (m, t) modulo the span of the generators (r, t)."""
    rows = _packed(np.concatenate([generators, vectors]))
    r = len(generators)
    for i in range(r):
        words = np.flatnonzero(rows[i])
        if len(words) == 0:
            continue
        word = words[0]
        lowest = rows[i, word] & (~rows[i, word] + np.uint64(1))
        hit = i + 1 + np.flatnonzero(rows[i + 1 :, word] & lowest)
        rows[hit] ^= rows[i]
    count = generators.shape[1]
    return np.unpackbits(rows[r:].view(np.uint8), axis=1, count=count, bitorder="little").astype(bool)
