"""Vectors over prime fields, and the description of a cup form by numbers that depend on no basis."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from topovae.errors import ResourceError

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
