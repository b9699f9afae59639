"""Ranks, subspaces and cup forms, against counts over all vectors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from topovae.errors import ResourceError
from topovae.homology.spaces.forms import MAX_CLASSES, CupForm, Span, describe_form, rank


@pytest.mark.parametrize("seed", range(5))
def test_a_span_holds_the_sums_of_its_vectors_alone(seed: int) -> None:
    vectors = np.random.default_rng(seed).integers(1, 2**6, size=4).tolist()
    span = Span(vectors)
    sums = {0}
    for vector in vectors:
        sums |= {vector ^ total for total in sums}
    assert 2 ** len(span) == len(sums)
    assert {vector for vector in range(2**6) if span.reduce(vector) == 0} == sums
    classes = [span.reduce(vector) for vector in range(2**6)]
    assert len(set(classes)) * len(sums) == 2**6
    assert all((classes[a] == classes[b]) == (a ^ b in sums) for a, b in itertools.product(range(2**6), repeat=2))
    assert [span.add(vector) for vector in vectors] == [False] * 4
    assert span.add(next(v for v in range(2**6) if v not in sums)) is True


@pytest.mark.parametrize("prime", [2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_a_rank_is_the_logarithm_of_the_number_of_sums(seed: int, prime: int) -> None:
    matrix = np.random.default_rng(seed).integers(-3, 4, size=(4, 3))
    sums = {tuple((matrix @ c % prime).tolist()) for c in itertools.product(range(prime), repeat=3)}
    columns = [dict(enumerate(column)) for column in matrix.T.tolist()]
    assert prime ** rank(columns, prime) == len(sums)


def counted(table: list[list[int]]) -> CupForm:
    """The definition, class by class."""
    k = len(table)
    classes = [c for c in itertools.product((0, 1), repeat=k) if any(c)]

    def cup(x: tuple[int, ...], y: tuple[int, ...]) -> int:
        total = 0
        for i, j in itertools.product(range(k), repeat=2):
            total ^= table[i][j] if x[i] and y[j] else 0
        return total

    products = {0}
    for row in table:
        for value in row:
            products |= {value ^ total for total in products}
    pairs = sum(cup(x, y) != 0 for x, y in itertools.combinations(classes, 2))
    return CupForm(k, len(products).bit_length() - 1, sum(cup(x, x) != 0 for x in classes), pairs)


@pytest.mark.parametrize("seed", range(6))
def test_a_form_is_described_by_counts_over_all_classes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 5))
    values = rng.integers(0, 4, size=(k, k))
    table = np.triu(values) + np.triu(values, 1).T
    assert describe_form(table.tolist()) == counted(table.tolist())


def test_forms_of_surfaces() -> None:
    torus, klein, plane = describe_form([[0, 1], [1, 0]]), describe_form([[0, 1], [1, 1]]), describe_form([[1]])
    assert torus == CupForm(2, 1, 0, 3) and torus.alternating
    assert klein == CupForm(2, 1, 2, 2) and not klein.alternating
    assert plane == CupForm(1, 1, 1, 0)
    assert describe_form([]) == CupForm(0, 0, 0, 0)


def test_too_many_classes_are_refused() -> None:
    assert describe_form([[0] * MAX_CLASSES] * MAX_CLASSES).classes == MAX_CLASSES
    with pytest.raises(ResourceError, match=f"{MAX_CLASSES + 1} classes"):
        describe_form([[0] * (MAX_CLASSES + 1)] * (MAX_CLASSES + 1))
