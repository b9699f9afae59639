"""Boundaries and diagonals of the cells pass to products and quotients."""

from __future__ import annotations

import random

import pytest

from topovae.errors import ResourceError
from topovae.homology.spaces.chains import CellComplex
from topovae.homology.spaces.invariants import betti_by_cells, labelled_quotient
from topovae.signature import parse

EXPRESSIONS = ("S1", "S3", "RP4", "klein", "T3", "kleinxmobius", "SO3xS1", "S2xS1", "(T2xS2)/<rot(1/6),flip,anti>")


@pytest.fixture(params=EXPRESSIONS)
def cells(request: pytest.FixtureRequest) -> CellComplex:
    return labelled_quotient(parse(request.param)).complex


def coboundary(cells: CellComplex, cochain: int) -> int:
    total = 0
    for cell, cofaces in enumerate(cells.coboundary):
        total ^= cofaces if cochain >> cell & 1 else 0
    return total


def test_a_boundary_has_no_boundary(cells: CellComplex) -> None:
    for chain in cells.boundary:
        total: dict[int, int] = {}
        for face, sign in chain:
            for corner, other in cells.boundary[face]:
                total[corner] = total.get(corner, 0) + sign * other
        assert not any(total.values())


def test_the_cup_product_obeys_leibniz(cells: CellComplex) -> None:
    rng = random.Random(0)
    for degrees in [(i, j) for i in range(len(cells.cells)) for j in range(len(cells.cells))]:
        x, y = (sum(rng.getrandbits(1) << cell for cell in cells.cells[degree]) for degree in degrees)
        expected = cells.cup(coboundary(cells, x), y) ^ cells.cup(x, coboundary(cells, y))
        assert coboundary(cells, cells.cup(x, y)) == expected


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_labels_make_cocycles(expression: str) -> None:
    quotient = labelled_quotient(parse(expression))
    assert not any(coboundary(quotient.complex, x) for x in quotient.cocycles)
    assert len(quotient.cocycles) == len((*quotient.complex.cohomology, ())[1])


def test_too_many_cells_are_refused() -> None:
    with pytest.raises(ResourceError, match="cells"):
        betti_by_cells(parse("T20"), 2)
