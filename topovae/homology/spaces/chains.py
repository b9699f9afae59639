"""Finite complexes over prime fields: Betti numbers, cup products, and the description of a cup form."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from topovae.errors import InputError, ResourceError

Chain = tuple[tuple[int, int], ...]
"""Cells with their integer coefficients."""

MAX_CLASSES = 10
"""A cup form of more classes than this is not described: the counts go over pairs of 2^classes."""


class Span:
    """A subspace over F_2 whose vectors are the bits of integers."""

    def __init__(self, vectors: Iterable[int] = ()) -> None:
        self.basis: dict[int, int] = {}
        self._tops: list[int] = []
        for vector in vectors:
            self.add(vector)

    def __len__(self) -> int:
        return len(self.basis)

    def reduce(self, vector: int) -> int:
        """Return the representative of `vector` modulo the subspace, the same for equal classes."""
        for top in reversed(self._tops):
            if vector >> top & 1:
                vector ^= self.basis[top]
        return vector

    def add(self, vector: int) -> bool:
        """Enlarge the subspace by a vector; return whether it was outside."""
        rest = self.reduce(vector)
        if rest:
            top = rest.bit_length() - 1
            self.basis[top] = rest
            insort(self._tops, top)
        return bool(rest)


def rank(columns: Iterable[dict[int, int]], prime: int) -> int:
    """Return the rank over F_prime of sparse columns {row: entry}."""
    pivots: dict[int, dict[int, int]] = {}
    for entries in columns:
        column = {row: value % prime for row, value in entries.items() if value % prime}
        while column and (top := max(column)) in pivots:
            scale = column[top]
            for row, value in pivots[top].items():
                column[row] = (column.get(row, 0) - scale * value) % prime
                if not column[row]:
                    del column[row]
        if column:
            inverse = pow(column[top], -1, prime)
            pivots[top] = {row: value * inverse % prime for row, value in column.items()}
    return len(pivots)


@dataclass(frozen=True)
class CellComplex:
    """A finite cell complex with a diagonal approximation mod 2, which makes its cohomology a ring.

    Attributes:
        dims: dimension of each cell.
        boundary: for each cell the cells of its boundary with integer coefficients.
        diagonal: for each cell the pairs (front, back) of cells whose tensor products add to its diagonal mod 2.
    """

    dims: tuple[int, ...]
    boundary: tuple[Chain, ...]
    diagonal: tuple[tuple[tuple[int, int], ...], ...]

    @cached_property
    def cells(self) -> tuple[tuple[int, ...], ...]:
        """The cells of each dimension."""
        return tuple(tuple(c for c, d in enumerate(self.dims) if d == k) for k in range(max(self.dims) + 1))

    def betti_numbers(self, prime: int) -> tuple[int, ...]:
        """Return the Betti numbers over F_prime, degrees 0 to the dimension of the complex."""
        ranks = [rank((_collected(self.boundary[c]) for c in cells), prime) for cells in self.cells] + [0]
        return tuple(len(cells) - ranks[k] - ranks[k + 1] for k, cells in enumerate(self.cells))

    @cached_property
    def coboundary(self) -> tuple[int, ...]:
        """For each cell the cells (bits) in whose boundary it is an odd number of times."""
        cofaces = [0] * len(self.dims)
        for cell, chain in enumerate(self.boundary):
            for face, coefficient in chain:
                cofaces[face] ^= (coefficient & 1) << cell
        return tuple(cofaces)

    @cached_property
    def coboundaries(self) -> tuple[Span, ...]:
        """The cochains mod 2 (bits: cells) of each degree that are coboundaries."""
        lower = [(), *self.cells[:-1]]
        return tuple(Span(self.coboundary[c] for c in cells) for cells in lower)

    @cached_property
    def cohomology(self) -> tuple[tuple[int, ...], ...]:
        """Cocycles mod 2 of each degree whose classes are a basis of the cohomology."""
        return tuple(self._cohomology(k) for k in range(len(self.cells)))

    def _cohomology(self, degree: int) -> tuple[int, ...]:
        width = len(self.dims)
        images, chosen = Span(), Span(self.coboundaries[degree].basis.values())
        classes = []
        for cell in self.cells[degree]:
            reduced = images.reduce(self.coboundary[cell] << width | 1 << cell)
            if reduced >> width:
                images.add(reduced)
            elif chosen.add(reduced):
                classes.append(reduced)
        return tuple(classes)

    def cup(self, x: int, y: int) -> int:
        """Return the cup product mod 2 of two cochains (bits: cells)."""
        product = 0
        for cell, terms in enumerate(self.diagonal):
            parity = sum(x >> front & y >> back & 1 for front, back in terms) & 1
            product |= parity << cell
        return product

    def cup_class(self, x: int, y: int) -> int:
        """Return the cup product mod 2 of two 1-cocycles modulo coboundaries, zero where it vanishes in H^2."""
        return self.coboundaries[2].reduce(self.cup(x, y)) if len(self.cells) > 2 else 0

    def cup_length(self) -> int:
        """Return the largest number of classes mod 2 of positive degree whose cup product is not zero."""
        factors = [(k, x) for k, classes in enumerate(self.cohomology) if k for x in classes]
        products, length = factors, 0
        while products:
            length += 1
            products = self._multiplied(products, factors)
        return length

    def _multiplied(self, products: list[tuple[int, int]], factors: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return a basis of the span of all products of two lists of (degree, cocycle), modulo coboundaries."""
        spans = [Span(exact.basis.values()) for exact in self.coboundaries]
        top = len(spans) - 1
        pairs = ((i + j, self.cup(x, y)) for i, x in products for j, y in factors if i + j <= top)
        return [(degree, z) for degree, z in pairs if spans[degree].add(z)]


def _collected(chain: Chain) -> dict[int, int]:
    column: dict[int, int] = {}
    for cell, coefficient in chain:
        column[cell] = column.get(cell, 0) + coefficient
    return column


@dataclass(frozen=True, order=True)
class CupForm:
    """The form H^1 × H^1 → H^2 over Z/2, by numbers that depend on no basis.

    Attributes:
        classes: dimension of H^1.
        products: dimension of the span of all products x ∪ y in H^2.
        squares: number of classes x with x ∪ x ≠ 0.
        pairs: number of unordered pairs of distinct non-zero classes x, y with x ∪ y ≠ 0.
    """

    classes: int
    products: int
    squares: int
    pairs: int

    @property
    def alternating(self) -> bool:
        """Whether every x ∪ x vanishes, as it does on an orientable surface."""
        return self.squares == 0

    def to_dict(self) -> dict[str, object]:
        return {
            "classes": self.classes,
            "products": self.products,
            "squares": self.squares,
            "pairs": self.pairs,
            "alternating": self.alternating,
        }


def describe_form(table: Sequence[Sequence[int]]) -> CupForm:
    """Return the description of a symmetric form from its values on a basis.

    Args:
        table: the value of each pair of basis classes, a vector over F_2 as the bits of an integer, zero only
            where the product vanishes.

    Raises:
        ResourceError: there are more than `MAX_CLASSES` classes.
    """
    k = len(table)
    if k > MAX_CLASSES:
        raise ResourceError(
            f"{k} classes of degree 1: a cup form is described for {MAX_CLASSES} at most. Give the longest bars only."
        )
    squares = pairs = 0
    for x in range(1, 1 << k):
        values = _combinations([_sum(table[i][j] for i in range(k) if x >> i & 1) for j in range(k)])
        squares += values[x] != 0
        pairs += sum(value != 0 for value in values[x + 1 :])
    return CupForm(k, len(Span(value for row in table for value in row)), squares, pairs)


def _sum(vectors: Iterable[int]) -> int:
    total = 0
    for vector in vectors:
        total ^= vector
    return total


def _combinations(vectors: Sequence[int]) -> list[int]:
    """Return the sums of all subsets; bit i of the index tells whether vector i is in it."""
    sums = [0]
    for vector in vectors:
        sums += [vector ^ total for total in sums]
    return sums


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
    table, k = _product_vectors(n_edges, triangles, cocycles), len(cocycles)
    return np.array([[bool(value) for value in row] for row in table], bool).reshape(k, k)


def cup_form(n_edges: int, triangles: np.ndarray, cocycles: np.ndarray) -> CupForm:
    """Return the description of the cup form of cocycles whose classes are independent.

    Args and errors are those of `cup_products`.
    """
    return describe_form(_product_vectors(n_edges, triangles, cocycles))


def _product_vectors(n_edges: int, triangles: np.ndarray, cocycles: np.ndarray) -> list[list[int]]:
    """Return the table of x_i ∪ x_j modulo coboundaries, short vectors as the bits of integers."""
    triangles, cocycles = _checked(n_edges, triangles, cocycles)
    k = len(cocycles)
    pairs = [(i, j) for i in range(k) for j in range(i, k)]
    front, back = cocycles[:, triangles[:, 0]], cocycles[:, triangles[:, 1]]
    cochains = np.array([front[i] & back[j] for i, j in pairs], bool).reshape(len(pairs), len(triangles))
    residues = coboundary_residues(n_edges, triangles, cochains)
    vectors = _coordinates([int.from_bytes(row.tobytes(), "little") for row in np.packbits(residues, axis=1)])
    value = dict(zip(pairs, vectors, strict=True))
    return [[value[min(i, j), max(i, j)] for j in range(k)] for i in range(k)]


def _coordinates(vectors: Sequence[int]) -> list[int]:
    """Return the vectors in coordinates of a basis of their span."""
    span = Span(vectors)
    tops = sorted(span.basis, reverse=True)
    found = []
    for vector in vectors:
        coordinates = 0
        for bit, top in enumerate(tops):
            if vector >> top & 1:
                vector ^= span.basis[top]
                coordinates |= 1 << bit
        found.append(coordinates)
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
