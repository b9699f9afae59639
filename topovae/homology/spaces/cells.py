"""Equivariant cell complexes of the factors of a latent space, and the complex of their quotient.

Every factor is cut into cells that its isometries permute without signs, with a diagonal approximation mod 2 that they
respect, so that products and quotients by free actions inherit both. R^k and I shrink to their fixed midpoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import lcm, prod

from topovae.errors import ResourceError
from topovae.homology.spaces.chains import CellComplex, Chain
from topovae.signature import Element, Elementary, Isometry

MAX_CELLS = 1 << 16
"""A cover is cut into no more cells than this."""

Cell = tuple[int, ...]
"""A cell of a product: one cell of each factor."""


@dataclass(frozen=True)
class CircleCells:
    """A circle in `cuts` arcs; with reflections each arc is halved and its halves run to its midpoint.

    Cells 0 … n−1 are points and n … 2n−1 the arcs after them.
    """

    cuts: int
    reflected: bool

    @property
    def points(self) -> int:
        return self.cuts * (2 if self.reflected else 1)

    @property
    def dims(self) -> tuple[int, ...]:
        return (0,) * self.points + (1,) * self.points

    def _ends(self, arc: int) -> tuple[int, int]:
        """Return where an arc starts and ends; a reflection keeps that sense."""
        here, there = arc, (arc + 1) % self.points
        return (there, here) if self.reflected and arc % 2 else (here, there)

    def boundary(self, cell: int) -> Chain:
        if cell < self.points:
            return ()
        start, end = self._ends(cell - self.points)
        return ((end, 1), (start, -1))

    def diagonal(self, cell: int) -> tuple[tuple[int, int], ...]:
        if cell < self.points:
            return ((cell, cell),)
        start, end = self._ends(cell - self.points)
        return ((start, cell), (cell, end))

    def image(self, isometry: Isometry) -> tuple[int, ...]:
        """Return where each cell goes."""
        n, step = self.points, int(isometry.turn * self.points)
        points = [(isometry.sign * j + step) % n for j in range(n)]
        arcs = [(isometry.sign * j + step - (isometry.sign < 0)) % n + n for j in range(n)]
        return (*points, *arcs)


@dataclass(frozen=True)
class SphereCells:
    """S^d, d ≥ 2: a point and a d-cell, or two hemispheres of each dimension that the antipodal map swaps.

    Hemisphere s of dimension i is cell 2i + s; its diagonal is that of the standard resolution of Z/2.
    """

    dim: int
    antipodal: bool

    @property
    def dims(self) -> tuple[int, ...]:
        return tuple(i for i in range(self.dim + 1) for _ in range(2)) if self.antipodal else (0, self.dim)

    def boundary(self, cell: int) -> Chain:
        if not self.antipodal or cell < 2:
            return ()
        return ((cell - 2, 1), (cell - 2 ^ 1, (-1) ** (cell // 2)))

    def diagonal(self, cell: int) -> tuple[tuple[int, int], ...]:
        if not self.antipodal:
            return ((0, 0),) if cell == 0 else ((0, cell), (cell, 0))
        dim, side = divmod(cell, 2)
        return tuple((2 * i + side, 2 * (dim - i) + (side + i) % 2) for i in range(dim + 1))

    def image(self, isometry: Isometry) -> tuple[int, ...]:
        """Return where each cell goes."""
        swap = self.antipodal and isometry.sign < 0
        return tuple(cell ^ swap for cell in range(len(self.dims)))


FactorCells = CircleCells | SphereCells


def factor_cells(factor: Elementary, isometries: Sequence[Isometry]) -> FactorCells:
    """Return the cells of a closed factor on which the isometries act."""
    reflected = any(g.sign < 0 for g in isometries)
    if not factor.is_circle:
        return SphereCells(factor.dim, reflected)
    return CircleCells(lcm(*(g.turn.denominator for g in isometries)), reflected)


@dataclass(frozen=True)
class Quotient:
    """The cell complex of a quotient.

    Attributes:
        complex: its cells are the orbits.
        cocycles: one for each bit of the labels, bits over the cells: whether the path of an edge in the cover
            joins representatives whose labels differ.
    """

    complex: CellComplex
    cocycles: tuple[int, ...]


def quotient(factors: Sequence[Elementary], labels: Mapping[Element, int]) -> Quotient:
    """Return the cell complex of a product of closed factors modulo a group that acts freely.

    Args:
        factors: circles and spheres.
        labels: for each element of the group the value of a homomorphism to (Z/2)^k, as bits.

    Raises:
        ResourceError: there are more than `MAX_CELLS` cells.
    """
    models = [factor_cells(f, [g[i] for g in labels]) for i, f in enumerate(factors)]
    count = prod(len(m.dims) for m in models)
    if count > MAX_CELLS:
        raise ResourceError(
            f"a covering space of {count} cells, {MAX_CELLS} at most: this group turns its circles by too small "
            "angles, or there are too many factors. Use a simpler expression."
        )
    orbits, representatives = _orbits(models, labels)
    dims = tuple(sum(m.dims[c] for m, c in zip(models, cell, strict=True)) for cell in representatives)
    faces = [_boundary(models, cell) for cell in representatives]
    boundary = tuple(tuple((orbits[face][0], sign) for face, sign in chain) for chain in faces)
    diagonal = tuple(
        tuple((orbits[front][0], orbits[back][0]) for front, back in _diagonal(models, cell)) for cell in representatives
    )
    ends = ([orbits[face][1] for face, _ in chain] for chain in faces)
    crossings = [at[0] ^ at[1] if d == 1 else 0 for d, at in zip(dims, ends, strict=True)]
    bits = max(labels.values(), default=0).bit_length()
    cocycles = tuple(sum((label >> b & 1) << cell for cell, label in enumerate(crossings)) for b in range(bits))
    return Quotient(CellComplex(dims, boundary, diagonal), cocycles)


def _orbits(models: Sequence[FactorCells], labels: Mapping[Element, int]) -> tuple[dict[Cell, tuple[int, int]], list[Cell]]:
    """Return for each cell its orbit and the label of the element that leads there, and the orbits' representatives."""
    image = [lru_cache(maxsize=None)(m.image) for m in models]
    actions = [(tuple(move(g) for move, g in zip(image, element, strict=True)), label) for element, label in labels.items()]
    orbits: dict[Cell, tuple[int, int]] = {}
    representatives: list[Cell] = []
    for cell in product(*(range(len(m.dims)) for m in models)):
        if cell in orbits:
            continue
        for moves, label in actions:
            orbits[tuple(move[c] for move, c in zip(moves, cell, strict=True))] = (len(representatives), label)
        representatives.append(cell)
    return orbits, representatives


def _boundary(models: Sequence[FactorCells], cell: Cell) -> list[tuple[Cell, int]]:
    chain, sign = [], 1
    for i, model in enumerate(models):
        chain += [((*cell[:i], face, *cell[i + 1 :]), sign * coefficient) for face, coefficient in model.boundary(cell[i])]
        sign *= (-1) ** model.dims[cell[i]]
    return chain


def _diagonal(models: Sequence[FactorCells], cell: Cell) -> list[tuple[Cell, Cell]]:
    terms = product(*(m.diagonal(c) for m, c in zip(models, cell, strict=True)))
    return [(tuple(front for front, _ in term), tuple(back for _, back in term)) for term in terms]
