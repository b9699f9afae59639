"""Finite complexes over prime fields: Betti numbers, cup products, and the description of a cup form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from topovae.homology.spaces.forms import Span, rank

Chain = tuple[tuple[int, int], ...]
"""Cells with their integer coefficients."""


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
